from __future__ import annotations

import pytest
from gradient_networks import Tied, TinyGPT
from torch import nn

from weightdesk.errors import UnknownParameterError
from weightdesk.explain.parameter import first_name, known_name


def test_each_parameter_is_known_under_all_of_its_names() -> None:
    model = TinyGPT()
    for name, parameter in model.named_parameters(remove_duplicate=False):
        assert known_name(model, name) == known_name(model, f"_orig_mod.{name}") == name
        assert model.get_parameter(first_name(model, name)) is parameter
    assert first_name(model, "head.weight") == "tokens.weight"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("layer.wieght", r"no parameter 'layer\.wieght'; did you mean layer\.weight\?"),
        ("_orig_mod.layer.wieght", r"no parameter 'layer\.wieght'; did you mean layer\.weight\?"),
        ("x", r"choose from head\.bias, head\.weight, layer\.bias, layer\.weight"),
    ],
)
def test_an_unknown_name_is_answered_with_the_closest(name: str, said: str) -> None:
    for find in (known_name, first_name):
        with pytest.raises(UnknownParameterError, match=said):
            find(Tied(), name)


def test_a_model_without_parameters_has_none() -> None:
    with pytest.raises(UnknownParameterError, match="the model has no parameter 'weight'"):
        known_name(nn.ReLU(), "weight")
