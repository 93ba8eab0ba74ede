from __future__ import annotations

import pytest

from weightdesk.errors import OptionError
from weightdesk.training import Recipe
from weightdesk.training.compare.plan import make_plan


def test_every_setting_has_every_seed_and_its_usual_options() -> None:
    plan = make_plan("xor", {"optimizer": ["sgd", "adam"]}, seeds=2, seed="7", layers=4)
    assert plan.seeds == (7, 8)
    assert [each.recipe for each in plan.of_setting("sgd")] == [
        Recipe.create("xor", optimizer="sgd", layers=4, seed=seed) for seed in (7, 8)
    ]
    assert [each.recipe.lr for each in plan.members] == [0.1, 0.001, 0.1, 0.001]


@pytest.mark.parametrize(
    ("vary", "options", "line"),
    [
        ({"init": ["he"]}, {}, "--init has no value 'he'"),
        ({"inits": ["zeros"]}, {}, "no option 'inits'"),
        ({"l2": [0, 1]}, {"l2": 1}, "given and varied"),
        ({"l2": [0, 1]}, {"seeds": 0}, "--seeds must be"),
    ],
)
def test_what_cannot_be_trained_is_refused_before(vary: dict, options: dict, line: str) -> None:
    with pytest.raises(OptionError, match=line):
        make_plan("xor", vary, **options)
