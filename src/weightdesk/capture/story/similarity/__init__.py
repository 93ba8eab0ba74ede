"""How alike two layers see the same examples.

```
similarity.py   what every measure can do
cka.py          centred kernel alignment, linear        svcca.py   canonical correlations of what varies most
matrix.py       every layer with every other, beside chance
```
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from weightdesk.capture.story.similarity.cka import Cka
from weightdesk.capture.story.similarity.similarity import Similarity
from weightdesk.capture.story.similarity.svcca import Svcca

SIMILARITIES: Mapping[str, Similarity] = MappingProxyType({"CKA": Cka(), "SVCCA": Svcca()})
"""The measures by the name that they have on the screen."""

__all__ = ["SIMILARITIES", "Similarity"]
