"""What `weightdesk check --overfitting` and `--remedies` say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from weightdesk.errors import OptionError

if TYPE_CHECKING:
    from weightdesk.checkup.generalisation import Generalisation, Weighing
    from weightdesk.explain.page import Page
    from weightdesk.types import Step


def judge(run: str, network: str | None, data: str | None = None) -> Generalisation:
    """The gap of a run; with margins and sharpness where its network is at hand.

    Raises:
        OptionError: the run did not log both losses.
    """
    from weightdesk.checkup.generalisation import generalisation, weigh
    from weightdesk.server.opening import open_session

    session = open_session(run, network, data)

    def weighed(step: Step) -> Weighing:
        subject = session.subject
        assert subject.loss is not None
        return weigh(session.case(step).model_at(step), subject.inputs, subject.targets, subject.loss)

    try:
        known = session.subject.loss is not None
    except OptionError:  # recorded without its network
        known = False
    return generalisation(session.run, weighed if known else None)


def remedied(run: str, seeds: int, data: str | None = None) -> Page:
    """What remedies do to the training of a run.

    Raises:
        OptionError: it is no built-in training, which alone can be run again.
    """
    from weightdesk.runs import open_run
    from weightdesk.terminal.console import TerminalConsole
    from weightdesk.training import Recipe, recorded_recipe
    from weightdesk.training.compare import try_remedies
    from weightdesk.training.compare.display import display
    from weightdesk.training.compare.remedies import fitting_remedies

    opened = open_run(run)
    if opened.recipe is None:
        raise OptionError(f"{run} is of a loop of your own: --remedies trains built-in recipes again")
    recipe = Recipe.from_dict(recorded_recipe(opened, data))
    total = seeds * (1 + len(fitting_remedies(recipe)))
    with display(TerminalConsole(stderr=True), 0, total) as hear:
        return try_remedies(recipe, f"{Path(run)}-remedies", seeds=seeds, hear=hear)
