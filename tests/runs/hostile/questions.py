"""All that can be asked of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import weightdesk
from weightdesk.errors import WeightdeskError
from weightdesk.runs import Run, find_runs, open_run
from weightdesk.server.questions.events import EventsQuestion
from weightdesk.server.questions.flow import FlowQuestion
from weightdesk.server.questions.layer import LayerQuestion
from weightdesk.server.questions.metrics import MetricsQuestion
from weightdesk.server.questions.overview import OverviewQuestion
from weightdesk.server.questions.spread import SpreadQuestion
from weightdesk.server.questions.trends import TrendsQuestion
from weightdesk.server.questions.weights import WeightsQuestion
from weightdesk.server.session import Session
from weightdesk.terminal.curves import panels
from weightdesk.terminal.overview import read_overview
from weightdesk.terminal.tiles import first_tiles

Fault = tuple[str, BaseException]

OF_RUN: dict[str, Callable[[Run], object]] = {
    "repr": repr,
    "status": lambda run: run.status,
    "last_step": lambda run: run.last_step,
    "recipe": lambda run: run.recipe,
    "steps": lambda run: (run.steps, run.gradient_steps),
    "metrics": lambda run: run.metrics,
    "statistics": lambda run: run.statistics,
    "sampled": lambda run: run.sampled,
    "passes": lambda run: run.passes,
    "read_overview": read_overview,
    "panels": lambda run: panels(run.metrics, None),
    "first_tiles": lambda run: first_tiles(run, -1),
    "page: overview": lambda run: OverviewQuestion().answer(Session(run)),
    "page: events": lambda run: EventsQuestion().answer(Session(run)),
    "page: metrics": lambda run: MetricsQuestion().answer(Session(run)),
    "page: flow": lambda run: FlowQuestion(step=0).answer(Session(run)),
}
OF_PARAMETER: dict[str, Callable[[Run, str, Any], object]] = {
    "weights": lambda run, name, index: (run.weights(name, 0), run.weights(name, -1)),
    "gradient": lambda run, name, index: run.gradient(name, -1),
    "update": lambda run, name, index: run.update(name, -1),
    "state": lambda run, name, index: run.state(name, -1),
    "options": lambda run, name, index: run.options(name, -1),
    "history": lambda run, name, index: run.history(name, index),
    "gradient_history": lambda run, name, index: run.gradient_history(name, index),
    "sampled_of": lambda run, name, index: run.sampled_of(name),
    "series": lambda run, name, index: run.series(name, "weight"),
    "series of updates": lambda run, name, index: run.series(name, "update", "update_ratio"),
    "explain_update": lambda run, name, index: run.explain_update(name, index, -1),
    "explain_move": lambda run, name, index: run.explain_move(name, index),
    "page: layer": lambda run, name, index: LayerQuestion(parameter=name).answer(Session(run)),
    "page: spread": lambda run, name, index: SpreadQuestion(parameter=name).answer(Session(run)),
    "page: trends": lambda run, name, index: TrendsQuestion(names=(name,)).answer(Session(run)),
    "page: weights": lambda run, name, index: WeightsQuestion(parameter=name, step=0).answer(Session(run)),
}
_COSTLY = frozenset(
    {"check", "read_overview", "page: overview"}
)  # half of the time that all questions take together


def ask_everything(folder: Path, model: Any, share: Callable[[float], bool]) -> Iterator[Fault]:
    """Ask a run everything, and yield whatever is raised that is no `WeightdeskError`, and by what.

    Arguments:
        folder: of the run; it lies alone in another one.
        model: a network that some of the runs are of.
        share: whether a question is asked that is to be asked in so many of all cases.
    """
    for what, question in _questions(folder, model):
        if share(0.04 if what in _COSTLY else 0.12):
            yield from _ask(what, question)


def _questions(folder: Path, model: Any) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "find_runs", lambda: find_runs(folder.parent)
    yield "check", lambda: weightdesk.check(folder)
    yield "open_run", lambda: open_run(folder)
    try:
        run = open_run(folder)
        modules, parameters = run.manifest.model.get("modules", []), list(run.parameters.values())
    except Exception:
        return  # it has been asked for already
    yield "load_into", lambda: run.load_into(model)
    for name, question in OF_RUN.items():
        yield name, partial(question, run)
    for module in modules[-1:]:
        yield "activation", partial(run.series, module["name"], "activation", "zeros")
    for parameter in dict.fromkeys([*parameters[:1], *parameters[-1:]]):
        index = (0,) * len(parameter.shape)
        for name, about in OF_PARAMETER.items():
            yield name, partial(about, run, parameter.name, index)


def _ask(what: str, question: Callable[[], object]) -> Iterator[Fault]:
    try:
        question()
    except WeightdeskError as error:
        if "\n" in str(error).replace(r"a\nb", ""):
            yield what, ValueError(f"more than one line: {error}")
    except Exception as error:
        yield what, error
