"""Every exception that weightdesk raises on purpose.

```
WeightdeskError
├── WatchError              (ValueError)          a model or optimizer that cannot be recorded
├── OptionError             (ValueError)          an option with an unknown or impossible value
├── DataError               (ValueError)          training data that cannot be used as it is
├── MixError                (ValueError)          a mix of turns that cannot be read, or does not fit
├── ListenError             (RuntimeError)        recomputing in the background failed
├── WeightFileError         (ValueError)          a weight file that cannot be read, or would be overwritten
└── RunError
    ├── RunExistsError      (FileExistsError)     a run would overwrite another one
    ├── RunNotFoundError    (FileNotFoundError)   no run at this place
    ├── RunFormatError      (ValueError)          a file of a run is damaged or of another version
    ├── UnknownParameterError (LookupError)       the run has no parameter of this name
    ├── StepNotKeptError    (LookupError)         the run keeps nothing of this kind at this step
    └── IndexRangeError     (LookupError)         an index outside the parameter's shape
```

Each message is one line: what was wrong, what was expected, what to do; a mix that does not fit has one
more for each conflict. The command line prints that line and exits with 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class WeightdeskError(Exception):
    r"""Base of all errors that weightdesk raises on purpose.

    A message may quote what anybody has written, such as the name of a parameter; it is one line all the
    same.

    >>> print(WeightdeskError("the run has no parameter fc\r\n.weight"))
    the run has no parameter fc .weight
    """

    def __str__(self) -> str:
        return _line(super().__str__())


class WatchError(WeightdeskError, ValueError):
    """The model or the optimizer cannot be recorded."""


class OptionError(WeightdeskError, ValueError):
    """An option has an unknown or impossible value."""


class DataError(WeightdeskError, ValueError):
    """The training data cannot be used as it is."""


class WeightFileError(WeightdeskError, ValueError):
    """A weight file cannot be read, or would be overwritten."""


class MixError(WeightdeskError, ValueError):
    """A mix of turns cannot be read, or does not fit the weights to which it is applied.

    Attributes:
        conflicts: what does not fit, one line each; empty where the mix cannot be read.
    """

    def __init__(self, message: str, conflicts: Iterable[str] = ()) -> None:
        self.conflicts = tuple(conflicts)
        super().__init__("\n".join(map(_line, (message, *(f"- {each}" for each in self.conflicts)))))

    def __str__(self) -> str:
        return "\n".join(map(_line, str(self.args[0]).split("\n")))


class ListenError(WeightdeskError, RuntimeError):
    """Recomputing outcomes in the background failed, or the callback that they were given to did."""


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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory is missing; torch tells it by a plain `RuntimeError` on the CPU.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("shapes do not fit"))
    (True, False)
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    # "Storage size calculation overflowed" is what torch says of more bytes than an address can count.
    said = ("allocate memory", "Storage size calculation overflowed")
    return isinstance(error, RuntimeError) and any(each in str(error) for each in said)


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


def _line(text: str) -> str:
    return " ".join(text.split())
