"""How recording speaks up."""

from __future__ import annotations

import sys
import warnings


def warn(message: str) -> None:
    """Tell the user something, without any chance of ending the training.

    Where warnings are errors, or cannot be shown, the message goes to standard error as it is.
    """
    try:
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    except Exception:  # filters of the user's, a `showwarning` of the user's, a standard error that is closed
        _write(f"{message}\n")


def _write(text: str) -> None:
    stream = sys.stderr
    if stream is None:  # a program without a console, such as one that pythonw runs
        return
    for printable in (text, text.encode("ascii", "backslashreplace").decode()):
        try:
            stream.write(printable)
            stream.flush()
        except UnicodeError:  # a stream of the user's with a narrow encoding: once more in ASCII
            continue
        except Exception:  # closed, or a pipe that nobody reads: there is nobody left to tell
            return
        return
