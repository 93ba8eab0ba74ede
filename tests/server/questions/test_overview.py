from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from weightdesk import open_run, watch
from weightdesk.runs import Run
from weightdesk.server.questions.overview import OverviewQuestion
from weightdesk.server.session import Session
from weightdesk.server.subject import Subject


def test_it_says_what_the_run_says(digits_run: Run, digits_session: Session) -> None:
    said = OverviewQuestion().answer(digits_session)
    assert said.steps == digits_run.steps
    assert said.gradient_steps == digits_run.gradient_steps
    assert {each.name: each.shape for each in said.parameters} == {
        name: each.shape for name, each in digits_run.parameters.items()
    }
    assert (said.recipe, said.network, said.last_step, said.status) == ("digits", "mlp", 6, "finished")
    assert said.subject is not None
    assert said.subject.input_shape == (1, 8, 8)
    assert said.subject.class_names == tuple("0123456789")


def own_run(folder: Path) -> tuple[Run, nn.Module, torch.Tensor]:
    """A training loop of somebody's own, with statistics that the network keeps."""
    torch.manual_seed(0)
    model, inputs = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)), torch.randn(20, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, folder, every=1) as recording:
        for _ in range(3):
            loss = model(inputs).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recording.log(loss=loss)
    return open_run(folder), model, inputs


def test_a_loop_of_ones_own_is_looked_at_without_its_network(tmp_path: Path) -> None:
    run, _, _ = own_run(tmp_path / "own")
    said = OverviewQuestion().answer(Session(run))
    assert (said.recipe, said.epoch_steps, said.subject) == (None, None, None)
    assert said.metrics == ("loss",)


def test_with_its_network_it_can_be_turned(tmp_path: Path) -> None:
    run, model, inputs = own_run(tmp_path / "own")
    subject = Subject(model.eval(), inputs, None, None, "probe")
    said = OverviewQuestion().answer(Session(run, subject))
    assert said.subject is not None
    assert (said.subject.part, said.subject.examples) == ("probe", 20)
