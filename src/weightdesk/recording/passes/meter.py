"""Looks at forward passes of the whole network: at those of a training step, and at evaluations.

The calls of the network itself are observed. A pass of a step that gets statistics is looked at, and so are
evaluations between steps as often as the budget allows; at every other call the observer returns at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from weightdesk.recording.endings import describe_error
from weightdesk.recording.gradients import local
from weightdesk.recording.modulecalls import ModuleObservation
from weightdesk.recording.notes import Notes
from weightdesk.recording.passes.graph import read_graph
from weightdesk.recording.passes.seen import SeenPass, is_rows, rows_of, some_inputs
from weightdesk.types import Step

_AT_ONCE: Final = 4
"""Passes that are looked at between two steps at most: an evaluation may have thousands."""


class PassMeter:
    """Looks at the passes of a model.

    Arguments:
        model: the network; its outermost call is a pass.
        emit: takes a pass once all is known about it.
        attempt: does something on recording's account: counts its time and catches its errors.
        step: how many optimizer steps are done.
        left_over: whether the gradients of the last step are still there; asked when backward begins.
        notes: told if no more passes are looked at.
    """

    def __init__(
        self,
        model: nn.Module,
        emit: Callable[[SeenPass], None],
        attempt: Callable[..., object],
        step: Callable[[], Step],
        left_over: Callable[[], bool | None],
        notes: Notes,
    ) -> None:
        self._emit, self._attempt, self._step, self._left_over = emit, attempt, step, left_over
        self._notes = notes
        self._listens = False
        self._evaluations, self._last_evaluations = 0, 1
        self._pending: list[SeenPass] = []
        self._graphs = 0
        self._observation = ModuleObservation(model, self._look_at_call)
        self.follow(model)

    def follow(self, model: nn.Module) -> None:
        """Know the modules and parameters that the model has now."""
        self._modal = [each for each in model.modules() if isinstance(each, (_BatchNorm, _DropoutNd))]
        self._names = {id(parameter): name for name, parameter in model.named_parameters()}

    def start(self) -> None:
        """Look at the passes of the coming step, and at evaluations after it, too."""
        self._listens = True

    def stop(self) -> None:
        """The step is over: hand over its passes; evaluations are looked at until the next step has one."""
        self._listens = False
        self._last_evaluations, self._evaluations = self._evaluations or self._last_evaluations, 0
        for each in self._pending:
            self._emit(each)
        self._pending = []

    def detach(self) -> None:
        """Observe no more."""
        self._observation.remove()
        self.stop()

    def _look_at_call(self, module: nn.Module, arguments: Any, options: dict[str, Any], outputs: Any) -> None:
        try:
            evaluates = not torch.is_grad_enabled() or not module.training
            if (self._is_due() if evaluates else self._listens) and len(self._pending) < 2 * _AT_ONCE:
                self._guard(self._look, module, (*arguments, *options.values()), outputs)
        except Exception as error:  # the training must go on whatever it is
            self._give_up(error)

    def _is_due(self) -> bool:
        """Whether this evaluation is looked at: few of them, spread over as many as there were last time."""
        number, self._evaluations = self._evaluations, self._evaluations + 1
        apart = max(1, -(-self._last_evaluations // _AT_ONCE))
        return number % apart == 0 and number // apart < _AT_ONCE

    def _guard(self, action: Callable[..., None], *arguments: Any) -> None:
        """Do something on recording's account; what cannot be looked at is left, and all else recorded."""

        def act() -> None:
            try:
                action(*arguments)
            except Exception as error:  # models put in and out whatever they like
                self._give_up(error)

        self._attempt("statistics", act)

    def _give_up(self, error: Exception) -> None:
        self._observation.remove()
        self._notes.add(f"no more passes are looked at: {describe_error(error)}", aloud=True)

    def _look(self, module: nn.Module, arguments: Any, outputs: Any) -> None:
        output = next((each for each in _flat(outputs) if is_rows(each) and each.is_floating_point()), None)
        examples, inputs = some_inputs(arguments)
        if output is None:
            return
        seen = SeenPass(
            step=self._step(),
            training=module.training,
            differentiable=output.requires_grad,
            modes=(sum(each.training for each in self._modal), len(self._modal)),
            examples=examples,
            inputs=inputs,
            outputs=rows_of(local(output)).clone(),
            shape=tuple(output.shape),
        )
        self._pending.append(seen)
        if output.requires_grad:
            self._follow(seen, output)

    def _follow(self, seen: SeenPass, output: Tensor) -> None:
        """Wait for the backward pass, and look at the graph at the first, second, fourth … time."""
        node, number = output.grad_fn, output.output_nr
        if node is None:
            return
        # on the node, not on the tensor: torch.save would warn of a hook there
        node.register_prehook(lambda gradients: self._guard(self._take, seen, gradients[number]))
        self._graphs += 1
        if self._graphs & (self._graphs - 1) == 0:
            seen.graph = read_graph(node, self._names, self._feel)

    def _take(self, seen: SeenPass, gradient: Tensor | None) -> None:
        if gradient is None:
            return
        seen.stale = self._left_over()
        seen.gradient = rows_of(local(gradient)).clone()

    def _feel(self, node: Any, told: dict[str, Any]) -> None:
        """Note how large the gradient is that reaches a node, once it does."""
        node.register_prehook(lambda gradients: self._guard(_note_pull, told, gradients))


def _note_pull(told: dict[str, Any], gradients: tuple[Tensor | None, ...]) -> None:
    if gradients and gradients[0] is not None:
        told["pull"] = gradients[0].detach().double().square().mean().sqrt()


def _flat(outputs: Any) -> list[Any]:
    """Tensors of an output, the first first: models return tuples, lists and dictionaries."""
    if isinstance(outputs, dict):
        return [*outputs.values()]
    return [*outputs] if isinstance(outputs, (tuple, list)) else [outputs]
