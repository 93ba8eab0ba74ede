"""What a comparison says, in one sentence with its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from weightdesk.training.compare.finals import Contest, contests, ranked
from weightdesk.training.compare.intervals import Interval, interval
from weightdesk.training.compare.results import Result

_SURE: Final = 0.05


def verdict(results: Mapping[str, Sequence[Result]]) -> str:
    """Which setting wins, by how much and how surely; or that seeds differ as much as settings do.

    Arguments:
        results: the finished members of each setting.

    """
    order = ranked(results)
    if not order:
        return "no training has finished, so nothing can be compared"
    best, first = order[0], results[order[0]][0]
    reached = _shown(first.score, interval([each.final[first.score] for each in results[best]]).mean)
    if len(order) == 1:
        return f"only {best} has finished trainings: {first.part[:4]} {first.score} {reached}"
    found = contests(results)
    sentence = _against(best, found[0], results)
    clearly = [each.other for each in found[1:] if each.p < _SURE]
    return sentence + (f"; {best} also beats {', '.join(clearly)}" if clearly else "")


def _against(best: str, contest: Contest, results: Mapping[str, Sequence[Result]]) -> str:
    first = results[best][0]
    shared = {each.seed for each in results[best]} & {each.seed for each in results[contest.other]}
    means = [
        _shown(
            first.score,
            interval([each.final[first.score] for each in results[name] if each.seed in shared]).mean,
        )
        for name in (best, contest.other)
    ]
    of = f"{first.part.split()[0]} {first.score} {means[0]} against {means[1]}"
    difference = _difference(first.score, contest.result.difference)
    if not math.isfinite(contest.result.difference.mean):
        return f"{best} is ahead of {contest.other}, whose numbers are no longer finite: {of}"
    if contest.seeds < 2:
        return (
            f"{best} is ahead of {contest.other} on a single seed, which proves nothing: {of}, {difference}"
        )
    p = "p < 0.001" if contest.p < 0.001 else f"p = {contest.p:.2g}"
    tested = f"paired over {contest.seeds} seeds {p}"
    if contest.p < _SURE:
        return f"{best} beats {contest.other}: {of}, {difference}, {tested}"
    return f"{best} and {contest.other} cannot be told apart: {of}, {difference}, {tested}"


def _shown(score: str, value: float) -> str:
    return f"{100 * value:.1f} %" if score == "accuracy" else f"{value:.3f}"


def _difference(score: str, found: Interval) -> str:
    scale, digits, unit = (100, 1, " points") if score == "accuracy" else (1, 3, "")
    middle, low, high = (f"{scale * each:.{digits}f}" for each in (found.mean, found.low, found.high))
    return f"difference {middle}{unit}" + ("" if math.isnan(found.low) else f" (95 %: {low} to {high})")
