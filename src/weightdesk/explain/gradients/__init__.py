"""Who pushes a weight: the chain rule from the loss back to it, summand by summand.

```
gradient.py       the explanation of one gradient      reasons.py   what comes out
backward.py       δ of every operation                  pushes.py    δ × x of one weight
contributions.py  all summands, by example and place    shares.py    examples where there are no factors
broadcast.py      examples where all share a result     tree.py      runs the examples looked at again
chain.py          δ as a tree that opens                jacobian.py, returns.py   its numbers
paths.py          the paths that carry most             targetclasses.py   classes of tokens
classpushes.py    classes over a training
```
"""

from __future__ import annotations

from weightdesk.explain.gradients.classpushes import ClassPushes, explain_classes
from weightdesk.explain.gradients.gradient import explain_gradient
from weightdesk.explain.gradients.reasons import GradientReasons

__all__ = ["ClassPushes", "GradientReasons", "explain_classes", "explain_gradient"]
