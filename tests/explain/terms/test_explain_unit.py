"""The terms of a unit add up to what the model computed, are the planted ones, and leave no trace."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from trainings import small_batch, small_network

from weightdesk.errors import IndexRangeError, OptionError, UnknownParameterError
from weightdesk.explain.terms import UnitReasons, explain_unit


def outputs_of(model: nn.Module, module: str, inputs: Any, seed: int = 0) -> Tensor:
    """What a module gave, by torch's own means."""
    seen: list[Tensor] = []
    handle = model.get_submodule(module).register_forward_hook(
        lambda _m, _i, out: seen.append(out.detach().clone())
    )
    buffers = {name: each.clone() for name, each in model.named_buffers()}
    torch.manual_seed(seed)
    model(*inputs) if isinstance(inputs, tuple) else model(inputs)
    handle.remove()
    for name, each in model.named_buffers():
        each.data.copy_(buffers[name])
    return seen[0]


def adds_up(reasons: UnitReasons, expected: Tensor) -> bool:
    """Whether terms and bias add up to a value, exactly in float64."""
    total = float((reasons.x * reasons.weight).sum()) + reasons.bias
    same = {"rel": 1e-12, "abs": 1e-12}
    return (
        reasons.z == pytest.approx(total, **same)
        and reasons.z == pytest.approx(expected.item(), **same)
        and reasons.recorded == pytest.approx(expected.item(), rel=1e-13, abs=1e-13)
        and reasons.remainder == reasons.recorded - reasons.z
        and len(reasons.names) == len(reasons.product) == len(reasons.x) == len(reasons.weight)
    )


@contextmanager
def left_as_it_was(model: nn.Module) -> Iterator[None]:
    """Asserts that nothing in a model and in torch's random numbers has changed."""

    def state() -> list[Any]:
        tensors = [*model.parameters(), *model.buffers()]
        modules = list(model.modules())
        return [
            [each.detach().clone() for each in tensors],
            [each.requires_grad for each in tensors],
            [each.grad for each in model.parameters()],
            [each.training for each in modules],
            [len(each._forward_hooks) + len(each._forward_pre_hooks) for each in modules],
            torch.get_rng_state(),
        ]

    before = state()
    try:
        yield
    finally:
        after = state()
        assert all(torch.equal(*pair) for pair in zip(before[0], after[0], strict=True))
        assert before[1:5] == after[1:5]
        assert torch.equal(before[5], after[5])


def test_planted_weights_are_the_terms() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 2.0, -3.0], [0.0, 0.0, 4.0]]))
        model[0].bias.copy_(torch.tensor([0.5, -1.0]))
    inputs = torch.tensor([[9.0, 9.0, 9.0], [2.0, 4.0, 1.0]])
    reasons = explain_unit(model, inputs, "0.weight", 0, sample=1)
    assert reasons.x.tolist() == [2, 4, 1]
    assert reasons.weight.tolist() == [1, 2, -3]
    assert reasons.product.tolist() == [2, 8, -3]
    assert (reasons.bias, reasons.z, reasons.recorded, reasons.remainder, reasons.ulps) == (
        0.5,
        7.5,
        7.5,
        0,
        0,
    )
    assert reasons.names == ("input 0", "input 1", "input 2")
    assert (reasons.module, reasons.kind, reasons.place, reasons.place_chosen) == ("0", "linear", (), False)
    assert reasons.activation is not None
    assert (reasons.activation.name, reasons.activation.value) == ("relu", 7.5)
    encouraging = reasons.encouraging(top=1)
    assert [term.name for term in encouraging.terms] == ["input 1"]
    assert (encouraging.others, encouraging.rest, encouraging.total) == (1, 2.0, 10.0)
    assert [term.product for term in reasons.discouraging().terms] == [-3]


