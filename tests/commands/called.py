"""What a command gave back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Called:
    """Exit code and what was written."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)

    def is_refused(self) -> str:
        """The one line of an error, after a look that it is one."""
        assert self.code == 2
        assert self.out == ""
        assert self.err.startswith("error: ")
        assert self.err.count("\n") == 1
        return self.err


Call: TypeAlias = Callable[..., Called]
