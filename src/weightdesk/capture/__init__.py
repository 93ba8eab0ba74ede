"""What the weights capture, with a score on every claim, and what random networks score beside it.

```
specimen.py     a network as it stands, with the examples on which it is studied
layers.py       the layers of a network, in the order in which they run, each with its nonlinearity
activations.py  what the layers give          receptive/    what a unit can see of an input
filters/        what the first filters are: edges, blobs, Gabor filters, colours, or none of these
pictures/       what units look for: inputs found by optimisation, and by the weights alone
examples/       what excites units: strongest examples, selectivity, duplicates, dead units
circuits/       how units are made of earlier ones, in use
story/          what each layer holds, how it differs from others, when it formed
text/           words, phrases, attention, and what decides a text
baselines.py    the same network with weights that know nothing
case.py         a network of a run at a step, and a place in it
readings.py     all of this by name, for the command line and the desk
cache.py        results kept beside the run      progress.py   long work that says how far it is
keeping.py      pages in it                      digests.py    what decides a result
```

The functions are in these rooms: `weightdesk.capture.circuits.feeding`, for one.
"""

from __future__ import annotations

from weightdesk.capture.layers import Layer, layers_of
from weightdesk.capture.specimen import Specimen

__all__ = ["Layer", "Specimen", "layers_of"]