def test_a_planted_kernel_meets_the_planted_places() -> None:
    model = nn.Conv2d(2, 1, (2, 3), stride=(2, 1), padding=(1, 1), dilation=(1, 2), bias=False)
    picture = torch.arange(1, 51.0).view(1, 2, 5, 5)
    reasons = explain_unit(model, picture, "weight", 0, place=(0, 1))
    assert reasons.names[:2] == ("channel 0 (0, 0)", "channel 0 (0, 1)")
    assert reasons.names[-1] == "channel 1 (1, 2)"
    assert reasons.sources[:6] == ("padding",) * 3 + ("(0, 0)", "(0, 2)", "(0, 4)")
    assert reasons.x.tolist() == [0, 0, 0, 1, 3, 5, 0, 0, 0, 26, 28, 30]
    assert reasons.bias == 0


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.sampled_from([0, 1, (1, 2), "same", "valid"]),
    st.integers(1, 2), st.booleans(), st.integers(0, 10**6),
)  # fmt: skip
def test_the_terms_of_convolutions_add_up(
    groups: int, kernel: int, stride: int, padding: Any, dilation: int, bias: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    stride = 1 if padding == "same" else stride
    model = nn.Conv2d(2 * groups, 3 * groups, (kernel, 2), stride, padding, dilation, groups, bias).double()
    pictures = torch.randn(3, 2 * groups, 7, 6).double()
    unit, sample = seed % (3 * groups), seed % 3
    reasons = explain_unit(model, pictures, "weight", unit, sample)
    whole = model(pictures)[sample, unit].detach()
    assert adds_up(reasons, whole[reasons.place])
    assert whole.abs().max() == abs(reasons.recorded)
    given_place = tuple(seed % size for size in whole.shape)
    assert adds_up(
        explain_unit(model, pictures, "weight", unit, sample, place=given_place), whole[given_place]
    )
    met = [
        (x, source)
        for x, source in zip(reasons.x.tolist(), reasons.sources, strict=True)
        if source != "padding"
    ]
    first = unit // 3 * 2
    channels = [pictures[sample, first + at * 2 // len(met)] for at in range(len(met))]
    assert all(x == channel[eval(source)] for (x, source), channel in zip(met, channels, strict=True))


@pytest.mark.parametrize("convolution", [nn.Conv1d, nn.Conv3d])
def test_kernels_of_one_and_three_dimensions_add_up(convolution: Any) -> None:
    model = convolution(2, 3, 3, padding=1).double()
    dimensions = model.weight.ndim - 2
    for shape in [(4, 2, *[5] * dimensions), (2, *[5] * dimensions)]:
        inputs = torch.randn(shape).double()
        whole = model(inputs)
        reasons = explain_unit(model, inputs, "bias", 2, sample=1 if len(shape) > dimensions + 1 else 0)
        assert len(reasons.place) == dimensions
        assert adds_up(reasons, (whole[1] if len(shape) > dimensions + 1 else whole)[2][reasons.place])


def test_another_padding_counts_places_in_the_padded_map() -> None:
    model = nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular").double()
    pictures = torch.randn(2, 1, 4, 4).double()
    reasons = explain_unit(model, pictures, "weight", 0, place=(0, 0))
    assert adds_up(reasons, model(pictures)[0, 0, 0, 0])
    assert "padded map" in reasons.note
    assert "padding" not in reasons.sources


@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=4),
    st.integers(1, 5),
    st.booleans(),
    st.integers(0, 10**6),
)
def test_the_terms_of_networks_add_up(widths: list[int], batch: int, train: bool, seed: int) -> None:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), nn.Tanh(), nn.Dropout(0.3)]
    model = nn.Sequential(*layers).double().train(train)
    inputs = torch.randn(batch, widths[0]).double()
    for number in range(0, len(layers), 3):
        unit, sample = seed % layers[number].out_features, seed % batch
        reasons = explain_unit(model, inputs, f"{number}.weight", unit, sample, seed=seed)
        assert adds_up(reasons, outputs_of(model, str(number), inputs, seed)[sample, unit])
        assert ("dropout drew from seed" in reasons.note) == train
        assert reasons.activation is not None
        assert reasons.activation.value == pytest.approx(float(torch.tensor(reasons.recorded).tanh()))


