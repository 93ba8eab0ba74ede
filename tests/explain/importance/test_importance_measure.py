from __future__ import annotations

import copy

import pytest
import torch
from ablated_networks import Branching, Residual, Tied, Words, ablated, classes, cnn, mlp, normal
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from weightdesk.errors import DataError, IndexRangeError, OptionError, UnknownParameterError
from weightdesk.explain.importance import Importance, importance

EXACT = {"rtol": 0.0, "atol": 1e-13}


def measured(
    model: nn.Module, inputs: object, targets: object, name: str, method: str = "ablation", **options: object
) -> Importance:
    return importance(model, inputs, targets, functional.cross_entropy, name, method, **options)  # type: ignore[arg-type]


def digest(model: nn.Module) -> list[object]:
    state = [(name, each.clone()) for name, each in model.state_dict().items()]
    flags = [(each.requires_grad, each.grad) for each in model.parameters()]
    hooks = [
        (len(each._forward_hooks), len(each._forward_pre_hooks), each.training) for each in model.modules()
    ]
    return [state, flags, hooks, torch.get_rng_state()]


def same(one: list[object], two: list[object]) -> bool:
    states = zip(one[0], two[0], strict=True)  # type: ignore[call-overload]
    return (
        all(a[0] == b[0] and torch.equal(a[1], b[1]) for a, b in states)
        and one[1:3] == two[1:3]
        and torch.equal(one[3], two[3])
    )  # type: ignore[arg-type]


CASES = {
    "mlp": (lambda: mlp(5, 12, 3), normal(7, 5), "downstream"),
    "cnn": (cnn, normal(7, 2, 10, 10), "downstream"),
    "residual": (Residual, normal(7, 2, 6, 6), "downstream"),
    "words": (Words, torch.randint(0, 7, (7, 5), generator=torch.Generator().manual_seed(0)), "replaced"),
    "tied": (Tied, normal(7, 4), "whole"),
    "branching": (Branching, normal(7, 5), "replaced"),
}


@pytest.mark.parametrize("case", CASES)
def test_ablations_are_those_of_the_plain_loop(case: str) -> None:
    torch.manual_seed(0)
    make, inputs, _ = CASES[case]
    model = make().double().eval()
    for name, _parameter in model.named_parameters():
        result = measured(model, inputs, classes(7), name)
        torch.testing.assert_close(result.values, ablated(model, inputs, classes(7), name), **EXACT)
        assert result.exact.all()
        assert result.error <= 1e-12


@pytest.mark.parametrize("case", CASES)
def test_the_engine_is_told(case: str) -> None:
    torch.manual_seed(0)
    make, inputs, engine = CASES[case]
    model = make().double().eval()
    name = next(name for name, each in model.named_parameters() if each.ndim > 1)
    assert engine in measured(model, inputs, classes(7), name).engine


@settings(max_examples=12)
@given(
    st.lists(st.integers(1, 12), min_size=2, max_size=4),
    st.integers(1, 9),
    st.sampled_from([nn.ReLU, nn.Tanh, nn.GELU]),
)
def test_small_networks_of_any_shape(widths: list[int], examples: int, activation: type[nn.Module]) -> None:
    torch.manual_seed(sum(widths))
    model = mlp(*widths, 3, activation=activation).double()
    inputs = normal(examples, widths[0])
    result = measured(model, inputs, classes(examples), "0.weight")
    torch.testing.assert_close(result.values, ablated(model, inputs, classes(examples), "0.weight"), **EXACT)


@pytest.mark.parametrize("level", ["unit", "kernel"])
def test_levels_zero_everything_of_a_group(level: str) -> None:
    torch.manual_seed(0)
    model = cnn().double().eval()
    inputs, targets = normal(7, 2, 10, 10), classes(7)
    result = measured(model, inputs, targets, "4.weight", level=level)
    without = copy.deepcopy(model)
    place = (2,) if level == "unit" else (2, 1)
    with torch.no_grad():
        without[4].weight[place] = 0
        change = functional.cross_entropy(without(inputs), targets) - functional.cross_entropy(
            model(inputs), targets
        )
    assert float(result.values[place]) == pytest.approx(float(change), abs=1e-13)
    assert result.values.shape == ((6,) if level == "unit" else (6, 4))


