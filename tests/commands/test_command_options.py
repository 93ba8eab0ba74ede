from __future__ import annotations

import inspect

import pytest

from weightdesk.commands.options import RECIPE, RECORDING, Option, takes
from weightdesk.training import Recipe
from weightdesk.training import train as train_network
from weightdesk.training.activations import ACTIVATIONS
from weightdesk.training.data import Source
from weightdesk.training.initialisers import INITIALISERS
from weightdesk.training.optimizers import OPTIMIZERS
from weightdesk.training.options import help_texts
from weightdesk.training.schedules import SCHEDULES

FOUND_OUT = {"kind", "path", "content_hash"}


def test_the_options_are_those_of_the_recipe_with_the_same_words() -> None:
    known = {**help_texts(Recipe), **help_texts(Source)}
    assert {each.name: each.what for each in RECIPE} == {
        name: what for name, what in known.items() if name not in FOUND_OUT
    }


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("activation", ACTIVATIONS),
        ("init", INITIALISERS),
        ("optimizer", OPTIMIZERS),
        ("schedule", SCHEDULES),
    ],
)
def test_the_choices_are_those_that_the_recipe_knows(name: str, known: dict[str, object]) -> None:
    (option,) = (each for each in RECIPE if each.name == name)
    assert set(option.choices) == set(known)
    assert option.help == f"{option.what}: {', '.join(option.choices)}"


def test_every_budget_of_a_recording_has_an_option() -> None:
    parameters = inspect.signature(train_network).parameters.values()
    budget = {each.name for each in parameters if each.kind == each.KEYWORD_ONLY} - {"progress", "start"}
    assert budget <= {each.name for each in RECORDING}


def test_options_stand_in_place_of_the_open_end() -> None:
    @takes(Option("loud", "Sound", "", "be loud"), Option("pitch", "Sound", "HERTZ", "how high"))
    def play(tune: str, **options: object) -> None: ...

    assert list(inspect.signature(play).parameters) == ["tune", "loud", "pitch"]
