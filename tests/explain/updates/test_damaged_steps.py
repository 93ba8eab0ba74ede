from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import weightdesk
from weightdesk.errors import OptionError, RunFormatError
from weightdesk.explain.updates.optimizers.options import _NEEDED, check_options, check_state
from weightdesk.runs import Run, open_run, open_store
from weightdesk.runs.format import extra_name
from weightdesk.runs.snapshots import write_extra
from weightdesk.runs.weightfile import read_weights


@pytest.fixture
def run(tmp_path: Path) -> Run:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    with weightdesk.watch(model, optimizer, tmp_path / "run", every=1, check=False):
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.randn(4, 3)).square().mean().backward()
            optimizer.step()
    return open_run(tmp_path / "run")


def rewrite(run: Run, change: Callable[[dict[str, Any], dict[str, str]], None]) -> Run:
    """Change the tensors and the metadata of the extra file of step 1."""
    file = read_weights(Path(run.path, extra_name(1)))
    tensors, metadata = dict(file.tensors), dict(file.metadata)
    metadata.pop("checksums", None)
    change(tensors, metadata)
    write_extra(open_store(run.path), 1, tensors, metadata=metadata)
    return open_run(run.path)


def set_option(name: str, value: Any) -> Callable[[dict[str, Any], dict[str, str]], None]:
    def change(tensors: dict[str, Any], metadata: dict[str, str]) -> None:
        options = json.loads(metadata["options"])
        for group in options.values():
            if value is None:
                del group[name]
            else:
                group[name] = value
        metadata["options"] = json.dumps(options)

    return change


def set_tensor(key: str, value: torch.Tensor) -> Callable[[dict[str, Any], dict[str, str]], None]:
    def change(tensors: dict[str, Any], metadata: dict[str, str]) -> None:
        tensors[f"weight@{key}"] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_option("lr", "fast"), "the option lr of Adam is 'fast', expected a number"),
        (set_option("lr", [0.1]), r"the option lr of Adam is \[0.1\], expected a number"),
        (set_option("eps", True), "the option eps of Adam is True, expected a number"),
        (set_option("eps", None), "the option eps of Adam is missing"),
        (set_option("betas", [0.9]), r"the option betas of Adam is \[0.9\], expected two numbers"),
        (set_option("betas", [0.9, 1.0]), "expected two numbers from 0 to below 1"),
        (
            set_tensor("exp_avg", torch.zeros(3, 2)),
            "the state 'exp_avg' of Adam has not the parameter's shape",
        ),
        (set_tensor("exp_avg", torch.zeros(2, 3).bool()), "the state 'exp_avg' of Adam is torch.bool"),
        (set_tensor("step", torch.tensor(-1.0)), "does not fit the rule of Adam: 'float division by zero'"),
        (
            set_tensor("gradient", torch.zeros(3, 2)),
            r"gradient' .* shape \(3, 2\), expected .*\(2, 3\)",
        ),
        (set_tensor("update", torch.zeros(6)), r"'weight@update' has shape \(6,\), expected \(2, 3\)"),
    ],
)
def test_a_step_that_its_rule_cannot_follow_is_named(
    run: Run, change: Callable[[dict[str, Any], dict[str, str]], None], words: str
) -> None:
    damaged = rewrite(run, change)
    for ask in (
        lambda: damaged.explain_update("weight", (0, 0), 1),
        lambda: damaged.explain_move("weight", (0, 0)),
    ):
        with pytest.raises(RunFormatError, match=words) as caught:
            ask()
        assert "\n" not in str(caught.value)


def test_a_sound_step_still_adds_up(run: Run) -> None:
    reasons = rewrite(run, lambda tensors, metadata: None).explain_update("weight", (0, 0), 1)
    assert sum(part.value for part in reasons.parts) + reasons.remainder == pytest.approx(
        reasons.move, abs=1e-12
    )
    assert reasons.parts


@pytest.mark.parametrize("name", _NEEDED)
def test_options_that_torch_gives_are_fine(name: str) -> None:
    optimizer = getattr(torch.optim, name)([nn.Parameter(torch.zeros(2))], lr=0.5)
    (group,) = optimizer.param_groups
    check_options(name, {key: value for key, value in group.items() if key != "params"})
    with pytest.raises(ValueError, match=f"of {name} is missing"):
        check_options(name, {})


def test_nothing_is_asked_of_an_optimizer_without_a_rule() -> None:
    check_options("Adan", {"betas": [0.9, 0.9, 0.9], "lr": None})
    check_state("Adafactor", {"row": torch.zeros(7)}, torch.zeros(2))


def test_a_stretch_without_end_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weightdesk.explain.updates.move._LONGEST", 2)
    assert run.explain_move("weight", (0, 0), 0, 2).stop == 2
    with pytest.raises(OptionError, match="a stretch has 2 steps at most, got 0 to 3"):
        run.explain_move("weight", (0, 0), 0, 3)
