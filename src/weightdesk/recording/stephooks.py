"""Calls somebody before and after each optimizer step, in the moment when gradients are final.

Torch calls hooks around `step()`, but what a step is needs care:

- gradients under a closure exist only once the closure has run;
- an optimizer may call another one's `step`, or its base class's, which is hooked, too: the outermost one is
  the step, the innermost one is given the gradients that move the weights (a wrapper may change them first,
  or, as sharpness-aware minimisation does, have them computed elsewhere);
- a step that raises an exception never reaches its second hook;
- a compiled `step` is traced with its hooks, which then must not become part of what is compiled.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import Any, Final, Protocol

from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

Hook = Callable[..., Any]

_COMPILER: Final = "torch._dynamo"


class StepObserver(Protocol):
    """What is told of the steps of some optimizers."""

    def before_step(self, optimizer: Optimizer, *, final: bool) -> None:
        """A step begins; `final` says whether its gradients are there, or a closure will compute them."""

    def final_gradients(self, optimizer: Optimizer) -> None:
        """The gradients of the step are there now, as this optimizer, perhaps an inner one, uses them."""

    def after_step(self, optimizer: Optimizer) -> None:
        """The step that began last is done."""

    def adopts(self, optimizer: Optimizer) -> bool:
        """Whether the steps of an optimizer that was not among the given ones count, too; asked once."""


class StepHooks:
    """Hooks on some optimizers, and on those that are met on the way.

    Arguments:
        optimizers: whose steps count.
        observer: told of each step.
    """

    def __init__(self, optimizers: Sequence[Optimizer], observer: StepObserver) -> None:
        self._observer = observer
        self._known = set(map(id, optimizers))
        self._met: list[Optimizer] = []
        self._outer: Optimizer | None = None  # whose step is under way
        self._repeated = 0  # how often its step called itself, as that of a derived class does
        self._inner: Optimizer | None = None  # whose step it calls
        self._handles = [register_optimizer_step_pre_hook(_uncompiled(self._meet))]
        for optimizer in optimizers:
            self._hook(optimizer)

    def detach(self) -> None:
        """Take every hook off."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._met.clear()
        self._outer = self._inner = None

    def _hook(self, optimizer: Optimizer) -> None:
        self._handles.append(optimizer.register_step_pre_hook(_uncompiled(self._pre)))
        self._handles.append(optimizer.register_step_post_hook(_uncompiled(self._post)))

    def _meet(self, optimizer: Optimizer, _arguments: Any, _options: Any) -> None:
        """Called at each step of whatever optimizer, before the hooks of its own."""
        if id(optimizer) in self._known:
            return
        if self._observer.adopts(optimizer):
            self._hook(optimizer)
        self._known.add(id(optimizer))
        self._met.append(optimizer)  # kept, lest another one gets its id

    def _pre(self, optimizer: Optimizer, arguments: Any, options: Any) -> tuple[Any, Any] | None:
        if self._outer is not None and _is_within_step_of(self._outer):
            self._pre_within(optimizer, arguments, options)
            return None
        self._outer, self._inner, self._repeated = optimizer, None, 0
        if len(arguments) == 1 and not options:  # the optimizer itself: no closure
            self._observer.before_step(optimizer, final=True)
            return None
        position = _closure_position(arguments)
        closure = options.get("closure") if position is None else arguments[position]
        self._observer.before_step(optimizer, final=closure is None)
        if closure is None:
            return None
        observed = partial(self._run_closure, closure, [])
        if position is None:
            return arguments, {**options, "closure": observed}
        return (*arguments[:position], observed, *arguments[position + 1 :]), options

    def _pre_within(self, optimizer: Optimizer, arguments: Any, options: Any) -> None:
        """A step that the one under way calls."""
        if optimizer is self._outer:
            self._repeated += 1
            return
        self._inner = optimizer
        if _closure_position(arguments) is None and options.get("closure") is None:
            self._observer.final_gradients(optimizer)

    def _run_closure(self, closure: Callable[..., Any], runs: list[None], *arguments: Any) -> Any:
        loss = closure(*arguments)
        if not runs and self._outer is not None:
            runs.append(None)
            self._observer.final_gradients(self._inner or self._outer)
        return loss

    def _post(self, optimizer: Optimizer, _arguments: Any, _options: Any) -> None:
        if optimizer is not self._outer:
            return
        if self._repeated:
            self._repeated -= 1
            return
        self._outer = self._inner = None
        self._observer.after_step(optimizer)


def _closure_position(arguments: Sequence[Any]) -> int | None:
    """Where among the arguments of `step`, of which the first is the optimizer, a closure is."""
    return next((i for i, argument in enumerate(arguments) if i and callable(argument)), None)


def _is_within_step_of(optimizer: Optimizer) -> bool:
    """Whether the step whose hook asks is called by a step of this optimizer, which has not failed before.

    Asked only if a step seems to begin within another one, so it may look at the stack: a failed step is no
    longer there.
    """
    frame: FrameType | None = sys._getframe(1)
    is_own = True  # the first wrapper up the stack is that of the step whose hook asks
    while frame is not None:
        if (
            frame.f_code.co_name == "wrapper" and "profile_name" in frame.f_code.co_varnames
        ):  # torch's, around step
            if not is_own and frame.f_locals.get("self") is optimizer:
                return True
            is_own = False
        frame = frame.f_back
    return False


def _uncompiled(hook: Hook) -> Hook:
    """A hook that stays outside of what `torch.compile` makes of a `step`.

    `torch.compiler.disable` does that, but loads the compiler, which takes a second: so it is asked only once
    somebody else has loaded it.
    """
    disabled: list[Hook] = []

    def call(*arguments: Any) -> Any:
        if _COMPILER not in sys.modules:
            return hook(*arguments)
        if not disabled:
            disabled.append(sys.modules[_COMPILER].disable(hook))
        return disabled[0](*arguments)

    return call
