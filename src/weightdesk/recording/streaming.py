"""A snapshot of a large model: written in the training loop, tensor by tensor, without copies.

What the weights were before the step is read back from the file that they were just written to. So a
snapshot takes the memory of a few blocks, whatever the size of the model, and no longer than copies
would: see `runs/tensorfile.py`. The time is the training's, and is charged to the cost budget.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from types import MappingProxyType
from typing import Final, TypeAlias

import torch
from jaxtyping import Shaped
from torch import Tensor, nn
from torch.optim import Optimizer

from weightdesk.recording.allotment import Allotment
from weightdesk.recording.copies import same_bits
from weightdesk.recording.gradients import LossScale
from weightdesk.recording.snapshot import optimizer_metadata, state_tensors
from weightdesk.recording.spool import SpooledTensor
from weightdesk.recording.subject import Subject
from weightdesk.runs.format import extra_name, partial_name, snapshot_name
from weightdesk.runs.snapshotfolder import LEFT_OUT
from weightdesk.runs.snapshots import ties_of
from weightdesk.runs.stores import Store
from weightdesk.runs.tensorfile import Slot, TensorFile, flat_blocks
from weightdesk.types import ParameterName, Step

Blocks: TypeAlias = Iterable[Shaped[Tensor, " elements"]]

Contents: TypeAlias = dict[str, tuple[Slot, Callable[[], Blocks]]]
"""What a file is to hold: by name, the room that a tensor takes, and its blocks when they are asked for."""

_ABOUT: Final = 2000
"""Bytes of the headers that are about one parameter: some seven entries, and the options of its group."""

Part: TypeAlias = frozenset[ParameterName]
"""Parameters of a partial snapshot."""

Bytes: TypeAlias = Mapping[ParameterName, int]

Allot: TypeAlias = Callable[[Step, Bytes, Bytes, int, Part | None], Allotment]
"""Given the step, bytes of each parameter and of what belongs to it, of the state dict, and the parameters to
which the cost budget limits it: what is kept."""


class StreamedSnapshot:
    """Files of one step in the making.

    Arguments:
        subject: what is recorded.
        step: optimizer steps done.
        store: where the files will lie.
        allot: says how much of the step is kept.
        part: parameters to which it is limited.
        is_last: whether the run ends with it.
    """

    def __init__(
        self,
        subject: Subject,
        step: Step,
        store: Store,
        allot: Allot,
        part: Part | None = None,
        *,
        is_last: bool = False,
    ) -> None:
        self.step, self.is_last, self.part = step, is_last, part
        self._subject, self._store, self._allot = subject, store, allot
        self._weights: TensorFile | None = None
        self._extra: TensorFile | None = None
        self._is_whole = self._is_kept = False
        self._keys: dict[int, str] = {}  # by identity of a parameter, its name in the file of weights
        self._chosen: frozenset[ParameterName] = frozenset()
        self._left_out: list[ParameterName] = []  # parameters for which there is no room
        self._updated: dict[ParameterName, Slot] = {}  # of the parameters whose update is to follow

    @property
    def is_full(self) -> bool:
        """Whether it has what an optimizer step did, beside the weights."""
        return self._extra is not None

    @property
    def size(self) -> int:
        """Bytes of the files that are made for it."""
        return sum(file.size for _, file in self.files())

    def write_whole(self) -> int:
        """Write the state dict; return the bytes of its file."""
        self._is_whole = True
        self._weights = self._write_weights(snapshot_name(self.step), self._subject.state())
        return self._weights.size

    def again(self) -> StreamedSnapshot:
        """The same weights, to be completed while their file may still be on its way to its place."""
        fresh = copy.copy(self)
        fresh._is_kept, fresh._extra, fresh._updated = True, None, {}
        return fresh

    def still_holds(self, subject: Subject, *, buffers: bool = True) -> bool:
        """Whether the model's tensors, buffers among them or not, are what they were when this was taken."""
        skipped = () if buffers else subject.buffer_names()
        if self._weights is None or os.name == "nt":  # there a file that is read cannot be moved
            return False
        present = subject.state()
        return all(
            name in present
            and Slot.of(present[name]) == self._weights.slots[name]
            and _same(self._weights.blocks(name), flat_blocks(present[name]))
            for name in self._weights.slots
            if name not in skipped
        )

    def drop_step(self) -> None:
        """Keep the weights alone: the step that was to be added failed."""
        if self._extra is not None:
            self._extra.discard()
            self._extra = None

    def keep_weights(self, parameters: Mapping[ParameterName, nn.Parameter], optimizer: Optimizer) -> None:
        """Choose what of a step is kept, and write the weights that it begins with."""
        allotment = self._allotment(parameters, optimizer)
        self._chosen = allotment.names
        self._left_out = [name for name in parameters if name not in self._chosen]
        if self._weights is None and (allotment.is_whole or not self.step):
            self.write_whole()
        chosen = {name: each for name, each in parameters.items() if name in self._chosen}
        if self._weights is None and chosen:
            self._weights = self._write_weights(partial_name(self.step), chosen)

    def before(
        self,
        parameters: Mapping[ParameterName, nn.Parameter],
        gradients: Mapping[ParameterName, Tensor],
        optimizer: Optimizer,
        left: Mapping[ParameterName, SpooledTensor] = MappingProxyType({}),
        scale: LossScale | None = None,
    ) -> None:
        """Write the gradients and the state that the optimizer is about to use.

        See `Snapshot.before`; `gradients` is asked for one at a time. Called again, it makes the file of what
        belongs to the step anew, with what the earlier one has of other parameters.
        """
        chosen = {name: each for name, each in parameters.items() if name in self._chosen}
        if not chosen:
            return
        outer, others = self._extra, [name for name in self._updated if name not in chosen]
        self._updated |= {name: Slot.of(each) for name, each in chosen.items() if id(each) in self._keys}
        about: dict[str, str] = {"format": "pt", "step": str(self.step)}
        contents: Contents = {}
        if outer is not None:
            about |= outer.metadata
            contents |= {
                key: (outer.slots[key], partial(outer.blocks, key))
                for key in outer.written
                if key.rpartition("@")[0] in others
            }
        for name, parameter in chosen.items():
            if name in gradients and self._subject.can_store(f"{name}@gradient", gradients[name]):
                backward = left.get(name) or _earlier_backward(outer, name)
                contents |= _gradients(name, gradients, backward, scale if name in left else None, about)
            for key, value in _states(self._subject, name, parameter, optimizer).items():
                contents[key] = Slot.of(value), partial(flat_blocks, value)
        about |= optimizer_metadata(optimizer, chosen, about)
        if self._left_out:
            about[LEFT_OUT] = json.dumps(self._left_out)
        slots = {key: slot for key, (slot, _) in contents.items()}
        slots |= {f"{name}@update": slot for name, slot in self._updated.items()}
        self._extra = TensorFile(self._store.scratch(extra_name(self.step)), slots, about)
        for key, (_, blocks) in contents.items():
            self._extra.write_blocks(key, blocks())
        if outer is not None:
            outer.discard()

    def after(self, parameters: Mapping[ParameterName, nn.Parameter]) -> None:
        """Write what the step did: the weights after it minus the weights before it."""
        if self._extra is None or self._weights is None:
            return
        for name in self._updated:
            parameter = parameters.get(name)
            if parameter is not None and Slot.of(parameter) == self._extra.slots[f"{name}@update"]:
                earlier = self._weights.blocks(self._keys[id(parameter)])
                self._extra.write_blocks(f"{name}@update", _difference(flat_blocks(parameter), earlier))
        self._extra.finish()

    def files(self) -> Iterator[tuple[str, TensorFile]]:
        """What is to be moved to its place under which name, in this order."""
        # The extra file first, so that whoever sees the snapshot finds its gradients, too.
        if self._extra is not None:
            yield extra_name(self.step), self._extra
        if self._weights is not None and not self._is_kept:
            yield (snapshot_name if self._is_whole else partial_name)(self.step), self._weights

    def _allotment(self, parameters: Mapping[ParameterName, nn.Parameter], optimizer: Optimizer) -> Allotment:
        weights = {name: parameter.nbytes for name, parameter in parameters.items()}
        beside = bytes_beside(self._subject, parameters, optimizer)
        part = None if self.part is None else self.part & parameters.keys()
        state = self._subject.state()
        ties = ties_of(state)
        whole = sum(tensor.nbytes for name, tensor in state.items() if name not in ties)
        return self._allot(self.step, weights, beside, whole, part)

    def _write_weights(self, name: str, tensors: Mapping[str, Tensor]) -> TensorFile:
        ties = ties_of(tensors)
        about = {"format": "pt", "step": str(self.step), **ties}
        slots = {name: Slot.of(tensor) for name, tensor in tensors.items() if name not in ties}
        file = TensorFile(self._store.scratch(name), slots, about)
        for key in slots:
            file.write(key, tensors[key])
        file.finish()
        self._keys = {
            id(tensor): ties.get(key, key)
            for key, tensor in tensors.items()
            if isinstance(tensor, nn.Parameter)  # they live on, so that their identity is theirs alone
        }
        return file


