from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from edit_contract import EditContract
from random_edits import HEAD, PLACES, masks, state_of
from torch import Tensor

from weightdesk.desk.edits import Edit, Noise
from weightdesk.desk.places import Place
from weightdesk.desk.state import State
from weightdesk.errors import OptionError


class TestNoise(EditContract):
    kind = "noise"

    def expected(self, edit: Edit, values: dict[str, Tensor]) -> dict[str, Tensor]:
        assert isinstance(edit, Noise)
        generator = torch.Generator().manual_seed(edit.seed)
        found = {}
        for name, mask in masks(str(edit.place), values).items():
            exact = values[name].double()
            spread = float(exact.std(correction=0)) if edit.relative else 1.0
            # The three blocks of a head's rows lie one after the other in the mask, and are drawn so.
            drawn = self._drawn(exact[mask].shape, _blocks(str(edit.place), name), generator)
            found[name] = exact.masked_scatter(mask, exact[mask] + drawn * (edit.strength * spread)).to(
                values[name].dtype
            )
        return found

    def _drawn(self, shape: torch.Size, blocks: int, generator: torch.Generator) -> Tensor:
        size = (shape.numel() // blocks,)
        pieces = [torch.randn(size, generator=generator, dtype=torch.float64) for _ in range(blocks)]
        return torch.cat(pieces)


def _blocks(text: str, name: str) -> int:
    return 3 if text == HEAD and "in_proj" in name else 1


@pytest.mark.parametrize("relative", [True, False])
def test_the_noise_is_normal_and_as_strong_as_said(relative: bool) -> None:
    state = State(
        (), {"w": torch.randn(200, 300, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 5}
    )
    turned = state.with_edit(Noise(Place("w"), 0.1, 7, relative)).values["w"]
    noise = (turned - state.values["w"]).numpy() / (0.1 * (5 if relative else 1))
    count = noise.size
    assert abs(noise.mean()) < 4 / math.sqrt(count)
    assert abs(noise.std() - 1) < 0.02
    assert abs((noise**4).mean() - 3) < 4 * math.sqrt(96 / count) + 0.2  # kurtosis of a normal distribution
    assert abs((np.abs(noise) < 1).mean() - 0.6827) < 0.01


def test_other_seeds_give_other_noise_and_parameters_of_one_shape_differ() -> None:
    state = State((), {"a.w": torch.zeros(4), "b.w": torch.zeros(4)})
    first, second = (state.with_edit(Noise(Place(""), 1.0, seed, relative=False)).values for seed in (0, 1))
    assert not torch.equal(first["a.w"], second["a.w"])
    assert not torch.equal(first["a.w"], first["b.w"])


def test_weights_that_are_not_finite_do_not_silence_the_others() -> None:
    state = State((), {"w": torch.tensor([1.0, math.nan, 3.0, math.inf])})
    turned = state.with_edit(Noise(Place("w"), 0.5)).values["w"]
    assert turned[[0, 2]].isfinite().all()
    assert not torch.equal(turned[[0, 2]], state.values["w"][[0, 2]])
    assert turned[3] == math.inf


@pytest.mark.parametrize("strength", [-1, math.nan, math.inf])
def test_impossible_strengths(strength: float) -> None:
    with pytest.raises(OptionError, match="the strength of noise must be 0 or more"):
        Noise(Place("fc"), strength)


def test_impossible_seeds() -> None:
    with pytest.raises(OptionError, match="the seed must be 0"):
        Noise(Place("fc"), 1.0, -1)
    with pytest.raises(OptionError, match=r"the seed must be a whole number, got 1\.5"):
        Noise(Place("fc"), 1.0, 1.5)  # type: ignore[arg-type]


def test_every_place_is_drawn_for() -> None:
    for text in PLACES:
        turned = state_of().with_edit(Noise(Place.parse(text), 1.0))
        for name, mask in masks(text, dict(turned.values)).items():
            assert torch.equal(turned.values[name] != state_of().values[name], mask)
