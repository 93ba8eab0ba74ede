"""A snapshot in the making: copies of everything at one step, then what the optimizer did to it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from weightdesk.recording.subject import Options, Subject, options_of
from weightdesk.types import ParameterName, Step


class Snapshot:
    """Copies of the state dict on the CPU and, from `before` and `after`, of one optimizer step.

    Shards are gathered from all processes, which therefore take the same snapshots.

    Attributes:
        step: optimizer steps done.
        tensors: the model's state dict.
        extra: `<name>@gradient`, `<name>@update` and `<name>@<optimizer state>`.
        metadata: of the extra file: the optimizer and the options of each parameter's group, as JSON.
        is_last: whether the run ends with it; then it is kept whatever the disk budget.

    """

    def __init__(self, subject: Subject, step: Step, *, is_last: bool = False) -> None:
        self.step = step
        self.is_last = is_last
        self.metadata: dict[str, str] = {}
        self._copies: dict[int, Tensor] = {}  # by identity, so that tied parameters stay tied
        self.tensors = {
            name: self._copy_once(tensor)
            for name, tensor in subject.model.state_dict(keep_vars=True).items()
            if isinstance(tensor, Tensor)
        }
        self.extra: dict[str, Tensor] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of all copies."""
        return sum(each.nbytes for each in (*self.tensors.values(), *self.extra.values()))

    def before(
        self,
        parameters: Mapping[ParameterName, nn.Parameter],
        gradients: Mapping[ParameterName, Tensor],
        optimizer: Optimizer,
    ) -> None:
        """Copy the gradients and the state that the optimizer is about to use."""
        for name, gradient in gradients.items():
            dense = gradient.to_dense() if gradient.is_sparse else gradient
            self.extra[f"{name}@gradient"] = _copy(dense)
        options: dict[ParameterName, Options] = {}
        groups = {id(each): group for group in optimizer.param_groups for each in group["params"]}
        for name, parameter in parameters.items():
            options[name] = options_of(groups[id(parameter)])
            for key, value in optimizer.state.get(parameter, {}).items():
                if isinstance(value, Tensor):
                    self.extra[f"{name}@{key}"] = _copy(value)
                elif isinstance(value, (bool, int, float)):
                    self.extra[f"{name}@{key}"] = torch.tensor(value)
        self.metadata = {
            "optimizer": json.dumps(type(optimizer).__name__),
            "options": json.dumps(options),
        }

    def after(self, parameters: Mapping[ParameterName, nn.Parameter]) -> None:
        """Add what the step did: the weights after it minus the weights before it."""
        for name, parameter in parameters.items():
            self.extra[f"{name}@update"] = _copy(parameter) - self._copy_once(parameter)

    def _copy_once(self, tensor: Tensor) -> Tensor:
        if id(tensor) not in self._copies:
            self._copies[id(tensor)] = _copy(tensor)
        return self._copies[id(tensor)]


def _copy(tensor: Tensor) -> Tensor:
    tensor = tensor.detach()
    whole: Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    # A copy from another device is a new tensor already; waiting for it is the price of a snapshot.
    return whole.clone(memory_format=torch.contiguous_format) if whole.is_cpu else whole.cpu().contiguous()
