"""What depends on a weight: the change of the loss without it, for all weights of a parameter at once."""

from __future__ import annotations

from weightdesk.explain.importance.measure import importance
from weightdesk.explain.importance.result import Importance
from weightdesk.explain.importance.verification import Verification

__all__ = ["Importance", "Verification", "importance"]
