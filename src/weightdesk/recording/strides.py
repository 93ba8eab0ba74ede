"""How a recording tells what its budgets left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from weightdesk.recording.budget import LONGEST_STRIDE
from weightdesk.runs.format import SAMPLED


@dataclass(frozen=True)
class Strides:
    """At every how many rounds a table has rows; a round is a step of each optimizer.

    Attributes:
        sampling: the longest stride of sampled weights that the cost budget asked for.
        disk: the strides that the disk budget asked for, by table.
        put_off: what the first step did not get, `statistics` or `snapshot`, because the cost budget left it
            to later steps.
    """

    sampling: int
    disk: Mapping[str, int]
    put_off: Collection[str] = ()

    def by_table(self) -> dict[str, int]:
        """The longest stride of each table that does not have rows at every step it might.

        >>> Strides(4, {"statistics": 2}).by_table()
        {'sampled': 4, 'statistics': 2}
        """
        longest = {SAMPLED: self.sampling} | {
            table: max(stride, self.sampling if table == SAMPLED else 1)
            for table, stride in self.disk.items()
        }
        return {table: stride for table, stride in longest.items() if stride > 1}

    def notes(self, cost: float | None, disk: int) -> list[str]:
        """The same in words.

        >>> Strides(4, {}).notes(0.02, 10**9)
        ['sampled weights at every 4th step at times: cost=0.02 allows no more']
        """
        notes = []
        if self.put_off:
            what = "statistics, gradients" if "statistics" in self.put_off else "gradients"
            notes.append(
                f"no {what} and updates of the first step: many small parameters take longer to measure than "
                f"cost={cost} allows at once"
            )
        if self.sampling >= LONGEST_STRIDE:
            notes.append(f"no sampled weights at times: cost={cost} allows none")
        elif self.sampling > 1:
            notes.append(
                f"sampled weights at every {_ordinal(self.sampling)} step at times: "
                f"cost={cost} allows no more"
            )
        notes += [
            f"rows of {table} at every {_ordinal(stride)} step: disk={disk} allows no more"
            for table, stride in self.disk.items()
        ]
        return notes


def _ordinal(number: int) -> str:
    """A power of two from 2 on as people say it."""
    return f"{number}{'nd' if number % 10 == 2 and number % 100 != 12 else 'th'}"
