"""`weightdesk explain`: the reasons behind one weight of a run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from weightdesk.commands.network import DataOption
from weightdesk.errors import OptionError

if TYPE_CHECKING:
    from weightdesk.explain.page import Page
    from weightdesk.runs import Run
    from weightdesk.training import Moment
    from weightdesk.types import Index, ParameterName

_STEPS_RUN_AGAIN = 40
_ASK_IN_PYTHON = (
    "Who pushed it, and what depends on it, can be asked where the network and its data are: in Python, "
    "weightdesk.explain_gradient, explain_unit and importance."
)


def explain(
    run: Annotated[str, typer.Argument(help="folder or address of a run", show_default=False)],
    parameter: Annotated[str, typer.Argument(help="name of the parameter", show_default=False)],
    index: Annotated[str, typer.Argument(help="place of the weight in it, such as 3,17", show_default=False)],
    step: Annotated[
        int | None,
        typer.Option(help="the step to explain, the last one kept where left out", show_default=False),
    ] = None,
    data: DataOption = None,
    rows: Annotated[int, typer.Option(help="rows of each table", min=1, max=10**6)] = 8,
    json: Annotated[bool, typer.Option("--json", help="print the tables as JSON")] = False,
) -> None:
    """Explain a weight: what it contributes, why it moved, who pushed it, what depends on it."""
    from weightdesk.runs import open_run
    from weightdesk.runs.steps import choose_step
    from weightdesk.terminal.console import TerminalConsole
    from weightdesk.terminal.document import document
    from weightdesk.terminal.reasons import plain, reasons

    opened = open_run(run)
    known = opened.parameters[parameter]
    place = known.index(_numbers(index))
    chosen = choose_step(-1 if step is None else step, opened.gradient_steps, "gradient")
    pages = _pages(opened, known.name, place, chosen, data)
    if json:
        print(document([plain(page) for page in pages]))
        return
    console = TerminalConsole()
    for page in pages:
        console.print(reasons(page, console.width, rows))
        console.print()
    if opened.recipe is None:
        console.print(_ASK_IN_PYTHON, style="dim")


def _numbers(text: str) -> list[int]:
    found = [each for each in re.split(r"[,\s]+", text.strip("[]() ")) if each]
    try:
        return [int(each) for each in found]
    except ValueError:
        raise OptionError(f"the index must be whole numbers such as 3,17, got {text!r}") from None


def _pages(run: Run, name: str, index: Index, step: int, data: str | None) -> list[Page]:
    update, move = run.explain_update(name, index, step), run.explain_move(name, index)
    if run.recipe is None:
        return [update, move]
    from weightdesk.explain import explain_classes
    from weightdesk.training import recorded_recipe, replays

    kept = run.gradient_steps
    spread = kept[:: -(-len(kept) // _STEPS_RUN_AGAIN)]
    moments = {moment.step: moment for moment in replays(recorded_recipe(run, data), {step, *spread})}
    pages = [update, *_of_moment(run, moments[step], name, index), move]
    if moments[step].class_names:
        pages.append(explain_classes(run, [moments[each] for each in spread], name, index))
    return pages


def _of_moment(run: Run, moment: Moment, name: str, index: Index) -> list[Page]:
    """What only the network and the batch can tell: both are known of a built-in training."""
    from weightdesk.explain import explain_dependence, explain_gradient, explain_unit

    run.load_into(moment.model, moment.step)
    batch, state = (moment.model, moment.inputs, moment.targets, moment.loss), moment.random_state
    gradient = explain_gradient(*batch, name, index, seed=state)
    strongest = int(gradient.examples.abs().argmax())
    classes = moment.targets if moment.class_names else None
    names = _names_of_inputs(moment, name)
    unit = explain_unit(*batch[:2], name, index[0], strongest, targets=classes, names=names, seed=state)
    return [gradient, unit, explain_dependence(*batch, name, index, seed=state)]


def _names_of_inputs(moment: Moment, name: ParameterName) -> tuple[str, ...] | None:
    """The names of the columns, for the one layer that takes them; None for the others."""
    # A built-in network is a row of layers: its inputs reach the first with weights as they are.
    first = next(iter(moment.model.state_dict()))
    is_first = name.rpartition(".")[0] == first.rpartition(".")[0]
    return moment.input_names if is_first and moment.input_names else None
