"""Which inputs the network as a whole uses, asked in three ways."""

from __future__ import annotations

from weightdesk.explain.features.judgement import feature_importance
from weightdesk.explain.features.result import FeatureImportance

__all__ = ["FeatureImportance", "feature_importance"]
