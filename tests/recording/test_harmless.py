"""Whatever goes wrong inside the recorder, the training ends with the same bits and without an exception.

Each function and method of `weightdesk.recording` is made to fail, one at a time, while a training runs
that needs all of them; then Ctrl-C is pressed at random lines of the recorder.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import pkgutil
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import Any

import pytest
import torch
from torch import nn
from trainings import run_steps, small_batch, small_network

import weightdesk.recording
from weightdesk import open_run, watch
from weightdesk.recording import modulecalls, openrecordings
from weightdesk.recording.backwardgradients import BackwardGradients
from weightdesk.recording.recording import Recording

STEPS = 4
MODULES = [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(weightdesk.recording.__path__, "weightdesk.recording.")
]

GUARDS = {
    # what the training calls itself: what torch calls, and the methods of a `Recording`
    "StepHooks._meet", "StepHooks._pre", "StepHooks._post", "StepHooks._run_closure",
    "_ObservedCall.__get__", "_call_observed", "Recording.log", "Recording.close",
    "Recording.step", "Recording.cost", "Recording.status", "Recording.__enter__", "Recording.__exit__",
    # what catches the faults of all others
    "Recorder._attempt", "Recorder.stop", "Recording._attempt", "hold_interrupts", "ending_of", "warn",
    "PassMeter._guard",
    # what `watch` alone needs, which refuses in one line
    "watch",
}  # fmt: skip
"""Functions that are not made to fail, since a fault of theirs is where the training calls them."""

Owner = ModuleType | type


def functions() -> dict[str, tuple[Owner, str]]:
    """Every function and method that is written in the package, by its qualified name, with its owner."""
    found: dict[str, tuple[Owner, str]] = {}
    for module in MODULES:
        for name, member in vars(module).items():
            if getattr(member, "__module__", None) != module.__name__:
                continue
            if inspect.isclass(member):
                methods = {key: each for key, each in vars(member).items() if isinstance(each, FunctionType)}
                found |= {f"{name}.{key}": (member, key) for key in methods}
                found |= {
                    f"{name}.{key}": (member, key)
                    for key, each in vars(member).items()
                    if isinstance(each, property)
                }
            elif isinstance(member, FunctionType):
                found[name] = (module, name)
    return {name: place for name, place in found.items() if name not in GUARDS}


FUNCTIONS = functions()


class Fault:
    """What becomes of a function of the package while a training runs: its calls are noted, and one may fail.

    Attributes:
        error: that it fails with.
        countdown: calls until it fails; None if it does not.
        called: names of the functions that were called.
        is_armed: whether calls count; not before `watch` has returned.
    """

    def __init__(self, error: type[Exception] = RuntimeError, countdown: int | None = None) -> None:
        self.error, self.countdown, self.is_armed = error, countdown, False
        self.called: set[str] = set()

    def wrap(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        @wraps(function)
        def failing(*arguments: Any, **options: Any) -> Any:
            if self.is_armed:
                self.called.add(name)
                if self.countdown is not None:
                    self.countdown -= 1
                    if self.countdown == 0:
                        raise self.error(f"{name} fails")
            return function(*arguments, **options)

        return failing


@contextmanager
def faulty(name: str, fault: Fault) -> Iterator[None]:
    """Put a function that can fail in place of this one, wherever it was imported to."""
    owner, key = FUNCTIONS[name]
    original = vars(owner)[key]
    if isinstance(original, property):
        failing: Any = property(fault.wrap(original.fget, name))  # type: ignore[arg-type]
    else:
        failing = fault.wrap(original, name)
    owners = (
        [owner] if inspect.isclass(owner) else [each for each in MODULES if vars(each).get(key) is original]
    )
    for each in owners:
        setattr(each, key, failing)
    try:
        yield
    finally:
        for each in owners:
            setattr(each, key, original)


def train(model: nn.Module, begin: Callable[[torch.optim.Optimizer], Recording | None]) -> None:
    """A training with clipping, an evaluation, an optimizer that is met on the way, and scalars."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    recording = begin(optimizer)
    for step in range(STEPS):
        if step == STEPS // 2:
            optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        inputs, targets = small_batch(step)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        if recording is not None:
            recording.log(loss=loss, step=step, text="none")
        with torch.no_grad():
            model(inputs)


def bits(model: nn.Module) -> bytes:
    return b"".join(each.detach().numpy().tobytes() for each in model.state_dict().values())


def train_watched(place: Path, fault: Fault) -> tuple[nn.Module, Recording]:
    """Train under a fault that is armed once `watch` has returned, and close."""
    model, recordings = small_network(), []

    def begin(optimizer: torch.optim.Optimizer) -> Recording:
        recordings.append(watch(model, optimizer, place, every=1, cost=None, flush=0.005))
        fault.is_armed = True
        return recordings[0]

    train(model, begin)
    recordings[0].close()
    fault.is_armed = False
    recordings[0].close()  # what a fault left open is closed now, as at the end of the process
    return model, recordings[0]


