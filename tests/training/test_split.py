from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.errors import DataError
from weightdesk.training.data import Dataset
from weightdesk.training.split import split


def classes(labels: torch.Tensor, given_test: int = 0) -> Dataset:
    names = tuple(str(each) for each in range(int(labels.max()) + 1))
    return Dataset(
        inputs=torch.zeros(len(labels), 1), targets=labels, task="classification", class_names=names,
        given_test=given_test,
    )  # fmt: skip


def amounts(count: int) -> Dataset:
    return Dataset(inputs=torch.zeros(count, 1), targets=torch.zeros(count, 1), task="regression")


@given(st.integers(20, 300), st.floats(0, 0.4), st.floats(0, 0.4), st.integers(0, 99))
def test_every_example_is_in_exactly_one_part(count, validation, test, seed):
    validation, test = round(validation, 1), round(test, 1)
    parts = split(amounts(count), validation=validation, test=test, seed=seed)
    together = torch.cat([parts.train, parts.validation, parts.test])
    assert together.sort().values.tolist() == list(range(count))
    assert parts.sizes()["test"] == round(test * count)
    assert parts.sizes()["validation"] == round(validation * count)


@given(st.lists(st.integers(10, 60), min_size=2, max_size=5), st.integers(0, 99))
def test_each_part_has_the_classes_in_proportion(counts, seed):
    labels = torch.cat([torch.full((count,), label) for label, count in enumerate(counts)])
    parts = split(classes(labels), validation=0.2, test=0.2, seed=seed)
    for part in (parts.train, parts.validation, parts.test):
        for label, count in enumerate(counts):
            expected = count / len(labels) * len(part)
            assert abs(int((labels[part] == label).sum()) - expected) <= 2


def test_the_same_seed_deals_alike_and_another_does_not():
    dataset = classes(torch.arange(200) % 4)
    first, again, other = (split(dataset, validation=0.1, test=0.2, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.test, again.test)
    assert not torch.equal(first.test, other.test)


def test_test_data_set_apart_by_their_authors_stay_apart():
    parts = split(classes(torch.arange(60) % 2, given_test=10), validation=0.2, test=0.5, seed=0)
    assert parts.test.tolist() == list(range(50, 60))
    assert parts.sizes() == {"train": 40, "validation": 10, "test": 10}


@pytest.mark.parametrize(
    ("count", "validation", "test", "words"),
    [
        (4, 0.1, 0.2, "4 examples are too few to hold out 10% for validation"),
        (2, 0.0, 0.2, "too few to hold out 20% for test"),
        (3, 0.4, 0.59, "leave none to train on"),
    ],
)
def test_too_few_examples_are_named(count, validation, test, words):
    with pytest.raises(DataError, match=words):
        split(amounts(count), validation=validation, test=test, seed=0)


def test_a_class_that_would_not_be_trained_on_is_named():
    labels = torch.tensor([0] * 20 + [1])
    lost = classes(torch.cat([labels, torch.tensor([2])]), given_test=1)
    with pytest.raises(DataError, match="class '2' has too few examples"):
        split(lost, validation=0.1, test=0.1, seed=0)
