from __future__ import annotations

import torch

from weightdesk.explain.updates.optimizers import OptimizerStep
from weightdesk.explain.updates.recorded import RecordedStep
from weightdesk.explain.updates.stepterms import recipe_for, terms_of_step
from weightdesk.runs import Parameter


def test_only_weights_are_regularised() -> None:
    recipe = {"l1": 0.5}
    assert recipe_for(recipe, Parameter("fc.weight", (2, 3), "float32")) == recipe
    assert recipe_for(recipe, Parameter("fc.bias", (2,), "float32")) == {}
    assert recipe_for(None, Parameter("fc.weight", (2, 3), "float32")) == {}


def test_an_unknown_rule_has_no_terms() -> None:
    start = OptimizerStep(torch.ones(1), torch.ones(1), {}, {"lr": 0.5})
    assert terms_of_step(RecordedStep(0, "Lion", start, torch.ones(1).double()), {"l1": 1.0}) == ([], {})


def test_regularisers_act_where_the_optimizer_does_not() -> None:
    start = OptimizerStep(torch.ones(1), None, {}, {"lr": 0.5, "momentum": 0.5})
    terms, state = terms_of_step(RecordedStep(0, "SGD", start, torch.ones(1).double()), {"l1": 0.25})
    assert [(term.name, term.value.item()) for term in terms] == [("proximal L1", -0.25)]
    assert state == {}


def test_steps_are_counted_on() -> None:
    start = OptimizerStep(
        torch.ones(1), torch.ones(1), {"step": torch.tensor(4.0)}, {"lr": 0.5, "momentum": 0}
    )
    _, state = terms_of_step(RecordedStep(0, "SGD", start, torch.ones(1).double()), {})
    assert state["step"] == 5
