"""Statistics of what the modules put out, at the steps at which statistics are taken.

Hooks sit on the leaf modules only while such a step lasts: at every other step the forward pass
is untouched. Only passes that build a graph are measured, so an evaluation between two steps does
not count. A compiled model is not hooked; where a module inside is compiled, its hooks do nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from weightdesk.recording.gradients import local
from weightdesk.recording.meter import Batch, measure_anywhere
from weightdesk.statistics.devices import DeviceMeasurements
from weightdesk.statistics.measure import KINDS, Measurements, merge
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


@dataclass
class Outputs:
    """What a module put out during a step, in one forward pass or in several.

    Attributes:
        passes: measurements of each pass.
        saturated: share of the outputs near a bound in each pass, as 0-d tensors.
        sizes: number of outputs of each pass.
    """

    passes: list[Measurements | DeviceMeasurements] = field(default_factory=list)
    saturated: list[Tensor] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def collect(self) -> Measurements:
        """All passes together; waits for the device if it has to."""
        return merge([each.collect() for each in self.passes])

    def saturation(self) -> Tensor | None:
        """Share of all outputs near a bound."""
        if not self.saturated:
            return None
        sizes = self.sizes[: len(self.saturated)]  # one more if Ctrl-C came between the two
        weights = torch.tensor(sizes, dtype=torch.float64, device=self.saturated[0].device)
        return (torch.stack(self.saturated) * weights).sum() / weights.sum()


class ActivationMeter:
    """Measures the outputs of a model's leaf modules between `start` and `stop`.

    Arguments:
        model: whose leaf modules are measured.
        emit: receives one batch a module.
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
        self._outputs: dict[str, Outputs] = {}
        self._step: Step = 0

    def start(self, step: Step) -> None:
        """Measure every output from now on as one of this step."""
        self._step = step
        for name, module in self._leaves.items():
            self._handles.append(module.register_forward_hook(self._hook(name)))

    def stop(self) -> None:
        """Take every hook off and hand over what was measured."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        outputs, self._outputs = self._outputs, {}
        for name, found in outputs.items():
            if found.passes:  # none if Ctrl-C came in the middle of the first
                self._emit(Batch(self._step, "activation", [name], found, saturated=found.saturation()))

    def _hook(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def measure_output(module: nn.Module, _inputs: Any, outputs: Any) -> None:
            if torch.is_grad_enabled() and not torch.compiler.is_compiling():
                self._attempt("statistics", self._measure, name, module, outputs)

        return measure_output

    def _measure(self, name: str, module: nn.Module, outputs: Any) -> None:
        output = outputs[0] if isinstance(outputs, (tuple, list)) and outputs else outputs
        if isinstance(output, Tensor) and output.dtype in KINDS:
            values, found = local(output), self._outputs.setdefault(name, Outputs())
            measured, saturated = measure_anywhere([values]), _saturated(module, values)
            if saturated is not None:
                found.sizes.append(values.numel())
                found.saturated.append(saturated)
            found.passes.append(measured)


def _saturated(module: nn.Module, output: Tensor) -> Tensor | None:
    """Share of the outputs close to a bound of the function, as a 0-d tensor; None where it has none."""
    if type(module) not in _BOUNDS or not output.numel():
        return None
    low, high = _BOUNDS[type(module)](module)
    margin = _NEAR * (high - low)
    return ((output <= low + margin) | (output >= high - margin)).double().mean()
