"""A table of runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from weightdesk.runs import RunSummary
from weightdesk.terminal.columns import Column, table
from weightdesk.terminal.figures import count, number, share, since, size
from weightdesk.terminal.scores import headline, is_share, loss_names
from weightdesk.terminal.status import status_text


def run_table(summaries: Sequence[RunSummary], now: datetime, width: int) -> Group:
    """Draw one line a run; damaged ones follow with what is wrong with them.

    Arguments:
        summaries: of the runs, in the order to show them.
        now: the present moment, with its time zone.
        width: characters there are.

    """
    whole = [each for each in summaries if each.error is None]
    damaged = [each for each in summaries if each.error is not None]
    path: Column[RunSummary] = Column("run", lambda each: Text(each.path, style="bold"))
    columns = list(_columns(now))
    parts: list[RenderableType] = [table(whole, path, columns, width, fold=True)] if whole else []
    parts += [Text.assemble(status_text(each.status), f"  {each.error}", overflow="fold") for each in damaged]
    return Group(*parts)


def _columns(now: datetime) -> Iterator[Column[RunSummary]]:
    yield Column("status", lambda each: status_text(each.status), justify="left")
    yield Column("training", _training, justify="left")
    yield Column("weights", lambda each: count(each.weights), optional=True)
    yield Column("steps", lambda each: count(each.last_step))
    yield Column("loss", _loss)
    yield Column("score", _score)
    yield Column("begun", lambda each: since(each.created, now))
    yield Column("size", lambda each: size(each.size), optional=True)
    yield Column("goes on from", lambda each: each.parent or "", justify="left", optional=True)


def _training(summary: RunSummary) -> str:
    return summary.recipe or (summary.model or "").rpartition(".")[2]


def _loss(summary: RunSummary) -> str:
    names = loss_names(summary.metrics)
    return number(summary.metrics[names[0]] if names else None)


def _score(summary: RunSummary) -> str:
    found = headline(summary.metrics)
    if found is None or found[0] in loss_names(summary.metrics):
        return number(None)
    name, value = found
    return share(value) if is_share(name) else number(value)