@given(st.integers(1, 4), st.integers(1, 4), st.booleans(), st.integers(0, 10**6))
def test_the_terms_over_sequences_add_up(batch: int, length: int, fused: bool, seed: int) -> None:
    """Also where length and batch are alike, and where examples and positions share an axis."""
    torch.manual_seed(seed)
    tokens = torch.randint(0, 9, (batch, length))
    model = nn.Sequential(nn.Embedding(9, 4), *[nn.Flatten(0, 1)] * fused, nn.Linear(4, 3)).double()
    place, sample, unit = seed % length, seed % batch, seed % 3
    reasons = explain_unit(
        model, tokens, f"{len(model) - 1}.weight", unit, sample, place=[] if fused and length == 1 else place
    )
    assert adds_up(reasons, model(tokens).view(batch, length, 3)[sample, place, unit])
    assert reasons.names == tuple(f"dimension {i} of 0" for i in range(4))
    looked_up = explain_unit(model, tokens, "0.weight", unit, sample, place=place)
    assert looked_up.names == (f"token {tokens[sample, place]}",)
    assert adds_up(looked_up, model[0](tokens)[sample, place, unit])


class Attention(nn.Module):
    """One block of self-attention over tokens whose positions are the same for all examples."""

    def __init__(self, *, batch_first: bool = True, **options: Any) -> None:
        super().__init__()
        self.batch_first = batch_first
        self.embed = nn.Embedding(9, 4)
        self.position = nn.Embedding(6, 4)
        self.shift = nn.Parameter(torch.randn(6, 4))
        self.norm = nn.LayerNorm(4)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=batch_first, **options)
        self.head = nn.Linear(4, 9, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: Tensor) -> Tensor:
        length = tokens.shape[1]
        hidden = self.embed(tokens) + self.position(torch.arange(length)) + self.shift[:length]
        normal = self.norm(hidden if self.batch_first else hidden.transpose(0, 1))
        mixed = self.attention(normal, normal, normal, need_weights=False)[0]
        return self.head(hidden + (mixed if self.batch_first else mixed.transpose(0, 1)))


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("batch", [1, 2, 3, 5])
def test_the_projections_of_attention_add_up(batch_first: bool, batch: int) -> None:
    model = Attention(batch_first=batch_first).double()
    tokens = torch.randint(0, 9, (batch, 3))
    normal = outputs_of(model, "norm", tokens)
    for unit, part in [(1, "query of head 0"), (6, "key of head 1"), (10, "value of head 1")]:
        reasons = explain_unit(model, tokens, "attention.in_proj_weight", unit, batch - 1, place=2)
        weight, bias = model.attention.in_proj_weight[unit], model.attention.in_proj_bias[unit]
        at = (batch - 1, 2) if batch_first else (2, batch - 1)
        assert reasons.part == part
        assert part in reasons.title
        assert reasons.x.tolist() == normal[at].tolist()
        assert reasons.names == tuple(f"unit {i} of norm" for i in range(4))
        assert reasons.z == pytest.approx((normal[at] @ weight + bias).item(), abs=1e-12)
        assert (reasons.use, reasons.uses) == (0, 1)
    out = explain_unit(model, tokens, "attention.out_proj.weight", 3, batch - 1, place=1)
    assert out.names[:3] == ("dimension 0 of head 0", "dimension 1 of head 0", "dimension 0 of head 1")
    assert abs(out.remainder) < 1e-12
    seen: list[Tensor] = []
    handle = model.attention.register_forward_hook(lambda _m, _i, result: seen.append(result[0].detach()))
    model(tokens)
    handle.remove()
    at = (batch - 1, 1) if batch_first else (1, batch - 1)
    assert out.z == pytest.approx(seen[0][at][3].item(), abs=1e-12)


def test_separate_projections_know_their_part() -> None:
    model = nn.MultiheadAttention(4, 2, kdim=3, vdim=5, batch_first=True).double()
    inputs = tuple(torch.randn(2, 3, width).double() for width in (4, 3, 5))
    for name, part in [("q_proj_weight", "query"), ("k_proj_weight", "key"), ("v_proj_weight", "value")]:
        reasons = explain_unit(model, inputs, name, 3, 1, place=0)
        assert reasons.part == f"{part} of head 1"
        assert abs(reasons.remainder) < 1e-12


