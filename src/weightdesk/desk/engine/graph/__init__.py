"""Runs an exported model incrementally."""

from weightdesk.desk.engine.graph.incremental import GraphEngine

__all__ = ["GraphEngine"]
