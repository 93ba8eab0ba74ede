"""Two linear layers in a row are one."""

from __future__ import annotations

import math

from weightdesk.checkup.finding import NO_PASS, Evidence, Finding
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.rule import Rule, Verdict


def decide(record: Record) -> Verdict:
    """Look for linear layers between which nothing bends, narrow ones on purpose apart."""
    graphs = record.passes.graphs
    if not graphs:
        return NO_PASS
    pairs = {tuple(each["straight"]) for _, told in graphs for each in told if "straight" in each}
    wrong = sorted(pair for pair in pairs if not _is_deliberate(record, *pair))
    if not wrong:
        return None
    first, second = wrong[0]
    return Finding(
        rule="missing_nonlinearity",
        message=f"nothing bends between {first} and {second}: together they are one linear layer",
        since=0,
        confidence=0.95,
        cause="an activation function is missing between them",
        remedy="put ReLU, GELU or tanh between them, or make them one layer",
        where=tuple(dict.fromkeys(name for pair in wrong for name in pair)),
        evidence=(Evidence("pairs of layers without anything between", len(wrong), 0),),
    )


def _is_deliberate(record: Record, first: str, second: str) -> bool:
    """A bottleneck narrower than both sides, and convolutions that split space from channels."""
    shapes = [record.run.parameters[name].shape for name in (first, second)]
    if any(
        name not in record.matrices or "attention" in record.owner(name).lower() for name in (first, second)
    ):
        return True
    if any("attn" in name or "in_proj" in name for name in (first, second)):
        return True
    if len(shapes[0]) > 2:  # depthwise, or one place wide
        return (
            any(
                (shape[1] == 1 and shape[0] > 1) or math.prod(shape[2:]) == 1
                for shape in shapes
                if len(shape) > 2
            )
            and shapes[0] != shapes[1]
        )
    return shapes[0][0] < min(shapes[0][1], shapes[1][0])


RULE = Rule(
    name="missing_nonlinearity",
    looks_at="the autograd graph of forward passes",
    threshold="one linear layer right behind another that is no bottleneck",
    source="exact: a product of matrices is a matrix (Goodfellow et al. 2016, section 6.1)",
    decide=decide,
)
