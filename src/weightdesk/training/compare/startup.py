"""Whether the settings of a comparison can start at all: asked at step 0, before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from weightdesk.errors import WeightdeskError
from weightdesk.training.compare.onethread import one_thread
from weightdesk.training.compare.plan import Member, Plan
from weightdesk.training.compare.signals import LayerSignal, signals
from weightdesk.training.preparation import Preparation, prepare, rebuild

_BATCH: Final = 256
_EVEN: Final = 10.0  # times the signal may fade or grow through all layers and still be called even
_SATURATED: Final = 3.0  # spread of z at which most of tanh lies beyond ± 0.9
_SEEDS: Final = 5

CANNOT, FADES, GROWS, SATURATES, EVEN = "cannot start", "fades", "grows", "saturates", "even"


@dataclass(frozen=True)
class Start:
    """A setting at step 0, the mean over its seeds.

    Attributes:
        verdict: `cannot start`, `fades`, `grows`, `saturates` or `even`.
        reason: why, with its numbers.
        layers: the signal, layer by layer.
    """

    verdict: str
    reason: str
    layers: tuple[LayerSignal, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: None stands for what is no finite number."""
        layers = [{name: _finite(value) for name, value in asdict(each).items()} for each in self.layers]
        return {**asdict(self), "layers": layers}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Start:
        """Return what `to_dict` stored."""
        layers = tuple(
            LayerSignal(**{name: _number(value) for name, value in each.items()}) for each in stored["layers"]
        )
        return cls(stored["verdict"], stored["reason"], layers)


def measure_starts(plan: Plan) -> dict[str, Start]:
    """Measure each setting on the networks of its first seeds; one that cannot be prepared is left out.

    >>> from weightdesk.training.compare.plan import make_plan
    >>> found = measure_starts(make_plan("xor", {"init": ["zeros", "he_normal"]}, seeds=2))
    >>> {name: each.verdict for name, each in found.items()}
    {'zeros': 'cannot start', 'he_normal': 'even'}
    """
    found = {}
    with one_thread():
        for setting in plan.settings:
            try:
                found[setting.name] = measure_start(plan.of_setting(setting.name)[:_SEEDS])
            except WeightdeskError:
                continue  # its members will fail and say why
    return found


def measure_start(members: Sequence[Member]) -> Start:
    """Measure one setting on a batch of its training examples.

    Arguments:
        members: of the setting, one a seed.

    Raises:
        OptionError: the network does not fit the data.
        DataError: the data cannot be used.

    """
    prepared = prepare(members[0].recipe)
    heard = [_heard(prepared, member) for member in members]
    layers = tuple(_mean(each) for each in zip(*heard, strict=True))
    return judge(layers, members[0].recipe.activation, drops=members[0].recipe.dropout > 0)


def judge(layers: tuple[LayerSignal, ...], activation: str, *, drops: bool = False) -> Start:
    """Say whether a training can start from such a signal.

    Arguments:
        layers: in the order in which they run.
        activation: name of the activation between them.
        drops: whether dropout makes units differ that are alike.

    >>> layer = LayerSignal("a", 1.0, 1.0, 1.0, 1.0, 1.0, gradient=0.0, alike=True)
    >>> judge((layer, layer), "relu").reason
    'no weight gets a gradient'
    """
    return Start(*_verdict(layers, activation, drops), layers)


def _verdict(layers: tuple[LayerSignal, ...], activation: str, drops: bool) -> tuple[str, str]:
    if not layers:
        return EVEN, "no linear layer or convolution"
    wild = [each.layer for each in layers if not math.isfinite(each.forward + each.backward)]
    if wild:
        return CANNOT, f"numbers are no longer finite in {wild[0]}"
    if not any(each.gradient for each in layers):
        return CANNOT, "no weight gets a gradient"
    alike = [each.layer for each in layers[:-1] if each.alike]
    if alike and not drops:
        return CANNOT, f"the units of {alike[0]} are alike, get the same gradient and stay alike for ever"
    return _course(layers, activation)


def _course(layers: tuple[LayerSignal, ...], activation: str) -> tuple[str, str]:
    """Whether the signal keeps its size on the way through the layers."""
    widest = max(layers[:-1], key=lambda each: each.forward, default=layers[0])
    if activation in ("tanh", "sigmoid") and widest.forward > _SATURATED:
        return (
            SATURATES,
            f"the sums of {widest.layer} have spread {widest.forward:.3g}, where {activation} is flat",
        )
    forward = _ratio(layers[-1].forward, layers[0].forward)
    backward = _ratio(layers[0].backward, layers[-1].backward)
    said = f"from end to end the signal is scaled by {forward:.2g}, the gradient on its way by {backward:.2g}"
    if min(forward, backward) < 1 / _EVEN:
        return FADES, said
    return (GROWS if max(forward, backward) > _EVEN else EVEN), said


def _number(value: Any) -> Any:
    return math.nan if value is None else value


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _ratio(last: float, first: float) -> float:
    return last / first if first else math.nan


def _heard(prepared: Preparation, member: Member) -> tuple[LayerSignal, ...]:
    train = prepared.parts["train"]
    model = rebuild({**prepared.stored, "seed": member.seed})
    targets = train.targets[:_BATCH]
    return signals(model, prepared.objective, train.inputs[:_BATCH], targets, member.recipe.activation)


def _mean(seeds: Sequence[LayerSignal]) -> LayerSignal:
    """The same layer of all seeds as one."""
    numbers = [each.name for each in fields(LayerSignal) if each.name not in ("layer", "alike")]
    means = {name: sum(getattr(each, name) for each in seeds) / len(seeds) for name in numbers}
    return LayerSignal(layer=seeds[0].layer, alike=all(each.alike for each in seeds), **means)
