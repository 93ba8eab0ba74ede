"""What an extra file says of the optimizer step that its tensors belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weightdesk.errors import RunFormatError
from weightdesk.runs.jsontext import parse_json
from weightdesk.types import ParameterName


@dataclass(frozen=True)
class StepFacts:
    """The optimizer and its options in one step.

    Attributes:
        optimizer: class of the optimizer, such as `"Adam"`; empty if the file does not tell it.
        options: of each parameter that the step moved.
        loss_scale: that the loss was multiplied with before backward; None if it is not known.
    """

    optimizer: str
    options: Mapping[ParameterName, Mapping[str, Any]]
    loss_scale: float | None


def read_step_facts(metadata: Mapping[str, str], file: str) -> StepFacts:
    """Read them from the metadata of an extra file, which holds them as JSON text.

    Arguments:
        metadata: of the file's header.
        file: its name, for the message.

    Raises:
        RunFormatError: they are damaged.

    >>> read_step_facts({"optimizer": '"SGD"', "options": '{"weight": {"lr": 0.5}}'}, "a file")
    StepFacts(optimizer='SGD', options={'weight': {'lr': 0.5}}, loss_scale=None)
    """
    optimizer, options, scale = (
        _parse(metadata, key, default, file)
        for key, default in (("optimizer", '""'), ("options", "{}"), ("loss_scale", "null"))
    )
    if not isinstance(optimizer, str):
        raise _damaged(file, "optimizer", "the name of a class")
    if not isinstance(options, dict) or not all(isinstance(group, dict) for group in options.values()):
        raise _damaged(file, "options", "an object of options for each parameter")
    is_number = isinstance(scale, (int, float)) and not isinstance(scale, bool)
    if scale is not None and not (is_number and scale > 0):
        raise _damaged(file, "loss_scale", "a number above 0")
    return StepFacts(optimizer, options, None if scale is None else float(scale))


def _parse(metadata: Mapping[str, str], key: str, default: str, file: str) -> Any:
    try:
        return parse_json(metadata.get(key, default).encode())
    except ValueError:
        raise _damaged(file, key, "JSON text") from None


def _damaged(file: str, key: str, expected: str) -> RunFormatError:
    return RunFormatError(f"{file} is damaged: its metadata {key} cannot be read; expected {expected}")