def test_groups_across_units_take_whole_passes() -> None:
    model = mlp(4, 3, 3).double()
    inputs, targets = normal(6, 4), classes(6)
    groups = [[(0, 0), (1, 1)], [(2, 3)]]
    result = measured(model, inputs, targets, "0.weight", level="group", groups=groups)
    without = copy.deepcopy(model)
    with torch.no_grad():
        without[0].weight[0, 0] = without[0].weight[1, 1] = 0
        change = functional.cross_entropy(without(inputs), targets) - functional.cross_entropy(
            model(inputs), targets
        )
    assert float(result.values[0]) == pytest.approx(float(change), abs=1e-13)
    assert "whole" in result.engine


def test_a_planted_path_is_all_that_matters() -> None:
    model = mlp(6, 4, 2).double()
    with torch.no_grad():
        for each in model.parameters():
            each.zero_()
        model[0].weight[2, 3] = 1.0
        model[2].weight[1, 2] = 5.0
    inputs = normal(50, 6)
    result = measured(model, inputs, (inputs[:, 3] > 0).long(), "0.weight")
    assert [index for index, _ in result.top(1)] == [(2, 3)]
    assert result.values.count_nonzero() == 1
    assert result.values[2, 3] > 0.1


def test_tokens_that_never_occur_matter_nothing() -> None:
    torch.manual_seed(0)
    model = Words().double()
    tokens = torch.randint(0, 7, (7, 5), generator=torch.Generator().manual_seed(0))
    for level in ("weight", "unit"):
        values = measured(model, tokens, classes(7), "tokens.weight", level=level).values
        assert values[7:].count_nonzero() == 0
        assert values[tokens.unique()].count_nonzero() > 0


def test_tied_weights_go_by_either_name() -> None:
    torch.manual_seed(0)
    model = Tied().double()
    first = measured(model, normal(5, 4), classes(5), "encode.weight")
    second = measured(model, normal(5, 4), classes(5), "decode.weight")
    assert second.parameter == "encode.weight"
    assert torch.equal(first.values, second.values)


def test_dropout_takes_the_mask_of_the_seed() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 3)).double()
    inputs, targets = normal(6, 3), classes(6)

    def seeded_loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(outputs, targets)

    result = measured(model, inputs, targets, "0.weight", seed=3)
    changes = []
    for index in range(24):
        with torch.no_grad():
            kept = model[0].weight.view(-1)[index].clone()
            torch.manual_seed(3)
            before = seeded_loss(model(inputs), targets)
            model[0].weight.view(-1)[index] = 0
            torch.manual_seed(3)
            changes.append(seeded_loss(model(inputs), targets) - before)
            model[0].weight.view(-1)[index] = kept
    torch.testing.assert_close(result.values.flatten(), torch.stack(changes), **EXACT)
    assert "not apart" in result.engine


def test_batch_normalisation_in_training_couples_examples() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3)).double()
    before = digest(model)
    result = measured(model, normal(6, 3), classes(6), "0.weight")
    assert "not apart" in result.engine
    assert same(digest(model), before)
    torch.testing.assert_close(result.values, ablated(model, normal(6, 3), classes(6), "0.weight"), **EXACT)


