"""The types of `run.json`, checked whenever one is read: anybody may have written it.

Entries may have further keys, for later releases add some. What readers rely on is typed here; a value of
another type makes the run unreadable, in one line that names it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from weightdesk.runs.format import MAX_STEP

MAX_WEIGHTS: Final = 1 << 50
"""Elements of a parameter: beyond a petabyte, and far below where 64-bit places overflow."""

_SHOWN: Final = 40  # characters of a value, or of a name on the way to it, in a message

Status = Literal["running", "finished", "interrupted", "failed", "stopped"]
Step = Annotated[int, Field(ge=0, le=MAX_STEP)]
Size = Annotated[int, Field(ge=0, le=MAX_WEIGHTS)]
Name = Annotated[str, Field(max_length=4096)]
Strength = Annotated[float, Field(ge=0)]
Text = Annotated[str, Field(max_length=1 << 24)]


def _check_unique(names: Iterable[str], what: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"two {what} have the name {twice[0]!r}")


class _Entry(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


class FormEntry(_Entry):
    """A shape and type that a parameter had before."""

    shape: Annotated[list[Size], Field(max_length=64)]


class ParameterEntry(_Entry):
    """One parameter of the model."""

    name: Name
    shape: Annotated[list[Size], Field(max_length=64)]  # torch itself allows 64 dimensions
    dtype: Name
    aliases: list[Name] = []
    trainable: bool = True
    first_step: Step = 0
    last_step: Step | None = None
    earlier: list[FormEntry] = []

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if math.prod(self.shape) > MAX_WEIGHTS:
            raise ValueError("the shape has too many elements")
        return self


class ModuleEntry(_Entry):
    """One module of the model."""

    name: Name
    class_: Name = Field(alias="class")


class ModelEntry(_Entry):
    """What was recorded."""

    class_: Name | None = Field(None, alias="class")
    source: Name | None = None
    text: Text | None = None
    parameters: list[ParameterEntry] = []
    modules: list[ModuleEntry] = []

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        aliases = [alias for parameter in self.parameters for alias in parameter.aliases]
        _check_unique([*(parameter.name for parameter in self.parameters), *aliases], "parameters")
        _check_unique([module.name for module in self.modules], "modules")
        return self


class GroupEntry(_Entry):
    """One parameter group of an optimizer."""

    parameters: list[Name]
    options: dict[str, Any]


class OptimizerEntry(_Entry):
    """One optimizer, as the recording began."""

    class_: Name = Field(alias="class")
    groups: list[GroupEntry]


class MixEntry(_Entry):
    """Turns of weights."""

    turns: list[Any] = []


class ParentEntry(_Entry):
    """What the first weights were taken from; see `Parent`."""

    run: Text | None = None
    step: Step | None = None
    mix: MixEntry | None = None
    file: Text | None = None
    examples: Text | None = None


class RecordingEntry(_Entry):
    """How it was recorded."""

    notes: list[Text] = []
    sampled: dict[Name, list[Size]] = {}
    processes: Annotated[int, Field(ge=1)] = 1
    sharded: bool = False


class RunJson(_Entry):
    """All of `run.json`; see `Manifest` for what each entry means."""

    status: Status
    note: Text | None = None
    created: Name
    closed: Name | None = None
    last_step: Step | None = None
    model: ModelEntry = Field(default_factory=lambda: ModelEntry.model_validate({}))
    optimizers: list[OptimizerEntry] = []
    recipe: dict[str, Any] | None = None
    parent: ParentEntry | None = None
    seeds: dict[str, Any] = {}
    versions: dict[str, Any] = {}
    git: dict[str, Any] | None = None
    command: list[Text] = []
    recording: RecordingEntry = RecordingEntry()


class DataEntry(_Entry):
    """The examples of a built-in training."""

    kind: Name
    path: Text | None = None


class DatasetEntry(_Entry):
    """What was found out about the examples."""

    input_shape: Annotated[list[Size], Field(max_length=64)]
    outputs: Size
    feature_names: list[Text] = []


class SplitEntry(_Entry):
    """Numbers of examples."""

    train: Size
    validation: Size


class RecipeEntry(_Entry):
    """The recipe of a built-in training, as far as readers of a run look into it."""

    data: DataEntry
    network: Name
    layers: Annotated[list[Size], Field(max_length=1024)]
    batch: Annotated[int, Field(ge=1)]
    dataset: DatasetEntry
    split: SplitEntry
    l1: Strength = 0.0
    l2: Strength = 0.0
    weight_decay: Strength = 0.0
    max_norm: Annotated[float, Field(gt=0)] | None = None


def check_run_json(content: dict[str, Any]) -> None:
    """Check the types of everything that readers use.

    Raises:
        ValueError: one is wrong; the message says which and how.

    >>> check_run_json({"created": "2026-01-31", "status": "finished", "model": {"parameters": [3]}})
    Traceback (most recent call last):
    ...
    ValueError: its model.parameters.0 is 3: input should be a valid dictionary or instance of ParameterEntry
    """
    try:
        RunJson.model_validate(content)
    except ValidationError as error:
        raise ValueError(_first_fault(error)) from None


def is_built_in(recipe: dict[str, Any] | None) -> bool:
    """Whether a recipe is one of a built-in training, and not whatever a user noted in its place.

    >>> is_built_in({"data": "cifar", "network": "resnet"})
    False
    """
    try:
        RecipeEntry.model_validate(recipe)
    except ValidationError:
        return False
    return True


def short_value(value: Any) -> str:
    r"""A value that nobody expects, as Python writes it and without its end if that is far: for messages.

    >>> short_value("\x1b[31m"), short_value([0] * 1000)
    ("'\\x1b[31m'", '[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, …')
    """
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part)[:_SHOWN] for part in fault["loc"])
    if fault["type"] == "missing":
        return f"it has no {place}"
    message = fault["msg"][:1].lower() + fault["msg"][1:]
    return f"its {place} is {short_value(fault['input'])}: {message}"