def test_tied_weights_count_their_uses() -> None:
    model, tokens = Attention().double(), torch.randint(0, 9, (2, 3))
    by_embedding = explain_unit(model, tokens, "embed.weight", 2, place=0)
    by_head = explain_unit(model, tokens, "head.weight", 7, place=0)
    assert (by_embedding.kind, by_embedding.uses, by_embedding.module) == ("lookup", 2, "embed")
    assert (by_head.kind, by_head.uses, by_head.module) == ("linear", 2, "head")
    assert adds_up(by_head, model(tokens)[0, 0, 7])
    again = explain_unit(model, tokens, "embed.weight", 7, use=1, place=0)
    assert again.z == by_head.z
    assert "use 1 of 2, in head" in again.sections()[-1].note
    with pytest.raises(IndexRangeError, match=r"use 2 of embed\.weight does not exist: expected 0…1"):
        explain_unit(model, tokens, "embed.weight", 2, use=2)
    with pytest.raises(
        IndexRangeError, match=r"unit 7 lies outside use 0 of embed\.weight in embed: expected 0…3"
    ):
        explain_unit(model, tokens, "embed.weight", 7)


def test_a_layer_called_twice_is_used_twice() -> None:
    layer = nn.Linear(3, 3).double()
    model = nn.Sequential(layer, nn.Tanh(), layer)
    inputs = torch.randn(2, 3).double()
    second = explain_unit(model, inputs, "0.weight", 1, 1, use=1)
    assert adds_up(second, model(inputs)[1, 1])
    assert second.names[0] == "unit 0 of 0"


def test_positions_that_all_examples_share_have_the_same_terms() -> None:
    model, tokens = Attention().double(), torch.randint(0, 9, (3, 3))
    for sample in range(3):
        reasons = explain_unit(model, tokens, "position.weight", 1, sample, place=2, targets=torch.arange(3))
        assert adds_up(reasons, model.position.weight[2, 1])
        assert reasons.names == ("token 2",)
        assert reasons.classes is not None
        assert reasons.classes.mean.tolist() == [[reasons.z]] * 3


def test_a_shift_adds_the_row_of_its_parameter() -> None:
    model, tokens = Attention().double(), torch.randint(0, 9, (2, 3))
    reasons = explain_unit(model, tokens, "shift", 2, 1, place=3)
    before = model.embed(tokens)[1, 2, 3] + model.position.weight[2, 3]
    assert (reasons.kind, reasons.names) == ("shift", ("input",))
    assert reasons.bias == model.shift[2, 3].item()
    assert reasons.x.tolist() == [before.item()]
    assert abs(reasons.remainder) < 1e-12


NORMALISATIONS: list[tuple[nn.Module, tuple[int, ...], int]] = [
    (nn.BatchNorm1d(4), (6, 4), 1),
    (nn.BatchNorm2d(4), (3, 4, 2, 2), 1),
    (nn.BatchNorm2d(4, track_running_stats=False), (3, 4, 2, 2), 1),
    (nn.GroupNorm(2, 4), (3, 4, 2, 2), 1),
    (nn.LayerNorm(4), (3, 5, 4), 2),
    (nn.LayerNorm((4, 2)), (3, 4, 2), 1),
    (nn.RMSNorm(4), (3, 5, 4), 2),
]


@pytest.mark.parametrize(("norm", "shape", "axis"), NORMALISATIONS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("train", [True, False])
def test_normalisations_scale_a_normalised_input(
    norm: Any, shape: tuple[int, ...], axis: int, train: bool
) -> None:
    torch.manual_seed(1)
    model = nn.Sequential(norm, nn.ReLU(inplace=True)).double().train(train)
    for each in [*model.parameters(), *model.buffers()]:
        each.data = torch.rand_like(each) + 0.5 if each.is_floating_point() else each
    inputs = torch.randn(shape).double() * 3 + 1
    reasons = explain_unit(model, inputs, "0.weight", 2, sample=1)
    at = [1, *reasons.place]
    at.insert(axis, 2)
    assert adds_up(reasons, norm_of(norm, inputs)[tuple(at)])
    how = reasons.normalisation
    assert how is not None
    assert how.value == inputs[tuple(at)].item()
    assert reasons.x.tolist() == [pytest.approx((how.value - how.mean) / how.deviation, rel=1e-6)]
    if isinstance(norm, nn.modules.batchnorm._BatchNorm) and norm.track_running_stats:
        assert how.source == ("over this batch" if train else "running averages of the training")
    assert reasons.activation is not None
    assert reasons.activation.value == max(reasons.recorded, 0.0)


def norm_of(norm: nn.Module, inputs: Tensor) -> Tensor:
    kept = {name: each.clone() for name, each in norm.named_buffers()}
    result = norm(inputs).detach().clone()
    for name, each in norm.named_buffers():
        each.data.copy_(kept[name])
    return result


class Formula(nn.Module):
    """Parameters outside of any layer."""

    def __init__(self, rule: Callable[[Tensor, Tensor], Tensor], *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape))
        self.rule = rule

    def forward(self, inputs: Tensor) -> Tensor:
        return self.rule(inputs, self.weight)


