"""What is true of examples is kept as numbers of classes; what is none is said in a line."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from weightdesk.errors import OptionError
from weightdesk.properties import Property


def test_whether_something_is_so_becomes_a_class() -> None:
    found = Property("negated", torch.tensor([True, False]), ("plain", "negated"))
    assert found.values.tolist() == [1, 0]
    assert found.values.dtype == torch.int64
    assert found.of_examples(torch.tensor([1])).values.tolist() == [0]


@pytest.mark.parametrize("values", [torch.tensor([2]), torch.tensor([-2]), torch.tensor([0.5])])
def test_what_is_no_class_is_said_in_a_line(values: Tensor) -> None:
    with pytest.raises(OptionError, match="property 'stroke': expected numbers from 0 to 1, one for each of"):
        Property("stroke", values, ("thin", "bold"))
