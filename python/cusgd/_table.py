"""Tables in files, which are read in the same way as by the command."""

from __future__ import annotations

import ctypes as C
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import _capi
from ._arrays import text_array
from ._errors import UsageError, check
from ._library import lib
from ._results import sized
from ._run import run
from ._text import c_path, c_text
from ._words import in_python_words
from ._world import World

_HEADERS = {None: _capi.CUSGD_HEADER_AUTO, True: _capi.CUSGD_HEADER_YES, False: _capi.CUSGD_HEADER_NO}
_SPARSE = {None: _capi.CUSGD_SPARSE_AUTO, False: _capi.CUSGD_SPARSE_NO, True: _capi.CUSGD_SPARSE_YES}
MISSING = {word: getattr(_capi, f"CUSGD_MISSING_{word.upper()}") for word in ("auto", "error", "drop", "mean")}

_DATE_ORDERS = {
    "found": _capi.CUSGD_DATE_ORDER_FOUND,
    "day-first": _capi.CUSGD_DATE_ORDER_DAY_FIRST,
    "month-first": _capi.CUSGD_DATE_ORDER_MONTH_FIRST,
}


def columns(given: str | int | Sequence[str | int]) -> list[str]:
    """Return one or several columns, given by name or by number from 1, as a list for the library."""
    several = [given] if isinstance(given, (str, int)) else list(given)
    return [str(column) for column in several]


def put_list(of: Any, name: str, count: str, given: Sequence[str]) -> Any:
    """Set a list of strings in a structure, and return the array that must live as long as the structure."""
    if not given:
        return None
    array = text_array(given, "column")
    setattr(of, name, C.cast(array, C.POINTER(C.c_char_p)))
    setattr(of, count, len(given))
    return array


class Table:
    """A table that `read_table` has read from a file. `cusgd.fit` and `Trainer` accept it in place of X.

    Attributes
    ----------
    rows, cols, outputs : int
        The numbers of rows, of columns of x (in which each category and each power has a column), and of targets.
    features, targets, classes : list of str, or None
        The names of the columns of x, of the targets and of the classes. ``color=red`` is the indicator of a category,
        ``month(day)`` a part of a date, and ``missing(age)`` is 1 if the value is missing.
    notes : list of str
        Notes on how the file was read, one sentence each.
    """

    def __init__(self, handle: C.c_void_p) -> None:
        self.handle = handle
        self.arrays = (np.empty(0), None, None, None, None)  # the library holds the values, in double precision
        self.rows: int = lib.cusgd_data_rows(handle)
        self.cols: int = lib.cusgd_data_cols(handle)
        self.outputs: int = lib.cusgd_data_outputs(handle)
        self.features = self._names(lib.cusgd_data_feature, self.cols)
        self.targets = self._names(lib.cusgd_data_target, self.outputs)
        self.classes = self._names(lib.cusgd_data_class, lib.cusgd_data_classes(handle))
        self.notes: list[str] = []
        while note := lib.cusgd_data_note(handle, len(self.notes)):
            self.notes.append(in_python_words(note.decode(errors="replace")))

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            lib.cusgd_data_free(self.handle)

    def __repr__(self) -> str:
        return f"<cusgd.Table: {self.rows} rows, {self.cols} columns, {self.outputs} targets>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("data that the library uses can be neither copied nor pickled")

    def _names(self, function: Any, count: int) -> list[str] | None:
        names = [function(self.handle, j) for j in range(count)]
        return None if not names or None in names else [name.decode(errors="replace") for name in names]


def open_table(path: str | os.PathLike[str], reader: Any, world: World | None = None) -> Table:
    """Read a file with the settings of a reader, together with the other processes if there is a world."""
    handle = C.c_void_p()
    here = (c_path(path), C.byref(reader), C.byref(handle))
    if world is None:
        run(lambda: check(lib.cusgd_data_open(*here)))
    else:
        run(lambda: check(lib.cusgd_data_open_shared(world._open(), *here)))
    return Table(handle)


