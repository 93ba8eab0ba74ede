from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from weightdesk.errors import RunExistsError
from weightdesk.runs.stores import filelock
from weightdesk.runs.stores.filelock import FileLock

WRITER = """
import os, sys, time
from pathlib import Path
from weightdesk.runs.stores.filelock import FileLock

FileLock(Path(sys.argv[1])).hold()
if os.fork() == 0:
    time.sleep(0.3)  # let the parent be killed first
    print("child lives", flush=True)
    time.sleep(60)
print(os.getpid(), flush=True)
time.sleep(60)
"""


def test_a_killed_writer_frees_the_lease_though_its_forked_worker_lives(tmp_path: Path) -> None:
    path = tmp_path / ".lease"
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as writer:
        assert writer.stdout is not None
        assert int(writer.stdout.readline()) == writer.pid
        assert FileLock(path).is_held()
        writer.kill()
        try:
            assert writer.stdout.readline() == "child lives\n"
            assert not FileLock(path).is_held()
        finally:
            os.killpg(writer.pid, signal.SIGKILL)


def test_a_fork_forgets_what_its_parent_holds(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)
    held, filelock._held = filelock._held, {descriptor}
    try:
        filelock._forget_after_fork()
        assert filelock._held == set()
    finally:
        filelock._held = held
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_reader_that_probes_does_not_stop_a_writer(tmp_path: Path) -> None:
    path = tmp_path / ".lease"
    path.touch()
    descriptor = os.open(path, os.O_RDONLY)
    filelock.fcntl.flock(descriptor, filelock.fcntl.LOCK_SH)
    threading.Timer(0.1, lambda: os.close(descriptor)).start()
    FileLock(path).hold()()


def test_a_writer_does_not_wait_for_ever(tmp_path: Path) -> None:
    release = FileLock(tmp_path / ".lease").hold()
    start = time.monotonic()
    with pytest.raises(RunExistsError, match="being recorded"):
        FileLock(tmp_path / ".lease").hold()
    assert time.monotonic() - start < 10
    release()
