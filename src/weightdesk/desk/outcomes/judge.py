"""What outputs are judged by: the loss, and how targets are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from weightdesk.desk.nesting import main_pair
from weightdesk.desk.outcomes import scores
from weightdesk.desk.outcomes.defaultloss import default_loss, describe
from weightdesk.desk.outcomes.examplelosses import FAILURES, SplitLoss, Take, split
from weightdesk.desk.outcomes.measures import Parts
from weightdesk.desk.outcomes.reading import Classes, Reading, Values
from weightdesk.desk.outcomes.recognition import recognise
from weightdesk.errors import OptionError
from weightdesk.explain.loss import Loss, evaluate


@dataclass(frozen=True, eq=False)
class Judge:
    """Judges outputs by their targets.

    Attributes:
        loss: takes outputs and targets, gives a scalar; None where there are no targets.
        split: the losses of single examples; None where the loss joins them.
        reading: how targets are read; None where that is not certain.
        middle: the mean of all targets, where they are values that vary.
        notes: what must be known about it, a line each.
    """

    loss: Loss | None
    split: SplitLoss | None
    reading: Reading | None
    middle: Float64[Tensor, " values"] | None
    notes: tuple[str, ...]

    def judge(self, outputs: Any, targets: Any) -> dict[str, float]:
        """Loss and scores of outputs, all examples together: `accuracy`, or `r2` and `error`.

        The error is the mean distance to the target, in its units.
        """
        found = {} if self.loss is None else {"loss": float(evaluate(self.loss, outputs, targets))}
        parts = self._scores(outputs, targets)
        return found | {name: each.ratio for name, each in parts.items()}

    def parts(self, outputs: Any, targets: Any, count: int) -> dict[str, Parts]:
        """What each example adds to loss and scores, as far as that can be said.

        Arguments:
            outputs: of some examples.
            targets: of these.
            count: number of examples of the whole set, for a loss that is a sum.
        """
        found = self._scores(outputs, targets)
        if self.split is not None:
            losses = self.split(outputs, targets)
            whole = losses * (1 if self.split.mean else count)
            found = {"loss": Parts(whole, torch.ones_like(losses)), **found}
        return found

    def classes(self, outputs: Any, targets: Any) -> tuple[Tensor, Tensor, Tensor] | None:
        """Predicted and right class and margin of each place; None where targets are no classes."""
        main, target = main_pair(outputs, targets)
        if not isinstance(self.reading, Classes) or main is None or target is None:
            return None
        predictions = self.reading.predictions(main)
        truths = self.reading.truths(target, predictions.shape)
        return predictions, truths, self.reading.margins(main, truths)

    def _scores(self, outputs: Any, targets: Any) -> dict[str, Parts]:
        main, target = main_pair(outputs, targets)
        if self.reading is None or main is None or target is None:
            return {}
        if isinstance(self.reading, Values):
            residuals = self.reading.residuals(main, target)
            found = {"error": scores.distances(residuals)}
            if self.middle is not None:
                found["r2"] = scores.explained(residuals, self.reading.rows(target), self.middle)
            return {name: Parts(*each) for name, each in found.items()}
        predictions = self.reading.predictions(main)
        hits, counted = scores.right(predictions, self.reading.truths(target, predictions.shape))
        return {"accuracy": Parts(hits, counted)}


def make_judge(loss: Loss | None, outputs: Take, targets: Take, count: int, every: Any) -> Judge:
    """Find out on some examples how to judge.

    Arguments:
        loss: as the user gives it; None: cross entropy or mean squared error, after the targets.
        outputs: gives what the model returns for some of these examples.
        targets: gives their targets.
        count: how many examples there are.
        every: the targets of all examples; None where there are none.

    Raises:
        OptionError: the loss cannot take what the model returns, or gives no scalar.

    >>> labels = torch.tensor([0, 1, 1, 2])
    >>> found = make_judge(None, torch.eye(4).__getitem__, labels.__getitem__, 4, labels)
    >>> found.judge(torch.eye(4), labels)["accuracy"]
    0.5
    """
    chosen: Int64[Tensor, " chosen"] = torch.arange(count)
    if every is None:
        return _without_targets(loss, outputs, count)
    whole, asked = outputs(chosen), targets(chosen)
    notes = [] if loss is not None else [describe(main_pair(whole, asked)[1])]
    loss = loss or default_loss
    _tried(loss, whole, asked)
    reading, note = recognise(loss, whole, asked)
    apart = split(loss, outputs, targets, count)
    if apart is None and count > 1:
        notes.append(
            "no bounds of the loss before the end: it is neither mean nor sum of the examples' losses"
        )
    middle = _middle(main_pair(whole, every)[1]) if isinstance(reading, Values) else None
    return Judge(loss, apart, reading, middle, (*notes, note) if note else tuple(notes))


def _without_targets(loss: Loss | None, outputs: Take, count: int) -> Judge:
    """A loss may do without targets, as that which a model returns itself; others are not computed."""
    if loss is None:
        return Judge(None, None, None, None, ())
    try:
        evaluate(loss, outputs(torch.arange(count)), None)
    except (OptionError, *FAILURES):
        return Judge(None, None, None, None, ("no loss: it needs targets, and there are none",))
    return Judge(loss, split(loss, outputs, lambda _: None, count), None, None, ())


def _middle(targets: Tensor | None) -> Float64[Tensor, " values"] | None:
    """Of targets that vary, their mean."""
    if targets is None:
        return None
    rows = Values().rows(targets)
    return rows.mean(0) if bool((rows != rows[0]).any()) else None


def _tried(loss: Loss, outputs: Any, targets: Any) -> None:
    try:
        evaluate(loss, outputs, targets)
    except OptionError:
        raise
    except FAILURES as error:
        what = type(outputs).__name__
        raise OptionError(
            f"the loss cannot compare the outputs ({what}) with the targets: {str(error).splitlines()[0]}; "
            "pass a loss that takes them, as lambda outputs, targets: ..."
        ) from error