FORMULAS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], tuple[int, ...]]] = {
    "matmul": (lambda x, w: x @ w, (4, 5)),
    "view": (lambda x, w: functional.linear(x, w[1:3]), (5, 4)),
    "gain": (lambda x, w: w.view(1, 4) * x, (4,)),
    "scalar": (lambda x, w: x * w, ()),
    "rows": (lambda x, w: x + w, (1, 4)),
    "flat": (lambda x, w: x * w.view(-1), (2, 2)),
    "addmm": (lambda x, w: torch.addmm(torch.ones(3, 5).double(), x, w), (4, 5)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_parameters_without_a_layer_add_up(name: str) -> None:
    rule, shape = FORMULAS[name]
    model, inputs = Formula(rule, *shape).double(), torch.randn(3, 4).double()
    unit = {"matmul": 4, "addmm": 4, "view": 2, "gain": 3}.get(name, 0)
    reasons = explain_unit(model, inputs, "weight", unit, 2)
    row = {"view": 1}.get(name, unit)
    expected = model(inputs)[2][row if name in ("matmul", "addmm", "view", "gain") else reasons.place]
    assert reasons.recorded == expected.item()
    assert abs(reasons.remainder) < 1e-12
    assert reasons.kind != "unknown"


GENERAL: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], tuple[int, ...]]] = {
    "einsum": (lambda x, w: torch.einsum("bi,oi->bo", x, w), (5, 4)),
    "prelu": (functional.prelu, (4,)),
    "learned input": (lambda x, w: functional.linear(w, x[:, :2]), (3, 2)),
}


@pytest.mark.parametrize("name", GENERAL)
def test_the_general_rule_adds_up(name: str) -> None:
    rule, shape = GENERAL[name]
    model, inputs = Formula(rule, *shape).double(), torch.randn(6, 4).double()
    reasons = explain_unit(model, inputs, "weight", 1, 2, targets=torch.tensor([0, 0, 0, 1, 1, 1]))
    muted = Formula(rule, *shape).double()
    muted.load_state_dict(model.state_dict())
    with torch.no_grad():
        muted.weight[1] = 0
    outputs, without = (
        each(inputs).movedim(-1 if name == "learned input" else 0, 0)[2].detach() for each in (model, muted)
    )
    assert (reasons.kind, reasons.note != "") == ("unknown", True)
    assert reasons.recorded == outputs[reasons.place].item()
    assert reasons.bias == pytest.approx(without[reasons.place].item(), abs=1e-12)
    assert (outputs - without).abs().max().item() == pytest.approx(abs(float(reasons.product.sum())))


def test_the_general_rule_finds_the_kernel_of_a_transposed_convolution() -> None:
    model, inputs = nn.ConvTranspose1d(2, 3, 2).double(), torch.randn(2, 2, 4).double()
    reasons = explain_unit(model, inputs, "weight", 1, 1, place=(2, 1))
    expected = [0.0] * 4 + inputs[1, 1, [1, 0]].tolist()
    assert reasons.x.tolist() == expected
    assert reasons.z == pytest.approx(model(inputs)[1, 2, 1].item())


def test_what_is_not_linear_has_no_terms() -> None:
    model = Formula(lambda x, w: (w.unsqueeze(0) ** 2) * x, 4)
    with pytest.raises(OptionError, match=r"weight is used by an operation that is not linear in it"):
        explain_unit(model, torch.ones(2, 4), "weight", 1)


def test_a_layer_of_several_results_is_told() -> None:
    with pytest.raises(
        OptionError, match="weight_ih_l0 is not used in this forward pass by an operation that gives"
    ):
        explain_unit(nn.LSTM(3, 2), torch.ones(2, 3), "weight_ih_l0", 1)


