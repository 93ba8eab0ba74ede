from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from recorded_updates import Sign, record, two_layers
from torch import nn

import weightdesk
from weightdesk.errors import IndexRangeError, StepNotKeptError, UnknownParameterError
from weightdesk.explain.updates.update import UpdateReasons, explain_update
from weightdesk.runs import Run
from weightdesk.training import Recipe, train

OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1, "maximize": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.9}),
    ("Adadelta", {"lr": 1.0}),
    ("Adam", {"lr": 0.01, "amsgrad": True, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.01, "maximize": True}),
    ("AdamW", {"lr": 0.01, "fused": True}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.01, "foreach": True}),
    ("Adamax", {"lr": 0.01}),
]
WEIGHTS: list[tuple[str, tuple[int, ...]]] = [("0.weight", (1, 2)), ("0.bias", (3,)), ("2.weight", (0, 4))]


def check_sums(run: Run, reasons: UpdateReasons, most: float = 4) -> None:
    """The parts and the rest are the move, and the move is what the weights say."""
    total = sum(part.value for part in reasons.parts) + reasons.remainder
    assert total == pytest.approx(reasons.move, rel=1e-12, abs=1e-15)
    assert reasons.remainder_ulps <= most
    for step, weight in ((reasons.step, reasons.before), (reasons.step + 1, reasons.after)):
        assert run.weights(reasons.parameter, step)[reasons.index].item() == weight


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_the_parts_of_recorded_steps_add_up(
    name: str, options: dict[str, Any], dtype: torch.dtype, tmp_path: Path
) -> None:
    model = two_layers(dtype)
    run = record(model, getattr(torch.optim, name)(model.parameters(), **options), tmp_path / "run", steps=8)
    for step in (0, 1, 7):
        for parameter, index in WEIGHTS:
            reasons = explain_update(run, parameter, index, step)
            assert reasons.optimizer == name
            check_sums(run, reasons, most=8 if dtype == torch.bfloat16 else 4)
            if dtype == torch.float64:
                largest = max(abs(each) for each in (reasons.before, *(part.value for part in reasons.parts)))
                assert abs(reasons.remainder) <= 1e-12 * largest


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"])
def test_a_built_in_training_with_every_regulariser_adds_up(optimizer: str, tmp_path: Path) -> None:
    recipe = Recipe.create(
        "xor", layers="6", steps=12, optimizer=optimizer, l1=1e-3, l2=1e-3, weight_decay=0.1, max_norm=0.5
    )
    train(recipe, tmp_path / "run", every=1)
    run = weightdesk.open_run(tmp_path / "run")
    seen = set()
    for step in (0, 1, 11):
        for parameter, index in (
            ("hidden1.weight", (2, 1)),
            ("hidden1.weight", (4, 0)),
            ("output.weight", (1, 3)),
        ):
            reasons = run.explain_update(parameter, index, step)
            check_sums(run, reasons)
            seen |= {part.name for part in reasons.parts}
        biased = run.explain_update("output.bias", 0, step)
        check_sums(run, biased)
        assert {part.name for part in biased.parts} <= {
            "gradient",
            "earlier gradients",
            "rounding of the memory",
        }
    decay = "weight decay" if optimizer == "sgd" else "decoupled weight decay"
    assert {"gradient", "L2 in the loss", decay, "proximal L1", "largest norm"} <= seen


def test_the_numbers_of_plain_descent(tmp_path: Path) -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 0.5)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.25, weight_decay=0.5)
    with weightdesk.watch(layer, optimizer, tmp_path / "run"):
        (3 * layer(torch.ones(1, 1))).sum().backward()
        optimizer.step()
    reasons = weightdesk.open_run(tmp_path / "run").explain_update("weight", (0, 0), -1)
    gradient, decay = reasons.parts
    assert (gradient.name, gradient.value, gradient.formula, gradient.numbers) == (
        "gradient", -0.75, "−lr × g", "−0.25 × 3",
    )  # fmt: skip
    assert (decay.name, decay.value, decay.numbers) == ("weight decay", -0.0625, "−0.25 × 0.5 × 0.5")
    assert (reasons.before, reasons.after, reasons.move, reasons.remainder) == (0.5, -0.3125, -0.8125, 0.0)
    assert reasons.factors == {
        "gradient as the optimizer saw it": 3.0,
        "−lr": -0.25,
        "g": 3.0,
        "λ": 0.5,
        "w": 0.5,
    }
    assert reasons.title == "weight[0, 0], step 0 to 1 by SGD: 0.5 → -0.3125, moved -0.8125"
    assert reasons.notes == ()


def test_the_page_shows_the_parts_and_the_rest(tmp_path: Path) -> None:
    model = two_layers()
    run = record(model, torch.optim.Adam(model.parameters()), tmp_path / "run")
    reasons = run.explain_update("0.weight", (0, 0), 2)
    rows = reasons.to_arrow().to_pylist()
    assert [row["part"] for row in rows] == [
        "gradient",
        "earlier gradients",
        "rounding of the memory",
        "rounding",
    ]
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert "√v̂" in reasons._repr_html_()


def test_the_learning_rate_is_that_of_the_step(tmp_path: Path) -> None:
    model = two_layers()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    run = record(model, optimizer, tmp_path / "run", after=scheduler.step)
    assert [run.explain_update("0.bias", 0, step).factors["−lr"] for step in range(3)] == [-1.0, -0.5, -0.25]


