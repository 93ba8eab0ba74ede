"""The training curves of a run: which of its metrics are drawn together, and their points."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weightdesk.terminal.scores import is_held_out, is_share, loss_names, score_names

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """One metric over the steps at which it was logged; values may be NaN or infinite."""

    name: str
    steps: Numbers
    values: Numbers


@dataclass(frozen=True)
class Panel:
    """What is drawn in one frame.

    Attributes:
        title: what is measured.
        training: on the batches as they came; None where that was not logged.
        held_out: on data that were held out; None likewise.
        is_share: whether the values are shares of one.
    """

    title: str
    training: Curve | None
    held_out: Curve | None
    is_share: bool

    @property
    def curves(self) -> tuple[Curve, ...]:
        """Those that there are."""
        return tuple(each for each in (self.training, self.held_out) if each)

    @property
    def last_step(self) -> float:
        """The last step of any of them."""
        return max(float(each.steps[-1]) for each in self.curves)


def panels(metrics: pa.Table, until: int | None = None) -> tuple[Panel, ...]:
    """The loss, and the score where one was logged; or the first metric where neither was.

    Arguments:
        metrics: as `Run.metrics` gives them.
        until: the last step to draw; all where left out.

    >>> table = pa.table({"step": [0, 1], "time": [0.0, 0.1], "loss": [0.7, 0.5], "val_loss": [None, 0.6]})
    >>> [(panel.title, panel.training.values, panel.held_out.steps) for panel in panels(table)]
    [('loss', array([0.7, 0.5]), array([1.]))]
    """
    names = [name for name in metrics.column_names[2:] if metrics.column(name).null_count < len(metrics)]
    shown = [_panel(metrics, found, until) for choose in _CHOICES if (found := choose(names))]
    if not shown and names:
        shown = [_panel(metrics, names[:1], until)]
    return tuple(panel for panel in shown if panel.curves)


_CHOICES: tuple[Callable[[Iterable[str]], tuple[str, ...]], ...] = (loss_names, score_names)


def _panel(metrics: pa.Table, names: Iterable[str], until: int | None) -> Panel:
    curves = [curve for name in names if len((curve := _curve(metrics, name, until)).steps)]
    training = next((each for each in curves if not is_held_out(each.name)), None)
    held_out = next((each for each in curves if is_held_out(each.name)), None)
    title = next((each.name for each in (training, held_out) if each), "")
    return Panel(title, training, held_out, is_share(title))


def _curve(metrics: pa.Table, name: str, until: int | None) -> Curve:
    table = metrics.select(["step", name]).drop_null()
    steps, values = (table.column(each).to_numpy().astype(np.float64) for each in ("step", name))
    shown = slice(None) if until is None else steps <= until
    return Curve(name, steps[shown], values[shown])
