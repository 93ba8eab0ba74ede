"""The loss where none is given: cross entropy of classes, mean squared error of values."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional

from weightdesk.desk.nesting import main_pair
from weightdesk.errors import OptionError


def default_loss(outputs: Any, targets: Any) -> Tensor:
    """Cross entropy where targets are whole numbers, mean squared error where they are real ones.

    One output for a target of 0 or 1 is a logit. Classes lie on the second axis, as torch has it, or on
    the last one, as language models have it; where both fit, on the last of three and the second of more.

    Raises:
        OptionError: the targets fit neither.

    >>> import torch
    >>> default_loss(torch.zeros(2, 4), torch.tensor([3, 0]))
    tensor(1.3863)
    >>> default_loss(torch.ones(2, 1), torch.tensor([1.0, 3.0]))
    tensor(2.)
    """
    main, target = main_pair(outputs, targets)
    if main is None or target is None:
        raise OptionError("outputs and targets hold no tensors to compare; pass loss=")
    if target.is_floating_point() or target.numel() == main.numel():
        whole = not target.is_floating_point()
        if target.numel() != main.numel() or (whole and not ((target == 0) | (target == 1)).all()):
            raise _misfit(main, target)
        asked = target.reshape(main.shape).to(main.dtype)
        return (functional.binary_cross_entropy_with_logits if whole else functional.mse_loss)(main, asked)
    return functional.cross_entropy(main.movedim(_class_axis(main, target), 1), target.long())


def describe(targets: Tensor | None) -> str:
    """What the default loss is, for people."""
    real = targets is not None and targets.is_floating_point()
    kind = (
        "mean squared error, as targets are real numbers" if real else "cross entropy, as targets are classes"
    )
    return f"loss: {kind}; pass loss= for another"


def _class_axis(main: Tensor, target: Tensor) -> int:
    last = main.ndim > 1 and target.shape == main.shape[:-1]
    second = main.ndim > 1 and target.shape == main.shape[:1] + main.shape[2:]
    if not (last or second):
        raise _misfit(main, target)
    return -1 if last and (main.ndim == 3 or not second) else 1


def _misfit(main: Tensor, target: Tensor) -> OptionError:
    shapes = f"{tuple(target.shape)} do not fit outputs of shape {tuple(main.shape)}"
    return OptionError(
        f"targets of shape {shapes}: expected a class, 0 or 1, or a real number for each; pass loss="
    )
