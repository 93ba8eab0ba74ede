"""What went wrong, since when, and what to do: one rule a file."""

from weightdesk.checkup.checking import check
from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.result import CheckUp
from weightdesk.checkup.rules import RULES

__all__ = ["RULES", "CheckUp", "Evidence", "Finding", "Undecided", "check"]
