"""What stands before and after the stations of a forward pass: activation functions, normalised inputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from weightdesk.explain.terms.places import Coordinates
from weightdesk.explain.tracing import Station

# fmt: off
_ACTIVATIONS: Final = frozenset({
    "celu", "clamp", "clamp_min", "elu", "gelu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
    "log_sigmoid", "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6", "selu", "sigmoid", "silu",
    "softmax", "softplus", "softsign", "tanh", "threshold",
})
# fmt: on
_NORMALISATIONS: Final = frozenset({"layer_norm", "rms_norm", "batch_norm", "group_norm"})


@dataclass(frozen=True)
class Normalisation:
    """How a normalised input came: (value − mean) / deviation.

    Attributes:
        value: the input before.
        mean: what was subtracted.
        deviation: what it was divided by, the small constant against a division by zero included.
        source: over what mean and deviation were taken.
    """

    value: float
    mean: float
    deviation: float
    source: str


class Neighbours(TorchFunctionMode):
    """Entered around a trace with cuts, notes the functions that stand next to the stations.

    It keeps what the network was given in place of each station's result: once more their memory.

    >>> from weightdesk.explain.tracing import trace, untouched
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.ReLU())
    >>> with untouched(model), Neighbours() as neighbours:
    ...     station = trace(model, torch.ones(1, 2), cut=True).stations[0]
    >>> neighbours.activation(station)[0]
    'relu'
    """

    def __init__(self) -> None:
        super().__init__()
        self._copies: dict[int, tuple[Tensor, int, Tensor]] = {}
        self._activations: dict[int, tuple[str, Callable[[Tensor], Tensor]]] = {}
        self._normalised: dict[int, tuple[Tensor, str, Mapping[str, Any]]] = {}

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "").strip("_")
        if name in _ACTIVATIONS and args:
            self._note_activation(name, function, args, kwargs)
        result = function(*args, **kwargs)
        if name == "clone":
            self._copies[id(result)] = (result, result._version, args[0])
        elif name in _NORMALISATIONS:
            given = inspect.signature(function).bind(*args, **kwargs)
            given.apply_defaults()
            self._normalised[id(result)] = (result, name, given.arguments)
        return result

    def _note_activation(self, name: str, function: Any, args: Any, kwargs: Any) -> None:
        copy, version, source = self._copies.get(id(args[0]), (None, 0, None))
        if copy is None or copy._version != version:
            return  # not a station's result, or something was added to it in place
        kwargs = {**kwargs, "inplace": False} if "inplace" in kwargs else kwargs
        again = lambda values: function(values, *args[1:], **kwargs)  # noqa: E731
        self._activations.setdefault(id(source), (name, again))

    def activation(self, station: Station) -> tuple[str, Tensor] | None:
        """The activation function that a station's result goes into, and what it makes of it."""
        name, again = self._activations.get(id(station.leaf), ("", None))
        if again is None:
            return None
        with torch.no_grad():
            return name, again(station.result.detach().clone())

    def normalisation(self, result: Tensor, at: Coordinates) -> Normalisation | None:
        """How the normalised input at a place of a station's result came; None if it is not normalised."""
        if id(result) not in self._normalised:
            return None
        _, name, given = self._normalised[id(result)]
        with torch.no_grad():
            mean, variance, source = _MOMENTS[name](given, at)
            small = torch.finfo(result.dtype).eps if given["eps"] is None else given["eps"]
            deviation = float((variance + small).sqrt())
            return Normalisation(float(given["input"][at]), float(mean), deviation, source)


_Moments = tuple[Tensor, Tensor, str]


def _over(values: Tensor, source: str) -> _Moments:
    values = values.double()
    return values.mean(), values.var(correction=0), source


def _layer(given: Mapping[str, Any], at: Coordinates) -> _Moments:
    return _over(given["input"][at[: -len(given["normalized_shape"])]], "over the example's units here")


def _root_mean_square(given: Mapping[str, Any], at: Coordinates) -> _Moments:
    square = given["input"][at[: -len(given["normalized_shape"])]].double().square().mean()
    return torch.zeros(()), square, "root mean square of the example's units here"


def _group(given: Mapping[str, Any], at: Coordinates) -> _Moments:
    groups = given["input"][at[0]].flatten().view(given["num_groups"], -1)
    size = given["input"].shape[1] // given["num_groups"]
    return _over(groups[at[1] // size], "over the example's group of channels")


def _batch(given: Mapping[str, Any], at: Coordinates) -> _Moments:
    if given["training"] or given["running_mean"] is None:
        return _over(given["input"][:, at[1]], "over this batch")
    mean, variance = given["running_mean"][at[1]], given["running_var"][at[1]]
    return mean.double(), variance.double(), "running averages of the training"


_MOMENTS: Final[Mapping[str, Callable[[Mapping[str, Any], Coordinates], _Moments]]] = {
    "layer_norm": _layer,
    "rms_norm": _root_mean_square,
    "group_norm": _group,
    "batch_norm": _batch,
}
