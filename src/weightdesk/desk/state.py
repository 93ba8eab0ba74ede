"""The edits applied so far, and the weights that they give."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from torch import Tensor, nn

from weightdesk.desk.edits.edit import Edit
from weightdesk.desk.edits.soloing import Soloing
from weightdesk.desk.parts import Changes, joined
from weightdesk.explain.compiled import plain_name
from weightdesk.runs import Parameter, Parameters
from weightdesk.types import ParameterName

Values: TypeAlias = Mapping[ParameterName, Tensor]
"""Every parameter by its canonical name."""


@dataclass(frozen=True, eq=False)
class State:
    """Weights that come from the originals by a row of edits.

    A tensor of a state is never written to: what an edit touches is copied first, and everything else is
    the original tensor itself. Whatever is undone is computed from the originals again, so that it has
    their bits. To undo, keep the edits (`state.edits`), not the states: these hold tensors.

    Attributes:
        edits: in the order in which they are applied, each bound to these weights.
        values: every parameter by its canonical name; tied weights have one entry.
        start: the state without edits; None in that state itself.
        parameters: names, aliases and shapes of the weights.
        beneath: of each parameter that is soloed, what it would be without the solos.

    >>> import torch
    >>> from weightdesk.desk.edits import Setting
    >>> from weightdesk.desk.places import Place
    >>> state = State((), {"w": torch.zeros(2), "b": torch.ones(1)})
    >>> turned = state.with_edit(Setting(Place("w", (1,)), 3.0))
    >>> turned.values["w"], turned.changes_from(state)
    (tensor([0., 3.]), {'w': frozenset({1})})
    >>> turned.with_edits(()).values["w"] is state.values["w"]
    True
    """

    edits: tuple[Edit, ...]
    values: Values
    start: State | None = None
    parameters: Parameters = field(default_factory=lambda: Parameters(()))
    beneath: Values = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.parameters):
            known = (Parameter(name, tuple(each.shape), _dtype(each)) for name, each in self.values.items())
            object.__setattr__(self, "parameters", Parameters(known))

    @classmethod
    def of(cls, model: nn.Module) -> State:
        """The state without edits: the model's own parameters.

        Each tied parameter answers to all of its names, and to those without what `torch.compile` adds.

        >>> State.of(nn.Linear(2, 1)).parameters
        Parameters(2 with 3 weights)
        """
        values = {name: each.detach() for name, each in model.named_parameters()}
        return cls((), values, parameters=parameters_of(model))

    @property
    def original(self) -> State:
        """The state without edits."""
        return self.start or self

    def with_edit(self, edit: Edit) -> State:
        """The state after one more edit; it costs a copy of what the edit touches."""
        return self.with_edits((*self.edits, edit))

    def with_edits(self, edits: Sequence[Edit]) -> State:
        """The state that the originals reach by these edits.

        Only what the edits after the common prefix touch is computed, from this state where edits
        are added, and from the originals where some are taken away.

        Raises:
            WeightdeskError: an edit does not fit these weights.
        """
        kept, removed = _common_prefix(self.edits, edits)
        stale = _reached(kept, removed)
        turning = _Turning(self, stale)
        for place, edit in enumerate(kept if stale else ()):
            if not stale.isdisjoint(edit.touched):
                turning.turn(edit, kept[:place])
        for edit in edits[len(kept) :]:
            bound = edit.bound(self.parameters, turning.values)
            turning.turn(bound, kept)
            kept = (*kept, bound)
        return State(kept, dict(turning.values), self.original, self.parameters, dict(turning.beneath))

    def changes_from(self, other: State) -> Changes:
        """Which rows of which parameters may differ between two states of the same originals.

        It is what all edits after the common prefix touch: cheap, and rather too much than too little.
        """
        kept, theirs = _common_prefix(other.edits, self.edits)
        return joined(edit.changes for edit in (*theirs, *self.edits[len(kept) :]))


def parameters_of(model: nn.Module) -> Parameters:
    """What a model's parameters are called, in the model's order; tied ones have several names.

    >>> tied = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    >>> tied[1].weight = tied[0].weight
    >>> parameters_of(tied)["1.weight"].name
    '0.weight'
    """
    every: dict[int, list[str]] = {}
    for name, each in model.named_parameters(remove_duplicate=False):
        every.setdefault(id(each), []).extend(dict.fromkeys((name, plain_name(name))))
    return Parameters(
        Parameter(
            name,
            tuple(each.shape),
            _dtype(each),
            tuple(alias for alias in every[id(each)] if alias != name),
            each.requires_grad,
        )
        for name, each in model.named_parameters()
    )


class _Copies(dict[ParameterName, Tensor]):
    """Tensors of which each one that is to be written is copied before, once."""

    def __init__(self, values: Values) -> None:
        super().__init__(values)
        self._own: set[ParameterName] = set()

    def own(self, names: Iterable[ParameterName]) -> None:
        for name in names:
            if name not in self._own:
                self.renew(name, self[name])

    def renew(self, name: ParameterName, tensor: Tensor) -> None:
        self[name] = tensor.clone()
        self._own.add(name)


class _Turning:
    """Weights on the way from one state to the next."""

    def __init__(self, state: State, stale: frozenset[ParameterName]) -> None:
        originals = state.original.values
        self.values = _Copies({**state.values, **{name: originals[name] for name in stale}})
        self.beneath = _Copies({name: each for name, each in state.beneath.items() if name not in stale})

    def turn(self, edit: Edit, earlier: tuple[Edit, ...]) -> None:
        if isinstance(edit, Soloing):
            self._solo(edit.joined(earlier))
            return
        if edit.touched & self.beneath.keys():
            self._turn_beneath(edit)
        self.values.own(edit.touched)
        edit.write(self.values)

    def _solo(self, edit: Soloing) -> None:
        for name in edit.touched:
            self.beneath.setdefault(name, self.values[name])
            self.values.renew(name, self.beneath[name])
        edit.write(self.values)

    def _turn_beneath(self, edit: Edit) -> None:
        """The same edit where no solo has been, on copies of what has none."""
        soloed = edit.touched & self.beneath.keys()
        others = _Copies({name: self.values[name] for name in edit.touched - soloed})
        self.beneath.own(soloed)
        others.own(list(others))
        edit.write(ChainMap(self.beneath, others))


def _common_prefix(
    edits: Sequence[Edit], others: Sequence[Edit]
) -> tuple[tuple[Edit, ...], tuple[Edit, ...]]:
    """The first edits that both begin with, and what follows them in the first."""
    pairs = enumerate(zip(edits, others, strict=False))
    differing = (place for place, (one, other) in pairs if one is not other and not _same(one, other))
    length = next(differing, min(len(edits), len(others)))
    return tuple(edits[:length]), tuple(edits[length:])


def _same(edit: Edit, other: Edit) -> bool:
    # 0.0 and −0.0 are equal, but not the same weight.
    return edit == other and repr(edit) == repr(other)


def _reached(edits: Sequence[Edit], removed: Sequence[Edit]) -> frozenset[ParameterName]:
    """The parameters to compute again: an edit that reads several of them depends on each."""
    stale = frozenset[ParameterName]().union(*(edit.touched for edit in removed))
    if not stale:
        return stale
    while True:
        more = stale.union(*(edit.touched for edit in edits if not stale.isdisjoint(edit.touched)))
        if more == stale:
            return stale
        stale = more


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
