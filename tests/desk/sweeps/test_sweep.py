"""Sweeps of one weight, beside the plain loop over edited copies."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from desk.sweeps.swept import autograd_slope, desk_of, looped, made
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.desk import Desk
from weightdesk.errors import IndexRangeError, OptionError, UnknownParameterError

PLACES = [
    ("mlp", "0.weight", (1, 2)),
    ("mlp", "2.bias", (3,)),
    ("mlp", "4.weight", (0, 5)),
    ("cnn", "0.weight", (1, 0, 2, 1)),
    ("cnn", "1.weight", (2,)),
    ("cnn", "4.weight", (3, 1, 0, 0)),
    ("cnn", "7.weight", (1, 4)),
    ("language", "embed.weight", (3, 2)),
    ("language", "places", (1, 7)),
    ("language", "layer.self_attn.in_proj_weight", (9, 3)),
    ("language", "layer.norm1.weight", (4,)),
    ("language", "layer.linear2.bias", (0,)),
    ("curved", "weight", (2, 3)),
]


@pytest.mark.parametrize(("network", "name", "index"), PLACES)
def test_losses_and_slope_are_those_of_edited_copies(network: str, name: str, index: tuple[int, ...]) -> None:
    model, inputs, targets = made(network)
    sweep = desk_of(network).sweep(name, index)
    expected = looped(model, inputs, targets, name, index, sweep.values.tolist())
    assert len(sweep.values) == 41
    assert sweep.exact.all()
    assert not sweep.error.any()
    assert torch.allclose(sweep.losses, expected, rtol=2e-6, atol=1e-7)
    slope = autograd_slope(model, inputs, targets, name, index)
    assert sweep.slope == pytest.approx(slope, rel=1e-4, abs=1e-7)
    assert sweep.slope_error == 0


@pytest.mark.parametrize(("network", "name", "index"), [PLACES[0], PLACES[4], PLACES[7]])
def test_one_by_one_says_the_same(network: str, name: str, index: tuple[int, ...]) -> None:
    desk = desk_of(network)
    together, alone = desk.sweep(name, index, 9), desk.sweep(name, index, 9, exact=True)
    assert alone.exact.all()
    assert torch.allclose(together.losses, alone.losses, rtol=1e-6)
    assert torch.equal(together.accuracy, alone.accuracy)
    assert together.slope == pytest.approx(alone.slope, rel=1e-4, abs=1e-8)


def test_a_planted_parabola_and_its_bottom_are_found() -> None:
    torch.manual_seed(3)
    inputs, model = torch.randn(50, 3, dtype=torch.float64), nn.Linear(3, 1).double()
    targets = torch.randn(50, 1, dtype=torch.float64)
    desk = Desk(model, inputs, targets, functional.mse_loss)
    with torch.no_grad():
        residuals = (targets - model(inputs))[:, 0]
        bend, tilt = (inputs[:, 1] ** 2).mean(), -2 * (inputs[:, 1] * residuals).mean()
    sweep = desk.sweep("weight", (0, 1), torch.linspace(-3, 3, 12))
    moved = sweep.values - sweep.value
    assert torch.allclose(sweep.losses, sweep.loss + tilt * moved + bend * moved**2, rtol=1e-12)
    assert sweep.slope == pytest.approx(float(tilt), rel=1e-12)
    assert sweep.lowest is not None
    assert sweep.lowest.value == pytest.approx(sweep.value - float(tilt / (2 * bend)), rel=1e-9)
    assert sweep.lowest.gain == pytest.approx(float(tilt**2 / (4 * bend)), rel=1e-9)
    assert sweep.accuracy is None


def test_the_slope_is_that_of_finite_differences() -> None:
    model, inputs, targets = made("mlp")
    model, inputs = model.double(), inputs.double()
    desk = Desk(model, inputs, targets, functional.cross_entropy)
    now = float(model.get_parameter("0.weight")[1, 2].detach())
    below, above = looped(model, inputs, targets, "0.weight", (1, 2), (now - 1e-5, now + 1e-5))
    assert desk.sweep("0.weight", (1, 2)).slope == pytest.approx(float(above - below) / 2e-5, rel=1e-5)


def test_the_accuracy_is_the_share_of_right_answers() -> None:
    model, inputs, targets = made("mlp")
    sweep = desk_of("mlp").sweep("4.bias", 0, [-9.0, 0.0, 9.0])

    def accuracy(outputs: Tensor, asked: Tensor) -> Tensor:
        return (outputs.argmax(1) == asked).double().mean()

    expected = looped(model, inputs, targets, "4.bias", (0,), [-9.0, 0.0, 9.0], accuracy)
    assert torch.allclose(sweep.accuracy, expected)


def test_the_desk_stays_as_it_was() -> None:
    desk = desk_of("cnn")
    desk.set("0.weight", (0, 0, 0, 0), 0.7)
    desk.mute("4", 1)
    desk.undo()
    state, mix, loss = desk.state, desk.mix, desk.outcome.loss
    bits = {name: each.clone() for name, each in state.values.items()}
    desk.sweep("4.weight", (0, 0, 0, 0), [0.5, math.nan])
    desk.surface(("7.bias", 0, 3), ("7.bias", 1, 3))
    desk.landscape(1, steps=3)
    assert desk.state is state
    assert desk.mix == mix
    assert all(torch.equal(each, bits[name]) for name, each in desk.state.values.items())
    assert desk.outcome.loss == loss
    assert desk.redo()
    assert desk.undo()
    assert desk.undo()


def test_it_goes_out_from_the_turned_weights() -> None:
    model, inputs, targets = made("mlp")
    desk = desk_of("mlp")
    desk.set("2.weight", (0, 0), 1.5)
    desk.set("0.weight", (1, 2), 2.0)
    with torch.no_grad():
        model.get_parameter("2.weight")[0, 0] = 1.5
        model.get_parameter("0.weight")[1, 2] = 2.0
    sweep = desk.sweep("0.weight", (1, 2), [-1.0, 0.0, 2.0, 3.0])
    expected = looped(model, inputs, targets, "0.weight", (1, 2), sweep.values.tolist())
    assert sweep.value == 2.0
    assert torch.allclose(sweep.losses, expected, rtol=2e-6)
    assert sweep.slope == pytest.approx(
        autograd_slope(model, inputs, targets, "0.weight", (1, 2)), rel=1e-4, abs=1e-8
    )
    desk.bypass(True)
    assert desk.sweep("0.weight", (1, 2), 3).value != 2.0


def test_values_that_are_no_numbers_are_shown_as_such() -> None:
    sweep = desk_of("mlp").sweep("4.weight", (0, 0), [0.1, math.nan, math.inf, 0.3, 0.1])
    assert sweep.losses.isfinite().tolist() == [True, False, False, True, True]
    assert sweep.losses[0] == sweep.losses[4]
    assert sweep.exact.all()
    assert sweep.lowest is not None


def test_a_present_value_that_is_no_number_leaves_the_others() -> None:
    model, inputs, targets = made("mlp")
    desk = desk_of("mlp")
    desk.set("0.bias", 1, math.nan)
    sweep = desk.sweep("0.bias", 1, [-0.5, 0.5])
    expected = looped(model, inputs, targets, "0.bias", (1,), [-0.5, 0.5])
    assert torch.allclose(sweep.losses, expected, rtol=1e-6)
    assert math.isnan(sweep.loss)


def test_a_loss_that_joins_examples_is_computed_value_by_value() -> None:
    def spread(outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.std() + functional.cross_entropy(outputs, targets).square()

    model, inputs, targets = made("mlp")
    sweep = Desk(model, inputs, targets, spread).sweep("0.weight", (1, 2), [-0.5, 0.2, 0.9])
    expected = looped(model, inputs, targets, "0.weight", (1, 2), sweep.values.tolist(), spread)
    assert torch.allclose(sweep.losses, expected, rtol=1e-6)
    assert any("value by value" in note for note in sweep.notes)
    parameter = model.get_parameter("0.weight")
    spread(model(inputs), targets).backward()
    assert sweep.slope == pytest.approx(float(parameter.grad[1, 2]), rel=1e-4)


def test_a_model_that_is_run_in_full_says_the_same() -> None:
    model, inputs, targets = made("mlp")
    sweep = Desk(model, inputs, targets, functional.cross_entropy, incremental=False).sweep(
        "0.weight", (1, 2), 5
    )
    expected = looped(model, inputs, targets, "0.weight", (1, 2), sweep.values.tolist())
    assert torch.allclose(sweep.losses, expected, rtol=1e-6)
    slope = autograd_slope(model, inputs, targets, "0.weight", (1, 2))
    assert sweep.slope == pytest.approx(slope, rel=1e-4)


def test_half_precision_is_swept_in_half_precision() -> None:
    model, inputs, targets = made("mlp")
    model, inputs = model.bfloat16(), inputs.bfloat16()
    sweep = Desk(model, inputs, targets, functional.cross_entropy).sweep("2.weight", (1, 2), [0.3, -0.7])
    expected = looped(model, inputs, targets, "2.weight", (1, 2), [0.3, -0.7])
    assert torch.allclose(sweep.losses, expected, rtol=2e-2)


def test_the_same_sweep_gives_the_same_bits() -> None:
    one, other = (desk_of("cnn").sweep("0.weight", (0, 0, 1, 1)) for _ in range(2))
    assert torch.equal(one.losses, other.losses)
    assert (one.slope, one.lowest) == (other.slope, other.lowest)


@pytest.mark.parametrize(("values", "said"), [(None, 41), (7, 7), (1, 1)])
def test_usual_values_lie_around_the_present_one(values: Any, said: int) -> None:
    desk = desk_of("mlp")
    sweep = desk.sweep("0.weight", (1, 2), values)
    spread = desk.state.values["0.weight"].double().std(correction=0)
    assert len(sweep.values) == said
    assert float(sweep.values.mean()) == pytest.approx(sweep.value, abs=1e-9)
    if said > 1:
        assert float(sweep.values[-1] - sweep.values[0]) == pytest.approx(6 * float(spread))
    assert "3 standard deviations" in sweep.notes[0]


def test_weights_that_are_all_the_same_have_usual_values_too() -> None:
    model, inputs, targets = made("mlp")
    nn.init.zeros_(model[0].bias)
    sweep = Desk(model, inputs, targets, functional.cross_entropy).sweep("0.bias", 1, 3)
    assert sweep.values.tolist() == [-1.0, 0.0, 1.0]
    assert "all the same" in sweep.notes[0]


def test_the_page_shows_every_value() -> None:
    sweep = desk_of("mlp").sweep("0.weight", (1, 2), 5)
    table = sweep.to_arrow()
    assert table["loss"].to_pylist() == sweep.losses.tolist()
    assert table.column_names[:5] == ["value", "loss", "change", "error", "exact"]
    assert "0.weight[1,2]" in sweep._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("0.weight", 1), OptionError, "is 6 weights"),
        (("0", 1), OptionError, "is 7 weights"),
        (("0.wieght", (1, 2)), UnknownParameterError, "did you mean"),
        (("0.weight", (1, 9)), IndexRangeError, r"0…5"),
        (("0.weight", (1, 2), []), OptionError, "at least one value"),
        (("0.weight", (1, 2), ["a"]), OptionError, "must be a number"),
        (("0.weight", (1, 2), 0), OptionError, "1 or more"),
        (("0.weight", (1, 2), 2.5), OptionError, "how many"),
    ],
)
def test_what_cannot_be_swept_says_so(arguments: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        desk_of("mlp").sweep(*arguments)


def test_a_budget_must_be_a_turn_or_more() -> None:
    with pytest.raises(OptionError, match=r"turns=0\.5"):
        desk_of("mlp").sweep("0.weight", (1, 2), turns=0.5)


def test_without_targets_there_is_nothing_to_sweep() -> None:
    model, inputs, _ = made("mlp")
    desk = Desk(model, inputs)
    for call in (
        lambda: desk.sweep("0.weight", (1, 2)),
        lambda: desk.surface(("0.weight", (1, 2)), ("0.bias", 1)),
        desk.landscape,
    ):
        with pytest.raises(OptionError, match="targets"):
            call()


layers = st.lists(st.tuples(st.sampled_from([nn.ReLU, nn.Tanh, nn.SiLU]), st.integers(1, 6)), max_size=3)
numbers = st.floats(-1e30, 1e30) | st.floats(-3, 3) | st.sampled_from([math.nan, math.inf, -0.0, 1e-40])


@settings(max_examples=12, deadline=None)
@example([(nn.SiLU, 2), (nn.ReLU, 4)], [0.0, 1.88e-268, 6.1e-306], 85, False)
@given(layers, st.lists(numbers, min_size=1, max_size=6), st.integers(0, 99), st.booleans())
def test_small_networks_and_any_values(
    made_of: list[Any], values: list[float], seed: int, bias: bool
) -> None:
    torch.manual_seed(seed)
    modules: list[nn.Module] = []
    size = 3
    for activation, width in made_of:
        modules += [nn.Linear(size, width, bias=bias), activation()]
        size = width
    model = nn.Sequential(*modules, nn.Linear(size, 3)).double()
    inputs, targets = torch.randn(7, 3, dtype=torch.float64), torch.randint(3, (7,))
    name = "0.weight"
    sweep = Desk(model, inputs, targets, functional.cross_entropy).sweep(name, (0, 1), values)
    expected = looped(model, inputs, targets, name, (0, 1), values)
    assert torch.equal(sweep.losses.isfinite(), expected.isfinite())
    finite = expected.isfinite()
    assert torch.allclose(sweep.losses[finite], expected[finite], rtol=1e-9, atol=1e-12)
