"""What one unit adds up for one input, term by term."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from pydantic import Field

from weightdesk.explain import explain_unit
from weightdesk.server.questions.given import given_input
from weightdesk.server.questions.question import Question, Step, Turns
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Message

SHOWN: Final = 12


class Terms(Message):
    """The strongest terms; their products, `rest` and `bias` add up to `z`, but for `remainder`.

    `sums` is rest, bias, z, remainder and, where an activation follows, what it makes of z.
    """

    names: tuple[str, ...]
    inputs: Doubles
    weights: Doubles
    products: Doubles
    sums: Doubles
    others: int
    activation: str | None
    place: tuple[int, ...]
    note: str


class TermsQuestion(Question[Terms]):
    """Why does this unit answer so to the input, after these turns?"""

    kind: ClassVar[str] = "terms"
    runs: ClassVar[bool] = True

    parameter: str
    unit: Annotated[int, Field(ge=0)]
    step: Step
    turns: Turns = ()
    example: Annotated[int, Field(ge=0)] = 0
    own: Annotated[tuple[float, ...], Field(max_length=65_536)] | None = None

    def answer(self, session: Session) -> Terms:
        """Explain it on a network of one's own with these weights."""
        given = given_input(session, self.example, self.own)
        names = self._names(session)
        found = explain_unit(
            session.model(self.step, self.turns), given, self.parameter, self.unit, names=names
        )
        order = found.product.abs().argsort(descending=True, stable=True)[:SHOWN]
        rest = float(found.product.sum() - found.product[order].sum())
        after = [] if found.activation is None else [found.activation.value]
        return Terms(
            names=tuple(found.names[each] for each in order.tolist()),
            inputs=found.x[order],
            weights=found.weight[order],
            products=found.product[order],
            sums=[rest, found.bias, found.z, found.remainder, *after],
            others=len(found.product) - len(order),
            activation=None if found.activation is None else found.activation.name,
            place=found.place,
            note=found.note,
        )

    def _names(self, session: Session) -> tuple[str, ...] | None:
        """The names of the columns, for the layer that takes them."""
        first = next(iter(session.run.parameters))
        is_first = self.parameter.rpartition(".")[0] == first.rpartition(".")[0]
        return session.subject.input_names or None if is_first else None
