"""Keep a recording, read any of it back."""

from weightdesk.runs.history import History
from weightdesk.runs.listing import RunSummary, find_runs
from weightdesk.runs.manifest import Manifest
from weightdesk.runs.parameters import Parameter, Parameters
from weightdesk.runs.parent import Parent
from weightdesk.runs.run import Run, open_run
from weightdesk.runs.series import Series
from weightdesk.runs.stores import Store, open_store

__all__ = [
    "History",
    "Manifest",
    "Parameter",
    "Parameters",
    "Parent",
    "Run",
    "RunSummary",
    "Series",
    "Store",
    "find_runs",
    "open_run",
    "open_store",
]
