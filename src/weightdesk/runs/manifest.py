"""`run.json`: what was recorded, how, with what, and how it ended."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, get_args

from weightdesk.errors import RunFormatError
from weightdesk.runs.door import reading
from weightdesk.runs.format import FORMAT, MANIFEST, VERSION
from weightdesk.runs.jsontext import MAX_BYTES, parse_json
from weightdesk.runs.runjson import Status, check_run_json, short_value
from weightdesk.runs.stores import Store

STATUSES: Final[tuple[str, ...]] = get_args(Status)
"""How a recording stands: still going; closed; ended by Ctrl-C or a signal; by an exception in the training
loop; by the recorder itself, which could not go on. A reader who finds `running` without a living writer
calls the run `killed`, a word that is never stored."""

_EXPANDED: Final = 3
"""Levels of `run.json` that are written member by member: a line for each parameter, and for its sampled
places. The encoder writes what is deeper; if it had to indent, it would be Python's own, which took 0.4 s
for 2,000 parameters."""

_json: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The content of `run.json`, field by field and in the file's order.

    Attributes:
        format: always `"weightdesk run"`.
        version: version of the layout; a reader refuses a newer one.
        status: one of `STATUSES`.
        note: for `failed` and `stopped`, the reason.
        created: when the recording began, ISO 8601 in UTC.
        closed: when it was closed, likewise.
        last_step: optimizer steps done when it was closed.
        model: `class`, `source`, `text`; `parameters` as a list of `{name, shape, dtype, aliases,
            trainable}` and `modules` as a list of `{name, class}`.
        optimizers: for each one `class` and `groups`, a list of `{parameters, options}`.
        recipe: what a built-in training needs to be run again.
        parent: what the first weights were taken from, as `Parent.to_dict` tells it; None where they
            were the model's own.
        seeds: every seed that was set, by its place.
        versions: of python, torch and weightdesk.
        git: commit of the working directory when the recording began, and whether it had changes; None if
            there is no repository, or if nobody can tell.
        command: the command line, without its machine's paths.
        recording: `cost`, `disk`, `every`, `kinds`, `notes`, and `sampled`, which lists the flat
            indices of the sampled weights by parameter; once it is closed `strides`, at every how many
            steps at most a table has rows, by the name of each table that was thinned.

    >>> Manifest(created="2026-01-31T12:00:00+00:00").status
    'running'

    """

    format: str = FORMAT
    version: int = VERSION
    status: str = "running"
    note: str | None = None
    created: str
    closed: str | None = None
    last_step: int | None = None
    model: dict[str, Any] = field(default_factory=dict)
    optimizers: list[dict[str, Any]] = field(default_factory=list)
    recipe: dict[str, Any] | None = None
    parent: dict[str, Any] | None = None
    seeds: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, Any] = field(default_factory=dict)
    git: dict[str, Any] | None = None
    command: list[str] = field(default_factory=list)
    recording: dict[str, Any] = field(default_factory=dict)


def write_manifest(store: Store, manifest: Manifest) -> int:
    """Put `run.json` in place of an older one; return its size in bytes.

    Raises:
        ValueError: a number that JSON lacks, or text that UTF-8 does.

    >>> from weightdesk.runs.stores import open_store
    >>> store = open_store("memory://manifest")
    >>> _ = write_manifest(store, Manifest(created="2026-01-31T12:00:00+00:00", last_step=3))
    >>> read_manifest(store).last_step
    3
    """
    content = {each.name: getattr(manifest, each.name) for each in fields(Manifest)}
    text = f"{_in_lines(content, _EXPANDED)}\n".encode()
    return store.write(MANIFEST, lambda path: Path(path).write_bytes(text))


def _in_lines(entry: Any, levels: int, indent: str = "") -> str:
    """JSON text with a line for each member of the outer levels."""
    deeper = f"{indent}  "
    if levels and isinstance(entry, dict) and entry and all(isinstance(name, str) for name in entry):
        members = [
            f"{_json(name)}: {_in_lines(member, levels - 1, deeper)}" for name, member in entry.items()
        ]
        opening, closing = "{}"
    elif levels and isinstance(entry, list) and entry:
        members = [_in_lines(member, levels - 1, deeper) for member in entry]
        opening, closing = "[]"
    else:
        return _json(entry)
    separator = f",\n{deeper}"
    return f"{opening}\n{deeper}{separator.join(members)}\n{indent}{closing}"


def read_manifest(store: Store) -> Manifest:
    """Read `run.json`, as `write_manifest` wrote it.

    Raises:
        FileNotFoundError: there is none.
        RunFormatError: it is damaged, is not of a run, or is of a newer version.

    """
    with reading(store, MANIFEST, "the JSON text of a run"):
        if (size := store.size(MANIFEST)) > MAX_BYTES:
            raise ValueError(f"it has {size:,} bytes, more than the {MAX_BYTES:,} that are read")
        text = store.read_range(MANIFEST, 0, MAX_BYTES)
    return _parsed(text, f"{store.location}/{MANIFEST}")


@lru_cache(
    maxsize=4
)  # it is looked at again and again, and takes long to parse where parameters are thousands
def _parsed(text: bytes, place: str) -> Manifest:
    try:
        content = parse_json(text)
    except ValueError as error:
        raise RunFormatError(f"{place} is damaged: {error}; expected the JSON text of a run") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise RunFormatError(f'{place} is not of a run: expected a JSON object with "format": "{FORMAT}"')
    if content.get("version") != VERSION:
        raise RunFormatError(
            f"{place} has format version {short_value(content.get('version'))}, this weightdesk reads "
            f"{VERSION}: install the weightdesk that wrote it, {_writer(content)}"
        )
    if content.get("status") not in STATUSES:
        raise RunFormatError(
            f"{place} has status {short_value(content.get('status'))}, expected {', '.join(STATUSES)}"
        )
    try:
        check_run_json(content)
    except ValueError as error:
        raise RunFormatError(f"{place} is damaged: {error}; expected what docs/run-format.md lists") from None
    return Manifest(**{each.name: content[each.name] for each in fields(Manifest) if each.name in content})


def _writer(content: dict[str, Any]) -> str:
    versions = content.get("versions")
    version = versions.get("weightdesk") if isinstance(versions, dict) else None
    return f"version {version}" if isinstance(version, str) and 0 < len(version) <= 40 else "or a newer one"
