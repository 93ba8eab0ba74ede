"""Heads are heard however they are computed; what a planted head attends to; ablation is exact."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planted_texts import CLASSES, NUMBERS, TOKENS, Attentive, attentive, handmade, rows, specimen
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.capture import Specimen
from weightdesk.capture.baselines import scrambled
from weightdesk.capture.text import attention, head_roles
from weightdesk.capture.text.heads import attending
from weightdesk.errors import OptionError


def in_three_ways(seed: int = 0) -> list[Attentive]:
    torch.manual_seed(seed)
    nets = [Attentive(way).eval() for way in ("by hand", "function", "module")]
    for each in nets[1:]:
        each.load_state_dict(nets[0].state_dict())
    return nets


def run(net: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    with torch.no_grad(), attending(net, inputs.shape[1]) as heard:
        outputs = net(inputs)
    (heads,) = heard.values()
    return outputs, heads.weights, heads.outputs


@given(st.integers(0, 30))
def test_heads_are_heard_alike_however_they_are_computed(seed: int) -> None:
    nets, inputs = in_three_ways(seed), specimen(nn.Identity(), 20, seed).inputs
    found = [run(each, inputs) for each in nets]
    for others in found[1:]:
        assert all(
            torch.allclose(mine, theirs, atol=1e-5) for mine, theirs in zip(found[0], others, strict=True)
        )
    for net, (outputs, weights, _) in zip(nets, found, strict=True):
        with torch.no_grad():
            assert torch.allclose(net(inputs), outputs, atol=1e-5)  # hearing changes nothing
        assert torch.allclose(weights.sum(3), torch.ones(20, 2, 8))


def test_the_heads_of_a_transformer_of_torch_are_heard_layer_by_layer() -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(len(TOKENS), 8, padding_idx=0)
            layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.output = nn.Linear(8, 2)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.output(self.encoder(self.embedding(tokens), src_key_padding_mask=tokens == 0)[:, 0])

    found = attention(specimen(Encoder().eval(), 20), scrambles=1)
    assert [(each.module, each.head) for each in found.heads] == [
        (f"encoder.layers.{layer}.self_attn", head) for layer in range(2) for head in range(2)
    ]
    assert all(each.ways["padding"].value == 0 for each in found.heads)


def test_a_module_that_runs_twice_is_told_apart_and_causal_masks_and_shared_keys_are_kept() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.project = nn.Embedding(len(TOKENS), 8), nn.Linear(8, 8)

        def step(self, x: Tensor) -> Tensor:
            heads = self.project(x).unflatten(2, (2, 4)).transpose(1, 2)
            shared = heads[:, :1]
            mixed = functional.scaled_dot_product_attention(
                heads, shared, shared, is_causal=True, enable_gqa=True
            )
            return mixed.transpose(1, 2).flatten(2)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.step(self.step(self.embedding(tokens)))[:, -1]

    torch.manual_seed(0)
    net, inputs = Twice().eval(), specimen(nn.Identity(), 10).inputs
    with torch.no_grad(), attending(net, 8) as heard:
        outputs = net(inputs)
    assert list(heard) == ["", " (2)"]
    assert all(each.weights.triu(1).abs().max() == 0 for each in heard.values())
    with torch.no_grad():
        assert torch.allclose(outputs, net(inputs), atol=1e-6)


class Previous(nn.Module):
    """One head that looks at the word before by the places alone, one that looks everywhere alike."""

    def __init__(self, sharpness: float = 40.0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(TOKENS), 2, padding_idx=0)
        self.sharpness = nn.Parameter(torch.tensor(sharpness))

    def forward(self, tokens: Tensor) -> Tensor:
        places, real = torch.arange(tokens.shape[1]), (tokens != 0)[:, None, None, :]
        before = (places[:, None] - 1 == places[None, :]).float() * self.sharpness
        scores = torch.stack([before, torch.zeros_like(before)]).expand(len(tokens), -1, -1, -1)
        values = self.embedding(tokens)[:, None].expand(-1, 2, -1, -1)
        mixed = scores.masked_fill(~real, -math.inf).softmax(dim=-1) @ values
        return mixed.sum((1, 2))


def test_a_planted_head_attends_to_the_previous_word_and_the_other_to_all_alike() -> None:
    found = attention(
        Specimen(Previous(), rows("the film is not good", "good film", "bad"), tokens=TOKENS), scrambles=1
    )
    previous, even = found.heads
    # the first word has none before it and looks at all alike
    assert previous.by_distance[found.offsets.index(-1)] == pytest.approx(1)
    assert previous.ways["itself"].value == pytest.approx((1 / 25 + 1 / 4 + 1) / 3)
    uniform = (1 / 5 + 1 / 2 + 1) / 3
    for way in ("itself", "first"):
        assert even.ways[way].value == pytest.approx(uniform)
    assert found.even["itself"] == pytest.approx(uniform)
    assert even.ways["entropy"].value == pytest.approx(1)
    assert (even.ways["padding"].value, found.even["padding"]) == (0, 0)
    assert even.received[NUMBERS["film"]] == pytest.approx(1)
    assert math.isnan(even.received[NUMBERS["plot"]])
    # "the" gets all that the second word has to give, and a fifth of what the first has
    assert previous.received[NUMBERS["the"]] == pytest.approx(1.2)


def test_shares_are_those_of_a_plain_loop() -> None:
    held = specimen(attentive(), 15)
    found = attention(held, scrambles=2)
    _, weights, _ = run(attentive(), held.inputs)
    ways: dict[str, list[list[float]]] = {
        way: [] for way in ("itself", "previous", "next", "first", "entropy")
    }
    for text, own in zip(held.inputs, weights.double(), strict=True):
        count = int((text != 0).sum())
        rows_of = [own[:, q, :count] for q in range(count)]
        ways["itself"].append((sum(row[:, q] for q, row in enumerate(rows_of)) / count).tolist())
        ways["previous"].append(
            (sum(row[:, q - 1] for q, row in enumerate(rows_of) if q) / (count - 1)).tolist()
        )
        ways["next"].append((sum(row[:, q + 1] for q, row in enumerate(rows_of[:-1])) / (count - 1)).tolist())
        ways["first"].append((sum(row[:, 0] for row in rows_of) / count).tolist())
        ways["entropy"].append(
            (sum(-(row * row.log()).sum(1) for row in rows_of) / count / math.log(count)).tolist()
        )
    for way, values in ways.items():
        expected = torch.tensor(values).mean(0)
        assert [each.ways[way].value for each in found.heads] == pytest.approx(expected.tolist(), abs=1e-6)
    shares, random, bounds, distances, words = found.sections()
    assert shares.table["itself"].to_pylist() == [each.ways["itself"].value for each in found.heads]
    assert random.table["itself"].to_pylist() == [each.scrambled["itself"].value for each in found.heads]
    assert bounds.table["next from"].to_pylist() == [each.ways["next"].low for each in found.heads]
    assert distances.table["-8"].to_pylist() == [None, None]
    place = distances.table.column_names.index("-1") - 2
    assert distances.table["-1"].to_pylist() == [float(each.by_distance[place]) for each in found.heads]
    assert set(words.table["word"].to_pylist()) <= set(TOKENS[2:])
    assert found.title == "what 2 attention heads attend to"


def test_the_same_seed_gives_the_same_shares_and_roles() -> None:
    held = specimen(attentive(), 60)
    first, second = (attention(held, scrambles=2, seed=4) for _ in range(2))
    assert [(each.ways, each.scrambled) for each in first.heads] == [
        (each.ways, each.scrambled) for each in second.heads
    ]
    roles = [
        [(each.loss, each.accuracy, each.scrambled) for each in head_roles(held, scrambles=2).heads]
        for _ in range(2)
    ]
    assert roles[0] == roles[1]


@pytest.mark.parametrize("way", ["by hand", "function", "module"])
def test_a_head_in_whose_place_is_zero_is_one_whose_values_the_network_does_not_read(way: str) -> None:
    torch.manual_seed(0)
    net = Attentive(way).eval()
    net.load_state_dict(attentive().state_dict())
    held = specimen(net, 80)
    found = head_roles(held, scrambles=1)
    with torch.no_grad():
        whole = functional.cross_entropy(net(held.inputs), held.targets)
    assert found.loss == pytest.approx(float(whole), rel=1e-5)
    for each in found.heads:
        deaf = copy.deepcopy(net)
        with torch.no_grad():
            deaf.attention.out_proj.weight[:, 4 * each.head : 4 * each.head + 4] = 0
            outputs = deaf(held.inputs)
        assert each.loss["zero"].value == pytest.approx(
            float(functional.cross_entropy(outputs, held.targets) - whole), abs=1e-5
        )
        right = (outputs.argmax(1) == held.targets).double().mean() - found.accuracy
        assert each.accuracy["zero"].value == pytest.approx(float(right), abs=1e-6)


def test_a_head_in_whose_place_is_its_mean_is_one_with_constant_values() -> None:
    held = specimen(attentive(), 80)
    found = head_roles(held, scrambles=1)
    _, _, outputs = run(attentive(), held.inputs)
    real = (held.inputs != 0)[:, None, :, None]
    mean = (outputs.double() * real).sum((0, 2)) / real.sum()
    for each in found.heads:
        constant = copy.deepcopy(attentive())
        with torch.no_grad():
            columns = slice(4 * each.head, 4 * each.head + 4)
            constant.attention.out_proj.bias += (
                constant.attention.out_proj.weight[:, columns] @ mean[each.head].float()
            )
            constant.attention.out_proj.weight[:, columns] = 0
            loss = functional.cross_entropy(constant(held.inputs), held.targets)
        assert each.loss["mean"].value == pytest.approx(float(loss) - found.loss, abs=1e-5)


def test_a_network_needs_its_heads_and_a_scrambled_one_does_not() -> None:
    found = head_roles(specimen(attentive()))
    most = found.heads[0]
    assert most.loss["zero"].low > 0
    assert most.loss["zero"].value > most.scrambled["zero"].high
    assert most.accuracy["zero"].low <= most.accuracy["zero"].value <= most.accuracy["zero"].high
    assert [each.loss["zero"].value for each in found.heads] == sorted(
        (each.loss["zero"].value for each in found.heads), reverse=True
    )
    assert [each.title for each in found.sections()] == ["zero in place of a head", "mean in place of a head"]
    assert f"head {most.head} of the network" in found.title


def test_scrambling_changes_what_heads_attend_to() -> None:
    mine, other = (
        attention(specimen(net, 100), scrambles=1) for net in (attentive(), scrambled(attentive(), 3))
    )
    far = [
        float((a.by_distance - b.by_distance).nan_to_num().abs().max())
        for a, b in zip(mine.heads, other.heads, strict=True)
    ]
    assert min(far) > 0.05


def test_networks_without_heads_and_texts_without_classes_are_refused() -> None:
    held = Specimen(handmade(), rows("good"), torch.tensor([1]), CLASSES, tokens=TOKENS)
    for call in (attention, head_roles):
        with pytest.raises(OptionError, match="Reader has no attention heads among the words"):
            call(held)
        with pytest.raises(OptionError, match="scrambles must be 1 or more"):
            call(held, scrambles=0)
    with pytest.raises(OptionError, match="class of each example must be known"):
        head_roles(replace(specimen(attentive(), 5), targets=None))


def test_hearing_leaves_no_hook_behind_even_after_an_error() -> None:
    net = attentive()
    with pytest.raises(ZeroDivisionError), attending(net, 8):
        _ = 1 / 0
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in net.modules())
