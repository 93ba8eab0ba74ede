"""`weightdesk turn`: turn weights of a run and see what the network says then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from weightdesk.commands.network import DataOption
from weightdesk.errors import OptionError

if TYPE_CHECKING:
    from weightdesk.desk import Desk
    from weightdesk.desk.sweeps import Sweep
    from weightdesk.runs import Run
    from weightdesk.terminal.turned import Turned
    from weightdesk.training import HeldOut

_WEIGHTS_END = ".safetensors"

_Turns: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(
        help="what to turn, each in quotes: 'fc.weight[3,17]=0.8', 'mute conv1[5]', 'solo conv1[5]', "
        "'scale hidden1[3] 1.5', 'noise fc.weight 0.1', 'prune fc.weight 0.3', 'round fc.weight 8', "
        "'rewind conv1 128', 'transplant conv1 OTHER'; * is the whole network",
        show_default=False,
    ),
]
_Sweeps: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        help="draw the loss along one weight, after the turns: 'fc.weight[3,17]', or between two ends "
        "'fc.weight[3,17]=-1:1'; may be given several times",
        metavar="WEIGHT",
        show_default=False,
    ),
]


def turn(
    run: Annotated[str, typer.Argument(help="folder or address of a run", show_default=False)],
    turns: _Turns = None,
    step: Annotated[
        int | None,
        typer.Option(help="whose weights to turn, the last one where left out", show_default=False),
    ] = None,
    mix: Annotated[
        str | None,
        typer.Option(help="turns of --save-mix, to be made first", metavar="FILE", show_default=False),
    ] = None,
    sweep: _Sweeps = None,
    save: Annotated[
        str | None,
        typer.Option(
            help="write the turned weights into this .safetensors file", metavar="FILE", show_default=False
        ),
    ] = None,
    save_mix: Annotated[
        str | None,
        typer.Option(help="write the turns into this file, as JSON", metavar="FILE", show_default=False),
    ] = None,
    data: DataOption = None,
    rows: Annotated[int, typer.Option(help="rows of each table", min=1, max=10**6)] = 8,
    json: Annotated[bool, typer.Option("--json", help="print before and after as JSON")] = False,
) -> None:
    """Turn weights of a run and see what the network says then, on examples held out of its training."""
    from weightdesk.terminal.console import TerminalConsole
    from weightdesk.terminal.document import document
    from weightdesk.terminal.turnpage import turn_page

    if not turns and mix is None and not sweep:
        raise OptionError(
            "say what to turn, such as 'mute hidden1[3]', name a file of turns with --mix FILE, "
            "or a weight with --sweep"
        )
    _check_files(save, save_mix)
    page = _turned((run, data), step, mix, turns or [], sweep or [], (save, save_mix))
    console = TerminalConsole()
    if json:
        print(document(page))
    else:
        console.print(turn_page(page, console.width, rows))


def _turned(
    place: tuple[str, str | None],
    step: int | None,
    mix: str | None,
    turns: list[str],
    swept: list[str],
    files: tuple[str | None, str | None],
) -> Turned:
    """Make the turns, write what is to be kept of them, and read what they changed."""
    from weightdesk.commands.turned import open_desk, read_turned
    from weightdesk.runs import open_run
    from weightdesk.runs.steps import choose_step

    run, data = place
    opened = open_run(run)
    chosen = choose_step(-1 if step is None else step, opened.steps, "snapshot")
    desk, held = open_desk(opened, chosen, data)
    _turn(desk, held, opened, mix, turns)
    sweeps = [_swept(desk, held, text) for text in swept]
    return read_turned(desk, held, run, chosen, swept=sweeps, saved=tuple(_save(desk, *files)))


def _turn(desk: Desk, held: HeldOut, run: Run, mix: str | None, turns: list[str]) -> None:
    from weightdesk.desk import Mix
    from weightdesk.desk.grammar import parse_turn

    if mix is not None:
        desk.apply(Mix.load(mix))
    for text in turns:
        desk.turn(parse_turn(text, held.model, run))


def _swept(desk: Desk, held: HeldOut, text: str) -> Sweep:
    import torch

    from weightdesk.desk.grammar import parse_sweep
    from weightdesk.desk.sweeps import USUAL

    place, ends = parse_sweep(text, held.model)
    values = None if ends is None else torch.linspace(*ends, USUAL, dtype=torch.float64)
    return desk.sweep(place.name, place.index or None, values)


def _check_files(save: str | None, save_mix: str | None) -> None:
    """See that what is to be written can be, before anything takes its time."""
    if save is not None and Path(save).suffix != _WEIGHTS_END:
        raise OptionError(
            f"--save writes safetensors: the file must be named so, such as {Path(save).stem}{_WEIGHTS_END}"
        )
    for file in (each for each in (save, save_mix) if each is not None):
        if Path(file).exists():
            raise OptionError(f"{file} is there already; name another file, or remove this one")


def _save(desk: Desk, save: str | None, save_mix: str | None) -> list[str]:
    if save is not None:
        desk.save(save)
    if save_mix is not None:
        desk.mix.save(save_mix)
    return [each for each in (save, save_mix) if each is not None]
