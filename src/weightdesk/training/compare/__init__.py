"""Trainings side by side: which initialisation, which regulariser, and how sure that is.

```
varying.py    combinations of options          plan.py       every combination with every seed
member.py     one training of a comparison     onethread.py  the same numbers on any machine
worker.py     inside a worker process          workers.py    several of them, each on its own
cluster.py    members on a Ray cluster         resume.py     what need not be done again
display.py    one display for all members      record.py     comparison.json
running.py    from the plan to the page        comparison.py the page
startup.py    can a setting start at all?      signals.py    what step 0 does to a signal
theory.py     what theory expects of it        results.py    what the members reached
finals.py     final numbers and their tests    intervals.py  intervals, paired tests
curves.py     learning curves with bands       weights.py    spread, way, zeros and size of weights
verdict.py    a sentence with its numbers      path.py       weights over the strength of a penalty
remedies.py   what would help against overfitting
pair/         two runs that exist already
```
"""

from __future__ import annotations

from weightdesk.training.compare.comparison import Comparison, read_comparison
from weightdesk.training.compare.pair.difference import Difference, compare_runs
from weightdesk.training.compare.path import RegularisationPath, regularisation_path
from weightdesk.training.compare.remedies import try_remedies
from weightdesk.training.compare.running import compare

__all__ = [
    "Comparison", "Difference", "RegularisationPath",
    "compare", "compare_runs", "read_comparison", "regularisation_path", "try_remedies",
]  # fmt: skip
