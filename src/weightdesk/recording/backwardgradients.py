"""Gradients as backward left them, before anybody clips or unscales them.

A hook on each parameter copies its gradient whenever backward has added to it, so after several passes
the copy is their sum. It lies in the memory that the snapshot's gradient needs in any case; of a large
model, in a spool on the disk. The hooks are there only while the coming step gets a snapshot, and the
gradient of an optimizer that steps within backward is gone before anything could be kept.

For a parameter that ever had such a hook torch calls into Python at each backward pass from then on: with
500 small ones every step took 3 % longer for good. So in a model with many parameters the nodes of the graph
that add up their gradients are hooked, once a call of the model has made them; they go with the graph. A node
that was held from before the call would refuse gradients of another shape if a parameter grows in place.

Where several processes train together nothing is kept: their gradients are added up in place after
the hooks have run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge
from torch.utils.hooks import RemovableHandle

from weightdesk.recording.copies import SpareMemory
from weightdesk.recording.modulecalls import ModuleObservation
from weightdesk.recording.spool import Spool, SpooledTensor
from weightdesk.types import ParameterName

_FEW: Final = 64
"""Parameters up to which these are hooked themselves, as many as a model has at most whose every step is kept
(`everystep.py`): it need not be hooked again at each, and 1 µs a parameter at every step is little."""


class BackwardGradients:
    """Keeps what backward leaves in `.grad` between `listen` and `stop`.

    Arguments:
        parameters: whose gradients; none where several processes train together.
        attempt: does something on recording's account: counts its time and catches its errors.
        model: whose calls can be observed; None if they are compiled. If it has many parameters and is never
            called while somebody listens, as if its parts are called, nothing is kept at the first time.

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
        self,
        parameters: Mapping[ParameterName, nn.Parameter],
        attempt: Callable[..., object],
        model: nn.Module | None = None,
    ) -> None:
        self._parameters, self._attempt, self._model = parameters, attempt, model
        self._observation: ModuleObservation | None = None
        self._hooked: list[tuple[Any, RemovableHandle]] = []  # parameters or nodes, and the hooks on them
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
        if self._observation is not None:
            self._remove_hooks()  # a node of the step before is not held beyond it
        elif self._model is not None and len(self._parameters) > _FEW:
            self._observation = ModuleObservation(self._model, self._see_call)
        elif not self._hooked:
            for name, parameter in self._trained():  # one by one: `stop` removes those made before an error
                handle = parameter.register_post_accumulate_grad_hook(self._hook(name, parameter))  # type: ignore[no-untyped-call]
                self._hooked.append((parameter, handle))

    def _see_call(self, *_: Any) -> None:
        if self._listening and not self._hooked and torch.is_grad_enabled():
            self._attempt("snapshot", self._hook_nodes)

    def _hook_nodes(self) -> None:
        try:
            for name, parameter in self._trained():
                node = get_gradient_edge(parameter).node
                self._hooked.append((node, node.register_hook(self._hook(name, parameter))))
        except (AttributeError, RuntimeError):  # there is none within a transformation of torch.func
            self._hook_parameters_from_now_on()

    def _hook_parameters_from_now_on(self) -> None:
        self._model = None
        self._unhook()

    def _trained(self) -> Iterator[tuple[ParameterName, nn.Parameter]]:
        return (pair for pair in self._parameters.items() if pair[1].requires_grad)

    def take(self, names: Iterable[ParameterName]) -> dict[ParameterName, Any]:
        """Hand over what was kept of these parameters; passes until the next `listen` do not count."""
        if self._listening and self._observation is not None and not self._hooked:
            self._hook_parameters_from_now_on()  # its parts are called
        self._listening = False
        return {name: self._copies.pop(name) for name in names if name in self._copies}

    def stop(self) -> None:
        """Take every hook off and forget what is left."""
        self._unhook()
        self._copies, self._listening = {}, False
        self._memory.clear()

    def _remove_hooks(self) -> None:
        for _, handle in self._hooked:
            handle.remove()
        self._hooked = []

    def _unhook(self) -> None:
        self._remove_hooks()
        if self._observation is not None:
            self._observation.remove()
            self._observation = None

    def _hook(self, name: ParameterName, parameter: nn.Parameter) -> Callable[..., None]:
        def keep_gradient(*_: Any) -> None:
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
