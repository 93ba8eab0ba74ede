"""The training loop: one plain loop over batches, recorded as it runs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import torch

from weightdesk.training.objective import WATCHED
from weightdesk.training.outcome import Outcome, Progress, Report, Status
from weightdesk.training.preparation import Preparation, prepare
from weightdesk.training.randomness import seeded
from weightdesk.training.recipe import Recipe
from weightdesk.training.recorder import Recorder, watch
from weightdesk.training.regularisers import penalty
from weightdesk.training.schedules import learning_rate
from weightdesk.training.start import Start

EVALUATIONS = 25  # at most about so many measurements on held-out data in one training
SCORE_EVERY = 10  # steps between scores of the training batch
REPORT_SECONDS = 0.1  # reading a loss waits for the step to end, so it is done seldom


def train(
    recipe: Recipe,
    directory: str | Path,
    *,
    start: Start | None = None,
    progress: Progress | None = None,
    cost: float | None = 0.02,
    disk: str | int = "2GB",
    every: int | None = None,
) -> Outcome:
    """Train a network by a recipe and record every weight.

    Logged at every step: `loss` (of the batch, without penalties) and `lr`; at every tenth the
    batch's score (`accuracy`, or `r2` and `mae`); about 25 times the same of the validation part, as
    `val_loss`, `val_accuracy`; at the end `test_loss` and `test_accuracy`.

    Ctrl-C ends the training, not the program: the run stays readable and the outcome says so.

    Arguments:
        recipe: what to do; `Recipe.from_dict` of a stored one gives the same weights bit for bit.
        directory: where the run goes.
        start: weights to go on from, in place of those that the recipe draws.
        progress: called up to ten times a second.
        cost: share of the training time that recording may take.
        disk: most bytes that the run may need, as a number or as text such as `"2GB"`.
        every: take a snapshot at every so many steps; None: of a small network at every step, of others
            as often as `cost` and `disk` allow.

    Raises:
        OptionError: the network does not fit the data or the weights; nothing was written.
        DataError: the data cannot be used as they are; nothing was written.
        RunExistsError: a run is there already.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     outcome = train(Recipe.create("radio"), f"{folder}/run")
    >>> outcome.metrics["test"]["r2"] > 0.9
    True

    """
    prepared = prepare(recipe)
    if start is not None:
        start.load(prepared.model)
    course = Course(prepared, progress)
    status: Status = "interrupted"
    try:
        with (
            seeded(recipe.seed),
            watch(
                prepared,
                directory,
                None if start is None else start.parent,
                cost=cost,
                disk=disk,
                every=every,
            ) as recorder,
        ):
            status = course.run(recorder)
    except KeyboardInterrupt:
        pass  # the recording has closed itself as interrupted; the outcome below says so
    return course.outcome(directory, status)


@dataclass
class Course:
    """One training under way: what it has done and how it stands."""

    prepared: Preparation
    progress: Progress | None = None
    step: int = 0
    loss: torch.Tensor | None = None
    held_out: dict[str, float] = field(default_factory=dict)
    best_loss: float = float("inf")
    best_step: int | None = None
    seconds: float = 0.0
    recording_cost: float = 0.0
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    reported: float = 0.0

    def run(self, recorder: Recorder) -> Status:
        """Take all steps, or stop early; then measure all parts of the data."""
        prepared, steps = self.prepared, self.prepared.steps()
        interval = max(prepared.steps_per_epoch(), -(-steps // EVALUATIONS))
        status: Status = "finished"
        started = time.perf_counter()
        try:
            self._evaluate(recorder)
            for batch in islice(prepared.batches(), steps):
                self._take_step(recorder, batch)
                if self.step % interval == 0 or self.step == steps:
                    self._evaluate(recorder)
                    if self._out_of_patience():
                        status = "stopped early"
                        break
                self._report(recorder, time.perf_counter() - started)
        finally:
            self.seconds = time.perf_counter() - started
            self.recording_cost = recorder.cost
        self._judge(recorder)
        return status

    def _take_step(self, recorder: Recorder, batch: torch.Tensor) -> None:
        prepared, recipe, train = self.prepared, self.prepared.recipe, self.prepared.parts["train"]
        optimizer = prepared.optimizer
        lr = learning_rate(recipe.schedule, recipe.lr, self.step, prepared.steps())
        for group in optimizer.param_groups:
            group["lr"] = lr
        targets = train.targets[batch]
        outputs = prepared.model(train.inputs[batch])
        loss = prepared.objective.loss(outputs, targets)
        minimised = loss + penalty(optimizer.param_groups[0]["params"], recipe.l2) if recipe.l2 else loss
        optimizer.zero_grad()
        minimised.backward()  # type: ignore[no-untyped-call]
        self.loss = loss.detach()
        scores = {} if self.step % SCORE_EVERY else prepared.objective.scores(outputs.detach(), targets)
        recorder.log(loss=self.loss, lr=lr, **scores)
        optimizer.step()
        self.step += 1

    def _evaluate(self, recorder: Recorder) -> None:
        """Measure the validation part and remember the best loss."""
        if "validation" not in self.prepared.parts:
            return
        self.held_out = self.prepared.measure("validation", at_most=WATCHED)
        recorder.log(**{f"val_{name}": value for name, value in self.held_out.items()})
        if self.held_out["loss"] < self.best_loss:
            self.best_loss, self.best_step = self.held_out["loss"], self.step

    def _judge(self, recorder: Recorder) -> None:
        """Measure the model as it is now on all parts of the data."""
        self.metrics = self.prepared.measure_all()
        recorder.log(**{f"test_{name}": value for name, value in self.metrics.get("test", {}).items()})

    def _out_of_patience(self) -> bool:
        patience = self.prepared.recipe.early_stop
        if patience is None:
            return False
        return self.step - (self.best_step or 0) >= patience * self.prepared.steps_per_epoch()

    def _report(self, recorder: Recorder, seconds: float) -> None:
        last = self.step == self.prepared.steps()
        if self.progress is None or (seconds - self.reported < REPORT_SECONDS and not last):
            return
        self.reported = seconds
        self.progress(
            Report(
                step=self.step,
                steps=self.prepared.steps(),
                loss=self._loss(),
                held_out=self.held_out,
                score=self.prepared.objective.score,
                steps_per_second=self.step / seconds,
                recording_cost=recorder.cost,
            )
        )

    def _loss(self) -> float:
        return float("nan") if self.loss is None else float(self.loss)

    def outcome(self, directory: str | Path, status: Status) -> Outcome:
        """Return what came out; an interrupted training is measured now."""
        metrics = self.metrics or self.prepared.measure_all()
        return Outcome(
            directory=Path(directory),
            status=status,
            steps=self.step,
            loss=self._loss(),
            metrics=metrics,
            score=self.prepared.objective.score,
            seconds=self.seconds,
            recording_cost=self.recording_cost,
            best_step=self.best_step,
        )
