"""What every parameterisation promises, and what real pictures are measured to be."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from weightdesk.capture.pictures.likeness import Likeness, cut, likeness
from weightdesk.capture.pictures.parameterisations import METHODS, Parameterisation
from weightdesk.capture.pictures.parameterisations.maco import MACO
from weightdesk.capture.pictures.robustness import jostled


def pictures(seed: int = 0, size: tuple[int, int] = (8, 6)) -> Tensor:
    """Three channels that go together."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.tensor([[1.0, 0.5, 0.2], [0.0, 0.7, 0.1], [0.3, 0.0, 0.9]])
    return torch.einsum("cd,ndhw->nchw", mixing, torch.randn(30, 3, *size, generator=generator)) + 0.5


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
class TestParameterisation:
    """The contract."""

    @pytest.mark.parametrize("size", [(8, 6), (7, 9)])
    def test_pictures_have_the_size_and_range_of_real_ones(
        self, method: Parameterisation, size: tuple[int, int]
    ) -> None:
        like = likeness(pictures(size=size))
        found = method.pictures(20 * method.start(5, like, seeded()), like)
        assert found.shape == (5, 3, *size)
        assert (found >= like.low - 1e-4).all()
        assert (found <= like.high + 1e-4).all()

    def test_the_start_is_seeded_and_no_two_pictures_are_alike(self, method: Parameterisation) -> None:
        like = likeness(pictures())
        one, same, other = (method.start(2, like, seeded(seed)) for seed in (0, 0, 1))
        assert torch.equal(one, same)
        assert not torch.equal(one, other)
        assert not torch.equal(one[0], one[1])

    def test_every_number_moves_the_picture(self, method: Parameterisation) -> None:
        like = likeness(pictures())
        numbers = method.start(1, like, seeded()).requires_grad_()
        weights = torch.randn(3, 8, 6, generator=seeded(2))
        (slopes,) = torch.autograd.grad((method.pictures(numbers, like) * weights).sum(), [numbers])
        assert slopes.isfinite().all()
        # the imaginary parts of real frequencies have no meaning: 4 of 32, and so have their phases
        assert (slopes.abs() > 1e-7).double().mean() > 0.8


def test_likeness_is_what_it_says() -> None:
    real = pictures()
    like = likeness(real)
    flat = real.transpose(0, 1).flatten(1)
    assert torch.allclose(like.colours @ like.colours.T, torch.cov(flat, correction=0), atol=1e-5)
    assert torch.equal(like.low.flatten(), flat.amin(1))
    assert torch.equal(like.high.flatten(), flat.amax(1))
    independent = torch.linalg.solve(like.colours, (flat - flat.mean(1, keepdim=True)))
    assert torch.allclose(torch.cov(independent, correction=0), torch.eye(3), atol=1e-4)
    back = independent.view(3, 30, 8, 6).transpose(0, 1)
    assert torch.allclose(like.coloured(back) + like.mean, real, atol=1e-4)
    assert torch.allclose(torch.fft.rfft2(back, norm="ortho").abs().mean(0), like.spectrum, atol=1e-4)


def test_maco_keeps_the_spectrum() -> None:
    like = likeness(pictures())
    wide = Likeness(like.low - 1e3, like.high + 1e3, like.mean, like.colours, like.spectrum, like.size)
    found = MACO().pictures(MACO().start(3, wide, seeded()), wide)
    independent = torch.einsum("cd,ndhw->nchw", torch.linalg.inv(like.colours), found - like.mean)
    magnitude = torch.fft.rfft2(independent, norm="ortho").abs()
    # a column that is its own mirror image holds both phases of a pair at once
    assert torch.allclose(magnitude[..., 1:-1], like.spectrum[..., 1:-1].expand(3, -1, -1, -1), atol=1e-3)


@given(st.integers(0, 99), st.floats(0.01, 5))
def test_contrast_is_held_without_leaving_the_range(seed: int, most: float) -> None:
    real = pictures(seed)
    like = likeness(real)
    held = like.held(real, torch.full((30,), most))
    assert (like.contrast(held) <= most + 1e-4).all()
    lower = like.contrast(real) < most
    assert torch.allclose(held[lower], real[lower], atol=1e-5)
    assert (held >= like.low - 1e-4).all()
    assert (held <= like.high + 1e-4).all()


@given(st.integers(0, 99), st.integers(6, 24))
def test_jostled_pictures_keep_their_range_and_nearly_their_place(seed: int, size: int) -> None:
    y, x = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    slopes = torch.stack([x, y])[None].expand(4, -1, -1, -1)
    moved = jostled(slopes, seeded(seed))
    assert moved.abs().max() <= 1 + 1e-5
    # up to 1/16 of the size, 5 % and 5° of a half of it
    assert (moved - slopes).abs().max() < 2 / 16 + 0.05 + 0.09 + 0.05
    assert torch.equal(moved, jostled(slopes, seeded(seed)))
    assert not torch.equal(moved, slopes)


def test_windows_cover_the_pictures() -> None:
    whole = torch.arange(70.0).view(1, 1, 7, 10)
    windows = cut(whole, 4)
    assert set(windows.flatten().tolist()) == set(range(70))
    assert cut(whole, None) is whole
    assert cut(whole[..., :7], 7).shape == (1, 1, 7, 7)
