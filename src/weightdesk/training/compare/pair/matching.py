"""The units of one network in the order of another's, so that their weights can be compared.

Units of a hidden layer can change places without any change of what the network does. Weight matching
(Ainsworth, Hayase & Srinivasa 2022, "Git Re-Basin", algorithm 1) looks for the order in which two networks'
weights agree best: layer after layer the best assignment given its neighbours, until nothing improves. It
finds a good order, not surely the best. Signs of tanh units, which could be flipped, too, are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

_PLAIN: Final = {
    "Sequential", "Linear", "Conv1d", "Conv2d", "Flatten", "Dropout", "Identity",
    "ReLU", "LeakyReLU", "Tanh", "Sigmoid", "GELU", "MaxPool1d", "MaxPool2d", "AvgPool2d",
}  # fmt: skip
_ROUNDS: Final = 100


@dataclass(frozen=True)
class Chain:
    """Layers in a plain row: module names, in the order in which they run."""

    layers: tuple[str, ...]


def chain_of(model: Mapping[str, Any]) -> Chain | None:
    """The layers of a recorded model in a plain row; None where it is anything else.

    Arguments:
        model: as `run.manifest.model` has it.

    >>> modules = [{"name": "", "class": "Sequential"}, {"name": "0", "class": "Linear"}]
    >>> chain_of({"modules": modules, "parameters": [{"name": "0.weight", "shape": [2, 3]}]})
    Chain(layers=('0',))
    """
    modules = model.get("modules", [])
    if not modules or modules[0]["class"] != "Sequential" or {each["class"] for each in modules} - _PLAIN:
        return None
    shapes = {each["name"]: each["shape"] for each in model["parameters"]}
    layers = [each["name"] for each in modules if f"{each['name']}.weight" in shapes]
    sizes = [shapes[f"{name}.weight"] for name in layers]
    fits = all(after[1] % before[0] == 0 for before, after in pairwise(sizes))
    return Chain(tuple(layers)) if layers and fits else None


def match(
    chain: Chain, first: Mapping[str, Tensor], second: Mapping[str, Tensor]
) -> dict[str, Int64[Tensor, " units"]]:
    """For each hidden layer, which unit of the second network stands for each unit of the first.

    Arguments:
        chain: the layers; the units of the last one keep their places.
        first: parameters by name.
        second: parameters of the same shapes.

    >>> first = {"a.weight": torch.randn(3, 4), "b.weight": torch.randn(2, 3)}
    >>> order = torch.tensor([2, 0, 1])
    >>> second = {"a.weight": first["a.weight"][order], "b.weight": first["b.weight"][:, order]}
    >>> found = match(Chain(("a", "b")), first, second)["a"]
    >>> bool((order[found] == torch.arange(3)).all())
    True
    """
    unmoved = {name: torch.arange(len(first[f"{name}.weight"])) for name in chain.layers}
    # From the inputs on, layer by layer: the order is found at once where nothing else differs.
    forward = dict(unmoved)
    for place in range(len(chain.layers) - 1):
        forward[chain.layers[place]] = _assigned(_inward(chain, place, first, second, forward))
    found = [_refined(chain, first, second, start) for start in (unmoved, forward)]
    best = max(found, key=lambda orders: _whole_agreement(chain, first, second, orders))
    return {name: best[name] for name in chain.layers[:-1]}


def _refined(
    chain: Chain, first: Mapping[str, Tensor], second: Mapping[str, Tensor], start: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Better the order of one layer after the other, until none gets better."""
    orders = dict(start)
    for _ in range(_ROUNDS):
        changed = False
        for place, name in enumerate(chain.layers[:-1]):
            gain = _inward(chain, place, first, second, orders) + _outward(
                chain, place, first, second, orders
            )
            found, units = _assigned(gain), torch.arange(len(gain))
            if float((gain[units, found] - gain[units, orders[name]]).sum()) > 1e-12 * float(
                gain.abs().sum()
            ):
                orders[name], changed = found, True
        if not changed:
            break
    return orders


def _assigned(gain: Float64[Tensor, "units units"]) -> Int64[Tensor, " units"]:
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]  # takes long to load

    return torch.from_numpy(linear_sum_assignment(gain.numpy(), maximize=True)[1])


def _whole_agreement(
    chain: Chain, first: Mapping[str, Tensor], second: Mapping[str, Tensor], orders: Mapping[str, Tensor]
) -> float:
    moved = reordered(chain, second, {name: orders[name] for name in chain.layers[:-1]})
    return sum(float((first[name].double() * moved[name].double()).sum()) for name in first)


def reordered(
    chain: Chain, parameters: Mapping[str, Tensor], orders: Mapping[str, Int64[Tensor, " units"]]
) -> dict[str, Tensor]:
    """The parameters of the second network in the order that `match` found; it does the same as before."""
    found, before = dict(parameters), None
    for name in chain.layers:
        weight = parameters[f"{name}.weight"]
        if before is not None:
            weight = _inputs_taken(weight, orders[before])
        if name in orders:
            weight = weight[orders[name]]
            if f"{name}.bias" in parameters:
                found[f"{name}.bias"] = parameters[f"{name}.bias"][orders[name]]
        found[f"{name}.weight"], before = weight, name
    return found


def _inward(
    chain: Chain,
    place: int,
    first: Mapping[str, Tensor],
    second: Mapping[str, Tensor],
    orders: Mapping[str, Tensor],
) -> Float64[Tensor, "units units"]:
    """How well each unit of the first agrees with each of the second, by its weights in and its bias."""
    name = chain.layers[place]
    own, other = first[f"{name}.weight"].double(), second[f"{name}.weight"].double()
    if place:
        other = _inputs_taken(other, orders[chain.layers[place - 1]])
    agreement = own.flatten(1) @ other.flatten(1).T
    if f"{name}.bias" in first:
        agreement += torch.outer(first[f"{name}.bias"].double(), second[f"{name}.bias"].double())
    return agreement


def _outward(
    chain: Chain,
    place: int,
    first: Mapping[str, Tensor],
    second: Mapping[str, Tensor],
    orders: Mapping[str, Tensor],
) -> Float64[Tensor, "units units"]:
    """The same by the weights that lead on from the unit."""
    units, after = len(first[f"{chain.layers[place]}.weight"]), chain.layers[place + 1]
    own, other = first[f"{after}.weight"].double(), second[f"{after}.weight"].double()[orders[after]]
    return _by_input(own, units) @ _by_input(other, units).T


def _by_input(weight: Tensor, units: int) -> Float64[Tensor, "units weights"]:
    """The weights that each unit of the layer before feeds: several columns where a map was made flat."""
    return weight.reshape(len(weight), units, -1).transpose(0, 1).flatten(1)


def _inputs_taken(weight: Tensor, order: Int64[Tensor, " units"]) -> Tensor:
    taken = weight.reshape(len(weight), len(order), -1)[:, order]
    return taken.reshape(weight.shape)


def distances(
    first: Mapping[str, Tensor], second: Mapping[str, Tensor], names: Sequence[str]
) -> dict[str, float]:
    """‖a − b‖ / √(‖a‖ ‖b‖) of each parameter: 0 for equal ones, √2 for unrelated ones of the same size.

    >>> distances({"w": torch.tensor([3.0, 0.0])}, {"w": torch.tensor([3.0, 3.0])}, ["w"])["w"] > 0.8
    True
    """
    found = {}
    for name in names:
        one, other = first[name].double(), second[name].double()
        size = float((one.norm() * other.norm()).sqrt())
        apart = float((one - other).norm())
        found[name] = apart / size if size else (0.0 if not apart else float("inf"))
    return found
