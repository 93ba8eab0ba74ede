"""Which operation of a forward pass a parameter's unit belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.explain.operations import Operation
from weightdesk.explain.parameter import first_name, known_name
from weightdesk.explain.tracing import Role, Station, Trace
from weightdesk.types import ParameterName


@dataclass(frozen=True, eq=False)
class Use:
    """One use of a parameter.

    Attributes:
        name: the parameter as the trace knows it: of tied ones the first.
        number: number of the station in the trace.
        station: the operation.
        units: the parameter's units that it uses.
        unit_axis: the axis of its result that counts them; None where all of it is one unit.
        general: whether only the general rule explains it: an operation of no known form, or one in
            which the parameter has the place of the input.
    """

    name: ParameterName
    number: int
    station: Station
    units: range
    unit_axis: int | None
    general: bool = False


def uses_of(traced: Trace, model: nn.Module, name: ParameterName, unit: int) -> list[Use]:
    """The uses of a parameter's unit in a forward pass, those in the named module first.

    Raises:
        UnknownParameterError: the model has no parameter of this name.
        OptionError: the forward pass does not use it.
        IndexRangeError: it has no such unit.

    >>> import torch
    >>> from weightdesk.explain.tracing import trace, untouched
    >>> model = nn.Linear(2, 3)
    >>> with untouched(model):
    ...     uses_of(trace(model, torch.ones(1, 2)), model, "bias", 0)[0].units
    range(0, 3)
    """
    first, tensor = first_name(model, name), model.get_parameter(known_name(model, name))
    found = [
        _use(first, number, station, tensor)
        for number, station in enumerate(traced.stations)
        if station.role(first)
    ]
    if not found:
        raise OptionError(
            f"{name} is not used in this forward pass by an operation that gives one tensor; "
            "explain a parameter that is, or give inputs that reach it"
        )
    found.sort(key=lambda use: use.station.module != known_name(model, name).rpartition(".")[0])
    # A fused parameter is used in parts; the others are not uses of this unit.
    parts = [use for use in found if unit in use.units] if any(use.units.start for use in found) else found
    if not parts or (unit not in parts[0].units and len(parts) == 1):
        end = max(use.units.stop for use in found)
        raise IndexRangeError(f"unit {unit} lies outside {name}: expected 0…{end - 1}")
    return parts


def picked(uses: list[Use], use: int, name: ParameterName, unit: int) -> Use:
    """One of several uses.

    Raises:
        IndexRangeError: there is no such use, or it has no such unit.
    """
    if not 0 <= use < len(uses):
        raise IndexRangeError(f"use {use} of {name} does not exist: expected 0…{len(uses) - 1}")
    if unit not in uses[use].units:
        units = uses[use].units
        raise IndexRangeError(
            f"unit {unit} lies outside use {use} of {name} in {uses[use].station.module or 'the model'}: "
            f"expected {units.start}…{units.stop - 1}"
        )
    return uses[use]


def _use(name: ParameterName, number: int, station: Station, tensor: nn.Parameter) -> Use:
    role, operation = station.role(name), station.operation
    assert role is not None
    weight, last = operation.weight, station.result.ndim - 1
    is_input = role.place == "weight" and not _same_memory(weight, tensor)
    if operation.kind == "unknown" or is_input:
        return Use(name, number, station, range(tensor.shape[0] if tensor.ndim else 1), None, general=True)
    if operation.kind == "linear":
        return Use(name, number, station, _rows(role, weight, tensor), last)
    if operation.kind == "convolution":
        return Use(name, number, station, _rows(role, weight, tensor), last + 2 - weight.ndim)
    if operation.kind == "lookup":
        return Use(name, number, station, range(weight.shape[1]), last)
    units, axis = _elementwise(role, operation, tensor)
    return Use(name, number, station, units, axis)


def _same_memory(left: Tensor, right: Tensor) -> bool:
    return left.untyped_storage().data_ptr() == right.untyped_storage().data_ptr()


def _rows(role: Role, weight: Tensor, parameter: nn.Parameter) -> range:
    # A slice of a parameter's rows counts them as the parameter does; of anything else, such as a
    # matrix that torch was given transposed, the outputs are counted.
    whole = role.place == "bias" or weight.stride(0) == parameter.stride(0)
    start = role.start if whole else 0
    return range(start, start + weight.shape[0])


def _elementwise(role: Role, operation: Operation, parameter: nn.Parameter) -> tuple[range, int | None]:
    """Its units, and the axis of the result on which they lie, wherever a view has moved them."""
    weight = operation.weight
    if parameter.ndim and parameter.shape[0] > 1:
        for axis, (size, stride) in enumerate(zip(weight.shape, weight.stride(), strict=True)):
            if size > 1 and stride == parameter.stride(0):
                start = role.start if role.place == "weight" else 0
                return range(start, start + size), operation.options["axes"] + axis
    return range(1), None
