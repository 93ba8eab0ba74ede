"""ReLU units that no example excites, so that they never learn again."""

from __future__ import annotations

from itertools import pairwise

from weightdesk.checkup.finding import NO_PASS, Evidence, Finding
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.rule import Rule, Verdict

_SHARE = 0.6


def decide(record: Record) -> Verdict:
    """Count the units of each ReLU layer that stay at zero for a whole batch."""
    graphs = record.passes.graphs
    if not graphs:
        return NO_PASS
    layers: dict[str, list[tuple[int, float]]] = {}
    for step, told in graphs:
        for place, each in enumerate(found for found in told if found.get("function") in ("relu", "relu6")):
            layers.setdefault(each["after"] or f"activation {place}", []).append(
                (step, each["silent"] / each["units"])
            )
    worst = {
        name: seen
        for name, seen in layers.items()
        if len(seen) > 1 and _is_dead([share for _, share in seen])
    }
    if not worst:
        return None
    name, seen = max(worst.items(), key=lambda pair: max(share for _, share in pair[1]))
    since = next(step for step, share in seen if share >= _SHARE)
    share = max(min(one, two) for (_, one), (_, two) in pairwise(seen))
    return Finding(
        rule="dead_units",
        message=f"{share:.0%} of the units behind {name} give zero for every example",
        since=since,
        confidence=min(0.97, 0.6 + 0.4 * share),
        cause=(
            "biases or weights that push the sums of these units below zero for all inputs; a step that was"
            " too large"
        ),
        remedy="a lower learning rate, He initialisation, biases at zero, or a leaky ReLU",
        where=tuple(worst),
        evidence=(
            Evidence(
                "share of units without any activation in a batch",
                share,
                _SHARE,
                tuple(step for step, _ in seen),
            ),
        ),
    )


def _is_dead(shares: list[float]) -> bool:
    """Twice in a row, whenever: a layer that comes alive again has lost what it could have learned before."""
    return any(min(pair) >= _SHARE for pair in pairwise(shares))


RULE = Rule(
    name="dead_units",
    looks_at="results of ReLU, as a module or a function, in whole batches",
    threshold=f"{_SHARE:.0%} of a layer's units silent in two batches in a row",
    source="Lu et al. 2019, Dying ReLU; half of the units are silent for one example, hardly any for a batch",
    decide=decide,
)
