"""A snapshot in the making: copies of everything at one step, then what the optimizer did to it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from weightdesk.recording.copies import SpareMemory, same_bits
from weightdesk.recording.gradients import LossScale, local
from weightdesk.recording.ranks import Shard, shard_of
from weightdesk.recording.subject import Options, Subject, options_of
from weightdesk.types import ParameterName, Step


class Snapshot:
    """Copies of the state dict on the CPU and, from `before` and `after`, of one optimizer step.

    Of sharded tensors only the local parts are copied; `pieces.py` puts them together.

    Attributes:
        step: optimizer steps done.
        tensors: the model's state dict.
        extra: `<name>@gradient`, `<name>@backward_gradient`, `<name>@update` and
            `<name>@<optimizer state>`.
        metadata: of the extra file, as JSON: the optimizer, the options of each parameter's group, and
            the loss scale where it is known.
        is_last: whether the run ends with it; then it is kept whatever the disk budget.
        spare: memory for the copies of a step, asked for in advance.

    """

    def __init__(self, subject: Subject, step: Step, *, is_last: bool = False) -> None:
        self.step = step
        self.is_last = is_last
        self.shards: dict[str, Shard] = {}
        self._rank = subject.rank
        self.metadata: dict[str, str] = {}
        self.spare = SpareMemory()
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
                self.spare.reserve(f"{name}@{kind}", parameter)

    def again(self) -> Snapshot:
        """The same copies, to be completed while this snapshot may still be being written."""
        fresh = copy.copy(self)
        fresh.shards, fresh.extra, fresh.metadata = dict(self.shards), {}, {}
        return fresh

    def still_holds(self, subject: Subject) -> bool:
        """Whether the model's tensors are what they were when this snapshot was taken."""
        present = subject.model.state_dict(keep_vars=True)
        return all(torch.equal(kept, local(present[name]).cpu()) for name, kept in self.tensors.items())

    def before(
        self,
        parameters: Mapping[ParameterName, nn.Parameter],
        gradients: Mapping[ParameterName, Tensor],
        optimizer: Optimizer,
        left: Mapping[ParameterName, Tensor] = MappingProxyType({}),
        scale: LossScale | None = None,
    ) -> None:
        """Copy the gradients and the state that the optimizer is about to use.

        Arguments:
            parameters: that the optimizer moves.
            gradients: as it sees them.
            optimizer: about to step.
            left: copies of the gradients as backward left them, as far as they were kept. They become
                the snapshot's own.
            scale: of the loss, where it is known.
        """
        self.metadata = {}
        for name, gradient in gradients.items():
            dense = gradient.to_dense() if gradient.is_sparse else gradient
            if name in left:
                self._add_both(name, dense.detach(), left[name], scale)
            else:
                self.extra[f"{name}@gradient"] = self._copy(f"{name}@gradient", dense)
        for name, parameter in parameters.items():
            self._copy_once(name, parameter)  # a state dict need not have every parameter
            for key, value in optimizer.state.get(parameter, {}).items():
                if isinstance(value, Tensor):
                    self.extra[f"{name}@{key}"] = self._copy(f"{name}@{key}", value)
                elif isinstance(value, (bool, int, float)):
                    self.extra[f"{name}@{key}"] = self._copy(f"{name}@{key}", torch.tensor(value))
        self.metadata |= optimizer_metadata(optimizer, parameters)

    def after(self, parameters: Mapping[ParameterName, nn.Parameter]) -> None:
        """Add what the step did: the weights after it minus the weights before it."""
        for name, parameter in parameters.items():
            if self._rank.sharded:
                self.shards[f"{name}@update"] = shard_of(parameter, self._rank)
            update = f"{name}@update"
            self.extra[update] = torch.sub(
                local(parameter).to("cpu"),
                self._copy_once(name, parameter),
                out=self.spare.take(update),
            )

    def _add_both(self, name: str, seen: Tensor, left: Tensor, scale: LossScale | None) -> None:
        """Keep one copy where the optimizer sees what backward left, and two where something was taken.

        Contents are compared, since `parameter.grad.data.clamp_()` leaves no other trace.
        """
        present = seen.to(left.device)
        same = same_bits(left, present)
        if not same and scale is not None:
            self.metadata["loss_scale"] = json.dumps(scale.value)
            same = same_bits(scale.take_out(left), present)
        self.extra[f"{name}@gradient"] = left if same else self._copy(f"{name}@gradient", present)
        self.extra[f"{name}@backward_gradient"] = left

    def _copy_once(self, name: str, tensor: Tensor) -> Tensor:
        if id(tensor) not in self._copies:
            self._copies[id(tensor)] = self._copy(name, tensor)
        return self._copies[id(tensor)]

    def _copy(self, name: str, tensor: Tensor) -> Tensor:
        if self._rank.sharded:
            self.shards[name] = shard_of(tensor, self._rank)
        return self.spare.copy(name, tensor)


def optimizer_metadata(
    optimizer: Optimizer, parameters: Mapping[ParameterName, nn.Parameter]
) -> dict[str, str]:
    """Class of the optimizer and, by parameter, the options of its group, as JSON."""
    names = {id(parameter): name for name, parameter in parameters.items()}
    options: dict[ParameterName, Options] = {}
    for group in optimizer.param_groups:
        of_group = options_of(group)
        options |= {names[id(each)]: of_group for each in group["params"] if id(each) in names}
    return {"optimizer": json.dumps(type(optimizer).__name__), "options": json.dumps(options)}


def memory_of(tensors: Iterable[Tensor]) -> int:
    """Bytes that tensors take; those that share their memory take it once.

    >>> one = torch.ones(2)
    >>> memory_of([one, one, torch.ones(3)])
    20
    """
    return sum({each.data_ptr(): each.nbytes for each in tensors}.values())
