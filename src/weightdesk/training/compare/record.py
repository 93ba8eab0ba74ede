"""`comparison.json`: which trainings belong together, how they ended, how they began."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from weightdesk.errors import RunFormatError, RunNotFoundError
from weightdesk.runs.wholefile import write_whole
from weightdesk.training.compare.stored import first_fault, read_content

FILE: Final = "comparison.json"
_FORMAT: Final = "weightdesk comparison"
_VERSION: Final = 1
_LARGEST: Final = 1 << 26  # bytes: a member takes some hundreds, a setting's start some thousands


@dataclass(frozen=True, kw_only=True)
class Record:
    """The content of the file.

    Attributes:
        source: the data set or path.
        vary: the values of each option that is varied.
        options: of each setting, by its name, the varied options.
        seeds: of each setting's members.
        members: by name `setting`, `seed`, `status` (`planned` until it has ended) and `said`.
        start: of each setting, the signal at step 0, layer by layer; see `startup.py`.
    """

    source: str
    vary: Mapping[str, list[Any]]
    options: Mapping[str, Mapping[str, Any]]
    seeds: list[int]
    members: Mapping[str, Mapping[str, Any]]
    start: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def names(self, setting: str) -> list[str]:
        """The members of a setting."""
        return [name for name, each in self.members.items() if each["setting"] == setting]


def write_record(folder: Path, record: Record) -> None:
    """Put the file in place of an older one, whole.

    >>> import tempfile
    >>> record = Record(source="xor", vary={}, options={}, seeds=[0], members={})
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_record(folder, record)
    >>> read_record(folder) == record
    True
    """
    content = {"format": _FORMAT, "version": _VERSION, **asdict(record)}
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_whole(folder / FILE, lambda place: place.write_text(text, encoding="utf-8"))


def read_record(folder: Path) -> Record:
    """Read the file.

    Raises:
        RunNotFoundError: there is none.
        RunFormatError: it is damaged, or of a newer version.

    """
    place = folder / FILE
    try:
        content = json.loads(_text(place))
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise RunFormatError(f"{place} is not of a comparison")
        if content.get("version") != _VERSION:
            raise RunFormatError(f"{place} is of another weightdesk: install the version that wrote it")
        return Record(**read_content(content))
    except (FileNotFoundError, NotADirectoryError):
        raise RunNotFoundError(f"no {FILE} in {folder}; `weightdesk compare` makes one") from None
    except ValidationError as error:
        raise RunFormatError(f"{place} is damaged: {first_fault(error)}") from None
    except RecursionError:
        raise RunFormatError(f"{place} is damaged: its brackets are nested too deep") from None
    except (ValueError, UnicodeDecodeError) as error:
        if isinstance(error, RunFormatError):
            raise
        raise RunFormatError(f"{place} is damaged: {error}; expected the JSON text of a comparison") from None


def member_folder(folder: Path, name: str) -> Path:
    """The folder of a member's run.

    Raises:
        RunFormatError: it is a link out of the comparison's folder.
    """
    place = folder / name
    if not place.resolve().is_relative_to(folder.resolve()):
        raise RunFormatError(f"{place} is a link out of the folder of the comparison; copy the run there")
    return place


def _text(place: Path) -> str:
    if place.exists() and not place.is_file():
        raise RunFormatError(f"{place} is no file: devices and pipes have no end to be read to")
    if (size := place.stat().st_size) > _LARGEST:
        raise RunFormatError(f"{place} has {size:,} bytes, more than the {_LARGEST:,} of any comparison")
    return place.read_text(encoding="utf-8")
