"""Parameters that join, end, are replaced, reshaped or renamed in mid-training are recorded from then on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune
from torch.optim import SGD, Optimizer

from weightdesk import open_run, watch
from weightdesk.errors import StepNotKeptError
from weightdesk.runs import Run

INPUTS = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
CHANGED_AT, STEPS = 3, 6

Change = Callable[[nn.Sequential, Optimizer], Optimizer | None]


def group_added(model: nn.Sequential, optimizer: Optimizer) -> None:
    optimizer.add_param_group({"params": list(model[0].parameters()), "lr": 0.01})


def head_replaced(model: nn.Sequential, optimizer: Optimizer) -> None:
    model[2] = nn.Linear(5, 3)
    optimizer.param_groups[0]["params"] = list(model.parameters())


def one_parameter_replaced_in_place(model: nn.Sequential, optimizer: Optimizer) -> None:
    model[2].bias = nn.Parameter(torch.full((3,), 0.5))
    optimizer.param_groups[0]["params"][3] = model[2].bias


def head_and_optimizer_replaced(model: nn.Sequential, optimizer: Optimizer) -> Optimizer:
    model[2] = nn.Linear(5, 3)
    return SGD(model.parameters(), 0.1)


def layer_appended(model: nn.Sequential, optimizer: Optimizer) -> None:
    model.append(nn.Linear(3, 2))
    optimizer.add_param_group({"params": list(model[3].parameters())})


def layer_removed(model: nn.Sequential, optimizer: Optimizer) -> None:
    del model[2]
    optimizer.param_groups[0]["params"] = list(model.parameters())


def pruned(model: nn.Sequential, optimizer: Optimizer) -> None:
    prune.l1_unstructured(model[0], "weight", 0.5)


def reshaped(model: nn.Sequential, optimizer: Optimizer) -> None:
    model[2] = nn.Linear(5, 7)
    optimizer.param_groups[0]["params"] = list(model.parameters())


def grown_in_its_own_memory(model: nn.Sequential, optimizer: Optimizer) -> None:
    model[2].weight.data, model[2].bias.data = torch.randn(6, 5), torch.zeros(6)
    model[2].weight.grad = model[2].bias.grad = None


def other_type(model: nn.Sequential, optimizer: Optimizer) -> None:
    model.double()


def parametrised(model: nn.Sequential, optimizer: Optimizer) -> None:
    nn.utils.parametrizations.weight_norm(model[0])
    optimizer.param_groups[0]["params"] = list(model.parameters())


CHANGES: list[Change] = [
    group_added, head_replaced, one_parameter_replaced_in_place, head_and_optimizer_replaced, layer_appended,
    layer_removed, pruned, reshaped, grown_in_its_own_memory, other_type, parametrised,
]  # fmt: skip


class Truth:
    """What a training really did, noted in its loop: weights, gradients and updates of each step."""

    def __init__(self) -> None:
        self.weights: list[dict[str, Tensor]] = []
        self.gradients: list[dict[str, Tensor]] = []
        self.updates: list[dict[str, Tensor]] = []

    def step(self, model: nn.Module, optimizer: Optimizer) -> None:
        moved = {id(each) for group in optimizer.param_groups for each in group["params"]}
        before = {name: each.detach().clone() for name, each in model.named_parameters()}
        self.weights.append(before)
        self.gradients.append({
            name: each.grad.clone()
            for name, each in model.named_parameters()
            if each.grad is not None and id(each) in moved
        })  # fmt: skip
        optimizer.step()
        self.updates.append({
            name: each.detach() - before[name] for name, each in model.named_parameters() if id(each) in moved
        })  # fmt: skip


def train(change: Change, folder: Path | None, **options: Any) -> tuple[nn.Module, Truth, Any]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    optimizer: Optimizer = SGD((model[2] if change is group_added else model).parameters(), 0.1)
    truth, recording = Truth(), None
    if folder is not None:
        recording = watch(model, optimizer, folder, **options)
    for step in range(STEPS):
        if step == CHANGED_AT:
            optimizer = change(model, optimizer) or optimizer
        optimizer.zero_grad()
        model(INPUTS.to(next(model.parameters()).dtype)).square().mean().backward()
        truth.step(model, optimizer)
    if recording is not None:
        recording.close()
    return model, truth, recording


def assert_recorded(run: Run, truth: Truth) -> None:
    """Every snapshot, statistic and sampled weight is what the training had."""
    statistics = {(row["step"], row["parameter"], row["kind"]): row for row in run.statistics.to_pylist()}
    sampled = {(row["step"], row["parameter"], row["index"]): row for row in run.sampled.to_pylist()}
    for step in range(STEPS):
        for kind, values in (
            ("weight", {name: truth.weights[step][name] for name in truth.updates[step]}),
            ("gradient", truth.gradients[step]),
            ("update", truth.updates[step]),
        ):
            for name, value in values.items():
                row = statistics[step, name, kind]
                assert row["count"] == value.numel()
                assert row["abs_max"] == pytest.approx(float(value.abs().max()), rel=1e-6)
        for name, value in truth.weights[step].items():
            assert torch.equal(run.weights(name, step), value)
            for index, weight in enumerate(value.flatten().tolist()):
                assert sampled.get((step, name, index), {"weight": weight})["weight"] == weight
        for name, value in truth.gradients[step].items():
            assert torch.equal(run.gradient(name, step), value)
            assert any((step, name, index) in sampled for index in range(value.numel()))
        for name, value in truth.updates[step].items():
            assert torch.equal(run.update(name, step), value)
    assert len(statistics) == run.statistics.num_rows
    names = {(row["step"], row["parameter"]) for row in statistics.values() if row["kind"] == "gradient"}
    assert names == {(step, name) for step in range(STEPS) for name in truth.gradients[step]}


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_recorded_is_what_was_trained(
    change: Change, streams: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if streams:
        monkeypatch.setattr("weightdesk.recording.keeper.STREAMED", 0)
    alone, _, _ = train(change, None)
    watched, truth, recording = train(change, tmp_path / "run", cost=None, every=1)
    for one, other in zip(alone.parameters(), watched.parameters(), strict=True):
        assert torch.equal(one, other)
    assert recording.step == STEPS
    run = open_run(tmp_path / "run")
    assert run.status == "finished"
    assert_recorded(run, truth)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_marked_with_its_step(change: Change, tmp_path: Path) -> None:
    _, truth, _ = train(change, tmp_path / "run", cost=None, every=1)
    run = open_run(tmp_path / "run")
    before, after = truth.weights[CHANGED_AT - 1], truth.weights[CHANGED_AT]
    for name in before.keys() | after.keys():
        parameter = run.parameters[name]
        form = after.get(name, before.get(name))
        assert parameter.shape == tuple(form.shape)
        has_form = name in before and (before[name].shape, before[name].dtype) == (form.shape, form.dtype)
        assert parameter.first_step == (0 if has_form else CHANGED_AT)
        assert parameter.last_step == (None if name in after else CHANGED_AT)
    if change is not group_added:  # no parameter of the model changed, only what moves
        assert [note for note in run.manifest.recording["notes"] if f"from step {CHANGED_AT} on" in note]


@pytest.mark.parametrize("change", [reshaped, grown_in_its_own_memory, layer_appended, layer_removed, pruned])
def test_the_history_of_a_weight_is_that_of_its_form(change: Change, tmp_path: Path) -> None:
    _, truth, _ = train(change, tmp_path / "run", cost=None, every=1)
    run = open_run(tmp_path / "run")
    for name, parameter in run.parameters.items():
        index = tuple(size - 1 for size in parameter.shape)
        expected = {
            step: weights[name][index].item()
            for step, weights in enumerate(truth.weights)
            if name in weights and tuple(weights[name].shape) == parameter.shape
        }
        history = run.history(name, index)
        known = dict(zip(history.steps.tolist(), history.values.tolist(), strict=True))
        known.pop(STEPS, None)  # the last weights
        assert known == expected


def test_what_a_snapshot_does_not_have_is_said_with_the_nearest_that_has_it(tmp_path: Path) -> None:
    train(layer_appended, tmp_path / "run", cost=None, every=1)
    run = open_run(tmp_path / "run")
    with pytest.raises(StepNotKeptError, match=r"no snapshot of 3\.weight at step 1; nearest kept: 3"):
        run.weights("3.weight", 1)


def test_a_parameter_that_cannot_be_recorded_is_left_out_by_name(tmp_path: Path) -> None:
    def complex_layer_added(model: nn.Sequential, optimizer: Optimizer) -> None:
        model[0].register_parameter("phase", nn.Parameter(torch.zeros(2, dtype=torch.complex64)))

    with pytest.warns(RuntimeWarning, match=r"parameter 0\.phase is not recorded: complex"):
        train(complex_layer_added, tmp_path / "run", every=1)
    run = open_run(tmp_path / "run")
    assert run.status == "finished"
    assert run.last_step == STEPS
    assert "0.phase" not in run.parameters


@pytest.mark.parametrize("first", [0, 3])
def test_a_parameter_behind_a_plain_tensor_is_recorded_as_long_as_it_is_trained(
    first: int, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    weight, bias = model[0].weight, model[0].bias
    before = []
    with watch(model, optimizer, tmp_path / "run") as recording:
        for step in range(6):
            if step == first:
                del model[0].weight, model[0].bias
            if step >= first:
                model[0].weight, model[0].bias = weight * 1, bias * 1
            optimizer.zero_grad()
            model(torch.ones(1, 3)).square().sum().backward()
            before.append(weight.detach().clone())
            optimizer.step()
        assert recording.status == "running"
    run = open_run(tmp_path / "run")
    assert run.steps == (0, 1, 2, 3, 4, 5, 6)
    assert run.parameters["0.weight"].last_step is None
    for step, expected in enumerate(before):
        assert torch.equal(run.weights("0.weight", step), expected)
    assert torch.equal(run.weights("0.weight", 6), weight)


@pytest.mark.filterwarnings("ignore:weightdesk. 2 of the 2 parameters of the SGD are not recorded")
def test_a_model_that_loses_all_of_its_parameters_is_recorded_without_them(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    lost = model[0]
    with watch(model, optimizer, tmp_path / "run") as recording:
        for step in range(4):
            if step == 2:
                del model[0]
            optimizer.zero_grad()
            lost(torch.ones(1, 3)).square().sum().backward()
            optimizer.step()
        assert recording.status == "running"
    run = open_run(tmp_path / "run")
    assert run.manifest.status == "finished"
    assert run.parameters["0.weight"].last_step == 2
