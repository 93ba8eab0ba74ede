"""How recording speaks up."""

from __future__ import annotations

import sys
import warnings


def warn(message: str) -> None:
    """Tell the user something, without any chance of ending the training."""
    try:
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    except RuntimeWarning:  # warnings are errors here, but an error would end the training
        print(message, file=sys.stderr)
