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
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import FrameType
from typing import Any, Final, Protocol

from torch._C._dynamo.eval_frame import get_eval_frame_callback
from torch.compiler import is_compiling
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.utils.hooks import RemovableHandle

_TORCH: Final = register_optimizer_step_pre_hook.__code__.co_filename
"""Where torch's wrapper around `step()` is written."""

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

    def break_off(self) -> None:
        """The step that began last never ended: it failed, or Ctrl-C came."""

    def stop(self, error: BaseException) -> None:
        """Something went wrong in one of the above."""


class StepHooks:
    """Hooks on some optimizers, and on those that are met on the way.

    Arguments:
        optimizers: whose steps count.
        observer: told of each step.
    """

    def __init__(self, optimizers: Sequence[Optimizer], observer: StepObserver) -> None:
        self._observer = observer
        self._known = set(map(id, optimizers))
        self._adopted: list[Optimizer] = []
        self._others: list[Optimizer] = []
        self._outer: Optimizer | None = None  # whose step is under way
        self._repeated = 0  # how often its step called itself, as that of a derived class does
        self._inner: Optimizer | None = None  # whose step it calls
        self._is_final = False  # whether its gradients are there
        self._is_detached = False
        self._handles: list[RemovableHandle] = [register_optimizer_step_pre_hook(_uncompiled(self._meet))]
        for optimizer in optimizers:
            self._hook(optimizer)

    @property
    def others(self) -> tuple[Optimizer, ...]:
        """Optimizers that stepped meanwhile and do not count."""
        return tuple(self._others)

    @property
    def is_within_step(self) -> bool:
        """Whether a step has begun to use its gradients and did not end, perhaps because it failed."""
        return self._outer is not None and self._is_final

    def detach(self) -> None:
        """Take every hook off, and let those do nothing that torch must be allowed to call until then.

        Torch goes through the hooks of an optimizer in a plain loop, which fails if one in the middle goes:
        so within a step only the last ones are taken off, and the others when this is called again.
        """
        self._is_detached = True
        is_stepping = _steps_under_way() > 0
        self._handles = [handle for handle in self._handles if not _remove(handle, is_stepping)]
        self._adopted.clear()
        self._others.clear()
        self._outer = self._inner = None

    def _hook(self, optimizer: Optimizer) -> None:
        self._handles.append(optimizer.register_step_pre_hook(_uncompiled(self._pre)))
        self._handles.append(optimizer.register_step_post_hook(_uncompiled(self._post)))

    def _meet(self, optimizer: Optimizer, _arguments: Any, _options: Any) -> None:
        """Called at each step of whatever optimizer, before the hooks of its own."""
        if self._is_detached or id(optimizer) in self._known:
            return
        try:
            if self._observer.adopts(optimizer):
                self._hook(optimizer)
                self._adopted.append(optimizer)
            else:
                self._others.append(optimizer)
            self._known.add(id(optimizer))  # they are kept, lest another one gets its id
        except Exception as error:  # the training must go on whatever it is
            self._observer.stop(error)

    def _pre(self, optimizer: Optimizer, arguments: Any, options: Any) -> tuple[Any, Any] | None:
        if self._is_detached:
            return None
        try:
            if self._outer is None and len(arguments) == 1 and not options:  # in no other step, no closure
                self._outer, self._inner, self._repeated, self._is_final = optimizer, None, 0, True
                self._observer.before_step(optimizer, final=True)
                return None
            return self._begin(optimizer, arguments, options)
        except Exception as error:  # the training must go on whatever it is
            self._observer.stop(error)
            return None

    def _begin(self, optimizer: Optimizer, arguments: Any, options: Any) -> tuple[Any, Any] | None:
        if self._outer is not None:
            if _is_within_step_of(self._outer):
                self._pre_within(optimizer, arguments, options)
                return None
            if self._is_final and _steps_under_way() == 1:
                self._observer.break_off()
        self._outer, self._inner, self._repeated, self._is_final = optimizer, None, 0, False
        position = _closure_position(arguments)
        closure = options.get("closure") if position is None else arguments[position]
        self._is_final = closure is None
        self._observer.before_step(optimizer, final=self._is_final)
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
        loss = closure(*arguments)  # recording/signals.py knows this function and `_call_observed` by name
        if not runs and self._outer is not None and not self._is_detached:
            runs.append(None)
            self._is_final = True
            try:
                self._observer.final_gradients(self._inner or self._outer)
            except Exception as error:  # the training must go on whatever it is
                self._observer.stop(error)
        return loss

    def _post(self, optimizer: Optimizer, _arguments: Any, _options: Any) -> None:
        if self._is_detached or optimizer is not self._outer:
            return
        if self._repeated:
            self._repeated -= 1
            return
        self._outer = self._inner = None
        try:
            self._observer.after_step(optimizer)
        except Exception as error:  # the training must go on whatever it is
            self._observer.stop(error)


def _closure_position(arguments: Sequence[Any]) -> int | None:
    """Where among the arguments of `step`, of which the first is the optimizer, a closure is."""
    return next((i for i, argument in enumerate(arguments) if i and callable(argument)), None)


def _is_within_step_of(optimizer: Optimizer) -> bool:
    """Whether the step whose hook asks is called by a step of this optimizer, which has not failed before.

    Asked only if a step seems to begin within another one, so it may look at the stack: a failed step is no
    longer there.
    """
    outer = list(_wrappers_on_the_stack())[1:]  # the first one is that of the step whose hook asks
    return any(frame.f_locals.get("self") is optimizer for frame in outer)


def _steps_under_way() -> int:
    """How many calls of `step()` this thread is in."""
    return sum(1 for _ in _wrappers_on_the_stack())


def _wrappers_on_the_stack() -> Iterator[FrameType]:
    """Frames of torch's wrapper around `step()`, the innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_filename == _TORCH and "profile_name" in code.co_varnames:
            yield frame
        frame = frame.f_back


def _remove(handle: RemovableHandle, is_stepping: bool) -> bool:
    """Take a hook off if that cannot disturb a loop over the hooks; whether it is off."""
    hooks = handle.hooks_dict_ref()
    if hooks and is_stepping and not (isinstance(hooks, OrderedDict) and next(reversed(hooks)) == handle.id):
        return False
    handle.remove()
    return True


def _uncompiled(hook: Hook) -> Hook:
    """A hook that stays outside of what `torch.compile` makes of a `step`.

    `torch.compiler.disable` does that, but loads the compiler, which takes a second, and is slower than the
    hook: so it is asked only if something is being compiled, or runs that was compiled in part.
    """
    disabled: list[Hook] = []

    def call(*arguments: Any) -> Any:
        if _COMPILER not in sys.modules or not (is_compiling() or get_eval_frame_callback() is not None):
            return hook(*arguments)
        if not disabled:
            disabled.append(sys.modules[_COMPILER].disable(hook))
        return disabled[0](*arguments)

    return call
