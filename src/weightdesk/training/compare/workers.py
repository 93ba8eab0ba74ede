"""Members in processes of this machine, several at once; a process that dies takes only its member along."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from queue import Queue
from threading import Lock, Thread
from typing import IO, Any, Final

from weightdesk.training.compare.member import Ending, Hear, Standing, Task

_MAIN: Final = "from weightdesk.training.compare.worker import main; main()"
_ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def run_in_workers(tasks: Iterable[Task], workers: int, hear: Hear) -> None:
    """Run tasks in so many processes, each taking the next one when it is free.

    A worker whose process ends is replaced; the member that it had is told as `killed`. Ctrl-C ends the
    running members cleanly and then comes through.

    Arguments:
        tasks: what is to be done.
        workers: processes at once.
        hear: called in this thread.

    """
    waiting = deque(tasks)
    Crew(waiting).run(max(1, min(workers, len(waiting))), hear)


class Crew:
    """Processes that share a queue of tasks, each looked after by a thread."""

    def __init__(self, waiting: deque[Task]) -> None:
        self._waiting = waiting
        self._said: Queue[Standing | Ending | None] = Queue()
        self._lock = Lock()
        self._alive: set[_Worker] = set()
        self._working = 0

    def run(self, size: int, hear: Hear) -> None:
        """Work until all is done; an exception of `hear`, or Ctrl-C, ends the running members first."""
        self._working = size
        for _ in range(size):
            Thread(target=self._work, daemon=True).start()
        try:
            self._listen(hear)
        except BaseException:
            with self._lock:
                self._waiting.clear()
                for worker in self._alive:
                    worker.interrupt()
            self._listen(lambda _said: None)
            raise

    def _listen(self, hear: Hear) -> None:
        while self._working:
            said = self._said.get()
            if said is None:
                self._working -= 1
            else:
                hear(said)

    def _work(self) -> None:
        worker: _Worker | None = None
        try:
            while (taken := self._take(worker)) is not None:
                task, worker = taken
                ending = worker.follow(task, self._said.put)
                self._said.put(ending)
                if worker.is_gone:
                    self._dismiss(worker)
                    worker = None
        finally:
            self._dismiss(worker)
            self._said.put(None)

    def _take(self, worker: _Worker | None) -> tuple[Task, _Worker] | None:
        """The next task and a process for it: under the lock, so that Ctrl-C reaches every process."""
        with self._lock:
            if not self._waiting:
                return None
            if worker is None:
                worker = _Worker()
                self._alive.add(worker)
            return self._waiting.popleft(), worker

    def _dismiss(self, worker: _Worker | None) -> None:
        if worker is not None:
            with self._lock:
                self._alive.discard(worker)
            worker.close()


class _Worker:
    """One process, seen from outside."""

    def __init__(self) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        # A session of its own: Ctrl-C on the terminal reaches us alone, and we pass it on once.
        self._process = subprocess.Popen(  # noqa: S603 (our own command)
            [sys.executable, "-c", _MAIN],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            text=True, encoding="utf-8", env={**os.environ, **_ONE_THREAD}, start_new_session=True,
        )  # fmt: skip

    @property
    def is_gone(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def follow(self, task: Task, tell: Any) -> Ending:
        """Give it a task and pass on how it stands, until it ends."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps(task.to_dict()), file=self._process.stdin, flush=True)
        except OSError:
            return self._killed(task)
        for line in self._process.stdout:
            message = json.loads(line)
            if "ending" in message:
                return Ending(**message["ending"])
            tell(Standing(**message["standing"]))
        return self._killed(task)

    def interrupt(self) -> None:
        """Ask it to end its member as Ctrl-C does."""
        if not self.is_gone:
            self._process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """Let it go, and wait until it is gone."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what it never read does not matter any more
                    pipe.close()
        self._process.wait()
        self._errors.close()

    def _killed(self, task: Task) -> Ending:
        code = self._process.wait()
        how = f"signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"exit code {code}"
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().splitlines()[-1:]
        said = " ".join([f"its process ended by {how}", *(f"and said: {each}" for each in last)])
        return Ending(name=task.name, status="killed", said=said)
