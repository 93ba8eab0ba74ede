"""A session from what a command line says: which run or comparison, and which network, as `FILE:FUNCTION`."""

from __future__ import annotations

import importlib.util
import inspect
import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from types import ModuleType
from typing import Final

import torch

from weightdesk.errors import OptionError, closest
from weightdesk.runs import open_run
from weightdesk.server.members import Members, is_comparison
from weightdesk.server.session import Session
from weightdesk.server.subject import Subject

_EXPECTED: Final = "expected FILE:FUNCTION, such as train.py:desk"
_TRIED: Final = 2  # examples; some layers want more than one, even in evaluation mode
_MODULE: Final = "weightdesk_network"  # no name that anything else is imported by


def open_session(run: str, network: str | None = None, data: str | None = None) -> Session:
    """The session of a run.

    Arguments:
        run: its folder or address.
        network: `FILE:FUNCTION`, whose function returns the arguments of `Subject.given` by their names.
            The file is run, so what it does by itself belongs behind `if __name__ == "__main__":`.
        data: the user's own data that a built-in training learned from; None: they are looked for.

    Raises:
        RunNotFoundError: there is no run.
        OptionError: there is no such function, it fails, or what it returns is no network with inputs.
    """
    return Session(open_run(run), _given(network), data=data)


def open_place(place: str, network: str | None = None, data: str | None = None) -> Session:
    """The session of a run, or of the first member of a comparison, which leads to the others.

    Arguments:
        place: folder or address of a run, or the folder of a comparison.
        network: as for `open_session`; a comparison's members share it.
        data: likewise.

    Raises:
        RunNotFoundError: there is neither.
        OptionError: as for `open_session`, or no member of the comparison has a run yet.
    """
    if is_comparison(place):
        return Members(Path(place), _given(network), data).first
    return open_session(place, network, data)


def _given(network: str | None) -> Subject | None:
    return None if network is None else _subject(network)


def _subject(reference: str) -> Subject:
    path, _, name = reference.rpartition(":")
    if not path or not name:
        raise OptionError(f"network {reference!r}: {_EXPECTED}")
    functions = {each: one for each, one in vars(_module(Path(path))).items() if inspect.isfunction(one)}
    if name not in functions:
        raise OptionError(f"{path} has no function {name!r}; {closest(name, functions)}")
    with _as_option_errors(f"{reference} failed"), _own_command_line(Path(path)):
        found = functions[name]()
    known = inspect.signature(Subject.given).parameters
    if not isinstance(found, Mapping) or not {"model", "inputs"} <= set(found) <= set(known):
        told = ", ".join(map(str, found)) if isinstance(found, Mapping) else type(found).__name__
        raise OptionError(
            f"{reference}: expected a dict of model and inputs, and where there are such also of "
            f"{', '.join(list(known)[2:])}; got {told}"
        )
    with _as_option_errors(reference):
        subject = Subject.given(**found)
        _try(subject)
    return subject


def _try(subject: Subject) -> None:
    """Run the network once, so that what does not fit is told before anything is read from it.

    Raises:
        OptionError: there are no examples, or not one target for each.
    """
    count = len(subject.inputs) if subject.inputs.ndim else 0
    if not count:
        raise OptionError("inputs hold no examples; return some, with the examples on axis 0")
    if subject.targets is not None and (not subject.targets.ndim or len(subject.targets) != count):
        raise OptionError(
            f"expected one of the targets for each of {count} inputs, got {tuple(subject.targets.shape)}"
        )
    with torch.no_grad():
        subject.model(subject.inputs[:_TRIED])


@contextmanager
def _as_option_errors(what: str) -> Iterator[None]:
    """Whatever code of the user's raises, even an exit, as an error in one line."""
    try:
        yield
    except OptionError as error:
        raise OptionError(f"{what}: {error}") from error
    except (Exception, SystemExit) as error:
        said = " ".join(str(error).split())
        raise OptionError(f"{what}: {type(error).__name__}: {said}") from error


@contextmanager
def _own_command_line(path: Path) -> Iterator[None]:
    """Let the user's code see a command line of its own, without options, and no exit of it end us.

    Raises:
        OptionError: it exits. What argparse prints then would stand above the error, and is told in it.
    """
    arguments, printed = sys.argv, io.StringIO()
    sys.argv = [str(path)]
    try:
        with redirect_stderr(printed):
            yield
    except SystemExit as error:
        last = printed.getvalue().strip().splitlines()[-1:] or [f"sys.exit({error.code!r})"]
        printed.truncate(0)
        raise OptionError(
            f'it ends by itself, {last[0]}; put what it does as a program behind `if __name__ == "__main__":`'
        ) from None
    finally:
        sys.argv = arguments
        sys.stderr.write(printed.getvalue())


def _module(path: Path) -> ModuleType:
    if not path.is_file():
        raise OptionError(f"network: there is no file {path}; {_EXPECTED}")
    spec = importlib.util.spec_from_file_location(_MODULE, path)
    if spec is None or spec.loader is None:
        raise OptionError(f"network: {path} is no Python file; {_EXPECTED}")
    module = sys.modules[_MODULE] = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # as where Python runs the file: what lies beside it is found
    with _as_option_errors(f"{path} cannot be run"), _own_command_line(path):
        spec.loader.exec_module(module)
    return module
