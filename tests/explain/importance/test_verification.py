from __future__ import annotations

import pytest
import torch
from ablated_networks import classes, mlp, normal
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.errors import OptionError
from weightdesk.explain.importance import Verification, importance


def clusters(seed: int, spread: float = 0.5) -> tuple[Tensor, Tensor]:
    targets = classes(400, 4, seed)
    return 2 * normal(4, 12, seed=9)[targets] + spread * normal(400, 12, seed=seed), targets


def trained(inputs: Tensor, targets: Tensor) -> nn.Sequential:
    torch.manual_seed(0)
    model = mlp(12, 24, 4).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    return model


def curves(model: nn.Module, method: str = "ablation", **options: object) -> Verification:
    inputs, targets = clusters(1)
    ranking = importance(model, inputs, targets, functional.cross_entropy, "0.weight", method)
    return ranking.verification(**options)  # type: ignore[arg-type]


TOLERANCE = 0.01  # of the loss: what chance does to a ranking that means nothing


def test_a_ranking_of_a_trained_network_holds_on_other_examples() -> None:
    inputs, targets = clusters(2)
    found = curves(trained(*clusters(1)), inputs=inputs, targets=targets)
    assert found.top_area > 10 * TOLERANCE
    assert found.top_area > 5 * found.random_spread
    assert found.bottom_area > TOLERANCE


@pytest.mark.parametrize("seed", range(3))
def test_a_ranking_of_a_random_network_is_no_better_than_random(seed: int) -> None:
    torch.manual_seed(seed)
    model = mlp(12, 24, 4).double()
    ranking = importance(
        model, normal(400, 12, seed=1), classes(400, 4, 7), functional.cross_entropy, "0.weight"
    )
    found = ranking.verification(inputs=normal(400, 12, seed=3), targets=classes(400, 4, 5))
    assert abs(found.top_area) < TOLERANCE
    assert abs(found.bottom_area) < TOLERANCE


def test_ends_are_the_whole_network_and_none_of_the_parameter() -> None:
    inputs, targets = clusters(1)
    model = trained(inputs, targets)
    found = curves(model, k=[5, 288])
    assert found.k.tolist() == [0, 5, 288]
    assert float(found.top[0]) == pytest.approx(
        float(functional.cross_entropy(model(inputs), targets).detach())
    )
    with torch.no_grad():
        model[0].weight.zero_()
    empty = float(functional.cross_entropy(model(inputs), targets).detach())
    for end in (found.top[-1], found.bottom[-1], *found.random[:, -1]):
        assert float(end) == pytest.approx(empty)


def test_the_weights_of_the_ranking_are_judged_though_the_model_went_on() -> None:
    model = trained(*clusters(1))
    inputs, targets = clusters(1)
    ranking = importance(model, inputs, targets, functional.cross_entropy, "0.weight")
    before = ranking.verification(k=4)
    with torch.no_grad():
        model[0].weight.zero_()
    for again in (ranking.verification(k=4), ranking.verification(k=4, inputs=inputs, targets=targets)):
        torch.testing.assert_close(again.top, before.top)


def test_removing_follows_the_ranking() -> None:
    model = nn.Linear(3, 1, bias=False).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, 3.0, 2.0]]))
    inputs = torch.eye(3, dtype=torch.float64)
    loss = nn.MSELoss(reduction="sum")
    found = importance(model, inputs, model(inputs).detach(), loss, "weight").verification(
        k=[1, 2, 3], draws=1
    )
    assert found.top.tolist() == [0, 9, 13, 14]
    assert found.bottom.tolist() == [0, 1, 5, 14]
    assert found.random_spread == abs(found._area(found.random[0]))
    assert found.to_arrow().column_names == ["removed", "top", "random", "bottom"]
    assert "loss" in found.title
    assert "units of the loss" in found._repr_html_()


def test_random_orders_come_from_the_seed() -> None:
    model = mlp(12, 6, 4).double()
    one, two, other = (curves(model, k=5, seed=seed).random for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k must be at least 1, got 0"),
        ({"k": [0, 3]}, r"k must be from 1 to 72, got \[0, 3\]"),
        ({"k": [73]}, "k must be from 1 to 72"),
        ({"k": []}, "k must be from 1 to 72"),
        ({"inputs": torch.ones(2, 12)}, "inputs and targets together"),
        ({"draws": 0}, "at least one draw"),
    ],
)
def test_mistakes_of_verification(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        curves(mlp(12, 6, 4).double(), **options)
