"""What the network says after a turn, and how that differs from the unedited one.

```
probeset.py      runs the examples: the shown ones, all of them, more and more of them
background.py    the same in a thread, for the newest turn alone
outcome.py       what came out: loss, scores, outputs, difference      shown.py   the shown examples
measures.py      numbers now and before        interval.py     bounds of those that are estimates
judge.py         loss and scores of outputs    defaultloss.py  where none is given
examplelosses.py the loss of each example      recognition.py  how targets are read
reading.py       as classes or as values       scores.py, flips.py
examples.py      what belongs to which example
gathered.py, difference.py
```
"""

from weightdesk.desk.outcomes.background import Callback
from weightdesk.desk.outcomes.flips import Flips
from weightdesk.desk.outcomes.interval import Interval
from weightdesk.desk.outcomes.measures import Measure
from weightdesk.desk.outcomes.outcome import Outcome
from weightdesk.desk.outcomes.shown import Shown

__all__ = ["Callback", "Flips", "Interval", "Measure", "Outcome", "Shown"]
