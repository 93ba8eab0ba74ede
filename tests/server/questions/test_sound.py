from __future__ import annotations

import numpy as np
import pytest
import torch

from weightdesk.errors import OptionError
from weightdesk.runs import Run, open_run
from weightdesk.server.questions.sound import SoundQuestion
from weightdesk.server.session import Session
from weightdesk.training import Recipe, train
from weightdesk.training.data import load
from weightdesk.training.data.mixdown import GAINS


@pytest.fixture(scope="module")
def mixdown_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    recipe = Recipe.create("mixdown", steps=3)
    return open_run(train(recipe, tmp_path_factory.mktemp("runs") / "mixdown", every=1).directory)


def test_the_mix_is_the_tracks_times_the_faders(mixdown_run: Run) -> None:
    sound = SoundQuestion(step=3, turns=("output.weight[0,3]=0.5",)).answer(Session(mixdown_run))
    weights, bias = mixdown_run.weights("output.weight", 3).clone(), mixdown_run.weights("output.bias", 3)
    weights[0, 3] = 0.5
    dataset = load(Recipe.create("mixdown").data)
    np.testing.assert_allclose(sound.outputs, (dataset.inputs @ weights[0] + bias).numpy(), atol=1e-5)
    assert (sound.target == dataset.targets[:, 0].numpy()).all()
    assert sound.rate == 8000
    assert {each.name: each.planted for each in sound.tracks} == dict(GAINS)
    assert [each.gain for each in sound.tracks] == weights[0].tolist()


def test_standardisation_is_undone(tmp_path_factory: pytest.TempPathFactory) -> None:
    recipe = Recipe.create("radio", steps=40, standardise=True)
    run = open_run(train(recipe, tmp_path_factory.mktemp("runs") / "radio").directory)
    sound = SoundQuestion(step=40).answer(Session(run))
    dataset, scales = load(recipe.data), (run.recipe or {})["standardisation"]
    inputs = (dataset.inputs - torch.tensor(scales["inputs"]["mean"])) / torch.tensor(
        scales["inputs"]["scale"]
    )
    outputs = inputs @ run.weights("output.weight", 40)[0] + run.weights("output.bias", 40)
    (scale,), (mean,) = scales["targets"]["scale"], scales["targets"]["mean"]
    np.testing.assert_allclose(sound.outputs, (outputs * scale + mean).numpy(), atol=1e-5)
    gains = torch.tensor([each.gain for each in sound.tracks])
    mixed = (dataset.inputs @ gains).numpy()
    difference = sound.outputs - mixed
    np.testing.assert_allclose(difference, difference.mean(), atol=1e-5)
    assert (sound.target == dataset.targets[:, 0].numpy()).all()
    assert {each.planted for each in sound.tracks} == {None}


def test_of_a_deeper_network_no_gains_are_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    recipe = Recipe.create("radio", network="mlp", layers=(3,), steps=1)
    run = open_run(train(recipe, tmp_path_factory.mktemp("runs") / "radio").directory)
    assert {each.gain for each in SoundQuestion(step=1).answer(Session(run)).tracks} == {None}


def test_what_is_no_sound_is_refused(digits_session: Session) -> None:
    with pytest.raises(OptionError, match="radio and mixdown"):
        SoundQuestion(step=6).answer(digits_session)
