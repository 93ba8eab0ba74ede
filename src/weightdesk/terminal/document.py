"""Facts as one JSON document, for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any

from weightdesk.terminal.visible import json_visible


def document(facts: object) -> str:
    """Facts as JSON: dataclasses as objects in the order of their fields, NaN and infinities as null.

    What a terminal acts on or does not show is escaped as JSON escapes it, so that the text can be printed.

    >>> print(document({"loss": float("nan"), "shape": (2, 3)}))
    {
      "loss": null,
      "shape": [
        2,
        3
      ]
    }
    """
    return json_visible(json.dumps(_plain(facts), indent=2, ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, PurePath) else value
