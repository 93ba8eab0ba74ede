"""What a network does on the probe set, compared with the unedited one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jaxtyping import Float64, Int64
from torch import Tensor

from weightdesk.desk.edits.edit import Edit
from weightdesk.desk.outcomes import scores
from weightdesk.desk.outcomes.difference import difference
from weightdesk.desk.outcomes.examples import Examples
from weightdesk.desk.outcomes.flips import Flips, flips
from weightdesk.desk.outcomes.gathered import Gathered
from weightdesk.desk.outcomes.judge import Judge
from weightdesk.desk.outcomes.measures import Measure
from weightdesk.desk.outcomes.reading import Classes
from weightdesk.explain.page import Page, Section, section


@dataclass(frozen=True, eq=False)
class Outcome(Page):
    """Loss, scores and outputs after some turns, on the examples seen so far.

    Attributes:
        edits: the turns that it is the outcome of; empty while they are bypassed.
        measures: `loss`, and `accuracy` or `r2` and `error`, as far as they can be told, each with the
            unedited network's and the bounds of an estimate.
        examples: numbers of the examples seen, in the order of the outputs.
        count: number of examples of the probe set.
        notes: what must be known to read it, a line each.
    """

    edits: tuple[Edit, ...]
    measures: Mapping[str, Measure]
    examples: Int64[Tensor, " seen"]
    count: int
    notes: tuple[str, ...]
    _now: Gathered = field(repr=False)
    _before: Gathered = field(repr=False)
    _targets: Any = field(repr=False)
    _judge: Judge = field(repr=False)
    _every: Examples = field(repr=False)

    @property
    def exact(self) -> bool:
        """Whether all examples were seen, so that nothing is an estimate."""
        return len(self.examples) == self.count

    @property
    def loss(self) -> float | None:
        """The loss of the probe set; None without targets."""
        return self._number("loss")

    @property
    def accuracy(self) -> float | None:
        """The share of targets whose class is given; None where targets are no classes."""
        return self._number("accuracy")

    @property
    def r2(self) -> float | None:
        """The explained share of the targets' variance; None where targets are no values, or all the same."""
        return self._number("r2")

    @property
    def error(self) -> float | None:
        """The mean distance to the targets; None where they are no values."""
        return self._number("error")

    @cached_property
    def outputs(self) -> Any:
        """What the model returns for the examples seen."""
        return self._now.whole() if self.exact else self._now.of(self.examples)

    @cached_property
    def difference(self) -> Any:
        """The outputs minus those of the unedited network."""
        return difference(self.outputs, self._unedited)

    @cached_property
    def flips(self) -> Flips | None:
        """Which examples are given another class; None where targets are no classes."""
        if self._classes is None or self._classes_before is None:
            return None
        (now, truths, margins), (before, _, margins_before) = self._classes, self._classes_before
        return flips(self.examples, truths, (before, margins_before), (now, margins))

    @property
    def wrong(self) -> Int64[Tensor, " wrong"] | None:
        """Which examples are given, at any place, another class than the right one; None as for the flips."""
        if self._classes is None:
            return None
        given, truths, _ = self._classes
        missed = (given != truths) & (truths >= 0)
        return self.examples.to(missed.device)[missed.flatten(1).any(1) if missed.ndim > 1 else missed]

    @property
    def confusion(self) -> Int64[Tensor, "classes classes"] | None:
        """How many of each true class (rows) were given each class (columns); None as for the flips."""
        if self._classes is None:
            return None
        return scores.confusion_matrix(*self._classes[:2], self._class_count)

    @property
    def class_accuracy(self) -> Float64[Tensor, " classes"] | None:
        """The accuracy of each class, nan where it has no examples; None as for the flips."""
        if self._classes is None:
            return None
        return scores.class_accuracy(*self._classes[:2], self._class_count)

    @property
    def class_accuracy_before(self) -> Float64[Tensor, " classes"] | None:
        """The same of the unedited network."""
        if self._classes_before is None:
            return None
        return scores.class_accuracy(*self._classes_before[:2], self._class_count)

    @property
    def title(self) -> str:
        """Loss and scores in a line."""
        found = [f"{name} {each.now:.4g} ({each.change:+.4g})" for name, each in self.measures.items()]
        seen = "" if self.exact else f", estimated from {len(self.examples)} of {self.count} examples"
        return f"after {_turns(len(self.edits))}: {', '.join(found) or 'outputs without targets'}{seen}"

    def sections(self) -> list[Section]:
        """The measures; where targets are classes the accuracy of each, the confusions and the flips."""
        found = [self._measured()]
        if self.flips is not None:
            found += [self._by_class(), self._confused(), *self.flips.sections()]
        return found

    def _measured(self) -> Section:
        every = list(self.measures.values())
        bounds = [(each.interval or (None, None), each.change_interval or (None, None)) for each in every]
        columns = {
            "measure": list(self.measures),
            "before": [each.before for each in every],
            "now": [each.now for each in every],
            "change": [each.change for each in every],
        }
        if not self.exact:
            columns |= {
                "from": [of[0] for of, _ in bounds],
                "to": [of[1] for of, _ in bounds],
                "change from": [of[0] for _, of in bounds],
                "change to": [of[1] for _, of in bounds],
            }
        return section("outcome", columns, bars=["change"], note="; ".join(self.notes))

    def _by_class(self) -> Section:
        assert self._classes_before is not None
        before = scores.class_accuracy(*self._classes_before[:2], self._class_count)
        now = self.class_accuracy
        assert now is not None
        known = (~now.isnan()).nonzero().flatten()
        change = now - before
        columns = {"class": known, "before": before[known], "now": now[known], "change": change[known]}
        return section(
            "accuracy by class", {name: each.tolist() for name, each in columns.items()}, bars=["change"]
        )

    def _confused(self) -> Section:
        """The cells beside the diagonal, the fullest first."""
        cells = self.confusion
        assert cells is not None
        beside = cells.clone().fill_diagonal_(0).flatten()
        order = beside.argsort(descending=True, stable=True)[: int((beside > 0).sum())]
        columns = {"truth": order // len(cells), "given": order % len(cells), "places": beside[order]}
        return section("confusions", {name: each.tolist() for name, each in columns.items()}, bars=["places"])

    def _number(self, name: str) -> float | None:
        return self.measures[name].now if name in self.measures else None

    @cached_property
    def _unedited(self) -> Any:
        return self._before.of(self.examples)

    @cached_property
    def _classes(self) -> tuple[Tensor, Tensor, Tensor] | None:
        return self._judge.classes(self.outputs, self._asked)

    @cached_property
    def _classes_before(self) -> tuple[Tensor, Tensor, Tensor] | None:
        return self._judge.classes(self._unedited, self._asked)

    @cached_property
    def _asked(self) -> Any:
        return self._every.targets_of(self._targets, self.examples)

    @property
    def _class_count(self) -> int:
        reading = self._judge.reading
        return reading.count if isinstance(reading, Classes) else 0


def _turns(count: int) -> str:
    return "1 turn" if count == 1 else f"{count} turns"
