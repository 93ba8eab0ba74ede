"""What `comparison.json` may hold: its types, checked before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

Value: TypeAlias = str | int | float | bool | list[str | int | float] | None
"""Of an option, as JSON has it."""


def _one_folder(name: str) -> str:
    if name in ("", ".", "..") or len(name) > 255 or any(each in name for each in "/\\\0"):
        raise ValueError("the name of a member must be that of a folder inside the comparison's own")
    return name


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class StoredMember(_Strict):
    """A training of the comparison."""

    setting: str
    seed: int
    status: Literal["planned", "finished", "stopped early", "interrupted", "failed", "killed"]
    said: str


class StoredLayer(_Strict):
    """The signal of a layer at step 0; None stands for what is no finite number."""

    layer: str
    forward: float | None
    forward_theory: float | None
    backward: float | None
    backward_theory: float | None
    factor: float | None
    gradient: float | None
    alike: bool


class StoredStart(_Strict):
    """A setting at step 0."""

    verdict: str
    reason: str
    layers: list[StoredLayer]


class StoredComparison(_Strict):
    """The fields of `Record`."""

    source: str
    vary: dict[str, list[Value]]
    options: dict[str, dict[str, Value]]
    seeds: list[int]
    members: dict[Annotated[str, AfterValidator(_one_folder)], StoredMember]
    start: dict[str, StoredStart] = {}

    @model_validator(mode="after")
    def _names_of_settings(self) -> StoredComparison:
        for name, member in self.members.items():
            if member.setting not in self.options:
                raise ValueError(f"member {name} is of a setting that is not among the options")
        return self


def read_content(content: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `Record` from the JSON of the file.

    Raises:
        ValidationError: a field is missing, unknown or of another kind.

    >>> read_content({"source": "xor", "vary": {}, "options": {}, "seeds": [0], "members": {}})["seeds"]
    [0]
    """
    fields = {name: value for name, value in content.items() if name not in ("format", "version")}
    return StoredComparison.model_validate(fields).model_dump()


def first_fault(error: ValidationError) -> str:
    """The first fault that was found, in one line: where it is and what was expected."""
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, fault["loc"]))
    return f"{place}: {fault['msg']}" if place else str(fault["msg"])
