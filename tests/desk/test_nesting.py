"""The tensors of nested outputs, and the same nesting with others."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from desk.desks import ModelOutput, PlainOutput

from weightdesk.desk.nesting import main_of, main_pair, tensors_of, with_tensors

Point = namedtuple("Point", ["x", "y"])
ONE, TWO = torch.ones(2), torch.zeros(2)


@dataclass(frozen=True, slots=True)
class Slotted:
    logits: torch.Tensor
    count: int = 3


NESTINGS = [
    ONE, (ONE, TWO), [ONE, None, "text"], {"b": ONE, "a": TWO}, OrderedDict(b=ONE, a=TWO), Point(ONE, 3),
    PlainOutput(ONE), ModelOutput(ONE, TWO), Slotted(ONE), SimpleNamespace(a=ONE, inner=[PlainOutput(TWO)]),
]  # fmt: skip


@pytest.mark.parametrize("value", NESTINGS, ids=lambda each: type(each).__name__)
def test_tensors_are_exchanged_in_order_and_the_value_stays(value: Any) -> None:
    found = tensors_of(value)
    assert found
    assert all(isinstance(each, torch.Tensor) for each in found)
    again = with_tensors(value, [each + 5 for each in found])
    assert type(again) is type(value)
    assert all(torch.equal(new, old + 5) for new, old in zip(tensors_of(again), found, strict=True))
    assert all(new is old for new, old in zip(tensors_of(value), found, strict=True))
    assert ONE.tolist() == [1, 1]


def test_items_and_attributes_stay_the_same_thing() -> None:
    again = with_tensors(ModelOutput(ONE, None), [TWO])
    assert again["logits"] is TWO
    assert again.logits is TWO
    assert again.hidden is None


def test_an_object_that_holds_itself_ends() -> None:
    loop = SimpleNamespace(a=ONE)
    loop.me = loop
    assert tensors_of(loop)


@pytest.mark.parametrize(
    "outputs", [{"hidden": TWO, "logits": ONE}, PlainOutput(ONE), ModelOutput(ONE, TWO), (ONE, TWO)]
)
def test_the_logits_are_the_main_result(outputs: Any) -> None:
    assert main_of(outputs) is ONE


def test_targets_go_with_the_result_of_their_name_or_place() -> None:
    assert main_pair({"a": ONE, "b": TWO}, {"b": ONE, "c": TWO}) == (TWO, ONE)
    assert main_pair((ONE, TWO), (TWO, ONE)) == (ONE, TWO)
    counts = torch.tensor([1, 2])
    assert main_pair((counts, ONE), counts) == (ONE, counts)
    assert main_pair("text", None) == (None, None)
