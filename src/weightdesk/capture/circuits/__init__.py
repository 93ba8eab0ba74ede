"""How units are made of earlier units: measured in use, and checked by muting.

```
origins.py       which earlier units stand behind the inputs of a layer
parts.py         what each input of a unit adds to its z          usage.py     the same over all examples
feeding.py       the units that feed one unit
chains.py        the strongest chains from unit to unit to unit   muting.py    what falls without a unit
strongest.py     these chains with their check
interference.py  more features than dimensions
```
"""

from __future__ import annotations

from weightdesk.capture.circuits.feeding import Feeder, Feeding, feeding
from weightdesk.capture.circuits.interference import Interference, interference
from weightdesk.capture.circuits.origins import Origin
from weightdesk.capture.circuits.strongest import Circuit, StrongestCircuits, strongest_circuits

__all__ = [
    "Circuit",
    "Feeder",
    "Feeding",
    "Interference",
    "Origin",
    "StrongestCircuits",
    "feeding",
    "interference",
    "strongest_circuits",
]
