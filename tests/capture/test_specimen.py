"""A specimen has everything for each example, and picks examples with what belongs to them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weightdesk.capture import Specimen
from weightdesk.errors import OptionError
from weightdesk.properties import Property


def specimen() -> Specimen:
    stroke = Property("stroke", torch.tensor([0, 1, 1, 0]), ("thin", "bold"), level=1)
    return Specimen(
        nn.Linear(2, 3), torch.arange(8.0).view(4, 2), torch.tensor([2, 0, 1, 1]), properties=(stroke,)
    )


def test_chosen_examples_keep_their_targets_and_properties() -> None:
    chosen = specimen().of_examples([3, 0])
    assert len(chosen) == 2
    assert chosen.inputs.tolist() == [[6.0, 7.0], [0.0, 1.0]]
    assert chosen.labels is not None
    assert chosen.labels.tolist() == [1, 2]
    assert chosen.properties[0].values.tolist() == [0, 0]
    assert chosen.properties[0].level == 1


def test_without_targets_there_is_nothing_to_pick() -> None:
    assert Specimen(nn.Linear(2, 3), torch.zeros(4, 2)).of_examples([1]).targets is None


def test_another_network_sees_the_same_examples() -> None:
    other = nn.Linear(2, 1)
    whole = specimen()
    assert whole.with_model(other).model is other
    assert whole.with_model(other).inputs is whole.inputs


@pytest.mark.parametrize("targets", [torch.zeros(4), torch.zeros(4, 2).long(), None])
def test_only_whole_numbers_one_an_example_are_labels(targets: torch.Tensor | None) -> None:
    assert Specimen(nn.Linear(2, 3), torch.zeros(4, 2), targets).labels is None


def test_a_target_too_few_is_an_error() -> None:
    with pytest.raises(OptionError, match="targets: expected one for each of 4 examples, got 3"):
        Specimen(nn.Linear(2, 3), torch.zeros(4, 2), torch.zeros(3))
    with pytest.raises(OptionError, match="property 'hue': expected one for each of 4"):
        Specimen(
            nn.Linear(2, 3), torch.zeros(4, 2), properties=(Property("hue", torch.zeros(5).long(), ("red",)),)
        )
