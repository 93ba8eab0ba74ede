"""What is told of forward passes is what went through, and the training never notices."""

from __future__ import annotations

import copy
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.recording import watch
from weightdesk.recording.passes import PassQueue
from weightdesk.recording.passes.losses import LossForm, loss_form
from weightdesk.recording.passes.seen import POSITIONS, SeenPass, positions, rows_of, some_inputs
from weightdesk.recording.passes.table import fingerprints
from weightdesk.runs import open_run

LOSSES = {
    "cross_entropy": functional.cross_entropy,
    "nll": functional.nll_loss,
    "cross_entropy_of_softmax": lambda o, y: functional.cross_entropy(o.softmax(1), y),
    "nll_of_softmax": lambda o, y: functional.nll_loss(o.softmax(1), y),
    "bce_logits": lambda o, y: functional.binary_cross_entropy_with_logits(
        o, functional.one_hot(y, o.shape[1]).to(o)
    ),
}
ONE = {
    "bce_logits": functional.binary_cross_entropy_with_logits,
    "bce_logits_of_sigmoid": lambda o, y: functional.binary_cross_entropy_with_logits(o.sigmoid(), y),
}


def form_of(outputs: Tensor, gradient: Tensor) -> LossForm:
    return loss_form(outputs.numpy(), gradient.numpy())


def pulled(loss: Any, outputs: Tensor, labels: Tensor) -> Tensor:
    outputs = outputs.clone().requires_grad_()
    return torch.autograd.grad(loss(outputs, labels), outputs)[0]


