"""What holds for all tests."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from functools import partial
from importlib import import_module

import pytest
import torch
from hypothesis import settings
from torch import nn
from trainings import small_network

from weightdesk.recording import openrecordings
from weightdesk.recording.budget import HEAD_START, CostBudget
from weightdesk.runs import Run, open_run

watching = import_module("weightdesk.recording.watch")  # the package has a function of this name

# Tests run side by side: more threads than processors would only wait for each other.
torch.set_num_threads(1)

# Compiled kernels and a busy machine make the first example slow; that is no failure.
settings.register_profile("quick", deadline=None, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=100)  # of `make test-all`
settings.load_profile("quick")


@pytest.fixture(autouse=True, scope="session")
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Flushing takes up to 20 ms a file, and no test cuts the power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def _recordings_of_a_quiet_machine() -> Iterator[None]:
    """What is recorded in a second must not depend on what runs beside the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watching, "CostBudget", partial(CostBudget, head_start=20 * HEAD_START))
        yield


@pytest.fixture(autouse=True)
def _no_recording_outlives_its_test() -> Iterator[None]:
    """A test that fails leaves its recording open, which would be counted in the tests that follow."""
    open_before = list(openrecordings._recordings)
    yield
    with warnings.catch_warnings(action="ignore"):
        for recording in openrecordings._recordings[:]:
            if not any(recording is other for other in open_before):
                recording.close_abandoned()


@pytest.fixture
def network() -> nn.Sequential:
    """A small classifier of pictures."""
    return small_network()


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Six steps of a small network on handwritten digits, with a snapshot of each."""
    from weightdesk.training import Recipe, train

    recipe = Recipe.create("digits", network="mlp", layers=(16, 12), steps=6)
    return open_run(train(recipe, tmp_path_factory.mktemp("runs") / "digits", every=1).directory)
