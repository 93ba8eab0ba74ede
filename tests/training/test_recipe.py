from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.errors import DataError, OptionError
from weightdesk.training.data.source import BUILT_IN
from weightdesk.training.options import help_texts
from weightdesk.training.recipe import Recipe


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_recipe_survives_json(name):
    recipe = Recipe.create(name, seed=7)
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@given(
    lr=st.floats(1e-9, 10),
    dropout=st.floats(0, 0.99),
    layers=st.lists(st.integers(1, 9), max_size=3),
    early_stop=st.none() | st.integers(1, 9),
)
def test_any_valid_options_survive_json(lr, dropout, layers, early_stop):
    recipe = Recipe.create("xor", lr=lr, dropout=dropout, layers=layers, early_stop=early_stop)
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lr": 0}, "--lr must be a number above 0"),
        ({"lr": "fast"}, "--lr must be a number above 0, got 'fast'"),
        ({"dropout": 1}, "--dropout .* below 1"),
        ({"optimizer": "adm"}, "--optimizer has no value 'adm': did you mean adam"),
        ({"init": "he"}, "--init has no value 'he'"),
        ({"activation": "swish"}, "--activation has no value"),
        ({"network": "gpt"}, "--network has no value"),
        ({"schedule": "linear"}, "--schedule has no value"),
        ({"layers": "12,a"}, "such as 128,64"),
        ({"batch": 0}, "--batch must be a whole number of at least 1"),
        ({"steps": 5, "epochs": 5}, "--steps and --epochs"),
        ({"early_stop": 3, "validation": 0}, "--early-stop watches"),
        ({"validation": 0.9}, "--validation must be below 0.8"),
        ({"l1": -1}, "--l1"),
        ({"max_norm": 0}, "--max-norm"),
        ({"learning_rate": 1}, "no option 'learning_rate'"),
        ({"content_hash": "x"}, "no option 'content_hash'"),
        ({"task": "ranking"}, "--task has no value"),
        ({"standardise": "no"}, "--standardise must be true or false"),
    ],
)
def test_an_impossible_option_is_named(options, words):
    with pytest.raises(OptionError, match=words) as raised:
        Recipe.create("digits", **options)
    assert "\n" not in str(raised.value)


def test_what_the_user_gives_wins_and_the_rest_follows():
    assert Recipe.create("digits").network == "cnn"
    assert Recipe.create("digits", network="mlp").layers == (64, 32)
    assert Recipe.create("digits", network="mlp", layers="9").layers == (9,)
    assert Recipe.create("digits", optimizer="sgd").lr == 0.1
    assert Recipe.create("digits", optimizer="sgd").weight_decay == 0.0
    assert Recipe.create("digits").weight_decay == 0.01
    assert Recipe.create("digits", steps=9).epochs is None
    assert Recipe.create("radio", epochs=9).steps is None
    assert Recipe.create("spirals", noise=0.5, examples=20).data.noise == 0.5
    assert Recipe.create("digits", lr=None) == Recipe.create("digits")


def test_an_unknown_source_is_told_from_a_missing_file(tmp_path):
    with pytest.raises(OptionError, match="'digts': did you mean digits"):
        Recipe.create("digts")
    with pytest.raises(DataError, match="no file or folder at"):
        Recipe.create(tmp_path / "none.csv")


def test_a_stored_recipe_with_unknown_names_or_gaps_is_refused():
    stored = Recipe.create("xor").to_dict()
    with pytest.raises(OptionError, match="no option 'layer': did you mean layers"):
        Recipe.from_dict({**stored, "layer": 3})
    with pytest.raises(OptionError, match="no option 'noize'"):
        Recipe.from_dict({**stored, "data": {**stored["data"], "noize": 3}})
    with pytest.raises(OptionError, match="--data must be a mapping"):
        Recipe.from_dict({**stored, "data": "xor"})
    with pytest.raises(OptionError, match="lacks lr, kind"):
        Recipe.from_dict({**{k: v for k, v in stored.items() if k != "lr"}, "data": {}})


def test_a_recipe_stays_valid_when_replaced():
    with pytest.raises(OptionError, match="--lr"):
        replace(Recipe.create("xor"), lr=-1.0)


def test_every_option_says_what_it_does():
    assert all(help_texts(Recipe).values())
    assert "l1" in help_texts(Recipe)


def test_a_changed_recipe_keeps_what_is_not_named():
    recipe = Recipe.create("spirals", seed=4, noise=0.3, lr=0.02, dropout=0.1)
    assert recipe.changed() == recipe
    assert recipe.changed(lr=None, dropout=0.0) == replace(recipe, dropout=0.0)
    assert recipe.changed(noise="0.5").data == replace(recipe.data, noise=0.5)


def test_a_changed_length_or_optimizer_takes_along_what_hangs_on_it():
    recipe = Recipe.create("xor", epochs=3, lr=0.02)
    assert (recipe.changed(steps=7).steps, recipe.changed(steps=7).epochs) == (7, None)
    assert recipe.changed(optimizer="sgd").lr == 0.1
    assert recipe.changed(optimizer="sgd", lr=0.3).lr == 0.3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lr": -1}, "--lr must be"),
        ({"kind": "digits"}, "no option 'kind'"),
        ({"optimizer": "adma"}, "did you mean adam"),
        ({"steps": 3, "epochs": 3}, "give one of them"),
    ],
)
def test_a_change_is_checked_like_any_option(options, said):
    with pytest.raises(OptionError, match=said):
        Recipe.create("xor").changed(**options)
