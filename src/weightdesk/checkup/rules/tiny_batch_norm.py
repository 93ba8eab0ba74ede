"""Batch normalisation over a handful of examples."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.finding import NO_PASS, Evidence, Finding
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.rule import Rule, Verdict

_LEAST = 5


def decide(record: Record) -> Verdict:
    """Compare the batch size with what batch normalisation needs."""
    normalised = [name for name, kind in record.modules.items() if "BatchNorm" in kind]
    if not normalised:
        return None
    sizes = [each["examples"] for each in record.passes.training if each["training"]]
    if not sizes:
        return NO_PASS
    size = float(np.median(sizes))
    if size >= _LEAST:
        return None
    return Finding(
        rule="tiny_batch_norm",
        message=f"batch normalisation over {size:.0f} examples",
        since=0,
        confidence=0.95,
        cause="means and variances of so few examples are mostly noise, and differ from those of evaluation",
        remedy="larger batches, or GroupNorm or LayerNorm, which need no batch",
        where=tuple(normalised),
        evidence=(Evidence("examples in a batch, median", size, _LEAST),),
    )


RULE = Rule(
    name="tiny_batch_norm",
    looks_at="the leading dimension of inputs, and which modules normalise by batch",
    threshold=f"fewer than {_LEAST} examples",
    source="Wu & He 2018, Group Normalization, figure 1",
    decide=decide,
)
