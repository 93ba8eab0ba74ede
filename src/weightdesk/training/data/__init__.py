"""Data to train on: one file for each kind, all behind `load`.

| kind | file | what |
| --- | --- | --- |
| digits | `digits.py` | 1,797 real handwritten digits |
| spirals, circle, xor, gauss | `plane.py` | two inputs, so that the whole function can be drawn |
| breast-cancer, diabetes | `tables.py` | real tables |
| radio | `radio.py` | three knobs that tune a station in |
| mixdown | `mixdown.py` | eight instruments, a mix of five of them |
| shapes | `shapes.py` | strokes make shapes, shapes make objects, with the label of every level |
| reviews | `reviews.py` | sentences with planted polar words and phrases, see `lexicon.py` |
| table, texts | `table_file.py` | the user's CSV or Parquet file, of numbers or of texts |
| arrays | `arrays.py` | the user's `.npz` |
| idx | `idx.py` | a folder in MNIST's format |
| images | `image_folder.py` | a folder of pictures, one folder a class |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from weightdesk.errors import DataError
from weightdesk.training.data import (
    arrays,
    digits,
    idx,
    image_folder,
    mixdown,
    plane,
    radio,
    reviews,
    shapes,
    table_file,
    tables,
)
from weightdesk.training.data.dataset import Dataset, Task
from weightdesk.training.data.source import PLANE, TABLES, Source, content_hash, find_source

__all__ = ["Dataset", "Source", "Task", "content_hash", "find_source", "load"]


def load(source: Source) -> Dataset:
    """Read or make the data of a source.

    Raises:
        DataError: the files cannot be used as they are, or have changed since their hash was taken.

    >>> load(Source(kind="digits")).input_shape
    (1, 8, 8)

    """
    if source.content_hash not in (None, content_hash(source)):
        raise DataError(
            f"{source.path} has changed since the run was made; put the old content back, or train on the "
            "new one as a new run"
        )
    if source.kind in PLANE:
        return plane.load(source.kind, source.examples, source.noise, source.data_seed)
    if source.kind in TABLES:
        return tables.load(source.kind)
    return _READERS[source.kind](source)


_READERS: Mapping[str, Callable[[Source], Dataset]] = {
    "digits": lambda _source: digits.load(),
    "radio": lambda source: radio.load(source.examples, source.noise, source.data_seed),
    "mixdown": lambda _source: mixdown.load(),
    "shapes": lambda source: shapes.load(source.examples, source.noise, source.data_seed),
    "table": lambda source: table_file.load(Path(source.path), source.target, source.task),
    "reviews": lambda source: reviews.load(source.examples, source.noise, source.data_seed),
    "texts": lambda source: table_file.load(Path(source.path), source.target, source.task, source.text or ""),
    "arrays": lambda source: arrays.load(Path(source.path), source.task),
    "idx": lambda source: idx.load(Path(source.path)),
    "images": lambda source: image_folder.load(Path(source.path), source.image_size),
}
