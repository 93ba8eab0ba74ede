"""Gradients as backward left them, before anybody clips or unscales them.

A hook on the node that adds up a parameter's gradient copies it whenever backward has added to it, so
after several passes the copy is their sum. It lies in the memory that the snapshot's gradient needs in any
case; of a large model, in a spool on the disk. The hooks are there only while the coming step gets a
snapshot, and the gradient of an optimizer that steps within backward is gone before anything could be kept.

A hook on the parameter itself would be simpler, but for a parameter that ever had one torch calls into Python
at each backward pass from then on: with 500 small ones every step took 3 % longer for good. The node goes,
with its hooks, as soon as nobody holds it.

Where several processes train together nothing is kept: their gradients are added up in place after
the hooks have run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge
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
        self._hooked: list[tuple[Any, RemovableHandle]] = []  # nodes and the hooks on them
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
        if not self._hooked:
            for name, parameter in self._parameters.items():
                if parameter.requires_grad:  # one by one: `stop` removes those made before an error
                    node = get_gradient_edge(parameter).node
                    self._hooked.append((node, node.register_hook(self._hook(name, parameter))))

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
        for _, handle in self._hooked:
            handle.remove()
        self._hooked = []

    def _hook(self, name: ParameterName, parameter: nn.Parameter) -> Callable[[Any, Any], None]:
        def keep_gradient(_inputs: Any, _outputs: Any) -> None:
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
