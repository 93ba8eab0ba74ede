"""How each optimizer makes a move out of gradients: one file each, all behind `RULES`.

| optimizer | file | what it does to a gradient |
| --- | --- | --- |
| SGD | `sgd.py` | momentum, dampened or looking ahead |
| Adagrad | `adagrad.py` | divides by the root of all squares so far |
| RMSprop | `rmsprop.py` | divides by the root of the mean square, or of the variance |
| Adadelta | `adadelta.py` | the same, times the root of the mean square move |
| Adam, AdamW | `adam.py` | first moment over the root of the second |
| SparseAdam | `sparse_adam.py` | the same for the rows that have a gradient |
| NAdam | `nadam.py` | Adam that looks ahead |
| RAdam | `radam.py` | Adam that trusts the second moment only once it knows it |
| Adamax | `adamax.py` | first moment over the largest gradient |

Every one of them is linear in the gradients once its scaling is known, so that its move falls into
shares of single gradients: `Split` has the factors, `terms_of` the shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from weightdesk.explain.updates.optimizers.adadelta import adadelta
from weightdesk.explain.updates.optimizers.adagrad import adagrad
from weightdesk.explain.updates.optimizers.adam import adam
from weightdesk.explain.updates.optimizers.adamax import adamax
from weightdesk.explain.updates.optimizers.nadam import nadam
from weightdesk.explain.updates.optimizers.radam import radam
from weightdesk.explain.updates.optimizers.rmsprop import rmsprop
from weightdesk.explain.updates.optimizers.rule import OptimizerStep, Rule, Split, Term, terms_of
from weightdesk.explain.updates.optimizers.sgd import sgd
from weightdesk.explain.updates.optimizers.sparse_adam import sparse_adam

__all__ = ["RULES", "OptimizerStep", "Rule", "Split", "Term", "terms_of"]

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "Adadelta": adadelta,
        "Adagrad": adagrad,
        "Adam": adam,
        "AdamW": adam,
        "Adamax": adamax,
        "NAdam": nadam,
        "RAdam": radam,
        "RMSprop": rmsprop,
        "SGD": sgd,
        "SparseAdam": sparse_adam,
    }
)
"""Each optimizer of torch by its class."""