def test_examples_that_alternate_on_an_axis_are_told_apart() -> None:
    model = Formula(lambda x, w: functional.linear(x.transpose(0, 1).reshape(-1, 3), w), 2, 3).double()
    inputs = torch.randn(4, 5, 3).double()
    whole = model(inputs).view(5, 4, 2)
    for sample in range(4):
        reasons = explain_unit(
            model, inputs, "weight", 1, sample, place=3, targets=torch.zeros(4, dtype=torch.long)
        )
        assert adds_up(reasons, whole[3, sample, 1])
        assert explain_unit(model, inputs, "weight", 1, sample).place == (
            int(whole[:, sample, 1].abs().argmax()),
        )


def test_a_single_example_without_an_axis() -> None:
    model, inputs = nn.Linear(3, 2).double(), torch.randn(5, 3).double()
    reasons = explain_unit(model, inputs, "weight", 1, place=4, batch_dim=None)
    assert adds_up(reasons, model(inputs)[4, 1])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"name": "4.wieght"}, UnknownParameterError, "did you mean 4.weight"),
        ({"unit": 8}, IndexRangeError, r"unit 8 lies outside 4\.weight: expected 0…7"),
        ({"unit": -1}, IndexRangeError, r"unit -1 lies outside 4\.weight: expected 0…7"),
        ({"sample": 16}, IndexRangeError, r"example 16 does not exist: expected 0…15"),
        ({"place": (0,)}, IndexRangeError, r"place \(0,\) does not exist"),
        ({"name": "0.weight", "unit": 0, "place": (0, 6)}, IndexRangeError, r"expected \(0…5, 0…5\)"),
        ({"names": ["a", "b"]}, OptionError, "names must have one entry a term: expected 144, got 2"),
        ({"name": "0.weight", "unit": 0, "names": ["a"]}, OptionError, "expected 27 or 3, got 1"),
        ({"targets": torch.zeros(3)}, OptionError, "16 integers; got shape \\(3,\\) of torch.float32"),
        ({"batch_dim": 4}, OptionError, "batch_dim 4 is no axis of inputs"),
    ],
)
def test_mistakes_are_told_in_one_line_and_leave_the_model_alone(
    change: dict[str, Any], error: type[Exception], words: str
) -> None:
    model = small_network()
    arguments = {"inputs": small_batch()[0], "name": "4.weight", "unit": 0, **change}
    with left_as_it_was(model), pytest.raises(error, match=words) as raised:
        explain_unit(model, **arguments)
    assert "\n" not in str(raised.value)


def test_a_parameter_that_is_not_used_is_told() -> None:
    model = small_network()
    model.register_parameter("spare", nn.Parameter(torch.zeros(2)))
    with pytest.raises(OptionError, match="spare is not used in this forward pass"):
        explain_unit(model, small_batch()[0], "spare", 0)


@pytest.mark.parametrize("train", [True, False])
def test_explaining_changes_nothing(train: bool) -> None:
    model = small_network().train(train)
    model[0].weight.requires_grad_(False)
    with left_as_it_was(model):
        first = explain_unit(model, small_batch()[0], "0.weight", 3, 2)
        second = explain_unit(model, small_batch()[0], "0.weight", 3, 2)
    assert first.product.tolist() == second.product.tolist()
    assert first.place == second.place


def test_an_error_in_the_model_leaves_it_as_it_was() -> None:
    model = small_network()
    with left_as_it_was(model), pytest.raises(RuntimeError, match="shape"):
        explain_unit(model, torch.zeros(2, 3, 7, 7), "6.weight", 0)


@pytest.mark.parametrize("length", [2, 3])
@pytest.mark.parametrize("examples", [1, 2, 4])
def test_tokens_that_alternate_with_the_examples_are_told_apart(examples: int, length: int) -> None:
    class TokensFirst(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x.transpose(0, 1).reshape(-1, 3))

    model, x = TokensFirst().double(), torch.randn(examples, length, 3).double()
    for sample in range(examples):
        for token in range(length):
            reasons = explain_unit(model, x, "layer.weight", 1, sample, place=token)
            assert reasons.x.tolist() == x[sample, token].tolist()
            assert adds_up(reasons, model.layer(x[sample, token])[1])


def test_half_precision_under_autocast_is_measured_in_its_own_ulps() -> None:
    model, inputs = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 4)), torch.randn(8, 64)
    with torch.autocast("cpu", torch.bfloat16):
        reasons = explain_unit(model, inputs, "2.weight", 1, 5)
    assert reasons.recorded == torch.tensor(reasons.recorded).bfloat16().item()
    assert 0 < abs(reasons.remainder) < 0.05
    assert reasons.ulps < 20


