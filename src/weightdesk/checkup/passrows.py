"""Rows of the table `passes`, checked before rules compute with them: anybody may have written them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from weightdesk.errors import RunFormatError

_Count = Annotated[int, Field(ge=0)]
_Sides = Annotated[list[_Count], Field(max_length=64)]

_RECTIFIERS: Final = ("relu", "relu6")


class _Entry(BaseModel):
    # NaN is a possible pull: the gradient of a training that has broken.
    model_config = ConfigDict(strict=True, extra="ignore")


class _PassRow(_Entry):
    """What every row has, and what goes together; a network without plain inputs or outputs has neither."""

    training: bool
    differentiable: bool
    backward: bool
    modal: _Count
    modal_training: _Count
    examples: _Count
    output_shape: _Sides
    labels: list[int] | None = None
    outputs: list[float] | None = None
    output_count: _Count | None = None

    input_float: bool | None = None
    input_mean: float | None = None
    input_std: float | None = None
    input_spread: float | None = None
    output_min: float | None = None
    output_max: float | None = None
    output_sum_error: float | None = None
    output_log_error: float | None = None

    @model_validator(mode="after")
    def _is_measured(self) -> Self:
        inputs = (self.input_mean, self.input_std, self.input_spread)
        if self.input_float and None in inputs:
            raise ValueError("its inputs are not measured")
        outputs = (self.output_max, self.output_sum_error, self.output_log_error)
        if self.output_min is not None and None in outputs:
            raise ValueError("its outputs are not measured")
        if self.labels and not (self.output_shape and self.outputs and self.output_count):
            raise ValueError("it has labels, but no outputs")
        return self


class _GraphEntry(_Entry):
    """An activation, or two linear layers in a row."""

    function: str | None = None
    after: str | None = None
    last: bool = False
    units: Annotated[int, Field(ge=1)] | None = None
    silent: _Count | None = None
    saturated: float | None = None
    pull: float | None = None
    straight: Annotated[list[str], Field(min_length=2, max_length=2)] | None = None

    @model_validator(mode="after")
    def _is_measured(self) -> Self:
        needed = ("units", "silent") if self.function in _RECTIFIERS else ("saturated",)
        if self.function is not None and any(getattr(self, name) is None for name in needed):
            raise ValueError(f"the activation {self.function[:20]!r} has no numbers")
        return self


_ROWS: Final = TypeAdapter(list[_PassRow])
_GRAPH: Final = TypeAdapter(list[_GraphEntry])


def check_passes(rows: Sequence[dict[str, Any]], place: str) -> Sequence[dict[str, Any]]:
    """The same rows, if rules can compute with them.

    Arguments:
        rows: with all columns of `PASSES_SCHEMA`.
        place: folder of the table, for the message.

    Raises:
        RunFormatError: a row lacks something, or the graph of one is no list of activations.
    """
    try:
        _ROWS.validate_python(rows)
        for row in rows:
            if row["graph"]:
                _GRAPH.validate_json(row["graph"])  # ends at a depth of 200
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        at = ".".join(str(part) for part in fault["loc"])[:80]
        raise RunFormatError(
            f"{place} is damaged: {at or 'a row'}: {fault['msg'][:80]}; remove the folder to check the rest"
        ) from None
    return rows
