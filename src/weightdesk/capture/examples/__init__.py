"""What the units of a layer answer to, and which of them answer to the same or to nothing.

```
strongest.py     the examples that excite each unit most and least   extremes.py  kept batch by batch
distribution.py  how strongly all examples excite a unit
regions.py       the part of an example that a unit sees, in words
selectivity.py   the class that a unit tells from the others         ranks.py     areas under ROC curves
duplicates.py    units that say the same                             moments.py   correlations batch by batch
dead.py          units that say nothing
```
"""

from __future__ import annotations

from weightdesk.capture.examples.dead import DeadUnits, dead_units
from weightdesk.capture.examples.duplicates import Duplicates, duplicates
from weightdesk.capture.examples.selectivity import Selectivity, selectivity
from weightdesk.capture.examples.strongest import StrongestExamples, strongest_examples

__all__ = [
    "DeadUnits",
    "Duplicates",
    "Selectivity",
    "StrongestExamples",
    "dead_units",
    "duplicates",
    "selectivity",
    "strongest_examples",
]
