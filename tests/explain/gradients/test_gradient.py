from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

import pytest
import torch
from gradient_networks import CASES, Case, TinyGPT, cases
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._pytree import tree_map

from weightdesk.errors import IndexRangeError, OptionError, UnknownParameterError
from weightdesk.explain.gradients.gradient import explain_gradient
from weightdesk.explain.gradients.reasons import GradientReasons


def explain(case: Case, name: str, index: tuple[int, ...]) -> GradientReasons:
    return explain_gradient(
        case.model, case.inputs, case.targets, case.loss, name, index, batch_dim=case.batch_dim
    )


def some_indices(parameter: Tensor, count: int = 2) -> list[tuple[int, ...]]:
    chosen = torch.randperm(parameter.numel(), generator=torch.Generator().manual_seed(3))[:count]
    return [tuple(each) for each in torch.stack(torch.unravel_index(chosen, parameter.shape), 1).tolist()]


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", CASES)
def test_the_summands_are_the_gradient(name: str, training: bool) -> None:
    case = cases()[name]
    case.model.train(training)
    gradients = case.gradients()
    for parameter, gradient in gradients.items():
        for index in some_indices(gradient):
            reasons = explain(case, parameter, index)
            expected = (gradient.to_dense() if gradient.is_sparse else gradient)[index].item()
            size = max(1e-3, reasons.contributions.product.abs().sum().item())
            assert reasons.gradient == pytest.approx(expected, abs=1e-12 * size), (parameter, index)
            assert reasons.autograd == pytest.approx(expected, abs=1e-12 * size)
            assert abs(reasons.remainder) <= 1e-12 * size
            assert reasons.examples.sum().item() == pytest.approx(expected, abs=1e-12 * size)
            assert "uses that are not seen" not in reasons.note


@pytest.mark.parametrize("name", [name for name in CASES if name != "counted words"])
def test_an_example_s_part_is_the_gradient_of_its_own_loss(name: str) -> None:
    case = cases()[name]
    case.model.eval()
    for parameter, value in case.model.named_parameters():
        [index] = some_indices(value, 1)
        found = explain(case, parameter, index).examples
        for sample in range(len(found)):
            own = alone(case, sample)
            gradient = own.gradients()[parameter]
            expected = (gradient.to_dense() if gradient.is_sparse else gradient)[index].item() / len(found)
            assert found[sample].item() == pytest.approx(expected, abs=1e-13), (parameter, sample)


def alone(case: Case, sample: int) -> Case:
    dim = case.batch_dim or 0
    inputs = tree_map(lambda each: each.narrow(dim, sample, 1), case.inputs)
    return Case(case.model, inputs, case.targets[sample : sample + 1], case.loss, case.batch_dim)


@pytest.mark.parametrize("name", ["convolutions", "gpt", "recurrent"])
def test_finite_differences_agree(name: str) -> None:
    case = cases()[name]
    case.model.eval()
    parameter, value = next(iter(case.model.named_parameters()))
    index = (2,) * value.ndim if name == "gpt" else (0,) * value.ndim
    losses = []
    for move in (1e-6, -2e-6):
        with torch.no_grad():
            value[index] += move
            losses.append(case.loss(case.model(case.inputs), case.targets).item())
    with torch.no_grad():
        value[index] += 1e-6
    slope = (losses[0] - losses[1]) / 2e-6
    assert explain(case, parameter, index).gradient == pytest.approx(slope, rel=1e-5, abs=1e-9)


@given(
    widths=st.lists(st.integers(1, 6), min_size=2, max_size=4),
    activation=st.sampled_from([nn.ReLU, nn.Tanh, nn.GELU, nn.Identity]),
    norm=st.sampled_from([None, nn.LayerNorm, nn.BatchNorm1d]),
    examples=st.integers(2, 5),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=25)
