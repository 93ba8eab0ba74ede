from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from gradient_networks import CASES, UNKNOWN, Case, cases
from torch import Tensor, nn

from weightdesk.explain.gradients.gradient import explain_gradient
from weightdesk.explain.gradients.reasons import GradientReasons
from weightdesk.explain.gradients.tree import Tree

TOGETHER = {"batch norm", "batch norm of rows", "rms norm", "attention", "separate projections"}
"""Batch norm and dropout in training: an example alone comes out otherwise."""


def explain(case: Case, name: str, index: tuple[int, ...]) -> GradientReasons:
    return explain_gradient(
        case.model, case.inputs, case.targets, case.loss, name, index, batch_dim=case.batch_dim
    )


def first_weight(case: Case) -> GradientReasons:
    name, value = next(iter(case.model.named_parameters()))
    return explain(case, name, tuple(size // 2 for size in value.shape))


def tree_of(reasons: GradientReasons) -> Tree:
    assert reasons._tree is not None
    return reasons._tree


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", [name for name in CASES if name not in UNKNOWN])
def test_alone_an_example_has_the_same_parts(name: str, training: bool) -> None:
    case = cases()[name]
    case.model.train(training)
    reasons = first_weight(case)
    tree = tree_of(reasons)
    whole = replace(tree, passed=replace(tree.passed, batch=replace(tree.passed.batch, size=1)), _chains={})
    for row in range(min(4, len(reasons.contributions))):
        ours, theirs = tree.root(row), whole.root(row)
        # The mask of the first example is at times the same as in the batch.
        alone = ours._chain.sample is not None
        assert not alone or ours.sample == 0 if training and name in TOGETHER else alone
        assert theirs._chain.sample is None
        for _ in range(9):
            assert (ours.title, ours.unit, ours.sample, ours.place) == (
                theirs.title, theirs.unit, theirs.sample, theirs.place,
            )  # fmt: skip
            assert ours.z == pytest.approx(theirs.z, rel=1e-11, abs=1e-14)
            mine, others = (
                sorted(each.parts, key=lambda part: (part.module, part.unit or 0, part.place))
                for each in (ours, theirs)
            )
            assert [part.product for part in mine] == pytest.approx(
                [part.product for part in others], rel=1e-10, abs=1e-15
            )
            if not mine or mine[-1].is_loss:
                break
            ours, theirs = mine[-1].open(), others[-1].open()


def test_only_the_examples_looked_at_are_run() -> None:
    case = cases()["gpt"]
    seen: list[int] = []
    case.model.tokens.register_forward_hook(lambda _, args, __: seen.append(len(args[0])))
    reasons = explain(case, "qkv.weight", (12, 3))
    seen.clear()
    reasons.delta(2)
    reasons.delta(2)
    assert seen == [1]
    assert list(tree_of(reasons)._chains) == [2]


def test_what_all_share_is_opened_for_the_whole_batch() -> None:
    reasons = explain(cases()["gpt"], "places.weight", (1, 2))
    root = reasons.delta(1)
    assert {part.sample for part in root.parts} == {0, 1, 2}
    assert root.remainder == pytest.approx(0, abs=1e-12)


class Tying(nn.Module):
    """Examples that depend on each other without a module that says so."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.layer, self.head, self.how = nn.Linear(4, 3), nn.Linear(3, 3), how

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        hidden = torch.tanh(self.layer(x))
        if self.how == "mean":
            hidden = hidden - hidden.mean(0)
        if self.how == "mask":
            hidden = nn.functional.dropout(hidden)
        if self.how == "size" and len(x) == 1:
            hidden = self.head(hidden)
        if self.how == "failing" and len(x) == 1:
            raise RuntimeError("too few")
        # No value comes from the others, but a gradient does.
        others = hidden.sum(0) - hidden.sum(0).detach() if self.how == "gradient" else torch.zeros(())
        outputs = self.head(hidden + others)
        return (outputs, outputs.sum(0)) if self.how == "sum" else outputs


@pytest.mark.parametrize("how", ["mean", "mask", "size", "failing", "gradient", "sum", "one output more"])
def test_examples_that_are_tied_are_run_together(how: str) -> None:
    model, x = Tying(how).double(), torch.randn(5, 4).double()
    if how == "one output more":
        head = model.head
        model.head = nn.Sequential()
        model.forward = lambda x: [head(torch.tanh(model.layer(x)))] * (1 + len(x) // 5)  # type: ignore[method-assign]
        model.last = head
    loss = lambda outputs, _: (outputs if isinstance(outputs, Tensor) else outputs[0]).square().sum()  # noqa: E731
    root = explain_gradient(model, x, None, loss, "layer.weight", (1, 2)).delta(3)
    assert (root._chain.sample is None, root.sample) == (True, 3)
    assert root.remainder == pytest.approx(0, abs=1e-10)


def test_a_loss_that_couples_the_examples_does_not_tie_them() -> None:
    model, x = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)).double(), torch.randn(5, 4).double()
    loss = lambda outputs, _: torch.cdist(outputs, outputs).square().logsumexp((0, 1))  # noqa: E731
    root = explain_gradient(model, x, None, loss, "0.weight", (1, 2)).delta(3)
    assert root._chain.sample == 3
    assert root.parts[0].open().remainder == pytest.approx(0, abs=1e-14)
