"""One run that is being looked at, with the desks on which its weights are turned."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import PurePath
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

from weightdesk.capture.cache import Cache
from weightdesk.capture.case import Case
from weightdesk.desk import Desk
from weightdesk.desk.edits import Edit, Transplanting
from weightdesk.desk.grammar import parse_turn
from weightdesk.desk.state import State
from weightdesk.errors import OptionError
from weightdesk.runs import Run, open_run
from weightdesk.runs.stores import open_store
from weightdesk.server.gauge import Gauge
from weightdesk.server.kept import Kept
from weightdesk.server.subject import Subject
from weightdesk.training import held_out, recorded_recipe

if TYPE_CHECKING:
    from weightdesk.server.members import Members

_DESKS: Final = 4  # steps whose desks are kept; each holds a copy of the network and its results

EXAMINED: Final = 2000
"""Examples of the probe set on which the layers are looked at, at most."""

Turned = tuple[str, ...]

RUNNING: Final = RLock()
"""Held by whoever runs a network: torch's random numbers and what tracing changes are the whole process's."""


class Session:
    """What answers questions about a run.

    The page tells with each question which step and which turns it is about, so that nothing is lost
    when the server starts again, and two pages do not disturb each other.

    Arguments:
        run: the run, finished or not.
        subject: the network and its probe set; of a built-in training they are found by themselves.
        members: the comparison that the run is a member of, where there is one.

    Attributes:
        gauge: how far long work is.
    """

    def __init__(
        self,
        run: Run,
        subject: Subject | None = None,
        *,
        members: Members | None = None,
        data: str | None = None,
    ) -> None:
        self.run, self.members, self._data = run, members, data
        self._given = subject
        self._desks: OrderedDict[int, _Turned] = OrderedDict()
        self._kept = Kept()
        self.gauge = Gauge()

    @property
    def name(self) -> str:
        """Of the run's folder."""
        return PurePath(self.run.path).name

    @property
    def member(self) -> str:
        """What the comparison calls this run; empty for a run by itself."""
        return self.name if self.members else ""

    def of_member(self, name: str) -> Session:
        """The session of another member of the comparison; without a name this one.

        Raises:
            OptionError: there is no comparison, or it has no such member.
        """
        if not name:
            return self
        if self.members is None:
            raise OptionError(f"there is no member {name[:80]!r}: a single run is open")
        return self.members.session(name)

    @property
    def subject(self) -> Subject:
        """The network and its probe set.

        Raises:
            OptionError: the run is of somebody's own loop, and no network was given.
        """
        with RUNNING:
            return self._subject

    @property
    def has_subject(self) -> bool:
        """Whether weights can be turned, and not only looked at."""
        return self._given is not None or self.run.recipe is not None

    @cached_property
    def recipe(self) -> Mapping[str, Any]:
        """The recipe of a built-in training, checked, with the place of its data; see `recorded_recipe`.

        Raises:
            OptionError: the run keeps none, or an impossible one.
            DataError: its data are not there.
        """
        return recorded_recipe(self.run, self._data)

    @contextmanager
    def desk(self, step: int, turns: Turned = ()) -> Iterator[Desk]:
        """The desk of a step with just these turns; held by nobody else meanwhile.

        Raises:
            StepNotKeptError: the run keeps no snapshot of this step.
            OptionError: a turn is none.
        """
        with RUNNING:
            turned = self._desks.pop(step, None) or self._opened(step)
            self._desks[step] = turned
            while len(self._desks) > _DESKS:
                self._desks.popitem(last=False)
            turned.become(turns)
            yield turned.desk

    @contextmanager
    def network(self, step: int, turns: Turned = ()) -> Iterator[tuple[nn.Module, State, State]]:
        """The network of a step, whose weights are not to be touched, with the state unturned and turned.

        Run it with `torch.func.functional_call(network, state.values, …)`.
        """
        with self.desk(step, turns) as desk:
            yield self._desks[step].network, desk.state.original, desk.state

    def weights(self, parameter: str, step: int, turns: Turned = ()) -> Tensor:
        """A parameter at a step, turned."""
        name = self.run.parameters[parameter].name
        if not turns:
            return self.run.weights(name, step)
        with self.desk(step, turns) as desk:
            return desk.state.values[name]

    def model(self, step: int, turns: Turned = ()) -> nn.Module:
        """A network of one's own with the weights of a step, turned."""
        model = copy.deepcopy(self.subject.model)
        self.run.load_into(model, step)
        if turns:
            with self.desk(step, turns) as desk:
                values = dict(desk.state.values)
            for name, each in model.named_parameters():
                each.data = values[name].clone()
        return model

    def case(self, step: int, turns: Turned = (), beside: Sequence[str] = ()) -> Case:
        """What is read from the weights of a step, turned, beside the last weights of other runs."""
        run, subject = self.run, self.subject
        some = min(len(subject.inputs), EXAMINED)
        specimen = subject.specimen(self.model(step, turns)).of_examples(torch.arange(some))
        others = {path: _last(open_run(path), subject.model) for path in beside}
        cache = Cache(open_store(run.path))
        return Case(specimen, run.steps, self.model, others=others, cache=cache, progress=self.gauge.tell)

    def kept(self, kind: str, key: Hashable, make: Callable[[], Any]) -> Any:
        """A result that takes a while, made once for the questions about the same."""
        return self._kept.get(kind, key, make)

    def _opened(self, step: int) -> _Turned:
        subject, model = self.subject, self.model(step)
        desk = Desk(model, subject.inputs, subject.targets, subject.loss, incremental=False, run=self.run)
        return _Turned(desk, model, self.run)

    @cached_property
    def _subject(self) -> Subject:
        if self._given is not None:
            return self._given
        if self.run.recipe is None:
            raise OptionError(
                f"{self.run.path} is of a training loop of its own, so its network cannot be built again "
                "from the run alone: open it in Python, where the network and its examples are"
            )
        return Subject.of(held_out(self.recipe))


def _last(run: Run, like: nn.Module) -> nn.Module:
    """A network of the same build with the last weights of a run."""
    model = copy.deepcopy(like)
    run.load_into(model, -1)
    return model


class _Turned:
    """A desk, and the texts of the turns that it has."""

    def __init__(self, desk: Desk, network: nn.Module, run: Run) -> None:
        self.desk, self.network, self._run = desk, network, run
        self._texts: Turned = ()

    def become(self, turns: Sequence[str]) -> None:
        """Have just these turns; those that it has already are not made again."""
        wanted = tuple(turns)
        if wanted == self._texts:
            return
        pairs = enumerate(zip(self._texts, wanted, strict=False))
        shared = next((place for place, (one, other) in pairs if one != other), None)
        kept = min(len(wanted), len(self._texts)) if shared is None else shared
        # the desk's own edits, so that it sees what stays as it is
        edits = list(self.desk.mix.edits[:kept])
        edits += [self._parsed(text) for text in wanted[kept:]]
        self.desk.become(edits)
        self._texts = wanted

    def _parsed(self, text: str) -> Edit:
        edit = parse_turn(text, self.network, self._run)
        if isinstance(edit, Transplanting):  # a link could name any file of this machine, or elsewhere
            raise OptionError(
                f"turn {text!r}: a page takes no weights from elsewhere; `weightdesk turn` and Python do"
            )
        return edit