def _one_byte(given: str | None, name: str) -> bytes:
    """Return an ASCII character for the library. None lets the library detect it."""
    if given is None:
        return b"\0"
    if not (isinstance(given, str) and len(given) == 1 and given.isascii()) or given == "\0":
        raise UsageError(f"{name} must be one ASCII character, not {given!r}")
    return given.encode()


def reader_of_columns(
    lists: Mapping[str, str | int | Sequence[str | int]],
    single: Mapping[str, str | int | None],
    categorical: str | int | Sequence[str | int],
    missing: str,
) -> tuple[Any, list[Any]]:
    """Return a reader with the roles of the columns, and the objects that must live as long as the reader is used."""
    reader = sized(_capi.cusgd_reader)
    if missing not in MISSING:
        raise UsageError(f"missing must be one of {', '.join(MISSING)}, not {missing!r}")
    coded = [column for column in columns(categorical) if column not in ("auto", "none")]
    counts = {"targets": "target_count", "features": "feature_count", "ignore": "ignore_count"}
    kept = [put_list(reader.roles, role, counts[role], columns(given)) for role, given in lists.items()]
    kept.append(put_list(reader.encode, "categorical", "categorical_count", coded))
    for role, column in single.items():
        if column is not None:
            setattr(reader.roles, role, c_text(str(column), "column"))
    reader.encode.categorical_auto = "none" not in columns(categorical)
    reader.encode.missing = MISSING[missing]
    return reader, kept


