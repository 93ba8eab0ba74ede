from __future__ import annotations

import pytest
import torch

from weightdesk.explain.updates.optimizers import RULES, OptimizerStep, Split, Term, terms_of


def test_every_rule_is_an_optimizer_of_torch() -> None:
    assert all(issubclass(getattr(torch.optim, name), torch.optim.Optimizer) for name in RULES)


def test_a_step_without_a_gradient_has_no_terms() -> None:
    assert terms_of(OptimizerStep(torch.ones(1), None, {}, {}), Split({})) == []


def test_the_sources_add_up_to_the_direction() -> None:
    options = {"weight_decay": 0.25, "maximize": True}
    start = OptimizerStep(torch.tensor([2.0, -1.0]), torch.tensor([0.5, 3.0]), {}, options)
    terms = terms_of(start, Split({"−lr": -1.0}), l2=0.125)
    assert [term.name for term in terms] == ["gradient", "L2 in the loss", "weight decay"]
    assert torch.equal(sum(term.value for term in terms), -start.direction.double())
    assert torch.equal(terms[1].value, 0.25 * start.weight.double())


def test_a_term_multiplies_in_double_precision() -> None:
    term = Term("gradient", {"a": 0.1, "b": torch.tensor([3.0])})
    assert term.value.dtype == torch.float64
    assert term.value.item() == 0.1 * 3.0


@pytest.mark.parametrize(("dtype", "expected"), [(torch.float64, 0.1), (torch.bfloat16, 0.10000000149011612)])
def test_numbers_are_rounded_as_kernels_take_them(dtype: torch.dtype, expected: float) -> None:
    assert OptimizerStep(torch.ones(1, dtype=dtype), None, {}, {}).rounded(0.1) == expected


def test_clipping_takes_from_the_gradient_of_the_whole_loss() -> None:
    options = {"maximize": True}
    weight, seen, left = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 3.0]), torch.tensor([4.0, 3.0])
    terms = terms_of(OptimizerStep(weight, seen, {}, options, left), Split({"−lr": -0.25}), l2=0.5)
    found = {term.name: term.value.tolist() for term in terms}
    assert found == {"gradient": [0.5, 1.0], "L2 in the loss": [0.5, -0.25], "clipping": [-0.875, 0.0]}
    assert sum(term.value for term in terms).tolist() == [0.25 * 0.5, 0.25 * 3.0]
