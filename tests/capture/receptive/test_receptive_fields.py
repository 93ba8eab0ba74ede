"""Receptive fields against gradients of every pixel, and against changing every pixel."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.capture.activations import listening
from weightdesk.capture.layers import Layer, layers_of
from weightdesk.capture.receptive import Fields, receptive_fields
from weightdesk.capture.receptive.bounds import NoRuleError
from weightdesk.capture.receptive.probing import probed
from weightdesk.capture.receptive.rules import Extents
from weightdesk.errors import OptionError


def positive(model: nn.Module) -> nn.Module:
    """All weights above 0, so that nothing cancels and no activation function shuts."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_().add_(0.1)
    return model.double().eval()


def by_gradients(model: nn.Module, shape: tuple[int, ...], layer: Layer, draws: int) -> Fields:
    """The boxes of the pixels with a gradient, in any of some random examples."""
    generator = torch.Generator().manual_seed(0)
    reached: Tensor | None = None
    for _ in range(draws):
        example = (torch.rand(1, *shape, generator=generator).double() + 0.1).requires_grad_()
        with listening(model, [layer], before=True) as heard:
            model(example)
        z = heard[layer.name][0]
        rows = [torch.autograd.grad(each, example, retain_graph=True)[0][0] != 0 for each in z.flatten()]
        found = torch.stack(rows).view(*z.shape, *shape)
        reached = found if reached is None else reached | found
    assert reached is not None
    ends = []
    for axis in range(len(shape)):
        others = tuple(2 + other for other in range(len(shape)) if other != axis)
        along = reached.any(others) if others else reached
        first = along.int().argmax(-1)
        last = shape[axis] - along.flip(-1).int().argmax(-1)
        ends.append((first.where(along.any(-1), 0), last.where(along.any(-1), 0)))
    start, stop = (torch.stack(side, dim=-1) for side in zip(*ends, strict=True))
    return Fields(start, stop, propagated=False)


class Fire(nn.Module):
    """SqueezeNet's: squeeze, then two kernels side by side."""

    def __init__(self, given: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(given, squeezed, 1)
        self.small = nn.Conv2d(squeezed, expanded, 1)
        self.large = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.squeeze(x))
        return torch.cat([functional.relu(self.small(x)), functional.relu(self.large(x))], 1)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(2, 2, 3, padding=2, dilation=2)

    def forward(self, x: Tensor) -> Tensor:
        both = self.inner(x)
        both += x
        return 0.5 * torch.relu(both)


