"""Calls somebody before and after each optimizer step, in the moment when gradients are final.

Torch calls hooks around `step()`, but what a step is needs care: gradients under a closure exist
only once the closure has run; an optimizer whose `step` calls that of its base class is hooked
twice; and a step that raises an exception never reaches its second hook.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Final

from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.utils.hooks import RemovableHandle

_TORCH: Final = register_optimizer_step_pre_hook.__code__.co_filename
"""Where torch's wrapper around `step()` is written."""


class StepHooks:
    """Hooks on some optimizers.

    Arguments:
        optimizers: whose steps count.
        before: called with the optimizer once the gradients of a step are there: before the step,
            or after the first run of its closure.
        after: called when the step is done, with whether `before` was called for it.
        adopts: asked about each other optimizer that steps in this process, once, whether it counts, too:
            a training may build a new one on its way.
        fails: told what goes wrong in here.
        breaks_off: called before a step if the one before began and never ended.
    """

    def __init__(
        self,
        optimizers: Sequence[Optimizer],
        before: Callable[[Optimizer], None],
        after: Callable[[Optimizer, bool], None],
        adopts: Callable[[Optimizer], bool] = lambda _: False,
        fails: Callable[[Exception], object] = lambda _: None,
        breaks_off: Callable[[], object] = lambda: None,
    ) -> None:
        self._before, self._after, self._adopts, self._fails = before, after, adopts, fails
        self._breaks_off, self._detached = breaks_off, False
        self._known = set(map(id, optimizers))
        self._inside = self._ready = False
        self._depth = 0
        self._met: list[Optimizer] = []
        self._handles = [each.register_step_pre_hook(self._pre) for each in optimizers]
        self._handles += [each.register_step_post_hook(self._post) for each in optimizers]
        self._handles.append(register_optimizer_step_pre_hook(self._meet))

    @property
    def is_within_step(self) -> bool:
        """Whether a step has begun to use its gradients and did not end, perhaps because it failed."""
        return self._inside and self._ready

    def detach(self) -> None:
        """Take every hook off, and let those do nothing that torch must be allowed to call until then.

        Torch goes through the hooks of an optimizer in a plain loop, which fails if one in the middle goes:
        so within a step only the last ones are taken off, and the others when this is called again.
        """
        self._detached = True
        is_stepping = _steps_under_way() > 0
        self._handles = [handle for handle in self._handles if not _remove(handle, is_stepping)]

    def _meet(self, optimizer: Optimizer, _arguments: Any, _options: Any) -> None:
        """Called at each step of whatever optimizer, before the hooks of its own."""
        if self._detached or id(optimizer) in self._known:
            return
        try:
            if self._adopts(optimizer):
                self._handles.append(optimizer.register_step_pre_hook(self._pre))
                self._handles.append(optimizer.register_step_post_hook(self._post))
            self._known.add(id(optimizer))
            self._met.append(optimizer)  # kept, lest another one gets its id
        except Exception as error:  # the training must go on whatever it is
            self._fails(error)

    def _pre(self, optimizer: Optimizer, arguments: Any, options: Any) -> tuple[Any, Any] | None:
        if self._detached:
            return None
        try:
            if self._inside:
                if self._is_nested(optimizer):
                    self._depth += 1
                    return None
                if self._ready and _steps_under_way() == 1:
                    self._breaks_off()
            self._inside, self._depth, self._ready = True, 0, False
            if len(arguments) == 1 and not options:  # the optimizer itself: no closure
                self._ready = True
                self._before(optimizer)
                return None
            return self._with_closure(optimizer, arguments, options)
        except Exception as error:  # the training must go on whatever it is
            self._fails(error)
            return None

    def _with_closure(self, optimizer: Optimizer, arguments: Any, options: Any) -> tuple[Any, Any] | None:
        place = next((i for i, each in enumerate(arguments) if i and callable(each)), None)
        closure = options.get("closure") if place is None else arguments[place]

        def measured() -> Any:
            loss = None if closure is None else closure()
            if not self._ready and not self._detached:
                self._ready = True
                self._before(optimizer)
            return loss

        if closure is None:
            measured()
            return None
        if place is None:
            return arguments, {**options, "closure": measured}
        return (*arguments[:place], measured, *arguments[place + 1 :]), options

    def _post(self, optimizer: Optimizer, _arguments: Any, _options: Any) -> None:
        if self._detached:
            return
        if self._depth:
            self._depth -= 1
            return
        self._inside = False
        try:
            self._after(optimizer, self._ready)
        except Exception as error:  # the training must go on whatever it is
            self._fails(error)

    def _is_nested(self, optimizer: Optimizer) -> bool:
        """Whether this step is called by another step of the optimizer, which did not fail before.

        Asked only where a step seems to begin within another one, so it may look at the stack.
        """
        frame: FrameType | None = sys._getframe(2)  # torch's wrapper around step(), which called the hook
        wrapper, around = frame.f_code if frame else None, 0
        while frame is not None:
            around += frame.f_code is wrapper and frame.f_locals.get("self") is optimizer
            frame = frame.f_back
        return around > 1


def _steps_under_way() -> int:
    """How many calls of `step()` this thread is in, as torch's wrappers on the stack tell."""
    frame: FrameType | None = sys._getframe()
    count = 0
    while frame is not None:
        code = frame.f_code
        count += code.co_filename == _TORCH and "profile_name" in code.co_varnames
        frame = frame.f_back
    return count


def _remove(handle: RemovableHandle, is_stepping: bool) -> bool:
    """Take a hook off if that cannot disturb a loop over the hooks; whether it is off."""
    hooks = handle.hooks_dict_ref()
    if hooks and is_stepping and not (isinstance(hooks, OrderedDict) and next(reversed(hooks)) == handle.id):
        return False
    handle.remove()
    return True
