"""L1 gives weights that are exactly 0, L2 makes them small and gives none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from weightdesk.errors import OptionError
from weightdesk.training import Recipe
from weightdesk.training.compare import Comparison, compare, regularisation_path

STRENGTHS = [0.0, 0.02, 0.2]


def rows(penalty: str, folder: Path) -> list[dict[str, Any]]:
    found: Comparison = compare(
        "digits", {penalty: STRENGTHS}, folder, seeds=2, network="mlp", layers=(16,), steps=150, dropout=0,
        weight_decay=0,
    )  # fmt: skip
    return next(each.table.to_pylist() for each in found.sections() if each.title == "sparsity and shrinkage")


@pytest.mark.heavy
def test_l1_gives_exact_zeros_and_l2_does_not(tmp_path: Path) -> None:
    l1, l2 = rows("l1", tmp_path / "l1"), rows("l2", tmp_path / "l2")
    for found in (l1, l2):
        norms = [row["norm"] for row in found]
        assert norms == sorted(norms, reverse=True)
        assert norms[-1] < 0.5 * norms[0]
    zeros = [row["zeros"] for row in l1]
    assert zeros[0] == 0 < zeros[1] < zeros[2]
    assert {row["zeros"] for row in l2} == {0.0}


def test_the_path_of_a_neuron_begins_with_the_largest_strength(tmp_path: Path) -> None:
    found = regularisation_path(Recipe.create("mixdown"), "l1", [0.01, 0.1, 1.0], tmp_path)
    assert [each.strength for each in found.points] == [1.0, 0.1, 0.01]
    assert [each.zeros for each in found.points] == sorted(
        (each.zeros for each in found.points), reverse=True
    )
    assert [each.norm for each in found.points] == sorted(each.norm for each in found.points)
    parent = found.points[1].run.manifest.parent
    assert parent is not None
    assert parent["run"] == Path(found.points[0].run.path).name
    weights = {row["weight"]: row for row in found.sections()[1].table.to_pylist()}
    assert [name for name, row in weights.items() if row["l1=0.01"] == 0] == ["lead", "strings", "bell"]


def test_the_path_agrees_with_lasso(tmp_path: Path) -> None:
    import numpy as np
    from sklearn.linear_model import Lasso

    from weightdesk.training import prepare

    recipe = Recipe.create("mixdown", batch=100_000)
    found = regularisation_path(recipe, "l1", [0.05, 0.2, 0.8], tmp_path / "path", cost=0.02)
    train = prepare(recipe).parts["train"]
    for point in found.points:
        lasso = Lasso(alpha=point.strength / 2).fit(
            train.inputs.double().numpy(), train.targets[:, 0].numpy()
        )
        np.testing.assert_allclose(point.run.weights("output.weight", -1)[0], lasso.coef_, atol=2e-3)


def test_the_path_of_a_deeper_network_begins_with_the_smallest(tmp_path: Path) -> None:
    recipe = Recipe.create("xor", steps=40, layers=8)
    found = regularisation_path(recipe, "l2", [0.1, 0.0], tmp_path)
    assert [each.strength for each in found.points] == [0.0, 0.1]
    assert all(each.zeros == 0 for each in found.points)
    assert "exact zeros go from 0.0% to 0.0%" in found.title


@pytest.mark.parametrize(
    ("penalty", "strengths", "line"), [("l3", [0, 1], "a path is along l1 or l2"), ("l1", [1], "two or more")]
)
def test_what_is_no_path_is_refused(penalty: str, strengths: list[float], line: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=line):
        regularisation_path(Recipe.create("xor"), penalty, strengths, tmp_path)
