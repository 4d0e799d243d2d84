"""Tables of Apache Arrow, which are read by the PyCapsule interface without a library of Arrow.

Source: the Arrow C data interface, https://arrow.apache.org/docs/format/CDataInterface.html
"""

from __future__ import annotations

import ctypes as C
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Arrow's formats of columns of numbers, and NumPy's names for them. (The format "b" is for bits.)
_FORMATS = dict(zip("cCsSiIlLefg", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"], strict=True))


class _Schema(C.Structure):
    pass


class _Chunk(C.Structure):
    pass


class _Stream(C.Structure):
    pass


_Schema._fields_ = [
    ("format", C.c_char_p),
    ("name", C.c_char_p),
    ("metadata", C.c_void_p),
    ("flags", C.c_int64),
    ("n_children", C.c_int64),
    ("children", C.POINTER(C.POINTER(_Schema))),
    ("dictionary", C.POINTER(_Schema)),
    ("release", C.CFUNCTYPE(None, C.POINTER(_Schema))),
    ("private_data", C.c_void_p),
]
_Chunk._fields_ = [
    ("length", C.c_int64),
    ("null_count", C.c_int64),
    ("offset", C.c_int64),
    ("n_buffers", C.c_int64),
    ("n_children", C.c_int64),
    ("buffers", C.POINTER(C.c_void_p)),
    ("children", C.POINTER(C.POINTER(_Chunk))),
    ("dictionary", C.POINTER(_Chunk)),
    ("release", C.CFUNCTYPE(None, C.POINTER(_Chunk))),
    ("private_data", C.c_void_p),
]
_Stream._fields_ = [
    ("get_schema", C.CFUNCTYPE(C.c_int, C.POINTER(_Stream), C.POINTER(_Schema))),
    ("get_next", C.CFUNCTYPE(C.c_int, C.POINTER(_Stream), C.POINTER(_Chunk))),
    ("get_last_error", C.CFUNCTYPE(C.c_char_p, C.POINTER(_Stream))),
    ("release", C.CFUNCTYPE(None, C.POINTER(_Stream))),
    ("private_data", C.c_void_p),
]
_get_pointer = C.pythonapi.PyCapsule_GetPointer
_get_pointer.restype, _get_pointer.argtypes = C.c_void_p, [C.py_object, C.c_char_p]


def stream_pointer(capsule: Any) -> int:
    """Return the address of the stream in a capsule that ``__arrow_c_stream__`` has returned."""
    address: int = _get_pointer(capsule, b"arrow_array_stream")
    return address


def read_table(table: Any, name: str) -> tuple[Array, list[str]]:
    """Return the columns of a table as a matrix, and their names.

    Parameters
    ----------
    table : object
        A table with the method ``__arrow_c_stream__``.
    name : str
        The name of the table in messages.

    Returns
    -------
    matrix : ndarray of shape (rows, columns)
        The values in column-major order. The type is float32 if all columns have it, and otherwise float64.
    names : list of str
        The names of the columns.
    """
    capsule = table.__arrow_c_stream__()
    stream = C.cast(stream_pointer(capsule), C.POINTER(_Stream))
    schema = _Schema()
    _check(stream, stream.contents.get_schema(stream, C.byref(schema)))
    try:
        if schema.format != b"+s":
            raise TypeError(f"{name} is no table of Arrow, but an array (format {schema.format!r})")
        fields = [schema.children[j].contents for j in range(schema.n_children)]
        names = [(field.name or b"").decode(errors="replace") for field in fields]
        formats = [(field.format or b"").decode() for field in fields]
        encoded = [bool(field.dictionary) for field in fields]
    finally:
        schema.release(C.byref(schema))
    for column, spelled, is_encoded in zip(names, formats, encoded, strict=True):
        if is_encoded:  # the format describes the codes of the categories
            raise TypeError(f"column {column!r} of {name} is dictionary-encoded: convert its categories to numbers first")
        if spelled.startswith("t"):
            raise TypeError(f"column {column!r} of {name} has dates or durations: convert dates to numbers first")
        if spelled not in _FORMATS and spelled != "b":
            raise TypeError(f"column {column!r} of {name} is not of numbers (Arrow's format {spelled!r})")
    dtype = np.dtype(np.float32 if set(formats) == {"f"} else np.float64)
    parts: list[Array] = []
    while True:
        chunk = _Chunk()
        _check(stream, stream.contents.get_next(stream, C.byref(chunk)))
        if not chunk.release:
            break
        try:
            before = sum(len(part) for part in parts)
            parts.append(_read_chunk(chunk, list(zip(names, formats, strict=True)), dtype, (name, before)))
        finally:
            chunk.release(C.byref(chunk))
    return (np.concatenate(parts) if parts else np.empty((0, len(names)), dtype)), names


def _check(stream: Any, code: int) -> None:
    """Raise the error of the stream if the code is not 0."""
    if code:
        message = stream.contents.get_last_error(stream)
        raise OSError(code, (message or b"the table cannot be read").decode(errors="replace"))


def _read_chunk(chunk: Any, columns: list[tuple[str, str]], dtype: np.dtype[Any], where: tuple[str, int]) -> Array:
    """Return a copy of the columns of a chunk. ``where`` is the name of the table and the number of rows before the chunk."""
    table, before = where
    out = np.empty((chunk.length, len(columns)), dtype, order="F")
    for j, (name, spelled) in enumerate(columns):
        column = chunk.children[j].contents
        first, count = column.offset + chunk.offset, chunk.length
        if column.null_count and column.buffers[0]:
            known = _bits(column.buffers[0], first, count)
            if not known.all():
                raise ValueError(
                    f"column {name!r} of {table} has missing values, the first in row {before + int(np.argmin(known))}"
                )
        if count == 0:
            continue
        if spelled == "b":
            out[:, j] = _bits(column.buffers[1], first, count)
        else:
            kind = np.dtype(_FORMATS[spelled])
            values: Any = (C.c_char * ((first + count) * kind.itemsize)).from_address(column.buffers[1])
            out[:, j] = np.frombuffer(values, kind, count, first * kind.itemsize)
    return out


def _bits(address: int, first: int, count: int) -> Array:
    """Return a copy of bits as an array of bool."""
    size = (first + count + 7) // 8
    buffer: Any = (C.c_char * size).from_address(address)
    found: Array = np.unpackbits(np.frombuffer(buffer, np.uint8), bitorder="little")[first : first + count].astype(bool)
    return found