def test_any_small_network_adds_up(
    widths: list[int], activation: type[nn.Module], norm: type[nn.Module] | None, examples: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), *([norm(after)] if norm else []), activation()]
    model = nn.Sequential(*layers, nn.Linear(widths[-1], 3)).double()
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    inputs = torch.randn(examples, widths[0], generator=generator, dtype=torch.float64)
    targets = torch.randint(0, 3, (examples,), generator=generator)
    case = Case(model, inputs, targets)
    for name, gradient in case.gradients().items():
        [index] = some_indices(gradient, 1)
        reasons = explain(case, name, index)
        size = 1 + reasons.contributions.product.abs().sum().item()
        assert reasons.gradient == pytest.approx(gradient[index].item(), abs=1e-12 * size)
        root = reasons.delta(0)
        assert abs(root.remainder) <= 1e-12 * (1 + sum(abs(part.product) for part in root.parts))


@given(
    kernel=st.integers(1, 3),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=25)
def test_any_convolution_adds_up(
    kernel: int, stride: int, padding: int, dilation: int, groups: int, seed: int
) -> None:
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(2, 4, kernel, stride, padding, dilation, groups), nn.Tanh(), nn.Flatten(), nn.LazyLinear(3)
    )
    inputs, targets = torch.randn(3, 2, 6, 7), torch.randint(0, 3, (3,))
    model(inputs)
    case = Case(model.double(), inputs.double(), targets)
    gradient = case.gradients()["0.weight"]
    [index] = some_indices(gradient, 1)
    reasons = explain(case, "0.weight", index)
    assert reasons.gradient == pytest.approx(gradient[index].item(), abs=1e-13)
    row = reasons.contributions
    y, x = row.place[0].tolist()
    assert reasons.delta(int(row.sample[0]), (y, x)).delta == pytest.approx(row.delta[0].item(), abs=1e-14)


def test_float32_is_as_close_as_its_rounding() -> None:
    for name in ("convolutions", "gpt"):
        case = cases()[name]
        case.model.float()
        inputs = case.inputs if name == "gpt" else case.inputs.float()
        reasons = explain(
            Case(case.model, inputs, case.targets, case.loss),
            next(iter(case.model.state_dict())),
            (1,) * (2 if name == "gpt" else 4),
        )
        assert abs(reasons.remainder) <= 1e-5 * reasons.contributions.product.abs().sum().item()
        assert "not seen" not in reasons.note


def test_what_is_planted_is_found() -> None:
    """One informative input, one class that pushes, one path to the loss."""
    model = nn.Sequential(
        OrderedDict(first=nn.Linear(3, 2, bias=False), act=nn.ReLU(), last=nn.Linear(2, 2, bias=False))
    ).double()
    with torch.no_grad():
        model.first.weight.copy_(torch.tensor([[2.0, 0, 0], [0, 1.0, 0]]))
        model.last.weight.copy_(torch.tensor([[3.0, 0], [0, 0]]))
    inputs = torch.tensor([[1.0, 0, 0], [0.5, 0, 0], [0, 0, 5.0]]).double()
    targets = torch.tensor([0, 1, 1])
    loss = lambda outputs, targets: (outputs[:, 0] * (targets == 1)).sum()  # noqa: E731
    reasons = explain_gradient(model, inputs, targets, loss, "first.weight", (0, 0))
    assert reasons.examples.tolist() == [0, 1.5, 0]
    assert reasons.classes == {0: 0.0, 1: 1.5}
    assert (reasons.contributions.delta[0], reasons.contributions.x[0]) == (3.0, 0.5)
    [path] = reasons.paths().paths
    assert str(path) == "first[0] → last[0] → loss"
    assert path.value == 1.5
    assert reasons.paths().carried == 1
    silent = explain_gradient(model, inputs, targets, loss, "first.weight", (0, 1))
    assert silent.gradient == 0
    assert not silent.examples.any()


