"""Curves drawn in characters: braille for what is dense, points for what was measured now and then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from rich.text import Text

from weightdesk.terminal.curves import Curve, Numbers, Panel
from weightdesk.terminal.figures import number, share

TRAINING: Final = "cyan"
HELD_OUT: Final = "bold yellow"

LINE, POINT = "⠒⠒", "•"
_LOG_ABOVE: Final = 50  # ratio of largest to smallest value from which a linear axis hides the small ones
_LABEL: Final = 8
_BITS: Final = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # of a braille cell

Cells: TypeAlias = list[list[tuple[str, str]]]
"""Characters with their styles, line by line."""


@dataclass(frozen=True)
class Axis:
    """Maps values to heights between 0 (lowest) and 1 (highest).

    >>> axis = Axis(0.25, 4.0, log=True)
    >>> axis.heights(np.array([0.25, 1.0])), axis.value(0.5)
    (array([0. , 0.5]), 1.0)
    """

    low: float
    high: float
    log: bool = False

    @classmethod
    def over(cls, values: Numbers) -> Axis:
        """The axis on which the finite values can be told apart.

        >>> Axis.over(np.array([0.001, 2.0, np.nan]))
        Axis(low=0.001, high=2.0, log=True)
        """
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
        if low == high:
            margin = abs(low) / 2 or 0.5
            return cls(low - margin, high + margin)
        return cls(low, high, log=low > 0 and high / low > _LOG_ABOVE)

    def heights(self, values: Numbers) -> Numbers:
        """Where each value lies."""
        if self.log:
            return Axis(np.log(self.low), np.log(self.high)).heights(np.log(values))
        return (values - self.low) / (self.high - self.low)

    def value(self, height: float) -> float:
        """What lies at a height."""
        if self.log:
            return float(self.low * (self.high / self.low) ** height)
        return self.low + height * (self.high - self.low)


def plot(panel: Panel, width: int, height: int, last: float) -> Text:
    """Draw the curves of a panel, with a legend above and the steps below.

    Arguments:
        panel: what to draw.
        width: characters, the labels of the axis included.
        height: lines of the frame alone.
        last: the step at the right end.
    """
    last = max(last, 1.0)
    labels = ("0", f"{last / 2:.0f}", f"step {last:.0f}")
    return framed(panel, (width, height), last, _legend(panel), labels)


def framed(
    panel: Panel, size: tuple[int, int], last: float, legend: Sequence[Text], labels: tuple[str, str, str]
) -> Text:
    """Draw the curves of a panel in a frame.

    Arguments:
        panel: what to draw; what its curves call steps begins with 0 at the left end.
        size: characters, the labels of the axis included, and lines of the frame alone.
        last: the step at the right end.
        legend: what stands above.
        labels: below the left end, the middle and the right end.
    """
    width, height = size
    axis = Axis.over(np.concatenate([each.values for each in panel.curves]))
    columns = max(width - _LABEL - 2, 8)
    cells: Cells = [[(" ", "")] * columns for _ in range(height)]
    if panel.training:
        _draw_line(cells, panel.training, axis, last)
    if panel.held_out:
        _draw_points(cells, panel.held_out, axis, last)
    above = [*legend, Text("log scale", style="dim")] if axis.log else legend
    head = Text(" " * (_LABEL + 2)) + Text("   ").join(above)
    beside = _labels(axis, height, panel.is_share)
    frame = (_row(cells[row], beside.get(row, "")) for row in range(height))
    return Text("\n", no_wrap=True).join([head, *frame, *_ends(columns, labels)])


def _draw_line(cells: Cells, curve: Curve, axis: Axis, last: float) -> None:
    rows, columns = len(cells), len(cells[0])
    dots = np.zeros((rows * 4, columns * 2), dtype=bool)
    places = (1 - axis.heights(column_means(curve, last, columns * 2))) * (rows * 4 - 1)
    for column, row in enumerate(places):
        before = places[column - 1] if column and np.isfinite(places[column - 1]) else row
        if np.isfinite(row):
            dots[round(min(row, before)) : round(max(row, before)) + 1, column] = True
    codes = (dots.reshape(rows, 4, columns, 2) * _BITS[None, :, None, :]).sum(axis=(1, 3))
    for row, column in np.argwhere(codes):
        cells[row][column] = (chr(0x2800 + int(codes[row, column])), TRAINING)


def column_means(curve: Curve, last: float, columns: int) -> Numbers:
    """Mean of a curve's values in each of so many columns between step 0 and the last.

    Columns without a value lie on the line between their neighbours; beyond the ends, and where the
    values are not finite, there is NaN.

    >>> curve = Curve("loss", np.array([0.0, 1.0, 4.0]), np.array([3.0, 2.0, 0.5]))
    >>> column_means(curve, 4.0, 5)
    array([3. , 2. , 1.5, 1. , 0.5])
    """
    places = np.rint(curve.steps / last * (columns - 1)).astype(int)
    finite = np.isfinite(curve.values)
    sums = np.bincount(places[finite], curve.values[finite], minlength=columns)
    counts = np.bincount(places[finite], minlength=columns)
    known = np.flatnonzero(counts)
    if not len(known):
        return np.full(columns, np.nan)
    means = np.interp(np.arange(columns), known, sums[known] / counts[known], left=np.nan, right=np.nan)
    means[np.setdiff1d(places[~finite], known)] = np.nan
    return means


def _draw_points(cells: Cells, curve: Curve, axis: Axis, last: float) -> None:
    finite = np.isfinite(curve.values)
    columns = np.rint(curve.steps[finite] / last * (len(cells[0]) - 1)).astype(int)
    rows = np.rint((1 - axis.heights(curve.values[finite])) * (len(cells) - 1)).astype(int)
    for row, column in zip(rows, columns, strict=True):
        cells[row][column] = (POINT, HELD_OUT)


def _labels(axis: Axis, rows: int, is_share: bool) -> dict[int, str]:
    """What stands beside the first, the middle and the last line, with as many digits as tell them apart."""
    heights = {0: 1.0, rows // 2: 1 - (rows // 2 + 0.5) / rows, rows - 1: 0.0}
    values = {row: axis.value(height) for row, height in heights.items()}
    found = {row: _figure(value, is_share) for row, value in values.items()}
    for digits in range(4, _LABEL - 1):
        finer = {row: f"{value:.{digits}g}" for row, value in values.items()}
        if is_share or len({*found.values()}) == len(found) or max(map(len, finer.values())) > _LABEL:
            break
        found = finer
    return found


def _row(cells: list[tuple[str, str]], label: str) -> Text:
    line = Text(f"{label:>{_LABEL}} {'┤' if label else '│'}", style="dim")
    for character, style in cells:
        line.append(character, style=f"not dim {style}" if style else "")
    return line


def _ends(columns: int, labels: tuple[str, str, str]) -> Iterator[Text]:
    left, middle, right = labels
    line = f"{left:<{columns // 2}}{middle:<{columns - columns // 2}}"
    yield Text(" " * (_LABEL + 1) + "└" + "─" * columns, style="dim")
    yield Text(" " * (_LABEL + 2) + line[: columns - len(right)] + right, style="dim")


def named(mark: str, style: str, name: str) -> Text:
    """A part of a legend: what a curve is drawn with, and what it is."""
    return Text.assemble((mark, style), f" {name}")


def _legend(panel: Panel) -> list[Text]:
    parts: list[Text] = []
    for curve, mark, style in ((panel.training, LINE, TRAINING), (panel.held_out, POINT, HELD_OUT)):
        if curve:
            now = _figure(float(curve.values[-1]), panel.is_share)
            parts.append(named(mark, style, f"{curve.name} {now}"))
            if lost := np.flatnonzero(~np.isfinite(curve.values)).tolist():
                parts.append(Text(f"not finite from step {curve.steps[lost[0]]:.0f}", style="bold red"))
    return parts


def _figure(value: float, is_share: bool) -> str:
    return share(value) if is_share else number(value)
