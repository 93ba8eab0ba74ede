"""Why one weight moved in one optimizer step: parts that add up to the recorded move."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, SupportsIndex

import torch

from weightdesk.explain.page import Page, Section, number, section
from weightdesk.explain.precision import ulp
from weightdesk.explain.updates.clipping import tell_scale_from_clipping
from weightdesk.explain.updates.optimizers import RULES, Term
from weightdesk.explain.updates.recorded import RecordedStep, StepReader
from weightdesk.explain.updates.stepterms import read_unit, recipe_for, terms_of_step
from weightdesk.runs.parameters import Parameter
from weightdesk.runs.run import Run
from weightdesk.types import Index, ParameterName, Step

_ROUNDING: Final = 16.0
"""Ulps up to which a remainder can be rounding; what is more has another reason."""


@dataclass(frozen=True, eq=False)
class Part:
    """One share of a move.

    Attributes:
        name: where it comes from.
        value: what it added to the weight.
        formula: the product that gives it, in symbols.
        numbers: the same in numbers.
    """

    name: str
    value: float
    formula: str
    numbers: str


@dataclass(frozen=True, eq=False)
class UpdateReasons(Page):
    """One move of one weight, in parts.

    Attributes:
        parameter: the parameter's name.
        index: the weight's place in it.
        step: optimizer steps done before the move.
        optimizer: class of the optimizer.
        before: the weight before the move.
        after: the weight after it.
        move: what was recorded; `sum(part.value for part in parts) + remainder` is just this.
        parts: the shares of the gradient, of what clipping took from it, of earlier gradients, of each
            kind of decay.
        factors: all numbers that the parts are made of, by symbol, and the gradient as the optimizer saw
            it; where something was taken from it, also as backward left it, and the loss scale.
        remainder: what the parts leave: rounding, unless it is larger than rounding can be.
        remainder_ulps: its size in ulps of the parameter's dtype at the largest of the weight before,
            the weight after, and the parts.
        notes: what must be known to read the parts.
    """

    parameter: ParameterName
    index: Index
    step: Step
    optimizer: str
    before: float
    after: float
    move: float
    parts: tuple[Part, ...]
    factors: Mapping[str, float]
    remainder: float
    remainder_ulps: float
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        """Which weight moved, and how far."""
        index = ", ".join(str(each) for each in self.index)
        return (
            f"{self.parameter}[{index}], step {self.step} to {self.step + 1} by {self.optimizer}: "
            f"{self.before:.6g} → {self.after:.6g}, moved {number(self.move)}"
        )

    def sections(self) -> list[Section]:
        """The parts, then the numbers that they are made of."""
        rest = Part(self._rest, self.remainder, f"{self.remainder_ulps:.2g} ulp", "")
        rows = [*self.parts, rest]
        columns = {
            "part": [each.name for each in rows],
            "move": [each.value for each in rows],
            "share": [each.value / self.move if self.move else None for each in rows],
            "formula": [each.formula for each in rows],
            "numbers": [each.numbers for each in rows],
        }
        factors = {"factor": list(self.factors), "value": list(self.factors.values())}
        return [
            section("parts of the move", columns, bars=["move"], note="; ".join(self.notes)),
            section("factors", factors),
        ]

    @property
    def _rest(self) -> str:
        return "rounding" if self.remainder_ulps <= _ROUNDING else "unexplained"


def explain_update(
    run: Run, name: ParameterName, index: SupportsIndex | Iterable[SupportsIndex], step: SupportsIndex
) -> UpdateReasons:
    """Split the recorded move of a weight in one optimizer step into parts that add up.

    The parts are computed in float64 from the gradient, the optimizer's state before the step and its
    options, all recorded. The gradient's own part is that of the gradient as backward left it, where it
    was kept; what clipping took from it is a part of its own. Known are all optimizers of
    `optimizers.RULES` and what a built-in training does besides; for others there is the gradient, the
    move and the unexplained rest.

    Arguments:
        run: an opened run.
        name: a parameter of it.
        index: the weight's place in the parameter.
        step: a step that is kept in full; -1 is the last of them. The move leads to `step + 1`.

    Raises:
        UnknownParameterError: the run has no such parameter.
        IndexRangeError: the index lies outside its shape.
        StepNotKeptError: the step is not kept in full; the message names the nearest ones.

    >>> import tempfile
    >>> from torch import nn
    >>> import weightdesk
    >>> layer = nn.Linear(1, 1, bias=False)
    >>> optimizer = torch.optim.SGD(layer.parameters(), lr=0.5, weight_decay=0.25)
    >>> _ = layer.weight.data.fill_(1.0)
    >>> folder = tempfile.mkdtemp()
    >>> with weightdesk.watch(layer, optimizer, f"{folder}/run"):
    ...     layer(torch.ones(1, 1)).sum().backward()
    ...     optimizer.step()
    >>> reasons = explain_update(weightdesk.open_run(f"{folder}/run"), "weight", (0, 0), 0)
    >>> [(part.name, part.value, part.numbers) for part in reasons.parts], reasons.remainder
    ([('gradient', -0.5, '−0.5 × 1'), ('weight decay', -0.125, '−0.5 × 0.25 × 1')], 0.0)
    """
    parameter = run.parameters[name]
    place = parameter.place(index)
    reader = StepReader(run.path, parameter)
    recipe = recipe_for(run.recipe, parameter)
    recorded, at = read_unit(reader, parameter, place, reader.choose(step), recipe)
    recorded, notes = _told(run, recorded, at)
    terms, _ = terms_of_step(recorded, recipe)
    return _reasons(parameter, parameter.index(index), recorded, at, terms, notes)


def _reasons(
    parameter: Parameter,
    index: Index,
    recorded: RecordedStep,
    at: int,
    terms: list[Term],
    notes: Sequence[str],
) -> UpdateReasons:
    start, move, after = recorded.start, recorded.move[at].item(), recorded.after[at].item()
    before = start.weight[at].item()
    parts = tuple(_part(term, at) for term in terms)
    remainder = move - sum(part.value for part in parts)
    largest = max(abs(each) for each in (before, after, *(part.value for part in parts)))
    return UpdateReasons(
        parameter=parameter.name,
        index=index,
        step=recorded.step,
        optimizer=recorded.optimizer,
        before=before,
        after=after,
        move=move,
        parts=parts,
        factors=_gradients(recorded, at)
        | {key: each for term in terms for key, each in _factors(term, at).items()},
        remainder=remainder,
        remainder_ulps=abs(remainder) / ulp(largest, start.weight.dtype),
        notes=tuple(notes),
    )


def _gradients(recorded: RecordedStep, at: int) -> dict[str, float]:
    """The gradient of one weight at each place between backward and the step where it is another one."""
    seen, left = recorded.start.gradient, recorded.start.backward_gradient
    if seen is None:
        return {}
    found = {"gradient as the optimizer saw it": seen[at].item()}
    if left is not None and left[at] != seen[at]:
        found["gradient as backward left it"] = left[at].item()
    if recorded.loss_scale not in (None, 1.0):
        found["loss scale"] = recorded.loss_scale
    return found


def _factors(term: Term, at: int) -> dict[str, float]:
    """The numbers of one weight."""
    tensors = {
        key: torch.as_tensor(each, dtype=torch.float64).flatten() for key, each in term.factors.items()
    }
    return {key: each[at if len(each) > 1 else 0].item() for key, each in tensors.items()}


def _part(term: Term, at: int) -> Part:
    factors = _factors(term, at)
    numbers = " × ".join(f"{each:.4g}".replace("-", "−") for each in factors.values())
    return Part(term.name, term.value.flatten()[at].item(), " × ".join(factors), numbers)


def _told(run: Run, recorded: RecordedStep, at: int) -> tuple[RecordedStep, list[str]]:
    """The step with the loss scale told from clipping, and what must be known to read its parts."""
    notes, gradient = [], recorded.start.gradient
    if recorded.optimizer not in RULES:
        notes.append(f"the rule of {recorded.optimizer or 'this optimizer'} is not known: only the move is")
    if gradient is None:
        return recorded, [*notes, "the weight had no gradient at this step, so the optimizer left it alone"]
    if not gradient.isfinite().all():
        return recorded, [*notes, "the gradient is not finite: a gradient scaler skips such a step"]
    if run.manifest.recording.get("processes", 1) > 1:
        missing = "what clipping and loss scaling took before is not recorded across several processes"
        return recorded, [*notes, missing]
    recorded, told = tell_scale_from_clipping(recorded, at)
    return recorded, [*notes, *told]
