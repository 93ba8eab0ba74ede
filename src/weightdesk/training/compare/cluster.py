"""Members as tasks of a Ray cluster.

The folder of the comparison must be one that all its machines see, and weightdesk must be installed on each.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from weightdesk.errors import OptionError
from weightdesk.training.compare.member import Ending, Hear, Task, run_member


def run_on_cluster(tasks: Iterable[Task], address: str, hear: Hear) -> None:
    """Run tasks on a cluster, one core each, as many at once as it has cores.

    Arguments:
        tasks: what is to be done.
        address: of the cluster, such as `ray://head:10001` or `auto`; `local` starts one on this machine.
        hear: called in this thread when a member ends.

    Raises:
        OptionError: Ray is not installed, or there is no cluster at the address.

    """
    ray = _ray()
    try:
        ray.init(address=address, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise OptionError(f"--ray: no cluster at {address}: {' '.join(str(error).split())}") from error
    try:
        # A member whose machine dies is reported, as one in a process of this machine is.
        start = ray.remote(num_cpus=1, max_retries=0)(run_member_in).remote
        waiting = {start(str(Path.cwd()), task): task for task in tasks}
        while waiting:
            (done,), _ = ray.wait(list(waiting), num_returns=1)
            hear(_ending(ray, done, waiting.pop(done)))
    finally:
        ray.shutdown()


def run_member_in(folder: str, task: Task) -> Ending:
    """Run a member in the working directory of whoever asked, as its paths may be relative.

    Arguments:
        folder: that directory.
        task: what to do.

    """
    os.chdir(folder)
    return run_member(task)


def _ending(ray: Any, done: Any, task: Task) -> Ending:
    try:
        ending: Ending = ray.get(done)
    except ray.exceptions.RayError as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        return Ending(name=task.name, status="killed", said=said)
    return ending


def _ray() -> Any:
    try:
        return import_module("ray")
    except ModuleNotFoundError:
        raise OptionError("--ray needs Ray: pip install 'weightdesk[cluster]'") from None