def test_the_order_of_the_batch_does_not_matter() -> None:
    case = cases()["convolutions"]
    order = torch.tensor([2, 0, 3, 1])
    mixed = Case(case.model, case.inputs[order], case.targets[order], case.loss)
    straight, shuffled = explain(case, "0.weight", (1, 1, 2, 0)), explain(mixed, "0.weight", (1, 1, 2, 0))
    assert shuffled.gradient == pytest.approx(straight.gradient, rel=1e-12)
    assert torch.allclose(shuffled.examples, straight.examples[order], rtol=1e-12, atol=1e-15)
    assert shuffled.classes == pytest.approx(straight.classes, rel=1e-12)


def test_the_same_call_gives_the_same_bits() -> None:
    case = cases()["attention"]
    first, second = (explain(case, "attention.in_proj_weight", (5, 1)) for _ in range(2))
    assert torch.equal(first.contributions.product, second.contributions.product)
    assert torch.equal(first.examples, second.examples)


def test_a_tied_weight_is_the_sum_over_its_uses() -> None:
    case = cases()["tied"]
    reasons = explain(case, "layer.weight", (0, 1))
    assert sorted(set(reasons.contributions.station.tolist())) == [0, 1]
    assert len(reasons.contributions) == 8
    gpt = cases()["gpt"]
    both = [explain(gpt, name, (2, 1)) for name in ("tokens.weight", "head.weight")]
    assert both[0].gradient == both[1].gradient
    assert both[1].parameter == "head.weight"


def test_another_seed_is_another_mask() -> None:
    case = cases()["rms norm"]
    values = {
        explain_gradient(
            case.model, case.inputs, case.targets, case.loss, "0.weight", (0, 0), seed=seed
        ).gradient
        for seed in (0, 1)
    }
    assert len(values) == 2
    state = torch.Generator().manual_seed(1).get_state()
    again = explain_gradient(case.model, case.inputs, case.targets, case.loss, "0.weight", (0, 0), seed=state)
    assert again.gradient in values


@pytest.mark.parametrize("name", CASES)
def test_nothing_changes_in_the_model(name: str) -> None:
    case = cases()[name]
    parameter = next(case.model.parameters())
    parameter.requires_grad_(False)
    for each in case.model.parameters():
        each.grad = None if each is parameter else torch.ones_like(each)
    before = {key: value.clone() for key, value in case.model.state_dict().items()}
    hooks = [len(each._forward_hooks) + len(each._forward_pre_hooks) for each in case.model.modules()]
    random = torch.get_rng_state()
    first = next(iter(dict(case.model.named_parameters())))
    reasons = explain(case, first, some_indices(parameter, 1)[0])
    if reasons.kind != "unknown":
        reasons.paths(beam=2)
    with pytest.raises(ZeroDivisionError):
        explain_gradient(case.model, case.inputs, None, lambda *_: 1 / 0, first, (0,) * parameter.ndim)
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(value, before[key]) for key, value in case.model.state_dict().items())
    assert hooks == [len(each._forward_hooks) + len(each._forward_pre_hooks) for each in case.model.modules()]
    assert not parameter.requires_grad
    assert parameter.grad is None
    assert all(bool((each.grad == 1).all()) for each in case.model.parameters() if each is not parameter)
    assert case.model.training


def test_operations_without_factors_say_so() -> None:
    case = cases()["recurrent"]
    reasons = explain(case, "lstm.weight_hh_l0", (3, 1))
    assert reasons.kind == "unknown"
    assert "no factors" in reasons.note
    assert reasons.contributions.x.isnan().all()
    assert reasons.to_arrow()["delta"].null_count == 4
    with pytest.raises(OptionError, match="no δ to open"):
        reasons.delta(0)
    before = explain(case, "tokens.weight", (int(case.inputs[0, 0]), 1))
    assert before.kind == "lookup"
    assert abs(before.delta(0).remainder) < 1e-14


