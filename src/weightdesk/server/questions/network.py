"""What the network computes, layer by layer, so that a page without Python can run it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Final, Literal, TypeAlias

from torch import Tensor, nn
from torch.nn import functional

from weightdesk.server.questions.question import Question, Step
from weightdesk.server.session import Session
from weightdesk.server.wire import Floats, Message
from weightdesk.training.objective import Objective

Settings: TypeAlias = dict[str, tuple[float, ...]]
LossName: TypeAlias = Literal["cross_entropy", "mse"]


class NetworkBuffer(Message):
    """Numbers of a layer that are measured, not learned, as they were at the step."""

    name: str
    values: Floats


class NetworkLayer(Message):
    """A layer: `parameters` by their names in it, `settings` as one number, or one for each axis."""

    name: str
    kind: str
    settings: dict[str, tuple[float, ...]]
    parameters: dict[str, str]
    buffers: tuple[NetworkBuffer, ...]


class Network(Message):
    """The layers in the order in which they run; none where `reason` says why they cannot be told."""

    supported: bool
    reason: str | None
    layers: tuple[NetworkLayer, ...]
    loss: LossName | None


class NetworkQuestion(Question[Network]):
    """What does the network compute? Known of layers in a row, `nn.Sequential`, that are in the table."""

    kind: ClassVar[str] = "network"

    step: Step

    def answer(self, session: Session) -> Network:
        """Read the modules; in evaluation mode, as everything on the desk."""
        subject, model = session.subject, session.model(self.step)
        try:
            layers = tuple(_facts(name, each, session) for name, each in _row(model))
        except _NotKnownError as error:
            return Network(supported=False, reason=str(error), layers=(), loss=None)
        return Network(
            supported=True, reason=None, layers=layers, loss=_loss_name(subject.loss, subject.targets)
        )


class _NotKnownError(Exception):
    """A module that a page cannot run; the message says which."""


def _row(model: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    if type(model) is not nn.Sequential:
        raise _NotKnownError(f"{prefix or 'the network'} is a {type(model).__name__}, no nn.Sequential")
    for name, each in model.named_children():
        if isinstance(each, nn.Sequential):
            yield from _row(each, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", each


def _facts(name: str, module: nn.Module, session: Session) -> NetworkLayer:
    kind = type(module).__name__
    read = _READERS.get(type(module))
    settings = None if read is None or _has_hooks(module) else read(module)
    if settings is None:
        raise _NotKnownError(f"{name} is a {kind} that is computed in Python only")
    known = session.run.parameters
    return NetworkLayer(
        name=name,
        kind=kind,
        settings=settings,
        parameters={own: known[f"{name}.{own}"].name for own, _ in module.named_parameters()},
        buffers=tuple(
            NetworkBuffer(name=own, values=each)
            for own, each in module.named_buffers()
            if own.startswith("running")
        ),
    )


def _has_hooks(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _conv2d(module: Any) -> Settings | None:
    kernel, padding = module.kernel_size, module.padding
    if module.groups != 1 or module.dilation != (1, 1) or module.padding_mode != "zeros":
        return None
    if padding == "same":
        if any(each % 2 == 0 for each in kernel):
            return None
        padding = tuple(each // 2 for each in kernel)
    return {"stride": module.stride, "padding": (0, 0) if padding == "valid" else padding}


def _pool(module: Any) -> Settings | None:
    if module.ceil_mode or _pair(getattr(module, "dilation", 1)) != (1, 1):
        return None
    if getattr(module, "return_indices", False) or getattr(module, "divisor_override", None):
        return None
    return {
        "kernel": _pair(module.kernel_size),
        "stride": _pair(module.stride),
        "padding": _pair(module.padding),
        "counts_padding": (float(getattr(module, "count_include_pad", False)),),
    }


def _pair(given: Any) -> tuple[float, ...]:
    return tuple(given) if isinstance(given, tuple) else (given, given)


def _batch_norm(module: Any) -> Settings | None:
    return None if module.running_mean is None else {"eps": (module.eps,)}


def _flatten(module: Any) -> Settings | None:
    return {} if (module.start_dim, module.end_dim) == (1, -1) else None


def _plain(_module: Any) -> Settings:
    return {}


_READERS: Final[Mapping[type[nn.Module], Callable[[Any], Settings | None]]] = {
    nn.Linear: _plain,
    nn.Conv2d: _conv2d,
    nn.MaxPool2d: _pool,
    nn.AvgPool2d: _pool,
    nn.ReLU: _plain,
    nn.LeakyReLU: lambda module: {"slope": (module.negative_slope,)},
    nn.Tanh: _plain,
    nn.Sigmoid: _plain,
    nn.GELU: lambda module: {"by_tanh": (float(module.approximate == "tanh"),)},
    nn.Identity: _plain,
    nn.Flatten: _flatten,
    nn.Dropout: _plain,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.LayerNorm: lambda module: {"eps": (module.eps,), "axes": (len(module.normalized_shape),)},
}
"""How the settings of each kind are read; None where they are of a kind that the page does not know."""


def _loss_name(loss: Any, targets: Any) -> LossName | None:
    """The loss by name; None where it is one of somebody's own."""
    if not isinstance(targets, Tensor):
        return None
    owner = getattr(loss, "__self__", loss)
    if isinstance(owner, Objective):
        return "cross_entropy" if owner.task == "classification" else "mse"
    if loss is None:  # then the desk decides by the targets' type, see `desk.outcomes.defaultloss`
        return "mse" if targets.is_floating_point() else "cross_entropy" if targets.ndim == 1 else None
    return _BY_FUNCTION.get(loss) if callable(loss) and not isinstance(loss, nn.Module) else None


_BY_FUNCTION: Final[Mapping[Any, LossName]] = {
    functional.cross_entropy: "cross_entropy",
    functional.mse_loss: "mse",
}
