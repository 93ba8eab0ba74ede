"""Going on from turned weights: the same steps as a plain loop takes, recorded, with its parent."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from weightdesk import open_run, watch
from weightdesk.desk import Desk
from weightdesk.desk.continuing import go_on, make_optimizer
from weightdesk.errors import OptionError, RunExistsError
from weightdesk.runs import Parent, Run

PARENT = Parent("runs/first", 8, {"turns": [{"turn": "mute", "place": "0[1]"}]})


class Keywords(nn.Module):
    """Takes keyword arguments, returns a dictionary; one layer is frozen, one has running statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4)
        self.drop = nn.Dropout(0.5)
        self.last = nn.Linear(4, 2).requires_grad_(False)

    def forward(self, x: Tensor, scale: float) -> dict[str, Tensor]:
        return {"logits": self.last(self.drop(self.norm(self.first(x * scale)).relu()))}


def logits_loss(outputs: dict[str, Tensor], targets: Tensor) -> Tensor:
    return functional.cross_entropy(outputs["logits"], targets)


def learn(directory: Path, *, model: nn.Module | None = None, **options: Any) -> tuple[nn.Module, Run]:
    """Twelve steps of a small network on planted data."""
    torch.manual_seed(0)
    inputs = torch.randn(40, 3)
    targets = (inputs.sum(1) > 0).long()
    model = model or nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    given = {"optimizer": "sgd", "lr": 0.5, "batch": 16, "every": 1, **options}
    run = go_on(model, inputs, targets, functional.cross_entropy, 12, directory, PARENT, **given)
    return model, run


def test_each_step_is_the_one_of_a_plain_loop(tmp_path: Path) -> None:
    model, run = learn(tmp_path / "run", seed=5)
    torch.manual_seed(0)
    inputs = torch.randn(40, 3)
    targets = (inputs.sum(1) > 0).long()
    plain = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    run.load_into(plain, 0)
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.5)
    generator = torch.Generator().manual_seed(5)
    order = [part for _ in range(4) for part in torch.randperm(40, generator=generator).split(16)]
    for places in order[:12]:
        optimizer.zero_grad()
        functional.cross_entropy(plain(inputs[places]), targets[places]).backward()
        optimizer.step()
    for name, parameter in plain.named_parameters():
        assert torch.equal(parameter, run.weights(name, -1))
        assert torch.equal(parameter, model.get_parameter(name))
    losses = run.metrics["loss"].to_pylist()
    assert losses[-1] < losses[0]


def test_the_run_names_its_parent_and_the_mix(tmp_path: Path) -> None:
    _, run = learn(tmp_path / "run")
    assert run.manifest.parent == PARENT.to_dict()
    assert (run.last_step, run.status, run.recipe) == (12, "finished", None)
    assert run.manifest.seeds["seed"] == 0


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not(tmp_path: Path) -> None:
    def make() -> nn.Module:
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))

    runs = [learn(tmp_path / str(n), model=make(), seed=seed)[1] for n, seed in enumerate((1, 1, 2))]
    first, second, third = (run.weights("0.weight", -1) for run in runs)
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_torchs_random_numbers_and_modes_stay_as_they_were(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2)).eval()
    inputs, targets = torch.randn(8, 3), torch.zeros(8, dtype=torch.long)
    before = torch.get_rng_state()
    go_on(model, inputs, targets, functional.cross_entropy, 2, tmp_path / "run", PARENT)
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(module.training for module in model.modules())


