"""Landscapes, beside forward passes of copies whose weights were moved by hand."""

from __future__ import annotations

import copy
import math
from itertools import product
from typing import Any

import pytest
import torch
from desk.sweeps.swept import desk_of, made
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.desk import Desk
from weightdesk.desk.state import State
from weightdesk.desk.sweeps.directions import Direction, drawn
from weightdesk.errors import OptionError, UnknownParameterError


def moved(model: nn.Module, directions: tuple[Direction, ...], steps: tuple[float, ...]) -> nn.Module:
    copied = copy.deepcopy(model)
    with torch.no_grad():
        for step, direction in zip(steps, directions, strict=True):
            for name, each in direction.items():
                copied.get_parameter(name).add_(each, alpha=step)
    return copied


def losses(model: nn.Module, inputs: Any, targets: Tensor, directions: Any, steps: Any) -> Tensor:
    points = [
        functional.cross_entropy(moved(model, directions, point)(inputs), targets).item()
        for point in product(steps, repeat=len(directions))
    ]
    return torch.tensor(points, dtype=torch.float64).reshape([len(steps)] * len(directions))


@pytest.mark.parametrize("network", ["mlp", "cnn", "language"])
@pytest.mark.parametrize("count", [1, 2])
def test_losses_and_slopes_are_those_of_moved_copies(network: str, count: int) -> None:
    model, inputs, targets = made(network)
    found = desk_of(network).landscape(count, steps=3, span=0.5, seed=4)
    expected = losses(model, inputs, targets, found.directions, found.steps.tolist())
    torch.testing.assert_close(found.losses, expected, rtol=2e-6, atol=1e-7)
    assert found.losses[(1,) * count] == pytest.approx(found.loss, rel=1e-12)
    functional.cross_entropy(model(inputs), targets).backward()
    for slope, direction in zip(found.slopes, found.directions, strict=True):
        gradient = sum(
            float((model.get_parameter(name).grad * each).sum()) for name, each in direction.items()
        )
        assert slope == pytest.approx(gradient, rel=1e-4, abs=1e-7)
    assert found.accuracy is not None
    assert found.accuracy.shape == found.losses.shape


@pytest.mark.parametrize(("normalise", "axes"), [("filter", (1, 2, 3)), ("layer", (0, 1, 2, 3))])
def test_directions_are_as_long_as_the_weights(normalise: Any, axes: tuple[int, ...]) -> None:
    model, _, _ = made("cnn")
    direction = drawn(State.of(model), 7, normalise)
    assert set(direction) == {"0.weight", "4.weight", "7.weight"}
    lengths, expected = (
        torch.linalg.vector_norm(each, dim=axes)
        for each in (direction["0.weight"], model.get_parameter("0.weight").detach())
    )
    torch.testing.assert_close(lengths, expected)


def test_directions_without_a_norm_are_those_drawn() -> None:
    state = State.of(made("mlp")[0])
    free, again = drawn(state, 7, None), drawn(state, 7, None)
    assert all(torch.equal(free[name], again[name]) for name in free)
    assert abs(float(torch.cat([each.flatten() for each in free.values()]).std()) - 1) < 0.2
    assert not torch.equal(free["0.weight"], drawn(state, 8, None)["0.weight"])


def test_the_way_to_other_weights_ends_at_their_loss() -> None:
    model, inputs, targets = made("mlp")
    other = made("mlp", seed=5)[0]
    way = {
        name: each.detach() - model.get_parameter(name).detach() for name, each in other.named_parameters()
    }
    found = Desk(model, inputs, targets, functional.cross_entropy).landscape(way, steps=3)
    there = functional.cross_entropy(other(inputs), targets).item()
    assert float(found.losses[-1]) == pytest.approx(there, rel=1e-5)
    assert found.notes[0] == "directions as given"


