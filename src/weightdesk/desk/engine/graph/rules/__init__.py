"""How changes pass through operations, one family a file."""

from weightdesk.desk.engine.graph.rules.choice import rule_of
from weightdesk.desk.engine.graph.rules.rule import Rule, Values

__all__ = ["Rule", "Values", "rule_of"]
