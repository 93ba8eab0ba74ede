"""What can be done to weights: one file each, all behind `EDITS`.

| in a mix | file | what becomes of a weight |
| --- | --- | --- |
| set | `setting.py` | a value |
| scale | `scaling.py` | a multiple of itself |
| mute | `muting.py` | zero |
| solo | `soloing.py` | zero, except in the units that are soloed |
| noise | `noise.py` | itself and a seeded random number |
| prune | `pruning.py` | zero where it is small |
| round | `rounding.py` | the nearest value that fewer bits can hold |
| rewind | `rewinding.py` | what it was at an earlier step of its run |
| transplant | `transplanting.py` | what it is in another run or file |

`edit.py` says what all have in common, `copying.py` what the last two have, `sources.py` where these
find their values.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from weightdesk.desk.edits.edit import Edit
from weightdesk.desk.edits.muting import Muting
from weightdesk.desk.edits.noise import Noise
from weightdesk.desk.edits.pruning import Pruning
from weightdesk.desk.edits.rewinding import Rewinding
from weightdesk.desk.edits.rounding import Rounding
from weightdesk.desk.edits.scaling import Scaling
from weightdesk.desk.edits.setting import Setting
from weightdesk.desk.edits.soloing import Soloing
from weightdesk.desk.edits.transplanting import Transplanting

__all__ = [
    "EDITS",
    "Edit",
    "Muting",
    "Noise",
    "Pruning",
    "Rewinding",
    "Rounding",
    "Scaling",
    "Setting",
    "Soloing",
    "Transplanting",
]

EDITS: Final[Mapping[str, type[Edit]]] = MappingProxyType(
    {
        each.kind: each
        for each in (
            Setting,
            Scaling,
            Muting,
            Soloing,
            Noise,
            Pruning,
            Rounding,
            Rewinding,
            Transplanting,
        )
    }
)
"""Each edit by its name in a mix."""
