"""The desk: a network whose weights are turned, and what it says then."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Self

from torch import nn

from weightdesk.desk import continuing, saving, sweeps
from weightdesk.desk.engine import DEFAULT_MEMORY, Engine
from weightdesk.desk.outcomes.background import Background, Callback
from weightdesk.desk.outcomes.outcome import Outcome
from weightdesk.desk.outcomes.probeset import make_probe_set
from weightdesk.desk.outcomes.shown import Shown
from weightdesk.desk.places import Unit
from weightdesk.desk.state import State
from weightdesk.desk.sweeps import Landscape, Surface, Sweep
from weightdesk.desk.sweeps.directions import Normalise
from weightdesk.desk.sweeps.surface import Swept
from weightdesk.desk.turns import Turns
from weightdesk.errors import ListenError
from weightdesk.explain.loss import Loss
from weightdesk.runs import Run
from weightdesk.runs.amounts import parse_bytes

SHOWN: Final = 16


class Desk(Turns):
    """A copy of a network with every weight a knob.

    The copy is in evaluation mode; the network itself, its mode and its hooks, and torch's random numbers
    stay as they are. Hooks of the network are part of what it computes and run on the copy, too.

    Arguments:
        model: any module, also a compiled one.
        inputs: a tensor, a tuple of positional or a mapping of keyword arguments, examples on axis 0.
        targets: one for each example, in whatever form the loss takes; None: only outputs are shown.
        loss: takes outputs and targets, gives a scalar. None: cross entropy where the targets are
            whole numbers, mean squared error where they are real ones.
        shown: how many examples are shown, the first ones, or their numbers.
        memory: bytes of intermediate results to keep, as a number or as text such as `"2GB"`.
        incremental: whether a turn runs only what lies behind the changed weights; to prepare that takes
            seconds, which a turn or two on a small network do not pay back.
        run: the run that the weights come from, or its path; rewinding goes back in it.

    Raises:
        OptionError: the model cannot be copied, there are no examples, or the loss does not fit.

    >>> import torch
    >>> inputs, targets = torch.eye(3), torch.tensor([0, 1, 2])
    >>> desk = Desk(nn.Linear(3, 3), inputs, targets, nn.functional.cross_entropy)
    >>> before = desk.outcome.loss
    >>> desk.set("weight", (1, 1), 5.0)
    >>> desk.outcome.loss < before, desk.undo(), desk.outcome.loss == before
    (True, True, True)
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Any,
        targets: Any = None,
        loss: Loss | None = None,
        *,
        shown: int | Sequence[int] = SHOWN,
        memory: int | str = DEFAULT_MEMORY,
        incremental: bool = True,
        run: Run | str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(model, run)
        budget = parse_bytes(memory, "memory")
        self._probes = make_probe_set(
            self._model, inputs, targets, loss, self._state, shown, budget, incremental
        )
        self._examples = inputs, targets
        self._outcomes: dict[bool, tuple[State, Outcome]] = {}
        self._background: Background | None = None

    @property
    def engine(self) -> Engine:
        """What runs the network after a turn: `.name` says how, `.reasons` why not in a quicker way."""
        return self._probes.engine

    @property
    def _present(self) -> sweeps.Present:
        """What sweeps go out from."""
        with self._turning:  # so that the outcome is that of the state
            return sweeps.Present(self._probes, self._model, self._examples[0], self.state, self.outcome)

    @property
    def shown(self) -> Shown:
        """The shown examples: outputs, and their difference from the unedited network."""
        return self._probes.show(self.state)

    @property
    def outcome(self) -> Outcome:
        """The outcome on the whole probe set, exact."""
        state, bypassed = self.state, self._bypassed
        known = self._outcomes.get(bypassed)
        if known is None or known[0] is not state:
            known = self._outcomes[bypassed] = state, self._probes.outcome(state)
        return known[1]

    def outputs(self, example: int) -> Any:
        """What the network returns for one example, as a batch of one; nothing else is run."""
        return self._probes.outputs(self.state, example)

    def progress(self) -> Iterator[Outcome]:
        """Outcomes on more and more examples, with bounds; the last one is exact, as `outcome`."""
        return self._probes.progress(self.state)

    def listen(self, callback: Callback) -> None:
        """Have outcomes recomputed in a thread, of the present turns and after every further one.

        The callback is given the shown examples and then outcomes as of `progress`, in that thread. A turn
        drops the work on earlier ones: what comes after it is never theirs. It takes the place of the
        callback before.

        Raises:
            ListenError: that one failed.
        """
        self.close()
        desk = weakref.ref(self)
        self._background = Background(
            self._probes, lambda: None if (it := desk()) is None else it.state, callback
        )
        self._forgotten = weakref.finalize(self, self._background.stop)
        self._announce()

    def close(self) -> None:
        """End the thread of `listen`, if there is one; the desk can still be used.

        Raises:
            ListenError: something went wrong in it.
        """
        background, self._background = self._background, None
        if background is not None:
            self._forgotten.detach()  # or it would keep the callback, and what that holds
            background.close()

    def sweep(
        self, name: str, index: Unit, values: Any = None, *, exact: bool = False, turns: float = sweeps.TURNS
    ) -> Sweep:
        """Loss and accuracy as a function of one weight, all others as they are now.

        Nothing is turned: state, mix and undo stay. Where all of it exactly would take too long, a few
        values are exact and the others estimated, each with its error; what is `exact` says so.

        Arguments:
            name: of the parameter.
            index: of the weight in it.
            values: to try, also such as are not finite; a whole number for so many around the present one.
            exact: whether to compute every value on the whole probe set, each a turn.
            turns: how long it may take otherwise, in turns to an exact loss of this weight.

        Raises:
            OptionError: the index means several weights, or the desk has no loss.
            UnknownParameterError: there is no such parameter.
            IndexRangeError: the index lies outside of it.
        """
        return sweeps.sweep(self._present, name, index, values, exact=exact, turns=turns)

    def surface(
        self, first: Swept, second: Swept, *, exact: bool = False, turns: float = sweeps.TURNS
    ) -> Surface:
        """Loss and accuracy as a function of two weights, each as (name, index, values).

        For each value of the first the second is swept as in `sweep`, with one turn more for the first.
        """
        return sweeps.surface(self._present, first, second, exact=exact, turns=turns)

    def landscape(
        self,
        directions: Any = 1,
        *,
        span: float = 1.0,
        steps: int = 11,
        seed: int = 0,
        normalise: Normalise = "filter",
    ) -> Landscape:
        """Loss and accuracy as all weights move along one direction or two, on the whole probe set.

        Each point takes a forward pass of all examples; two directions have steps² of them. Buffers such as
        running means stay as they are.

        Arguments:
            directions: 1 or 2 random ones; or one or two mappings of parameters' names to tensors, such as
                the weights of another run minus these.
            span: how far to either side; 1 is as long as the weights of each filter where normalised.
            steps: number of points along each direction; an odd one has the present weights among them.
            seed: of random directions.
            normalise: random directions by filter, by whole parameters ("layer"), or not at all (None).

        Raises:
            OptionError: a direction does not fit, or the desk has no loss.
        """
        return sweeps.landscape(
            self._present, directions, span=span, steps=steps, seed=seed, normalise=normalise
        )

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the turned weights as safetensors, under their names; the bypass does not matter."""
        saving.save(path, self._model, self._state, self._run, overwrite=overwrite)

    def train(
        self,
        steps: int,
        directory: str | os.PathLike[str],
        *,
        inputs: Any = None,
        targets: Any = None,
        **options: Any,
    ) -> Run:
        """Go on learning from the turned weights as a new recorded run, which names its parent and the mix.

        It learns from the examples given, or from the probe set itself: what the desk then shows is how well
        these were learned, and says nothing about others. The trained weights are one turn more.

        Arguments:
            steps: number of optimizer steps.
            directory: where the new run goes.
            inputs: to learn from, in the form of the desk's.
            targets: one for each of these.
            options: `optimizer`, a name out of `torch.optim` or what makes one of parameters, "AdamW" where
                left out; `lr`, of a named one; `batch`, 32, and `seed`, 0; `cost`, `disk` and `every` of the
                recording.
        """
        known, loss = self._examples, self._probes.judge.loss
        run = continuing.train(
            self._model, self._state, self._run, known, loss, steps, directory,
            inputs=inputs, targets=targets, **options,
        )  # fmt: skip
        self.transplant(None, run)
        return run

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except ListenError:
            if error is None:  # what went wrong in the block itself says more
                raise

    def __repr__(self) -> str:
        heard = ", bypassed" if self._bypassed else ""
        return (
            f"Desk({type(self._model).__name__}, {len(self._state.edits)} turns{heard}; {self.engine.name})"
        )

    def _announce(self) -> None:
        background = self._background
        if background is not None:
            background.turn()
