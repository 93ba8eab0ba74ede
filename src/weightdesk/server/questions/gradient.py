"""Where the gradient of one weight comes from: the chain rule, one level at a time."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import torch
from pydantic import Field

from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.explain import explain_gradient
from weightdesk.explain.gradients.chain import Delta, Part
from weightdesk.explain.gradients.contributions import Contributions
from weightdesk.explain.gradients.reasons import GradientReasons
from weightdesk.server.questions.question import Index, Question, Step
from weightdesk.server.questions.update import kept_gradient
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Message
from weightdesk.training import Moment, replay

SHOWN: Final = 12


class Gradient(Message):
    """One level of the tree: products of two factors, whose sum with `rest` is `total`.

    At the root the factors are delta and x, of every example and place; further on they are the
    outgoing weight with the slope of the activation, and the delta behind it. Pushes are by class.
    """

    step: int
    total: Doubles
    rest: Doubles
    others: int
    labels: tuple[str, ...]
    first: Doubles
    second: Doubles
    products: Doubles
    opens: tuple[bool, ...]
    classes: tuple[str, ...]
    pushes: Doubles
    note: str


class GradientQuestion(Question[Gradient]):
    """Who pushes this weight, in the batch of the last step up to this one that is kept?"""

    kind: ClassVar[str] = "gradient"
    settled: ClassVar[bool] = False
    runs: ClassVar[bool] = True
    long: ClassVar[bool] = True

    parameter: str
    index: Index
    step: Step
    path: Annotated[tuple[Annotated[int, Field(ge=0, lt=SHOWN)], ...], Field(max_length=40)] = ()

    def answer(self, session: Session) -> Gradient:
        """Explain it once, then open level after level of what is kept."""
        step = kept_gradient(session.run, self.parameter, self.step)
        key = (self.parameter, self.index, step)
        moment, reasons = session.kept("gradient", key, lambda: self._explained(session, step))
        if not self.path:
            return _root(step, moment, reasons, self._penalised(session, step))
        return _level(step, self._opened(reasons))

    def _explained(self, session: Session, step: int) -> tuple[Moment, GradientReasons]:
        if session.run.recipe is None:
            raise OptionError(
                "the batches of a training loop of its own are not recorded; "
                "weightdesk.explain_gradient takes any batch, in Python"
            )
        moment = replay(session.recipe, step)
        session.run.load_into(moment.model, step)
        reasons = explain_gradient(
            moment.model, moment.inputs, moment.targets, moment.loss, self.parameter, self.index,
            seed=moment.random_state,
        )  # fmt: skip
        return moment, reasons

    def _penalised(self, session: Session, step: int) -> str:
        """What is to be known beside the gradient of the loss."""
        if not (session.run.recipe or {}).get("l2"):
            return ""
        given = session.run.gradient(self.parameter, step)[self.index].item()
        return f"of the loss alone; with the penalty of l2 the optimizer was given {given:+.4g}"

    def _opened(self, reasons: GradientReasons) -> Delta:
        table, row = reasons.contributions, self.path[0]
        if row >= len(table) or not _opens(table, row):
            raise IndexRangeError(f"of its {len(table)} summands number {row} is none that can be opened")
        place = [each for each in table.place[row].tolist() if each >= 0]
        delta = reasons.delta(int(table.sample[row]), place or None)
        for number in self.path[1:]:
            parts = delta.largest(SHOWN)
            if number >= len(parts):
                raise IndexRangeError(f"there are {len(parts)} parts on this level, got number {number}")
            delta = parts[number].open()
        return delta


def _root(step: int, moment: Moment, reasons: GradientReasons, penalised: str) -> Gradient:
    table = reasons.contributions
    rows = range(min(SHOWN, len(table)))
    classes, named = reasons.classes or {}, moment.class_names
    return Gradient(
        step=step,
        total=[reasons.gradient],
        rest=[reasons.gradient - float(table.product[: len(rows)].sum())],
        others=len(table) - len(rows),
        labels=tuple(_example(moment, table, row) for row in rows),
        first=table.delta[: len(rows)],
        second=table.x[: len(rows)],
        products=table.product[: len(rows)],
        opens=tuple(_opens(table, row) for row in rows),
        classes=tuple(named[each] if named else str(each) for each in classes),
        pushes=torch.tensor(list(classes.values()), dtype=torch.float64),
        note="; ".join(filter(None, (reasons.note, penalised))),
    )


def _level(step: int, delta: Delta) -> Gradient:
    parts, every = delta.largest(SHOWN), delta.parts
    return Gradient(
        step=step,
        total=[delta.delta],
        rest=[delta.delta - sum(each.product for each in parts)],
        others=len(every) - len(parts),
        labels=tuple(_unit(each) for each in parts),
        first=[each.jacobian for each in parts],
        second=[each.delta for each in parts],
        products=[each.product for each in parts],
        opens=tuple(each.opens for each in parts),
        classes=(),
        pushes=[],
        note="",
    )


def _opens(table: Contributions, row: int) -> bool:
    return int(table.station[row]) >= 0 and int(table.sample[row]) >= 0


def _example(moment: Moment, table: Contributions, row: int) -> str:
    sample = int(table.sample[row])
    place = [each for each in table.place[row].tolist() if each >= 0]
    where = f" at {', '.join(map(str, place))}" if place else ""
    if sample < 0:
        return f"all examples{where}"
    told = f" “{moment.class_names[int(moment.targets[sample])]}”" if moment.class_names else ""
    return f"example {int(moment.examples[sample])}{told}{where}"


def _unit(part: Part) -> str:
    where = f" at {', '.join(map(str, part.place))}" if part.place else ""
    return part.module if part.unit is None else f"{part.module}[{part.unit}]{where}"
