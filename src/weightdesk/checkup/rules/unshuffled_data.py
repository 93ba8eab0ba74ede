"""Batches that are alike inside and different from one another: sorted data."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.passes import Pass
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.rule import Rule, Verdict

_CHANCE = 1e-9
_BATCHES = 4
_PURE = 0.25


def decide(record: Record) -> Verdict:
    """Test whether the labels, or the inputs, of a batch are drawn from all of them."""
    batches = record.passes.batches
    if (
        record.passes.is_one_label_an_example
        and len(batches) >= _BATCHES
        and len(np.unique(record.passes.labels)) > 1
    ):
        by_chance, purity = _labels(batches)
        if by_chance < _CHANCE and purity > _PURE:
            return _finding(
                "labels",
                f"batches go {purity:.0%} of the way from mixed labels to one label for all",
                by_chance,
            )
    passes = [each for each in record.passes.training if each["features"] and each["input_float"]]
    if len(passes) < _BATCHES and len(batches) < _BATCHES:
        return Undecided(f"{_BATCHES} training passes of the watched model itself")
    ratio, by_chance = _inputs(passes)
    if by_chance < _CHANCE and ratio > 3:
        return _finding(
            "inputs",
            f"the inputs of a batch are alike: batches differ {ratio:.1f} times as much as they would by"
            " chance",
            by_chance,
        )
    repeated = _repeated(record.passes.training)
    if repeated:
        return _finding(
            "order",
            f"the same examples came together again in {repeated} batches: each epoch has the same order",
            1e-6,
            0.75,
        )
    return None


def _labels(batches: list[npt.NDArray[np.int64]]) -> tuple[float, float]:
    """Probability of batches so pure by chance, and how pure: 0 as all data are, 1 of one class."""
    from scipy.stats import chi2  # type: ignore[import-untyped]  # takes long to load

    whole = np.concatenate(batches)
    classes, inverse = np.unique(whole, return_inverse=True)
    share = np.bincount(inverse) / len(whole)
    square, freedom, purest, expected = 0.0, 0, 0.0, 0.0
    for batch in batches:
        counts = np.array([(batch == each).sum() for each in classes])
        square += float(((counts - share * len(batch)) ** 2 / (share * len(batch))).sum())
        freedom += len(classes) - 1
        purest += float(((counts / len(batch)) ** 2).sum())
        expected += float((share**2).sum()) + float((share * (1 - share)).sum()) / len(batch)
    expected, purest = expected / len(batches), purest / len(batches)
    return float(chi2.sf(square, freedom)), (purest - expected) / max(1 - expected, 1e-9)


def _inputs(passes: list[Pass]) -> tuple[float, float]:
    """How much more batch means differ than by chance, and its probability: an F test feature by feature."""
    from scipy.stats import f_oneway, rankdata  # takes long to load

    tables = [np.array(each["features"]).reshape(-1, each["feature_count"]) for each in passes]
    tables = [each for each in tables if each.shape[1] == tables[0].shape[1] and len(each) >= 4]
    if len(tables) < _BATCHES:
        return 0.0, 1.0
    groups = np.repeat(np.arange(len(tables)), [len(each) for each in tables])
    values = np.concatenate(tables)
    ratios = []
    for column in values.T:
        if np.ptp(column) > 0:
            ranks = rankdata(column)
            within = [ranks[groups == each] for each in range(len(tables))]
            found = f_oneway(*within)
            ratios.append((float(found.statistic), float(found.pvalue)))
    if not ratios:
        return 0.0, 1.0
    ratio = float(np.median([each[0] for each in ratios]))
    return ratio, float(np.median([each[1] for each in ratios]))


def _repeated(passes: list[Pass]) -> int:
    """Batches whose examples, all of them, were together before; none where there is but one batch."""
    steps = {each["step"]: each for each in reversed(passes)}  # a step may look at its batch several times
    kept = [each for _, each in sorted(steps.items()) if each["fingerprints"] and each["examples"] >= 4]
    seen = [frozenset(each["fingerprints"]) for each in kept]
    different = set(seen)
    if len(different) < _BATCHES or all(left == right for left, right in pairwise(seen)):
        return 0
    return len(seen) - len(different)


def _finding(where: str, message: str, by_chance: float, confidence: float = 0.95) -> Finding:
    return Finding(
        rule="unshuffled_data",
        message=message,
        since=0,
        confidence=confidence,
        cause="the data come in the order in which they are kept",
        remedy="shuffle them anew for each epoch: DataLoader(…, shuffle=True)",
        where=(where,),
        evidence=(Evidence("probability of such batches by chance", by_chance, _CHANCE),),
    )


RULE = Rule(
    name="unshuffled_data",
    looks_at="labels and inputs of training batches",
    threshold=f"batches that chance gives once in {1 / _CHANCE:.0e}, or the same batches again",
    source="Pearson's χ² and Fisher's F; Bottou 2012, Stochastic gradient descent tricks",
    decide=decide,
)
