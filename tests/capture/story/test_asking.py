"""What is asked of the layers: no example both teaches and judges, no property is the task again."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from weightdesk.capture import Specimen
from weightdesk.capture.story.asking import question
from weightdesk.errors import OptionError
from weightdesk.properties import Property


def asked_of(count: int, *properties: Property) -> Specimen:
    return Specimen(nn.Linear(2, 2), torch.zeros(count, 2), torch.arange(count) % 2, ("a", "b"), properties)


@given(st.integers(20, 200), st.integers(0, 100))
def test_every_example_either_teaches_or_judges(count: int, seed: int) -> None:
    found = question(asked_of(count), seed)
    assert sorted([*found.learned.tolist(), *found.judged.tolist()]) == list(range(count))
    assert torch.equal(found.judged, question(asked_of(count), seed).judged)


def test_the_task_by_another_name_gives_its_level_and_is_not_asked_twice() -> None:
    same = Property("object", torch.arange(40) % 2, ("a", "b"), level=2)
    other = Property("stroke", torch.arange(40) // 20, ("thin", "bold"), level=0)
    found = question(asked_of(40, same, other))
    assert found.task.level == 2
    assert [each.name for each in found.all] == ["task", "stroke"]


def test_what_is_always_the_same_or_cannot_be_told_is_not_asked() -> None:
    constant = Property("constant", torch.zeros(40, dtype=torch.long), ("one", "two"))
    unknown = Property("unknown", torch.full((40,), -1), ("one", "two"))
    assert question(asked_of(40, constant, unknown)).others == ()


def test_it_says_what_is_missing() -> None:
    with pytest.raises(OptionError, match="where a class is predicted"):
        question(Specimen(nn.Linear(2, 2), torch.zeros(40, 2)))
    with pytest.raises(OptionError, match="too few"):
        question(asked_of(10))
