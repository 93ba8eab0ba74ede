"""What became of one number over the steps of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int64, Shaped
from torch import Tensor

from weightdesk.runs.format import SAMPLED_SCHEMA
from weightdesk.runs.parameters import Parameter
from weightdesk.runs.series import summary
from weightdesk.runs.tables import PartReader, Where
from weightdesk.types import Index, ParameterName


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """One weight, or its gradient, through the run.

    Attributes:
        parameter: the parameter's name.
        index: the weight's place in it.
        steps: the steps at which it is known, ascending.
        values: what it was then, bit for bit, in the parameter's own dtype.
        sampled: whether it is one of the sampled weights, which are kept at every recorded step;
            of all others only the snapshots tell.

    >>> History("fc.weight", (1, 3), torch.tensor([0, 5]), torch.tensor([0.5, -0.25]), sampled=False)
    History(fc.weight[1, 3]: 2 steps 0 … 5, 0.5 → -0.25)
    """

    parameter: ParameterName
    index: Index
    steps: Int64[Tensor, " steps"]
    values: Shaped[Tensor, " steps"]
    sampled: bool

    def __repr__(self) -> str:
        index = ", ".join(str(each) for each in self.index)
        return f"{type(self).__name__}({self.parameter}[{index}]: {summary(self.steps, self.values)})"


def union(
    steps: Int64[Tensor, " a"],
    values: Shaped[Tensor, " a"],
    more_steps: Int64[Tensor, " b"],
    more_values: Shaped[Tensor, " b"],
) -> tuple[Int64[Tensor, " union"], Shaped[Tensor, " union"]]:
    """Both series as one in ascending order; where both know a step, the second one is believed.

    >>> union(torch.tensor([0, 2]), torch.tensor([1.0, 3.0]), torch.tensor([1]), torch.tensor([2.0]))
    (tensor([0, 1, 2]), tensor([1., 2., 3.]))
    """
    both = torch.unique(torch.cat([steps, more_steps]))
    result = torch.empty(len(both), dtype=more_values.dtype)
    result[torch.searchsorted(both, steps)] = values.to(result.dtype)
    result[torch.searchsorted(both, more_steps)] = more_values
    return both, result


def history_of(
    parameter: Parameter,
    index: Index,
    snapshots: tuple[Sequence[int], Shaped[Tensor, " snapshots"]],
    table: PartReader | None,
    column: str,
) -> History:
    """What the snapshots tell of a weight and, where it is sampled, what the table does.

    Args:
        parameter: the weight's parameter.
        index: its place there.
        snapshots: the steps whose snapshot has the value, and the value at each.
        table: the table of the sampled weights; None where this one is not among them.
        column: `weight` or `gradient`.
    """
    steps, values = torch.tensor(snapshots[0], dtype=torch.int64), snapshots[1]
    if table is not None:
        where: Where = {"parameter": parameter.name, "index": parameter.place(index)}
        rows = table.read(SAMPLED_SCHEMA, columns=["step", column], where=where).drop_null()
        known = [torch.from_numpy(rows.column(name).to_numpy().copy()) for name in ("step", column)]
        steps, values = union(known[0], known[1].to(values.dtype), steps, values)
    return History(parameter.name, index, steps, values, sampled=table is not None)
