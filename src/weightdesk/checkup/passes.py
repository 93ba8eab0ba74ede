"""The forward passes of a run, as the rules look at them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Pass = Mapping[str, Any]


class Passes:
    """Passes in the order in which they ran.

    Arguments:
        rows: of the table `passes`.

    >>> Passes([{"step": 0, "backward": True, "labels": [1, 0, -1], "examples": 3}]).labels.tolist()
    [1, 0]
    """

    def __init__(self, rows: Sequence[Pass]) -> None:
        self.training = [each for each in rows if each["backward"]]
        self.evaluating = [
            each
            for each in rows
            if not each["backward"] and not (each.get("differentiable") and each.get("training"))
        ]

    @cached_property
    def batches(self) -> list[npt.NDArray[np.int64]]:
        """The labels of each training pass that has one label an example."""
        found = [np.array(each["labels"], np.int64) for each in self.training if each["labels"]]
        return [each[each >= 0] for each in found if (each >= 0).any()]

    @cached_property
    def labels(self) -> npt.NDArray[np.int64]:
        """The labels that the loss pulled to, of all training passes."""
        return np.concatenate([np.zeros(0, np.int64), *self.batches])

    @cached_property
    def commonest(self) -> float:
        """The share of the most frequent label: what one answer for all gets right. There must be labels."""
        return float(np.unique(self.labels, return_counts=True)[1].max()) / len(self.labels)

    @property
    def is_one_label_an_example(self) -> bool:
        """Whether each example has one label, as in classification, and not one at each place."""
        shapes = [each["output_shape"] for each in self.training if each["labels"]]
        return bool(shapes) and all(len(shape) <= 2 for shape in shapes)

    @cached_property
    def right(self) -> list[tuple[int, float]]:
        """The share of examples that each training pass answers right, with the step; only of classes.

        >>> row = {"step": 3, "backward": True, "labels": [1, 0], "outputs": [0.1, 0.9, 0.2, 0.8]}
        >>> Passes([row | {"output_count": 2, "output_shape": [2, 2]}]).right
        [(3, 0.5)]
        """
        found = []
        for each in self.training:
            labels, count = np.array(each["labels"] or [], np.int64), each["output_count"]
            if not len(labels) or each["output_shape"][-1] > max(count, 1) or len(each["output_shape"]) > 2:
                continue
            outputs = np.array(each["outputs"]).reshape(-1, count)
            known = labels[: len(outputs)]
            answers = outputs.argmax(1) if count > 1 else (outputs[:, 0] > 0).astype(np.int64)
            if (kept := known >= 0).any():
                found.append((each["step"], float((answers[: len(known)] == known)[kept].mean())))
        return found

    @cached_property
    def graphs(self) -> list[tuple[int, list[dict[str, Any]]]]:
        """What the autograd graph told, with the step."""
        return [(row["step"], json.loads(row["graph"])) for row in self.training if row["graph"]]
