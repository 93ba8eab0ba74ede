"""Whether a training that was run again ended with the same weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weightdesk.errors import OptionError, StepNotKeptError

if TYPE_CHECKING:
    from weightdesk.runs import Run
    from weightdesk.training import Recipe


@dataclass(frozen=True)
class Repetition:
    """What a comparison of two runs of one recipe gave.

    Attributes:
        original: the run that was repeated.
        step: the last step of which both runs keep all weights.
        different: names of the parameters that are not the same bits.
        parameters: how many were compared.

    >>> print(Repetition("runs/a", 600, (), 6).sentence())
    the same bits as runs/a in all 6 parameters after step 600
    """

    original: str
    step: int
    different: tuple[str, ...]
    parameters: int

    @property
    def same(self) -> bool:
        """Whether every weight is the same, bit for bit."""
        return not self.different

    def sentence(self) -> str:
        """The result in words."""
        if self.same:
            return (
                f"the same bits as {self.original} in all {self.parameters} parameters after step {self.step}"
            )
        shown = ", ".join(self.different[:3]) + (" …" if len(self.different) > 3 else "")
        return (
            f"NOT the same bits as {self.original}: {len(self.different)} of {self.parameters} parameters "
            f"differ after step {self.step} ({shown})"
        )


def stored_recipe(run: Run, data: str | None = None) -> Recipe:
    """The recipe that a run keeps.

    Raises:
        OptionError: the run is of somebody's own training loop.

    """
    from weightdesk.training import Recipe, recorded_recipe

    if run.recipe is None:
        raise OptionError(
            f"{run.path} keeps no recipe: it is of a training loop of its own, and only a run that "
            "`weightdesk train` made can be run again"
        )
    return Recipe.from_dict(recorded_recipe(run, data))


def compare(original: Run, repeated: Run) -> Repetition:
    """Compare all weights after the last step of which both runs keep them.

    Raises:
        StepNotKeptError: there is no such step.

    """
    from weightdesk.statistics.bits import same_bits

    step = max(set(original.steps) & set(repeated.steps), default=None)
    if step is None:
        raise StepNotKeptError(f"{original.path} and {repeated.path} keep no snapshot of one step to compare")
    different = tuple(
        name
        for name in original.parameters
        if not same_bits(original.weights(name, step), repeated.weights(name, step))
    )
    return Repetition(original.path, step, different, len(original.parameters))
