"""Which part of an input a unit can see.

```
fields.py     the receptive fields of all places of a layer
bounds.py     by propagation: labels in the place of numbers, the smallest of each sum
rules.py      what each function of torch does to them      windows.py  those that slide over a map
probing.py    by a probe, where a network does something that has no rule
```
"""

from __future__ import annotations

from weightdesk.capture.receptive.fields import Fields, receptive_fields

__all__ = ["Fields", "receptive_fields"]
