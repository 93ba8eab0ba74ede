from __future__ import annotations

import math

import pytest
import torch
from gradient_networks import CASES, UNKNOWN, Case, Cube, cases
from torch import nn

from weightdesk.errors import OptionError
from weightdesk.explain.gradients.chain import Delta
from weightdesk.explain.gradients.gradient import explain_gradient
from weightdesk.explain.gradients.reasons import GradientReasons


def explain(case: Case, name: str, index: tuple[int, ...]) -> GradientReasons:
    return explain_gradient(
        case.model, case.inputs, case.targets, case.loss, name, index, batch_dim=case.batch_dim
    )


def descend(delta: Delta, levels: int = 8) -> int:
    """Check the parts of δ, and of the largest part, down to the loss; the levels passed."""
    size = 1e-6 + sum(abs(part.product) for part in delta.parts)
    assert abs(delta.remainder) <= 1e-11 * size
    assert delta.delta == pytest.approx(math.fsum(part.product for part in delta.parts), abs=1e-11 * size)
    for part in delta.parts:
        assert part.product == pytest.approx(part.jacobian * part.delta, rel=1e-9, abs=1e-14)
    for part in delta.parts[:2]:
        if not part.is_loss:
            below = part.open()
            assert below.delta == pytest.approx(part.delta, rel=1e-9, abs=1e-15)
            assert (below.module, below.unit, below.sample, below.place) == (
                part.module, part.unit, part.sample, part.place,
            )  # fmt: skip
            descend(below, levels - 1)
    return levels


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", [name for name in CASES if name not in UNKNOWN])
def test_every_level_adds_up_down_to_the_loss(name: str, training: bool) -> None:
    case = cases()[name]
    case.model.train(training)
    parameter, value = next(iter(case.model.named_parameters()))
    reasons = explain(case, parameter, tuple(size // 2 for size in value.shape))
    if len(reasons.contributions):
        row = reasons.contributions
        descend(reasons.delta(max(0, int(row.sample[0])), row.place[0].tolist()))


def test_a_part_is_slope_times_weight_times_delta() -> None:
    case = cases()["mlp"]
    case.model[1] = nn.Tanh()
    root = explain(case, "0.weight", (2, 0)).delta(1)
    z = nn.functional.linear(case.inputs, case.model[0].weight, case.model[0].bias)[1, 2].item()
    assert (root.module, root.unit, root.sample, root.place) == ("0", 2, 1, ())
    assert root.z == pytest.approx(z)
    assert len(root.parts) == 3
    for part in root.parts:
        assert part.slope == pytest.approx(1 - math.tanh(z) ** 2)
        assert part.unit is not None
        assert part.weight == pytest.approx(case.model[2].weight[part.unit, 2].item())
        assert part.jacobian == pytest.approx(part.slope * part.weight)


def test_the_last_level_is_the_loss() -> None:
    """Of a softmax with cross-entropy, δ is (p − y) / n."""
    case = cases()["mlp"]
    last = explain(case, "2.bias", (1,)).delta(2)
    [part] = last.parts
    p = case.model(case.inputs).softmax(1)[2, 1].item()
    assert part.is_loss
    assert part.delta == 1
    assert part.product == last.delta == pytest.approx((p - 1) / 4)
    with pytest.raises(OptionError, match="ends at the loss"):
        part.open()


def test_a_dead_unit_sends_nothing_back() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 2))
    with torch.no_grad():
        model[0].weight.fill_(-1)
        model[0].bias.fill_(0)
    reasons = explain_gradient(model, torch.ones(1, 1), None, lambda o, _: o.sum(), "0.weight", (0, 0))
    root = reasons.delta(0)
    assert (root.z, root.delta, root.parts, root.remainder) == (-1, 0, (), 0)
    assert reasons.paths().paths == ()


def test_batch_norm_in_training_sends_back_from_other_examples() -> None:
    case = cases()["batch norm of rows"]
    root = explain(case, "0.weight", (1, 1)).delta(0)
    assert {part.sample for part in root.parts} == {0, 1, 2, 3}
    case.model.eval()
    assert {part.sample for part in explain(case, "0.weight", (1, 1)).delta(0).parts} == {0}


class Once(torch.autograd.Function):
    """Cannot be differentiated twice, and does not say so."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, back):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * back


class Cubed(nn.Module):
    def __init__(self, function: type[torch.autograd.Function]) -> None:
        super().__init__()
        self.function = function
        self.before, self.after = nn.Linear(2, 3), nn.Linear(3, 1)
        self.double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(self.function.apply(self.before(x)))


@pytest.mark.parametrize("function", [Once, Cube])
def test_without_a_second_derivative_a_station_is_one_part(function: type[torch.autograd.Function]) -> None:
    reasons = explain_gradient(
        Cubed(function), torch.randn(2, 2).double(), None, lambda o, _: o.sum(), "before.weight", (0, 0)
    )
    root = reasons.delta(0)
    [part] = root.parts
    assert (part.module, part.unit, part.is_loss) == ("after", None, False)
    assert part.product == pytest.approx(root.delta, rel=1e-12)
    assert root.remainder == pytest.approx(0, abs=1e-14)
    with pytest.raises(OptionError, match="cannot be split into units"):
        part.open()
    assert reasons.paths().paths == ()


def test_projections_keep_the_numbers_of_their_rows() -> None:
    reasons = explain(cases()["attention"], "attention.in_proj_weight", (9, 2))
    root = reasons.delta(1)
    assert (root.module, root.unit, root.sample) == ("attention.in_proj_weight", 9, 1)


def test_a_level_is_shown_as_a_page() -> None:
    root = explain(cases()["convolutions"], "0.weight", (1, 0, 1, 1)).delta(0)
    assert root.title.startswith("δ = ")
    assert "0 unit 1 at" in root.title
    names = ["module", "unit", "sample", "place", "jacobian", "slope", "weight", "delta", "product"]
    assert root.to_arrow().column_names == names
    assert "remainder" in root.sections()[0].note


def test_other_errors_of_torch_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    root = explain(cases()["mlp"], "0.weight", (2, 0)).delta(1)

    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr("weightdesk.explain.gradients.chain.returned", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        root.parts  # noqa: B018
