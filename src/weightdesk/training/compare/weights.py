"""What the trainings of a comparison made of the weights: spread, way, zeros and size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import torch
from torch import Tensor

from weightdesk.explain.page import Section, section
from weightdesk.runs import Run
from weightdesk.training.compare.intervals import interval
from weightdesk.training.compare.results import Result
from weightdesk.types import ParameterName, Step

_SHOWN: Final = 4  # snapshots after the first
PENALTIES: Final = ("l1", "l2", "weight_decay", "max_norm")


@dataclass(frozen=True)
class Weights:
    """The weights of one layer at one step.

    Attributes:
        mean: of them.
        std: standard deviation.
        p05: 5 of 100 are below.
        p95: 5 of 100 are above.
        zeros: share of exact zeros.
        norm: Euclidean.
        distance: Euclidean, from where they started.
    """

    mean: float
    std: float
    p05: float
    p95: float
    zeros: float
    norm: float
    distance: float


def measure(weight: Tensor, first: Tensor) -> Weights:
    """Measure a layer's weights.

    Arguments:
        weight: of any shape.
        first: the same at step 0.

    >>> found = measure(torch.tensor([[3.0, 0.0], [0.0, 4.0]]), torch.zeros(2, 2))
    >>> found.norm, found.distance, found.zeros
    (5.0, 5.0, 0.5)
    """
    values = weight.double()
    low, high = torch.quantile(_some(values), torch.tensor([0.05, 0.95]).double()).tolist()
    return Weights(
        mean=float(values.mean()),
        std=float(values.std(correction=0)),
        p05=low,
        p95=high,
        zeros=float((weight == 0).double().mean()),
        norm=float(values.norm()),
        distance=float((values - first.double()).norm()),
    )


def weight_section(results: Mapping[str, Sequence[Result]]) -> Section:
    """Every layer's weights through the training, mean over the seeds of each setting."""
    rows = [
        {"setting": setting, "step": step, "layer": layer, **_mean(members, layer, step)}
        for setting, members in results.items()
        for step in _shared_steps(members)
        for layer in weights_of(members[0].run)
    ]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    note = "mean over seeds; distance is ‖w − w₀‖, the way from the first weights; relative, over ‖w₀‖"
    return section("weights through the training", columns, note=note)


def shrinkage_section(
    results: Mapping[str, Sequence[Result]], options: Mapping[str, Mapping[str, Any]]
) -> Section:
    """Share of exact zeros and norm of all weights at the end, by the strength of what is varied.

    Arguments:
        results: the finished members of each setting.
        options: the varied options of each setting.
    """
    names = [name for name in PENALTIES if any(name in each for each in options.values())]
    finished = [setting for setting, members in results.items() if members]
    order = sorted(finished, key=lambda each: [float(options[each].get(name, 0.0)) for name in names])
    found = {each: [whole(member.run) for member in results[each]] for each in order}
    columns: dict[str, list[Any]] = {"setting": order}
    columns |= {name: [float(options[each].get(name, 0.0)) for each in order] for name in names}
    columns["zeros"] = [interval([each.zeros for each in found[name]]).mean for name in order]
    columns["norm"] = [interval([each.norm for each in found[name]]).mean for name in order]
    score = results[order[0]][0].score
    columns[score] = [interval([each.final[score] for each in results[name]]).mean for name in order]
    note = "biases left out; zeros is the share of weights that are exactly 0, norm is that of all weights"
    return section("sparsity and shrinkage", columns, bars=["zeros", "norm"], note=note)


def whole(run: Run, step: Step = -1) -> Weights:
    """All weights of a run as one, without biases."""
    now, first = ([run.weights(name, at).flatten() for name in weights_of(run)] for at in (step, 0))
    return measure(torch.cat(now), torch.cat(first))


def weights_of(run: Run) -> list[ParameterName]:
    """The parameters with two or more dimensions."""
    return [name for name, each in run.parameters.items() if len(each.shape) > 1]


def _shared_steps(members: Sequence[Result]) -> list[Step]:
    """Step 0, the last, and some between, of those that all seeds kept."""
    if not members:
        return []
    steps = sorted(set.intersection(*(set(each.run.steps) for each in members)))
    places = {round(place * (len(steps) - 1) / _SHOWN) for place in range(_SHOWN + 1)} if steps else set()
    return [steps[place] for place in sorted(places)]


def _mean(members: Sequence[Result], layer: ParameterName, step: Step) -> dict[str, float]:
    found = [(measure(each.run.weights(layer, step), each.run.weights(layer, 0))) for each in members]
    means = {
        each.name: sum(getattr(one, each.name) for one in found) / len(found) for each in fields(Weights)
    }
    first = sum(float(each.run.weights(layer, 0).double().norm()) for each in members) / len(members)
    return means | {"relative": means["distance"] / first if first else float("nan")}


def _some(values: Tensor) -> Tensor:
    """At most a million of them, evenly spread: torch takes no quantiles of more than 16 million."""
    return values.flatten()[:: max(1, values.numel() // 1_000_000)]