def test_a_loss_that_joins_examples() -> None:
    model = mlp(3, 4, 2).double()
    inputs, targets = normal(6, 3), normal(6, 2)

    def worst(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return (outputs - targets).abs().max()

    result = importance(model, inputs, targets, worst, "0.weight")
    torch.testing.assert_close(result.values, ablated(model, inputs, targets, "0.weight", worst), **EXACT)


def test_several_inputs_and_keywords() -> None:
    torch.manual_seed(0)
    model = nn.Bilinear(2, 2, 3).double()
    one, two, targets = normal(5, 2), normal(5, 2, seed=4), classes(5)
    expected = ablated(model, (one, two), targets, "weight")
    for inputs in ((one, two), {"input1": one, "input2": two}):
        torch.testing.assert_close(measured(model, inputs, targets, "weight").values, expected, **EXACT)


@pytest.mark.parametrize("method", ["ablation", "auto", "taylor", "fisher"])
def test_the_model_stays_as_it_is(method: str) -> None:
    torch.manual_seed(0)
    model = cnn().double().eval()
    model[0].weight.requires_grad_(False)
    before = digest(model)
    measured(model, normal(5, 2, 10, 10), classes(5), "0.weight", method)
    assert same(digest(model), before)


def test_the_model_stays_as_it_is_after_an_error() -> None:
    model = Branching().double()
    before = digest(model)
    calls = []

    def fails(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        if len(calls) > 20:
            raise ZeroDivisionError
        return functional.cross_entropy(outputs, targets)

    with pytest.raises(ZeroDivisionError):
        importance(model, normal(6, 5), classes(6), fails, "first.weight")
    assert same(digest(model), before)


def test_the_order_of_examples_does_not_matter() -> None:
    model = mlp(5, 8, 3).double()
    inputs, targets = normal(20, 5), classes(20)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    one = measured(model, inputs, targets, "0.weight").values
    two = measured(model, inputs[order], targets[order], "0.weight").values
    torch.testing.assert_close(one, two, **EXACT)


def test_the_same_call_gives_the_same_bits() -> None:
    model = mlp(5, 8, 3)
    calls = [measured(model, normal(20, 5).float(), classes(20), "0.weight").values for _ in range(2)]
    assert torch.equal(*calls)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"name": "0.wieght"}, UnknownParameterError, "did you mean 0.weight"),
        ({"method": "ablatoin"}, OptionError, "did you mean ablation"),
        ({"level": "units"}, OptionError, "did you mean unit"),
        ({"level": "kernel"}, OptionError, "needs more dimensions"),
        ({"level": "group"}, OptionError, "groups= goes with level='group'"),
        ({"groups": [[(0, 0)]]}, OptionError, "groups= goes with level='group'"),
        (
            {"level": "group", "groups": [[(0, 9)]]},
            IndexRangeError,
            r"\(0, 9\) lies outside the parameter",
        ),
        ({"seconds": 1.0}, OptionError, "goes with method='auto'"),
        ({"method": "auto", "seconds": 0.0}, OptionError, "is positive, got 0.0"),
        ({"start": torch.zeros(4, 3)}, OptionError, "goes with method='movement'"),
        ({"targets": None}, DataError, "needs targets"),
        ({"inputs": torch.zeros(0, 3)}, DataError, "at least one example"),
        ({"loss": lambda outputs, targets: outputs}, DataError, r"must be a scalar, got \(6, 3\)"),
        ({"loss": lambda outputs, targets: 1.0}, DataError, "must be a scalar, got float"),
    ],
)
def test_mistakes_are_told(options: dict[str, object], error: type[Exception], message: str) -> None:
    model = mlp(3, 4, 3)
    given = {
        "inputs": torch.zeros(6, 3),
        "targets": classes(6),
        "loss": functional.cross_entropy,
        "name": "0.weight",
    }
    with pytest.raises(error, match=message):
        importance(model, **{**given, **options})  # type: ignore[arg-type]


def test_a_parameter_without_use_is_told() -> None:
    model = mlp(3, 4, 3)
    model.register_module("spare", nn.Linear(2, 2))
    model.forward = lambda x: model[2](model[1](model[0](x)))  # type: ignore[method-assign]
    with pytest.raises(DataError, match="not used in this forward pass"):
        measured(model, torch.zeros(6, 3), classes(6), "spare.weight")


def test_a_recurrent_layer_is_ablated_by_whole_passes() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.memory, self.output = nn.LSTM(3, 2, batch_first=True), nn.Linear(2, 1)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.output(self.memory(inputs)[0][:, -1])

    torch.manual_seed(0)
    model, inputs, targets = Recurrent().double(), torch.randn(4, 5, 3).double(), torch.zeros(4, 1).double()
    found = importance(model, inputs, targets, nn.functional.mse_loss, "memory.weight_hh_l0")
    loss = nn.functional.mse_loss(model(inputs), targets)
    model.memory.weight_hh_l0.data[5, 1] = 0.0
    change = nn.functional.mse_loss(model(inputs), targets) - loss
    assert found.values[5, 1].item() == pytest.approx(change.item(), abs=1e-15)
    assert "whole network" in found.engine
