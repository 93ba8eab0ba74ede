"""What was taken from a gradient between backward and the step: the loss scale told from clipping."""

from __future__ import annotations

import math
from dataclasses import replace

from weightdesk.explain.updates.recorded import RecordedStep


def tell_scale_from_clipping(recorded: RecordedStep, at: int) -> tuple[RecordedStep, list[str]]:
    """The step with a gradient of backward that the loss scale is out of, and what to know about it.

    A loss scale that was recorded is out of it already. One that nobody told shows in gradients that are
    exactly a power of two larger, which clipping hardly ever makes them. Where backward left a number
    that is not finite, it is set aside: no finite parts add up with it.

    Arguments:
        recorded: a step, of a weight that had a finite gradient.
        at: the weight's place among the recorded ones.

    >>> from weightdesk.explain.updates.optimizers import OptimizerStep
    >>> start = OptimizerStep(torch.ones(1), torch.ones(1), {}, {}, torch.full((1,), 1024.0))
    >>> told, notes = tell_scale_from_clipping(RecordedStep(0, "SGD", start, torch.ones(1).double()), 0)
    >>> told.start.backward_gradient, told.loss_scale
    (tensor([1.]), 1024.0)
    >>> notes
    ['backward left exactly 1024 times what the optimizer saw: taken for a loss scale']
    """
    start, scale = recorded.start, recorded.loss_scale
    assert start.gradient is not None
    left = start.backward_gradient
    if left is None:
        return recorded, ["what clipping and loss scaling took from the gradient before is not recorded"]
    if not left.isfinite().all():
        aside = replace(recorded, start=replace(start, backward_gradient=None))
        return aside, ["backward left a gradient that is not finite: what replaced it has no parts"]
    if scale is not None:
        return recorded, [f"the loss scale of {scale:g} is out of all parts"] if scale != 1 else []
    if left[at] == start.gradient[at]:
        return recorded, []
    if implied := implied_scale(left[at].item(), start.gradient[at].item()):
        told = replace(start, backward_gradient=left / implied)
        note = f"backward left exactly {implied:g} times what the optimizer saw: taken for a loss scale"
        return replace(recorded, start=told, loss_scale=implied), [note]
    return recorded, [
        "a loss scale, if there was one, is counted with clipping; watch(scaler=…) tells them apart"
    ]


def implied_scale(left: float, seen: float) -> float | None:
    """How many times a gradient was larger before, if that is a power of two from 2 on.

    >>> implied_scale(-6.0, -1.5), implied_scale(3.0, 1.0), implied_scale(1.0, 2.0), implied_scale(1.0, 0.0)
    (4.0, None, None, None)
    """
    if not seen:
        return None
    ratio = left / seen
    return ratio if ratio >= 2 and math.frexp(ratio)[0] == 0.5 else None
