"""What the weights capture, with a score on every claim, and a baseline beside it.

```
specimen.py     a network as it stands, with the examples on which it is studied
layers.py       the layers of a network, in the order in which they run
activations.py  what the layers give
baselines.py    the same network with weights that know nothing
cache.py        results kept beside the run      progress.py   long work that says how far it is
```
"""

from __future__ import annotations

from weightdesk.capture.specimen import Specimen

__all__ = ["Specimen"]
