"""`weightdesk check`: what went wrong in a training, since when, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from weightdesk.commands.network import DataOption, NetworkOption
from weightdesk.commands.tables import print_tables

if TYPE_CHECKING:
    from rich.console import RenderableType

    from weightdesk.checkup import CheckUp, Finding

_ROWS = 12

FOUND = 1
"""Exit code where something was found."""


def check(
    run: Annotated[str, typer.Argument(help="folder or address of a run", show_default=False)],
    until: Annotated[
        int | None,
        typer.Option(help="look at no step after this one", min=0, max=2**63 - 1, show_default=False),
    ] = None,
    overfitting: Annotated[
        bool, typer.Option("--overfitting", help="judge the gap between training and held-out loss")
    ] = False,
    remedies: Annotated[
        bool,
        typer.Option("--remedies", help="train a built-in recipe again with each remedy for overfitting"),
    ] = False,
    seeds: Annotated[int, typer.Option(help="trainings of each remedy", min=1, max=10**4)] = 3,
    network: NetworkOption = None,
    data: DataOption = None,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="print the numbers behind each finding")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="print the findings as JSON")] = False,
) -> None:
    """Look for what goes wrong in a training; exit code 1 where something was found."""
    from weightdesk.terminal.console import TerminalConsole

    if overfitting or remedies:
        _generalises((run, network, data), seeds if remedies else None, json=json)
        return

    from weightdesk.checkup import check as check_run
    from weightdesk.terminal.document import document

    found = check_run(run, until=until)
    if json:
        print(document(_plain(found)))
    else:
        TerminalConsole().print(_page(found, evidence=evidence))
    if found:
        raise typer.Exit(FOUND)


def _generalises(place: tuple[str, str | None, str | None], seeds: int | None, *, json: bool) -> None:
    """Print the verdict on overfitting, or what remedies do."""
    from weightdesk.commands.overfitting import judge, remedied

    run, network, data = place
    if seeds is not None:
        print_tables(remedied(run, seeds, data), _ROWS, json=json)
        return
    judged = judge(run, network, data)
    print_tables(judged, _ROWS, json=json)
    if judged.finding is not None:
        raise typer.Exit(FOUND)


def _plain(found: CheckUp) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "run": found.run,
        "last_step": found.last_step,
        "healthy": not found,
        "decided": found.decided,
        "findings": [asdict(each) for each in found],
        "undecided": dict(found.undecided),
    }


def _page(found: CheckUp, *, evidence: bool) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [Text(found.title, style="bold")]
    for each in found:
        parts += ["", *_lines(each, evidence=evidence)]
    if found.undecided:
        parts += ["", Text(f"{len(found.undecided)} rules could not decide; what they need:", style="dim")]
        parts += [Text(f"  {rule}: {needs}", style="dim") for rule, needs in found.undecided.items()]
    if found:
        parts += ["", Text(f"see it on the desk: weightdesk open {found.run}", style="dim")]
    return Group(*parts)


def _lines(each: Finding, *, evidence: bool) -> list[RenderableType]:
    from rich.text import Text

    from weightdesk.explain.page import number

    because = f", because of {each.because}" if each.because else ""
    lines: list[RenderableType] = [
        Text.assemble((each.message, "bold")),
        Text(f"  {each.rule}, since step {each.since}, {each.confidence:.0%} sure{because}"),
        Text(f"  cause: {each.cause}"),
        Text(f"  do: {each.remedy}"),
    ]
    if each.where:
        more = f" and {len(each.where) - 4} more" if len(each.where) > 4 else ""
        lines.append(Text(f"  where: {', '.join(each.where[:4])}{more}"))
    for proof in each.evidence if evidence else ():
        limit = "" if proof.limit is None else f" (limit {number(float(proof.limit))})"
        lines.append(Text(f"  {proof.what}: {number(float(proof.value))}{limit}", style="dim"))
    return lines
