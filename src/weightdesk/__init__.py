"""A mixing desk for the weights of neural networks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weightdesk.checkup import check as check
    from weightdesk.desk import Desk as Desk
    from weightdesk.errors import WeightdeskError as WeightdeskError
    from weightdesk.explain import explain_gradient as explain_gradient
    from weightdesk.explain import explain_unit as explain_unit
    from weightdesk.explain import feature_importance as feature_importance
    from weightdesk.explain import importance as importance
    from weightdesk.notebook import show as show
    from weightdesk.recording import Recording as Recording
    from weightdesk.recording import watch as watch
    from weightdesk.runs import Run as Run
    from weightdesk.runs import open_run as open_run

# Names are loaded when first used, so that the command line answers without loading torch.
_HOMES = {
    "Desk": "weightdesk.desk",
    "Recording": "weightdesk.recording",
    "Run": "weightdesk.runs",
    "WeightdeskError": "weightdesk.errors",
    "check": "weightdesk.checkup",
    "explain_gradient": "weightdesk.explain",
    "explain_unit": "weightdesk.explain",
    "feature_importance": "weightdesk.explain",
    "importance": "weightdesk.explain",
    "open_run": "weightdesk.runs",
    "show": "weightdesk.notebook",
    "watch": "weightdesk.recording",
}

__all__ = [
    "Desk", "Recording", "Run", "WeightdeskError", "check",
    "explain_gradient", "explain_unit", "feature_importance", "importance", "open_run", "show", "watch",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
