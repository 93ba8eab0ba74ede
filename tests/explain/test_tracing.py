from __future__ import annotations

import pytest
import torch
from gradient_networks import CASES, Attentive, Tied, TinyGPT, cases
from torch import Tensor, nn

from weightdesk.explain.tracing import Role, call, trace, untouched


def kinds(model: nn.Module, inputs: Tensor) -> dict[str, str]:
    """The kind of each use of a parameter."""
    with untouched(model):
        stations = trace(model, inputs).stations
    return {f"{role.name} {role.place}": each.operation.kind for each in stations for role in each.roles}


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", CASES)
def test_cutting_changes_no_bit_of_the_outputs(name: str, training: bool) -> None:
    case = cases()[name]
    case.model.train(training)
    outputs = []
    for cut in (False, True, None):
        with untouched(case.model):
            passed = (
                call(case.model, case.inputs)
                if cut is None
                else trace(case.model, case.inputs, cut=cut).outputs
            )
            outputs.append(passed)
    assert torch.equal(outputs[0], outputs[1])
    assert torch.allclose(outputs[0], outputs[2], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_a_cut_station_sees_only_leaves(name: str) -> None:
    case = cases()[name]
    with untouched(case.model):
        stations = trace(case.model, case.inputs, cut=True).stations
    for each in stations:
        assert each.leaf is not None
        assert each.leaf.is_leaf
        assert torch.equal(each.leaf, each.result)


def test_every_way_to_use_a_parameter_has_its_kind() -> None:
    gpt = kinds(TinyGPT(), torch.tensor([[1, 2, 3]]))
    assert gpt["tokens.weight weight"] == "linear"  # the head, which is tied to them, comes last
    assert gpt["places.weight weight"] == "lookup"
    assert gpt["norm1.weight weight"] == gpt["norm1.bias bias"] == "scale"
    assert gpt["qkv.bias bias"] == "linear"
    operators = cases()["operators"]
    assert kinds(operators.model, operators.inputs) == {
        "weight weight": "linear",
        "scale weight": "scale",
        "shift weight": "shift",
        "out weight": "linear",
        "bias bias": "linear",
    }
    assert set(kinds(nn.BatchNorm1d(3), torch.randn(4, 3)).values()) == {"scale"}
    assert set(kinds(nn.GroupNorm(1, 3), torch.randn(4, 3)).values()) == {"scale"}
    assert set(kinds(nn.RMSNorm(3), torch.randn(4, 3)).values()) == {"scale"}
    assert set(kinds(nn.Conv1d(3, 2, 1), torch.randn(4, 3, 2)).values()) == {"convolution"}
    assert set(kinds(nn.PReLU(), torch.randn(4, 3)).values()) == {"unknown"}
    assert set(kinds(nn.ConvTranspose1d(3, 2, 1), torch.randn(4, 3, 2)).values()) == {"unknown"}


def test_fused_projections_are_told_apart() -> None:
    model = Attentive()
    with untouched(model):
        stations = trace(model, torch.randn(2, 3, 4)).stations
    starts = [
        role.start for each in stations for role in each.roles if role.name == "attention.in_proj_weight"
    ]
    assert starts == [0, 4, 8]
    assert [each.module for each in stations] == ["attention"] * 4 + ["head"]


def test_a_layer_used_twice_is_two_stations() -> None:
    model = Tied()
    with untouched(model):
        passed = trace(model, torch.randn(2, 4))
    assert [each.module for each in passed.uses("layer.weight")] == ["layer", "layer"]
    [last] = passed.uses("head.bias")
    role = last.role("head.bias")
    assert isinstance(role, Role)
    assert (role.name, role.place, role.start) == ("head.bias", "bias", 0)
    assert last.role("layer.weight") is None
    assert passed.uses("nothing") == []


def test_working_in_place_afterwards_is_harmless() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 2))
    x = torch.randn(5, 3)
    with untouched(model):
        first = trace(model, x, cut=True).stations[0]
    assert first.leaf is not None
    assert torch.equal(first.result, nn.functional.linear(x, model[0].weight, model[0].bias))
    assert (first.leaf < 0).any()


def test_attention_with_keys_of_its_own_runs_as_it_is() -> None:
    model = nn.MultiheadAttention(4, 2, add_bias_kv=True)
    x = torch.randn(3, 2, 4)
    with untouched(model):
        passed = trace(model, (x, x, x))
        assert torch.equal(passed.outputs[0], model(x, x, x)[0])
    assert passed.stations == ()


class Failing(nn.Module):
    """Moves its buffer, then fails."""

    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        raise ZeroDivisionError(self.layer(x))


def test_an_error_leaves_nothing_behind() -> None:
    model = Failing()
    model.layer.bias.requires_grad_(False)
    random = torch.get_rng_state()
    with untouched(model, 5):
        assert model.layer.bias.requires_grad
        torch.rand(1)
        with pytest.raises(ZeroDivisionError):
            trace(model, torch.ones(1, 2))
    assert model.count == 0
    assert not model.layer.bias.requires_grad
    assert torch.equal(torch.get_rng_state(), random)
    assert not model.layer._forward_hooks
    assert not model.layer._forward_pre_hooks


def test_an_embedding_that_scales_its_weights_keeps_them() -> None:
    model = nn.Sequential(nn.Embedding(4, 3, max_norm=0.1))
    before = model[0].weight.detach().clone()
    with untouched(model):
        outputs = trace(model, torch.tensor([1, 2])).outputs
    assert outputs.norm(dim=1).max() < 0.11
    assert torch.equal(model[0].weight, before)


def test_the_seed_may_be_a_state() -> None:
    model = nn.Dropout()
    state = torch.Generator().manual_seed(7).get_state()
    masks = []
    for seed in (7, state, 8):
        with untouched(model, seed):
            masks.append(trace(model, torch.ones(20)).outputs)
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


def test_inputs_may_be_named_listed_or_alone() -> None:
    layer, x = nn.Linear(2, 1), torch.ones(1, 2)
    for inputs in (x, (x,), [x], {"input": x}):
        assert torch.equal(call(layer, inputs), layer(x))
