"""The trees of the chain rule behind one gradient, each made when it is first looked at.

An example is run alone where that gives the same numbers: what its δ passes through is then a
batch's part of the work. Where other examples have a say, the whole batch is run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.utils._pytree import tree_flatten

from weightdesk.errors import OptionError
from weightdesk.explain.batch import Batch
from weightdesk.explain.gradients.backward import backpropagate
from weightdesk.explain.gradients.chain import Chain, Delta
from weightdesk.explain.gradients.contributions import Contributions
from weightdesk.explain.layout import Layout
from weightdesk.explain.precision import rounding
from weightdesk.explain.tracing import trace, untouched

Judge: TypeAlias = Callable[[Any], Tensor]
"""The loss of outputs, which knows the targets."""


@dataclass(frozen=True, eq=False)
class Passed:
    """A forward pass that can be had again for one example.

    Attributes:
        model: the network.
        batch: its inputs.
        outputs: what it returned, without a graph.
        judge: the loss of such outputs.
        seed: of dropout, or a state of torch's random numbers.
        stations: where the examples lie in the result of each station.
        results: where they lie in each tensor of the outputs that a gradient flows through.
    """

    model: nn.Module
    batch: Batch
    outputs: Any
    judge: Judge
    seed: int | Tensor
    stations: Sequence[Layout]
    results: Sequence[Layout]

    def chain(self, sample: int, first: int) -> Chain | None:
        """The chain of one example, run alone; None where it depends on the others.

        Arguments:
            sample: number of the example.
            first: number of the earliest station of interest.
        """
        if self.batch.axis is None or self.batch.size == 1 or _ties_examples(self.model):
            return None
        one = self.batch.take(self.batch.inputs, [sample])
        try:
            with untouched(self.model, self.seed):
                alone = trace(self.model, one, cut=True)
                mixed = self._mixed(alone.outputs, sample)
                value = None if mixed is None else self.judge(mixed)
        except (RuntimeError, ValueError, IndexError):  # it needs the others
            return None
        layouts = [_alone(layout) for layout in self.stations]
        same = [layout.shape for layout in layouts] == [tuple(each.result.shape) for each in alone.stations]
        return (
            Chain(backpropagate(alone, value, first), layouts, sample) if same and value is not None else None
        )

    def _mixed(self, alone: Any, sample: int) -> Any:
        """The outputs of the batch, with those of an example in the graph; None where they differ."""
        (known, structure), (own, _) = tree_flatten(self.outputs), tree_flatten(alone)
        flowing = [place for place, each in enumerate(own) if isinstance(each, Tensor) and each.requires_grad]
        if len(known) != len(own) or len(flowing) != len(self.results):
            return None
        for place, layout in zip(flowing, self.results, strict=True):
            if layout.axis is None or layout.strided:
                return None
            start, end = sample * layout.block, (sample + 1) * layout.block
            before, its, after = known[place].tensor_split((start, end), dim=layout.axis)
            if not _agree(its, own[place]):
                return None
            known[place] = torch.cat((before, own[place], after), dim=layout.axis)
        return structure.unflatten(known)


@dataclass(frozen=True, eq=False)
class Tree:
    """δ of the units of one weight, ready to be opened.

    Attributes:
        contributions: the summands of its gradient, with the δ that was found for each.
        passed: the pass that they come from.
        whole: runs the whole batch again.
    """

    contributions: Contributions
    passed: Passed
    whole: Callable[[], Chain]
    _chains: dict[int, Chain] = field(default_factory=dict, repr=False)

    def root(self, row: int) -> Delta:
        """δ of a summand.

        Raises:
            OptionError: the model has changed.
        """
        table = self.contributions
        sample, number, position = (
            int(column[row]) for column in (table.sample, table.station, table.position)
        )
        chain = self._chain(sample)
        return chain.delta(number, int(self._within(chain, number, torch.tensor([position]))))

    def _chain(self, sample: int) -> Chain:
        """The chain of one example, or of the batch where that is not to be had alone."""
        if sample not in self._chains:
            alone = self.passed.chain(sample, int(self.contributions.station.min())) if sample >= 0 else None
            known = alone if alone is not None and self._is_right(alone) else self._of_all()
            self._chains[sample] = known
        return self._chains[sample]

    def _of_all(self) -> Chain:
        if -1 not in self._chains:
            chain = self.whole()
            if not self._is_right(chain):
                raise OptionError(
                    "the model has changed since this gradient was explained; call explain_gradient again"
                )
            self._chains[-1] = chain
        return self._chains[-1]

    def _is_right(self, chain: Chain) -> bool:
        """Whether a chain has the δ that was found for the summands."""
        table = self.contributions
        for number in sorted(set(table.station.tolist())):
            rows = table.station == number
            if chain.sample is not None:
                rows &= table.sample == chain.sample
            again = chain.backward.delta(number).reshape(-1).cpu()
            again = again[self._within(chain, number, table.position[rows])]
            size = rounding(float(table.delta.abs().max()), again.dtype)
            if not torch.allclose(again.double(), table.delta[rows], rtol=0, atol=size):
                return False
        return True

    def _within(self, chain: Chain, number: int, positions: Tensor) -> Tensor:
        """Places in a station's result for the batch, as places in that of the chain."""
        layout = self.passed.stations[number]
        if chain.sample is None or layout.axis is None:
            return positions
        along = list(torch.unravel_index(positions, layout.shape))
        along[layout.axis] = layout.rows(along[layout.axis])
        shape = chain.layouts[number].shape
        return torch.from_numpy(np.ravel_multi_index([each.numpy() for each in along], shape))


def _alone(layout: Layout) -> Layout:
    """Where a single example lies in its own result."""
    shape = list(layout.shape)
    if layout.axis is not None:
        shape[layout.axis] = layout.block
    return replace(layout, shape=tuple(shape), examples=1, strided=False)


def _ties_examples(model: nn.Module) -> bool:
    """Whether an example alone is certain to come out otherwise: its statistics, or its mask."""
    return any(each.training and isinstance(each, (_BatchNorm, _DropoutNd)) for each in model.modules())


def _agree(known: Tensor, own: Tensor) -> bool:
    if known.shape != own.shape:
        return False
    size = rounding(float(known.abs().max()), known.dtype) if known.numel() else 0.0
    return torch.allclose(known, own, rtol=0, atol=size)
