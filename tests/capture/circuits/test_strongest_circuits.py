"""The chains of a planted network are found by name, and muting says what depends on them."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planted_corner import CORNER, HORIZONTAL, OPPOSITE, VERTICAL, corners
from torch import nn

from weightdesk.capture import Specimen
from weightdesk.capture.circuits import Origin, strongest_circuits
from weightdesk.capture.circuits.chains import strongest_chains
from weightdesk.capture.circuits.muting import fall, muted
from weightdesk.capture.circuits.origins import Wiring
from weightdesk.capture.examples.strongest import extremes
from weightdesk.capture.layers import layers_of
from weightdesk.errors import OptionError


def test_the_planted_circuits_are_found_with_what_depends_on_them() -> None:
    page = strongest_circuits(corners(), count=3, untrained=corners().model)
    names = [each.name for each in page.circuits]
    # only the opposite edge feeds the other unit, so its chain has nothing beside it
    assert names[0] == f"0 {OPPOSITE} → 2 1 → 6 1"
    assert set(names[1:]) == {f"0 {edge} → 2 {CORNER} → 6 0" for edge in (HORIZONTAL, VERTICAL)}
    whole, *edges = page.circuits
    assert whole.strength == pytest.approx(1.0)
    assert whole.falls == (1.0, 1.0, 1.0)
    assert whole.others == 0
    for each in edges:
        assert each.signs == (1, 1)
        # without one edge, a full edge of the other kind is left: 1 − 0.25 in the place of 13/12 …
        assert each.falls[2] == pytest.approx(1 - 0.75 / (13 / 12), rel=1e-5)
        # … but where the corner was, two thirds
        assert each.falls[0] == pytest.approx(1 - (2 / 3 - 0.25) / (13 / 12), rel=1e-5)
        assert each.falls[1] == 1.0
        assert each.others < each.falls[2]
    assert list(page.networks) == ["this network", "scrambled weights", "step 0"]
    assert page.title == f"the strongest circuit: {names[0]}"
    assert page.to_arrow()["signs"].to_pylist() == ["+ +"] * 3
    assert "without another" in page._repr_html_()


def test_a_muted_unit_is_zero_everywhere_and_speaks_again_afterwards() -> None:
    whole = corners()
    first, second, _ = layers_of(whole.model, whole.inputs)
    before = whole.model(whole.inputs)
    with muted(whole.model, first, HORIZONTAL):
        edges = whole.model[:2](whole.inputs)  # type: ignore[index]
    assert torch.equal(whole.model(whole.inputs), before)
    assert edges[:, HORIZONTAL].abs().sum() == 0
    assert edges[:, VERTICAL].abs().sum() > 0
    most = extremes(whole, second, 4)[0]
    with torch.no_grad():
        whole.model[0].weight[HORIZONTAL] = 0.0  # type: ignore[index]
    again = whole.model[:4](whole.inputs).detach().flatten(2)  # type: ignore[index]
    examples, places = most.examples[CORNER], most.places[CORNER]
    left = again[examples, CORNER, places].mean() / most.values[CORNER].mean()
    fresh = corners()
    found = fall(fresh.model, fresh.inputs, (first, HORIZONTAL), (second, CORNER), most)
    assert found == pytest.approx(1 - float(left), rel=1e-5)


def test_a_unit_that_is_never_above_zero_cannot_fall() -> None:
    whole = corners()
    first, second, _ = layers_of(whole.model, whole.inputs)
    with torch.no_grad():
        whole.model[2].bias.fill_(-100.0)  # type: ignore[index]
    most = extremes(whole, second, 2)[0]
    found = fall(whole.model, whole.inputs, (first, 0), (second, CORNER), most)
    assert found != found  # not a number


@given(st.integers(0, 999), st.integers(1, 12))
def test_the_strongest_chains_are_those_of_a_full_search(seed: int, count: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    second, third = (torch.rand(*shape, generator=generator).double() for shape in ((3, 4), (2, 3)))
    wirings = {
        "b": Wiring(tuple((Origin("a", unit),) for unit in range(4)), torch.arange(4)),
        "c": Wiring(tuple((Origin("b", unit),) for unit in range(3)), torch.arange(3)),
    }
    found = strongest_chains({"b": second, "c": third}, wirings, count)
    every = [float(second[b, a] * third[c, b]) for a, b, c in product(range(4), range(3), range(2))]
    assert [each.strength for each in found] == pytest.approx(sorted(every, reverse=True)[:count])
    for each in found:
        a, b, c = (unit.unit or 0 for unit in each.units)
        assert each.strength == pytest.approx(float(second[b, a] * third[c, b]))
        assert each.links == (a, b)


def test_chains_go_through_sums_and_skip_inputs() -> None:
    wirings = {
        "a": Wiring(((Origin(None),),), torch.arange(1)),
        "b": Wiring(((Origin("a", 0),), (Origin(None),)), torch.arange(2)),
        "c": Wiring(((Origin("a", 0), Origin("b", 0)),), torch.arange(1)),
    }
    shares = {name: torch.ones(1, len(each.feeders)).double() for name, each in wirings.items()}
    found = strongest_chains(shares, wirings, 9)
    assert [tuple(unit.layer for unit in each.units) for each in found] == [("a", "b", "c")]


def test_the_same_circuits_each_time_errors_and_stopping() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 20), nn.ReLU(), nn.Linear(20, 5), nn.Tanh(), nn.Linear(5, 2))
    whole = Specimen(net, torch.randn(30, 3))
    first, second = (strongest_circuits(whole, 4, examples=3, seed=1) for _ in range(2))
    assert [each.name for each in first.circuits] == [each.name for each in second.circuits]
    assert first._repr_html_() == second._repr_html_()
    two = Specimen(net[:3], whole.inputs)
    with pytest.raises(OptionError, match="needs three layers"):
        strongest_circuits(two)
    with pytest.raises(OptionError, match="count and examples must be 1 or more, got 0 and 16"):
        strongest_circuits(whole, 0)
    shares: list[float] = []
    strongest_circuits(whole, 1, progress=lambda _what, share: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