@pytest.mark.parametrize("name", sorted(LOSSES))
@given(seed=st.integers(0, 10_000), unit=st.sampled_from([1e-3, 1.0, 1e3]), classes=st.integers(3, 12))
@settings(deadline=None, max_examples=25)
def test_the_pull_at_the_outputs_tells_the_loss_in_whatever_unit(
    name: str, seed: int, unit: float, classes: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    outputs = 2 * torch.randn(32, classes, generator=generator, dtype=torch.float64)
    labels = torch.randint(classes, (32,), generator=generator)
    found = form_of(outputs, unit * pulled(LOSSES[name], outputs, labels))
    assert found.name == name
    if name in ("cross_entropy", "nll"):
        assert found.labels == labels.tolist()


@pytest.mark.parametrize("name", sorted(ONE))
@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=25)
def test_losses_of_one_output_are_told(name: str, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    outputs = 2 * torch.randn(32, 1, generator=generator, dtype=torch.float64)
    labels = torch.randint(2, (32, 1), generator=generator).double()
    found = form_of(outputs, pulled(ONE[name], outputs, labels))
    assert (found.name, found.labels) == (name, labels[:, 0].long().tolist())


def test_weights_of_classes_do_not_hide_the_loss() -> None:
    outputs, labels = torch.randn(32, 4, dtype=torch.float64), torch.arange(32) % 4
    weights = torch.tensor([1.0, 5.0, 0.2, 2.0], dtype=torch.float64)
    found = form_of(
        outputs, pulled(lambda o, y: functional.cross_entropy(o, y, weight=weights), outputs, labels)
    )
    assert (found.name, found.labels) == ("cross_entropy", labels.tolist())


def test_rows_that_the_loss_leaves_out_have_no_label() -> None:
    outputs = torch.randn(6, 3, dtype=torch.float64)
    labels = torch.tensor([0, 1, -100, 2, -100, 1])
    assert form_of(outputs, pulled(functional.cross_entropy, outputs, labels)).labels == [
        0,
        1,
        -1,
        2,
        -1,
        1,
    ]


def test_targets_that_broadcast_pull_all_alike() -> None:
    torch.manual_seed(0)
    outputs, targets = torch.randn(16, 1, dtype=torch.float64), torch.randn(16, dtype=torch.float64)
    for error in (
        torch.square,
        torch.abs,
        lambda each: functional.smooth_l1_loss(each, torch.zeros_like(each)),
    ):
        wrong = pulled(lambda o, y: error(o - y).mean(), outputs, targets)  # noqa: B023
        right = pulled(lambda o, y: error(o[:, 0] - y).mean(), outputs, targets)  # noqa: B023
        assert form_of(outputs, wrong).same < 1e-9
        assert form_of(outputs, right).same > 0.1


@given(
    seed=st.integers(0, 10_000), size=st.sampled_from([0.01, 0.1, 1.0]), target=st.sampled_from([0.0, 1.0])
)
def test_one_target_near_zero_is_told_from_two_classes_with_one_label(
    seed: int, size: float, target: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    outputs = (size * torch.randn(16, 1, generator=generator)).double()
    targets = torch.full_like(outputs, target)
    classes = form_of(outputs, pulled(functional.binary_cross_entropy_with_logits, outputs, targets))
    assert classes.name == "bce_logits"
    line = form_of(outputs, pulled(functional.mse_loss, outputs, targets + 1.5))
    assert (line.name, line.same) == ("unknown", 0.0)
    assert line.target == pytest.approx(target + 1.5, rel=1e-4)


def test_nothing_is_told_of_a_pull_that_is_no_number() -> None:
    outputs = torch.randn(4, 3, dtype=torch.float64)
    assert form_of(outputs, torch.full_like(outputs, torch.nan)).name == "unknown"
    assert form_of(outputs, torch.zeros_like(outputs)).labels == []


@given(size=st.integers(1, 5000))
def test_the_same_positions_of_an_input_are_kept_each_time(size: int) -> None:
    found = positions(size)
    assert len(found) == min(size, POSITIONS)
    assert int(found.max()) < size
    assert torch.equal(found, positions(size))


@given(
    values=st.lists(st.lists(st.floats(-10, 10, width=32), min_size=3, max_size=3), min_size=2, max_size=8)
)
def test_equal_examples_have_equal_fingerprints(values: list[list[float]]) -> None:
    import numpy as np

    marks = fingerprints(np.array(values)).tolist()
    for one, left in zip(marks, values, strict=True):
        for other, right in zip(marks, values, strict=True):
            assert (one == other) == (np.float32(left).tobytes() == np.float32(right).tobytes())


def test_inputs_and_outputs_are_taken_as_rows() -> None:
    assert some_inputs(("text",)) == (0, None)
    count, kept = some_inputs((torch.arange(12).reshape(2, 2, 3),))
    assert count == 2
    assert kept is not None
    assert kept.tolist() == [list(range(6)), list(range(6, 12))]
    assert rows_of(torch.zeros(5)).shape == (5, 1)


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.last(self.second(torch.tanh(50 * self.first(inputs))))


def run_of(place: Path, *, record: bool = True, evaluate: bool = False, adopt: bool = False) -> nn.Module:
    torch.manual_seed(0)
    model = Functional()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    recording = watch(model, optimizer, str(place), cost=None) if record else None
    generator = torch.Generator().manual_seed(1)
    for step in range(6):
        inputs = torch.randn(10, 4, generator=generator)
        loss = functional.cross_entropy(model(inputs), torch.arange(10) % 3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if evaluate and step == 3:
            model.eval()
            with torch.no_grad():
                model(inputs)
            model.train()
        if adopt and step == 3:
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    if recording is not None:
        recording.close()
    return model


def test_looking_at_passes_changes_no_bit(tmp_path: Path) -> None:
    seen, unseen = run_of(tmp_path / "run"), run_of(tmp_path / "none", record=False)
    for left, right in zip(seen.parameters(), unseen.parameters(), strict=True):
        assert torch.equal(left, right)
    assert not seen._forward_hooks


def test_a_pass_is_told_with_labels_graph_and_mode(tmp_path: Path) -> None:
    run_of(tmp_path / "run", evaluate=True)
    rows = open_run(tmp_path / "run").passes.to_pylist()
    training = [each for each in rows if each["backward"]]
    assert [each["step"] for each in training] == list(range(6))
    assert training[0]["labels"] == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert [each["stale"] for each in training[1:]] == [False] * 5
    graph = json.loads(training[0]["graph"])
    assert {"straight": ["second.weight", "last.weight"]} in graph
    (bend,) = [each for each in graph if "function" in each]
    assert (bend["function"], bend["after"], bend["last"]) == ("tanh", "first.weight", False)
    assert bend["saturated"] > 0.5
    assert bend["pull"] > 0
    (evaluation,) = [each for each in rows if not each["backward"]]
    assert (evaluation["step"], evaluation["training"], evaluation["differentiable"]) == (4, False, False)
    assert set(evaluation["fingerprints"]) == set(training[3]["fingerprints"])


def seen_pass(step: int, *, differentiable: bool = True, graph: bool = False) -> SeenPass:
    told = [{"function": "relu"}] if graph else []
    return SeenPass(step, True, differentiable, (0, 0), 4, None, torch.zeros(4, 1), (4, 1), graph=told)


@given(steps=st.integers(0, 2000), evaluates=st.booleans())
@settings(max_examples=30)
def test_the_passes_of_a_flush_are_spread_over_its_steps(steps: int, evaluates: bool) -> None:
    queue = PassQueue()
    graphs = {0, 1, 3, 7, 15, 31}
    for step in range(steps):
        if queue.wants_step():
            queue.add(seen_pass(step, graph=step in graphs))
            if evaluates:
                queue.add(seen_pass(step, differentiable=False))
    passes = queue.take()
    assert len(passes) <= 32
    if steps > 64:
        for differentiable in {True, not evaluates}:
            seen = [each.step for each in passes if each.differentiable == differentiable]
            assert max(later - earlier for earlier, later in pairwise([*seen, steps])) <= steps / 4
    assert queue.take() == []
    assert queue.wants_step()


def test_every_graph_that_was_read_is_told_of_however_many_passes_a_flush_has(tmp_path: Path) -> None:
    model = Functional()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, targets = torch.ones(10, 4), torch.arange(10) % 3
    with watch(model, optimizer, str(tmp_path / "run"), cost=None, flush=60.0):
        for _ in range(50):
            for _ in range(3):
                functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
    rows = open_run(tmp_path / "run").passes.to_pylist()
    assert 16 <= len(rows) <= 32
    assert rows[-1]["step"] >= 40
    # of the first, second, fourth … pass that was looked at
    graphs = [each["step"] for each in rows if each["graph"]]
    assert graphs[:5] == [0, 0, 1, 2, 5]
    assert len(graphs) >= 6


def test_an_optimizer_that_is_built_on_the_way_is_followed(tmp_path: Path) -> None:
    run_of(tmp_path / "run", adopt=True)
    run = open_run(tmp_path / "run")
    assert run.last_step == 6
    assert run.history("first.weight", (0, 0)).steps.tolist()[-1] == 6


def test_a_copy_of_the_model_is_not_looked_at(tmp_path: Path) -> None:
    model = Functional()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, str(tmp_path / "run"), cost=None):
        other = copy.deepcopy(model)
        functional.cross_entropy(other(torch.randn(4, 4)), torch.zeros(4, dtype=torch.long)).backward()
    assert open_run(tmp_path / "run").passes.num_rows == 0


class Picky(nn.Module):
    """Takes and gives back what is asked for."""

    def __init__(self, take: Any, give: Any) -> None:
        super().__init__()
        self.layer, self.take, self.give = nn.Linear(4, 2), take, give

    def forward(self, inputs: Any) -> Any:
        return self.give(self.layer(self.take(inputs)))


@pytest.mark.parametrize(
    ("inputs", "take", "give", "count"),
    [
        (torch.ones(3, 4).to_sparse(), lambda given: given.to_dense(), lambda out: out, 3),
        (torch.ones(3, 4, dtype=torch.complex64), lambda given: given.real, lambda out: out, 3),
        ({"x": torch.ones(3, 4)}, lambda given: given["x"], lambda out: {"logits": out}, 3),
        (["a", "b"], lambda given: torch.ones(len(given), 4), lambda out: (out, None), 3),
        (torch.ones(3, 4), lambda given: given, lambda out: out.sum(), 0),
        (torch.ones(3, 4), lambda given: given, lambda out: [out.unbind(0)], 0),
    ],
)
def test_whatever_goes_in_and_out_the_recording_goes_on(
    inputs: Any, take: Any, give: Any, count: int, tmp_path: Path
) -> None:
    model = Picky(take, give)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, str(tmp_path / "run"), cost=None) as recording:
        for _ in range(3):
            out: Any = model(inputs)
            while not isinstance(out, Tensor):
                out = next(iter(out.values())) if isinstance(out, dict) else out[0]
            optimizer.zero_grad()
            out.sum().backward()
            optimizer.step()
    assert recording.status == "finished"
    assert open_run(tmp_path / "run").passes.num_rows == count


def test_what_cannot_be_looked_at_ends_the_looking_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> Any:
        raise ZeroDivisionError("mine")

    monkeypatch.setattr("weightdesk.recording.passes.meter.some_inputs", broken)
    with pytest.warns(RuntimeWarning, match="no more passes are looked at: ZeroDivisionError: mine"):
        run_of(tmp_path / "run")
    run = open_run(tmp_path / "run")
    assert run.status == "finished"
    assert run.passes.num_rows == 0
    assert run.statistics.num_rows > 0
