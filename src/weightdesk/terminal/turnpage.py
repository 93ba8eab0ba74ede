"""The page of a turned network: what was turned, and what it changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from weightdesk.terminal.columns import Column, table
from weightdesk.terminal.figures import number, several, share
from weightdesk.terminal.reasons import signed_bar
from weightdesk.terminal.sweepplot import sweep_facts, sweep_plot
from weightdesk.terminal.turned import Compared, Flipped, ShownExample, Turned

_BETTER, _WORSE = "green", "red"
_LOWER_IS_BETTER: Final = frozenset({"loss", "mae"})
_SHARES: Final = frozenset({"accuracy"})
_WIDEST: Final = 100


def turn_page(turned: Turned, width: int, rows: int = 8) -> Group:
    """Draw the page of a turned network.

    Arguments:
        turned: what there is to say.
        width: characters there are.
        rows: how many rows of the examples, and of those that flipped.
    """
    parts: list[RenderableType] = [_header(turned), Text(), _measures(turned, width)]
    if turned.turns or not turned.sweeps:
        parts += _changed(turned, width, rows)
    for each in turned.sweeps:
        drawn = sweep_plot(each, min(width, _WIDEST))
        parts += [_heading(f"Loss along {each.weight}"), drawn, sweep_facts(each)]
    return Group(*parts, *_closing(turned))


def _changed(turned: Turned, width: int, rows: int) -> Iterator[RenderableType]:
    if changed := [each for each in turned.classes if each.change]:
        yield from (_heading("Accuracy by class"), _by_class(changed, width))
        yield from _left(len(turned.classes) - len(changed), "as before")
    if turned.classes:
        yield from _flipped(turned, width, rows)
    yield from (_heading("Examples"), _examples(turned.shown[:rows], width))


def _header(turned: Turned) -> Table:
    drawn = Table.grid(padding=(0, 2))
    drawn.add_column(style="dim", no_wrap=True)
    drawn.add_column(overflow="fold")
    drawn.add_row("run", Text.assemble((turned.run, "bold"), f" at step {turned.step:,}"))
    drawn.add_row("judged", Text(f"on {several(turned.examples, f'{_kind(turned.part)} example')}"))
    for place, each in enumerate(turned.turns, 1):
        drawn.add_row("turns" if place == 1 else "", Text(f"{place}. {each}"))
    return drawn


def _kind(part: str) -> str:
    return "training" if part == "train" else f"held-out {part}"


def _heading(title: str) -> Text:
    return Text(f"\n{title}", style="bold")


def _measures(turned: Turned, width: int) -> Table:
    columns: list[Column[Compared]] = [
        Column("before", lambda each: _value(each, each.before), "dim"),
        Column("now", lambda each: _value(each, each.now), "bold"),
        Column("change", lambda each: Text(_change(each), style=_judged(each))),
    ]
    return table(turned.measures, Column("", lambda each: each.name), columns, width)


def _by_class(classes: Sequence[Compared], width: int) -> Table:
    largest = max(abs(each.change) for each in classes)
    columns: list[Column[Compared]] = [
        Column("before", lambda each: share(each.before), "dim"),
        Column("now", lambda each: share(each.now)),
        Column("change", lambda each: f"{each.change:+.1%}"),
        Column("", lambda each: signed_bar(each.change, largest), justify="left", optional=True),
    ]
    return table(classes, Column("class", lambda each: each.name), columns, width)


def _flipped(turned: Turned, width: int, rows: int) -> Iterator[RenderableType]:
    yield _heading(
        f"{len(turned.flips):,} of {several(turned.examples, 'example')} flipped: "
        f"{turned.became_right:,} became right, {turned.became_wrong:,} wrong"
    )
    shown = turned.flips[:rows]
    if not shown:
        return
    columns: list[Column[Flipped]] = [
        Column("class", lambda each: each.target),
        Column("before", lambda each: each.before, "dim"),
        Column("now", lambda each: Text(each.now, style=_right(each.now, each.target))),
        Column("lead of right\nclass moved by", lambda each: _signed(each.change)),
    ]
    yield table(shown, Column("example", lambda each: str(each.example)), columns, width)
    yield from _left(len(turned.flips) - len(shown), "more")


def _examples(shown: Sequence[ShownExample], width: int) -> Table:
    columns: list[Column[ShownExample]] = [
        Column("target", lambda each: _said(each.target)),
        Column("before", lambda each: _said(each.before), "dim"),
        Column("now", lambda each: Text(_said(each.now), style=_now_style(each))),
        Column("largest change\nof an output", lambda each: _signed(_largest(each))),
    ]
    return table(shown, Column("example", lambda each: str(each.example)), columns, width)


def _closing(turned: Turned) -> Iterator[Text]:
    for note in turned.notes:
        yield Text(f"\n{note}", style="dim")
    if turned.saved:
        yield Text(f"\nsaved: {', '.join(turned.saved)}")


def _left(count: int, what: str) -> list[Text]:
    return [Text(f"… and {count:,} {what}", style="dim")] if count else []


def _value(each: Compared, value: float) -> str:
    return share(value) if each.name in _SHARES else number(value)


def _change(each: Compared) -> str:
    return f"{each.change:+.1%}" if each.name in _SHARES and each.change else _signed(each.change)


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + number(value)


def _judged(each: Compared) -> str:
    if not each.change:
        return "dim"
    return _BETTER if (each.change < 0) == (each.name in _LOWER_IS_BETTER) else _WORSE


def _right(given: str, target: str) -> str:
    return _BETTER if given == target else _WORSE


def _now_style(each: ShownExample) -> str:
    if not isinstance(each.target, str) or each.now == each.before:
        return ""
    return _right(str(each.now), each.target)


def _said(value: str | tuple[float, ...]) -> str:
    return value if isinstance(value, str) else " ".join(map(number, value))


def _largest(each: ShownExample) -> float:
    changes = [now - before for now, before in zip(each.outputs, each.outputs_before, strict=True)]
    return max(changes, key=lambda change: (change != change, abs(change)))
