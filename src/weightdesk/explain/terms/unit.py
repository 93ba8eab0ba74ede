"""Why a unit answers as it does: its terms for one input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from weightdesk.errors import IndexRangeError
from weightdesk.explain.batch import batch_of
from weightdesk.explain.compiled import uncompiled
from weightdesk.explain.parameter import known_name
from weightdesk.explain.precision import ulp
from weightdesk.explain.terms.classes import by_class
from weightdesk.explain.terms.factors import Factors, factors
from weightdesk.explain.terms.linearity import RULE, factors_of_row, share_of_row
from weightdesk.explain.terms.naming import (
    coordinates,
    names_of_terms,
    padded_note,
    part_of_attention,
    units_before,
)
from weightdesk.explain.terms.neighbours import Neighbours
from weightdesk.explain.terms.places import Coordinates, Places, places_of
from weightdesk.explain.terms.reasons import Activation, UnitReasons
from weightdesk.explain.terms.uses import Use, picked, uses_of
from weightdesk.explain.tracing import trace, untouched
from weightdesk.types import ParameterName


def explain_unit(
    model: nn.Module,
    inputs: Any,
    name: ParameterName,
    unit: int,
    sample: int = 0,
    *,
    place: int | Sequence[int] | None = None,
    use: int = 0,
    targets: Any = None,
    names: Sequence[str] | None = None,
    batch_dim: int | None = 0,
    seed: int | Tensor = 0,
) -> UnitReasons:
    """The terms of one unit for one input: z = Σ wᵢxᵢ + b.

    Of a linear layer and of the projections of attention the terms run over its inputs; of a
    convolution over the elements of the kernel at one place of the map. An embedding and the scale
    or shift of a normalisation have one term. Any other operation falls back to a general rule: where
    it is linear in the parameter, xᵢ = ∂z/∂wᵢ; where it is not, there are no terms, and an error says so.

    Takes the memory of one forward pass of the batch with its graph and twice the stations' results;
    with targets also three float64 numbers for each term of each example.

    Arguments:
        model: any module, in train or eval mode; it is left as it was.
        inputs: a tensor, or a tuple of positional or a mapping of keyword arguments.
        name: a parameter; for a bias the unit of its operation is explained.
        unit: the output row of the parameter; of an embedding the dimension.
        sample: number of the example.
        place: (position,) in a sequence, (y, x) in a map; where |z| is largest if not given. Under the
            general rule the index into the result without the axis of the examples.
        use: which use, where the forward pass uses the unit more than once (tied weights); those by the
            module that the name begins with come first.
        targets: the class of each example: the terms are then described by class.
        names: of the inputs, one a term; of a convolution also one a channel, of an embedding one a token.
        batch_dim: the axis of the inputs that counts the examples; None for a single example without one.
        seed: of the random numbers that the model draws, such as dropout's, or a state of them.

    Raises:
        UnknownParameterError: the model has no parameter of this name.
        IndexRangeError: there is no such unit, example, place or use.
        OptionError: the forward pass does not use the parameter, or z is not a sum of terms.

    >>> layer = nn.Linear(2, 1).requires_grad_(False)
    >>> _ = layer.weight.copy_(torch.tensor([[2.0, -1.0]])), layer.bias.fill_(0.5)
    >>> reasons = explain_unit(layer, torch.tensor([[3.0, 4.0]]), "weight", 0)
    >>> reasons.product.tolist(), reasons.bias, reasons.z
    ([6.0, -4.0], 0.5, 2.5)
    """
    model, batch = uncompiled(model), batch_of(inputs, batch_dim)
    known = known_name(model, name)
    count = batch.size
    if not -count <= sample < count:
        raise IndexRangeError(f"example {sample} does not exist: expected 0…{count - 1}")
    with untouched(model, seed):
        with Neighbours() as neighbours:
            traced = trace(model, inputs, cut=True)
        uses = uses_of(traced, model, name, unit)
        chosen = picked(uses, use, name, unit)
        places = places_of(model, batch, traced, chosen.number, chosen.unit_axis, seed)
        spot = _spot(chosen, places, model.get_parameter(known), unit, sample % count, place)
        found = spot.factors([spot.sample])
        products = None if targets is None else _products(spot.factors(range(count)))
        named = names_of_terms(
            found, spot.kind, names, units_before(model, inputs, traced, chosen, places, spot.sample)
        )
        beside = _beside(spot, neighbours)
    return UnitReasons(
        parameter=name,
        part=part_of_attention(model, chosen, unit),
        place_chosen=place is None and bool(spot.place),
        use=use,
        uses=len(uses),
        names=named,
        sources=tuple("padding" if each is None else coordinates(each) for each in found.sources),
        classes=None if products is None else by_class(products, targets),
        note=_note(model, chosen, seed),
        **beside,
        **_where(spot),
        **_sum(found, chosen.station.result.detach(), spot.at),
    )


@dataclass(frozen=True, eq=False)
class _Spot:
    """One z of a forward pass."""

    use: Use
    places: Places
    parameter: nn.Parameter
    unit: int
    sample: int
    place: tuple[int, ...] = ()

    @property
    def kind(self) -> str:
        return "unknown" if self.use.general else self.use.station.operation.kind

    @property
    def row(self) -> int:
        return self.unit - self.use.units.start

    @property
    def at(self) -> Coordinates:
        return self.places.index(self.sample, self.place, self.row)

    def share(self) -> Tensor:
        """The result; under the general rule what this unit adds to it."""
        result = self.use.station.result
        return share_of_row(result, self.parameter, self.row, self.use.name) if self.use.general else result

    def factors(self, samples: Sequence[int]) -> Factors:
        """The factors of the terms in the given examples, at this place."""
        result = self.use.station.result
        if not self.use.general:
            return factors(
                self.use.station.operation, self.places, torch.tensor(samples), self.place, self.row
            )
        zs = [result[self.places.index(each, self.place, self.row)] for each in samples]
        x = torch.stack([factors_of_row(z, self.parameter, self.row) for z in zs]).cpu().double()
        weight = (self.parameter[self.row] if self.parameter.ndim else self.parameter).detach().cpu().double()
        rest = float(zs[0].detach()) - float(x[0] @ weight.reshape(-1))
        return Factors(x, weight.reshape(-1), rest, tuple(weight.shape) or (1,))


def _spot(use: Use, places: Places, parameter: nn.Parameter, unit: int, sample: int, place: Any) -> _Spot:
    spot = _Spot(use, places, parameter, unit, sample)
    share = spot.share()  # asked for even where a place is given: it checks that the general rule holds
    return replace(
        spot, place=places.choose(share, sample, spot.row) if place is None else places.check(place)
    )


def _where(spot: _Spot) -> dict[str, Any]:
    return {
        "module": spot.use.station.module,
        "kind": spot.kind,
        "unit": spot.unit,
        "sample": spot.sample,
        "place": spot.place,
    }


def _beside(spot: _Spot, neighbours: Neighbours) -> dict[str, Any]:
    """What stands after and before the z."""
    followed = neighbours.activation(spot.use.station)
    return {
        "activation": None if followed is None else Activation(followed[0], float(followed[1][spot.at])),
        "normalisation": neighbours.normalisation(spot.use.station.result, spot.at),
    }


def _note(model: nn.Module, use: Use, seed: int | Tensor) -> str:
    """What must be known to read the terms."""
    dropout = (each for each in model.modules() if isinstance(each, nn.modules.dropout._DropoutNd))
    notes = [RULE if use.general else padded_note(model, use)]
    if any(each.training and each.p for each in dropout):
        notes.append(f"in train mode: dropout drew from seed {seed}")
    return "; ".join(filter(None, notes))


def _products(found: Factors) -> Tensor:
    return found.x * found.weight


def _sum(found: Factors, result: Tensor, at: Coordinates) -> dict[str, Any]:
    """The terms and what they add up to."""
    product = _products(found)[0]
    z, recorded = float(product.sum()) + found.bias, float(result[at])
    largest = max(map(abs, [*product.tolist(), found.bias, z]))
    return {
        "x": found.x[0],
        "weight": found.weight.expand_as(found.x)[0],
        "product": product,
        "bias": found.bias,
        "z": z,
        "recorded": recorded,
        "remainder": recorded - z,
        "ulps": abs(recorded - z) / ulp(largest, result.dtype) if math.isfinite(largest) else math.nan,
    }