def test_inputs_by_keyword_and_batches_along_another_axis() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, first: Tensor, second: Tensor) -> Tensor:
            return self.layer(first + second)

    model = Named().double()
    inputs = {"first": torch.randn(4, 2, 3).double(), "second": torch.randn(4, 2, 3).double()}
    reasons = explain_unit(model, inputs, "layer.weight", 1, 1, batch_dim=1, place=3)
    assert adds_up(reasons, model(**inputs)[3, 1, 1])


def test_a_model_that_takes_one_number_of_examples_only_is_explained_by_its_sizes() -> None:
    model = Formula(lambda x, w: functional.linear(x.view(4, 3), w), 2, 3).double()
    inputs = torch.randn(4, 3).double()
    assert adds_up(explain_unit(model, inputs, "weight", 1, 3), model(inputs)[3, 1])


def test_pixels_and_channels_are_named_where_they_are_sure() -> None:
    pictures = torch.randn(2, 1, 3, 3)
    flat = nn.Sequential(nn.Flatten(), nn.Linear(9, 2))
    assert explain_unit(flat, pictures, "1.weight", 0).names[4] == "pixel (1, 1)"
    colours = nn.Sequential(nn.Flatten(), nn.Linear(18, 2))
    assert explain_unit(colours, torch.randn(2, 2, 3, 3), "1.weight", 0).names[9] == "channel 1 pixel (0, 0)"
    turned = nn.Sequential(Formula(lambda x, w: x.transpose(2, 3), 1), nn.Flatten(), nn.Linear(9, 2))
    assert explain_unit(turned, pictures, "2.weight", 0).names[4] == "input 4"
    deep = nn.Sequential(
        nn.Conv2d(1, 2, 2), nn.GELU(), nn.Flatten(), nn.Linear(8, 2), nn.ReLU(), nn.Linear(2, 1)
    )
    assert explain_unit(deep, pictures, "3.weight", 0).names[5] == "channel 1 (0, 1) of 0"
    assert explain_unit(deep, pictures, "5.weight", 0).names[1] == "unit 1 of 3"
    pooled = nn.Sequential(
        nn.Conv2d(1, 2, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2)
    )
    assert explain_unit(pooled, pictures, "4.weight", 0).names[1] == "channel 1 of 0"


def test_units_that_mix_on_their_way_are_not_named() -> None:
    mixed = nn.Sequential(nn.Linear(3, 3), nn.Softmax(dim=1), nn.Linear(3, 1))
    assert explain_unit(mixed, torch.randn(2, 3), "2.weight", 0).names[0] == "input 0"
    swapped = nn.Sequential(nn.Linear(3, 3), Formula(lambda x, w: x.flip(1), 1), nn.Linear(3, 1))
    assert explain_unit(swapped, torch.randn(2, 3), "2.weight", 0).names[0] == "input 0"
    halved = nn.Sequential(nn.Linear(3, 4), nn.GLU(), nn.Linear(2, 1))
    assert explain_unit(halved, torch.randn(2, 3), "2.weight", 0).names[0] == "input 0"


def test_given_names_are_used() -> None:
    model, inputs = nn.Linear(2, 1), torch.randn(3, 2)
    assert explain_unit(model, inputs, "weight", 0, names=["age", "weight"]).names == ("age", "weight")
    kernel, pictures = nn.Conv2d(2, 1, 2), torch.randn(1, 2, 3, 3)
    assert explain_unit(kernel, pictures, "weight", 0, names=["red", "green"]).names[4] == "green (0, 0)"
    every = [f"k{i}" for i in range(8)]
    assert explain_unit(kernel, pictures, "weight", 0, names=every).names == tuple(every)
    words = nn.Embedding(3, 2)
    assert explain_unit(words, torch.tensor([[2, 1]]), "weight", 0, place=1, names=["a", "b", "c"]).names == (
        "b",
    )
    with pytest.raises(OptionError, match="token 2 is beyond the 1 given"):
        explain_unit(words, torch.tensor([[2, 1]]), "weight", 0, place=0, names=["a"])


