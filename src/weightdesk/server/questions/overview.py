"""What the run is: the first thing that the page asks."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.subject import Subject
from weightdesk.server.tokens import vocabulary
from weightdesk.server.wire import Message


class ParameterFacts(Message):
    """A parameter of the network."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool


class ModuleFacts(Message):
    """A module of the network; its parameters are named after it."""

    name: str
    kind: str


class SubjectFacts(Message):
    """What the network is judged by; `vocabulary` is how many tokens there are, where it takes tokens."""

    part: str
    examples: int
    input_shape: tuple[int, ...]
    class_names: tuple[str, ...]
    input_names: tuple[str, ...]
    target_names: tuple[str, ...]
    vocabulary: int | None


class Overview(Message):
    """A run as of now; `notes` says what a file of it had to leave out, `comparison` where it belongs to."""

    path: str
    status: str
    created: str
    recipe: str | None
    network: str | None
    seed: int | None
    optimizer: str | None
    steps: tuple[int, ...]
    gradient_steps: tuple[int, ...]
    last_step: int | None
    epoch_steps: int | None
    parameters: tuple[ParameterFacts, ...]
    modules: tuple[ModuleFacts, ...]
    metrics: tuple[str, ...]
    subject: SubjectFacts | None
    notes: tuple[str, ...] = ()
    comparison: str | None = None


class OverviewQuestion(Question[Overview]):
    """What is this run, and how far is it?"""

    kind: ClassVar[str] = "overview"
    settled: ClassVar[bool] = False

    def answer(self, session: Session) -> Overview:
        """Read it afresh: a living run grows."""
        run = session.run
        manifest, recipe = run.manifest, run.recipe
        subject = session.subject if session.has_subject else None
        return Overview(
            path=run.path,
            status=run.status,
            created=manifest.created,
            recipe=None if recipe is None else recipe["data"]["kind"],
            network=None if recipe is None else recipe["network"],
            seed=seed if isinstance(seed := manifest.seeds.get("seed"), int) else None,
            optimizer=next((str(each["class"]).rpartition(".")[2] for each in manifest.optimizers), None),
            steps=run.steps,
            gradient_steps=run.gradient_steps,
            last_step=run.last_step,
            epoch_steps=_epoch_steps(recipe),
            parameters=tuple(
                ParameterFacts(name=each.name, shape=each.shape, dtype=each.dtype, trainable=each.trainable)
                for each in run.parameters.values()
            ),
            modules=tuple(
                ModuleFacts(name=each["name"], kind=each["class"])
                for each in manifest.model.get("modules", [])
            ),
            metrics=tuple(name for name in run.metrics.column_names if name not in ("step", "time")),
            subject=None if subject is None else _subject(subject),
            comparison=None if session.members is None else session.members.folder.resolve().name,
        )


def _epoch_steps(recipe: dict[str, Any] | None) -> int | None:
    """Optimizer steps of one pass over the training examples."""
    return None if recipe is None else -(-recipe["split"]["train"] // recipe["batch"])


def _subject(subject: Subject) -> SubjectFacts:
    inputs = subject.inputs
    plain = isinstance(inputs, Tensor)
    return SubjectFacts(
        part=subject.part,
        examples=len(inputs) if plain else 0,
        input_shape=tuple(inputs.shape[1:]) if plain else (),
        class_names=subject.class_names,
        input_names=subject.input_names,
        target_names=subject.target_names,
        vocabulary=vocabulary(subject),
    )
