"""Statistics of what the modules put out, at the steps at which statistics are taken.

The leaf modules are observed only while such a step lasts: at every other step the forward pass is
untouched. Only passes that build a graph are measured, so an evaluation between two steps does not count.
Modules that `torch.compile` compiles are not called from Python, so their outputs cannot be measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor, nn

from weightdesk.recording.copies import SpareMemory
from weightdesk.recording.endings import describe_error
from weightdesk.recording.flatshards import original_name
from weightdesk.recording.gradients import local
from weightdesk.recording.meter import Batch, measure_anywhere
from weightdesk.recording.modulecalls import ModuleObservation
from weightdesk.recording.notes import Notes, enumerate_names
from weightdesk.statistics.devices import DeviceMeasurements
from weightdesk.statistics.measure import KINDS, Measurements, measure, merge
from weightdesk.statistics.memory import has_plain_memory, has_plain_values
from weightdesk.types import Step

_NEAR: Final = 0.01
"""An output is saturated within this share of the function's range from a bound."""

_SMALL: Final = 1 << 13
"""Elements up to which an output is copied and measured together with others: to measure one by itself takes
60 µs, of which 50 are for the call, and to copy it 5."""

_MOST_WAITING: Final = 1 << 20
"""Elements of copies that may wait to be measured."""

_SILENT_STEPS: Final = 2
"""Measured steps in a row without any output after which this is said: one may lack them, since `watch` may
be called between a forward pass and its optimizer step."""

_SILENT_STEPS_OF_ONE: Final = 8
"""The same for a single module: steps of several optimizers need not call the same modules."""

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
        notes: told which modules have no statistics, and why.
    """

    def __init__(
        self,
        model: nn.Module,
        emit: Callable[[Batch], None],
        attempt: Callable[..., object],
        notes: Notes,
    ) -> None:
        self._emit, self._attempt, self._notes = emit, attempt, notes
        self._observations: list[ModuleObservation] = []
        self._outputs: dict[str, Outputs] = {}
        self._waiting: list[tuple[Outputs, Tensor]] = []  # copies of small outputs
        self._elements_waiting = 0
        self._memory = SpareMemory()
        self._unmeasurable: set[str] = set()
        self._silent_steps: dict[str, int] = {}
        self._step: Step = 0
        self.follow(model)

    def follow(self, model: nn.Module) -> None:
        """Measure the modules that the model has now, from the next `start` on."""
        leaves = {
            original_name(name): module
            for name, module in model.named_modules()
            if name and not any(module.children())
        }
        self._leaves = leaves or {type(model).__name__: model}

    def start(self, step: Step) -> None:
        """Measure every output from now on as one of this step."""
        self._step = step
        for name, module in self._leaves.items():
            if name not in self._unmeasurable:  # one by one: `stop` removes those made before an error
                self._observations.append(ModuleObservation(module, self._observer(name)))

    def stop(self, *, stepped: bool = False) -> None:
        """Observe no more and hand over what was measured.

        Arguments:
            stepped: whether an optimizer step ends it, so that every module in use must have had outputs.
        """
        if stepped and self._observations:
            self._name_silent_modules()
        for observation in self._observations:
            observation.remove()
        self._observations.clear()
        self._measure_waiting()
        measured, self._outputs = self._outputs, {}
        for name, outputs in measured.items():
            if outputs.passes:  # none if Ctrl-C came in the middle of the first
                self._emit(Batch(self._step, "activation", [name], outputs, saturated=outputs.saturation()))

    def _observer(self, name: str) -> Callable[[nn.Module, Any, Any, Any], None]:
        def measure_output(module: nn.Module, _arguments: Any, _options: Any, outputs: Any) -> None:
            if torch.is_grad_enabled():
                self._attempt("statistics", self._measure, name, module, outputs)

        return measure_output

    def _measure(self, name: str, module: nn.Module, outputs: Any) -> None:
        output = outputs[0] if isinstance(outputs, (tuple, list)) and outputs else outputs
        if not isinstance(output, Tensor) or output.dtype not in KINDS or name in self._unmeasurable:
            return
        try:
            with torch._C.DisableTorchFunctionSubclass():  # a subclass's own code is none of our business
                self._add(self._outputs.setdefault(name, Outputs()), module, output)
        except Exception as error:  # models put out whatever they like
            self._leave_out(name, describe_error(error))

    def _add(self, outputs: Outputs, module: nn.Module, output: Tensor) -> None:
        values = local(output)
        if not (has_plain_memory(values) if values.is_cpu else has_plain_values(values)):
            raise TypeError(f"a {type(output).__name__} of layout {output.layout} without plain memory")
        saturated = _saturated(module, values)
        if saturated is not None:
            outputs.sizes.append(values.numel())
            outputs.saturated.append(saturated)
        if values.is_cpu and values.numel() <= _SMALL:  # a copy, since the next operation may work in place
            self._waiting.append((outputs, self._memory.copy("", values)))
            self._elements_waiting += values.numel()
            if self._elements_waiting > _MOST_WAITING:
                self._measure_waiting()
        else:
            outputs.passes.append(measure_anywhere([values]))

    def _measure_waiting(self) -> None:
        waiting, self._waiting, self._elements_waiting = self._waiting, [], 0
        self._memory = SpareMemory()
        if waiting:
            measured = measure([values for _, values in waiting])
            for row, (outputs, _) in enumerate(waiting):
                outputs.passes.append(measured[row : row + 1])

    def _leave_out(self, name: str, reason: str) -> None:
        self._unmeasurable.add(name)
        self._outputs.pop(name, None)
        self._notes.add(f"no activation statistics of {name}: {reason}")

    def _name_silent_modules(self) -> None:
        """Say which modules had no outputs: what cannot be seen must not look as if nothing happened."""
        observed = [name for name in self._leaves if name not in self._unmeasurable]
        for name in observed:
            self._silent_steps[name] = 0 if name in self._outputs else self._silent_steps.get(name, 0) + 1
        if all(self._silent_steps[name] >= _SILENT_STEPS for name in observed):
            self._notes.add(
                "no activation statistics while no module of the model is called from Python: what "
                "torch.compile compiles is not measured",
                aloud=True,
            )
            return
        silent = [name for name in observed if self._silent_steps[name] == _SILENT_STEPS_OF_ONE]
        if silent:
            self._notes.add(
                f"no activation statistics of {enumerate_names(silent)} up to step {self._step}: not called "
                "from Python, since compiled, unused or computed within another module"
            )


def _saturated(module: nn.Module, output: Tensor) -> Tensor | None:
    """Share of the outputs close to a bound of the function, as a 0-d tensor; None if it has no bounds."""
    if type(module) not in _BOUNDS or not output.numel():
        return None
    low, high = _BOUNDS[type(module)](module)
    margin = _NEAR * (high - low)
    return ((output <= low + margin) | (output >= high - margin)).double().mean()