class Half(torch.autograd.Function):
    """An operation of the user's own that cannot be differentiated twice."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x * weight / 2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, back):
        x, weight = ctx.saved_tensors
        return back * weight / 2, (back * x / 2).sum(0)


class Halved(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.weight = nn.Linear(4, 3), nn.Parameter(torch.randn(3))
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        return Half.apply(self.before(x), self.weight)


def test_what_cannot_be_differentiated_twice_is_still_split_by_example() -> None:
    case = Case(Halved(), torch.randn(4, 4).double(), torch.tensor([0, 1, 2, 1]))
    reasons = explain(case, "weight", (1,))
    assert reasons.gradient == pytest.approx(case.gradients()["weight"][1].item(), abs=1e-14)
    assert reasons.kind == "unknown"
    for sample in range(4):
        expected = alone(case, sample).gradients()["weight"][1].item() / 4
        assert reasons.examples[sample].item() == pytest.approx(expected, abs=1e-14)


class Opaque(nn.Module):
    """Returns what nobody can look into."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    def forward(self, x: Tensor) -> set[Tensor]:
        return {torch.cos(self.weight).sum() * x}


def test_outputs_of_an_unknown_structure_give_the_sum_alone() -> None:
    reasons = explain_gradient(Opaque(), torch.ones(3), None, lambda o, _: o.pop().sum(), "weight", 0)
    assert reasons.gradient == reasons.autograd == pytest.approx(-3 * torch.sin(torch.tensor(1.0)).item())
    assert reasons.examples.isnan().all()
    assert "cannot be told apart" in reasons.note
    assert reasons.contributions.sample.tolist() == [-1]
    assert len(reasons.sections()) == 1


def test_uses_that_are_not_seen_are_reported() -> None:
    layer = nn.Linear(2, 1, bias=False)
    decayed = lambda outputs, _: outputs.sum() + (layer.weight**2).sum()  # noqa: E731
    reasons = explain_gradient(layer, torch.ones(3, 2), None, decayed, "weight", (0, 0))
    assert reasons.remainder == pytest.approx(2 * layer.weight[0, 0].item(), rel=1e-6)
    assert "uses that are not seen" in reasons.note


def test_a_single_example_needs_no_axis() -> None:
    model = nn.Conv2d(1, 2, 2)
    picture = torch.arange(9.0).view(1, 3, 3)
    reasons = explain_gradient(
        model, picture, None, lambda o, _: o[1].sum(), "weight", (1, 0, 1, 1), batch_dim=None
    )
    assert reasons.examples.tolist() == [4 + 5 + 7 + 8]
    assert reasons.contributions.place[0].tolist() == [1, 1]
    assert reasons.contributions.sample.unique().tolist() == [0]


def test_the_page_shows_examples_classes_and_what_they_push() -> None:
    reasons = explain(cases()["mlp"], "0.weight", (0, 0))
    titles = [each.title for each in reasons.sections()]
    assert titles == ["pushes, by example and place", "pushes, by example", "pushes, by class"]
    assert reasons.to_arrow().column_names == ["sample", "place", "delta", "x", "product"]
    by_example = reasons.sections()[1].table.to_pylist()
    assert {row["pushes"] for row in by_example if row["product"] < 0} <= {"up"}
    assert {row["pushes"] for row in by_example if row["product"] > 0} <= {"down"}
    assert "∂L/∂0.weight[0, 0]" in reasons._repr_html_()
    assert "autograd" in reasons.sections()[0].note


