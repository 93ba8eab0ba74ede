"""The strongest examples are those of a full sort; patches hold what excites; memory holds one batch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from weightdesk.capture import Specimen
from weightdesk.capture import activations as streaming
from weightdesk.capture.examples import strongest_examples
from weightdesk.capture.examples.distribution import QUANTILES, distribution
from weightdesk.capture.examples.strongest import extremes
from weightdesk.capture.layers import layers_of
from weightdesk.errors import OptionError


def specimen(count: int = 40, seed: int = 0) -> Specimen:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 4, 3), nn.ReLU()).eval()
    return Specimen(model, torch.randn(count, 1, 6, 6), torch.arange(count) % 3, ("a", "b", "c"))


def test_strongest_and_weakest_are_those_of_a_full_sort() -> None:
    whole = specimen()
    layer = layers_of(whole.model, whole.inputs)[1]
    found = strongest_examples(whole, layer, count=5)
    z = whole.model[2](whole.model[1](whole.model[0](whole.inputs))).detach().flatten(2)  # type: ignore[index]
    highest, lowest = z.amax(2).T, z.amin(2).T
    assert torch.equal(found.most.examples, highest.argsort(dim=1, descending=True)[:, :5])
    assert torch.equal(found.least.examples, lowest.argsort(dim=1)[:, :5])
    assert torch.allclose(found.least.values, lowest.sort(dim=1).values[:, :5])
    assert torch.allclose(
        found.distribution.quantiles[:, [0, -1]], torch.stack(highest.aminmax(dim=1)[::1], 1)
    )
    assert found.distribution.counts.sum(1).tolist() == [40] * 4


def test_a_patch_alone_excites_the_unit_as_much_as_the_whole_example() -> None:
    whole = specimen()
    layer = layers_of(whole.model, whole.inputs)[1]
    found = strongest_examples(whole, layer, count=2)
    example, box = int(found.most.examples[1, 0]), found.box(1)
    only = torch.full((1, 1, 6, 6), 100.0)
    only[0][box] = found.patch(1)
    place = int(found.most.places[1, 0])
    z = whole.model[:3](only).detach()[0, 1].flatten()[place]  # type: ignore[index]
    assert float(z) == pytest.approx(float(found.most.values[1, 0]), rel=1e-5)
    assert torch.equal(found.patch(1), whole.inputs[example][box])
    assert found.patch(1, 1, least=True).numel() > 0


@settings(max_examples=20)
@given(st.integers(1, 13), st.integers(1, 12))
def test_batches_make_no_difference_and_ties_keep_the_order_of_the_examples(batch: int, count: int) -> None:
    net = nn.Linear(2, 2, bias=False)
    net.weight.data = torch.tensor([[1.0, 0.0], [0.0, -1.0]])
    inputs = torch.tensor([[each % 3, each % 2] for each in range(12)]).float()
    layer = layers_of(net, inputs)[0]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(streaming.passes, "__kwdefaults__", {"before": False, "batch": batch})
        most, least, _ = extremes(Specimen(net, inputs), layer, count)
    assert most.examples[0].tolist() == sorted(range(12), key=lambda each: -(each % 3))[:count]
    assert least.examples[1].tolist() == sorted(range(12), key=lambda each: -(each % 2))[:count]


def test_only_one_batch_of_maps_is_alive_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming.passes, "__kwdefaults__", {"before": False, "batch": 4})
    whole, sizes = specimen(), []
    layer = layers_of(whole.model, whole.inputs)[0]
    whole.model[0].register_forward_hook(lambda _m, given, _r: sizes.append(len(given[0])))  # type: ignore[index]
    extremes(whole, layer, 3)
    assert sizes == [4] * 10


def test_purity_is_1_for_a_unit_of_one_class_and_chance_for_random_examples() -> None:
    labels = torch.arange(60) % 3
    inputs = nn.functional.one_hot(labels, 3).float()
    net = nn.Linear(3, 3)
    net.weight.data, net.bias.data = torch.eye(3), torch.zeros(3)
    found = strongest_examples(Specimen(net, inputs, labels), layers_of(net, inputs)[0], 6, untrained=net)
    assert found.purity["this network"].tolist() == [1.0] * 3
    assert found.purity["step 0"].tolist() == [1.0] * 3
    # of 6 from 60 in 3 equal classes the commonest holds 0.529 on average, by enumeration
    assert float(found.purity["random examples"].mean()) == pytest.approx(expected_purity(), abs=0.02)
    assert [each.title for each in found.sections()][-1] == "purity over the units"


def expected_purity() -> float:
    """Of 6 drawn without putting back from three classes of 20, the mean share of the commonest."""
    from math import comb

    total = 0.0
    for first in range(7):
        for second in range(7 - first):
            third = 6 - first - second
            ways = comb(20, first) * comb(20, second) * comb(20, third)
            total += ways * max(first, second, third) / 6
    return total / comb(60, 6)


def test_words_are_shown_for_texts() -> None:
    class Text(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.filters = nn.Embedding(4, 4), nn.Conv1d(4, 1, 2, bias=False)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.filters(self.words(tokens).transpose(1, 2))

    model = Text()
    model.words.weight.data = torch.eye(4)
    model.filters.weight.data = torch.zeros(1, 4, 2)
    model.filters.weight.data[0, 1, 0] = model.filters.weight.data[0, 2, 1] = 1.0
    tokens = torch.tensor([[0, 3, 0, 3], [3, 1, 2, 0], [2, 1, 0, 3]])
    texts = Specimen(model, tokens, tokens=("a", "not", "good", "film"))
    page = strongest_examples(texts, layers_of(model, tokens)[1], 1)
    assert page.to_arrow()["sees"].to_pylist() == ["not good"]
    assert "purity" not in page._repr_html_()


def test_the_same_bits_each_time_and_a_listener_can_stop_it() -> None:
    whole = specimen()
    layer = layers_of(whole.model, whole.inputs)[1]
    first, second = (strongest_examples(whole, layer, 3) for _ in range(2))
    assert torch.equal(first.most.values, second.most.values)
    assert all(torch.equal(first.purity[each], second.purity[each]) for each in first.purity)

    def stop(_what: str, _share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        strongest_examples(whole, layer, progress=stop)
    assert not any(module._forward_hooks for module in whole.model.modules())
    with pytest.raises(OptionError, match="count must be 1 or more, got 0"):
        strongest_examples(whole, layer, 0)


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=30))
def test_quantiles_are_those_of_torch_and_counts_add_up(values: list[float]) -> None:
    numbers = torch.tensor([values])
    found = distribution(numbers)
    expected = torch.quantile(numbers, torch.tensor(QUANTILES), dim=1).T
    assert torch.allclose(found.quantiles, expected, atol=1e-4)
    assert int(found.counts.sum()) == len(values)