def test_keywords_frozen_layers_and_running_statistics(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Keywords()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    inputs = {"x": torch.randn(20, 3), "scale": 2.0}
    run = go_on(model, inputs, torch.arange(20) % 2, logits_loss, 6, tmp_path / "run", PARENT, batch=8)
    after = model.state_dict()
    for name in ("norm.running_mean", "norm.running_var", "norm.num_batches_tracked", "last.weight"):
        assert torch.equal(after[name], before[name]), name
    for name in ("first.weight", "norm.weight"):
        assert not torch.equal(after[name], before[name]), name
    assert run.parameters["first.weight"].shape == (4, 3)


def test_without_an_optimizer_it_is_adamw_that_begins_afresh(tmp_path: Path) -> None:
    _, run = learn(tmp_path / "run", optimizer="AdamW", lr=None)
    (described,) = run.manifest.optimizers
    assert described["class"].endswith("AdamW")
    assert described["groups"][0]["options"]["lr"] == 1e-3
    assert run.state("0.weight", 0) == {}


def test_a_function_makes_any_optimizer(tmp_path: Path) -> None:
    def make(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=0.25, momentum=0.5)

    _, run = learn(tmp_path / "run", optimizer=make, lr=None)
    assert run.options("0.weight", 0)["momentum"] == 0.5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"optimizer": "sgdd"}, "did you mean sgd"),
        ({"optimizer": lambda parameters: torch.optim.SGD(parameters, lr=1.0)}, "leave lr out"),
        ({"lr": -1.0}, "lr must be a number above 0"),
        ({"batch": 0}, "batch must be a whole number of at least 1, got 0"),
        ({"model": nn.Linear(3, 2).requires_grad_(False)}, "unfreeze some"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(
    options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match=said):
        learn(tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_no_targets_no_steps_and_a_run_in_the_way_are_refused(tmp_path: Path) -> None:
    model, inputs = nn.Linear(3, 2), torch.randn(4, 3)
    labels, loss = torch.zeros(4, dtype=torch.long), functional.cross_entropy
    with pytest.raises(OptionError, match="no targets to learn from"):
        go_on(model, inputs, None, loss, 1, tmp_path / "run", PARENT)
    with pytest.raises(OptionError, match="steps must be"):
        go_on(model, inputs, labels, loss, 0, tmp_path / "run", PARENT)
    with pytest.raises(OptionError, match="do not belong to 4 examples"):
        go_on(model, inputs, labels[:3], loss, 1, tmp_path / "run", PARENT)
    go_on(model, inputs, labels, loss, 1, tmp_path / "run", PARENT)
    with pytest.raises(RunExistsError):
        go_on(model, inputs, labels, loss, 1, tmp_path / "run", PARENT)


@pytest.mark.parametrize(
    "name", ["SGD", "adam", "AdamW", "RMSprop", "Adagrad", "NAdam", "RAdam", "Adamax", "Adadelta"]
)
def test_the_usual_optimizers_are_made_by_name(name: str) -> None:
    made = make_optimizer(name, [nn.Parameter(torch.ones(2, 2))], 0.125)
    assert type(made).__name__.lower() == name.lower()
    assert made.param_groups[0]["lr"] == 0.125


def desk_of(tmp_path: Path) -> tuple[Desk, Run, nn.Module, Tensor, Tensor]:
    """A desk with a recorded model that has dropout and batch norm, on its last step."""
    torch.manual_seed(2)
    model = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 2))
    inputs = torch.randn(30, 3)
    targets = (inputs[:, 0] > 0).long()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "first") as recording:
        for _ in range(5):
            optimizer.zero_grad()
            functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
    run = open_run(recording.directory)
    return Desk(model, inputs, targets, run=run), run, model, inputs, targets


def test_the_desk_shows_the_trained_weights_as_one_more_turn(tmp_path: Path) -> None:
    desk, first, model, inputs, targets = desk_of(tmp_path)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    desk.mute("0", 2)
    muted = desk.outcome.loss
    run = desk.train(8, tmp_path / "next", inputs=inputs * 1.5, targets=targets, optimizer="sgd", lr=0.5)
    parent = Parent.from_dict(run.manifest.parent or {})
    assert (parent.run, parent.step, parent.examples) == (Path(first.path).name, 5, None)
    assert parent.mix is not None
    assert parent.mix["turns"] == [{"turn": "mute", "place": "0[2]"}]
    assert (run.weights("0.weight", 0)[2] == 0).all()
    assert len(desk.mix) == 2
    for name in run.parameters:
        assert torch.equal(desk.state.values[name], run.weights(name, -1))
    plain = copy.deepcopy(model).eval()
    run.load_into(plain)
    with torch.no_grad():
        expected = functional.cross_entropy(plain(inputs), targets).item()
    assert desk.outcome.loss == pytest.approx(expected, rel=1e-6)
    assert desk.undo()
    assert desk.outcome.loss == muted
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())


def test_learning_from_the_probe_set_itself_is_said(tmp_path: Path) -> None:
    desk, *_ = desk_of(tmp_path)
    loss = desk.outcome.loss
    run = desk.train(20, "memory://from-the-probe-set", lr=0.02)
    assert run.manifest.parent is not None
    assert run.manifest.parent["examples"] == "the desk's probe set"
    assert "on the desk's probe set" in str(Parent.from_dict(run.manifest.parent))
    assert loss is not None
    assert desk.outcome.loss is not None
    assert desk.outcome.loss < loss


def test_inputs_and_targets_go_together(tmp_path: Path) -> None:
    desk, _, _, inputs, _ = desk_of(tmp_path)
    with pytest.raises(OptionError, match="go together"):
        desk.train(1, tmp_path / "next", inputs=inputs)
    with pytest.raises(OptionError, match="no targets to learn from"):
        Desk(nn.Linear(3, 2), inputs).train(1, tmp_path / "next")
    assert len(desk.mix) == 0


def test_targets_of_tokens_may_lie_in_one_row(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 5), nn.Flatten(0, 1))
    tokens = torch.randint(5, (12, 3))
    run = go_on(
        model,
        tokens,
        tokens.roll(1, 1).flatten(),
        functional.cross_entropy,
        4,
        tmp_path / "run",
        PARENT,
        batch=5,
    )
    assert run.last_step == 4
