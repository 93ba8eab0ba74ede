"""A snapshot in the making: copies of everything at one step, then what the optimizer did to it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from weightdesk.recording.gradients import local
from weightdesk.recording.ranks import Shard, shard_of
from weightdesk.recording.subject import Options, Subject, options_of
from weightdesk.types import ParameterName, Step


class Snapshot:
    """Copies of the state dict on the CPU and, from `before` and `after`, of one optimizer step.

    Of sharded tensors only the local parts are copied; `pieces.py` puts them together.

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
        self.shards: dict[str, Shard] = {}
        self._rank = subject.rank
        self.metadata: dict[str, str] = {}
        self._spare: dict[str, Tensor] = {}  # memory asked for in advance
        self._copies: dict[int, Tensor] = {}  # by identity, so that tied parameters stay tied
        self.tensors = {
            name: self._copy_once(name, tensor)
            for name, tensor in subject.model.state_dict(keep_vars=True).items()
            if isinstance(tensor, Tensor)
        }
        self.extra: dict[str, Tensor] = {}

    def reserve(self, parameters: Mapping[ParameterName, nn.Parameter]) -> None:
        """Ask for the memory that gradients and updates will need, before the training begins."""
        for name, parameter in parameters.items():
            for kind in ("gradient", "update"):
                self._spare[f"{name}@{kind}"] = torch.zeros(local(parameter).shape, dtype=parameter.dtype)

    def again(self) -> Snapshot:
        """The same copies, to be completed while this snapshot may still be being written."""
        fresh = copy.copy(self)
        fresh.shards, fresh.extra, fresh.metadata = dict(self.shards), {}, {}
        return fresh

    def still_holds(self, subject: Subject) -> bool:
        """Whether the model's tensors are what they were when this snapshot was taken."""
        present = subject.model.state_dict(keep_vars=True)
        return all(torch.equal(kept, local(present[name]).cpu()) for name, kept in self.tensors.items())

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
            self.extra[f"{name}@gradient"] = self._copy(f"{name}@gradient", dense)
        options: dict[ParameterName, Options] = {}
        groups = {id(each): group for group in optimizer.param_groups for each in group["params"]}
        for name, parameter in parameters.items():
            options[name] = options_of(groups[id(parameter)])
            for key, value in optimizer.state.get(parameter, {}).items():
                if isinstance(value, Tensor):
                    self.extra[f"{name}@{key}"] = self._copy(f"{name}@{key}", value)
                elif isinstance(value, (bool, int, float)):
                    self.extra[f"{name}@{key}"] = self._copy(f"{name}@{key}", torch.tensor(value))
        self.metadata = {"optimizer": json.dumps(type(optimizer).__name__), "options": json.dumps(options)}

    def after(self, parameters: Mapping[ParameterName, nn.Parameter]) -> None:
        """Add what the step did: the weights after it minus the weights before it."""
        for name, parameter in parameters.items():
            if self._rank.sharded:
                self.shards[f"{name}@update"] = shard_of(parameter, self._rank)
            update = f"{name}@update"
            self.extra[update] = torch.sub(
                local(parameter).to("cpu"),
                self._copy_once(name, parameter),
                out=self._spare.pop(update, None),
            )

    def _copy_once(self, name: str, tensor: Tensor) -> Tensor:
        if id(tensor) not in self._copies:
            self._copies[id(tensor)] = self._copy(name, tensor)
        return self._copies[id(tensor)]

    def _copy(self, name: str, tensor: Tensor) -> Tensor:
        if self._rank.sharded:
            self.shards[name] = shard_of(tensor, self._rank)
        part = local(tensor)
        spare = self._spare.pop(name, None)
        if spare is not None and spare.shape == part.shape and spare.dtype == part.dtype:
            return spare.copy_(part)
        # A copy from another device is a new tensor already; waiting for it is the price of a snapshot.
        return part.clone(memory_format=torch.contiguous_format) if part.is_cpu else part.cpu().contiguous()
