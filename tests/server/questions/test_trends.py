from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from measured_run import STEPS as MEASURED
from measured_run import measured_run
from pydantic import ValidationError
from torch import nn

from weightdesk import open_run, watch
from weightdesk.errors import UnknownParameterError
from weightdesk.runs import Run
from weightdesk.server.questions.trends import MOST, POINTS, Trend, TrendsQuestion
from weightdesk.server.session import Session

STEPS = 60
BROKEN = 7
"""The step from which one layer's gradient is NaN."""


class Faulty(nn.Module):
    """One layer that learns, and one for each thing that can be wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.good, self.unused, self.silent, self.frozen, self.broken = (nn.Linear(3, 2) for _ in range(5))
        self.frozen.requires_grad_(False)
        self.late = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        broken = self.broken(x) * (float("nan") if self.late else 1.0)
        return self.good(x) + 0.0 * self.silent(x) + self.frozen(x) + broken.sum() * 0.1


@pytest.fixture(scope="module")
def faulty_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    torch.manual_seed(0)
    model, inputs = Faulty(), torch.randn(8, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    place = tmp_path_factory.mktemp("runs") / "faulty"
    with watch(model, optimizer, place, cost=None) as recording:
        for step in range(STEPS):
            optimizer.zero_grad()
            loss = model(inputs).square().mean()
            if step >= BROKEN:
                (model.broken.weight.sum() * float("nan")).backward()
            loss.backward()
            optimizer.step()
            if step >= BROKEN:  # so that only one layer breaks
                with torch.no_grad():
                    model.broken.weight.nan_to_num_(0.1)
            recording.log(loss=loss)
    return open_run(place)


def asked(run: Run, *names: str) -> Mapping[str, Trend]:
    found = TrendsQuestion(names=names).answer(Session(run)).trends
    assert tuple(each.name for each in found) == names
    return {each.name: each for each in found}


def warned(run: Run, name: str) -> tuple[str, str] | None:
    warning = asked(run, name)[name].warning
    return None if warning is None else (warning.line, warning.severity)


@pytest.mark.parametrize("name", ["good.weight", "good.bias", "silent.weight"])
def test_a_series_is_some_of_the_recorded_steps(faulty_run: Run, name: str) -> None:
    found = asked(faulty_run, name)[name]
    whole = faulty_run.series(name, "update", "update_ratio")
    assert (found.kind, found.column) == ("update", "update_ratio")
    assert len(found.steps) == POINTS < len(whole.steps)
    assert (found.steps[0], found.steps[-1]) == (whole.steps[0], whole.steps[-1])
    known = dict(zip(whole.steps.tolist(), whole.values.tolist(), strict=True))
    np.testing.assert_array_equal(found.values, [known[step] for step in found.steps.tolist()])
    assert np.ptp(np.diff(found.steps)) <= 1, "the steps are spread evenly"


def test_what_no_optimizer_moves_shows_its_weights(digits_run: Run, faulty_run: Run) -> None:
    found = asked(faulty_run, "frozen.weight")["frozen.weight"]
    whole = faulty_run.series("frozen.weight", found.kind, found.column)
    assert len(found.steps) == min(POINTS, len(whole.steps))
    assert asked(digits_run, "hidden1.weight")["hidden1.weight"].kind == "update"


@pytest.mark.parametrize("name", ["good.weight", "good.bias", "frozen.weight", "broken.bias"])
def test_what_is_fine_has_no_warning(faulty_run: Run, name: str) -> None:
    assert warned(faulty_run, name) is None


def test_an_unused_layer_does_not_move(faulty_run: Run) -> None:
    assert warned(faulty_run, "unused.weight") == (
        f"trainable, but moved in none of the {STEPS} recorded steps",
        "mild",
    )
    assert torch.equal(faulty_run.weights("unused.weight", 0), faulty_run.weights("unused.weight", -1))


def test_a_gradient_that_is_zero_throughout_is_said(faulty_run: Run) -> None:
    assert warned(faulty_run, "silent.bias") == (f"gradient exactly 0 in all {STEPS} recorded steps", "mild")
    assert not faulty_run.gradient("silent.bias", faulty_run.gradient_steps[-1]).any()


def test_what_is_not_finite_is_said_with_its_step(faulty_run: Run) -> None:
    found = warned(faulty_run, "broken.weight")
    assert found == (f"gradient not finite since step {BROKEN}", "severe")
    broken = faulty_run.statistics.to_pylist()
    first = min(
        row["step"]
        for row in broken
        if row["parameter"] == "broken.weight" and row["kind"] == "gradient" and row["nonfinite"]
    )
    assert first == BROKEN


def test_too_few_steps_tell_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    model = Faulty()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    place = tmp_path_factory.mktemp("runs") / "short"
    with watch(model, optimizer, place, cost=None):
        model(torch.ones(1, 3)).sum().backward()
        optimizer.step()
    assert warned(open_run(place), "silent.weight") is None


def test_no_more_than_fit_a_screen_are_answered() -> None:
    assert TrendsQuestion(names=("a",) * MOST)
    with pytest.raises(ValidationError):
        TrendsQuestion(names=("a",) * (MOST + 1))


def test_what_is_no_parameter_is_refused(faulty_run: Run) -> None:
    with pytest.raises(UnknownParameterError):
        asked(faulty_run, "goo")


def test_a_module_is_as_one_parameter_made_of_all_in_it() -> None:
    run = measured_run()
    found = asked(run, "hidden1", "output")
    for module, trend in found.items():
        inside = [name for name in run.parameters if name.startswith(f"{module}.")]
        assert len(inside) == 2
        assert trend.steps.tolist() == list(range(MEASURED))
        for step, value in zip(trend.steps.tolist(), trend.values, strict=True):
            update, weights = (
                torch.cat([read(name, step).flatten() for name in inside]).double().square().mean().sqrt()
                for read in (run.update, run.weights)
            )
            assert value == pytest.approx((update / weights).item(), rel=1e-6)
