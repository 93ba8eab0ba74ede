from __future__ import annotations

import json

import pytest
import torch

from weightdesk.errors import DataError
from weightdesk.training.data import Dataset


def dataset(**changed: object) -> Dataset:
    values = {
        "inputs": torch.zeros(4, 2),
        "targets": torch.tensor([0, 1, 0, 1]),
        "task": "classification",
        "class_names": ("no", "yes"),
    }
    return Dataset(**{**values, **changed})


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"inputs": torch.zeros(0, 2)}, "nothing to learn from"),
        ({"inputs": torch.zeros(4, 0)}, "nothing to learn from"),
        ({"inputs": torch.zeros(5, 2)}, "5 inputs and 4 targets"),
        ({"inputs": torch.tensor([[0.0], [1.0], [torch.nan], [0.0]])}, "NaN or infinity in example 3"),
        ({"targets": torch.zeros(4, dtype=torch.long)}, r"one class only \(no\)"),
        ({"targets": torch.tensor([0, 1, 2, 1])}, "labels must be 0 to 1, .* got 2"),
        ({"targets": torch.tensor([0, 1, -1, 1])}, "labels must be 0 to 1, .* got -1"),
        ({"targets": torch.full((4, 1), torch.inf), "task": "regression"}, "targets must be finite"),
    ],
)
def test_data_that_cannot_be_learned_from_are_refused(changed, words):
    with pytest.raises(DataError, match=words) as raised:
        dataset(**changed)
    assert "\n" not in str(raised.value)


def test_the_description_is_json_and_says_what_a_network_needs():
    found = json.loads(json.dumps(dataset().describe()))
    assert found["input_shape"] == [2]
    assert found["outputs"] == 2
    amounts = dataset(targets=torch.zeros(4, 3), task="regression", class_names=())
    assert amounts.outputs == 3
