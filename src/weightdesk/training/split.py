"""Which examples train the network, which watch over the training and which judge it at the end."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from weightdesk.errors import DataError
from weightdesk.training.data.dataset import Dataset
from weightdesk.training.randomness import stream


@dataclass(frozen=True)
class Split:
    """Places of the examples of each part; no example is in two of them."""

    train: Int[Tensor, " train"]
    validation: Int[Tensor, " validation"]
    test: Int[Tensor, " test"]

    def sizes(self) -> dict[str, int]:
        """Return how many examples each part has."""
        return {"train": len(self.train), "validation": len(self.validation), "test": len(self.test)}


def split(dataset: Dataset, *, validation: float, test: float, seed: int) -> Split:
    """Deal the examples into three parts, in a classification each with all classes in proportion.

    Arguments:
        dataset: where its authors set test data apart, those are the test part whatever `test` says.
        validation: share of the examples in [0, 1), of those not set apart where some are.
        test: share of the examples in [0, 1).
        seed: the same seed deals alike.

    Raises:
        DataError: a part that was asked for would be empty, or a class would not be trained on.

    >>> from weightdesk.training.data import Source, load
    >>> parts = split(load(Source(kind="digits")), validation=0.1, test=0.2, seed=0)
    >>> parts.sizes()
    {'train': 1258, 'validation': 180, 'test': 359}

    """
    free = len(dataset) - dataset.given_test
    order = _stratified(dataset, free, seed)
    tested = 0 if dataset.given_test else round(test * free)
    watched = round(validation * free)
    parts = Split(
        train=order[tested + watched :].sort().values,
        validation=order[tested : tested + watched].sort().values,
        test=torch.arange(free, len(dataset)) if dataset.given_test else order[:tested].sort().values,
    )
    for name, share, size in (("validation", validation, watched), ("test", test, len(parts.test))):
        if share and not size:
            raise DataError(
                f"{free} examples are too few to hold out {share:.0%} for {name}; need more examples"
            )
    if not len(parts.train):
        raise DataError(f"{free} examples leave none to train on; need more examples")
    _refuse_lost_classes(dataset, parts.train)
    return parts


def _stratified(dataset: Dataset, free: int, seed: int) -> Int[Tensor, " free"]:
    """Return a random order in which every stretch has the classes in proportion."""
    order = torch.randperm(free, generator=stream(seed, "split"))
    if dataset.task == "regression":
        return order
    labels = dataset.targets[order]
    place = torch.empty(free, dtype=torch.float64)
    for label in range(len(dataset.class_names)):
        members = (labels == label).nonzero().squeeze(1)
        place[members] = (torch.arange(len(members), dtype=torch.float64) + 0.5) / len(members)
    return order[place.argsort(stable=True)]


def _refuse_lost_classes(dataset: Dataset, train: Int[Tensor, " train"]) -> None:
    if dataset.task == "regression":
        return
    counts = torch.bincount(dataset.targets[train], minlength=len(dataset.class_names))
    if int(counts.min()) == 0:
        lost = dataset.class_names[int(counts.argmin())]
        raise DataError(
            f"class {lost!r} has too few examples to train on and to hold some out; need more of it"
        )
