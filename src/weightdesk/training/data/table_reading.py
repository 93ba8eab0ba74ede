"""Tables as files: CSV, TSV or Parquet, or a folder with one to train on and one to test on."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from weightdesk.errors import DataError, closest
from weightdesk.training.data.source import tables_in
from weightdesk.training.memory import refuse_larger_data

_SMALLEST_BLOCK: Final = 1 << 20  # bytes of a file that are parsed at once, pyarrow's own choice
_LARGEST_BLOCK: Final = 1 << 30  # pyarrow counts the bytes of a block with 32 bits and a sign
_VALUE: Final = 8  # bytes of a value as it is trained on, before it becomes single precision


def read(place: Path, asked: Sequence[str], *, others: bool) -> tuple[pa.Table, int]:
    """Read a table without gaps, and of a folder the rows of `train.…` and then those of `test.…`.

    Arguments:
        place: file or folder.
        asked: columns that must be there. Of a file without a header the columns are called 1, 2, 3 …:
            so it is read where only such names are asked for and its first line lacks one of them.
        others: whether the other columns are wanted, too.

    Returns:
        The rows, and how many of them at the end are test data set apart.

    Raises:
        DataError: a file cannot be read, lacks a column or a value, or has two columns of one name.

    """
    parts = [_read(file, asked, others) for file in (tables_in(place) if place.is_dir() else (place,))]
    try:
        table = pa.concat_tables(parts, promote_options="permissive")
    except pa.ArrowException as error:
        raise DataError(f"{place}: train and test do not fit together: {_line(error)}") from error
    return table.combine_chunks(), sum(part.num_rows for part in parts[1:])


def _read(file: Path, asked: Sequence[str], others: bool) -> pa.Table:
    try:
        table = _parsed(file)
        table.column_names  # noqa: B018 (decodes the header)
        if all(map(str.isdecimal, asked)) and not set(asked) <= set(table.column_names):
            table = _parsed(file, autogenerate_column_names=True)
            table = table.rename_columns([str(number) for number in range(1, table.num_columns + 1)])
    except UnicodeDecodeError:
        raise _not_utf8(file, "its header") from None
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"cannot read the table {file}: {_line(error)}") from error
    if len(set(table.column_names)) < len(table.column_names):
        raise DataError(f"{file.name} has two columns of one name; give each its own")
    for field in table.schema if file.suffix.lower() in (".csv", ".tsv") else ():
        if pa.types.is_binary(field.type):  # what pyarrow makes of bytes that are no text
            raise _not_utf8(file, f"column {field.name!r}")
    if table.num_rows == 0:
        raise DataError(f"{file.name} has a header but no rows")
    for name in asked:
        if name not in table.column_names:
            raise DataError(f"{file.name}: it has no column {name!r}: {closest(name, table.column_names)}")
    wanted = table.column_names if others else asked
    return pa.table({name: _complete(file, name, table[name]) for name in wanted})


def _complete(file: Path, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the column as plain values, after making sure that none is missing."""
    plain = [
        each.dictionary_decode() if pa.types.is_dictionary(each.type) else each for each in column.chunks
    ]
    array = pa.chunked_array(plain)
    missing = pc.is_null(array, nan_is_null=pa.types.is_floating(array.type)).to_numpy()
    if missing.any():
        more = f" and {missing.sum() - 1} more" if missing.sum() > 1 else ""
        raise DataError(
            f"{file.name}: column {name!r} has a missing value in row {missing.argmax() + 1}{more}; "
            "fill it or remove the row"
        )
    return array


def _parsed(file: Path, **header: Any) -> pa.Table:
    if file.suffix.lower() in (".parquet", ".pq"):
        return _parquet(file)
    with file.open("rb") as stream:
        if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise _not_utf8(file, "its first mark is that of UTF-16, and the rest")
    # Types are guessed from the first block, and no row may be longer than one: the file is read as a whole.
    block = min(max(file.stat().st_size, _SMALLEST_BLOCK), _LARGEST_BLOCK)
    return pyarrow.csv.read_csv(
        file,
        read_options=pyarrow.csv.ReadOptions(block_size=block, **header),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter="\t" if file.suffix.lower() == ".tsv" else ",",
            newlines_in_values=True,  # people's texts have paragraphs
        ),
        convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True),
    )


def _parquet(file: Path) -> pa.Table:
    with pyarrow.parquet.ParquetFile(file) as opened:
        # Encoded as runs, any number of equal values takes a few bytes of the file.
        refuse_larger_data(file, _VALUE * opened.metadata.num_rows * opened.metadata.num_columns)
    return pyarrow.parquet.read_table(file)


def _not_utf8(file: Path, where: str) -> DataError:
    return DataError(f"{file.name} is no text in UTF-8: {where} holds other bytes; save the table as UTF-8")


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]
