"""How targets are to be read is found out from their shapes and values, and from what the loss does.

Shapes alone mislead: the axis of classes may be the second or the last, targets may be shifted against
the outputs, 0 and 1 may be classes or values. The loss knows. It is tried at outputs that are all
equal: there a loss of classes pulls the output of the right class up, and no other one as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from weightdesk.desk.nesting import main_pair, tensors_of, with_tensors
from weightdesk.desk.outcomes.examplelosses import FAILURES
from weightdesk.desk.outcomes.reading import Classes, Reading, Values
from weightdesk.explain.loss import Loss

_BEYOND: Final = 2.0  # no probability, so a loss of probabilities refuses it
UNREAD: Final = "no accuracy: the targets cannot be read from their shapes and from what the loss does"


def recognise(loss: Loss, outputs: Any, targets: Any) -> tuple[Reading | None, str]:
    """How to read outputs and targets, and what must be known about it; None where that is not certain.

    Arguments:
        loss: takes outputs and targets, gives a scalar.
        outputs: of some examples.
        targets: of these.

    >>> recognise(torch.nn.functional.cross_entropy, torch.zeros(2, 3), torch.tensor([2, 0]))
    (Classes(count=3, axis=1, threshold=0.0, soft=False, left_out=frozenset()), '')
    >>> recognise(torch.nn.functional.mse_loss, torch.zeros(2, 3), torch.zeros(2, 3))
    (Values(), '')
    """
    main, target = main_pair(outputs, targets)
    if main is None or target is None or not main.ndim or not target.ndim:
        return None, UNREAD
    trial = _Trial(loss, outputs, targets, main, target)
    whole = not target.is_floating_point()
    reading = _classes(trial) if whole else _shares(trial)
    reading = reading or _yes_or_no(trial)
    if reading is None and not whole and target.numel() == main.numel():
        reading = Values()
    several = sum(each.is_floating_point() for each in tensors_of(outputs)) > 1
    note = "of several outputs the scores are those of the first, or of the logits" if several else ""
    return reading, note if reading else UNREAD


@dataclass(frozen=True, eq=False)
class _Trial:
    """The loss with other outputs or targets in the place of the main ones."""

    loss: Loss
    outputs: Any
    targets: Any
    main: Tensor
    target: Tensor

    def value(self, main: Tensor, target: Tensor | None = None) -> Tensor:
        target = self.target if target is None else target
        return self.loss(
            _exchanged(self.outputs, self.main, main), _exchanged(self.targets, self.target, target)
        )

    def pull(self, point: float, target: Tensor | None = None) -> Tensor | None:
        """The slope of the loss where all outputs are equal; None where the loss cannot be taken there."""
        leaf = torch.full_like(self.main, point).requires_grad_()
        try:
            with torch.enable_grad():
                return torch.autograd.grad(self.value(leaf, target).sum(), leaf)[0]
        except FAILURES:
            return None

    def accepts(self, point: float) -> bool:
        try:
            self.value(torch.full_like(self.main, point))
        except FAILURES:
            return False
        return True


def _exchanged(nested: Any, one: Tensor, other: Tensor) -> Any:
    return with_tensors(nested, (other if each is one else each for each in tensors_of(nested)))


def _classes(trial: _Trial) -> Reading | None:
    """Whole numbers that name a class, one for each place of the outputs."""
    shape = trial.main.shape
    for axis in range(1, len(shape)):
        places = shape[:axis] + shape[axis + 1 :]
        fits = trial.target.numel() == places.numel() and shape[axis] > 1
        pull = trial.pull(1 / shape[axis]) if fits else None
        if pull is not None:
            left_out = _pulls_up(pull.movedim(axis, -1), trial.target.reshape(places))
            if left_out is not None:
                return Classes(shape[axis], axis, left_out=left_out)
    return None


def _pulls_up(pull: Tensor, target: Tensor) -> frozenset[int] | None:
    """The classes that the loss leaves out; None where it pulls another class than the target's."""
    inside = (target >= 0) & (target < pull.shape[-1])
    own_class = torch.where(inside, target, 0).long().unsqueeze(-1)
    own = pull.gather(-1, own_class).squeeze(-1)
    silent = (pull == 0).all(-1)
    others = pull.scatter(-1, own_class, torch.inf).amin(-1)
    if silent.all() or not (silent | (inside & (own < others))).all():
        return None
    left_out = set(target[silent & inside].tolist())
    # A class that counts in one place and not in another: the loss leaves out places.
    return None if left_out & set(target[~silent].tolist()) else frozenset(left_out)


def _shares(trial: _Trial) -> Reading | None:
    """Real numbers that are a share for each class."""
    shape = trial.main.shape
    if trial.target.shape != shape:
        return None
    for axis in range(1, len(shape)):
        sums = trial.target.double().sum(axis)
        apart = bool((trial.target >= 0).all()) and torch.allclose(sums, torch.ones_like(sums), atol=1e-4)
        if shape[axis] > 1 and apart and (_is_binary(trial.target) or _ignores_level(trial, axis)):
            return Classes(shape[axis], axis, soft=True)
    return None


def _ignores_level(trial: _Trial, axis: int) -> bool:
    """Whether only differences between the classes count, as in a softmax."""
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(trial.main.shape, generator=generator).to(trial.main)
    level = torch.randn(start.select(axis, 0).shape, generator=generator).to(start).unsqueeze(axis)
    try:
        one, two = float(trial.value(start)), float(trial.value(start + level))
    except FAILURES:
        return False
    return abs(one - two) <= 1e-3 * abs(one)


def _yes_or_no(trial: _Trial) -> Reading | None:
    """0 and 1, with an output each that says yes above a threshold."""
    if trial.target.numel() != trial.main.numel() or not _is_binary(trial.target):
        return None
    # Both answers must be tried, and the sample may hold one only.
    answers = (torch.arange(trial.target.numel(), device=trial.main.device) % 2).reshape(trial.target.shape)
    asked = answers.to(trial.target.dtype)
    pull = trial.pull(0.0, asked)
    if pull is not None and _parts(pull, answers):
        return Classes(2, None, 0.0)
    pull = trial.pull(0.5, asked)
    if pull is not None and _parts(pull, answers) and not trial.accepts(_BEYOND):
        return Classes(2, None, 0.5)
    return None


def _parts(pull: Tensor, answers: Tensor) -> bool:
    """Whether each yes is pulled up and each no down."""
    signs = (2 * answers - 1).reshape(pull.shape)
    return bool((pull * signs < 0).all()) and pull.numel() > 1


def _is_binary(target: Tensor) -> bool:
    return bool(((target == 0) | (target == 1)).all())