NETWORKS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "padding, stride, dilation, groups": (
        nn.Sequential(
            nn.Conv2d(2, 4, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(4, 4, (3, 2), padding=(2, 1), dilation=(2, 1), groups=2),
        ),
        (2, 9, 8),
    ),
    "same padding, even kernel": (nn.Sequential(nn.Conv2d(1, 1, 4, padding="same")), (1, 6, 7)),
    "circular padding": (nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular")), (1, 5, 5)),
    "reflected padding": (nn.Sequential(nn.Conv2d(1, 2, 5, padding=2, padding_mode="reflect")), (1, 6, 6)),
    "pooling": (
        nn.Sequential(
            nn.Conv2d(1, 2, 2),
            nn.MaxPool2d(2, stride=1, padding=1),
            nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False),
            nn.Conv2d(2, 1, 2),
            nn.AdaptiveAvgPool2d((2, 1)),
            nn.Flatten(),
            nn.Linear(2, 2),
        ),
        (1, 7, 8),
    ),
    "fire modules": (nn.Sequential(nn.Conv2d(1, 2, 3, stride=2), Fire(2, 2, 2), Fire(4, 1, 1)), (1, 11, 9)),
    "residuals": (nn.Sequential(Residual(), Residual(), nn.Conv2d(2, 1, 1)), (2, 7, 7)),
    "normalisation": (
        nn.Sequential(nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4), nn.GELU(), nn.Dropout(), nn.Conv1d(4, 2, 2)),
        (2, 8),
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name", NETWORKS)
def test_fields_are_those_of_the_gradients(name: str) -> None:
    torch.manual_seed(0)
    model, shape = NETWORKS[name]
    model = positive(model)
    for layer in layers_of(model, torch.zeros(1, *shape).double()):
        found = receptive_fields(model, torch.zeros(1, *shape), layer)
        expected = by_gradients(model, shape, layer, draws=30 if "pool" in name else 1)
        assert found.propagated
        assert torch.equal(found.start, expected.start), layer.name
        assert torch.equal(found.stop, expected.stop), layer.name


layer_options = st.fixed_dictionaries(
    {
        "kernel_size": st.integers(1, 4),
        "stride": st.integers(1, 2),
        "padding": st.integers(0, 2),
        "dilation": st.integers(1, 2),
        "groups": st.sampled_from([1, 2]),
    }
)


@settings(max_examples=25)
@given(st.lists(layer_options, min_size=1, max_size=3))
def test_fields_of_any_row_of_convolutions_are_those_of_the_gradients(options: list[dict[str, int]]) -> None:
    torch.manual_seed(0)
    model = positive(nn.Sequential(*(nn.Conv1d(2, 2, **each) for each in options)))  # type: ignore[arg-type]
    inputs = torch.zeros(1, 2, 60)
    layer = Layer(str(len(options) - 1), "Conv1d", 2, "")
    found, expected = receptive_fields(model, inputs, layer), by_gradients(model, (2, 60), layer, draws=1)
    assert torch.equal(found.start, expected.start)
    assert torch.equal(found.stop, expected.stop)


def test_a_place_that_sees_only_padding_sees_nothing() -> None:
    model = nn.Sequential(nn.Conv1d(1, 1, 1, padding=1))
    found = receptive_fields(model, torch.zeros(1, 1, 2), layers_of(model, torch.zeros(1, 1, 2))[0])
    assert found.box(0, 0) == (slice(0, 0), slice(0, 0))
    assert found.box(0, 1) == (slice(0, 1), slice(0, 1))


class Words(nn.Module):
    """Reads tokens with positions, kernels of two widths and the largest of each."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(20, 6), nn.Embedding(9, 6)
        self.two, self.three = nn.Conv1d(6, 2, 2), nn.Conv1d(6, 2, 3)
        self.output = nn.Linear(4, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        x = (self.words(tokens) + self.places(torch.arange(tokens.shape[1]))).transpose(1, 2)
        return self.output(torch.cat([each(x).relu().amax(2) for each in (self.two, self.three)], dim=1))


def test_the_words_that_a_unit_sees() -> None:
    model, tokens = Words().eval(), torch.arange(9)[None]
    layers = {each.name: each for each in layers_of(model, tokens)}
    with pytest.raises(OptionError, match="what the layer 'places' gives does not depend on the inputs"):
        receptive_fields(model, tokens, layers.pop("places"))
    fields = {name: receptive_fields(model, tokens, each) for name, each in layers.items()}
    assert fields["two"].box(1, 3) == (slice(3, 5),)
    assert fields["three"].box(0, 6) == (slice(6, 9),)
    assert fields["words"].box(5, 2) == (slice(2, 3),)
    assert fields["output"].box(0) == (slice(0, 9),)
    start, stop = probed(model, tokens, layers["three"])
    assert torch.equal(fields["three"].start, start)
    assert torch.equal(fields["three"].stop, stop)


def test_attention_sees_all_and_causal_attention_what_was_before() -> None:
    class Causal(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix, self.after = nn.Linear(4, 12), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            query, key, value = self.mix(x).chunk(3, dim=-1)
            seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            return self.after(functional.layer_norm(seen, (4,)))

    x = torch.randn(1, 5, 4)
    causal = Causal().eval()
    fields = receptive_fields(causal, x, layers_of(causal, x)[1])
    assert fields.propagated
    assert [fields.box(0, place)[0] for place in range(5)] == [slice(0, place + 1) for place in range(5)]
    both = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval()
    last = next(each for each in layers_of(both, x) if each.name == "linear2")
    found = receptive_fields(both, x, last)
    assert found.propagated
    assert found.box(0, 2) == (slice(0, 5), slice(0, 4))


class Masked(nn.Module):
    """Hides the last word by a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.scores, self.after = nn.Linear(3, 3), nn.Linear(3, 1)
        self.register_buffer("mask", torch.tensor([1.0, 1.0, 0.0]))

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.scores(x * self.mask))


