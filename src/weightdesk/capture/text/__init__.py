"""What networks that read texts capture: words, phrases, attention, and what decides.

```
reading.py     where words enter a network        margin.py       how far it prefers a class
neighbours.py  words near a word                  polarity.py     words on the axis between classes
movement.py    words moving while it is trained   axis.py, association.py   the axis, what texts say of words
phrases.py     what excites convolution units     exciting.py, cores.py, occurrences.py   how it is found
windows.py     convolutions over words            pooled.py       networks that add up what they find
negation.py    "good" inside "not good"           edits.py        texts without some words
attention.py   what heads attend to               ablation.py     what heads are good for
heads.py       finds and hears heads
deciding.py    what decides one prediction        gradients.py    the same as an estimate
estimate.py    numbers with their bounds          excerpts.py     texts that excite units, and where
```
"""

from __future__ import annotations

from weightdesk.capture.text.ablation import HeadRoles, head_roles
from weightdesk.capture.text.attention import Attention, attention
from weightdesk.capture.text.deciding import Reasons, deciding
from weightdesk.capture.text.excerpts import excerpts
from weightdesk.capture.text.exciting import UnitPhrase
from weightdesk.capture.text.movement import Movement, movement
from weightdesk.capture.text.negation import Negation, negation
from weightdesk.capture.text.neighbours import Neighbours, neighbours
from weightdesk.capture.text.phrases import Phrases, top_phrases
from weightdesk.capture.text.polarity import Polarity, polarity

__all__ = [
    "Attention",
    "HeadRoles",
    "Movement",
    "Negation",
    "Neighbours",
    "Phrases",
    "Polarity",
    "Reasons",
    "UnitPhrase",
    "attention",
    "deciding",
    "excerpts",
    "head_roles",
    "movement",
    "negation",
    "neighbours",
    "polarity",
    "top_phrases",
]