def test_what_is_added_in_place_hides_the_activation() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, inputs: Tensor) -> Tensor:
            result = self.layer(inputs)
            result += inputs
            return result.relu()

    model, inputs = Residual().double(), torch.randn(2, 3).double()
    reasons = explain_unit(model, inputs, "layer.weight", 1)
    assert reasons.activation is None
    assert adds_up(reasons, model.layer(inputs)[0, 1])


def test_terms_by_class_are_those_of_every_example() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Flatten(), nn.Linear(8, 2)).double()
    pictures, targets = torch.randn(9, 1, 3, 3).double(), torch.tensor([0, 1, 2] * 3)
    for name in ("0.weight", "2.weight"):
        reasons = explain_unit(model, pictures, name, 1, 4, targets=targets)
        one = [explain_unit(model, pictures, name, 1, i, place=reasons.place).product for i in (1, 4, 7)]
        assert reasons.classes is not None
        assert torch.allclose(reasons.classes.mean[1], torch.stack(one).mean(0), rtol=1e-12)
        assert torch.equal(reasons.product, one[1])
        assert reasons.sections()[-1].table.num_rows == 3 * len(reasons.names)


def test_the_page_shows_terms_sides_and_sum() -> None:
    model, inputs = nn.Sequential(nn.BatchNorm1d(30), nn.Linear(30, 1)), torch.randn(8, 30)
    reasons = explain_unit(model, inputs, "1.weight", 0)
    terms, encouraging, discouraging, total = reasons.sections()
    assert reasons.to_arrow().equals(terms.table)
    sizes = [abs(each) for each in terms.table["product"].to_pylist()]
    assert sizes == sorted(sizes, reverse=True)
    sides = encouraging.table["product"].to_pylist() + discouraging.table["product"].to_pylist()
    assert sum(sides) == pytest.approx(float(reasons.product.sum()))
    assert encouraging.table["input"].to_pylist()[-1].endswith("others")
    assert total.table["what"].to_pylist()[:5] == [
        "sum of the terms",
        "bias",
        "z",
        "z in the model",
        "remainder",
    ]
    assert "encouraging" in reasons._repr_html_()
    followed = nn.Sequential(nn.Linear(30, 2), nn.GELU())
    assert (
        explain_unit(followed, inputs, "0.bias", 1).sections()[-1].table["what"].to_pylist()[-1]
        == "after gelu"
    )
    scaled = explain_unit(model, inputs, "0.weight", 3).sections()
    assert "over this batch" in scaled[-1].note
    assert "standard deviation" in scaled[-1].table["what"].to_pylist()


def test_the_remainder_of_float32_is_a_few_ulps() -> None:
    torch.manual_seed(0)
    model, inputs = nn.Linear(784, 10), torch.randn(4, 784)
    reasons = explain_unit(model, inputs, "weight", 3, 1)
    assert reasons.remainder != 0
    assert reasons.ulps < 100
    largest = max(map(abs, [*reasons.product.tolist(), reasons.bias, reasons.z]))
    gap = (
        torch.nextafter(torch.tensor(largest), torch.tensor(torch.inf)).item() - torch.tensor(largest).item()
    )
    assert reasons.ulps == pytest.approx(abs(reasons.remainder) / gap)


def test_what_is_not_finite_is_shown_as_it_is() -> None:
    reasons = explain_unit(nn.Linear(2, 1), torch.tensor([[float("inf"), 1.0]]), "weight", 0)
    assert reasons.z in (float("inf"), float("-inf"))
    assert reasons.ulps != reasons.ulps
    assert "terms" in reasons._repr_html_()


def test_an_empty_result_has_no_place() -> None:
    with pytest.raises(OptionError, match="no place to explain"):
        explain_unit(nn.Linear(2, 1), torch.zeros(3, 0, 2), "weight", 0)


@given(st.permutations(range(5)), st.integers(0, 4))
def test_the_order_of_the_batch_does_not_matter(order: list[int], sample: int) -> None:
    model, pictures = small_network().double().eval(), small_batch()[0][:5].double()
    one = explain_unit(model, pictures, "0.weight", 2, order[sample])
    two = explain_unit(model, pictures[order], "0.weight", 2, sample)
    assert one.place == two.place
    assert torch.equal(one.product, two.product)
    assert one.z == two.z
