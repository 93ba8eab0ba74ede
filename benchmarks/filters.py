"""First-layer filters that are an oriented edge, a Gabor filter, a blob or a colour, with R² ≥ 0.8.

Beside filters of the same weights at random places, fitted in the same way, and the network's own at
step 0. A word is given where at most 5 % of random filters are fitted as well: 9 weights, as a filter of
3 × 3 has, are fitted well by nearly anything.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch
from reporting import Row, markdown, seconds
from squeezenet import WEIGHTS, squeezenet

from weightdesk.capture.filters import FilterFits, fit_filters
from weightdesk.training import Recipe, prepare
from weightdesk.training.loop import Course


class _NoRecording:
    cost = 0.0

    def log(self, **values: object) -> None:
        """Keep nothing."""


def measure() -> list[Row]:
    """Fit the trained digits CNN, the same at step 0, and SqueezeNet."""
    torch.manual_seed(0)
    prepared = prepare(Recipe.create("digits"))
    untrained = fit_filters(prepared.model.conv1.weight)
    Course(prepared).run(_NoRecording())
    rows = [
        *_rows("digits CNN, 3 × 3 × 1", fit_filters(prepared.model.conv1.weight)),
        *_rows("digits CNN at step 0", untrained),
    ]
    if not WEIGHTS.exists():
        return rows
    found: list[FilterFits] = []
    weights = squeezenet().features[0].weight
    wall = seconds(lambda: found.append(fit_filters(weights)))
    return [
        *rows,
        *_rows("SqueezeNet, 7 × 7 × 3", found[0]),
        Row("… seconds for 96 filters and 200 random ones", f"{wall:.1f} s"),
    ]


def _rows(name: str, found: FilterFits) -> list[Row]:
    words = ", ".join(f"{found.words.count(each)} {each}" for each in sorted(set(found.words)))
    return [
        Row(f"{name}: filters fitted with R² ≥ 0.8", f"{found.share:.0%} of {len(found.r2)}"),
        Row("… of random ones", f"{found.random_share:.0%} of {len(found.random_r2)}"),
        Row("… words", words),
    ]


if __name__ == "__main__":
    sys.stdout.write(markdown(measure()) + "\n")
