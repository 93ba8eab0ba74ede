"""What may be wrong with a safetensors file."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from hostile.values import ODD_VALUES, change_bytes, change_json, to_text

ODD_HEADERS = (b"", b"[" * 100_000, b"{}", b"null", b'{"__metadata__": []}', b'{"a": 1e999}')
ODD_SHAPES: tuple[Any, ...] = (
    [],
    [0],
    [0, 2**62],
    [-1, -6],
    [2.0, 3],
    [True, 6],
    [10**30],
    [1] * 100,
    [2**40] * 2,
)
ODD_PLACES: tuple[Any, ...] = (
    [0, 0],
    [-8, 16],
    [0.0, 24.0],
    [24, 0],
    [0, 2**63],
    [10**30, 10**30],
    [0],
    None,
)
DTYPES = ("F64", "F32", "F16", "BF16", "F8_E4M3", "I64", "I8", "U64", "C64", "BOOL", "F4", "", None)


def change_snapshot(file: Path, random: Random) -> None:
    """Change the header of a file, its data or its bytes."""
    data = file.read_bytes()
    action = random.randrange(8)
    if action <= 1:
        file.write_bytes(change_bytes(data, random))
        return
    size = int.from_bytes(data[:8], "little")
    header, rest = data[8 : 8 + size], data[8 + size :]
    if action == 2:
        text = random.choice(ODD_HEADERS)
    elif action == 3:
        length = random.choice((0, 1, size - 1, size + 1, 2**31, 2**63, 2**64 - 1))
        file.write_bytes(length.to_bytes(8, "little") + header + rest)
        return
    elif action == 4:
        text = to_text(change_json(json.loads(header), random))
    elif action == 5:
        text = to_text(_change_metadata(json.loads(header), random))
    else:
        text = to_text(_change_tensor(json.loads(header), random))
    file.write_bytes(len(text).to_bytes(8, "little") + text + rest)


def _change_tensor(header: dict[str, Any], random: Random) -> dict[str, Any]:
    names = [name for name in header if name != "__metadata__"]
    if not names:
        return header
    name = random.choice(names)
    key, values = random.choice(
        (("shape", ODD_SHAPES), ("data_offsets", ODD_PLACES), ("dtype", DTYPES), ("dtype", ODD_VALUES))
    )
    header[name][key] = random.choice(values)
    if random.randrange(3) == 0:
        header[random.choice(names)] = header[name]  # two tensors in one place
    if random.randrange(5) == 0:
        header[str(random.choice(ODD_VALUES))] = header.pop(name)
    return header


def _change_metadata(header: dict[str, Any], random: Random) -> dict[str, Any]:
    about = header.setdefault("__metadata__", {})
    key = random.choice(("options", "optimizer", "loss_scale", "step", *about))
    try:
        about[key] = to_text(change_json(json.loads(about[key]), random)).decode()
    except (KeyError, ValueError):
        about[key] = random.choice(
            ("", "null", "[]", "NaN", "1e999", "[" * 5000, '{"a": 1}', "0", "0.weight")
        )
    return header
