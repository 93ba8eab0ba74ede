"""Any change of modules, parameters or groups is seen, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune
from torch.optim import SGD

from weightdesk.recording.structure import Structure


def model_and_optimizer() -> tuple[nn.Sequential, SGD]:
    model = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1)))
    return model, SGD(model.parameters(), 0.1)


CHANGES: dict[str, Callable[[nn.Sequential, SGD], object]] = {
    "module replaced": lambda m, o: m.__setitem__(0, nn.Linear(2, 3)),
    "module added": lambda m, o: m[1].append(nn.ReLU()),
    "module removed": lambda m, o: m.__delitem__(1),
    "parameter replaced": lambda m, o: setattr(m[0], "weight", nn.Parameter(m[0].weight.detach())),
    "parameter registered": lambda m, o: m[0].register_parameter("bias", nn.Parameter(torch.zeros(3))),
    "parameter removed": lambda m, o: m[1][1].register_parameter("bias", None),
    "parameter renamed": lambda m, o: m[0]._parameters.update(w=m[0]._parameters.pop("weight")),
    "pruned without bias": lambda m, o: prune.random_unstructured(m[0], "weight", 0.5),
    "group added": lambda m, o: o.add_param_group({"params": [nn.Parameter(torch.zeros(1))]}),
    "group emptied": lambda m, o: o.param_groups[0]["params"].clear(),
    "element of a group replaced": lambda m, o: o.param_groups[0]["params"].__setitem__(
        1, nn.Parameter(torch.zeros(1))
    ),
}
SAME: dict[str, Callable[[nn.Sequential, SGD], object]] = {
    "nothing": lambda m, o: None,
    "training": lambda m, o: (m(torch.ones(4, 2)).sum().backward(), o.step()),
    "mode": lambda m, o: m.eval(),
    "values loaded": lambda m, o: m.load_state_dict(model_and_optimizer()[0].state_dict()),
    "frozen": lambda m, o: m[0].requires_grad_(requires_grad=False),
    "learning rate": lambda m, o: o.param_groups[0].update(lr=0.5),
    "the same list anew": lambda m, o: o.param_groups[0].update(params=list(o.param_groups[0]["params"])),
    "a hook": lambda m, o: m.register_forward_hook(lambda *_: None),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen(name: str) -> None:
    model, optimizer = model_and_optimizer()
    structure = Structure(model, [optimizer])
    CHANGES[name](model, optimizer)
    assert structure.has_changed()
    assert not Structure(model, [optimizer]).has_changed()


@pytest.mark.parametrize("name", SAME)
def test_what_is_no_change_is_none(name: str) -> None:
    model, optimizer = model_and_optimizer()
    structure = Structure(model, [optimizer])
    SAME[name](model, optimizer)
    assert not structure.has_changed()


@given(st.lists(st.integers(1, 3), min_size=1, max_size=6), st.data())
def test_a_layer_replaced_anywhere_is_seen(depths: list[int], data: st.DataObject) -> None:
    model = nn.Sequential(*(nn.Sequential(*(nn.Linear(1, 1) for _ in range(depth))) for depth in depths))
    structure = Structure(model, [])
    assert not structure.has_changed()
    block = model[data.draw(st.integers(0, len(depths) - 1))]
    block[data.draw(st.integers(0, len(block) - 1))] = nn.Linear(1, 1)
    assert structure.has_changed()