def test_where_a_mask_hides_inputs_they_are_changed_one_by_one() -> None:
    model, inputs = Masked(), torch.ones(2, 3)
    layer = layers_of(model, inputs)[1]
    found = receptive_fields(model, inputs, layer)
    assert not found.propagated
    assert found.box(0) == (slice(0, 2),)


def test_a_recurrent_network_is_probed_and_sees_what_was_before() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.memory, self.after = nn.GRU(2, 3, batch_first=True), nn.Linear(3, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.after(self.memory(x)[0])

    torch.manual_seed(0)
    model, inputs = Recurrent().double().eval(), torch.randn(1, 4, 2).double()
    found = receptive_fields(model, inputs, layers_of(model, inputs)[0])
    assert not found.propagated
    assert [found.box(0, place)[0] for place in range(4)] == [slice(0, place + 1) for place in range(4)]


def labels(*shape: int) -> Tensor:
    return torch.arange(float(torch.Size(shape).numel())).view(shape).as_subclass(Extents)


def test_rules_keep_the_smallest_label_that_enters() -> None:
    x = labels(2, 3, 4)
    plain = x.as_subclass(Tensor)
    smallest = plain.amin(2)
    for found in (x.mean(2), x.sum(-1), x.max(2).values, torch.max(x, 2)[0], x.amax(2), x.std(2)):
        assert torch.equal(found.as_subclass(Tensor), smallest)
    assert torch.equal((x.softmax(-1) + 1).as_subclass(Tensor), smallest[..., None].expand(2, 3, 4))
    assert torch.equal(torch.max(x, x.flip(2)).as_subclass(Tensor), torch.minimum(plain, plain.flip(2)))
    product = (x @ x.transpose(1, 2)).as_subclass(Tensor)
    assert torch.equal(product, torch.minimum(smallest[:, :, None], smallest[:, None]))
    assert torch.equal((x @ torch.ones(4, 5)).as_subclass(Tensor), smallest[..., None].expand(2, 3, 5))
    assert torch.equal(functional.group_norm(x, 3).as_subclass(Tensor), smallest[..., None].expand(2, 3, 4))
    assert torch.equal(functional.pad(x, (1, 0)).as_subclass(Tensor)[..., 0], torch.full((2, 3), torch.inf))
    assert torch.equal(x[:, 1].as_subclass(Tensor), plain[:, 1])
    x.mul_(2.0)
    assert torch.equal(x.as_subclass(Tensor), plain)


@pytest.mark.parametrize(
    "run",
    [
        lambda x: x.sum(),
        lambda x: x.max(),
        lambda x: x.sort(),
        lambda x: x[x > 1],
        lambda x: x @ torch.ones(4),
        lambda x: x.masked_fill(torch.ones(4, dtype=torch.bool), 0),
        lambda x: functional.batch_norm(x, None, None, training=True),
        lambda x: functional.max_pool1d(x, 2, return_indices=True),
        lambda x: functional.adaptive_max_pool1d(x, 2, return_indices=True),
        lambda x: functional.scaled_dot_product_attention(x, x, x, torch.zeros(3, 3)),
        lambda x: nn.MultiheadAttention(4, 2)(x, x, x, attn_mask=torch.zeros(3, 3)),
    ],
    ids=range(11),
)
def test_what_no_rule_covers_is_said(run: object) -> None:
    with pytest.raises(NoRuleError):
        run(labels(3, 3, 4))  # type: ignore[operator]


def test_the_same_bits_each_time() -> None:
    model, shape = NETWORKS["fire modules"]
    layer = layers_of(model.double(), torch.zeros(1, *shape).double())[-1]
    first, second = (receptive_fields(model, torch.zeros(1, *shape), layer) for _ in range(2))
    assert torch.equal(first.start, second.start)
    assert torch.equal(first.stop, second.stop)
