"""What may be wrong with `run.json`."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from hostile.values import change_bytes, change_json, to_text

ODD_TEXTS = (
    b"",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"null",
    b'{"format": "weightdesk run", "version": 1}',
    b'{"format": "weightdesk run", "version": 1e999}',
    b"[" + b"9" * 100_000 + b"]",
    b"[" + b"[]," * 3_000_000 + b"0]",
    b'"' + b"x" * 70_000_000 + b'"',
)

_LARGE = 1_000_000
"""Bytes of a text that is hostile enough: to parse it in Python and find a place in it takes seconds."""


def change_manifest(run: Path, random: Random) -> None:
    """Change what `run.json` says, or its bytes."""
    file = run / "run.json"
    if file.stat().st_size > _LARGE:
        return
    action = random.randrange(20)
    if action == 0:
        # The two largest texts take a while to write: they come once in a hundred times.
        texts = ODD_TEXTS if random.randrange(10) == 0 else ODD_TEXTS[:-2]
        file.write_bytes(random.choice(texts))
    elif action <= 2:
        file.write_bytes(change_bytes(file.read_bytes(), random))
    else:
        content = json.loads(file.read_bytes())
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            content = change_json(content, random)
        file.write_bytes(to_text(content))
