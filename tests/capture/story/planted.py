"""The small network that tells signs, on examples of which two other things are known."""

from __future__ import annotations

import torch
from learned_signs import CLASSES, STEPS, examples, networks

from weightdesk.capture import Specimen
from weightdesk.properties import Property


def planted(count: int = 400) -> Specimen:
    """Whether the fifth number is positive, which the task does not need, and what nothing tells."""
    inputs, targets = examples(count)
    generator = torch.Generator().manual_seed(5)
    properties = (
        Property("fifth", (inputs[:, 4] > 0).long(), ("negative", "positive"), level=0),
        Property("coin", torch.randint(2, (count,), generator=generator), ("heads", "tails")),
    )
    return Specimen(networks()[STEPS[-1]], inputs, targets, CLASSES, properties)
