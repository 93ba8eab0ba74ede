"""Single steps of a long stretch whose parts are known."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from weightdesk.explain.updates.optimizers import RULES, OptimizerStep
from weightdesk.explain.updates.recorded import RecordedStep, StepReader
from weightdesk.explain.updates.stepterms import read_unit, recipe_for, terms_of_step
from weightdesk.runs.history import History
from weightdesk.runs.run import Run
from weightdesk.types import Step

Shares: TypeAlias = dict[str, float]
"""Of one step, by the name of the part."""

_Rates: TypeAlias = tuple[Sequence[int], Sequence[float]]


class KnownSteps:
    """The steps of one weight that are kept in full and, for a sampled weight, those after them.

    From a step kept in full the optimizer's state is carried on with the sampled gradients, at about
    0.3 ms a step. The learning rate is the logged one of a built-in training, otherwise it is
    interpolated between the steps kept in full.

    Arguments:
        run: an opened run.
        history: of the weight.
    """

    def __init__(self, run: Run, history: History) -> None:
        self._parameter = run.parameters[history.parameter]
        self._place = self._parameter.place(history.index)
        self._recipe = recipe_for(run.recipe, self._parameter)
        self._reader = StepReader(run.path, self._parameter)
        self._weights = dict(zip(history.steps.tolist(), history.values, strict=True))
        seen = run.gradient_history(history.parameter, history.index)
        self._gradients = dict(zip(seen.steps.tolist(), seen.values, strict=True))
        # a largest norm depends on the other weights of the unit, which are not sampled
        self._sampled = history.sampled and not self._recipe.get("max_norm")
        self._rates = _logged_rates(run) if run.recipe else None

    def between(self, first: Step, last: Step) -> dict[Step, Shares]:
        """The shares of each known step, also of the nearest outside, since interpolation needs them.

        Raises:
            StepNotKeptError: no step is kept in full.
        """
        kept = self._reader.steps() or (self._reader.choose(first),)
        kept = kept[max(bisect_right(kept, first) - 1, 0) : bisect_left(kept, last) + 1]
        steps = [read_unit(self._reader, self._parameter, self._place, step, self._recipe) for step in kept]
        rates = self._rates or _kept_rates([recorded for recorded, _ in steps])
        found: dict[Step, Shares] = {step: {} for step in self._reader.idle_steps()}
        for (recorded, at), until in zip(steps, [*kept[1:], last], strict=True):
            found.update(self._carry_on(recorded, at, until, rates))
        return found

    def _carry_on(
        self, recorded: RecordedStep, at: int, until: Step, rates: _Rates
    ) -> Iterator[tuple[Step, Shares]]:
        """The shares of a step kept in full, and of those after it as long as the gradient is known."""
        # what clipping took is known of the steps kept in full alone, so here no step is split by it
        seen = replace(recorded.start, backward_gradient=None)
        terms, state = terms_of_step(replace(recorded, start=seen), self._recipe)
        yield recorded.step, {term.name: term.value.flatten()[at].item() for term in terms}
        if not self._sampled or recorded.optimizer not in RULES:
            return
        for step in range(recorded.step + 1, until):
            weight, gradient = self._weights.get(step), self._gradients.get(step)
            if weight is not None and gradient is None and weight == self._weights.get(step + 1):
                yield step, {}  # no gradient and no move, such as in another optimizer's step
                continue
            if weight is None or gradient is None:
                return
            options = {**recorded.start.options, "lr": float(np.interp(step, *rates))}
            start = OptimizerStep(weight[None], gradient[None], state, options)
            terms, state = terms_of_step(replace(recorded, step=step, start=start), self._recipe)
            yield step, {term.name: term.value.item() for term in terms}


def _logged_rates(run: Run) -> _Rates | None:
    """The learning rate of every step, which built-in trainings log; None if no row tells one."""
    if "lr" not in run.metrics.column_names:
        return None
    rows = run.metrics.select(["step", "lr"]).drop_null()
    return (rows["step"].to_pylist(), rows["lr"].to_pylist()) if rows.num_rows else None


def _kept_rates(steps: Iterable[RecordedStep]) -> _Rates:
    """The learning rates of the steps kept in full.

    Options are checked only where the optimizer's rule is known: what others call a rate may be no number.
    """
    known = [each for each in steps if each.optimizer in RULES]
    return [each.step for each in known], [each.start.options["lr"] for each in known]