def test_an_unknown_optimizer_is_not_explained(tmp_path: Path) -> None:
    model = two_layers()
    reasons = record(model, Sign(model.parameters()), tmp_path / "run").explain_update("0.weight", (0, 0), 1)
    assert reasons.parts == ()
    assert reasons.remainder == reasons.move != 0
    assert reasons.factors.keys() == {"gradient as the optimizer saw it"}
    assert "rule of Sign is not known" in reasons.notes[0]
    assert reasons.to_arrow()["part"].to_pylist() == ["unexplained"]


def test_what_others_do_to_the_weight_within_a_step_is_unexplained(tmp_path: Path) -> None:
    model = two_layers()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def clamp(*_: object) -> None:
        model[0].weight.data.clamp_(-1e-4, 1e-4)

    optimizer.register_step_post_hook(clamp)
    reasons = record(model, optimizer, tmp_path / "run").explain_update("0.weight", (0, 0), 0)
    assert reasons.remainder_ulps > 1000
    assert reasons.to_arrow()["part"].to_pylist()[-1] == "unexplained"


def test_what_happens_between_two_steps_is_no_move_of_the_optimizer(tmp_path: Path) -> None:
    model = two_layers()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = record(model, optimizer, tmp_path / "run", after=lambda: model[0].weight.data.mul_(2))
    reasons = run.explain_update("0.weight", (0, 0), 1)
    assert reasons.remainder_ulps <= 4
    assert reasons.move == run.update("0.weight", 1)[0, 0].item()


def test_a_weight_without_a_gradient_stays(tmp_path: Path) -> None:
    model = two_layers()
    model[0].requires_grad_(False)
    run = record(model, torch.optim.AdamW(model.parameters()), tmp_path / "run")
    reasons = run.explain_update("0.weight", (0, 0), 1)
    assert (reasons.parts, reasons.factors, reasons.move, reasons.remainder) == ((), {}, 0.0, 0.0)
    assert "no gradient" in reasons.notes[0]
    assert reasons.to_arrow()["share"].to_pylist() == [None]


def test_a_gradient_that_is_not_finite_has_no_parts(tmp_path: Path) -> None:
    layer = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.25)
    with weightdesk.watch(layer, optimizer, tmp_path / "run"):
        (layer(torch.ones(1, 1)) * torch.inf).sum().backward()
        optimizer.step()
    reasons = weightdesk.open_run(tmp_path / "run").explain_update("weight", (0, 0), 0)
    assert reasons.parts == ()
    assert "not finite" in reasons.notes[0]
    assert reasons.to_arrow()["part"].to_pylist() == ["unexplained"]


@pytest.mark.parametrize("name", ["SGD", "SparseAdam"])
def test_sparse_gradients_add_up(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    table = nn.Embedding(5, 3, sparse=True)
    optimizer = getattr(torch.optim, name)(table.parameters(), lr=0.1)
    with weightdesk.watch(table, optimizer, tmp_path / "run", every=1):
        for rows in ([0, 1], [1, 2], [1, 4]):
            optimizer.zero_grad()
            table(torch.tensor(rows)).square().sum().backward()
            optimizer.step()
    run = weightdesk.open_run(tmp_path / "run")
    for step in range(3):
        for row in range(5):
            check_sums(run, run.explain_update("weight", (row, 1), step))


def test_a_tied_weight_answers_to_both_names(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    model[1].weight = model[0].weight
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with weightdesk.watch(model, optimizer, tmp_path / "run", every=1):
        model(torch.ones(2, 3)).sum().backward()
        optimizer.step()
    run = weightdesk.open_run(tmp_path / "run")
    both = [run.explain_update(name, (0, 1), 0) for name in ("0.weight", "1.weight")]
    assert both[0].move == both[1].move
    check_sums(run, both[1])


def test_a_scalar_and_an_older_adamw_are_explained(tmp_path: Path) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.tensor(0.5))

    model = Scaled()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    del optimizer.param_groups[0]["decoupled_weight_decay"]  # as torch 2.6 has it
    with weightdesk.watch(model, optimizer, tmp_path / "run"):
        model.gain.grad = torch.tensor(1.0)
        optimizer.param_groups[0]["decoupled_weight_decay"] = True
        optimizer.step()
    run = weightdesk.open_run(tmp_path / "run")
    reasons = run.explain_update("gain", (), 0)
    check_sums(run, reasons)
    assert "decoupled weight decay" in [part.name for part in reasons.parts]


def test_mistakes_name_what_would_be_right(tmp_path: Path) -> None:
    model = two_layers()
    run = record(model, torch.optim.SGD(model.parameters(), lr=0.1), tmp_path / "run", every=4, steps=10)
    with pytest.raises(UnknownParameterError, match=r"did you mean 0\.weight"):
        run.explain_update("0.wieght", (0, 0), 0)
    with pytest.raises(IndexRangeError, match=r"expected \(0…4, 0…3\)"):
        run.explain_update("0.weight", (5, 0), 0)
    with pytest.raises(StepNotKeptError, match=r"no update of 0\.weight at step 5; nearest kept: 4 and 8"):
        run.explain_update("0.weight", (0, 0), 5)
