"""A snapshot in the making: copies of everything at one step, then what the optimizer did to it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from weightdesk.recording.copies import SpareMemory, same_bits, same_form_and_bits
from weightdesk.recording.gradients import LossScale, local
from weightdesk.recording.placement import Shard
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
        is_full: whether it has what the optimizer step did, beside the weights.
        is_repeated: whether its weights were handed to the writer before, at the same step.
        shards: if parameters are sharded, which part of each tensor lies here, also of those that another
            process records.
        spare: memory for the copies of a step, asked for in advance.

    """

    def __init__(self, subject: Subject, step: Step, *, is_last: bool = False) -> None:
        self.step = step
        self.is_last = is_last
        self.shards: dict[str, Shard] = {}
        self.is_full = self.is_repeated = False
        self._subject = subject
        self.metadata: dict[str, str] = {}
        self.spare = SpareMemory()
        self._copies: dict[int, Tensor] = {}  # by identity, so that tied parameters stay tied
        self.tensors = {
            name: self._copy_once(name, tensor)
            for name, tensor in subject.state().items()
            if self._is_mine(name, tensor)
        }
        self.extra: dict[str, Tensor] = {}
        self._state_keys: dict[ParameterName, list[str]] = {}

    def reserve(self, parameters: Mapping[ParameterName, nn.Parameter]) -> None:
        """Ask for the memory that gradients and updates will need, before the training begins."""
        for name, parameter in parameters.items():
            for kind in ("gradient", "update"):
                self.spare.reserve(f"{name}@{kind}", parameter)

    def again(self) -> Snapshot:
        """The same copies, to be completed while this snapshot may still be being written."""
        fresh = copy.copy(self)
        fresh.shards, fresh.extra, fresh.metadata = dict(self.shards), {}, {}
        fresh._state_keys, fresh.is_repeated = {}, True
        return fresh

    def still_holds(self, subject: Subject, *, buffers: bool = True) -> bool:
        """Whether the model's tensors, buffers among them or not, are what they were when this was taken."""
        skipped = () if buffers else subject.buffer_names()
        present = subject.state()
        return all(
            name in present and same_form_and_bits(tensor, local(present[name]).cpu())
            for name, tensor in self.tensors.items()
            if name not in skipped
        )

    def drop_step(self) -> None:
        """Keep the weights alone: the step that was to be added failed."""
        self.extra.clear()
        self.is_full = False

    def keep_weights(self, parameters: Mapping[ParameterName, nn.Parameter], optimizer: Optimizer) -> None:
        """Copy what the parameters are before the step; most of them are in the state dict already."""
        del optimizer
        for name, parameter in parameters.items():
            self._copy_once(name, parameter)

    def before(
        self,
        parameters: Mapping[ParameterName, nn.Parameter],
        gradients: Mapping[ParameterName, Tensor],
        optimizer: Optimizer,
        left: Mapping[ParameterName, Tensor] = MappingProxyType({}),
        scale: LossScale | None = None,
    ) -> None:
        """Copy the gradients and the state that the optimizer is about to use.

        Called again if an optimizer calls another one's step: then of the inner one, whose gradients and
        state take the place of what the outer one had for the same parameters.

        Arguments:
            parameters: that the optimizer moves.
            gradients: as it sees them.
            optimizer: about to step.
            left: copies of the gradients as backward left them, as far as they were kept. They become
                the snapshot's own.
            scale: of the loss, where it is known.
        """
        self.is_full = True
        for name, gradient in gradients.items():
            if not self._place(f"{name}@gradient", gradient):
                continue
            dense = gradient.to_dense() if gradient.is_sparse else gradient
            if name in left:
                self._add_both(name, dense.detach(), left[name], scale)
            elif (earlier := self.extra.get(f"{name}@backward_gradient")) is not None:
                self._add_both(name, dense.detach(), earlier, None)
            else:
                self.extra[f"{name}@gradient"] = self._copy(f"{name}@gradient", dense)
        for name, parameter in parameters.items():
            for key in self._state_keys.pop(name, ()):
                del self.extra[key]
            self._state_keys[name] = []
            for key, state in state_tensors(optimizer, parameter):
                if self._place(f"{name}@{key}", state):
                    self.extra[f"{name}@{key}"] = self._copy(f"{name}@{key}", state)
                    self._state_keys[name].append(f"{name}@{key}")
        self.metadata |= optimizer_metadata(optimizer, parameters, self.metadata)

    def after(self, parameters: Mapping[ParameterName, nn.Parameter]) -> None:
        """Add what the step did: the weights after it minus the weights before it."""
        for name, parameter in parameters.items():
            update = f"{name}@update"
            if not self._place(update, parameter):
                continue
            after = local(parameter).to("cpu")
            before = self._copy_once(name, parameter)
            self.extra[update] = torch.sub(after, before, out=self.spare.take(update, before))

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
        return self.spare.copy(name, tensor)

    def _place(self, name: str, tensor: Tensor) -> bool:
        """Note which part of an entry lies here; whether it can be stored, and by this process."""
        return self._subject.can_store(name, tensor) and self._is_mine(name, tensor)

    def _is_mine(self, name: str, tensor: Tensor) -> bool:
        """Note which part of an entry lies here; whether it is stored by this process."""
        if not self._subject.layout.rank.sharded:
            return True
        shard = self._subject.shard(name, tensor)
        if shard is not None:
            self.shards[name] = shard
        return shard is not None and shard.is_mine


def state_tensors(optimizer: Optimizer, parameter: nn.Parameter) -> Iterator[tuple[str, Tensor]]:
    """What an optimizer remembers of a parameter by its own keys: tensors, and numbers as tensors."""
    for key, value in optimizer.state.get(parameter, {}).items():
        if isinstance(value, Tensor):
            yield key, value
        elif isinstance(value, (bool, int, float)):
            yield key, torch.tensor(value, device="cpu")


def optimizer_metadata(
    optimizer: Optimizer,
    parameters: Mapping[ParameterName, nn.Parameter],
    earlier: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """Class of the optimizer and, by parameter, the options of its group, as JSON.

    Arguments:
        optimizer: that is about to step.
        parameters: that it moves.
        earlier: the metadata of the same step so far, whose options of other parameters stay.
    """
    names = {id(parameter): name for name, parameter in parameters.items()}
    options: dict[ParameterName, Options] = json.loads(earlier.get("options", "{}"))
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
