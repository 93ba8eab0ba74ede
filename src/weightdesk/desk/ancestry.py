"""Of which step of a run the weights on a desk were, before they were turned."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from torch import Tensor

from weightdesk.desk.mix import Mix
from weightdesk.explain.compiled import plain_name
from weightdesk.runs import Parameters, Parent, Run
from weightdesk.statistics.bits import same_bits

if TYPE_CHECKING:
    from weightdesk.desk.state import State, Values


def parent_of(state: State, run: Run | None) -> Parent:
    """Where turned weights come from; a step is named only if all weights before the turns are its bits.

    Arguments:
        state: the weights and the turns that made them.
        run: whose weights they may have been; None where no run is known.

    >>> import torch
    >>> from weightdesk.desk.state import State
    >>> parent_of(State((), {"weight": torch.ones(2)}), None)
    Parent(run=None, step=None, mix=None, file=None, examples=None)
    """
    mix = json.loads(Mix.of(state).to_json()) if state.edits else None
    if run is None:
        return Parent(mix=mix)
    return Parent(run.path, _step_of(state.original.values, run), mix)


def _step_of(values: Values, run: Run) -> int | None:
    """The last kept step that has these bits; None where there is none."""
    names = {plain_name(name): each for name, each in values.items()}
    known = run.parameters
    if not all(_fits(name, each, known) for name, each in names.items()) or len(names) != len(known):
        return None
    # The smallest parameter first: it tells most steps apart after a short read.
    ordered = sorted(names, key=lambda name: names[name].numel())
    for step in reversed(run.steps):
        if all(same_bits(names[name].cpu(), run.weights(name, step)) for name in ordered):
            return step
    return None


def _fits(name: str, value: Tensor, known: Parameters) -> bool:
    return name in known and known[name].shape == tuple(value.shape)
