"""Gradients as backward left them, before anybody clips or unscales them.

A hook on each parameter copies its gradient whenever backward has added to it, so after several passes
the copy is their sum. It lies in the memory that the snapshot's gradient needs in any case; of a large
model, in a spool on the disk. Hooks sit
on the parameters only while the coming step gets a snapshot, and the gradient of an optimizer that
steps within backward is gone before anything could be kept.

Where several processes train together nothing is kept: their gradients are added up in place after
the hooks have run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from weightdesk.recording.copies import SpareMemory
from weightdesk.recording.spool import Spool, SpooledTensor
from weightdesk.types import ParameterName


class BackwardGradients:
    """Keeps what backward leaves in `.grad` between `listen` and `stop`.

    Arguments:
        parameters: whose gradients; none where several processes train together.
        attempt: does something on recording's account: counts its time and catches its errors.

    >>> weight = nn.Parameter(torch.ones(2))
    >>> kept = BackwardGradients({"weight": weight}, lambda activity, action, *rest: action(*rest))
    >>> kept.listen(SpareMemory())
    >>> (3 * weight).sum().backward()
    >>> weight.grad.clamp_(max=1.0)
    tensor([1., 1.])
    >>> kept.take(["weight"])
    {'weight': tensor([3., 3.])}
    >>> kept.stop()
    """

    def __init__(
        self, parameters: Mapping[ParameterName, nn.Parameter], attempt: Callable[..., object]
    ) -> None:
        self._parameters, self._attempt = parameters, attempt
        self._handles: list[RemovableHandle] = []
        self._copies: dict[ParameterName, Tensor | SpooledTensor] = {}
        self._memory: SpareMemory | Spool = SpareMemory()
        self._listening = False

    def follow(self, parameters: Mapping[ParameterName, nn.Parameter]) -> None:
        """Keep the gradients of these parameters from the next `listen` on."""
        self._unhook()
        self._parameters = parameters

    def listen(self, memory: SpareMemory | Spool) -> None:
        """Keep every gradient from now on, in this memory."""
        self._memory, self._listening = memory, True
        if not self._handles:
            for name, parameter in self._parameters.items():
                if parameter.requires_grad:  # one by one: `stop` removes those made before an error
                    hook = self._hook(name)
                    self._handles.append(parameter.register_post_accumulate_grad_hook(hook))  # type: ignore[no-untyped-call]

    def take(self, names: Iterable[ParameterName]) -> dict[ParameterName, Any]:
        """Hand over what was kept of these parameters; passes until the next `listen` do not count."""
        self._listening = False
        return {name: self._copies.pop(name) for name in names if name in self._copies}

    def stop(self) -> None:
        """Take every hook off and forget what is left."""
        self._unhook()
        self._copies, self._listening = {}, False
        self._memory.clear()

    def _unhook(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _hook(self, name: ParameterName) -> Callable[[Tensor], None]:
        def keep_gradient(parameter: Tensor) -> None:
            if self._listening:
                self._attempt("snapshot", self._keep, name, parameter.grad)

        return keep_gradient

    def _keep(self, name: ParameterName, gradient: Tensor | None) -> None:
        if gradient is None or gradient.is_sparse:
            self._copies.pop(name, None)
            return
        if not self._copies:
            self._memory.clear()  # what was taken is written by now
        kept = self._copies.get(name)
        if kept is None or (kept.dtype, kept.shape) != (gradient.dtype, gradient.shape):
            self._copies[name] = self._memory.copy(f"{name}@gradient", gradient)
        else:
            kept.copy_(gradient.detach())
