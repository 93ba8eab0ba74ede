"""What the papers found: deep tanh networks want Xavier's weights, deep ReLU networks want He's."""

from __future__ import annotations

from pathlib import Path

import pytest

from weightdesk.training.compare import compare

DEEP = {"network": "mlp", "layers": (32,) * 10, "optimizer": "sgd", "lr": 0.05, "steps": 200, "dropout": 0}


@pytest.mark.heavy
def test_xavier_beats_a_standard_normal_in_a_deep_tanh_network(tmp_path: Path) -> None:
    found = compare(
        "digits",
        {"init": ["normal", "xavier_uniform"]},
        tmp_path,
        seeds=3,
        activation="tanh",
        init_std=1.0,
        **DEEP,
    )
    assert found.verdict.startswith("xavier_uniform beats normal: test accuracy ")
    assert found.starts["normal"].verdict == "saturates"
    assert found.starts["xavier_uniform"].verdict == "even"
    best, other = found.sections()[0].table.to_pylist()
    assert best["accuracy from"] > other["accuracy to"]


@pytest.mark.heavy
def test_he_beats_xavier_in_a_deep_relu_network(tmp_path: Path) -> None:
    found = compare(
        "digits", {"init": ["xavier_uniform", "he_normal"]}, tmp_path, seeds=3, activation="relu", **DEEP
    )
    assert found.verdict.startswith("he_normal beats xavier_uniform: test accuracy ")
    assert found.starts["xavier_uniform"].verdict == "fades"
    assert found.starts["he_normal"].verdict == "even"
    factors = [each.factor for each in found.starts["xavier_uniform"].layers[1:-1]]
    assert all(0.4 < factor < 0.6 for factor in factors)
