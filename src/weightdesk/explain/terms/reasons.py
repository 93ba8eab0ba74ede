"""What `explain_unit` gives: the terms of one unit for one input."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from weightdesk.explain.page import Page, Section, section
from weightdesk.explain.terms.classes import TermsByClass, rows
from weightdesk.explain.terms.naming import coordinates
from weightdesk.explain.terms.neighbours import Normalisation
from weightdesk.types import ParameterName

_TOP = 10


@dataclass(frozen=True)
class Term:
    """One term of a sum.

    Attributes:
        name: what the input is.
        source: the place in the input map that a kernel element meets; `padding` outside of it.
        x: the input.
        weight: what it is multiplied with.
        product: the term.
    """

    name: str
    source: str
    x: float
    weight: float
    product: float


@dataclass(frozen=True)
class Side:
    """The terms that push a unit to one side.

    Attributes:
        terms: the strongest, in falling order.
        others: how many weaker ones there are.
        rest: their sum.
    """

    terms: tuple[Term, ...]
    others: int
    rest: float

    @property
    def total(self) -> float:
        """The sum of all terms of this side."""
        return sum(term.product for term in self.terms) + self.rest


@dataclass(frozen=True)
class Activation:
    """The activation function after a unit.

    Attributes:
        name: torch's name of it.
        value: what it makes of z.
    """

    name: str
    value: float


@dataclass(frozen=True, eq=False)
class UnitReasons(Page):
    """The terms of one unit for one input: z = Σ wᵢxᵢ + b.

    Attributes:
        parameter: the parameter as it was named.
        module: the module that uses it; empty for the model itself.
        kind: of the operation; `unknown` where the terms come from the general rule.
        unit: the output row; of an embedding the dimension.
        part: which part of a fused projection the unit belongs to, such as `query of head 1`.
        sample: number of the example.
        place: of a sequence (position,), of a map (y, x); empty where the unit has one value only.
        place_chosen: whether it is the place where |z| is largest, for none was given.
        use: which use of the parameter this is, counted from 0.
        uses: how many there are in the forward pass.
        names: what the inputs are.
        sources: of a convolution: the place in the input map, or `padding`.
        x: the inputs.
        weight: what they are multiplied with.
        product: wᵢxᵢ.
        bias: what is added; under the general rule all that these weights have no part in.
        z: the sum in float64.
        recorded: what the model computed.
        remainder: recorded − z.
        ulps: the remainder in units of the last place of the largest of the terms, bias and z.
        activation: the function that follows, where it is applied to z and nothing else.
        normalisation: how a normalised input came.
        classes: the distribution of the terms by class at this place, where targets were given.
        note: what must be known to read the terms: by which rule they were found, where it is not the plain
            one, how the map was padded, what dropout drew from.
    """

    parameter: ParameterName
    module: str
    kind: str
    unit: int
    part: str
    sample: int
    place: tuple[int, ...]
    place_chosen: bool
    use: int
    uses: int
    names: tuple[str, ...]
    sources: tuple[str, ...]
    x: Float[Tensor, " terms"]
    weight: Float[Tensor, " terms"]
    product: Float[Tensor, " terms"]
    bias: float
    z: float
    recorded: float
    remainder: float
    ulps: float
    activation: Activation | None = None
    normalisation: Normalisation | None = None
    classes: TermsByClass | None = None
    note: str = ""

    @property
    def title(self) -> str:
        """Which unit, where, and its value."""
        part = f" ({self.part})" if self.part else ""
        place = f" at {coordinates(self.place)}" if self.place else ""
        return f"{self.parameter}, unit {self.unit}{part}, example {self.sample}{place}: z = {self.z:+.6g}"

    @property
    def order(self) -> list[int]:
        """The terms' numbers, the largest in size first."""
        return self.product.abs().argsort(descending=True, stable=True).tolist()

    def encouraging(self, top: int = _TOP) -> Side:
        """The terms that raise z, the strongest first, the rest summed.

        >>> from torch import nn, ones
        >>> from weightdesk.explain.terms import explain_unit
        >>> layer = nn.Linear(4, 1)
        >>> _ = nn.init.ones_(layer.weight)
        >>> side = explain_unit(layer, ones(1, 4), "weight", 0).encouraging(top=1)
        >>> side.terms[0].name, side.others, side.rest
        ('input 0', 3, 3.0)
        """
        return self._side([i for i in self.order if self.product[i] > 0], top)

    def discouraging(self, top: int = _TOP) -> Side:
        """The terms that lower z, the strongest first, the rest summed."""
        return self._side([i for i in self.order if self.product[i] < 0], top)

    def sections(self) -> list[Section]:
        """All terms; those that encourage and discourage; the sum; how the terms differ by class."""
        terms = section("terms", self._columns(self._terms(self.order)), bars=["product"], note=self.note)
        sides = [
            section(title, self._columns([*side.terms, *_rest(side)]), bars=["product"])
            for title, side in (("encouraging", self.encouraging()), ("discouraging", self.discouraging()))
            if side.terms
        ]
        return [terms, *sides, self._sum(), *self._by_class()]

    def _side(self, numbers: list[int], top: int) -> Side:
        rest = self.product[numbers[top:]]
        return Side(tuple(self._terms(numbers[:top])), len(rest), float(rest.sum()))

    def _terms(self, numbers: list[int]) -> list[Term]:
        x, weight, product = (each.tolist() for each in (self.x, self.weight, self.product))
        sources = self.sources or ("",) * len(self.names)
        return [Term(self.names[i], sources[i], x[i], weight[i], product[i]) for i in numbers]

    def _columns(self, terms: Iterable[Term]) -> dict[str, list[object]]:
        columns = ["name", *(["source"] if self.sources else []), "x", "weight", "product"]
        terms = list(terms)
        return {name.replace("name", "input"): [getattr(term, name) for term in terms] for name in columns}

    def _sum(self) -> Section:
        lines: list[tuple[str, float]] = [
            ("sum of the terms", float(self.product.sum())),
            ("bias", self.bias),
        ]
        lines += [("z", self.z), ("z in the model", self.recorded), ("remainder", self.remainder)]
        if self.activation:
            lines.append((f"after {self.activation.name}", self.activation.value))
        if self.normalisation:
            lines += [("before normalisation", self.normalisation.value), ("mean", self.normalisation.mean)]
            lines.append(("standard deviation", self.normalisation.deviation))
        what, value = zip(*lines, strict=True)
        return section("sum", {"what": what, "value": value}, note=self._sum_note())

    def _sum_note(self) -> str:
        notes = [f"remainder of {self.ulps:.2g} ulps"]
        if self.place_chosen:
            notes.append(f"at {coordinates(self.place)}, where |z| is largest")
        if self.uses > 1:
            notes.append(f"use {self.use} of {self.uses}, in {self.module or 'the model'}")
        if self.normalisation:
            notes.append(f"mean and deviation: {self.normalisation.source}")
        return "; ".join(notes)

    def _by_class(self) -> list[Section]:
        if self.classes is None:
            return []
        note = f"at the same place in all {int(self.classes.count.sum())} examples"
        return [
            section("terms by class", rows(self.classes, self.names, self.order), bars=["mean"], note=note)
        ]


def _rest(side: Side) -> list[Term]:
    if not side.others:
        return []
    return [Term(f"{side.others} others", "", None, None, side.rest)]  # type: ignore[arg-type]
