"""What clipping and the loss scale took from a gradient, as parts of a recorded move."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recorded_updates import two_layers
from torch import Tensor, nn

import weightdesk
from weightdesk.explain.updates.clipping import implied_scale, tell_scale_from_clipping
from weightdesk.explain.updates.optimizers import OptimizerStep
from weightdesk.explain.updates.recorded import RecordedStep, StepReader
from weightdesk.explain.updates.update import UpdateReasons
from weightdesk.runs import Run

WEIGHTS = [("0.weight", (1, 2)), ("0.bias", (3,)), ("2.weight", (0, 4))]
LEFT, SEEN = "gradient as backward left it", "gradient as the optimizer saw it"

OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.01, "fused": True}),
]
CLIPPING: dict[str, Callable[[nn.Module], object]] = {
    "clip_grad_norm_": lambda model: nn.utils.clip_grad_norm_(model.parameters(), 0.3),
    "clip_grad_value_": lambda model: nn.utils.clip_grad_value_(model.parameters(), 0.03),
    "data.clamp_": lambda model: [each.grad.data.clamp_(-0.03, 0.03) for each in model.parameters()],
}


def record(
    place: Path,
    make: Callable[[nn.Module], torch.optim.Optimizer],
    clip: Callable[[nn.Module], object] = lambda model: None,
    *,
    scale: float = 1.0,
    told: bool = True,
    every: int = 1,
) -> tuple[Run, list[dict[str, Tensor]]]:
    """Three steps of two micro-batches under a gradient scaler, and autograd's own gradients of them."""
    model, generator = two_layers(), torch.Generator().manual_seed(1)
    optimizer = make(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    gradients = []
    with weightdesk.watch(model, optimizer, place, every=every, scaler=scaler if told else None):
        for _ in range(3):
            batches = [torch.randn(6, 4, generator=generator) for _ in range(2)]
            optimizer.zero_grad()
            sums = [torch.zeros_like(each) for each in model.parameters()]
            for inputs in batches:
                loss = (model(inputs) - inputs[:, :2]).square().sum()
                parts = torch.autograd.grad(scaler.scale(loss), list(model.parameters()))
                for total, part in zip(sums, parts, strict=True):
                    total.add_(part)
                scaler.scale((model(inputs) - inputs[:, :2]).square().sum()).backward()
            names = [name for name, _ in model.named_parameters()]
            gradients.append(dict(zip(names, (each / scale for each in sums), strict=True)))
            scaler.unscale_(optimizer)
            clip(model)
            scaler.step(optimizer)
            scaler.update()
    return weightdesk.open_run(place), gradients


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=0.5)


def check_sums(reasons: UpdateReasons) -> dict[str, float]:
    """The parts add up to the recorded move; returns them by name."""
    parts = {part.name: part.value for part in reasons.parts}
    assert sum(parts.values()) + reasons.remainder == pytest.approx(reasons.move, rel=1e-9, abs=1e-15)
    assert reasons.remainder_ulps <= 4
    return parts


@pytest.mark.parametrize("scale", [1.0, 1024.0])
@pytest.mark.parametrize("clipping", CLIPPING)
@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_clipping_is_a_part_and_all_parts_add_up(
    name: str, options: dict[str, Any], clipping: str, scale: float, tmp_path: Path
) -> None:
    def make(model: nn.Module) -> torch.optim.Optimizer:
        optimizer: torch.optim.Optimizer = getattr(torch.optim, name)(model.parameters(), **options)
        return optimizer

    run, gradients = record(tmp_path / "run", make, CLIPPING[clipping], scale=scale)
    clipped = 0
    for step in range(3):
        for parameter, index in WEIGHTS:
            reasons = run.explain_update(parameter, index, step)
            parts, factors = check_sums(reasons), reasons.factors
            left, seen = gradients[step][parameter][index].item(), run.gradient(parameter, step)[index].item()
            assert factors[SEEN] == seen
            assert factors["g"] == left
            assert ("clipping" in parts) == (left != seen)
            assert reasons.notes == (
                (f"the loss scale of {scale:g} is out of all parts",) if scale > 1 else ()
            )
            if left != seen:
                clipped += 1
                assert factors[LEFT] == left
                together = parts["gradient"] + parts["clipping"]
                assert together / parts["gradient"] == pytest.approx(seen / left, rel=1e-9)
    assert clipped > 0


def test_without_clipping_there_is_no_such_part(tmp_path: Path) -> None:
    run, gradients = record(tmp_path / "run", sgd, scale=256.0)
    reader = StepReader(run.path, run.parameters["0.weight"])
    for step in range(3):
        parts = check_sums(run.explain_update("0.weight", (0, 0), step))
        assert parts.keys() == {"gradient"}
        start = reader.read(step, slice(0, 20)).start
        assert start.backward_gradient is not None
        assert torch.equal(start.backward_gradient, gradients[step]["0.weight"].flatten())
        assert start.state == {}


