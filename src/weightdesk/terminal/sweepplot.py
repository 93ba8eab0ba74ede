"""The loss along one weight, drawn: the curve, where the weight is, and where the loss is lowest."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from rich.text import Text

from weightdesk.terminal.curves import Curve, Panel
from weightdesk.terminal.figures import number
from weightdesk.terminal.plot import HELD_OUT, LINE, POINT, TRAINING, framed, named
from weightdesk.terminal.turned import Swept

_HEIGHT: Final = 8


def sweep_plot(swept: Swept, width: int) -> Text:
    """Draw one sweep.

    Arguments:
        swept: with at least two different finite values.
        width: characters there are.
    """
    values = np.array(swept.values)
    finite = np.isfinite(values)
    low, high = float(values[finite].min()), float(values[finite].max())
    span = max(high - low, math.ulp(high))
    curve = Curve("loss", values[finite] - low, np.array(swept.losses)[finite])
    inside = low <= swept.value <= high
    now = Curve("now", np.array([swept.value - low]), np.array([swept.loss])) if inside else None
    labels = (number(low), number((low + high) / 2), number(high))
    panel = Panel("loss", curve, now, is_share=False)
    return framed(panel, (width, _HEIGHT), span, _legend(swept), labels)


def sweep_facts(swept: Swept) -> Text:
    """The slope, the lowest point, and how the curve was found."""
    facts = [f"slope {swept.slope:+.3g}{_about(swept.slope_error)}"]
    if swept.lowest_value is not None:
        about = f"{swept.lowest_loss:.6g}{_about(swept.lowest_error)}"
        facts.append(f"lowest at {number(swept.lowest_value)}: {about}")
    return Text("; ".join([*facts, *swept.notes]), style="dim")


def _legend(swept: Swept) -> list[Text]:
    now = f"now {number(swept.value)}: {number(swept.loss)}"
    return [named(LINE, TRAINING, "loss"), named(POINT, HELD_OUT, now)]


def _about(error: float | None) -> str:
    return f" ± {number(error)}" if error else ""
