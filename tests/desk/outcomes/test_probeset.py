"""The shown examples, the exact outcome, and honest ones on the way there."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from desk.desks import (
    Named,
    Paired,
    PlainOutput,
    Tokens,
    classifier,
    probe_set,
    small_groups,
    token_batch,
    token_loss,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.desk.edits import Setting
from weightdesk.desk.nesting import tensors_of
from weightdesk.desk.outcomes import probeset
from weightdesk.desk.outcomes.outcome import Outcome
from weightdesk.desk.places import Place
from weightdesk.explain.tracing import call

GENERATOR = torch.Generator().manual_seed(0)
VALUES, OTHERS = torch.randn(50, 5, generator=GENERATOR), torch.randn(50, 2, generator=GENERATOR)
CLASSES = torch.randint(0, 4, (50,), generator=GENERATOR)
CENTRED = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4, track_running_stats=False), nn.Linear(4, 4))
PICTURES = torch.randn(50, 2, 6, 6, generator=GENERATOR)


def convolutional() -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4))


def logits_loss(outputs: Any, targets: Tensor) -> Tensor:
    return functional.cross_entropy(outputs["logits"], targets)


def both_loss(outputs: Any, targets: Any) -> Tensor:
    return functional.cross_entropy(outputs[0], targets[0]) + functional.mse_loss(outputs[1], targets[1])


def ranking_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Compares examples with each other."""
    own = outputs.gather(1, targets[:, None])
    return functional.softplus(own - own.T).mean()


CLASSIFIED, MEASURED = {"loss", "accuracy"}, {"loss", "error", "r2"}
SUM, YES = nn.CrossEntropyLoss(reduction="sum"), (CLASSES > 1).float()[:, None]


def linear() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 4))


def two_values() -> nn.Module:
    return nn.Linear(5, 2)


