"""Pictures reach what real examples reach, stay within what real pictures are, and depend on the weights."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from weightdesk.capture import Specimen
from weightdesk.capture.baselines import scrambled
from weightdesk.capture.layers import Layer, layers_of
from weightdesk.capture.pictures import Pictures, feature_pictures
from weightdesk.capture.pictures.making import direction_pictures
from weightdesk.errors import IndexRangeError, OptionError


def pictures(count: int = 40, channels: int = 1, size: int = 8, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, size, size, generator=generator)


def bars(weight: Tensor | None = None) -> nn.Sequential:
    """Two convolutions that look for upright and level bars, or for others."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 3, 3), nn.ReLU())
    upright = torch.tensor([[-1.0, 2, -1]] * 3) / 6
    with torch.no_grad():
        net[0].weight.copy_(torch.stack([upright, upright.T])[:, None] if weight is None else weight)
    return net.eval()


def made(net: nn.Module, number: int = 0, inputs: Tensor | None = None, **options: object) -> Pictures:
    specimen = Specimen(net, pictures() if inputs is None else inputs)
    layer = layers_of(net, specimen.inputs)[number]
    arguments: dict[str, object] = {"steps": 90, "baseline": 0, **options}
    return feature_pictures(specimen, layer, **arguments)  # type: ignore[arg-type]


def test_a_linear_unit_gets_the_picture_that_is_known_to_be_the_best() -> None:
    """Where only the contrast binds, the best picture is the mean plus a multiple of the weights."""
    torch.manual_seed(0)
    linear = nn.Linear(64, 3, bias=False)
    inputs = torch.cat([pictures(), torch.zeros(1, 1, 8, 8)])
    inputs[-1, 0, 0, :2] = torch.tensor([-50.0, 50.0])
    with torch.no_grad():
        linear.weight[:, :2] = 0
    found = made(nn.Sequential(nn.Flatten(), linear), inputs=inputs, steps=300)
    mean = inputs.mean()
    size = found.contrast * 8
    best = size * linear.weight.norm(dim=1) + mean * linear.weight.sum(1)
    assert (found.reached[:, 0] / best).min() > 0.95
    apart = found.pictures[:, 0, 0] - mean
    cosine = torch.cosine_similarity(apart.flatten(1), linear.weight)
    assert cosine.min() > 0.95


def test_what_is_reported_is_what_the_network_says() -> None:
    net = bars()
    found = made(net, 1, per_unit=2, baseline=3)
    for unit in range(3):
        seen = net(found.pictures[unit]).flatten(2).amax(2)
        assert torch.allclose(found.reached[unit], seen[:, unit])
    real = net(pictures()).flatten(2).amax(2)
    assert torch.equal(found.strongest, real.amax(0))
    assert torch.equal(found.example, real.argmax(0))
    elsewhere = torch.stack([net(found.pictures[unit]).flatten(2).amax(2) for unit in range(3)])
    others = torch.stack([elsewhere[[b for b in range(3) if b != a], :, a].mean() for a in range(3)])
    assert torch.allclose(found.others, others)
    assert found.ratio[found.living].min() > 1
    assert found.share == 1.0


@settings(max_examples=6)
@given(st.integers(0, 999), st.sampled_from(["fourier", "maco"]))
def test_pictures_stay_within_what_real_ones_are(seed: int, method: str) -> None:
    inputs = pictures(20, 2, 7, seed) * torch.tensor([1.0, 3.0])[:, None, None]
    torch.manual_seed(seed)
    found = made(nn.Sequential(nn.Conv2d(2, 3, 3), nn.Tanh()), inputs=inputs, method=method, steps=25)
    for channel in range(2):
        real, now = inputs[:, channel], found.pictures[:, :, channel]
        assert real.min() - 1e-4 <= now.min()
        assert now.max() <= real.max() + 1e-4
    mean = inputs.mean((0, 2, 3))[:, None, None]
    contrast = (found.pictures[:, 0] - mean).square().mean((1, 2, 3)).sqrt()
    allowed = (inputs[found.example] - mean).square().mean((1, 2, 3)).sqrt()
    assert (contrast <= allowed + 1e-4).all()


