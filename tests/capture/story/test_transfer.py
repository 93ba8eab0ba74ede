"""Frozen layers stay, the others learn; what was thrown away cannot be learned again."""

from __future__ import annotations

import copy

import pytest
import torch
from learned_signs import networks, specimen
from planted import planted
from torch import Tensor, nn

from weightdesk.capture.layers import layers_of
from weightdesk.capture.story.asking import question
from weightdesk.capture.story.retraining import Retraining, split
from weightdesk.capture.story.transfer import Transfer, transfer_layers
from weightdesk.errors import OptionError


@pytest.fixture(scope="module")
def found() -> Transfer:
    return transfer_layers(planted(), untrained=networks()[0])


def mean(right: Tensor) -> float:
    return float(right.nanmean())


def test_another_task_suffers_with_every_layer_that_threw_it_away(found: Transfer) -> None:
    first, *_, last = (mean(each.trained["fifth"]) for each in found.layers)
    assert mean(found.scratch["fifth"]) > 0.9
    assert first > 0.8
    assert last < first - 0.15


def test_what_nothing_tells_is_not_learned(found: Transfer) -> None:
    for each in (found.scratch, *(one.trained for one in found.layers)):
        assert 0.3 < mean(each["coin"]) < 0.7


def test_numbers_are_in_the_table(found: Transfer) -> None:
    rows = found.to_arrow().to_pylist()
    assert [(row["frozen up to"], row["task"]) for row in rows[:3]] == [
        ("0", "fifth"), ("0", "coin"), ("2", "fifth"),
    ]  # fmt: skip
    assert rows[0]["accuracy"] == mean(found.layers[0].trained["fifth"])
    assert rows[1]["frozen untrained"] == mean(found.layers[0].untrained["coin"])
    assert rows[-1]["from scratch"] == mean(found.scratch["coin"])
    right = {each.layer: sum(mean(task) for task in each.trained.values()) for each in found.layers}
    assert f"when all up to {min(right, key=right.__getitem__)!r} are frozen" in found.title


def test_the_network_stays_as_it_is() -> None:
    whole, untrained = planted(100), networks()[0]
    before = copy.deepcopy((whole.model.state_dict(), untrained.state_dict()))
    transfer_layers(whole, untrained=untrained, steps=3)
    for state, kept in zip((whole.model.state_dict(), untrained.state_dict()), before, strict=True):
        assert all(torch.equal(value, kept[name]) for name, value in state.items())
    assert all(each.requires_grad for each in whole.model.parameters())


class Wrapped(nn.Module):
    """The same network, which cannot be cut in two."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.inner(inputs)
        return found


@pytest.mark.parametrize("frozen", [0, 1, 2, 3])
def test_running_the_frozen_part_once_changes_nothing(frozen: int) -> None:
    whole = planted(200)
    rights = []
    for model in (whole.model, Wrapped(whole.model)):
        layers = layers_of(model, whole.inputs)
        retraining = Retraining(whole.inputs, layers, question(whole), steps=20, seed=0)
        rights.append(retraining.learn(model, model, frozen)["fifth"])
    assert (rights[0] == rights[1]).double().mean() > 0.95


def test_only_whole_modules_that_stay_are_cut_off() -> None:
    row = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    row[0].requires_grad_(False)
    assert [len(each) for each in split(row)] == [2, 3]  # type: ignore[arg-type]
    head, tail = split(Wrapped(row))
    assert isinstance(head, nn.Identity)
    assert isinstance(tail, Wrapped)


def test_the_same_seed_gives_the_same_bits() -> None:
    first, second, other = (transfer_layers(planted(100), steps=10, seed=seed) for seed in (0, 0, 1))
    assert first.to_arrow() == second.to_arrow()
    assert first.to_arrow() != other.to_arrow()


def test_it_can_be_stopped_within_a_training() -> None:
    shares: list[float] = []

    def stop(_what: str, share: float) -> None:
        shares.append(share)
        if share > 0.05:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transfer_layers(planted(100), steps=10, progress=stop)
    assert 0 < shares[1] < 1 / 7


def test_without_another_task_it_says_what_to_do() -> None:
    with pytest.raises(OptionError, match="give the specimen properties"):
        transfer_layers(specimen())
