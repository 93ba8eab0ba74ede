"""Factors find units that were made to go together, and scrambled weights lose them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls
from torch import Tensor, nn

from weightdesk.capture import Specimen
from weightdesk.capture.layers import layers_of
from weightdesk.capture.pictures import UnitFactors, unit_factors
from weightdesk.errors import OptionError

GROUPS = ((0, 3, 5), (1, 2), (4,))


def planted() -> tuple[nn.Sequential, Tensor]:
    """Units of one group are the same feature of the input, more or less strongly."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU())
    with torch.no_grad():
        net[0].bias.zero_()
        for group in GROUPS:
            kernel = torch.randn(1, 3, 3)
            for place, unit in enumerate(group):
                net[0].weight[unit] = kernel / (1 + place)
    return net, torch.randn(30, 1, 8, 8)


def factored(net: nn.Module, given: Tensor, factors: int, **options: int) -> UnitFactors:
    return unit_factors(Specimen(net, given), layers_of(net, given)[0], factors, **options)


def test_planted_groups_are_found() -> None:
    net, given = planted()
    found = factored(net, given, 3)
    assert sorted(map(sorted, found.groups)) == sorted(map(list, GROUPS))
    assert found.error < 1e-3
    assert found.scrambled > 0.05
    assert found.permuted > 0.05
    assert torch.allclose(found.directions.norm(dim=1), torch.ones(3), atol=1e-5)
    assert found.shares.tolist() == sorted(found.shares.tolist(), reverse=True)
    assert found.shares.sum().item() == pytest.approx(1)
    assert found.rows == 30 * 36


def test_the_error_is_that_of_the_factorisation() -> None:
    """The best non-negative strengths for these directions leave no more, and not much less."""
    torch.manual_seed(1)
    net, given = nn.Sequential(nn.Linear(10, 8), nn.ReLU()), torch.randn(60, 10)
    found = factored(net, given, 3)
    rows = net(given).detach().double()
    basis = found.directions.double().numpy().T
    strengths = torch.tensor(np.array([nnls(basis, row)[0] for row in rows.numpy()]))
    apart = rows - strengths @ found.directions.double()
    left = apart.square().sum() / rows.square().sum()
    assert found.error == pytest.approx(left.item(), abs=5e-3)


@settings(max_examples=8)
@given(st.integers(0, 999))
def test_more_factors_leave_less_and_none_is_negative(seed: int) -> None:
    torch.manual_seed(seed)
    net, given = nn.Sequential(nn.Linear(6, 5), nn.Tanh()), torch.randn(40, 6)
    few, more = (factored(net, given, count, seed=seed) for count in (1, 4))
    assert more.error <= few.error + 1e-6
    assert (more.directions >= 0).all()
    assert sorted(unit for group in more.groups for unit in group) == sorted(
        torch.nonzero(more.directions.amax(0)).flatten().tolist()
    )


def test_the_same_seed_gives_the_same_bits_and_many_places_are_drawn_from() -> None:
    net, _ = planted()
    given = torch.randn(25, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    one, same, other = (factored(net, given, 2, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.directions, same.directions)
    assert (one.error, one.scrambled, one.permuted) == (same.error, same.scrambled, same.permuted)
    assert not torch.equal(one.directions, other.directions)
    assert one.rows == 20_000


def test_a_factor_has_a_picture() -> None:
    net, given = planted()
    specimen = Specimen(net, given)
    layer = layers_of(net, given)[0]
    found = unit_factors(specimen, layer, 3)
    made = found.pictures(specimen, layer, steps=60, baseline=0)
    assert made.names == ("factor 0", "factor 1", "factor 2")
    seen = torch.einsum("nuhw,nu->nhw", net(made.pictures[:, 0]).detach(), found.directions)
    assert torch.allclose(seen.flatten(1).amax(1), made.reached[:, 0], atol=1e-5)
    assert (made.reached[:, 0] > made.others).all()


def test_the_page_and_progress() -> None:
    net, given = planted()
    heard: list[float] = []
    found = unit_factors(
        Specimen(net, given), layers_of(net, given)[0], 3, progress=lambda what, share: heard.append(share)
    )
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert "3 factors of 6 units" in found.title
    assert found.to_arrow()["units"].to_pylist() == [len(each) for each in found.groups]


def test_mistakes_are_told_in_one_line() -> None:
    net, given = planted()
    with pytest.raises(OptionError, match="from 1 to the 6 units of 0, got 7"):
        factored(net, given, 7)
    with torch.no_grad():
        net[0].weight.zero_()
    with pytest.raises(OptionError, match="no unit of 0 is ever above zero"):
        factored(net, given, 2)