# What is turned, the model, inputs, targets, loss, and the scores that it has.
CASES: dict[str, tuple[str, Callable[[], nn.Module], Any, Any, Any, set[str]]] = {
    "classes": ("0.weight", linear, VALUES, CLASSES, functional.cross_entropy, CLASSIFIED),
    "sum": ("0.bias", linear, VALUES, CLASSES, SUM, CLASSIFIED),
    "pictures": ("0.weight", convolutional, PICTURES, CLASSES, functional.cross_entropy, CLASSIFIED),
    "keywords": ("first.weight", Named, {"values": VALUES, "scale": 0.5}, CLASSES, logits_loss, CLASSIFIED),
    "tuple": (
        "left.weight", Paired, (VALUES[:, :3], OTHERS), (CLASSES, torch.zeros(50, 4)), both_loss, CLASSIFIED,
    ),
    "object": ("head.weight", Tokens, *token_batch(50), token_loss, CLASSIFIED),
    "object, default loss": (
        "embed.weight", lambda: Tokens(PlainOutput), *token_batch(50), None, CLASSIFIED,
    ),
    "values": ("weight", two_values, VALUES, OTHERS, None, MEASURED),
    "yes or no": ("weight", lambda: nn.Linear(5, 1), VALUES, YES, nn.BCEWithLogitsLoss(), CLASSIFIED),
    "no targets": ("weight", two_values, VALUES, None, None, set()),
    "unused loss": ("weight", two_values, VALUES, None, functional.cross_entropy, set()),
    "loss of outputs": ("weight", two_values, VALUES, None, lambda one, _: one.square().mean(), {"loss"}),
    # It raises the own output of other examples: no class is pulled up, so there is no accuracy.
    "examples joined by the loss": ("0.weight", linear, VALUES, CLASSES, ranking_loss, {"loss"}),
    "examples joined by the model": (
        "0.weight", lambda: CENTRED, VALUES, CLASSES, functional.cross_entropy, CLASSIFIED,
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probeset, "open_engine", small_groups)


def turned(model: nn.Module, name: str) -> nn.Module:
    again = copy.deepcopy(model).eval()
    parameter = again.get_parameter(name)
    with torch.no_grad():
        parameter[(0,) * parameter.ndim] = 2.5
    return again


def setting(name: str, model: nn.Module, value: float = 2.5) -> Setting:
    return Setting(Place(name, (0,) * model.get_parameter(name).ndim), value)


@pytest.mark.parametrize("case", CASES)
def test_outcomes_are_those_of_an_edited_copy(case: str) -> None:
    name, make, inputs, targets, loss, scores = CASES[case]
    torch.manual_seed(1)
    model = make()
    probes = probe_set(model, inputs, targets, loss)
    state = probes.original.with_edit(setting(name, model))
    with torch.no_grad():
        expected = [call(each, inputs) for each in (turned(model, name), copy.deepcopy(model).eval())]
    running = list(probes.progress(state))
    found = probes.outcome(state)
    assert set(found.measures) == scores
    assert type(found.outputs) is type(expected[0])
    for one, two, base, moved in zip(
        *map(tensors_of, (found.outputs, *expected, found.difference)), strict=True
    ):
        assert torch.allclose(one, two, rtol=1e-6, atol=1e-6)
        assert torch.allclose(moved, two - base, rtol=1e-5, atol=1e-6)
    if "loss" in scores and loss is not None:
        assert found.loss == pytest.approx(loss(expected[0], targets).item(), rel=1e-6)
        assert found.measures["loss"].before == pytest.approx(loss(expected[1], targets).item(), rel=1e-6)
    assert_same(running[-1], found)
    assert len(running) == (1 if "model" in case else 4)
    for each in running[:-1]:
        assert not each.exact
        assert set(each.measures) == scores
        if "joined" in case:
            assert each.measures["loss"].interval is None
    assert_shown(probes, state, found)


def assert_same(one: Outcome, two: Outcome) -> None:
    """Bit for bit."""
    assert one.exact
    assert two.exact
    assert one.measures == two.measures
    assert all(map(torch.equal, tensors_of(one.outputs), tensors_of(two.outputs)))


def assert_shown(probes: probeset.ProbeSet, state: Any, whole: Outcome) -> None:
    shown = probes.show(state)
    assert shown.examples.tolist() == [0, 1, 2, 3]
    for some, every, moved, all_moved in zip(
        *map(tensors_of, (shown.outputs, whole.outputs, shown.difference, whole.difference)), strict=True
    ):
        assert torch.allclose(some, every[:4], rtol=1e-6, atol=1e-6)
        assert torch.allclose(moved, all_moved[:4], rtol=1e-5, atol=1e-6)
    for one, every in zip(tensors_of(probes.outputs(state, -1)), tensors_of(whole.outputs), strict=True):
        assert torch.allclose(one, every[-1:], rtol=1e-6, atol=1e-6)
    assert shown._repr_html_()
    assert shown.to_arrow().num_rows == 4


def test_scores_are_those_of_a_plain_computation() -> None:
    model, inputs, targets = classifier()
    probes = probe_set(model, inputs, targets)
    state = probes.original.with_edit(setting("2.weight", model))
    before, now = (each(inputs).argmax(1) for each in (model, turned(model, "2.weight")))
    found = probes.outcome(state)
    assert found.accuracy == pytest.approx((now == targets).double().mean().item())
    assert found.measures["accuracy"].before == pytest.approx((before == targets).double().mean().item())
    assert found.flips is not None
    assert found.confusion is not None
    assert found.class_accuracy is not None
    assert sorted(found.flips.examples.tolist()) == (before != now).nonzero().flatten().tolist()
    for truth in range(4):
        row = [int(((targets == truth) & (now == given)).sum()) for given in range(4)]
        assert found.confusion[truth].tolist() == row
        assert found.class_accuracy[truth].item() == pytest.approx(row[truth] / sum(row))
    assert "flipped" in found._repr_html_()
    assert found.to_arrow()["measure"].to_pylist() == ["loss", "accuracy"]


def test_values_have_r2_and_distance() -> None:
    inputs, targets = VALUES, OTHERS * 3 + 1
    model = nn.Linear(5, 2)
    found = probe_set(model, inputs, targets)
    outcome = found.outcome(found.original)
    residuals = model(inputs) - targets
    assert outcome.error == pytest.approx(residuals.abs().mean().item(), rel=1e-5)
    expected = 1 - residuals.square().sum() / (targets - targets.mean(0)).square().sum()
    assert outcome.r2 == pytest.approx(expected.item(), rel=1e-5)
    assert outcome.accuracy is None
    assert outcome.flips is None
    assert outcome.confusion is None
    assert outcome.class_accuracy is None
    still = probe_set(model, inputs, torch.ones(50, 2))
    assert still.outcome(still.original).r2 is None


def test_numbers_that_are_none_are_shown_and_leave_no_trace() -> None:
    model, inputs, targets = classifier()
    probes = probe_set(model, inputs, targets, functional.cross_entropy)
    clean = probes.outcome(probes.original)
    for value in (torch.nan, torch.inf):
        broken = probes.original.with_edit(setting("2.weight", model, value))
        found = probes.outcome(broken)
        assert found.loss is not None
        assert found.loss != found.loss
        assert found._repr_html_()
        assert probes.show(broken)._repr_html_()
        last = list(probes.progress(broken))[-1]
        assert last.loss != last.loss
        if value != value:
            assert found.accuracy == 0
        assert_same(probes.outcome(broken.with_edits(())), clean)


def test_the_order_of_the_examples_does_not_bias_the_estimate() -> None:
    """Examples sorted by loss: the first group of them in order would show the easy ones only."""
    model, inputs, targets = classifier()
    losses = functional.cross_entropy(model(inputs), targets, reduction="none")
    order = losses.argsort()
    probes = probe_set(model, inputs[order], targets[order])
    first = next(probes.progress(probes.original.with_edit(setting("0.weight", model))))
    assert len(first.examples) == 16
    assert first.examples.max() > 50
    assert first.examples.min() < 20
    assert [each.tolist() for each in probes._order] == [
        each.tolist() for each in probe_set(model, inputs, targets)._order
    ]


def test_bounds_hold_and_those_of_the_change_are_far_closer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over 300 orders of the examples, with half of them seen."""
    model, inputs, targets = classifier()
    torch.manual_seed(0)
    inputs = torch.randn(400, 6)
    targets = (model(inputs) + torch.randn(400, 4)).argmax(1)
    monkeypatch.setattr(small_groups(model, inputs, None).__class__, "chunk", 100)  # type: ignore[arg-type]
    held: dict[str, list[bool]] = {}
    widths: dict[str, list[float]] = {}
    for seed in range(300):
        monkeypatch.setattr(probeset, "_SEED", seed)
        if not seed:
            probes = probe_set(model, inputs, targets)
            state = probes.original.with_edit(setting("2.weight", model, 0.4))
            whole = probes.outcome(state)
        drawn = probeset.ProbeSet(
            probes.engine, probes.original, probes.examples, probes.judge, targets, probes.shown
        )
        first = next(drawn.progress(state))
        assert len(first.examples) == 100
        for name, measure in first.measures.items():
            for what, bounds, true in (
                (name, measure.interval, whole.measures[name].now),
                (f"change of {name}", measure.change_interval, whole.measures[name].change),
            ):
                assert bounds is not None
                held.setdefault(what, []).append(bounds.low - 1e-12 <= true <= bounds.high + 1e-12)
                widths.setdefault(what, []).append(bounds.high - bounds.low)
    shares = {what: sum(each) / len(each) for what, each in held.items()}
    mean = {what: sum(each) / len(each) for what, each in widths.items()}
    assert all(share >= 0.92 for share in shares.values()), shares
    assert mean["change of loss"] < mean["loss"] / 3, mean
    assert mean["change of accuracy"] < mean["accuracy"], mean


def test_what_is_known_of_the_unedited_network_makes_the_estimate_closer() -> None:
    model, inputs, targets = classifier()
    probes = probe_set(model, inputs, targets)
    state = probes.original.with_edit(setting("2.weight", model, 0.5))
    first = next(probes.progress(state)).measures["loss"]
    probes.outcome(state)
    again = next(probes.progress(state)).measures["loss"]
    assert first.interval is not None
    assert again.interval is not None
    assert again.change_interval == first.change_interval
    assert again.interval.high - again.interval.low < first.interval.high - first.interval.low
    assert again.before == probes.outcome(probes.original).loss


def test_losses_that_add_up_on_a_few_examples_only_lose_their_bounds() -> None:
    """One example among 70 counts a thousandfold, but none of those that the loss is tried on."""
    model, inputs, targets = classifier()
    tried = probe_set(model, inputs, targets).examples.tried
    other = next(each for each in range(70) if each not in tried)
    mark = inputs.clone()
    mark[other] *= 40

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        each = functional.cross_entropy(outputs, targets, reduction="none")
        return each.mean() if each.max() < 30 else each.mean() * 2 + each.max() ** 2

    targets = targets.clone()
    targets[other] = model(mark)[other].argmin()
    probes = probe_set(model, mark, targets, loss)
    state = probes.original.with_edit(setting("2.bias", model))
    exact = list(probes.progress(state))[-1]
    assert any("no bounds" in each for each in exact.notes)
    assert exact.loss == pytest.approx(loss(turned(model, "2.bias")(mark), targets).item(), rel=1e-6)
    assert next(probes.progress(state)).measures["loss"].interval is None


@settings(max_examples=15)
@given(st.integers(1, 40), st.integers(0, 1000))
def test_any_number_of_examples(count: int, seed: int) -> None:
    torch.manual_seed(seed)
    model, inputs = nn.Sequential(nn.Linear(3, 3)), torch.randn(count, 3)
    targets = torch.randint(0, 3, (count,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probeset, "open_engine", small_groups)
        probes = probe_set(model, inputs, targets)
    state = probes.original.with_edit(setting("0.weight", model))
    *_, last = probes.progress(state)
    expected = functional.cross_entropy(turned(model, "0.weight")(inputs), targets).item()
    assert last.loss == pytest.approx(expected, rel=1e-6)
    assert len(probes.show(state).examples) == min(4, count)
