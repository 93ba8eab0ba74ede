"""The recordings that this process has open, and what becomes of them when it ends or forks.

At the end of the interpreter and before a signal ends the process they are closed. A forked child forgets
them at once: the run is its parent's, the writing thread does not live in it, and whoever held a lock at
the moment of the fork will never give it back there.
"""

from __future__ import annotations

import atexit
import os
from typing import Protocol

from weightdesk.recording import signals


class OpenRecording(Protocol):
    """What this module asks of a recording."""

    directory: str

    def close_abandoned(self) -> None:
        """Close a run that nobody closed, with the status that the process tells of."""
        ...

    def close_at_signal(self, name: str) -> None:
        """Close the run because a signal ends the process."""
        ...

    def forget(self) -> None:
        """Let go of a run that is another process's."""
        ...


_recordings: list[OpenRecording] = []
_process = os.getpid()


def add(recording: OpenRecording) -> None:
    """Take care of a recording from now on."""
    _recordings.append(recording)
    # Called in reverse order: what the user has registered before, such as the removal of a temporary
    # folder, is for after the run was closed.
    atexit.unregister(_close_at_exit)
    atexit.register(_close_at_exit)
    signals.listen(_close_at_signal)


def remove(recording: OpenRecording) -> None:
    """Nothing is to be done for this recording any more."""
    _recordings[:] = [other for other in _recordings if other is not recording]
    if not _recordings:
        signals.stop_listening()


def close_at(directory: str) -> None:
    """Close what this process records in a place, as the cell of a notebook that is run again asks for."""
    for recording in _recordings[:]:
        if _real(recording.directory) == _real(directory):
            recording.close_abandoned()


def _real(directory: str) -> str:
    return directory if "://" in directory else os.path.realpath(directory)


def _close_at_exit() -> None:
    if os.getpid() != _process:
        _forget_all()  # forked by a library that told Python nothing of it
    for recording in reversed(_recordings[:]):
        recording.close_abandoned()


def _close_at_signal(name: str) -> None:
    if os.getpid() != _process:
        _forget_all()
    for recording in reversed(_recordings[:]):
        recording.close_at_signal(name)


def _forget_all() -> None:
    global _process
    _process = os.getpid()
    forgotten, _recordings[:] = list(_recordings), []
    signals.stop_listening()
    for recording in forgotten:
        recording.forget()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_forget_all)
