"""How an answer travels: a header of JSON, and behind it the bytes of its arrays.

```
4 bytes   length of the header, little-endian
header    {"message": …, "arrays": [{"dtype": "float32", "shape": [10, 64], "offset": 128}, …]}
arrays    each begins at a multiple of 8 bytes from the start
```

In the message an array is `{"array": n}`. JSON carries words and counts; what is measured of weights
goes as bytes, so that it arrives bit for bit, NaN and infinities included.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, SerializationInfo
from pydantic_core import CoreSchema, core_schema
from torch import Tensor

ALIGNED: Final = 8


@dataclass(frozen=True)
class ArrayOf:
    """The type of a field that travels as bytes.

    Attributes:
        dtype: what the numbers are converted to.
    """

    dtype: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        place = core_schema.plain_serializer_function_ser_schema(_place, info_arg=True)
        return core_schema.no_info_plain_validator_function(self.convert, serialization=place)

    def convert(self, values: Any) -> np.ndarray[Any, Any]:
        """The values as a contiguous array of this type."""
        if isinstance(values, Tensor):
            known = values.detach().cpu()
            values = (known.double() if known.is_floating_point() else known).numpy()
        return np.asarray(values, dtype=self.dtype, order="C")  # ascontiguousarray knows no 0 axes


Floats: TypeAlias = Annotated[Any, ArrayOf("float32")]
Doubles: TypeAlias = Annotated[Any, ArrayOf("float64")]
Integers: TypeAlias = Annotated[Any, ArrayOf("int32")]
Bytes: TypeAlias = Annotated[Any, ArrayOf("uint8")]


class Message(BaseModel):
    """What travels between Python and the page."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


def pack(message: Message) -> bytes:
    """The bytes of a message.

    >>> class Series(Message):
    ...     name: str
    ...     values: Floats
    >>> len(pack(Series(name="loss", values=[1.0, 0.5])))
    120
    """
    arrays: list[np.ndarray[Any, Any]] = []
    body = message.model_dump_json(context=arrays)
    offset, table = 0, []
    for each in arrays:
        table.append({"dtype": str(each.dtype), "shape": each.shape, "offset": offset})
        offset += _padded(each.nbytes)
    header = f'{{"message":{body},"arrays":{json.dumps(table)}}}'.encode()
    header += b" " * (_padded(4 + len(header)) - 4 - len(header))
    parts = [len(header).to_bytes(4, "little"), header]
    for each in arrays:
        parts += [each.tobytes(), bytes(_padded(each.nbytes) - each.nbytes)]
    return b"".join(parts)


def unpack(packed: bytes) -> Any:
    """The message in plain values, its arrays as NumPy's; what the page does with it.

    >>> class Series(Message):
    ...     values: Floats
    >>> unpack(pack(Series(values=[1.0, 0.5])))
    {'values': array([1. , 0.5], dtype=float32)}
    """
    start = 4 + int.from_bytes(packed[:4], "little")
    header = json.loads(packed[4:start])
    arrays = [
        np.frombuffer(packed, each["dtype"], int(np.prod(each["shape"])), start + each["offset"]).reshape(
            each["shape"]
        )
        for each in header["arrays"]
    ]
    return _restored(header["message"], arrays)


def _place(array: Any, info: SerializationInfo) -> dict[str, int]:
    arrays: list[Any] = info.context  # type: ignore[assignment]
    arrays.append(array)
    return {"array": len(arrays) - 1}


def _padded(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED


def _restored(value: Any, arrays: list[Any]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"array"}:
            return arrays[value["array"]]
        return {name: _restored(each, arrays) for name, each in value.items()}
    return [_restored(each, arrays) for each in value] if isinstance(value, list) else value