def read_table(
    path: str | os.PathLike[str],
    *,
    target: str | int | Sequence[str | int] = (),
    features: str | int | Sequence[str | int] = (),
    ignore: str | int | Sequence[str | int] = (),
    weights: str | int | None = None,
    trials: str | int | None = None,
    offset: str | int | None = None,
    exposure: str | int | None = None,
    categorical: str | int | Sequence[str | int] = "auto",
    dates: str | int | Sequence[str | int] = (),
    date_order: str = "found",
    polynomial: int = 1,
    interactions: bool = False,
    missing: str = "auto",
    all_levels: bool = False,
    classes: bool = False,
    shares: bool = False,
    header: bool | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    skip: int | None = None,
    sparse: bool | None = None,
    threads: int | None = None,
    datasets: str | None = None,
    spill: str | os.PathLike[str] | None = None,
    world: World | None = None,
) -> Table:
    r"""Read a table (such as CSV, also compressed), or a folder or file of arrays, in the same way as ``cusgd train``.

    A model that is trained on the table stores how its columns were encoded as features. `Model.predict_table` and the command
    can therefore use the model with raw tables.

    Parameters
    ----------
    path : str or path
        The file, or "-" for standard input.
    target, features, ignore, weights, trials, offset, exposure : name or number of a column from 1, or several
        The roles of the columns. By default, the target is the last column, and the features are all columns without another
        role. With ``trials``, for losses of two classes, the target is the number of successes in so many trials. Several targets
        are then the counts of one class each.
    categorical : "auto", "none", or columns
        The columns that contain categories. Unless "none" is among them, other columns of text are categorical as well if each
        string occurs twice or more on average, there are at most 1000 different ones (a million if ``sparse`` is True), and they
        are not dates. ``notes`` lists these columns.
    dates : columns
        The columns that contain dates. Their features are the year, the month, the weekday and the days since 1970-01-01.
    date_order : {"found", "day-first", "month-first"}
        What comes first in dates such as 5/3/2024. "found" uses the only order in which all values of the column are dates.
    polynomial : int
        The highest power of the features that is added, at most 10.
    interactions : bool
        Whether to add products of different features.
    missing : {"auto", "error", "drop", "mean"}
        What to do with rows in which a value is missing. "error" fails, "drop" omits them, and "mean" replaces the value by the
        mean of the column and adds a column that indicates this. "auto" omits them if they are at most one in 20, and otherwise
        fails.
    all_levels : bool
        Whether each category has a column, which is appropriate with a penalty. Otherwise the first category is the reference.
    classes : bool
        Whether a target with two different numbers has two classes. A target of text always has classes.
    shares : bool
        Whether several targets are the shares of the classes that they name, for softmax. The sum of each row must be 1.
    header : bool, optional
        Whether the first line contains the names of the columns. By default, this is detected.
    separator : str, optional
        The character between columns, such as ";" or a tab. " " stands for any number of blanks and tabs. By default, it is
        detected.
    decimal : {".", ","}, optional
        The decimal mark. By default, it is detected.
    thousands : {",", ".", " ", "'"}, optional
        The character that may separate the thousands of numbers. By default, there is none.
    skip : int, optional
        The number of lines to skip before the header or the first row. By default, none are skipped.
    sparse : bool, optional
        Whether to store x without its zeros, which is useful for columns with many categories (up to a million each). The default
        is to do so if a column of ``categorical`` has more than 1000 categories. Sparse columns are not standardized, and some
        solvers do not support them.
    threads : int, optional
        The number of CPU threads, at least 1. By default, it is chosen. The table does not depend on it.
    datasets : str, optional
        The arrays to read from an HDF5 file, such as "x=/train/x,y=/train/y". By default, they are x, y, w, and offset or
        exposure.
    spill : str or path, optional
        A folder for arrays that are read from text and have more than 64 MiB. Each is kept in a temporary file without a name,
        which is memory-mapped. By default, all arrays are in memory.
    world : World, optional
        The processes that call this function together. Each reads a part of the text if it is not compressed, and all receive the
        whole table. By default, this process reads the file alone.

    Returns
    -------
    Table

    Examples
    --------
    >>> import os, tempfile
    >>> import cusgd
    >>> path = os.path.join(tempfile.mkdtemp(), "shirts.csv")
    >>> with open(path, "w") as file:
    ...     _ = file.write("size,color,price\n3,red,10\n4,blue,12\n6,green,18\n7,blue,18\n5,red,14\n6,green,17\n")
    >>> table = cusgd.read_table(path)
    >>> table.features
    ['size', 'color=green', 'color=red']
    >>> model = cusgd.fit(table, solver="exact")
    >>> model.predict_table(path).round(1).tolist()
    [10.0, 12.2, 17.5, 17.8, 14.0, 17.5]
    """
    reader, kept = reader_of_columns(
        {"targets": target, "features": features, "ignore": ignore},
        {"weights": weights, "trials": trials, "offset": offset, "exposure": exposure},
        categorical,
        missing,
    )
    encode = reader.encode
    encode.all_levels = all_levels
    kept.append(put_list(encode, "dates", "date_count", columns(dates)))
    if date_order not in _DATE_ORDERS:
        raise UsageError(f"date_order must be one of {', '.join(_DATE_ORDERS)}, not {date_order!r}")
    encode.date_order = _DATE_ORDERS[date_order]
    encode.polynomial, encode.interactions = polynomial, interactions
    reader.header, reader.find_classes = _HEADERS[header], classes
    if shares:
        reader.find_classes = _capi.CUSGD_CLASSES_SPLIT
    reader.dialect.separator = _one_byte(separator, "separator")
    reader.dialect.decimal = _one_byte(decimal, "decimal")
    if decimal not in (None, ".", ","):
        raise UsageError(f"decimal must be '.' or ',', not {decimal!r}")
    reader.dialect.thousands = _one_byte(thousands, "thousands")
    if thousands is not None and (thousands not in (",", ".", " ", "'") or thousands == decimal):
        raise UsageError(f"thousands must be ',', '.', ' ' or \"'\", and another mark than decimal, not {thousands!r}")
    if skip is not None and skip < 0:
        raise UsageError(f"skip is a number of lines, at least 0, not {skip}")
    encode.sparse = _SPARSE[sparse]
    if datasets is not None:
        reader.datasets = c_text(datasets, "datasets")
    reader.dialect.skip = -1 if skip == 0 else skip or 0
    if threads is not None and threads < 1:
        raise UsageError(f"threads must be at least 1, not {threads}")
    reader.threads = threads or 0
    if spill is not None:
        reader.spill = os.fsencode(spill)
    table = open_table(path, reader, world)
    del kept
    return table
