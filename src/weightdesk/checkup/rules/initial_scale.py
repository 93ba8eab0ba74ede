"""How large weights are at step 0 beside what theory asks for; both rules of the scale share it."""

from __future__ import annotations

import math
from typing import Final

from weightdesk.checkup.finding import Undecided
from weightdesk.checkup.record import Record
from weightdesk.types import ParameterName

NO_BEGINNING: Final = Undecided("a snapshot at step 0")
REMEDY: Final = "He for ReLU: std √(2 / fan-in); Xavier for tanh: √(2 / (fan-in + fan-out))"
SOURCE: Final = "He et al. 2015, Glorot & Bengio 2010"


def gains(record: Record) -> dict[ParameterName, float]:
    """Of each matrix at step 0: its root mean square times the root of its fan-in.

    He has √2, Glorot about 1, and what torch draws by default 0.58. Matrices of one value are left out.
    """
    found = {}
    for name, each in record.matrices.items():
        fan_in = each.size // each.shape[0]
        weights = record.run.weights(name, 0).double()
        if fan_in >= 2 and float(weights.std()) > 0:
            found[name] = float(weights.square().mean().sqrt()) * math.sqrt(fan_in)
    return found