def bytes_beside(
    subject: Subject, parameters: Mapping[ParameterName, nn.Parameter], optimizer: Optimizer
) -> dict[ParameterName, int]:
    """Most bytes that belong to each parameter at a step: gradient, clipped and not, update and state."""
    return {
        name: 3 * parameter.nbytes
        + sum(value.nbytes for value in _states(subject, name, parameter, optimizer).values())
        + _ABOUT
        for name, parameter in parameters.items()
    }


def _states(
    subject: Subject, name: ParameterName, parameter: nn.Parameter, optimizer: Optimizer
) -> dict[str, Tensor]:
    """What an optimizer remembers of a parameter, by the names of the entries."""
    states = {f"{name}@{key}": value for key, value in state_tensors(optimizer, parameter)}
    return {key: value for key, value in states.items() if subject.can_store(key, value)}


@dataclass(frozen=True)
class _WrittenTensor:
    """A tensor in a file that is still being made."""

    file: TensorFile
    key: str

    @property
    def slot(self) -> Slot:
        return self.file.slots[self.key]

    def blocks(self) -> Blocks:
        return self.file.blocks(self.key)


def _earlier_backward(file: TensorFile | None, name: ParameterName) -> _WrittenTensor | None:
    """The gradient as backward left it, from the file that was made for an outer optimizer."""
    key = f"{name}@backward_gradient"
    key = key if file is None else file.metadata.get(key, key)
    return None if file is None or key not in file.slots else _WrittenTensor(file, key)


