"""Calls somebody before and after each optimizer step, in the moment when gradients are final.

Torch calls hooks around `step()`, but what a step is needs care: gradients under a closure exist
only once the closure has run; an optimizer whose `step` calls that of its base class is hooked
twice; and a step that raises an exception never reaches its second hook.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook


class StepHooks:
    """Hooks on some optimizers.

    Arguments:
        optimizers: whose steps count.
        before: called with the optimizer once the gradients of a step are there: before the step,
            or after the first run of its closure.
        after: called when the step is done, with whether `before` was called for it.
        adopts: asked about each other optimizer that steps in this process, once, whether it counts, too:
            a training may build a new one on its way.
    """

    def __init__(
        self,
        optimizers: Sequence[Optimizer],
        before: Callable[[Optimizer], None],
        after: Callable[[Optimizer, bool], None],
        adopts: Callable[[Optimizer], bool] = lambda _: False,
    ) -> None:
        self._before, self._after, self._adopts = before, after, adopts
        self._known = set(map(id, optimizers))
        self._inside = self._ready = False
        self._depth = 0
        self._met: list[Optimizer] = []
        self._handles = [each.register_step_pre_hook(self._pre) for each in optimizers]
        self._handles += [each.register_step_post_hook(self._post) for each in optimizers]
        self._handles.append(register_optimizer_step_pre_hook(self._meet))

    def detach(self) -> None:
        """Take every hook off."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _meet(self, optimizer: Optimizer, _arguments: Any, _options: Any) -> None:
        """Called at each step of whatever optimizer, before the hooks of its own."""
        if id(optimizer) in self._known:
            return
        if self._adopts(optimizer):
            self._handles.append(optimizer.register_step_pre_hook(self._pre))
            self._handles.append(optimizer.register_step_post_hook(self._post))
        self._known.add(id(optimizer))
        self._met.append(optimizer)  # kept, lest another one gets its id

    def _pre(self, optimizer: Optimizer, arguments: Any, options: Any) -> tuple[Any, Any] | None:
        if self._inside and self._is_nested(optimizer):
            self._depth += 1
            return None
        self._inside, self._depth = True, 0
        if len(arguments) == 1 and not options:  # the optimizer itself: no closure
            self._ready = True
            self._before(optimizer)
            return None
        return self._with_closure(optimizer, arguments, options)

    def _with_closure(self, optimizer: Optimizer, arguments: Any, options: Any) -> tuple[Any, Any] | None:
        self._ready = False
        place = next((i for i, each in enumerate(arguments) if i and callable(each)), None)
        closure = options.get("closure") if place is None else arguments[place]

        def measured() -> Any:
            loss = None if closure is None else closure()
            if not self._ready:
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
        if self._depth:
            self._depth -= 1
            return
        self._inside = False
        self._after(optimizer, self._ready)

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
