"""What leaves the page for the loudspeaker is what the network says: measured, as nobody can listen here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect
from served import served
from watching import until

from weightdesk.runs import Run, open_run
from weightdesk.server.session import Session
from weightdesk.training import Recipe, train
from weightdesk.training.preparation import prepare

TAP = """
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...more) {
    if (to === this.context.destination && !(this instanceof AnalyserNode)) {
        window.tap ??= new AnalyserNode(this.context, { fftSize: 32768 });
        connect.call(this, window.tap);
    }
    return connect.call(this, to, ...more);
};
"""
HEARD = """() => {
    const found = new Float32Array(window.tap?.fftSize ?? 0);
    window.tap?.getFloatTimeDomainData(found);
    return [...found];
}"""
LOUD = 0.8  # of what a loudspeaker takes: how loud the target is played
FASTER = 16  # the radio is played so much faster than it sends


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """The two lessons that can be heard."""
    folder = tmp_path_factory.mktemp("heard")
    recipes = {name: Recipe.create(name, steps=8) for name in ("radio", "mixdown")}
    return {
        name: open_run(train(recipe, folder / name, every=2).directory) for name, recipe in recipes.items()
    }


def heard(page: Page) -> np.ndarray:
    """The last two thirds of a second that went to the loudspeaker; nothing where nothing ever did."""
    page.wait_for_timeout(1200)  # longer than that, so that what was heard before is gone
    found: np.ndarray = np.array(page.evaluate(HEARD))
    return found


def loudness(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(sound**2))) if len(sound) else 0.0


def said(run: Run, step: int, gains: dict[int, float]) -> tuple[np.ndarray, np.ndarray]:
    """What the neuron makes of the whole sound with these weights set, and what it should."""
    assert run.recipe is not None
    dataset = prepare(Recipe.from_dict(run.recipe)).dataset
    weights = run.weights("output.weight", step)[0].clone()
    for place, value in gains.items():
        weights[place] = value
    made = dataset.inputs @ weights + run.weights("output.bias", step)
    return made.numpy(), dataset.targets[:, 0].numpy()


def at_rate(page: Page, sound: np.ndarray, rate: int) -> np.ndarray:
    """As many samples a second as the page plays, on straight lines between the known ones."""
    plays = page.evaluate("window.tap.context.sampleRate")
    places = np.arange(round(len(sound) * plays / rate)) * rate / plays
    found: np.ndarray = np.interp(places, np.arange(len(sound)), sound)
    return found


def off(played: np.ndarray, loop: np.ndarray) -> np.ndarray:
    """The difference of what was played and the part of a loop that it is nearest to."""
    count, length = len(played), len(loop) + len(played)
    around = np.concatenate([loop, loop[:count]])
    products = np.fft.irfft(np.fft.rfft(around) * np.conj(np.fft.rfft(played, length)), length)
    powers = np.cumsum(np.concatenate([[0], around**2]))
    place = int(
        np.argmin((powers[count:] - powers[:-count] - 2 * products[: length - count + 1])[: len(loop)])
    )
    difference: np.ndarray = played - around[place : place + count]
    return difference


@pytest.mark.parametrize(
    ("click", "gains", "step"),
    [
        ((), {}, 8),
        ((), {}, 2),
        (("mute kick",), {0: 0.0}, 8),
        (("mute kick", "mute bass"), {0: 0.0, 3: 0.0}, 8),
        (("solo snare",), {place: 0.0 for place in range(8) if place != 1}, 8),
    ],
)
def test_the_mix_is_heard_as_it_is(
    page: Page,
    built: Path,
    recorded: dict[str, Run],
    click: tuple[str, ...],
    gains: dict[int, float],
    step: int,
) -> None:
    page.add_init_script(TAP)
    with served(Session(recorded["mixdown"])) as server:
        page.goto(f"{server.link}#step={step}")
        play = page.get_by_role("button", name="play the mix")
        expect(play).to_be_enabled()
        assert loudness(heard(page)) == 0
        for name in click:
            page.get_by_role("button", name=name).click()
        play.click()
        outputs, target = said(recorded["mixdown"], step, gains)
        loud = np.clip(outputs * LOUD / np.abs(target).max(), -1, 1)
        until(page, lambda: loudness(heard(page)) > 0)
        loop = at_rate(page, loud, 8000)
        played = heard(page)
        assert np.abs(off(played, loop)).max() < 2e-3
        assert loudness(off(played, loop[::-1])) > 0.1 * loudness(played)  # it is not near just anything
        page.get_by_role("button", name="stop the mix").click()
        assert loudness(heard(page)) == 0
        page.goto("about:blank")


def test_the_radio_is_silent_until_it_is_asked_to_sound(
    page: Page, built: Path, recorded: dict[str, Run]
) -> None:
    page.add_init_script(TAP)
    with served(Session(recorded["radio"])) as server:
        page.goto(f"{server.link}#step=0")
        page.get_by_role("button", name="let gradient descent tune it").click()  # a click that is not for it
        assert loudness(heard(page)) == 0
        assert page.evaluate("window.tap === undefined")
        page.get_by_role("button", name="sound on").click()
        until(page, lambda: loudness(heard(page)) > 0)
        page.get_by_role("button", name="sound off").click()
        assert loudness(heard(page)) == 0
        page.goto("about:blank")


@pytest.mark.heavy
def test_the_noise_of_the_radio_is_as_loud_as_the_station_is_badly_tuned(
    page: Page, built: Path, recorded: dict[str, Run]
) -> None:
    run = recorded["radio"]
    best = torch.linalg.lstsq(*_all(run)).solution[:, 0]
    noises, losses = [], []
    page.add_init_script(TAP)
    with served(Session(run)) as server:
        for by in (0.0, 0.1, 0.2, 0.4):
            gains = {place: float(best[place]) + by for place in range(3)}
            turns = ";".join(f"output.weight[0,{place}]={value}" for place, value in gains.items())
            page.goto("about:blank")
            page.goto(f"{server.link}#step=8&turns={turns};output.bias[0]={float(best[3])}")
            page.get_by_role("button", name="sound on").click()
            until(page, lambda: loudness(heard(page)) > 0)
            outputs, target = said(run, 8, gains)
            outputs = outputs - float(run.weights("output.bias", 8)) + float(best[3])
            gain = LOUD / (2 * np.abs(target).max())
            played = heard(page)
            noises.append(loudness(off(played, at_rate(page, np.tile(outputs * gain, 32), FASTER * 1000))))
            losses.append(float(np.mean((outputs - target) ** 2)))
            plays = page.evaluate("window.tap.context.sampleRate")
            assert plays > FASTER * 1000
            # between two samples the straight line leaves two thirds of the power of noise
            assert noises[-1] == pytest.approx(gain * np.sqrt(losses[-1] * 2 / 3), rel=0.1)
        page.goto("about:blank")
    assert losses == sorted(losses)
    assert noises == sorted(noises)
    assert noises[-1] > 3 * noises[0]


def _all(run: Run) -> tuple[torch.Tensor, torch.Tensor]:
    """All inputs, with a one for the bias, and the targets."""
    assert run.recipe is not None
    dataset = prepare(Recipe.from_dict(run.recipe)).dataset
    return torch.cat([dataset.inputs, torch.ones(len(dataset.inputs), 1)], dim=1), dataset.targets