def test_the_same_seed_gives_the_same_bits() -> None:
    one, same, other = (made(bars(), per_unit=2, steps=20, baseline=1, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.pictures, same.pictures)
    assert torch.equal(one.scrambled.nan_to_num(), same.scrambled.nan_to_num())
    assert not torch.equal(one.pictures, other.pictures)


def test_pictures_of_one_unit_differ_more_where_that_counts() -> None:
    """A unit that adds what two others see can be excited in more than one way."""
    net = bars()

    def alike(diversity: float) -> float:
        found = made(net, 1, units=[1], per_unit=4, diversity=diversity, steps=120)
        apart = found.pictures[0].flatten(1) - pictures().mean()
        cosine = torch.cosine_similarity(apart[:, None], apart[None], dim=2)
        return cosine[torch.ones(4, 4).triu(1) > 0].mean().item()

    assert alike(3.0) < alike(0.0) - 0.05


def test_scrambled_weights_give_other_pictures() -> None:
    """The randomisation check: pictures follow the weights, and those of other weights reach less."""
    net = bars()
    found = made(net, baseline=2)
    other = made(scrambled(net, 0))
    mean = pictures().mean()
    same = made(net, seed=1)
    central = [each.pictures[:, 0, 0, 3:6, 3:6].flatten(1) - mean for each in (found, same, other)]
    assert torch.cosine_similarity(central[0], central[1]).min() > 0.9
    assert torch.cosine_similarity(central[0], central[2]).abs().max() < 0.8
    assert (found.scrambled < found.reached[:, 0]).all()


def test_larger_pictures_are_cut_into_windows() -> None:
    found = made(bars(), inputs=pictures(3, size=16), size=8, steps=5)
    assert found.examples == 27
    assert found.pictures.shape[2:] == (1, 8, 8)


def test_directions_are_sums_of_units() -> None:
    net, inputs = bars(), pictures()
    layer = layers_of(net, inputs)[0]
    found = direction_pictures(
        Specimen(net, inputs), layer, torch.ones(1, 2), ("both",), steps=60, baseline=0
    )
    assert torch.allclose(found.reached[0], net[:2](found.pictures[0]).sum(1).flatten(1).amax(1))
    assert found.names == ("both",)
    assert math.isnan(found.others[0])


def test_dead_units_are_not_living() -> None:
    net = bars()
    with torch.no_grad():
        net[0].bias[1] = -100.0
    found = made(net, steps=5)
    assert found.living.tolist() == [True, False]
    assert math.isnan(found.ratio[1, 0])
    assert "of 1 living ones" in found.title


def test_many_units_are_made_in_batches_and_progress_rises() -> None:
    torch.manual_seed(0)
    heard: list[float] = []
    found = made(
        nn.Sequential(nn.Conv2d(1, 70, 3), nn.ReLU()),
        steps=6,
        baseline=3,
        progress=lambda what, share: heard.append(share),
    )
    assert found.pictures.shape[0] == 70
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(1.0)
    table = found.to_arrow()
    assert table["scrambled weights' pictures"].null_count == 67
    assert table["activation reached"].to_pylist() == found.reached[:, 0].tolist()


def test_it_stops_where_progress_says_so_and_the_network_stays_as_it_was() -> None:
    net = bars()
    before = [each.clone() for each in net.state_dict().values()]

    def stop(_what: str, share: float) -> None:
        if share > 0.2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(net, progress=stop)
    assert all(torch.equal(*pair) for pair in zip(before, net.state_dict().values(), strict=True))
    assert all(each.grad is None for each in net.parameters())
    assert not any(each._forward_hooks for each in net.modules())


def test_it_ends_early_when_nothing_is_gained() -> None:
    shares: list[float] = []
    net = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Sigmoid())
    with torch.no_grad():
        net[0].weight.zero_()
    made(net, steps=400, progress=lambda what, share: shares.append(share))
    assert len(shares) < 100


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"units": [2]}, IndexRangeError, "0 has units 0 to 1, not 2"),
        ({"units": []}, OptionError, "units must be 1 or more, got 0"),
        ({"per_unit": 0}, OptionError, "per_unit must be 1 or more"),
        ({"steps": 0}, OptionError, "steps must be 1 or more"),
        ({"method": "fourrier"}, OptionError, "no method 'fourrier'; did you mean fourier"),
        ({"size": 9}, OptionError, "from 1 to the 8 pixels of the real pictures, got 9"),
    ],
)
def test_mistakes_are_told_in_one_line(
    options: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        made(bars(), **options)


def test_rows_of_numbers_are_no_pictures() -> None:
    net = nn.Linear(4, 2)
    with pytest.raises(OptionError, match=r"must be pictures .* got torch.float32 of \(3, 4\)"):
        feature_pictures(Specimen(net, torch.zeros(3, 4)), Layer("", "Linear", 2))
