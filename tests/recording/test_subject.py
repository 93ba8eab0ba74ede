"""Unwrapping a model and telling of it what `run.json` says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from weightdesk.recording.gradients import seen_gradient
from weightdesk.recording.subject import options_of, subject_of


def test_options_are_plain_and_finite() -> None:
    group = {
        "params": [],
        "lr": torch.tensor(0.5),
        "betas": (0.9, torch.tensor(0.99)),
        "eps": (None, 1e-3),
        "limit": float("inf"),
        "own": object,
    }
    plain = options_of(group)
    assert plain["lr"] == 0.5
    assert plain["eps"] == [None, 1e-3]
    assert json.dumps(plain, allow_nan=False)


def test_data_parallel_wrappers_are_looked_through() -> None:
    inner = nn.Linear(2, 2)
    subject = subject_of(nn.DataParallel(inner), torch.optim.SGD(inner.parameters()))
    assert subject.model is inner
    assert list(subject.parameters) == ["weight", "bias"]


def test_foreign_parameters_of_an_optimizer_are_left_alone() -> None:
    mine, other = nn.Linear(2, 2), nn.Linear(3, 3)
    optimizer = torch.optim.SGD([*mine.parameters(), *other.parameters()])
    subject = subject_of(mine, optimizer)
    assert list(subject.moved_by(optimizer)) == ["weight", "bias"]
    assert subject.describe_optimizers()[0]["groups"][0]["parameters"] == ["weight", "bias"]


def test_the_source_is_told_without_a_path_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    subject = subject_of((model := nn.Linear(2, 2)), torch.optim.SGD(model.parameters()))
    about = subject.describe_model()
    assert about["class"] == "torch.nn.modules.linear.Linear"
    assert about["source"] == "linear.py"
    namespace: dict[str, type] = {}
    exec("import torch\nclass Own(torch.nn.Linear): __module__ = 'nowhere'", namespace)
    model = namespace["Own"](2, 2)
    assert subject_of(model, torch.optim.SGD(model.parameters())).describe_model()["source"] is None


def test_the_scale_of_a_fused_optimizer_is_divided_out() -> None:
    model = nn.Linear(2, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters())
    assert seen_gradient(model.weight, optimizer) is None
    model.weight.grad = torch.tensor([[8.0, 16.0]])
    optimizer.grad_scale = torch.tensor(8.0)  # as a gradient scaler sets it
    assert seen_gradient(model.weight, optimizer).tolist() == [[1.0, 2.0]]
