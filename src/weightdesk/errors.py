"""Every exception that weightdesk raises on purpose.

```
WeightdeskError
├── WatchError              (ValueError)          a model or optimizer that cannot be recorded
├── OptionError             (ValueError)          an option with an unknown or impossible value
├── DataError               (ValueError)          training data that cannot be used as it is
└── RunError
    ├── RunExistsError      (FileExistsError)     a run would overwrite another one
    ├── RunNotFoundError    (FileNotFoundError)   no run at this place
    ├── RunFormatError      (ValueError)          a file of a run is damaged or of another version
    ├── UnknownParameterError (LookupError)       the run has no parameter of this name
    ├── StepNotKeptError    (LookupError)         the run keeps nothing of this kind at this step
    └── IndexRangeError     (LookupError)         an index outside the parameter's shape
```

Each message is one line: what was wrong, what was expected, what to do. The command line prints
that line and exits with 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class WeightdeskError(Exception):
    """Base of all errors that weightdesk raises on purpose."""


class WatchError(WeightdeskError, ValueError):
    """The model or the optimizer cannot be recorded."""


class OptionError(WeightdeskError, ValueError):
    """An option has an unknown or impossible value."""


class DataError(WeightdeskError, ValueError):
    """The training data cannot be used as it is."""


class RunError(WeightdeskError):
    """Base of the errors about a recorded run."""


class RunExistsError(RunError, FileExistsError):
    """A new run would overwrite another one."""


class RunNotFoundError(RunError, FileNotFoundError):
    """There is no run at this place."""


class RunFormatError(RunError, ValueError):
    """A file of the run is damaged, or was written by another version."""


class UnknownParameterError(RunError, LookupError):
    """The run has no parameter of this name."""


class StepNotKeptError(RunError, LookupError):
    """The run keeps nothing of the asked kind at this step."""


class IndexRangeError(RunError, LookupError):
    """An index lies outside the parameter's shape."""


def closest(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, as the last words of an error message.

    >>> closest("fc.wieght", ["fc.weight", "fc.bias"])
    'did you mean fc.weight?'
    >>> closest("x", ["fc.weight", "fc.bias"])
    'choose from fc.bias, fc.weight'
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    if near:
        return f"did you mean {near[0]}?"
    shown = ", ".join(names[:12])
    return f"choose from {shown}" + (f" and {len(names) - 12} more" if len(names) > 12 else "")
