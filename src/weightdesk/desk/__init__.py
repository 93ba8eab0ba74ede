"""Turn weights and see what the network now says.

```
desk.py       the desk that people hold; turns.py: its turns, undo and bypass
places.py     which weights are meant; parts.py, heads.py: where these lie in the parameters
edits/        what can be done to them, one file each
state.py      the edits so far and the weights that they give
history.py    what can be undone and done again
mix.py        edits in order, written down and applied again; grammar.py: one as a line of text
engine/       runs the network again after a turn, as little of it as the turn asks for
outcomes/     what the network says: on the shown examples, on more and more, on all
sweeps/       the loss along one weight, of two, along directions
nesting.py    the tensors in whatever a model returns
saving.py     turned weights as a file      continuing.py  learning from there      ancestry.py  of whom
```
"""

from __future__ import annotations

from weightdesk.desk.desk import Desk
from weightdesk.desk.heads import Head
from weightdesk.desk.mix import Mix
from weightdesk.desk.outcomes.outcome import Outcome
from weightdesk.desk.places import Place

__all__ = ["Desk", "Head", "Mix", "Outcome", "Place"]
