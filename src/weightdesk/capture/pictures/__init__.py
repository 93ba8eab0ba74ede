"""What units respond to, as pictures: by optimising the input, and by the weights themselves.

```
making.py          pictures of units, judged beside real examples     result.py      what they reach
likeness.py        what real pictures are like                        target.py      what is made strong
parameterisations/ numbers that stand for pictures                    optimisation.py  moves them
robustness.py      small random changes of pictures
linearised.py      a network without nonlinearities    expanded.py    a unit's weights on the inputs
factors.py         units that go together
```
"""

from __future__ import annotations

from weightdesk.capture.pictures.expanded import ExpandedWeights, expanded_weights
from weightdesk.capture.pictures.factors import UnitFactors, unit_factors
from weightdesk.capture.pictures.making import feature_pictures
from weightdesk.capture.pictures.result import Pictures

__all__ = [
    "ExpandedWeights",
    "Pictures",
    "UnitFactors",
    "expanded_weights",
    "feature_pictures",
    "unit_factors",
]
