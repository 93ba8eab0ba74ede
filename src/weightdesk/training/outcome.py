"""How a training stands while it runs, and what came out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Status: TypeAlias = Literal["finished", "stopped early", "interrupted"]


@dataclass(frozen=True, kw_only=True)
class Report:
    """How a training stands.

    Arguments:
        step: optimizer steps done, of `steps`.
        steps: optimizer steps of the whole training.
        loss: of the last batch.
        held_out: last measurements on the validation part, such as `loss` and `accuracy`.
        score: name of the measurement to look at first.
        steps_per_second: since the start.
        recording_cost: share of the training time that recording took so far.

    """

    step: int
    steps: int
    loss: float
    held_out: Mapping[str, float]
    score: str
    steps_per_second: float
    recording_cost: float


Progress: TypeAlias = Callable[[Report], None]
"""Called several times a second while a training runs."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came out of a training.

    Arguments:
        directory: the run.
        status: `stopped early` keeps the weights of the last step, not those of the best one.
        steps: optimizer steps done.
        loss: of the last batch, without penalties; NaN before the first step.
        metrics: measurements by part (`train`, `validation`, `test`) and name.
        score: name of the measurement to look at first: `accuracy` or `r2`.
        seconds: wall time of the loop, with its measurements on the validation part.
        recording_cost: share of the training time that recording took.
        best_step: step with the lowest validation loss; None without a validation part.

    """

    directory: Path
    status: Status
    steps: int
    loss: float
    metrics: Mapping[str, Mapping[str, float]]
    score: str
    seconds: float
    recording_cost: float
    best_step: int | None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the training."""
        return self.status == "interrupted"

    @property
    def steps_per_second(self) -> float:
        """Optimizer steps per second of the loop."""
        return self.steps / self.seconds if self.seconds else 0.0

    def summary(self) -> str:
        """Return one or two lines: what came out, and what to type next.

        >>> Outcome(
        ...     directory=Path("runs/a"), status="finished", steps=800, loss=0.02, score="accuracy",
        ...     metrics={"test": {"loss": 0.05, "accuracy": 0.989}}, seconds=4.0,
        ...     recording_cost=0.013, best_step=760,
        ... ).summary().splitlines()[0]
        'finished after 800 steps in 4.0 s: accuracy 98.9% on test data, recording cost 1.3%'
        """
        part = next((part for part in ("test", "validation", "train") if part in self.metrics), "train")
        value = self.metrics.get(part, {}).get(self.score, float("nan"))
        shown = f"{value:.1%}" if self.score == "accuracy" else f"{value:.3f}"
        kept = ""
        if self.status == "stopped early":
            kept = f" (kept: the last weights; the best validation loss was at step {self.best_step})"
        return (
            f"{self.status} after {self.steps} steps in {self.seconds:.1f} s: {self.score} {shown} on {part} "
            f"data, recording cost {self.recording_cost:.1%}{kept}\n"
            f"next: weightdesk show {self.directory}"
        )
