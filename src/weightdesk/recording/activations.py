"""Statistics of what the modules put out, at the steps at which statistics are taken.

Hooks sit on the leaf modules only while such a step lasts: at every other step the forward pass
is untouched. Only passes that build a graph are measured, so an evaluation between two steps does
not count. Inside `torch.compile` the hooks do nothing, and the compiled graph stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from weightdesk.recording.gradients import local
from weightdesk.recording.meter import Batch, measure_anywhere
from weightdesk.statistics.measure import KINDS
from weightdesk.types import Step

_NEAR: Final = 0.01
"""An output is saturated within this share of the function's range from a bound."""

_BOUNDS: Final[dict[type[nn.Module], Callable[[Any], tuple[float, float]]]] = {
    nn.Sigmoid: lambda _: (0.0, 1.0),
    nn.Hardsigmoid: lambda _: (0.0, 1.0),
    nn.Tanh: lambda _: (-1.0, 1.0),
    nn.Softsign: lambda _: (-1.0, 1.0),
    nn.Hardtanh: lambda module: (module.min_val, module.max_val),
    nn.ReLU6: lambda _: (0.0, 6.0),
}


class ActivationMeter:
    """Measures the outputs of a model's leaf modules between `start` and `stop`.

    Arguments:
        model: whose leaf modules are measured.
        emit: receives one batch a measured output.
        attempt: does a measurement on recording's account: counts its time and catches its errors.

    """

    def __init__(
        self, model: nn.Module, emit: Callable[[Batch], None], attempt: Callable[..., object]
    ) -> None:
        self._leaves = {
            name: module for name, module in model.named_modules() if name and not any(module.children())
        } or {type(model).__name__: model}
        self._emit, self._attempt = emit, attempt
        self._handles: list[RemovableHandle] = []

    def start(self, step: Step) -> None:
        """Measure every output from now on as one of this step."""
        for name, module in self._leaves.items():
            self._handles.append(module.register_forward_hook(self._hook(name, step)))

    def stop(self) -> None:
        """Take every hook off."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _hook(self, name: str, step: Step) -> Callable[[nn.Module, Any, Any], None]:
        def measure_output(module: nn.Module, _inputs: Any, outputs: Any) -> None:
            if torch.is_grad_enabled() and not torch.compiler.is_compiling():
                self._attempt("statistics", self._measure, name, step, module, outputs)

        return measure_output

    def _measure(self, name: str, step: Step, module: nn.Module, outputs: Any) -> None:
        output = outputs[0] if isinstance(outputs, (tuple, list)) and outputs else outputs
        if isinstance(output, Tensor) and output.dtype in KINDS:
            values = local(output)
            saturated = _saturated(module, values)
            self._emit(Batch(step, "activation", [name], measure_anywhere([values]), saturated=saturated))


def _saturated(module: nn.Module, output: Tensor) -> Tensor | None:
    """Share of the outputs close to a bound of the function, as a 0-d tensor; None where it has none."""
    if type(module) not in _BOUNDS or not output.numel():
        return None
    low, high = _BOUNDS[type(module)](module)
    margin = _NEAR * (high - low)
    return ((output <= low + margin) | (output >= high - margin)).double().mean()
