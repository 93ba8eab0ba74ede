"""`weightdesk compare`: trainings side by side, to be run or already there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from weightdesk.commands.folder import RUNS
from weightdesk.commands.options import RECIPE, RECORDING, takes
from weightdesk.commands.tables import print_tables
from weightdesk.commands.train import recording_budget
from weightdesk.errors import OptionError

if TYPE_CHECKING:
    from rich.console import Console

    from weightdesk.explain.page import Page

_UNFINISHED: Final = 1
"""Exit code where a member failed."""


_What = Annotated[
    list[str],
    typer.Argument(
        metavar="RECIPE|PATH|RUN...",
        help="with --vary or --path what to train, as for `weightdesk train`; else two or more runs, or the "
        "folder of a comparison, to show it again",
        show_default=False,
    ),
]
_Vary = Annotated[
    list[str] | None,
    typer.Option(
        metavar="OPTION=VALUES",
        help="train with each of these values, such as init=zeros,he_normal; given several times, with "
        "every combination; semicolons stand between values that have commas",
        show_default=False,
    ),
]
_Path = Annotated[
    str | None,
    typer.Option(
        metavar="l1=VALUES",
        help="train along strengths of l1 or l2, each going on from the weights before",
        show_default=False,
    ),
]
_Seeds = Annotated[
    int, typer.Option(help="trainings of each setting, counted up from --seed", min=1, max=10**4)
]
_Workers = Annotated[
    int | None,
    typer.Option(
        help="trainings at once, one for each core where left out", min=1, max=10**4, show_default=False
    ),
]
_Ray = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="train on a Ray cluster: its address, or local to start one here",
        show_default=False,
    ),
]


@takes(*RECIPE, *(each for each in RECORDING if each.name != "again"))
def compare(
    what: _What,
    *,
    vary: _Vary = None,
    path: _Path = None,
    seeds: _Seeds = 5,
    workers: _Workers = None,
    ray: _Ray = None,
    rows: Annotated[int, typer.Option(help="rows of each table", min=1, max=10**6)] = 12,
    json: Annotated[bool, typer.Option("--json", help="print the tables as JSON")] = False,
    **options: Any,
) -> None:
    """Compare initialisers, regularisers or any options over several seeds; or runs that exist already.

    Every member is a recorded run; the same command goes on where an interrupted comparison stopped.
    """
    from weightdesk.terminal.console import TerminalConsole

    given = {name: value for name, value in options.items() if value is not None}
    console = TerminalConsole(stderr=json)
    if vary or path:
        if len(what) > 1 or (vary and path):
            raise OptionError("--vary and --path take one recipe or path, and one of the two at a time")
        spread = {"seeds": seeds, "workers": workers, "ray": ray}
        found = (
            _varied(what[0], vary, given, spread, console) if vary else _path(what[0], path, given, console)
        )
    else:
        found = _existing(what, given)
    print_tables(found, rows, json=json)
    if getattr(found, "unfinished", None):
        raise typer.Exit(_UNFINISHED)


def _varied(
    source: str, vary: list[str], given: Mapping[str, Any], spread: Mapping[str, Any], console: Console
) -> Page:
    from weightdesk.training.compare.comparison import Comparison
    from weightdesk.training.compare.display import display
    from weightdesk.training.compare.plan import make_plan
    from weightdesk.training.compare.running import Session
    from weightdesk.training.compare.varying import read_variations

    plan = make_plan(source, read_variations(vary), spread["seeds"], **_recipe(given))
    folder = Path(given.get("run") or _usual_folder("compare", source))
    session = Session(plan, folder, {"cost": 0.02, "disk": "2GB", "every": None, **recording_budget(given)})
    members, left = len(plan.members), len(session.tasks)
    known = f", {members - left} of them finished before" if left < members else ""
    console.print(f"{members} trainings into {folder}{known}", markup=False)
    for name, start in session.starts.items():
        if start.verdict == "cannot start":
            console.print(f"{name} cannot start: {start.reason}", markup=False)
    try:
        with display(console, members - left, members) as hear:
            session.run(spread["workers"], spread["ray"], hear)
    except KeyboardInterrupt:
        console.print("interrupted: the same command goes on from here")
        raise
    return Comparison(folder, session.record)


def _path(source: str, path: str | None, given: Mapping[str, Any], console: Console) -> Page:
    from weightdesk.training import Recipe
    from weightdesk.training.compare import regularisation_path
    from weightdesk.training.compare.varying import read_variations
    from weightdesk.training.options import real
    from weightdesk.training.progress import display

    ((penalty, values),) = read_variations([path or ""]).items()
    strengths = [real(at_least=0)(penalty, each) for each in values]
    folder = given.get("run") or _usual_folder("path", source)
    with display(console) as show:
        return regularisation_path(
            Recipe.create(source, **_recipe(given)), penalty, strengths, folder, progress=show,
            **recording_budget(given),
        )  # fmt: skip


def _existing(what: list[str], given: Mapping[str, Any]) -> Page:
    from weightdesk.training.compare import compare_runs, read_comparison
    from weightdesk.training.compare.record import FILE

    if given:
        flag = f"--{next(iter(given)).replace('_', '-')}"
        raise OptionError(f"{flag} is for trainings: say what differs between them with --vary")
    if len(what) == 1:
        if not Path(what[0], FILE).exists():
            raise OptionError(
                "say what differs, such as `weightdesk compare digits --vary init=zeros,he_normal`, or "
                "name two runs, or the folder of a comparison"
            )
        return read_comparison(what[0])
    return compare_runs(what)


def _recipe(given: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: given[each.name] for each in RECIPE if each.name in given}


def _usual_folder(purpose: str, source: str) -> str:
    """The same each time, so that the same command finds what is done already."""
    return str(Path(RUNS, f"{purpose}-{Path(source).stem}"))