def _gradients(
    name: ParameterName,
    gradients: Mapping[ParameterName, Tensor],
    left: SpooledTensor | _WrittenTensor | None,
    scale: LossScale | None,
    about: dict[str, str],
) -> Contents:
    """One gradient where the optimizer sees what backward left, and two where something was taken.

    Contents are compared, since `parameter.grad.data.clamp_()` leaves no other trace.
    """
    seen, backward = f"{name}@gradient", f"{name}@backward_gradient"
    slot = Slot.of(gradients[name])
    contents: Contents = {seen: (slot, lambda: flat_blocks(gradients[name]))}
    if left is None:
        return contents
    blocks: Callable[[], Blocks] = left.blocks
    same = left.slot == slot and _same(blocks(), flat_blocks(gradients[name]))
    if not same and scale is not None:
        about["loss_scale"] = json.dumps(scale.value)
        blocks = lambda: map(scale.take_out, left.blocks())  # noqa: E731
        same = left.slot == slot and _same(blocks(), flat_blocks(gradients[name]))
    about.pop(backward, None)
    if same:
        about[backward] = seen
    else:
        contents[backward] = left.slot, blocks
    return contents


def _same(ones: Blocks, others: Blocks) -> bool:
    return all(
        one is not None and other is not None and same_bits(one, other)
        for one, other in zip_longest(ones, others)
    )


def _difference(after: Blocks, before: Blocks) -> Blocks:
    for later, earlier in zip(after, before, strict=True):
        yield torch.sub(later, earlier, out=earlier)
