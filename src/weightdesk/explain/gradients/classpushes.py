"""Which classes moved one weight over a training, found by running kept steps again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, SupportsIndex

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn

from weightdesk.errors import OptionError
from weightdesk.explain.gradients.gradient import explain_gradient
from weightdesk.explain.loss import Loss
from weightdesk.explain.page import Page, Section, section
from weightdesk.explain.updates.update import explain_update
from weightdesk.explain.weight import address
from weightdesk.runs.run import Run
from weightdesk.types import Index, ParameterName, Step


class Replayed(Protocol):
    """A step of a training that can be run again, such as `weightdesk.training.replay` gives."""

    @property
    def step(self) -> Step: ...
    @property
    def model(self) -> nn.Module: ...
    @property
    def inputs(self) -> Any: ...
    @property
    def targets(self) -> Tensor: ...
    @property
    def loss(self) -> Loss: ...
    @property
    def random_state(self) -> Tensor: ...
    @property
    def class_names(self) -> Sequence[str]: ...


@dataclass(frozen=True, eq=False)
class ClassPushes(Page):
    """How each class of examples pushed one weight, at the steps that were run again.

    Attributes:
        parameter: the parameter's name.
        index: the weight's place in it.
        steps: the steps that were run again, ascending.
        names: of the classes.
        pushes: what each class added to the weight through the gradient of the step itself.
        total: the same summed over all steps from the first to the last one, interpolated linearly
            between those that were run again: an estimate.
    """

    parameter: ParameterName
    index: Index
    steps: tuple[Step, ...]
    names: tuple[str, ...]
    pushes: Float64[Tensor, "steps classes"]
    total: Float64[Tensor, " classes"]

    @property
    def title(self) -> str:
        """Which weight, and between which steps."""
        where = address(self.parameter, self.index)
        return f"{where}, steps {self.steps[0]} to {self.steps[-1]}: which classes moved it"

    def sections(self) -> list[Section]:
        """The classes, the strongest first, then each step."""
        order = self.total.abs().argsort(descending=True, stable=True)
        note = (
            f"through the gradient of each step itself; {len(self.steps)} steps were run again, between them "
            "it is interpolated, an estimate. An optimizer's memory carries these pushes on to later steps"
        )
        columns = {
            "class": [self.names[i] for i in order],
            "all steps": self.total[order].tolist(),
            "steps run again": self.pushes.sum(dim=0)[order].tolist(),
        }
        count = len(self.names)
        each = {
            "step": [step for step in self.steps for _ in range(count)],
            "class": list(self.names) * len(self.steps),
            "push": self.pushes.flatten().tolist(),
        }
        return [
            section("pushes by class", columns, bars=["all steps"], note=note),
            section("pushes at each step", each, bars=["push"]),
        ]


def explain_classes(
    run: Run,
    moments: Iterable[Replayed],
    name: ParameterName,
    index: SupportsIndex | Iterable[SupportsIndex],
) -> ClassPushes:
    """Split what moved a weight by the classes of the examples, at steps that can be run again.

    At each of them the gradient is the sum of the classes' shares, and the gradient's part of the move
    is split in the same proportion.

    Arguments:
        run: an opened run.
        moments: steps with gradients of a classification, as `weightdesk.training.replays` gives them.
        name: a parameter of the run.
        index: the weight's place in it.

    Raises:
        UnknownParameterError: the run has no such parameter.
        IndexRangeError: the index lies outside its shape.
        StepNotKeptError: a step is not kept in full.
        OptionError: there is no step, or no classes.
    """
    parameter = run.parameters[name]
    place, found, names = parameter.index(index), {}, []
    for moment in moments:
        run.load_into(moment.model, moment.step)
        batch = moment.model, moment.inputs, moment.targets, moment.loss
        gradient = explain_gradient(*batch, parameter.name, place, seed=moment.random_state)
        if gradient.classes is None:
            raise OptionError("only a classification has classes that push; its targets are class numbers")
        names = list(moment.class_names)
        found[moment.step] = _split(_gradient_part(run, parameter.name, place, moment.step), gradient.classes)
    if not found:
        raise OptionError("no step to run again: give those that run.gradient_steps names")
    steps = sorted(found)
    count = max(len(names), 1 + max(max(each, default=0) for each in found.values()))
    names += [str(i) for i in range(len(names), count)]
    pushes = np.array([[found[step].get(i, 0.0) for i in range(count)] for step in steps])
    every = np.arange(steps[0], steps[-1] + 1)
    total = np.array([np.interp(every, steps, pushes[:, i]).sum() for i in range(count)])
    return ClassPushes(
        parameter.name, place, tuple(steps), tuple(names), torch.from_numpy(pushes), torch.from_numpy(total)
    )


def _gradient_part(run: Run, name: ParameterName, index: Index, step: Step) -> tuple[float, float]:
    """The part of the move that is the step's own gradient, clipped as it was, and that gradient."""
    parts = {part.name: part.value for part in explain_update(run, name, index, step).parts}
    return parts.get("gradient", 0.0) + parts.get("clipping", 0.0), float(run.gradient(name, step)[index])


def _split(moved: tuple[float, float], classes: Mapping[int, float]) -> dict[int, float]:
    part, gradient = moved
    rate = part / gradient if gradient else 0.0
    return {each: rate * share for each, share in classes.items()}
