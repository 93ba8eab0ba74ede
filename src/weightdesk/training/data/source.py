"""Where data come from: one of the built-in sets, or files of the user's."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from weightdesk.errors import DataError, OptionError, closest
from weightdesk.paths import expand_home
from weightdesk.training.data.dataset import TASKS
from weightdesk.training.options import LARGEST_SEED, check_all, choice, option, optional, real, whole
from weightdesk.training.options import text as words

PLANE = ("spirals", "circle", "xor", "gauss")
TABLES = ("breast-cancer", "diabetes")
BUILT_IN = ("digits", *PLANE, *TABLES, "radio", "mixdown", "shapes", "reviews")
FILES = ("table", "texts", "arrays", "idx", "images")

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".pq")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


_MOST_EXAMPLES = 10**6  # of a made-up set: pictures of as many need some gigabytes
_LARGEST_SIDE = 4096  # pixels: a single picture in colour then needs 200 MB


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where data come from, and everything that decides what they are.

    >>> Source(kind="spirals", examples=300).noise
    0.1
    """

    kind: str = option(choice((*BUILT_IN, *FILES)), "a built-in set, or the kind of file")
    path: str = option(words, "file or folder with the data", "")
    target: str | None = option(optional(words), "column to predict, in a table", None)
    text: str | None = option(optional(words), "column of texts to predict it from, in a table", None)
    vocabulary: int = option(
        whole(at_least=1), "most words of the training texts that a network of text knows", 10_000
    )
    task: str | None = option(
        optional(choice(TASKS)), "classification or regression, where the targets leave it open", None
    )
    examples: int = option(whole(2, _MOST_EXAMPLES), "number of examples of a made-up set", 1000)
    noise: float = option(real(at_least=0), "noise of a made-up set", 0.1)
    image_size: int = option(
        whole(2, _LARGEST_SIDE), "pixels a side to which pictures of a folder are scaled", 32
    )
    data_seed: int = option(
        whole(0, LARGEST_SEED),
        "seed of the split and of a made-up set: the same for all seeds of the training",
        0,
    )
    content_hash: str | None = option(optional(words), "SHA-256 of the user's files as first read", None)

    def __post_init__(self) -> None:
        check_all(self)


def find_source(place: str | Path) -> tuple[str, str]:
    """Return the kind of a built-in name or of a path, and the absolute path ("" for a built-in set).

    Raises:
        OptionError: no such built-in set.
        DataError: no such file, or one of a kind that cannot be read.

    >>> find_source("digits")
    ('digits', '')

    """
    if str(place) in BUILT_IN:
        return str(place), ""
    path = expand_home(place)
    if not path.exists():
        if len(path.parts) == 1 and not path.suffix:
            raise OptionError(
                f"no recipe and no file is named {str(place)!r}: {closest(str(place), BUILT_IN)}"
            )
        raise DataError(
            f"no file or folder at {path}; name a built-in recipe ({', '.join(BUILT_IN)}) or a path"
        )
    return _kind(path), str(path.resolve())


def tables_in(folder: Path) -> tuple[Path, ...]:
    """Return the tables of a folder: `train.…`, and `test.…` where there is one."""
    files = sorted(
        each for each in folder.iterdir() if each.suffix.lower() in TABLE_SUFFIXES and each.is_file()
    )
    named = (next((each for each in files if each.stem == part), None) for part in ("train", "test"))
    return tuple(each for each in named if each is not None)


def _kind(path: Path) -> str:
    if path.is_file() and path.suffix.lower() in TABLE_SUFFIXES:
        return "table"
    if path.is_dir() and any(each.stem == "train" for each in tables_in(path)):
        return "table"
    if path.is_file() and path.suffix.lower() == ".npz":
        return "arrays"
    if path.is_dir() and any(path.glob("*-labels*ubyte*")):
        return "idx"
    if path.is_dir() and any(each.is_dir() for each in path.iterdir()):
        return "images"
    raise DataError(
        f"{path} is none of the data that can be read: a table ({', '.join(TABLE_SUFFIXES)}), a folder with "
        "the tables train and test, .npz, a folder of IDX files (train-images…, train-labels…) or a folder "
        "with one folder of pictures a class"
    )


def content_hash(source: Source) -> str | None:
    """Return the SHA-256 of the user's files, None for a built-in set.

    For a folder, of each file's place and content in the order of their names.

    Raises:
        DataError: a file cannot be read.

    >>> content_hash(Source(kind="digits")) is None
    True
    """
    if not source.path:
        return None
    digest = hashlib.sha256()
    try:
        for name, file in _files(Path(source.path)):
            digest.update(os.fsencode(name))
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    except OSError as error:
        raise DataError(f"cannot read {source.path}: {error.strerror or error}") from error
    return digest.hexdigest()


def _files(path: Path) -> Iterable[tuple[str, Path]]:
    if not path.is_dir():
        if path.exists() and not path.is_file():
            raise DataError(f"{path} is no file or folder: devices and pipes have no end to be read to")
        yield "", path
        return
    for file in sorted(each for each in path.rglob("*") if each.is_file()):
        yield file.relative_to(path).as_posix(), file
