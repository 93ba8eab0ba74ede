from __future__ import annotations

import pytest
import torch
from ablated_networks import classes, mlp, normal
from torch.nn import functional

from weightdesk.errors import OptionError
from weightdesk.explain.importance import Importance, importance


@pytest.fixture
def found() -> Importance:
    torch.manual_seed(0)
    return importance(mlp(4, 3).double(), normal(9, 4), classes(9), functional.cross_entropy, "0.weight")


def test_top_is_sorted(found: Importance) -> None:
    best = found.top(3)
    assert [value for _, value in best] == sorted(found.values.flatten().tolist())[:-4:-1]
    assert all(float(found.values[index]) == value for index, value in best)
    assert len(found.top(100)) == 12
    with pytest.raises(OptionError, match="k must be at least 1"):
        found.top(0)


def test_the_page_shows_the_ends_and_how(found: Importance) -> None:
    most, least, how = found.sections()
    assert most.table.column_names == ["index", "weight", "ablation", "exact"]
    assert most.table["ablation"].to_pylist() == sorted(most.table["ablation"].to_pylist(), reverse=True)
    assert least.table["ablation"].to_pylist() == sorted(least.table["ablation"].to_pylist())
    assert "baseline loss" in how.table["what"].to_pylist()
    assert found.title == "What depends on 0.weight, by ablation"
    assert "baseline loss" in found._repr_html_()
    assert found.to_arrow().equals(most.table)


def test_the_table_of_units_names_units() -> None:
    model = mlp(4, 3).double()
    units = importance(model, normal(9, 4), classes(9), functional.cross_entropy, "0.weight", level="unit")
    assert sorted(units.to_arrow()["index"].to_pylist()) == ["(0,)", "(1,)", "(2,)"]
    assert "weight" not in units.to_arrow().column_names
    assert units.title.startswith("What depends on")
