"""The loss as a function of one weight, of two, or along directions.

```
sweep.py         along one weight        weight.py    which one, and its values
surface.py       of two weights
landscape.py     along directions        directions.py   drawn at random, or given
line.py          how the numbers of one weight are found:
  exactly.py       on all examples
  levels.py        from a few exact points and some examples
    interpolation.py, sample.py
slope.py         the tangent             lowest.py    the lowest point
present.py       what all of these read of the desk
```
"""

from __future__ import annotations

from weightdesk.desk.sweeps.landscape import Landscape, landscape
from weightdesk.desk.sweeps.present import Present
from weightdesk.desk.sweeps.surface import Surface, surface
from weightdesk.desk.sweeps.sweep import TURNS, Sweep, sweep
from weightdesk.desk.sweeps.weight import USUAL

__all__ = ["TURNS", "USUAL", "Landscape", "Present", "Surface", "Sweep", "landscape", "surface", "sweep"]
