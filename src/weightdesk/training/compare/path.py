"""The regularisation path: weights as a penalty grows or shrinks, each training going on from the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section
from weightdesk.runs import Parent, Run, open_run
from weightdesk.training.compare.onethread import one_thread
from weightdesk.training.compare.results import SCORES, curves_of
from weightdesk.training.compare.weights import weights_of, whole
from weightdesk.training.loop import train
from weightdesk.training.outcome import Progress
from weightdesk.training.recipe import Recipe
from weightdesk.training.start import Start

PENALTIES: Final = ("l1", "l2")
_EACH_SHOWN: Final = 64  # weights of a network that are shown one by one


@dataclass(frozen=True)
class Point:
    """One training of the path.

    Attributes:
        strength: of the penalty.
        run: its recording.
        score: on the test data, or on those for validation where there are none.
        loss: of the same examples, without penalty.
        zeros: share of weights that are exactly 0, biases left out.
        norm: Euclidean norm of all weights, biases left out.
    """

    strength: float
    run: Run
    score: float
    loss: float
    zeros: float
    norm: float


@dataclass(frozen=True, eq=False)
class RegularisationPath(Page):
    """Weights and accuracy over the strength of a penalty.

    Attributes:
        penalty: `l1` or `l2`.
        measure: name of the score.
        points: in the order in which they were trained.
    """

    penalty: str
    measure: str
    points: tuple[Point, ...]

    @property
    def title(self) -> str:
        """How zeros and size change from the weakest penalty to the strongest."""
        weakest, *_, strongest = sorted(self.points, key=lambda each: each.strength)
        return (
            f"{self.penalty} from {weakest.strength:g} to {strongest.strength:g}: exact zeros go from "
            f"{weakest.zeros:.1%} to {strongest.zeros:.1%}, the norm of the weights from {weakest.norm:.3g} "
            f"to {strongest.norm:.3g}, {self.measure} from {weakest.score:.3f} to {strongest.score:.3f}"
        )

    def sections(self) -> list[Section]:
        """The points, and of a small network each weight."""
        found = [self._points()]
        return found if self._weights is None else [*found, self._weights]

    def _points(self) -> Section:
        columns: dict[str, list[Any]] = {self.penalty: [each.strength for each in self.points]}
        columns[self.measure] = [each.score for each in self.points]
        for name in ("loss", "zeros", "norm"):
            columns[name] = [getattr(each, name) for each in self.points]
        columns["run"] = [each.run.path for each in self.points]
        note = "in the order of training, each from the weights before; zeros is the share of exact zeros"
        return section("the path", columns, bars=["zeros", "norm"], note=note)

    @cached_property
    def _weights(self) -> Section | None:
        run = self.points[0].run
        places = [(name, index) for name in weights_of(run) for index in range(run.parameters[name].size)]
        if len(places) > _EACH_SHOWN:
            return None
        columns: dict[str, list[Any]] = {"weight": [_label(run, name, index) for name, index in places]}
        for point in self.points:
            now = {name: point.run.weights(name, -1).flatten() for name in weights_of(run)}
            columns[f"{self.penalty}={point.strength:g}"] = [float(now[name][at]) for name, at in places]
        return section("each weight", columns)


def regularisation_path(
    recipe: Recipe,
    penalty: str,
    strengths: Sequence[float],
    folder: str | Path,
    *,
    progress: Progress | None = None,
    **budget: Any,
) -> RegularisationPath:
    """Train once for each strength, going on from the weights of the strength before.

    A network without hidden layers begins with the largest strength, as is usual for linear models (Friedman,
    Hastie & Tibshirani 2010). One with hidden layers begins with the smallest: a layer whose weights are all
    exactly 0 passes no gradient, so weights would never come back (Lemhadri et al. 2021 go the same way).

    Arguments:
        recipe: all but the strength.
        penalty: `l1` or `l2`.
        strengths: two or more, in any order.
        folder: where the runs go, one for each strength.
        progress: called up to ten times a second.
        budget: `cost`, `disk` and `every` of each recording.

    Raises:
        OptionError: the penalty is another one, or there are fewer than two strengths.
        RunExistsError: the folder holds such runs.

    >>> import tempfile
    >>> recipe = Recipe.create("mixdown", steps=100)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = regularisation_path(recipe, "l1", [0.5, 0.05, 2.0], folder)
    >>> [(each.strength, each.zeros) for each in found.points]
    [(2.0, 1.0), (0.5, 0.375), (0.05, 0.375)]
    """
    if penalty not in PENALTIES:
        raise OptionError(f"a path is along {' or '.join(PENALTIES)}, got {penalty!r}")
    order = sorted({float(each) for each in strengths}, reverse=recipe.network == "neuron")
    if len(order) < 2:
        raise OptionError(f"a path needs two or more strengths, got {', '.join(map(str, strengths))}")
    points: list[Point] = []
    start: Start | None = None
    for strength in order:
        place = Path(folder) / f"{penalty}-{strength:g}"
        with one_thread():
            changed = recipe.changed(**{penalty: strength})
            train(changed, place, start=start, progress=progress, **budget)
        run = open_run(place)
        points.append(_point(strength, run))
        start = Start(partial(run.load_into, step=-1), Parent(str(place), run.steps[-1]).to_dict())
    return RegularisationPath(penalty, _measure(points[0].run), tuple(points))


def _measure(run: Run) -> str:
    return next(name for name in SCORES if name in curves_of(run))


def _point(strength: float, run: Run) -> Point:
    curves, measure, all_of_them = curves_of(run), _measure(run), whole(run)
    part = next(each for each in ("test_", "val_", "") if f"{each}{measure}" in curves)
    score, loss = (_last(curves[f"{part}{name}"]) for name in (measure, "loss"))
    return Point(strength, run, score, loss, all_of_them.zeros, all_of_them.norm)


def _last(curve: dict[int, float]) -> float:
    return curve[max(curve)]


def _label(run: Run, name: str, index: int) -> str:
    """The weight's input where a neuron's inputs have names, else its place."""
    names = (run.recipe or {}).get("dataset", {}).get("feature_names", [])
    shape = run.parameters[name].shape
    if len(weights_of(run)) == 1 and len(names) == shape[1] == run.parameters[name].size:
        return str(names[index])
    return f"{name}[{index // shape[1]},{index % shape[1]}]" if len(shape) == 2 else f"{name}[{index}]"
