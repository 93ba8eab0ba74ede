"""A saved state loads strictly into a model that knows nothing of weightdesk, with the bits of the turns."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from weightdesk import Run, open_run, watch
from weightdesk.desk.edits import Muting, Scaling, Setting
from weightdesk.desk.mix import Mix
from weightdesk.desk.places import Place
from weightdesk.desk.saving import save
from weightdesk.desk.state import State
from weightdesk.errors import WeightFileError
from weightdesk.training import Recipe, held_out, train


class Language(nn.Module):
    """Tied embedding and head, a buffer that is kept and one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        self.block = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.embed.weight
        self.register_buffer("seen", torch.tensor(3))
        self.register_buffer("mask", torch.ones(2), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.block(self.embed(tokens)))


def pictures() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


def shared() -> nn.Module:
    layer = nn.Linear(4, 4)
    return nn.Sequential(layer, nn.Tanh(), layer)


def frozen_half() -> nn.Module:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2)).to(torch.bfloat16)
    model[0].requires_grad_(False)
    return model


def normed() -> nn.Module:
    return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)))


MODELS: list[Callable[[], nn.Module]] = [Language, pictures, shared, frozen_half, normed]


def turned(model: nn.Module) -> State:
    """The first parameter halved, one weight of the last one NaN."""
    state = State.of(model)
    first, *_, last = state.values
    edits = Scaling(Place(first), 0.5), Setting(Place(last, (0,)), float("nan"))
    return state.with_edits(edits)


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_the_file_loads_strictly_and_has_the_turned_bits(
    make: Callable[[], nn.Module], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = make()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    state = turned(model)
    save(tmp_path / "turned.safetensors", model, state)
    fresh = make()
    assert (
        str(fresh.load_state_dict(load_file(tmp_path / "turned.safetensors")))
        == "<All keys matched successfully>"
    )
    for name, parameter in fresh.named_parameters():
        assert parameter.dtype == state.values[name].dtype
        assert torch.equal(parameter.view(torch.uint8), state.values[name].contiguous().view(torch.uint8))
    for name, buffer in fresh.named_buffers():
        assert torch.equal(buffer, model.get_buffer(name))
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Run, Callable[[], nn.Module]]:
    """A run of a model with tied weights, recorded at every step, and what makes such a model."""
    torch.manual_seed(1)
    model = Language()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    with watch(model, optimizer, tmp_path / "run", every=1):
        for step in range(3):
            optimizer.zero_grad()
            model(torch.arange(6).view(2, 3) + step % 2).square().mean().backward()
            optimizer.step()
    return open_run(tmp_path / "run"), Language


def about(file: Path) -> dict[str, str]:
    with safe_open(file, framework="pt") as opened:
        return dict(opened.metadata())


def test_the_metadata_name_run_step_and_mix(
    recorded: tuple[Run, Callable[[], nn.Module]], tmp_path: Path
) -> None:
    run, make = recorded
    model = make()
    run.load_into(model, 2)
    state = State.of(model).with_edits(
        (Muting(Place.parse("embed[3]")), Setting(Place.parse("block.norm1.bias[1]"), 0.25))
    )
    save(tmp_path / "turned.safetensors", model, state, run)
    found = about(tmp_path / "turned.safetensors")
    assert (found["parent_run"], found["parent_step"]) == (Path(run.path).name, "2")
    assert (found["format"], found["step"]) == ("pt", "2")  # as the snapshot says
    assert Mix.from_json(found["mix"]) == Mix.of(state)
    assert "recipe" not in found
    assert "head.weight" not in found  # the tie is written as a tensor


def test_a_step_is_named_only_where_every_bit_is_the_same(
    recorded: tuple[Run, Callable[[], nn.Module]], tmp_path: Path
) -> None:
    run, make = recorded
    model = make()
    run.load_into(model, 2)
    with torch.no_grad():
        model.block.linear1.weight[0, 0] = torch.nextafter(
            model.block.linear1.weight[0, 0], torch.tensor(9.0)
        )
    save(tmp_path / "near.safetensors", model, State.of(model), run)
    save(tmp_path / "other.safetensors", other := nn.Linear(2, 1), State.of(other), run)
    for name in ("near", "other"):
        found = about(tmp_path / f"{name}.safetensors")
        assert found["parent_run"] == Path(run.path).name
        assert found.keys().isdisjoint({"parent_step", "mix"})


def test_a_built_in_training_leaves_its_recipe(tmp_path: Path) -> None:
    train(Recipe.create("xor", layers=4, steps=4), tmp_path / "run")
    run = open_run(tmp_path / "run")
    assert run.recipe is not None
    model = held_out(run.recipe).model
    run.load_into(model)
    save(tmp_path / "turned.safetensors", model, State.of(model), run)
    found = about(tmp_path / "turned.safetensors")
    assert json.loads(found["recipe"]) == run.recipe
    assert found["parent_step"] == "4"


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    model = nn.Linear(2, 1)
    save(tmp_path / "a.safetensors", model, State.of(model))
    with pytest.raises(WeightFileError, match="is there already"):
        save(tmp_path / "a.safetensors", model, turned(model))
    assert torch.equal(load_file(tmp_path / "a.safetensors")["weight"], model.weight)
    save(tmp_path / "a.safetensors", model, turned(model), overwrite=True)
    assert torch.equal(load_file(tmp_path / "a.safetensors")["weight"], model.weight * 0.5)


def test_what_a_state_dict_holds_beside_tensors_is_left_out(tmp_path: Path) -> None:
    class Noted(nn.Linear):
        def get_extra_state(self) -> dict[str, int]:
            return {"seen": 3}

    model = Noted(2, 1)
    save(tmp_path / "a.safetensors", model, State.of(model))
    assert load_file(tmp_path / "a.safetensors").keys() == {"weight", "bias"}
