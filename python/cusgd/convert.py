"""Convert Arrow tables and Parquet files to folders of numbered files: ``python -m cusgd.convert IN.parquet OUT``.

The folders have the format of ``cusgd convert``. `cusgd.read_table` and the command read them as data, with the names, categories
and classes of the table.
"""

from __future__ import annotations

import argparse
import ctypes as C
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from . import _capi
from ._arrays import make_data
from ._arrow import stream_pointer
from ._errors import CusgdError, UsageError
from ._errors import check as check_status
from ._library import lib
from ._results import sized
from ._run import run
from ._table import MISSING, Table, reader_of_columns
from ._text import c_path

BATCH_ROWS = 65536


def read_arrow(
    table: Any,
    *,
    target: str | int | Sequence[str | int] = (),
    features: str | int | Sequence[str | int] = (),
    ignore: str | int | Sequence[str | int] = (),
    weights: str | int | None = None,
    offset: str | int | None = None,
    exposure: str | int | None = None,
    categorical: str | int | Sequence[str | int] = "auto",
    missing: str = "auto",
    all_levels: bool = False,
    classes: bool = False,
    like: Table | None = None,
) -> Table:
    """Read a table of pyarrow, polars, duckdb or another library that supports ``__arrow_c_stream__``.

    The table is encoded in the same way as a file is by `cusgd.read_table`.

    Parameters
    ----------
    table : object
        The table. Its columns may contain numbers, booleans, dates, text (categories if they repeat) and dictionaries (which are
        categories). The values are copied and converted to float64.
    target, features, ignore, weights, offset, exposure, categorical, missing, all_levels, classes
        As for `cusgd.read_table`.
    like : Table, optional
        A table that determines the columns, categories and classes. The other arguments apply only to what it does not determine.

    Returns
    -------
    Table
    """
    reader, kept = reader_of_columns(
        {"targets": target, "features": features, "ignore": ignore},
        {"weights": weights, "offset": offset, "exposure": exposure},
        categorical,
        missing,
    )
    reader.encode.all_levels, reader.find_classes = all_levels, classes
    if like is not None:
        check_status(lib.cusgd_data_reader(like.handle, C.byref(reader)))
    capsule = table.__arrow_c_stream__()
    handle = C.c_void_p()
    run(lambda: check_status(lib.cusgd_data_arrow(stream_pointer(capsule), C.byref(reader), C.byref(handle))))
    del kept
    return Table(handle)


def _options(rows_per_file: int, storage: str, shuffle: bool, seed: int) -> Any:
    """Return the options of a folder as the library's structure."""
    if storage not in ("full", "bf16"):
        raise UsageError(f"storage must be full or bf16, not {storage!r}")
    options = sized(_capi.cusgd_folder_options)
    options.rows_per_file, options.bf16, options.shuffle, options.seed = rows_per_file, storage == "bf16", shuffle, seed
    return options


class Writer:
    r"""Writes blocks of rows to a folder of numbered files, one after the other.

    The folder appears when the writer is closed without an error.

    Parameters
    ----------
    folder : str or path
        The folder. It must not exist, or must be empty.
    rows_per_file : int
        The number of rows of a file, which is rounded up to a multiple of 1024; 0 means about 256 MiB of x.
    storage : {"full", "bf16"}
        The type in which x is stored: "full" is the type of the first block, and "bf16" rounds to bfloat16, which takes half of
        the bytes of float32.

    Examples
    --------
    >>> import os, tempfile
    >>> import cusgd
    >>> from cusgd.convert import Writer
    >>> folder = tempfile.mkdtemp()
    >>> path = os.path.join(folder, "t.csv")
    >>> with open(path, "w") as file:
    ...     _ = file.write("a,y\n1,2\n2,4\n3,7\n")
    >>> with Writer(os.path.join(folder, "out")) as writer:
    ...     writer.append(cusgd.read_table(path))
    ...     writer.append(cusgd.read_table(path))
    >>> cusgd.read_table(os.path.join(folder, "out")).rows
    6
    """

    def __init__(self, folder: str | os.PathLike[str], *, rows_per_file: int = 0, storage: str = "full") -> None:
        self._handle = C.c_void_p()
        options = _options(rows_per_file, storage, False, 0)
        check_status(lib.cusgd_folder_create(c_path(folder), C.byref(options), C.byref(self._handle)))

    def append(self, table: Any, y: Any = None, *, sample_weight: Any = None) -> None:
        """Append a block of rows.

        The first block determines the types, names, categories and classes. The other blocks must have the same columns.

        Parameters
        ----------
        table : Table, or array of shape (n, columns)
            A table, or dense rows as for `cusgd.fit`. An array without rows appends none.
        y : array of shape (n,) or (n, outputs), optional
            The targets, if ``table`` is an array. Classes are numbers.
        sample_weight : array of shape (n,), optional
            The weights of the rows, if ``table`` is an array.
        """
        shape = getattr(table, "shape", None)
        if shape is not None and len(shape) == 2 and shape[0] == 0:
            return
        data = table if isinstance(table, Table) else make_data(table, y, sample_weight=sample_weight)
        run(lambda: check_status(lib.cusgd_folder_append(self._handle, data.handle)))

    def close(self) -> None:
        """Write the rest of the folder, and give it its final name."""
        handle, self._handle = self._handle, C.c_void_p()
        run(lambda: check_status(lib.cusgd_folder_finish(handle)))

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        if kind is None:
            self.close()
        else:
            self._abandon()

    def __del__(self) -> None:
        self._abandon()

    def _abandon(self) -> None:
        """Remove the files that have been written."""
        handle, self._handle = getattr(self, "_handle", None), C.c_void_p()
        if handle:
            lib.cusgd_folder_free(handle)


