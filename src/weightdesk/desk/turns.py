"""Turning weights: every kind of turn, undo and redo, and the bypass."""

from __future__ import annotations

import copy
import operator
import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from threading import RLock
from typing import Final

from torch import nn

from weightdesk.desk.edits import (
    Edit,
    Muting,
    Noise,
    Pruning,
    Rewinding,
    Rounding,
    Scaling,
    Setting,
    Soloing,
    Transplanting,
)
from weightdesk.desk.history import History
from weightdesk.desk.mix import Mix
from weightdesk.desk.places import Unit, place_in
from weightdesk.desk.state import State
from weightdesk.errors import OptionError
from weightdesk.explain.compiled import uncompiled
from weightdesk.runs import Parameters, Run, open_run

_RECENT: Final = 2  # states that were left, for undo and redo; they hold what they touch in full


class Turns(ABC):
    """A copy of a network, the turns of its weights, and what can be undone.

    Every turn is one edit more in the mix, and can be undone. `name` is a parameter or a module; `unit` a
    whole number, a slice, several of these (a kernel, columns) or a `Head`; None means all of it. Several
    threads may turn; one turn is done after the other.

    Arguments:
        model: any module, also a compiled one; a copy of it is turned, in evaluation mode.
        run: the run that the weights come from, or its path; rewinding goes back in it.

    Raises:
        OptionError: the model cannot be copied.
    """

    def __init__(self, model: nn.Module, run: Run | str | os.PathLike[str] | None = None) -> None:
        self._model = _copied(model)
        self._run = run if run is None or isinstance(run, Run) else open_run(run)
        self._state = State.of(self._model)
        self._recent: deque[State] = deque(maxlen=_RECENT)
        self._history = History()
        self._bypassed = False
        self._turning = RLock()

    def set(self, name: str, index: Unit, value: float) -> None:
        """Give a weight, or all of a place, a value; NaN and infinite ones, too."""
        self.turn(Setting(place_in(self._model, name, index), value))

    def scale(self, name: str | None, unit: Unit = None, factor: float = 1.0) -> None:
        """Multiply the weights of a unit; of a head its columns of the output projection."""
        self.turn(Scaling(place_in(self._model, name, unit), factor))

    def mute(self, name: str | None, unit: Unit = None) -> None:
        """Make the weights of a unit zero; of a head its columns of the output projection."""
        self.turn(Muting(place_in(self._model, name, unit)))

    def solo(self, name: str, unit: Unit) -> None:
        """Make those of all other units zero; units soloed one after the other are heard together."""
        self.turn(Soloing(place_in(self._model, name, unit)))

    def noise(
        self,
        name: str | None = None,
        unit: Unit = None,
        *,
        strength: float,
        seed: int = 0,
        relative: bool = True,
    ) -> None:
        """Add seeded noise; its strength counts in standard deviations of the parameter if relative."""
        self.turn(Noise(place_in(self._model, name, unit), strength, seed, relative))

    def prune(
        self,
        name: str | None = None,
        unit: Unit = None,
        *,
        threshold: float | None = None,
        fraction: float | None = None,
    ) -> None:
        """Make weights below a threshold, or a fraction of them, zero; without a name in all layers."""
        self.turn(Pruning(place_in(self._model, name, unit), threshold, fraction))

    def round(
        self,
        name: str | None = None,
        unit: Unit = None,
        *,
        bits: int | None = None,
        dtype: str | None = None,
        by: str = "tensor",
    ) -> None:
        """Round to so many bits, by tensor or by row, or to what a dtype holds."""
        self.turn(Rounding(place_in(self._model, name, unit), bits, dtype, by))

    def rewind(self, name: str | None = None, unit: Unit = None, *, step: int) -> None:
        """Take the weights of an earlier snapshot of the run."""
        if self._run is None:
            raise OptionError("there is no run to rewind in; make the desk with run=")
        self.turn(Rewinding(place_in(self._model, name, unit), self._run.path, step))

    def transplant(
        self,
        name: str | None,
        source: Run | str | os.PathLike[str],
        step: int | None = None,
        unit: Unit = None,
    ) -> None:
        """Take weights of another run at a step, or of a file of weights."""
        path = source.path if isinstance(source, Run) else os.fspath(source)
        self.turn(Transplanting(place_in(self._model, name, unit), path, step))

    def turn(self, edit: Edit) -> None:
        """Do one turn, given as an edit: what all of the turns above come to."""
        with self._turning:
            self._move(self._state.with_edit(edit), noted=True)
        self._announce()

    def apply(self, mix: Mix) -> None:
        """Do all turns of a mix, as one that can be undone.

        Raises:
            MixError: something does not fit; it lists everything.
        """
        with self._turning:
            self._move(mix.applied_to(self._state), noted=True)
        self._announce()

    def become(self, edits: Sequence[Edit]) -> None:
        """Make these all of the turns, as one that can be undone; what they share with the present is kept.

        Raises:
            WeightdeskError: an edit does not fit these weights.
        """
        with self._turning:
            self._move(self._remembered(tuple(edits)) or self._state.with_edits(edits), noted=True)
        self._announce()

    def reset(self) -> None:
        """Take all turns back, as one that can be undone."""
        with self._turning:
            self._move(self._state.with_edits(()), noted=True)
        self._announce()

    def undo(self) -> bool:
        """Take the last turn, mix or reset back; says whether there was one."""
        return self._step(self._history.back)

    def redo(self) -> bool:
        """Do again what was last undone; says whether there was something."""
        return self._step(self._history.forth)

    def bypass(self, on: bool | None = None) -> bool:
        """Hear the unedited network, or the mix again; without argument the other of the two.

        As on a mixing desk the knobs can be turned meanwhile: that goes into the mix, and is heard once
        the bypass is off.

        Returns:
            Whether the unedited network is heard now.
        """
        with self._turning:
            self._bypassed = not self._bypassed if on is None else on
        self._announce()
        return self._bypassed

    @property
    def bypassed(self) -> bool:
        """Whether the unedited network is heard."""
        return self._bypassed

    @property
    def mix(self) -> Mix:
        """The turns so far."""
        return Mix.of(self._state)

    @property
    def state(self) -> State:
        """The weights that are heard, and the turns that made them; none while bypassed."""
        return self._state.original if self._bypassed else self._state

    @property
    def parameters(self) -> Parameters:
        """Names and shapes of the weights."""
        return self._state.parameters

    @abstractmethod
    def _announce(self) -> None:
        """What is heard has changed. Called without the lock: who is told may want to turn as well."""

    def _step(self, where: Callable[[tuple[Edit, ...]], tuple[Edit, ...] | None]) -> bool:
        with self._turning:
            edits = where(self._state.edits)
            if edits is None:
                return False
            self._move(self._remembered(edits) or self._state.with_edits(edits), noted=False)
        self._announce()
        return True

    def _move(self, state: State, *, noted: bool) -> None:
        if noted:
            self._history.note(self._state.edits, state.edits)
        self._recent.append(self._state)
        self._state = state

    def _remembered(self, edits: tuple[Edit, ...]) -> State | None:
        """The state of these very edits, if it was left just now: nothing is computed again then."""
        return next((each for each in self._recent if _same(each.edits, edits)), None)


def _same(edits: tuple[Edit, ...], others: tuple[Edit, ...]) -> bool:
    # Not by equality: 0.0 and −0.0 are equal, but not the same weight.
    return len(edits) == len(others) and all(map(operator.is_, edits, others))


def _copied(model: nn.Module) -> nn.Module:
    try:
        found = copy.deepcopy(uncompiled(model)).eval()
    except (RuntimeError, TypeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise OptionError(
            f"{type(model).__name__} cannot be copied, and a desk turns a copy: {reason}; "
            "keep no results of a forward pass as attributes"
        ) from error
    found.zero_grad(set_to_none=True)
    return found
