from __future__ import annotations

import json

import pytest

from weightdesk.training.compare.plan import make_plan
from weightdesk.training.compare.startup import Start, measure_starts

DEEP = {"network": "mlp", "layers": (32,) * 10, "dropout": 0}


def verdicts(source: str, inits: list[str], **options: object) -> dict[str, str]:
    return {
        name: each.verdict
        for name, each in measure_starts(make_plan(source, {"init": inits}, seeds=2, **options)).items()
    }


def test_deep_relu_networks_start_evenly_with_he_alone() -> None:
    inits = ["zeros", "constant", "xavier_uniform", "he_normal", "he_uniform"]
    assert verdicts("digits", inits, activation="relu", **DEEP) == {
        "zeros": "cannot start",
        "constant": "cannot start",
        "xavier_uniform": "fades",
        "he_normal": "even",
        "he_uniform": "even",
    }


def test_deep_tanh_networks_start_evenly_with_xavier() -> None:
    found = verdicts("digits", ["xavier_uniform", "normal"], activation="tanh", init_std=1.0, **DEEP)
    assert found == {"xavier_uniform": "even", "normal": "saturates"}


def test_units_that_are_alike_are_told_apart_by_dropout() -> None:
    assert verdicts("xor", ["constant"], dropout=0.0) == {"constant": "cannot start"}
    assert verdicts("xor", ["constant"], dropout=0.5) != {"constant": "cannot start"}


def test_a_network_without_hidden_layers_may_start_at_zero() -> None:
    assert verdicts("radio", ["zeros"])["zeros"] != "cannot start"


@pytest.mark.parametrize("network", ["textcnn", "transformer"])
def test_what_is_no_plain_row_has_no_theory(network: str) -> None:
    plan = make_plan("reviews", {"init": ["default"]}, seeds=1, network=network, layers=8, examples=200)
    (found,) = measure_starts(plan).values()
    assert found.layers
    assert all(each.forward_theory != each.forward_theory for each in found.layers)


def test_a_start_is_kept_as_json_and_the_same_each_time() -> None:
    plan = make_plan("xor", {"init": ["constant"]}, seeds=1)
    (found,), (again,) = (measure_starts(plan).values() for _ in range(2))
    assert found.to_dict() == again.to_dict()
    stored = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert Start.from_dict(stored).to_dict() == found.to_dict()


def test_a_setting_that_cannot_be_prepared_is_left_to_its_members() -> None:
    plan = make_plan("xor", {"network": ["mlp", "textcnn"]}, seeds=1)
    assert list(measure_starts(plan)) == ["mlp"]
