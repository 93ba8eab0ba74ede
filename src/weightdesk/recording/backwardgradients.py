"""Gradients as backward left them, before anybody clips or unscales them.

A hook on each parameter copies its gradient whenever backward has added to it, so after several passes
the copy is their sum. It lies in the memory that the snapshot's gradient needs in any case; of a large
model, in a spool on the disk. The hooks are there only while the coming step gets a snapshot, and the
gradient of an optimizer that steps within backward is gone before anything could be kept.

For a parameter that ever had such a hook torch calls into Python at each backward pass from then on: with
500 small ones every step took 3 % longer for good, and 17 µs with the six of an MLP. So the nodes of the
graph that add up gradients are hooked, once a call of a module has made them; they go with the graph. A node
that was held from before the call would refuse gradients of another shape if a parameter grows in place. If
every step is kept, or a gradient comes that no such node has seen, the parameters are hooked themselves.

Where several processes train together nothing is kept: their gradients are added up in place after
the hooks have run.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge
from torch.utils.hooks import RemovableHandle

from weightdesk.recording.copies import SpareMemory
from weightdesk.recording.modulecalls import ModuleObservation
from weightdesk.recording.spool import Spool, SpooledTensor
from weightdesk.types import ParameterName


class BackwardGradients:
    """Keeps what backward leaves in `.grad` between `listen` and `stop`.

    Arguments:
        parameters: whose gradients; none where several processes train together.
        attempt: does something on recording's account: counts its time and catches its errors.
        model: whose calls and those of its modules can be observed; None if they are compiled.

    Attributes:
        hooks_parameters: whether the parameters themselves are hooked. Set from outside if every step is
            kept, and from within once a gradient came that no call of a module has told of.

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
        self._attempt, self._model = attempt, model
        self.hooks_parameters = False
        self._observations: list[ModuleObservation] = []
        self._is_called_whole = False  # whether the model itself is called, so that its parts tell no more
        self._hooked: dict[ParameterName, tuple[Any, RemovableHandle]] = {}  # a parameter or node, its hook
        self._copies: dict[ParameterName, Tensor | SpooledTensor] = {}
        self._memory: SpareMemory | Spool = SpareMemory()
        self._listening = False
        self._wanted: Container[ParameterName] | None = None
        self.follow(parameters)

    def follow(self, parameters: Mapping[ParameterName, nn.Parameter]) -> None:
        """Keep the gradients of these parameters from the next `listen` on."""
        self._unhook()
        self._parameters = parameters
        self._names = {id(parameter): name for name, parameter in parameters.items()}

    def listen(self, memory: SpareMemory | Spool, names: Container[ParameterName] | None = None) -> None:
        """Keep every gradient from now on, or those of some parameters, in this memory."""
        self._memory, self._listening, self._wanted = memory, True, names
        if self.hooks_parameters or self._model is None:
            self._hook_parameters()
            return
        self._remove_hooks()  # a node of the step before is not held beyond it
        if not self._observations and self._parameters:
            observed = [self._model] if self._is_called_whole else list(self._model.modules())
            self._observations = [ModuleObservation(module, self._see_call) for module in observed]

    def _hook_parameters(self) -> None:
        for name, parameter in self._parameters.items():  # one by one: `stop` removes those before an error
            if name not in self._hooked and parameter.requires_grad:
                handle = parameter.register_post_accumulate_grad_hook(self._hook(name, parameter))  # type: ignore[no-untyped-call]
                self._hooked[name] = (parameter, handle)

    def _see_call(self, module: nn.Module, *_: Any) -> None:
        if self._listening and torch.is_grad_enabled():
            self._is_called_whole = self._is_called_whole or module is self._model
            self._attempt("snapshot", self._hook_nodes, module)

    def _hook_nodes(self, module: nn.Module) -> None:
        """Hook the nodes of the parameters that a call may have used."""
        if len(self._hooked) == len(self._parameters):
            return
        used = self._parameters.values() if module is self._model else module.parameters()
        try:
            for parameter in used:
                name = self._names.get(id(parameter))
                if name is not None and name not in self._hooked and parameter.requires_grad:
                    node = get_gradient_edge(parameter).node
                    self._hooked[name] = (node, node.register_hook(self._hook(name, parameter)))
        except (AttributeError, RuntimeError):  # there is none within a transformation of torch.func
            self._hook_parameters_from_now_on()

    def _hook_parameters_from_now_on(self) -> None:
        self.hooks_parameters = True
        self._unhook()

    def take(self, names: Iterable[ParameterName]) -> dict[ParameterName, Any]:
        """Hand over what was kept of these parameters; passes until the next `listen` do not count."""
        taken = {name: self._copies.pop(name) for name in names if name in self._copies}
        if self._listening and self._observations and any(map(self._has_missed, names)):
            self._hook_parameters_from_now_on()
        self._listening = False
        return taken

    def _has_missed(self, name: ParameterName) -> bool:
        """Whether there is a gradient that no node has told of."""
        return name not in self._hooked and self._parameters[name].grad is not None

    def stop(self) -> None:
        """Take every hook off and forget what is left."""
        self._unhook()
        self._copies, self._listening = {}, False
        self._memory.clear()

    def _remove_hooks(self) -> None:
        for _, handle in self._hooked.values():
            handle.remove()
        self._hooked = {}

    def _unhook(self) -> None:
        self._remove_hooks()
        for observation in self._observations:
            observation.remove()
        self._observations = []

    def _hook(self, name: ParameterName, parameter: nn.Parameter) -> Callable[..., None]:
        def keep_gradient(*_: Any) -> None:
            if self._listening and (self._wanted is None or name in self._wanted):
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
