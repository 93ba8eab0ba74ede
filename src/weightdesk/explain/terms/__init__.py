"""The terms of a unit: z = Σ wᵢxᵢ + b for one input, term by term."""

from __future__ import annotations

from weightdesk.explain.terms.reasons import Term, UnitReasons
from weightdesk.explain.terms.unit import explain_unit

__all__ = ["Term", "UnitReasons", "explain_unit"]
