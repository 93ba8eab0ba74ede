"""What the filters at the inputs are: edges, blobs, Gabor filters, colours, or none of these.

```
model.py     what a model of filters is       profile.py  those with one spatial profile
edge.py      blob.py   gabor.py   colour.py   one model each
fitting.py   fits every filter with each, and random filters the same way
result.py    the words, with R² and how often chance does as well
```
"""

from __future__ import annotations

from weightdesk.capture.filters.fitting import fit_filters
from weightdesk.capture.filters.result import FilterFits

__all__ = ["FilterFits", "fit_filters"]
