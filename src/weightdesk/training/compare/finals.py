"""Tables of what the settings of a comparison reached in the end, and how sure their order is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from weightdesk.explain.page import Section, section
from weightdesk.training.compare.intervals import Interval, Paired, holm, interval, paired
from weightdesk.training.compare.results import Result


@dataclass(frozen=True)
class Contest:
    """The best setting against one of the others, on the seeds that both have finished.

    Attributes:
        other: the name of the other one.
        seeds: how many they share.
        result: the difference of their scores, best less other.
        p: of the paired t-test, made larger for the number of contests (Holm 1979).
    """

    other: str
    seeds: int
    result: Paired
    p: float


def ranked(results: Mapping[str, Sequence[Result]]) -> list[str]:
    """The settings with a finished member, the best mean score first; of equal ones that of lower loss.

    Those whose numbers are no longer finite come last.
    """
    finished = {setting: members for setting, members in results.items() if members}

    def key(setting: str) -> tuple[float, ...]:
        score, loss = _score(finished[setting]).mean, _mean(finished[setting], "loss").mean
        return tuple(each if math.isfinite(each) else math.inf for each in (-score, loss))

    return sorted(finished, key=key)


def contests(results: Mapping[str, Sequence[Result]]) -> list[Contest]:
    """The best setting against each of the others, in the order of their scores."""
    order = ranked(results)
    if len(order) < 2:
        return []
    best, *others = order
    found = [(other, *_shared(results[best], results[other])) for other in others]
    tests = [paired(mine, theirs) for _, mine, theirs in found]
    adjusted = holm([each.p_t for each in tests])
    return [
        Contest(other, len(mine), test, p)
        for (other, mine, _), test, p in zip(found, tests, adjusted, strict=True)
    ]


def final_section(results: Mapping[str, Sequence[Result]], missing: Mapping[str, int]) -> Section:
    """Score and loss of each setting, the best first.

    Arguments:
        results: the finished members of each setting.
        missing: how many members of each setting are not finished.
    """
    order = ranked(results)
    first = results[order[0]][0]
    scores = [_score(results[each]) for each in order]
    losses = [_mean(results[each], "loss") for each in order]
    columns = {"setting": order, **_columns(first.score, scores), **_columns("loss", losses)}
    columns |= {"seeds": [each.count for each in scores], "missing": [missing[each] for each in order]}
    note = f"on {first.part}, mean over seeds with the 95 % interval by Student's t"
    return section(f"final {first.score} and loss", columns, note=note)


def contest_section(results: Mapping[str, Sequence[Result]]) -> Section:
    """The best setting against each of the others."""
    found = contests(results)
    differences = [each.result.difference for each in found]
    columns = {
        f"{ranked(results)[0]} less": [each.other for each in found],
        **_columns("difference", differences),
        "p": [each.p for each in found],
        "p of one": [each.result.p_t for each in found],
        "p by flips": [each.result.p_flips for each in found],
        "seeds": [each.seeds for each in found],
    }
    fewest = min(each.seeds for each in found)
    note = (
        "seed by seed: p by the paired t-test, made larger for the number of contests (Holm); alone; and by "
        f"flipping signs, which with {fewest} seeds is {2 / 2**fewest:.2g} at best"
    )
    return section("the best against the others", columns, bars=["difference"], note=note)


def _score(members: Sequence[Result]) -> Interval:
    return _mean(members, members[0].score)


def _mean(members: Iterable[Result], name: str) -> Interval:
    return interval([each.final[name] for each in members])


def _shared(first: Sequence[Result], second: Sequence[Result]) -> tuple[list[float], list[float]]:
    """The scores of the seeds that both have."""
    pairs = [(one, other) for one in first for other in second if one.seed == other.seed]
    return [one.final[one.score] for one, _ in pairs], [other.final[other.score] for _, other in pairs]


def _columns(name: str, found: Sequence[Interval]) -> dict[str, list[float]]:
    return {
        name: [each.mean for each in found],
        f"{name} from": [each.low for each in found],
        f"{name} to": [each.high for each in found],
    }