def test_a_planted_bowl_has_its_bottom_between_the_points() -> None:
    model = nn.Linear(1, 1, bias=False).double()
    inputs = torch.ones(8, 1, dtype=torch.float64)
    with torch.no_grad():
        model.weight.fill_(2.0)
    desk = Desk(model, inputs, torch.full((8, 1), 2.3, dtype=torch.float64), functional.mse_loss)
    found = desk.landscape({"weight": torch.ones(1, 1)}, steps=5)
    assert found.lowest is not None
    (place,), loss = found.lowest
    assert (place, loss) == (pytest.approx(0.3), pytest.approx(0.0, abs=1e-9))
    assert found.slopes == (pytest.approx(-0.6),)
    assert "lowest at 0.3" in found.title


def test_it_goes_out_from_the_turned_weights_and_leaves_them() -> None:
    model, inputs, targets = made("mlp")
    desk = desk_of("mlp")
    desk.set("2.weight", (0, 0), 1.5)
    state = desk.state
    found = desk.landscape(1, steps=3)
    with torch.no_grad():
        model.get_parameter("2.weight")[0, 0] = 1.5
    expected = losses(model, inputs, targets, found.directions, found.steps.tolist())
    torch.testing.assert_close(found.losses, expected, rtol=2e-6, atol=1e-7)
    assert desk.state is state


def test_losses_that_are_no_numbers_are_no_bottom() -> None:
    desk = desk_of("mlp")
    desk.set("4.bias", 0, math.nan)
    for count in (1, 2):
        found = desk.landscape(count, steps=3)
        assert found.lowest is None
        assert "no finite loss" in found.title


def test_the_page_shows_every_point() -> None:
    found = desk_of("mlp").landscape(2, steps=3)
    table = found.to_arrow()
    assert table.column_names == ["direction 1", "direction 2", "loss", "change", "accuracy"]
    assert table["loss"].to_pylist() == found.losses.flatten().tolist()
    assert "lowest at" in found.title


def test_the_same_landscape_gives_the_same_bits() -> None:
    one, other = (desk_of("cnn").landscape(1, steps=3, seed=2) for _ in range(2))
    assert torch.equal(one.losses, other.losses)
    assert (one.slopes, one.lowest) == (other.slopes, other.lowest)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"directions": 3}, OptionError, "number of directions"),
        ({"directions": {}}, OptionError, "names parameters"),
        ({"directions": [{"0.weight": torch.ones(8, 6)}] * 3}, OptionError, "one direction or two, got 3"),
        ({"directions": {"0.wieght": torch.ones(8, 6)}}, UnknownParameterError, "did you mean"),
        ({"directions": {"0.weight": torch.ones(6, 8)}}, OptionError, r"shape \(6, 8\), expected \(8, 6\)"),
        ({"directions": [3.0]}, OptionError, "gives a tensor each, got float"),
        ({"span": 0}, OptionError, "positive number"),
        ({"steps": 1}, OptionError, "2 or more"),
        ({"normalise": "unit"}, OptionError, "normalise is"),
    ],
)
def test_what_is_no_direction_says_so(options: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        desk_of("mlp").landscape(**options)


def test_a_network_of_biases_alone_has_no_random_direction() -> None:
    model = nn.BatchNorm1d(3)
    desk = Desk(model, torch.randn(9, 3), torch.randint(3, (9,)), functional.cross_entropy)
    with pytest.raises(OptionError, match="two axes or more"):
        desk.landscape()
    assert desk.landscape({"weight": torch.ones(3)}, steps=3).losses.isfinite().all()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 99), st.floats(0.01, 3.0), st.integers(2, 5))
def test_any_span_of_a_line_is_a_straight_walk(seed: int, span: float, steps: int) -> None:
    model, inputs, targets = made("mlp", seed=seed)
    found = Desk(model, inputs, targets, functional.cross_entropy).landscape(
        1, span=span, steps=steps, seed=seed
    )
    assert found.steps.tolist() == torch.linspace(-span, span, steps, dtype=torch.float64).tolist()
    expected = losses(model, inputs, targets, found.directions, found.steps.tolist())
    torch.testing.assert_close(found.losses, expected, rtol=1e-5, atol=1e-6)
