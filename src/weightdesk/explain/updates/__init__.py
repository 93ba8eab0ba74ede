"""Why a recorded weight moved: the parts of one update, and of many.

```
update.py       one step, split into parts       move.py         many steps
recorded.py     what was kept of a step          knownsteps.py   which steps of a stretch are known
stepterms.py    all parts of a step              regularisation.py  what a recipe adds to the optimizer
optimizers/     how each optimizer moves a weight, one rule a file
```
"""

from __future__ import annotations

from weightdesk.explain.updates.move import MoveReasons, explain_move
from weightdesk.explain.updates.update import UpdateReasons, explain_update

__all__ = ["MoveReasons", "UpdateReasons", "explain_move", "explain_update"]
