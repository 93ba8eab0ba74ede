"""What every optimizer's rule must do: its terms add up to torch's move, its state is torch's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from weightdesk.explain.updates.optimizers import RULES, OptimizerStep, Split, Term, terms_of

DECAYS = st.sampled_from([0.0, 0.01, 0.3])
BETAS = st.sampled_from([(0.9, 0.999), (0.5, 0.9), (0.0, 0.99)])
RATES = st.sampled_from([1e-4, 3e-3, 0.1])
SEEDS = st.integers(0, 2**16)


@dataclass(frozen=True, eq=False)
class Step:
    """One step that torch took, and what the rule says about it."""

    start: OptimizerStep
    split: Split
    terms: list[Term]
    after: Tensor
    state: dict[str, Tensor]

    @property
    def remainder(self) -> Tensor:
        """Of each weight, in ulps at the largest of weight before, weight after and terms."""
        values = [term.value for term in self.terms]
        before, after = self.start.weight.double(), self.after.double()
        largest = torch.stack([before.abs(), after.abs(), *(each.abs() for each in values)]).amax(0)
        spacing = torch.finfo(self.after.dtype).eps * 2.0 ** (torch.frexp(largest).exponent - 1).double()
        return (after - before - sum(values)).abs() / spacing

    @property
    def memory_rounding(self) -> float:
        """The largest known rounding, in machine epsilons of the larger share of a gradient."""
        by_name = {term.name: term.value for term in self.terms}
        shares = [each.abs() for name, each in by_name.items() if not name.startswith("rounding")]
        known = by_name.get("rounding of the memory", torch.zeros(1)).abs()
        smallest = torch.finfo(torch.float32).tiny
        return (
            float((known / torch.stack(shares).amax(0).clamp_min(smallest)).max())
            / torch.finfo(self.after.dtype).eps
        )


def steps_of(
    name: str,
    options: dict[str, Any],
    *,
    seed: int = 0,
    steps: int = 9,
    dtype: torch.dtype = torch.float32,
    weights: int = 40,
) -> Iterator[Step]:
    """Let torch take some steps with random gradients, the first weight starting at zero."""
    generator = torch.Generator().manual_seed(seed)

    def normal() -> Tensor:
        return torch.randn(weights, generator=generator, dtype=torch.float64)

    parameter = nn.Parameter(normal().index_fill(0, torch.tensor([0]), 0.0).to(dtype))
    optimizer = getattr(torch.optim, name)([parameter], **options)
    slope = normal() * 10 ** (2 * normal())
    for _ in range(steps):
        parameter.grad = (slope * (1 + 0.5 * normal())).to(dtype)
        state = {key: each.clone() for key, each in optimizer.state[parameter].items() if each is not None}
        group = {key: each for key, each in optimizer.param_groups[0].items() if key != "params"}
        start = OptimizerStep(parameter.detach().clone(), parameter.grad.clone(), state, group)
        split = RULES[name](start)
        optimizer.step()
        after = {key: each.clone() for key, each in optimizer.state[parameter].items() if each is not None}
        yield Step(start, split, terms_of(start, split), parameter.detach().clone(), after)


def check_rule(name: str, options: dict[str, Any], seed: int) -> None:
    """Parts add up in every precision, the state is carried on as torch does, and twice is the same."""
    for dtype, most in ((torch.float32, 4), (torch.float64, 16), (torch.bfloat16, 8)):
        for step in steps_of(name, options, seed=seed, dtype=dtype):
            assert step.remainder.max() <= most
            assert step.memory_rounding <= 4
            again = terms_of(step.start, RULES[name](step.start))
            assert all(torch.equal(a.value, b.value) for a, b in zip(step.terms, again, strict=True))
            if dtype == torch.float64:  # in others, sums that cancel are all rounding
                for key, each in step.split.state.items():
                    torch.testing.assert_close(each, step.state[key], rtol=1e-9, atol=1e-30)


def names(step: Step) -> list[str]:
    return [term.name for term in step.terms]
