"""Which of the metrics that a user logged sums a run up: names are free, so the usual ones are looked for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

HELD_OUT: Final = ("val", "valid", "validation", "dev", "test", "eval", "heldout")
SCORES: Final = ("accuracy", "acc", "top1", "r2", "f1", "auc", "auroc", "map", "iou", "bleu")
SHARES: Final = frozenset({"accuracy", "acc", "top1"})
"""Scores that are shares of one, and read best as percentages."""


def is_held_out(name: str) -> bool:
    """Whether a metric's name says that it was measured on data that were held out.

    >>> is_held_out("val_loss"), is_held_out("eval/acc"), is_held_out("loss")
    (True, True, False)
    """
    return any(word in HELD_OUT for word in _words(name))


def is_share(name: str) -> bool:
    """Whether the metric is a share, such as an accuracy.

    >>> is_share("val_accuracy"), is_share("val_loss")
    (True, False)
    """
    return any(word in SHARES for word in _words(name))


def loss_names(names: Iterable[str]) -> tuple[str, ...]:
    """The losses among the metrics: first the one of the training batches.

    >>> loss_names(["val_loss", "lr", "loss"])
    ('loss', 'val_loss')
    """
    return _ordered(name for name in names if "loss" in _words(name) or name.endswith("loss"))


def score_names(names: Iterable[str]) -> tuple[str, ...]:
    """The scores of the first usual kind among the metrics: first the one of the training batches.

    >>> score_names(["loss", "val_r2", "r2", "mae"])
    ('r2', 'val_r2')
    """
    known = list(names)
    kind = next((kind for kind in SCORES if any(kind in _words(name) for name in known)), None)
    return _ordered(name for name in known if kind in _words(name))


def headline(metrics: Mapping[str, float]) -> tuple[str, float] | None:
    """Name and value of the metric that tells most: a score before a loss, on data held out longest.

    >>> headline({"loss": 0.1, "accuracy": 1.0, "val_accuracy": 0.96, "test_accuracy": 0.98})
    ('test_accuracy', 0.98)
    """
    known = [name for name, value in metrics.items() if not math.isnan(value)] or list(metrics)
    names = score_names(known) or loss_names(known)
    return (names[-1], metrics[names[-1]]) if names else None


def _ordered(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: (is_held_out(name), "test" in _words(name))))


def _words(name: str) -> list[str]:
    return "".join(each if each.isalnum() else " " for each in name.lower()).split()
