from __future__ import annotations

import math

import pytest
import torch
from gradient_networks import Case, cases
from torch import nn

from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.explain.gradients.gradient import explain_gradient
from weightdesk.explain.gradients.paths import Paths
from weightdesk.explain.gradients.reasons import GradientReasons


def explain(case: Case, name: str, index: tuple[int, ...]) -> GradientReasons:
    return explain_gradient(
        case.model, case.inputs, case.targets, case.loss, name, index, batch_dim=case.batch_dim
    )


@pytest.mark.parametrize("name", ["mlp", "tied", "one axis", "rms norm", "batch norm of rows"])
def test_all_paths_together_are_the_gradient(name: str) -> None:
    case = cases()[name]
    parameter, value = next(iter(case.model.named_parameters()))
    reasons = explain(case, parameter, (1,) * value.ndim)
    found = reasons.paths(top=10**6, beam=10**6)
    assert math.fsum(path.value for path in found.paths) == pytest.approx(
        reasons.gradient, rel=1e-10, abs=1e-14
    )
    assert found.carried == pytest.approx(1, rel=1e-9)
    one = reasons.paths(2, top=10**6, beam=10**6)
    assert one.total == pytest.approx(reasons.examples[2].item(), abs=1e-14)
    assert math.fsum(path.value for path in one.paths) == pytest.approx(one.total, abs=1e-14)
    assert {path.start.sample for path in one.paths} == {2}


def test_paths_are_ranked_by_what_they_carry() -> None:
    paths = explain(cases()["gpt"], "qkv.weight", (12, 3)).paths(top=5)
    values = [abs(path.value) for path in paths.paths]
    assert values == sorted(values, reverse=True)
    assert len(values) == 5
    for path in paths.paths:
        assert path.steps[-1].is_loss
        assert path.value == pytest.approx(path.x * math.prod(part.jacobian for part in path.steps))
    assert paths.title.startswith("5 paths")
    assert paths.to_arrow().column_names == ["path", "sample", "x", "value"]
    assert "width 16" in paths.sections()[0].note


def test_the_decisive_path_is_found() -> None:
    """Of two ways through a residual network one carries all."""

    class Fork(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.left, self.right, self.last = (nn.Linear(1, 1, bias=False) for _ in range(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = self.inner(x)
            return self.last(self.left(h) + torch.relu(self.right(h)))

    model = Fork()
    with torch.no_grad():
        for layer, weight in zip(model.children(), (1.0, 2.0, -1.0, 3.0), strict=True):
            layer.weight.fill_(weight)
    reasons = explain_gradient(model, torch.ones(1, 1), None, lambda o, _: o.sum(), "inner.weight", (0, 0))
    found = reasons.paths(top=1)
    assert str(found.paths[0]) == "inner[0] → left[0] → last[0] → loss"
    assert (found.paths[0].value, found.carried) == (6.0, 1.0)


def test_a_narrow_beam_says_what_it_misses() -> None:
    reasons = explain(cases()["convolutions"], "0.weight", (0, 0, 1, 1))
    narrow, wide = reasons.paths(beam=1), reasons.paths(beam=8)
    assert len(narrow.paths) <= 1 < len(wide.paths)
    assert narrow.beam == 1


def test_of_nothing_there_is_no_share() -> None:
    assert math.isnan(Paths((), 0.0, 4).carried)


def test_no_paths_without_factors_or_examples() -> None:
    with pytest.raises(OptionError, match="no δ to open"):
        explain(cases()["recurrent"], "lstm.weight_ih_l0", (0, 0)).paths()
    with pytest.raises(IndexRangeError, match=r"0\.\.3"):
        explain(cases()["mlp"], "0.weight", (0, 0)).paths(9)