@pytest.fixture(scope="module")
def expected() -> bytes:
    model = small_network()
    train(model, lambda _: None)
    return bits(model)


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the functions that a recording calls after `watch`."""
    fault = Fault()
    with ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in FUNCTIONS:
            stack.enter_context(faulty(name, fault))
        _, recording = train_watched(tmp_path_factory.mktemp("called") / "run", fault)
    assert recording.status == "finished"
    return fault.called


def assert_harmless(name: str, expected: bytes, folder: Path) -> None:
    number = random.Random(name)
    error = number.choice([RuntimeError, MemoryError, OSError, AttributeError])
    fault = Fault(error, countdown=number.choice([1, 1, 2, 9]))
    with warnings.catch_warnings(), faulty(name, fault):
        warnings.simplefilter(number.choice(["ignore", "error"]))  # type: ignore[arg-type]
        model, recording = train_watched(folder / name, fault)
    assert not openrecordings._recordings
    assert not modulecalls._observers
    assert not any(each._post_accumulate_grad_hooks for each in model.parameters())
    assert not any(each._hooked for each in gc.get_objects() if type(each) is BackwardGradients)
    assert bits(model) == expected
    assert recording.status in ("finished", "stopped")
    run = open_run(folder / name)
    if not name.startswith(("Ledger.", "now")):  # then `run.json` itself could not be written
        assert run.status == recording.status
    for step in run.steps:
        assert run.weights("0.weight", step).isfinite().all()


@pytest.mark.parametrize("module", [module.__name__.removeprefix("weightdesk.") for module in MODULES])
def test_a_fault_leaves_the_training_as_it_is(
    module: str, called: set[str], expected: bytes, tmp_path: Path
) -> None:
    for name, (owner, _) in FUNCTIONS.items():
        home = owner.__module__ if inspect.isclass(owner) else owner.__name__
        if name in called and home == f"weightdesk.{module}":
            assert_harmless(name, expected, tmp_path)


def test_most_functions_fail_in_one_of_the_tests(called: set[str]) -> None:
    assert len(called) > 100


class Interrupter:
    """Presses Ctrl-C at one line of the recorder: a trace function of `sys.settrace`."""

    def __init__(self, line: int) -> None:
        self.left = line

    def __call__(self, frame: FrameType, event: str, _argument: object) -> Any:
        if not frame.f_globals.get("__name__", "").startswith("weightdesk.recording"):
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self


@pytest.mark.parametrize("seed", range(24))
def test_ctrl_c_inside_the_recorder_reaches_the_user_and_leaves_a_true_run(seed: int, tmp_path: Path) -> None:
    line = random.Random(seed).randint(1, 900)
    model, states = small_network(), []

    def note(*_: object) -> None:
        states.append(model[0].weight.detach().clone())

    note()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def interrupted() -> None:
        with watch(model, optimizer, tmp_path / "run", every=1, cost=None):
            try:
                sys.settrace(Interrupter(line))
                run_steps(model, optimizer, 40, note)
            finally:
                sys.settrace(None)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    run = open_run(tmp_path / "run")
    assert run.status == "interrupted"
    assert run.last_step in (len(states) - 1, len(states))
    for step in set(run.steps) - {len(states)}:
        assert torch.equal(run.weights("0.weight", step), states[step])
    assert torch.equal(run.weights("0.weight", -1), model[0].weight)
    rows = list(zip(*(run.sampled[name].to_pylist() for name in ("step", "parameter", "index")), strict=True))
    assert len(rows) == len(set(rows))


def test_a_training_that_goes_on_after_ctrl_c_inside_a_step(tmp_path: Path) -> None:
    model = small_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    pressed: list[int] = []

    def press(*_: object) -> None:
        if not pressed:
            pressed.append(1)
            raise KeyboardInterrupt

    with watch(model, optimizer, tmp_path / "run", every=1) as recording:
        run_steps(model, optimizer, 2)
        handle = optimizer.register_step_pre_hook(press)
        with pytest.raises(KeyboardInterrupt):
            run_steps(model, optimizer, 1)
        handle.remove()
        run_steps(model, optimizer, 2)
    run = open_run(tmp_path / "run")
    assert (run.status, recording.step) == ("finished", 4)
    assert run.steps == (0, 1, 2, 3, 4)
    assert torch.equal(run.weights("0.weight", 4), model[0].weight)


class BrokenOff(torch.optim.SGD):
    """An optimizer that is broken off once, after it has moved the first parameter."""

    is_pressed = False

    @torch.no_grad()
    def step(self, closure: object = None) -> None:
        if self.is_pressed:
            self.is_pressed = False
            self.param_groups[0]["params"][0].add_(1.0)
            raise KeyboardInterrupt
        super().step()


@pytest.mark.parametrize("every", [1, None])
@pytest.mark.parametrize("goes_on", [True, False])
def test_a_step_that_moved_only_some_weights(goes_on: bool, every: int | None, tmp_path: Path) -> None:
    """It counts: else what it left would be taken for the weights before it."""
    model, states = small_network(), []
    optimizer = BrokenOff(model.parameters(), lr=0.1)
    note = lambda *_: states.append(model[0].weight.detach().clone())  # noqa: E731
    note()
    with watch(model, optimizer, tmp_path / "run", every=every, cost=None if every else 0.0) as recording:
        run_steps(model, optimizer, 2, note)
        optimizer.is_pressed = True
        with pytest.raises(KeyboardInterrupt):
            run_steps(model, optimizer, 1)
        note()
        if goes_on:
            run_steps(model, optimizer, 2, note)
    run = open_run(tmp_path / "run")
    assert recording.step == run.last_step == len(states) - 1
    assert not every or run.steps == tuple(range(len(states)))
    for step in run.steps:
        assert torch.equal(run.weights("0.weight", step), states[step])
    rows = list(zip(*(run.sampled[name].to_pylist() for name in ("step", "parameter", "index")), strict=True))
    assert len(rows) == len(set(rows))
