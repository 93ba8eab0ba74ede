"""A session from what a command line says: which run or comparison, and which network, as `FILE:FUNCTION`."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Final

from weightdesk.errors import OptionError, closest
from weightdesk.runs import open_run
from weightdesk.server.members import Members, is_comparison
from weightdesk.server.session import Session
from weightdesk.server.subject import Subject

_EXPECTED: Final = "expected FILE:FUNCTION, such as train.py:desk"
_MODULE: Final = "weightdesk_network"  # no name that anything else is imported by


def open_session(run: str, network: str | None = None) -> Session:
    """The session of a run.

    Arguments:
        run: its folder or address.
        network: `FILE:FUNCTION`, whose function returns the arguments of `Subject.given` by their names.
            The file is run, so what it does by itself belongs behind `if __name__ == "__main__":`.

    Raises:
        RunNotFoundError: there is no run.
        OptionError: there is no such function, it fails, or what it returns is no network with inputs.
    """
    return Session(open_run(run), _given(network))


def open_place(place: str, network: str | None = None) -> Session:
    """The session of a run, or of the first member of a comparison, which leads to the others.

    Arguments:
        place: folder or address of a run, or the folder of a comparison.
        network: as for `open_session`; a comparison's members share it.

    Raises:
        RunNotFoundError: there is neither.
        OptionError: as for `open_session`, or no member of the comparison has a run yet.
    """
    if is_comparison(place):
        return Members(Path(place), _given(network)).first
    return open_session(place, network)


def _given(network: str | None) -> Subject | None:
    return None if network is None else _subject(network)


def _subject(reference: str) -> Subject:
    path, _, name = reference.rpartition(":")
    if not path or not name:
        raise OptionError(f"network {reference!r}: {_EXPECTED}")
    functions = {each: one for each, one in vars(_module(Path(path))).items() if inspect.isfunction(one)}
    if name not in functions:
        raise OptionError(f"{path} has no function {name!r}; {closest(name, functions)}")
    try:
        found = functions[name]()
    except Exception as error:
        raise OptionError(f"{reference} failed: {type(error).__name__}: {error}") from error
    known = inspect.signature(Subject.given).parameters
    if not isinstance(found, Mapping) or not {"model", "inputs"} <= set(found) <= set(known):
        told = ", ".join(map(str, found)) if isinstance(found, Mapping) else type(found).__name__
        raise OptionError(
            f"{reference}: expected a dict of model and inputs, and where there are such also of "
            f"{', '.join(list(known)[2:])}; got {told}"
        )
    return Subject.given(**found)


def _module(path: Path) -> ModuleType:
    if not path.is_file():
        raise OptionError(f"network: there is no file {path}; {_EXPECTED}")
    spec = importlib.util.spec_from_file_location(_MODULE, path)
    if spec is None or spec.loader is None:
        raise OptionError(f"network: {path} is no Python file; {_EXPECTED}")
    module = sys.modules[_MODULE] = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # as where Python runs the file: what lies beside it is found
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise OptionError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    return module
