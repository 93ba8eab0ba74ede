"""The report on one half of the programs."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

Row = dict[str, Any]

LATER = {
    "divergence", "labels_uninformative", "leakage", "loss_spike", "nonfinite", "optimizer_reset",
    "overfitting", "underfitting", "wrong_mode",
}  # fmt: skip
"""Faults that act later, or show only at an evaluation or at the end."""


def report(half: str, rows: list[Row]) -> str:
    """Tables of what was found, as Markdown."""
    healthy = [row for row in rows if row["fault"].startswith("healthy")]
    faulty = [row for row in rows if not row["fault"].startswith("healthy")]
    found = [row for row in faulty if row["findings"]]
    named = [row for row in faulty if row["fault"] in [each[0] for each in row["findings"][:2]]]
    alarms = [row for row in healthy if row["findings"]]
    start = [row for row in faulty if row["fault"] not in LATER]
    soon = [row for row in start if row["fault"] in row["early"]]
    early = [row for row in healthy if row["early"]]
    lines = [
        (
            f"### {half}: {len({row['program'] for row in rows})} programs, {len(faulty)} faulty and"
            f" {len(healthy)} healthy runs"
        ),
        "",
        "| what | reached |",
        "| --- | --- |",
        f"| faulty runs detected | {_share(found, faulty)} |",
        f"| right cause among the first two findings | {_share(named, faulty)} |",
        f"| healthy runs with any false alarm | {_share(alarms, healthy)} |",
        (
            "| faults that act from the start, named when only the first 10 % is looked at |"
            f" {_share(soon, start)} |"
        ),
        (
            "| healthy runs with any false alarm when only the first 10 % is looked at |"
            f" {_share(early, healthy)} |"
        ),
        "",
        (
            "| fault | runs | detected | named first or second | precision | since, median share of the"
            " training |"
        ),
        "| --- | --- | --- | --- | --- | --- |",
    ]
    by_fault: dict[str, list[Row]] = defaultdict(list)
    for row in faulty:
        by_fault[row["fault"]].append(row)
    for fault, own in sorted(by_fault.items()):
        hits = [row for row in own if row in named]
        first = [row for row in rows if row["findings"] and row["findings"][0][0] == fault]
        right = [row for row in first if row["fault"] == fault]
        sinces = sorted(_since(row) / max(1, row["steps"]) for row in hits)
        since = f"{sinces[len(sinces) // 2]:.0%}" if sinces else "–"
        detected = _share([row for row in own if row["findings"]], own)
        lines.append(
            f"| {fault} | {len(own)} | {detected} | {_share(hits, own)} | {_share(right, first)} | {since} |"
        )
    lines += ["", *(_missed(row) for row in faulty if row not in named), *(_alarm(row) for row in alarms)]
    lines += [
        f"- not named at 10 %: {row['program']} {row['fault']} {row['seed']}: {row['early']}"
        for row in start
        if row not in soon
    ]
    lines += [
        f"- false alarm at 10 %: {row['program']} {row['fault']} {row['seed']}: {row['early']}"
        for row in early
    ]
    return "\n".join(lines)


def _share(part: list[Row], whole: list[Row]) -> str:
    return f"{len(part)} of {len(whole)} ({len(part) / len(whole):.1%})" if whole else "–"


def _since(row: Row) -> int:
    return next(each[1] for each in row["findings"] if each[0] == row["fault"])


def _missed(row: Row) -> str:
    told = ", ".join(f"{each[0]} {each[2]}" for each in row["findings"][:3]) or "nothing"
    return f"- not named: {row['program']} {row['fault']} {row['seed']}: {told}"


def _alarm(row: Row) -> str:
    return f"- false alarm: {row['program']} {row['fault']} {row['seed']}: " + ", ".join(
        f"{each[0]} {each[2]} ({each[3]})" for each in row["findings"]
    )