def test_a_scale_that_nobody_told_is_found_where_only_it_was_taken_out(tmp_path: Path) -> None:
    run, gradients = record(tmp_path / "run", sgd, scale=4096.0, told=False)
    reasons = run.explain_update("0.weight", (0, 1), 2)
    assert check_sums(reasons).keys() == {"gradient"}
    assert reasons.factors["loss scale"] == 4096
    assert reasons.factors["g"] == gradients[2]["0.weight"][0, 1].item()
    assert reasons.notes == (
        "backward left exactly 4096 times what the optimizer saw: taken for a loss scale",
    )


def test_a_scale_that_nobody_told_is_counted_with_clipping(tmp_path: Path) -> None:
    run, gradients = record(tmp_path / "run", sgd, CLIPPING["clip_grad_norm_"], scale=4096.0, told=False)
    reasons = run.explain_update("0.weight", (0, 1), 2)
    assert check_sums(reasons).keys() == {"gradient", "clipping"}
    assert reasons.factors["g"] == 4096 * gradients[2]["0.weight"][0, 1].item()
    assert "watch(scaler=…) tells them apart" in reasons.notes[0]


def test_the_scale_of_a_fused_optimizer_is_known_by_itself(tmp_path: Path) -> None:
    model = two_layers()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, fused=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    inputs = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    expected = torch.autograd.grad(model(inputs).square().sum(), model[0].weight)[0]
    with weightdesk.watch(model, optimizer, tmp_path / "run", every=1):
        scaler.scale(model(inputs).square().sum()).backward()
        nn.utils.clip_grad_value_(model.parameters(), 100.0)
        scaler.step(optimizer)
        scaler.update()
    run = weightdesk.open_run(tmp_path / "run")
    clipped = 0
    for place in range(20):
        index = (place // 4, place % 4)
        reasons = run.explain_update("0.weight", index, 0)
        parts = check_sums(reasons)
        assert ("clipping" in parts) == (reasons.factors[SEEN] != expected[index].item())
        clipped += "clipping" in parts
        assert reasons.factors["g"] == expected[index].item()
        assert reasons.factors["loss scale"] == 1024
    assert 0 < clipped < 20


def test_a_gradient_that_was_repaired_has_no_part_of_its_own(tmp_path: Path) -> None:
    layer = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.25)
    with weightdesk.watch(layer, optimizer, tmp_path / "run"):
        (layer(torch.ones(1, 1)) * torch.inf).sum().backward()
        layer.weight.grad.nan_to_num_(posinf=1.0)
        optimizer.step()
    reasons = weightdesk.open_run(tmp_path / "run").explain_update("weight", (0, 0), 0)
    assert check_sums(reasons) == {"gradient": -0.25}
    assert "not finite" in reasons.notes[0]


def test_a_gradient_that_backward_did_not_leave_is_said_not_to_be_known(tmp_path: Path) -> None:
    layer = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.25)
    with weightdesk.watch(layer, optimizer, tmp_path / "run"):
        layer.weight.grad = torch.ones(1, 1)
        optimizer.step()
    reasons = weightdesk.open_run(tmp_path / "run").explain_update("weight", (0, 0), 0)
    assert check_sums(reasons) == {"gradient": -0.25}
    assert "not recorded" in reasons.notes[0]


def test_long_moves_count_clipping_with_the_gradient(tmp_path: Path) -> None:
    run, _ = record(tmp_path / "run", sgd, CLIPPING["clip_grad_norm_"], every=2)
    place = run.manifest.recording["sampled"]["0.weight"][0]
    journey = run.explain_move("0.weight", (place // 4, place % 4))
    assert journey.known_steps == 3
    assert [part.name for part in journey.parts] == ["gradient"]
    assert abs(journey.error) < 1e-7


@given(st.integers(-20, 40), st.floats(1e-6, 1e6), st.booleans())
def test_powers_of_two_from_two_on_are_a_scale(exponent: int, seen: float, is_negative: bool) -> None:
    seen = -seen if is_negative else seen
    found = implied_scale(seen * 2.0**exponent, seen)
    assert found == (2.0**exponent if exponent >= 1 else None)
    assert implied_scale(-seen * 2.0**exponent, seen) is None
    assert implied_scale(seen * 2.0**exponent * 1.5, seen) is None


def test_telling_twice_says_the_same() -> None:
    start = OptimizerStep(torch.ones(2), torch.ones(2), {}, {}, torch.tensor([8.0, 3.0]))
    recorded = RecordedStep(0, "SGD", start, torch.ones(2).double())
    told, notes = tell_scale_from_clipping(recorded, 0)
    again, same = tell_scale_from_clipping(recorded, 0)
    assert told.start.backward_gradient is not None
    assert again.start.backward_gradient is not None
    assert torch.equal(told.start.backward_gradient, again.start.backward_gradient)
    assert (told.loss_scale, notes) == (again.loss_scale, same) == (8.0, notes)
