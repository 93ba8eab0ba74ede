"""Why: the reasons behind one weight, in parts that add up.

```
terms/          what a unit adds up: explain_unit
gradients/      who pushes a weight: explain_gradient, the chain rule as a tree
updates/        why a recorded weight moved: explain_update, explain_move
dependence.py   what depends on one weight
importance/     what depends on each weight of a parameter: exact ablation, screening, verification
features/       which inputs the network uses
tracing.py      the operations of a forward pass that use parameters; operations.py, attention.py
batch.py        the examples of the inputs                layout.py   where they lie in a result
parameter.py    a parameter by its name                   weight.py   one weight of a live model
loss.py         what reasons are given for                compiled.py   seeing through torch.compile
page.py         how results are shown                     precision.py   ulps and rounding
```
"""

from __future__ import annotations

from weightdesk.explain.dependence import explain_dependence
from weightdesk.explain.features import feature_importance
from weightdesk.explain.gradients import explain_classes, explain_gradient
from weightdesk.explain.importance import importance
from weightdesk.explain.terms import explain_unit
from weightdesk.explain.updates import explain_move, explain_update

__all__ = [
    "explain_classes",
    "explain_dependence",
    "explain_gradient",
    "explain_move",
    "explain_unit",
    "explain_update",
    "feature_importance",
    "importance",
]
