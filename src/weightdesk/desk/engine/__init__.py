"""Runs a model again after some of its weights changed, as little of it as that takes."""

from weightdesk.desk.engine.engine import DEFAULT_MEMORY, Engine, Lane, open_engine

__all__ = ["DEFAULT_MEMORY", "Engine", "Lane", "open_engine"]
