from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from recorded_updates import Sign, record, two_layers
from torch import nn

import weightdesk
from weightdesk.errors import OptionError, StepNotKeptError
from weightdesk.explain.updates.move import MoveReasons, explain_move
from weightdesk.runs import Run
from weightdesk.training import Recipe, train


def check_sums(run: Run, reasons: MoveReasons) -> None:
    """The move is what the weights say; parts and error are the move, on the whole and in each stretch."""
    known = run.history(reasons.parameter, reasons.index)
    values = dict(zip(known.steps.tolist(), known.values.double().tolist(), strict=True))
    assert reasons.move == values[reasons.stop] - values[reasons.start]
    total = sum(part.value for part in reasons.parts) + reasons.error
    assert total == pytest.approx(reasons.move, rel=1e-12, abs=1e-15)
    rows = reasons.stretches.to_pylist()
    assert [rows[0]["from"], rows[-1]["to"]] == [reasons.start, reasons.stop]
    for row in rows:
        shares = sum(row[part.name] for part in reasons.parts)
        assert row["move"] == pytest.approx(shares + row["error"], rel=1e-12, abs=1e-15)
    for part in reasons.parts:
        assert sum(row[part.name] for row in rows) == pytest.approx(part.value, rel=1e-12, abs=1e-15)


def unsampled(run: Run, name: str) -> tuple[int, ...]:
    """A weight that is not sampled."""
    parameter = run.parameters[name]
    taken = run.manifest.recording["sampled"][name]
    place = next(each for each in range(parameter.size) if each not in taken)
    return tuple(int(each) for each in torch.unravel_index(torch.tensor(place), parameter.shape))


def sampled(run: Run, name: str) -> tuple[int, ...]:
    """A weight that is."""
    place = torch.tensor(run.manifest.recording["sampled"][name][0])
    return tuple(int(each) for each in torch.unravel_index(place, run.parameters[name].shape))


@pytest.mark.parametrize(
    "name", ["SGD", "Adagrad", "RMSprop", "Adadelta", "Adam", "AdamW", "NAdam", "RAdam", "Adamax"]
)
def test_the_parts_of_a_sampled_weight_are_known_at_every_step(name: str, tmp_path: Path) -> None:
    model = two_layers(torch.float64)
    options = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
    optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.01, weight_decay=0.01, **options)
    run = record(model, optimizer, tmp_path / "run", steps=40, every=25)
    reasons = run.explain_move("0.weight", sampled(run, "0.weight"))
    check_sums(run, reasons)
    assert (reasons.start, reasons.stop, reasons.known_steps) == (0, 40, 40)
    assert abs(reasons.error) < 1e-12 * max(1, *(abs(part.value) for part in reasons.parts))


def test_the_parts_of_other_weights_are_interpolated_and_the_error_is_stated(tmp_path: Path) -> None:
    model = two_layers()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    run = record(model, optimizer, tmp_path / "run", steps=40, every=8)
    index = unsampled(run, "0.weight")
    reasons = explain_move(run, "0.weight", index)
    check_sums(run, reasons)
    assert reasons.known_steps == 5
    known = [run.explain_update("0.weight", index, step) for step in range(0, 40, 8)]
    for part in reasons.parts:
        exact = [next(each.value for each in at.parts if each.name == part.name) for at in known]
        between = [7 * (a + b) / 2 for a, b in pairwise(exact)] + [7 * exact[-1]]
        assert part.known == pytest.approx(sum(exact))
        assert part.value == pytest.approx(sum(exact) + sum(between))


def test_constant_forces_are_interpolated_exactly(tmp_path: Path) -> None:
    layer = nn.Linear(40, 1, bias=False).double()
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.25)
    with weightdesk.watch(layer, optimizer, tmp_path / "run", every=10):
        for _ in range(35):
            layer.weight.grad = torch.arange(40.0, dtype=torch.float64)[None]
            optimizer.step()
    run = weightdesk.open_run(tmp_path / "run")
    index = unsampled(run, "weight")
    reasons = run.explain_move("weight", index, 10, 30)
    check_sums(run, reasons)
    assert reasons.parts[0].value == -0.25 * 20 * index[1]
    assert reasons.error == pytest.approx(0, abs=1e-12)
    assert [row["from"] for row in reasons.stretches.to_pylist()] == [10, 20]


def test_a_stretch_within_a_stretch_uses_the_neighbours_outside(tmp_path: Path) -> None:
    model = two_layers(torch.float64)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    run = record(model, optimizer, tmp_path / "run", steps=30, every=10)
    reasons = run.explain_move("0.weight", sampled(run, "0.weight"), 13, 17)
    check_sums(run, reasons)
    assert reasons.known_steps == 4
    assert abs(reasons.error) < 1e-13


