"""What cannot be recorded is left out and named, and all else goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from weightdesk import open_run, watch

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*torch.jit.*:DeprecationWarning", "ignore:Sparse CSR:UserWarning"
)

INPUTS = torch.randn(16, 8, generator=torch.Generator().manual_seed(0))


class Do(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class StrangeState(SGD):
    """Keeps state that no file of tensors can hold."""

    def step(self, closure: Any = None) -> None:
        super().step(closure)
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                state["average"] = parameter.detach().clone()
                state["rows"] = torch.eye(2).to_sparse_csr()
                state["phase"] = torch.zeros(2, dtype=torch.complex128)
                state["steps"] = torch.tensor(3)
                state["text"] = "no tensor"


def network(*between: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 6), nn.Tanh(), *between, nn.Linear(6, 1))


CASES: dict[str, tuple[Callable[[], nn.Sequential], Callable[[nn.Module], Tensor]]] = {
    "vmap": (network, lambda model: torch.func.vmap(model)(INPUTS).square().mean()),
    "jacrev": (
        network,
        lambda model: torch.func.vmap(torch.func.jacrev(model))(INPUTS).square().mean(),
    ),
    "jvp": (network, lambda model: torch.func.jvp(model, (INPUTS,), (INPUTS,))[1].square().mean()),
    "functional_call": (
        network,
        lambda model: (
            torch.func.functional_call(
                model, {name: 2 * each for name, each in model.named_parameters()}, (INPUTS,)
            )
            .square()
            .mean()
        ),
    ),
    "sparse output": (
        lambda: network(Do(lambda x: x.relu().to_sparse()), Do(lambda x: x.to_dense())),
        lambda model: model(INPUTS).square().mean(),
    ),
    "complex output": (
        lambda: network(Do(torch.fft.fft), Do(lambda x: x.abs())),
        lambda model: model(INPUTS).square().mean(),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_outputs_that_cannot_be_measured_end_nothing(case: str, tmp_path: Path) -> None:
    make, loss = CASES[case]

    def train(folder: Path | None) -> nn.Module:
        model = make()
        optimizer = SGD(model.parameters(), 0.1)
        recording = None if folder is None else watch(model, optimizer, folder, cost=None, every=1)
        for _ in range(4):
            optimizer.zero_grad()
            loss(model).backward()
            optimizer.step()
        if recording is not None:
            recording.close()
            assert (recording.step, recording.status) == (4, "finished")
        return model

    alone = train(None)
    watched = train(tmp_path / "run")
    for one, other in zip(alone.parameters(), watched.parameters(), strict=True):
        assert torch.equal(one, other)
    run = open_run(tmp_path / "run")
    kinds = {(row["step"], row["parameter"], row["kind"]) for row in run.statistics.to_pylist()}
    for step in range(4):
        for name in (name for name, each in watched.named_parameters() if each.grad is not None):
            assert (step, name, "gradient") in kinds
    if case == "sparse output":
        assert any("no activation statistics of 2:" in note for note in run.manifest.recording["notes"])
        assert (0, "3", "activation") in kinds


@pytest.mark.parametrize("streams", [False, True])
def test_state_that_cannot_be_stored_is_named_and_the_rest_is_there(
    streams: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if streams:
        monkeypatch.setattr("weightdesk.recording.keeper.STREAMED", 0)
    model = network()
    optimizer = StrangeState(model.parameters(), 0.1, momentum=0.9)
    with watch(model, optimizer, tmp_path / "run", every=1) as recording:
        for _ in range(3):
            optimizer.zero_grad()
            model(INPUTS).square().mean().backward()
            optimizer.step()
    assert recording.step == 3
    run = open_run(tmp_path / "run")
    state = run.state("0.weight", 2)
    assert set(state) == {"momentum_buffer", "average", "steps"}
    assert torch.equal(state["average"], run.weights("0.weight", 2))
    notes = run.manifest.recording["notes"]
    assert any("0.weight@rows" in note for note in notes)
    assert any("0.weight@phase" in note for note in notes)


def test_a_second_model_of_the_optimizer_is_named(tmp_path: Path) -> None:
    first, second = nn.Linear(8, 6), nn.Linear(6, 1)
    optimizer = SGD([*first.parameters(), *second.parameters()], 0.1)
    with pytest.warns(RuntimeWarning, match="2 of the 4 parameters of the SGD are not recorded"):
        watch(first, optimizer, tmp_path / "run").close()
    notes = open_run(tmp_path / "run").manifest.recording["notes"]
    assert any("2 of the 4 parameters of the SGD" in note for note in notes)


def test_a_model_that_is_not_the_one_that_trains_is_told_at_the_end(tmp_path: Path) -> None:
    model = network()
    recording = watch(model, SGD(model.parameters(), 0.1), tmp_path / "run")
    trained = network()
    optimizer = SGD(trained.parameters(), 0.1)
    trained(INPUTS).sum().backward()
    optimizer.step()
    with pytest.warns(RuntimeWarning, match="no step was recorded: .* never stepped, while SGD did"):
        recording.close()
    assert any(
        "no step was recorded" in note for note in open_run(tmp_path / "run").manifest.recording["notes"]
    )


def test_a_model_that_is_compiled_after_watch_is_told(tmp_path: Path) -> None:
    torch._dynamo.reset()
    model = network()
    optimizer = SGD(model.parameters(), 0.1)

    def train_compiled() -> None:
        with watch(model, optimizer, tmp_path / "run", cost=None):
            compiled = torch.compile(model, backend="eager")
            for _ in range(4):
                optimizer.zero_grad()
                compiled(INPUTS).square().mean().backward()
                optimizer.step()

    with pytest.warns(RuntimeWarning, match="no module of the model is called from Python"):
        train_compiled()
    run = open_run(tmp_path / "run")
    assert not [row for row in run.statistics.to_pylist() if row["kind"] == "activation"]
    assert any("no activation statistics" in note for note in run.manifest.recording["notes"])


def test_notes_reach_the_run_while_it_goes_on(tmp_path: Path) -> None:
    model = network(Do(lambda x: x.relu().to_sparse()), Do(lambda x: x.to_dense()))
    optimizer = SGD(model.parameters(), 0.1)
    recording = watch(model, optimizer, tmp_path / "run", cost=None, flush=0.01)
    for _ in range(200):
        optimizer.zero_grad()
        model(INPUTS).square().mean().backward()
        optimizer.step()
        if open_run(tmp_path / "run").manifest.recording["notes"]:
            break
    else:
        pytest.fail("run.json has no note yet")
    recording.close()


def test_defaults_of_the_user_do_not_reach_the_recorder(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), foreach=False)
    try:
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        with watch(model, optimizer, tmp_path / "run", cost=None, every=1):
            for _ in range(3):
                optimizer.zero_grad()
                model(INPUTS).square().mean().backward()
                with torch.device("cpu"):
                    optimizer.step()
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
    run = open_run(tmp_path / "run")
    assert run.status == "finished"
    assert torch.equal(run.update("0.weight", 1), run.weights("0.weight", 2) - run.weights("0.weight", 1))