def test_errors_say_what_to_do() -> None:
    case = cases()["mlp"]
    for name, index, error, words in [
        ("0.wieght", (0, 0), UnknownParameterError, "did you mean 0.weight"),
        ("0.weight", (0, 9), IndexRangeError, r"choose from \(0..4, 0..3\)"),
        ("0.weight", (0,), IndexRangeError, "shape is"),
    ]:
        with pytest.raises(error, match=words):
            explain(case, name, index)
    assert explain(case, "0.weight", (-1, -1)).index == (4, 3)
    assert explain(case, "0.bias", 2).index == (2,)
    x, y, model = case.inputs, case.targets, case.model
    with pytest.raises(OptionError, match="needs targets, got None"):
        explain_gradient(model, x, None, functional.cross_entropy, "0.weight", (0, 0))
    with pytest.raises(OptionError, match=r"without axes, got shape \(4,\)"):
        explain_gradient(model, x, y, lambda o, t: o.sum(1), "0.weight", (0, 0))
    with pytest.raises(OptionError, match="without axes, got float"):
        explain_gradient(model, x, y, lambda o, t: 1.0, "0.weight", (0, 0))
    with pytest.raises(OptionError, match="not used in this forward pass"):
        explain_gradient(model, x, y, lambda o, t: torch.ones(()), "0.weight", (0, 0))
    with pytest.raises(OptionError, match="batch_dim 3 is no axis"):
        explain_gradient(model, x, y, functional.cross_entropy, "0.weight", (0, 0), batch_dim=3)


def test_a_parameter_that_is_not_used_says_so() -> None:
    model = nn.ModuleDict({"used": nn.Linear(2, 1), "spare": nn.Linear(2, 1)})
    model.forward = lambda x: model["used"](x)  # type: ignore[method-assign]
    with pytest.raises(OptionError, match=r"spare\.weight is not used"):
        explain_gradient(model, torch.ones(1, 2), None, lambda o, _: o.sum(), "spare.weight", (0, 0))


def test_rows_of_a_parameter_that_are_not_used_have_no_summands() -> None:
    case = cases()["operators"]
    reasons = explain(case, "out", (1, 1))
    assert (reasons.gradient, reasons.autograd, len(reasons.contributions)) == (0, 0, 0)
    with pytest.raises(IndexRangeError, match="not used for example 0"):
        reasons.delta(0)


def test_samples_and_places_are_checked() -> None:
    reasons = explain(cases()["one axis"], "0.weight", (0, 0, 0))
    assert reasons.delta(1, (1,)).place == (1,)
    for sample in (4, -1):
        with pytest.raises(IndexRangeError, match=r"choose from 0\.\.3"):
            reasons.delta(sample)
    for place in ((2,), (0, 0)):
        with pytest.raises(IndexRangeError, match="2 places"):
            reasons.delta(1, place)


def test_a_model_that_has_moved_on_cannot_be_opened() -> None:
    case = cases()["mlp"]
    early, late = (explain(case, "0.weight", (0, 0)) for _ in range(2))
    opened = early.delta(int(early.contributions.sample[0]))
    optimizer = torch.optim.SGD(case.model.parameters(), lr=0.5)
    case.loss(case.model(case.inputs), case.targets).backward()
    optimizer.step()
    with pytest.raises(OptionError, match="weights have changed"):
        opened.parts  # noqa: B018
    with pytest.raises(OptionError, match="model has changed"):
        late.delta(0)


def test_a_position_shared_by_all_examples_is_split_by_example() -> None:
    case = cases()["gpt"]
    reasons = explain(case, "places.weight", (1, 2))
    assert reasons.contributions.sample.tolist() == [-1]
    assert reasons.to_arrow()["sample"].null_count == 1
    assert reasons.delta(2).sample is None
    assert len(reasons.examples) == 3


def test_the_right_place_is_known_wherever_the_examples_lie() -> None:
    model = TinyGPT().double()
    tokens = torch.tensor([[1, 2, 3], [4, 5, 1]])
    reasons = explain_gradient(model, tokens, None, lambda o, _: o.sum(), "qkv.weight", (3, 1))
    found = {(row["sample"], *row["place"]) for row in reasons.to_arrow().to_pylist()}
    assert found == {(sample, place) for sample in range(2) for place in range(3)}
    for strided in ("folded", "folded tokens first"):
        case = cases()[strided]
        rows = explain(case, "layer.weight", (1, 2)).to_arrow().to_pylist()
        for row in rows:
            assert row["x"] == case.inputs[row["sample"], row["place"][0], 2].item()