def test_a_built_in_training_knows_its_learning_rate_at_every_step(tmp_path: Path) -> None:
    recipe = Recipe.create(
        "xor",
        layers="6",
        steps=60,
        schedule="cosine",
        l1=1e-3,
        l2=1e-3,
        weight_decay=0.01,
        optimizer="momentum",
    )
    train(recipe, tmp_path / "run", every=20)
    run = weightdesk.open_run(tmp_path / "run")
    reasons = run.explain_move("hidden1.weight", sampled(run, "hidden1.weight"))
    check_sums(run, reasons)
    assert reasons.known_steps == 60
    assert abs(reasons.error) < 1e-5
    expected = {"gradient", "L2 in the loss", "earlier gradients", "decoupled weight decay", "proximal L1"}
    assert {part.name for part in reasons.parts} == expected


def test_a_largest_norm_is_known_only_where_the_whole_unit_is(tmp_path: Path) -> None:
    train(Recipe.create("xor", layers="6", steps=30, max_norm=0.5), tmp_path / "run", every=10)
    run = weightdesk.open_run(tmp_path / "run")
    reasons = run.explain_move("hidden1.weight", sampled(run, "hidden1.weight"))
    check_sums(run, reasons)
    assert reasons.known_steps == 3


def test_the_steps_of_another_optimizer_do_not_count(tmp_path: Path) -> None:
    model = two_layers(torch.float64)
    optimizers = [torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.5) for layer in (model[0], model[2])]
    with weightdesk.watch(model, optimizers, tmp_path / "run", every=1):
        for step in range(10):
            model.zero_grad()
            model(torch.randn(3, 4, dtype=torch.float64)).square().sum().backward()
            optimizers[step % 2].step()
    run = weightdesk.open_run(tmp_path / "run")
    for name in ("0.weight", "2.weight"):
        reasons = run.explain_move(name, (0, 0), 0, 8)
        check_sums(run, reasons)
        assert reasons.known_steps == 8
        assert abs(reasons.error) < 1e-14


def test_a_move_without_a_gradient_ends_what_is_known(tmp_path: Path) -> None:
    model = two_layers(torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with weightdesk.watch(model, optimizer, tmp_path / "run", every=8):
        for step in range(8):
            optimizer.zero_grad()
            if step != 3:
                model(torch.randn(3, 4, dtype=torch.float64)).square().sum().backward()
            optimizer.step()
            if step == 3:
                model[0].weight.data.mul_(2)
    run = weightdesk.open_run(tmp_path / "run")
    still = run.explain_move("0.bias", 0)
    check_sums(run, still)
    assert still.known_steps == 8  # one of them without a gradient, which moved nothing
    assert abs(still.error) < 1e-15
    moved = run.explain_move("0.weight", sampled(run, "0.weight"))
    check_sums(run, moved)
    assert moved.error != pytest.approx(0, abs=1e-3)


def test_a_training_whose_metrics_are_lost_is_still_explained(tmp_path: Path) -> None:
    train(Recipe.create("xor", layers="6", steps=20), tmp_path / "run", every=10)
    for part in (tmp_path / "run" / "metrics").iterdir():
        part.unlink()
    run = weightdesk.open_run(tmp_path / "run")
    check_sums(run, run.explain_move("output.weight", (0, 0)))


def test_an_unknown_optimizer_leaves_the_whole_move_unexplained(tmp_path: Path) -> None:
    model = two_layers()
    run = record(model, Sign(model.parameters()), tmp_path / "run")
    reasons = run.explain_move("0.weight", (0, 0))
    check_sums(run, reasons)
    assert reasons.parts == ()
    assert reasons.error == reasons.move
    assert "not known" in reasons.sections()[0].note


def test_the_page_states_what_is_known(tmp_path: Path) -> None:
    model = two_layers()
    run = record(model, torch.optim.SGD(model.parameters(), lr=0.1), tmp_path / "run", steps=6)
    reasons = run.explain_move("0.weight", (0, 0), 1, -2)
    main, stretches = reasons.sections()
    assert main.table["part"].to_pylist() == ["gradient", "error"]
    assert "4 of 4 steps are known" in main.note
    assert stretches.table.num_rows == 4
    assert "step 1 to 5" in reasons.title
    assert reasons._repr_html_()


def test_mistakes_name_what_would_be_right(tmp_path: Path) -> None:
    model = two_layers()
    run = record(model, torch.optim.SGD(model.parameters(), lr=0.1), tmp_path / "run", every=4, steps=10)
    index = unsampled(run, "0.weight")
    with pytest.raises(StepNotKeptError, match=r"no weight of 0\.weight at step 3; nearest kept: 0 and 4"):
        run.explain_move("0.weight", index, 3)
    with pytest.raises(OptionError, match="must end after it begins: got steps 8 to 4"):
        run.explain_move("0.weight", index, 8, 4)


def test_a_run_without_any_step_kept_in_full_says_so(tmp_path: Path) -> None:
    model = two_layers()
    run = record(model, torch.optim.SGD(model.parameters(), lr=0.1), tmp_path / "run", steps=3)
    for file in (tmp_path / "run" / "snapshots").glob("*.extra.safetensors"):
        file.unlink()
    with pytest.raises(StepNotKeptError, match=r"no update of 0\.weight at step 0; the run keeps none"):
        run.explain_move("0.weight", (0, 0))
