"""A file system whose every failure is an `OSError`, whatever library reaches it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from weightdesk.paths import portable_path


class Reached:
    """An fsspec file system.

    Those of object stores raise errors of the libraries beneath them: no credentials, no such host, a time
    that ran out. Here each becomes an `OSError` that names the address; those that are one stay as they are.

    Arguments:
        files: the file system.
        address: what the user gave.
    """

    def __init__(self, files: Any, address: str) -> None:
        self._files, self._address = files, address

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._files, name)
        return self._guarded(found) if callable(found) else found

    def _guarded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def guarded(*arguments: Any, **options: Any) -> Any:
            try:
                return call(*arguments, **options)
            except OSError:
                raise
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
                raise OSError(f"{portable_path(self._address)} cannot be reached: {said}") from error

        return guarded
