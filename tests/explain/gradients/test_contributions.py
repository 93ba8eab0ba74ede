from __future__ import annotations

import torch
from gradient_networks import Affine, cases

from weightdesk.explain.gradients.contributions import Use, contributions, without_factors
from weightdesk.explain.layout import Layout
from weightdesk.explain.tracing import trace, untouched
from weightdesk.explain.weight import find_weight


def test_summands_without_factors_keep_their_example() -> None:
    found = without_factors(torch.tensor([1.0, -3.0, 2.0], dtype=torch.float64))
    assert found.sample.tolist() == [1, 2, 0]
    assert found.by_sample(4).tolist() == [1, -3, 2, 0]
    assert found.table().to_pylist()[0] == {
        "sample": 1,
        "place": [],
        "delta": None,
        "x": None,
        "product": -3.0,
    }
    whole = without_factors(torch.tensor([1.0], dtype=torch.float64), by_sample=False)
    assert whole.table()["sample"].null_count == 1
    assert not whole.by_sample(2).any()


def test_uses_with_different_axes_stand_in_one_table() -> None:
    case = cases()["tied"]
    with untouched(case.model):
        stations = trace(case.model, case.inputs).stations[:1]
    weight = find_weight(case.model, "layer.weight", (0, 0))
    z = stations[0].result
    flat = Use(0, stations[0], Layout(tuple(z.shape), 4, 0), torch.ones_like(z))
    folded = Use(1, stations[0], Layout(tuple(z.shape), 2, 0, 2), torch.ones_like(z))
    rows = contributions([flat, folded], weight)
    assert len(rows) == 8
    places = rows.table()["place"].to_pylist()
    assert sorted(map(len, places)) == [0] * 4 + [1] * 4
    assert rows.product.abs().tolist() == sorted(rows.product.abs().tolist(), reverse=True)


def test_a_weight_that_is_not_used_has_none() -> None:
    assert len(contributions([], find_weight(Affine(), "weight", (0, 0)))) == 0
