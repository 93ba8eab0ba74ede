from __future__ import annotations

import pytest
import torch

from weightdesk.errors import OptionError
from weightdesk.explain.batch import batch_of


def test_only_what_has_the_examples_is_narrowed() -> None:
    batch = batch_of(
        {"x": torch.randn(4, 3), "mask": torch.ones(3, 3), "scale": torch.tensor(2.0), "name": "a"}
    )
    first = batch.first()
    assert (first["x"].shape, first["mask"].shape, first["name"]) == ((1, 3), (3, 3), "a")
    assert batch_of(torch.ones(3, 5), 1).first().shape == (3, 1)
    assert batch_of(torch.ones(3), None).first().shape == (3,)
    assert batch_of({"name": "a"}).size == 1


def test_the_axis_must_be_one_of_the_inputs() -> None:
    with pytest.raises(OptionError, match="batch_dim 2 is no axis"):
        batch_of(torch.ones(2, 2), 2)


def test_examples_are_taken_from_wherever_they_lie() -> None:
    x, mask = torch.randn(2, 4, 3), torch.ones(3, 3)
    taken = batch_of(x, 1).take({"x": x, "mask": mask, "name": "a"}, torch.tensor([3, 0, 3]))
    assert torch.equal(taken["x"], x[:, [3, 0, 3]])
    assert taken["mask"] is mask
    assert taken["name"] == "a"
    assert batch_of(x, None).take(x, [0]) is x


def test_examples_may_be_taken_under_vmap() -> None:
    x = torch.randn(4, 3)
    rows = torch.vmap(lambda each: batch_of(x).take(x, each[None])[0])(torch.tensor([2, 1]))
    assert torch.equal(rows, x[[2, 1]])
