"""The layer story: what each layer holds, how it differs from the others, and when it formed.

```
representation.py  what a layer makes of the examples     resampling.py  how sure a score is, and chance
separability.py    how far apart the classes lie          dimension.py   how many numbers it takes
similarity/        how alike two layers see the examples  formation.py   when layers and units formed
probes.py          what can be read from a layer          reinitialise.py  what is left without it
transfer.py        what it is worth to other tasks        generic.py     all three as one score
properties.py      what can be told of examples unasked   regression.py  how probes learn
story.py           all of it for one network, kept in its cache
```
"""

from __future__ import annotations

from weightdesk.capture.story.story import LayerStory, layer_story

__all__ = ["LayerStory", "layer_story"]
