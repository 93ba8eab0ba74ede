"""The probe set: the examples on which outcomes are shown, a few first and the rest in groups.

The groups are drawn from all examples at random, once: what was seen after any number of them is a
random sample, whatever the order in which the examples came.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any, Final

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from weightdesk.desk.engine import Engine, Lane, open_engine
from weightdesk.desk.engine.forward import Forward
from weightdesk.desk.outcomes.examples import Examples, check_targets, find_examples
from weightdesk.desk.outcomes.gathered import Gathered
from weightdesk.desk.outcomes.judge import Judge, make_judge
from weightdesk.desk.outcomes.measures import Measure, Parts, estimated, exact, joined
from weightdesk.desk.outcomes.outcome import Outcome
from weightdesk.desk.outcomes.shown import Shown
from weightdesk.desk.state import State
from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.explain.loss import Loss

_SEED: Final = 0
_TOLERANCE: Final = 1e-3
_UNEVEN: Final = "no bounds of the loss before the end: over all examples it is not the mean or sum of theirs"
_TOGETHER: Final = "the examples are run together: one gives something else alone than among others"


@dataclass(frozen=True, eq=False)
class _Group:
    """Some examples with their lane, and what is known of them in the unedited network."""

    chosen: Int64[Tensor, " chosen"]
    lane: Lane
    parts: dict[str, Parts]


@dataclass(eq=False)
class ProbeSet:
    """Runs the examples and judges what comes out. Several threads may use it at once.

    Attributes:
        engine: runs the model.
        original: the state without edits.
        examples: tells the examples apart.
        judge: judges outputs.
        targets: of all examples; None where there are none.
        shown: numbers of the shown examples.
    """

    engine: Engine
    original: State
    examples: Examples
    judge: Judge
    targets: Any
    shown: Int64[Tensor, " shown"]
    _groups: dict[int, _Group] = field(default_factory=dict)
    _lanes: dict[str, tuple[Tensor, Lane]] = field(default_factory=dict)
    _even: bool = True
    _known: dict[str, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        order = torch.randperm(self.examples.count, generator=torch.Generator().manual_seed(_SEED))
        size = self.engine.chunk if self.examples.apart else self.examples.count
        self._order = [each.sort().values for each in torch.split(order, size)]
        self._before = Gathered(self.examples)

    def outputs(self, state: State, example: int) -> Any:
        """What the model returns for one example, as a batch of one.

        Raises:
            IndexRangeError: there is no such example.
        """
        count = self.examples.count
        check_example(example, count)
        return self._of("chosen", state, torch.tensor([example % count]))

    def show(self, state: State) -> Shown:
        """The shown examples."""
        now, before = (self._of("shown", each, self.shown) for each in (state, self.original))
        targets = self.examples.targets_of(self.targets, self.shown)
        return Shown(state.edits, self.shown, now, before, targets, self.judge)

    def outcome(self, state: State) -> Outcome:
        """The outcome on the whole probe set, exact."""
        now = Gathered(self.examples)
        for number in range(len(self._order)):
            self._run(number, state, now)
        return self._exact(state, now)

    def progress(self, state: State) -> Iterator[Outcome]:
        """Outcomes on more and more of the probe set; the last one is exact."""
        now = Gathered(self.examples)
        found: list[dict[str, Parts]] = []
        for number in range(len(self._order)):
            outputs = self._run(number, state, now)
            if number + 1 == len(self._order):
                yield self._exact(state, now)
                return
            group = self._groups[number]
            found.append(self._parts(outputs, group.chosen))
            yield self._running(state, now, found)

    def parts(self, state: State) -> dict[str, Parts]:
        """What each example adds to loss and scores, in their order; where they are `separable`."""
        if not state.edits:
            return self._unedited_parts
        now = Gathered(self.examples)
        for number in range(len(self._order)):
            self._run(number, state, now)
        return self.judge.parts(now.whole(), self.targets, self.examples.count)

    @cached_property
    def _unedited_parts(self) -> dict[str, Parts]:
        found = joined(self._group(number).parts for number in range(len(self._order)))
        place = torch.cat(self._order).argsort()
        return {name: Parts(*(each[place] for each in parts)) for name, parts in found.items()}

    @property
    def separable(self) -> bool:
        """Whether the loss of the set is made of those of its examples, each of which can be run alone.

        It is known when one exact outcome was computed.
        """
        return self.examples.apart and self.judge.split is not None and self._even

    def _run(self, number: int, state: State, now: Gathered) -> Any:
        group = self._group(number)
        outputs = group.lane.outputs(state)
        now.put(group.chosen, outputs)
        return outputs

    def _group(self, number: int) -> _Group:
        """A group of examples; the unedited network is run when it is first asked for."""
        with self._lock:
            if number not in self._groups:
                chosen = self._order[number]
                lane = self._lane(chosen)
                outputs = lane.outputs(self.original)
                self._before.put(chosen, outputs)
                self._groups[number] = _Group(chosen, lane, self._parts(outputs, chosen))
            return self._groups[number]

    def _lane(self, chosen: Int64[Tensor, " chosen"]) -> Lane:
        every = len(chosen) == self.examples.count
        return self.engine.lane(slice(None) if every else chosen)

    def _of(self, what: str, state: State, chosen: Int64[Tensor, " chosen"]) -> Any:
        """The outputs of a few examples, by a lane of their own, as copies that may be written to."""
        if not self.examples.apart:
            now = Gathered(self.examples)
            self._run(0, state, now)
            return now.of(chosen)
        with self._lock:
            of, lane = self._lanes.get(what, (None, None))
            if of is None or lane is None or not torch.equal(of, chosen):
                lane = self.engine.lane(chosen)
                self._lanes[what] = chosen, lane
        return self.examples.outputs_of(lane.outputs(state), torch.arange(len(chosen)))

    def _parts(self, outputs: Any, chosen: Int64[Tensor, " chosen"]) -> dict[str, Parts]:
        targets = self.examples.targets_of(self.targets, chosen)
        return self.judge.parts(outputs, targets, self.examples.count)

    def _running(self, state: State, now: Gathered, found: list[dict[str, Parts]]) -> Outcome:
        groups = [self._groups[number] for number in range(len(found))]
        chosen = torch.cat([each.chosen for each in groups])
        before = joined(each.parts for each in groups)
        measures = estimated(joined(found), before, self._known, self.examples.count)
        if self.judge.loss is not None and not (self._even and "loss" in measures):
            measures.pop("loss", None)
            measures = {"loss": self._loss_so_far(now, chosen), **measures}
        return self._outcome(state, measures, chosen, now)

    def _loss_so_far(self, now: Gathered, chosen: Int64[Tensor, " chosen"]) -> Measure:
        """A loss that joins examples, of those seen: nobody knows how far it is from that of all."""
        targets = self.examples.targets_of(self.targets, chosen)
        new, old = (self.judge.judge(each.of(chosen), targets)["loss"] for each in (now, self._before))
        return Measure(new, old, None, None)

    def _exact(self, state: State, now: Gathered) -> Outcome:
        known = self._known
        if not known:
            self._known = known = self.judge.judge(self._before.whole(), self.targets)
            self._even = self._adds_up(known)
        measures = exact(self.judge.judge(now.whole(), self.targets), known)
        return self._outcome(state, measures, torch.arange(self.examples.count), now)

    def _adds_up(self, known: dict[str, float]) -> bool:
        """Whether the losses of all examples make that of the set, as they did for those it was tried on."""
        if self.judge.split is None:
            return True
        parts = joined(self._groups[number].parts for number in range(len(self._order)))["loss"]
        size = float(parts.amounts.abs().sum() / parts.weights.sum())
        return math.isnan(known["loss"]) or abs(parts.ratio - known["loss"]) <= _TOLERANCE * size

    def _outcome(
        self, state: State, measures: dict[str, Measure], chosen: Int64[Tensor, " seen"], now: Gathered
    ) -> Outcome:
        more = ((_TOGETHER, not self.examples.apart), (_UNEVEN, not self._even))
        notes = (*self.judge.notes, *(each for each, true in more if true))
        return Outcome(
            state.edits, measures, chosen, self.examples.count, notes,
            now, self._before, self.targets, self.judge, self.examples,
        )  # fmt: skip


def make_probe_set(
    model: nn.Module,
    inputs: Any,
    targets: Any,
    loss: Loss | None,
    original: State,
    shown: int | Sequence[int],
    memory: int,
    incremental: bool,
) -> ProbeSet:
    """The probe set of a model; see `Desk` for the arguments.

    Raises:
        OptionError: there are no examples, targets or loss do not fit, or none is shown.
        IndexRangeError: an example to show does not exist.
    """
    examples = find_examples(Forward(model), inputs, original.values)
    check_targets(targets, examples.count)
    chosen = _chosen(shown, examples.count)

    def outputs_of(some: Int64[Tensor, " some"]) -> Any:
        return examples.outputs_of(examples.outputs, some)

    def targets_of(some: Int64[Tensor, " some"]) -> Any:
        return examples.targets_of(targets, examples.tried[some])

    judge = make_judge(loss, outputs_of, targets_of, len(examples.tried), targets)
    engine = open_engine(model, inputs, original, memory=memory, incremental=incremental)
    return ProbeSet(engine, original, examples, judge, targets, chosen)


def _chosen(shown: int | Sequence[int], count: int) -> Int64[Tensor, " shown"]:
    numbers = range(min(shown, count)) if isinstance(shown, int) else list(shown)
    if not len(numbers):
        raise OptionError(f"shown must be at least one example, got {shown!r}")
    for each in numbers:
        check_example(each, count)
    return torch.tensor([each % count for each in numbers])


def check_example(example: int, count: int) -> None:
    """See that an example exists.

    Raises:
        IndexRangeError: it does not.
    """
    if not -count <= example < count:
        raise IndexRangeError(f"there is no example {example}: expected 0…{count - 1}")
