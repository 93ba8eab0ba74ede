"""`weightdesk train`: train a network and keep every weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from weightdesk.commands.beside import DeskBeside
from weightdesk.commands.folder import free_folder, refuse_taken
from weightdesk.commands.options import RECIPE, RECORDING, START, takes
from weightdesk.errors import OptionError

if TYPE_CHECKING:
    from rich.console import Console

    from weightdesk.commands.repeat import Repetition
    from weightdesk.training import Outcome, Recipe, Start

_DIFFERENT: Final = 1
"""Exit code where `--again` did not give the same weights."""


@takes(*RECIPE, *RECORDING, *START)
def train(
    source: Annotated[
        str | None,
        typer.Argument(
            help="digits, spirals, circle, xor, gauss, breast-cancer, diabetes, radio, mixdown, shapes or "
            "reviews; or your own data: a CSV or Parquet table, of numbers or of texts, a folder with the "
            "tables train and test, an .npz file, a folder in MNIST's format, or a folder with one folder "
            "of pictures a class",
            show_default=False,
        ),
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="print what came out as JSON")] = False,
    open_: Annotated[
        bool, typer.Option("--open", help="open the desk in the browser, and see it learn there")
    ] = False,
    **options: Any,
) -> None:
    """Train a network on a recipe or on your own data, and keep every weight, gradient and update.

    Each recipe has good values for all that is not given.
    """
    from weightdesk.terminal.console import TerminalConsole
    from weightdesk.terminal.document import document

    given = {name: value for name, value in options.items() if value is not None}
    again = given.get("again")
    recipe, start = _plan(source, given)
    console = TerminalConsole(stderr=json)
    desks: list[DeskBeside] = []
    begun = (lambda folder: desks.append(DeskBeside(folder))) if open_ else None
    outcome = record(recipe, given.get("run"), console, start, begun=begun, **recording_budget(given))
    repetition = _compare(again, outcome) if again else None
    if json:
        print(document(_facts(outcome, repetition)))
    else:
        tell(console, _result(outcome, repetition))
    for desk in desks:
        desk.wait()
    if repetition and not repetition.same:
        raise typer.Exit(_DIFFERENT)


def record(
    recipe: Recipe,
    folder: str | None,
    console: Console,
    start: Start | None = None,
    *,
    begun: Callable[[str], None] | None = None,
    **budget: Any,
) -> Outcome:
    """Train by a recipe, with the progress on a console.

    Arguments:
        recipe: what to do.
        folder: where the run goes; None for a free folder of the recipe's name below `runs`.
        console: shows first what is trained and where it is kept, then how it stands.
        start: weights to go on from.
        begun: is called with the folder as soon as the run can be opened.
        budget: `cost`, `disk` and `every`, where they are not the usual ones.

    """
    from weightdesk.runs import open_run
    from weightdesk.terminal.recipe import announcement
    from weightdesk.training import Report
    from weightdesk.training import train as train_network
    from weightdesk.training.progress import display

    if folder is None:
        folder = free_folder(Path(recipe.data.path).stem or recipe.data.kind)
    refuse_taken(folder)
    announced = False
    with display(console) as show:

        def report(progress: Report) -> None:
            nonlocal announced
            if not announced:
                # The run itself knows what is trained, as soon as it has begun.
                tell(console, announcement(open_run(folder)))
                if begun is not None:
                    begun(folder)
                announced = True
            show(progress)

        return train_network(recipe, folder, start=start, progress=report, **budget)


def tell(console: Console, text: str) -> None:
    """Print plain text, between words in lines of the terminal; elsewhere lines stay whole."""
    console.print(text, markup=False, soft_wrap=not console.is_terminal)


def _plan(source: str | None, given: Mapping[str, Any]) -> tuple[Recipe, Start | None]:
    """What to do and where to begin."""
    options = {each.name: given[each.name] for each in RECIPE if each.name in given}
    if "again" in given:
        return _repeated(source, given, options)
    if "from_" in given:
        return _continued(source, given, options)
    if "data" in given:
        raise OptionError("--data goes with --again and --from: name what to train on first")
    if source is None or "step" in given:
        raise OptionError(
            "name what to train, such as `weightdesk train digits`, or a run with --again, or weights with "
            "--from; --step goes with --from"
        )
    from weightdesk.training import Recipe

    return Recipe.create(source, **options), None


def _repeated(
    source: str | None, given: Mapping[str, Any], options: Mapping[str, Any]
) -> tuple[Recipe, Start | None]:
    from weightdesk.commands.repeat import stored_recipe
    from weightdesk.commands.start import repeated_start
    from weightdesk.runs import open_run

    if source is not None:
        raise OptionError(
            "name what to train, such as `weightdesk train digits`, or a run with --again, not both"
        )
    beside = [*options, *(each.name for each in START if each.name in given and each.name != "data")]
    if beside:
        flag = f"--{beside[0].rstrip('_').replace('_', '-')}"
        raise OptionError(f"--again trains by the recipe of the run as it is: leave {flag} out")
    run = open_run(given["again"])
    return stored_recipe(run, given.get("data")), repeated_start(run)


def _continued(
    source: str | None, given: Mapping[str, Any], options: dict[str, Any]
) -> tuple[Recipe, Start | None]:
    from weightdesk.commands.start import continued_recipe, find_origin
    from weightdesk.training import Recipe

    if "init" in options:
        raise OptionError("--init draws new weights, and --from goes on from old ones: leave one of them out")
    origin = find_origin(given["from_"], given.get("step"))
    if source is not None:
        return Recipe.create(source, **options), origin.start
    return continued_recipe(origin, given["from_"], options, given.get("data")), origin.start


def recording_budget(given: Mapping[str, Any]) -> dict[str, Any]:
    """What of the given options decides how much is recorded, checked.

    Raises:
        OptionError: a value is impossible.

    >>> recording_budget({"lr": "0.1", "cost": "none", "every": "8"})
    {'cost': None, 'every': 8}
    """
    from weightdesk.training.options import real, whole

    budget = {name: given[name] for name in ("cost", "disk", "every") if name in given}
    if "cost" in budget:
        budget["cost"] = None if budget["cost"] == "none" else real(at_least=0)("cost", budget["cost"])
    if "every" in budget:
        budget["every"] = whole(at_least=1)("every", budget["every"])
    return budget


def _compare(again: str, outcome: Outcome) -> Repetition:
    from weightdesk.commands.repeat import compare
    from weightdesk.runs import open_run

    return compare(open_run(again), open_run(outcome.directory))


def _facts(outcome: Outcome, repetition: Repetition | None) -> dict[str, Any]:
    facts = vars(outcome) | {"steps_per_second": outcome.steps_per_second}
    return facts | ({"again": vars(repetition) | {"same": repetition.same}} if repetition else {})


def _result(outcome: Outcome, repetition: Repetition | None) -> str:
    lines = outcome.summary().splitlines()
    if repetition:
        lines.insert(1, f"weights: {repetition.sentence()}")
    return "\n".join(lines)