def save(
    table: Table,
    folder: str | os.PathLike[str],
    *,
    rows_per_file: int = 0,
    storage: str = "full",
    shuffle: bool = False,
    seed: int = 0,
) -> None:
    """Write a table to a folder, as ``cusgd convert`` does.

    Parameters
    ----------
    table : Table
        A table that `read_arrow` or `cusgd.read_table` has read.
    folder, rows_per_file, storage
        As for `Writer`.
    shuffle : bool
        Whether to write the rows in random order, as a permutation of all rows.
    seed : int
        The seed of the permutation.
    """
    options = _options(rows_per_file, storage, shuffle, seed)
    run(lambda: check_status(lib.cusgd_data_save(table.handle, c_path(folder), C.byref(options))))


def _is_numeric(schema: Any) -> bool:
    """Tell whether all columns of a pyarrow schema are numbers or booleans, so that all batches have the same columns of x."""
    import pyarrow.types as types

    kinds = (types.is_integer, types.is_floating, types.is_boolean)
    return all(any(is_kind(field.type) for is_kind in kinds) for field in schema)


def _parts(path: str | os.PathLike[str], reading: dict[str, Any]) -> Iterator[Table]:
    """Yield the rows of a Parquet file, in batches if all columns are numbers or booleans, and otherwise at once."""
    import pyarrow
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(path, memory_map=True)
    first: Table | None = None
    if not _is_numeric(file.schema_arrow) or reading.get("missing") == "mean" or reading.get("classes"):
        yield read_arrow(file.read(), **reading)
        return
    if reading.get("missing", "auto") == "auto":
        reading = {**reading, "missing": "drop"}  # "auto" depends on the share of missing values in the whole file
    for batch in file.iter_batches(BATCH_ROWS):
        part = read_arrow(pyarrow.Table.from_batches([batch]), like=first, **reading)
        first = first or part
        yield part


def convert(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    rows_per_file: int = 0,
    storage: str = "full",
    shuffle: bool = False,
    seed: int = 0,
    **reading: Any,
) -> None:
    """Convert a Parquet file to a folder of numbered files.

    If all columns are numbers or booleans, the file is read in batches, which needs little memory.

    Parameters
    ----------
    source : str or path
        The Parquet file. pyarrow, which reads it, must be installed.
    folder, rows_per_file, storage, shuffle, seed
        As for `save`. With ``shuffle``, the rows are written twice.
    **reading
        Arguments of `read_arrow`, such as ``target``. If the file is read in batches, rows with missing values are omitted.
    """
    if not shuffle:
        _write(_parts(source, reading), Writer(folder, rows_per_file=rows_per_file, storage=storage))
        return
    scratch = tempfile.mkdtemp(prefix=".cusgd-", dir=os.path.dirname(os.path.abspath(os.fspath(folder))))
    try:
        ordered = os.path.join(scratch, "rows")
        _write(_parts(source, reading), Writer(ordered))
        save(_open(ordered), folder, rows_per_file=rows_per_file, storage=storage, shuffle=True, seed=seed)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write(parts: Iterable[Table], writer: Writer) -> None:
    with writer:
        for part in parts:
            writer.append(part)


def _open(folder: str) -> Table:
    """Open a folder of numbered files as a table."""
    handle = C.c_void_p()
    run(lambda: check_status(lib.cusgd_data_open(c_path(folder), None, C.byref(handle))))
    return Table(handle)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return the exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        IN.parquet, OUT and options; by default the arguments of the process.

    Returns
    -------
    int
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m cusgd.convert", description="Convert a Parquet file to a folder for cusgd.")
    parser.add_argument("source", metavar="IN.parquet")
    parser.add_argument("folder", metavar="OUT")
    parser.add_argument("--target", action="append", default=[], help="column of y; by default the last one; may be repeated")
    for name in ("features", "ignore"):
        parser.add_argument(f"--{name}", default="", metavar="COL,...", type=str)
    for name in ("weights", "offset", "exposure"):
        parser.add_argument(f"--{name}", metavar="COL")
    parser.add_argument("--categorical", default="auto", metavar="auto|none|COL,...")
    parser.add_argument("--missing", default="auto", choices=list(MISSING))
    parser.add_argument("--all-levels", action="store_true", help="a column for every category")
    parser.add_argument("--rows-per-file", type=int, default=0, metavar="N")
    parser.add_argument("--storage", default="full", choices=("full", "bf16"))
    parser.add_argument("--shuffle", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    given = vars(parser.parse_args(arguments))
    for name in ("features", "ignore", "categorical"):
        given[name] = [column for column in given[name].split(",") if column]
    try:
        convert(given.pop("source"), given.pop("folder"), **given)
    except ImportError as error:
        sys.exit(f"cusgd: {error}: python -m pip install pyarrow")
    except (CusgdError, OSError) as error:
        print(f"cusgd: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
