"""Conversion of the caller's arrays to data of the library."""

from __future__ import annotations

import ctypes as C
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _capi
from ._arrow import read_table
from ._dates import refuse_dates
from ._device import DeviceArray, device_array, is_on_gpu
from ._errors import DataError, check
from ._frames import text_column
from ._library import lib
from ._results import sized
from ._run import run
from ._text import c_text
from ._torch import is_tensor, readable_tensor

Array = NDArray[Any]
_TYPES = {np.dtype(np.float32): _capi.CUSGD_TYPE_FLOAT32, np.dtype(np.float64): _capi.CUSGD_TYPE_FLOAT64}


def is_sparse(values: Any) -> bool:
    """Tell whether values are a sparse matrix or array of SciPy."""
    return hasattr(values, "tocsr") and hasattr(values, "nnz")


def readable(values: Any, name: str, *, are_classes: bool = False, may_be_sparse: bool = False) -> Any:
    """Return values in a form that NumPy reads correctly, without a copy if possible.

    Lazy frames, arrays on a GPU, sparse matrices (unless ``may_be_sparse``) and dates (unless ``are_classes``) raise an error.
    Arrays that support only ``__dlpack__`` are used in place. Tables that support only ``__arrow_c_stream__`` of Arrow are
    copied.
    """
    if type(values) is np.ndarray and values.dtype.kind in "biuf":  # the checks below take a tenth of the time to predict a row
        return values
    if is_tensor(values) and not is_on_gpu(values):
        values = readable_tensor(values, name)
    if hasattr(values, "collect") and hasattr(values, "collect_schema"):
        raise TypeError(f"{name} is a LazyFrame of polars, whose rows have not been computed: pass {name}.collect()")
    if is_sparse(values):
        if may_be_sparse:
            return values
        raise TypeError(f"{name} is sparse: here it must be dense ({name}.toarray())")
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{name} has masked values: leave these rows out, or fill them ({name}.filled(0.0), for example)")
    if not are_classes:
        refuse_dates(values, name)
    if isinstance(values, (np.ndarray, list, tuple)):
        return values
    if is_on_gpu(values):
        raise TypeError(
            f"{name} is on a GPU: pass a copy on the host ({name}.cpu() in PyTorch, {name}.get() in CuPy, jax.device_get({name}))"
        )
    if hasattr(values, "__array__") or hasattr(values, "__array_interface__"):
        return values
    if hasattr(values, "__dlpack__"):
        return np.from_dlpack(values)
    if hasattr(values, "__arrow_c_stream__"):
        return read_table(values, name)[0]
    return values


def as_numbers(values: Any, name: str) -> Array:
    """Return an array of float32 or float64 in native byte order, without a copy if the values have this form."""
    array = np.asarray(readable(values, name))
    refuse_dates(array, name)
    if array.dtype.kind == "c":
        raise TypeError(f"{name} is complex: cuSGD needs real numbers")
    if array.dtype not in _TYPES:
        try:
            array = _floats(array)
        except (TypeError, ValueError) as error:
            hint = '; a loss of classes takes names (loss="logistic")' if name == "y" else ""
            reason = text_column(values, name) or f"{name} cannot be converted to numbers: {error}{hint}"
            raise TypeError(reason) from None
    if not array.flags.aligned or any(stride % array.itemsize for stride in array.strides):
        array = array.copy()
    return array


def _floats(array: Array) -> Array:
    """Return an array of float64. Missing values of pandas become NaN, which the library reports by row and column."""
    if array.dtype.kind == "O":
        array = np.where([type(value).__name__ == "NAType" for value in array.ravel()], np.nan, array.ravel()).reshape(
            array.shape
        )
    return array.astype(np.float64)


def as_csr(values: Any) -> Any:
    """Return a CSR matrix with ascending column indices of 32 or 64 bits, without a copy if the matrix has this form."""
    matrix = values.tocsr()
    if matrix.dtype.kind == "c":
        raise TypeError("X is complex: cuSGD needs real numbers")
    if matrix.dtype not in _TYPES:
        matrix = matrix.astype(np.float64)
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    return matrix


def csr(matrix: Any) -> tuple[_capi.cusgd_csr, tuple[Array, ...]]:
    """Return the library's description of a CSR matrix, and the arrays to which it points."""
    start = np.ascontiguousarray(matrix.indptr, dtype=np.int64)
    wide = matrix.indices.dtype != np.int32
    column = np.ascontiguousarray(matrix.indices, dtype=np.int64 if wide else np.int32)
    value = np.ascontiguousarray(matrix.data)
    pointer = start.ctypes.data_as(C.POINTER(C.c_int64))
    return _capi.cusgd_csr(pointer, column.ctypes.data, value.ctypes.data, _TYPES[value.dtype], int(wide)), (start, column, value)


def as_features(values: Any, name: str = "X") -> Array:
    """Return a matrix of numbers, or raise an error if there are not two dimensions."""
    array = as_numbers(values, name)
    if array.ndim != 2:
        raise ValueError(f"{name} must have 2 dimensions (rows, columns), and has {array.ndim}")
    return array


def as_vector(values: Any, rows: int, name: str) -> Array:
    """Return a vector with one number per row."""
    array = as_numbers(values, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (rows,):
        raise ValueError(f"{name} must have the shape ({rows},), and has {array.shape}")
    return array


def _is_arrow_table(values: Any) -> bool:
    """Tell whether values are a table of pyarrow."""
    return hasattr(type(values), "column_names")


def column_names(values: Any) -> list[str] | None:
    """Return the names of the columns of a data frame or table if all are strings, or None."""
    columns = getattr(values, "column_names" if _is_arrow_table(values) else "columns", None)
    if columns is None or callable(columns):
        return None
    names = list(columns)
    return names if names and all(isinstance(name, str) for name in names) else None


def in_order(X: Any, known: Sequence[str] | None) -> Any:
    """Return X with the known columns, selected by name and in their order. X without column names is returned as it is."""
    names = column_names(X)
    if names is None or known is None or names == list(known):
        return X
    missing = [name for name in known if name not in names]
    if missing:
        raise ValueError(f"X lacks columns of the model: {', '.join(missing[:10])}")
    return X.select(list(known)) if _is_arrow_table(X) else X[list(known)]


def matrix(array: Array | DeviceArray | None) -> _capi.cusgd_matrix:
    """Return the library's description of an array of one or two dimensions, or of no array for None."""
    if array is None:
        return _capi.cusgd_matrix(None, _capi.CUSGD_TYPE_FLOAT64, 0, 0)
    if isinstance(array, DeviceArray):
        return _capi.cusgd_matrix(
            array.address, _TYPES[array.dtype], array.strides[0], array.strides[1] if array.ndim == 2 else 1
        )
    strides = [stride // array.itemsize for stride in array.strides]
    return _capi.cusgd_matrix(array.ctypes.data, _TYPES[array.dtype], strides[0], strides[1] if array.ndim == 2 else 1)


def _mapped_file(array: Array | DeviceArray | None) -> np.memmap[Any, Any] | None:
    """Return the memory-mapped file that contains an array, or None if there is none or it has no name."""
    base: Any = array
    found = None
    while base is not None:
        if isinstance(base, np.memmap) and base.filename is not None:
            found = base
        base = getattr(base, "base", None)
    return found


def text_array(names: Sequence[str] | None, what: str) -> Any:
    """Return names as an array of C strings, or None for None. ``what`` is the word for one of them in messages."""
    if names is None:
        return None
    return (C.c_char_p * len(names))(*[c_text(name, what) for name in names])


class Data:
    """The library's data for rows in the caller's memory. It keeps the arrays alive.

    Parameters
    ----------
    x : array of shape (n, d), or CSR matrix from as_csr()
        The rows. If x is on a GPU (a DeviceArray), y and weights may be on it as well.
    y : array of shape (n,) or (n, k), or None
    weights, offset, exposure : array of shape (n,), or None
    """

    def __init__(
        self,
        x: Array | DeviceArray,
        y: Array | DeviceArray | None = None,
        weights: Array | DeviceArray | None = None,
        offset: Array | None = None,
        exposure: Array | None = None,
    ) -> None:
        self.handle = C.c_void_p()
        self.arrays = (x, y, weights, offset, exposure)
        self.rows: int = x.shape[0]
        self.cols: int = x.shape[1]
        self.outputs = 0 if y is None else 1 if y.ndim == 1 else y.shape[1]
        if y is not None and y.shape[0] != self.rows:
            raise ValueError(f"X has {self.rows} rows, and y has {y.shape[0]}")
        if offset is not None and exposure is not None:
            raise ValueError("offset and exposure cannot both be given")
        if is_sparse(x):
            features, self.stored = csr(x)
            sizes = (self.rows, self.cols, self.outputs)
            run(lambda: check(lib.cusgd_data_wrap_csr(*sizes, features, matrix(y), matrix(weights), C.byref(self.handle))))
        else:
            self._wrap(x, y, weights)
        for array in self.arrays:
            self._watch(_mapped_file(array))
        if offset is not None:
            check(lib.cusgd_data_set_offset(self.handle, _capi.CUSGD_OFFSET_LINEAR, matrix(offset)))
        if exposure is not None:
            run(lambda: check(lib.cusgd_data_set_offset(self.handle, _capi.CUSGD_OFFSET_EXPOSURE, matrix(exposure))))

    def _wrap(self, x: Array | DeviceArray, y: Array | DeviceArray | None, weights: Array | DeviceArray | None) -> None:
        """Create the library's data from the arrays. Arrays on a GPU must be ready on the same stream."""
        shape, matrices = (self.rows, self.cols, self.outputs), (matrix(x), matrix(y), matrix(weights))
        if not isinstance(x, DeviceArray):
            check(lib.cusgd_data_wrap(*shape, *matrices, C.byref(self.handle)))
            return
        if any(array.stream != x.stream for array in (y, weights) if isinstance(array, DeviceArray)):
            raise ValueError("X, y and sample_weight on a GPU must be ready on the same stream")
        arrays = sized(_capi.cusgd_device_arrays)
        arrays.x, arrays.y, arrays.w = matrices
        arrays.stream = x.stream or None
        run(lambda: check(lib.cusgd_data_wrap_device(*shape, C.byref(arrays), C.byref(self.handle))))

    def _watch(self, mapped: np.memmap[Any, Any] | None) -> None:
        """Watch a mapped file, so that truncating it causes an error and does not kill the process."""
        if mapped is None:
            return
        lib.cusgd_handle_faults()
        path = os.fsencode(os.path.abspath(str(mapped.filename)))
        check(lib.cusgd_data_add_file(self.handle, path, mapped.ctypes.data, mapped.nbytes, mapped.offset))

    def set_names(
        self, features: Sequence[str] | None, targets: Sequence[str] | None = None, classes: Sequence[str] | None = None
    ) -> None:
        """Set the names of the columns, targets and classes, which the model and messages use."""
        arrays = [text_array(features, "column"), text_array(targets, "target"), text_array(classes, "class")]
        pointer = C.POINTER(C.c_char_p)
        check(lib.cusgd_data_set_names(self.handle, *[C.cast(array, pointer) if array else None for array in arrays], None))

    def set_classes(self, classes: Sequence[str] | int) -> None:
        """Declare that y contains numbers of classes. ``classes`` contains their names, or is their number."""
        count = classes if isinstance(classes, int) else len(classes)
        names = None if isinstance(classes, int) else text_array(classes, "class")
        check(lib.cusgd_data_set_classes(self.handle, C.cast(names, C.POINTER(C.c_char_p)) if names else None, count))

    def classes(self) -> list[str]:
        """Return the names of the classes, or an empty list if there are none."""
        count = lib.cusgd_data_classes(self.handle)
        return [lib.cusgd_data_class(self.handle, value).decode() for value in range(count)]

    def find_classes(self) -> list[str] | None:
        """Encode a target with two different numbers as classes 0 and 1. Return their names, or None if there are not two."""
        check(lib.cusgd_data_find_classes(self.handle, None))
        names = [lib.cusgd_data_class(self.handle, value) for value in (0, 1)]
        return None if None in names else [name.decode() for name in names]

    def split_shares(self) -> None:
        """Declare that a target contains shares of class 1, or that several targets contain the shares of one class each."""
        check(lib.cusgd_data_split_targets(self.handle, 0))
        self.outputs = 1

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            lib.cusgd_data_free(self.handle)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("data that the library uses can be neither copied nor pickled")


def refuse_path(X: Any) -> None:
    """Raise an error if X is a path, which says what accepts paths."""
    if isinstance(X, (str, os.PathLike)):
        raise TypeError(
            "X is a path: to train, pass cusgd.read_table(path); predict_table and evaluate_table of a model take a path"
        )


def make_data(
    X: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    offset: Any = None,
    exposure: Any = None,
) -> Data:
    """Return data for the caller's arrays, with the names of the columns of data frames.

    If X is on a GPU, y and sample_weight may be on it as well. All other arrays are on the host.
    """
    refuse_path(X)
    on_gpu = is_on_gpu(X)
    if is_tensor(X) and not on_gpu:
        X = readable_tensor(X, "X")
    x = device_array(X, "X") if on_gpu else as_csr(X) if is_sparse(X) else as_features(X)
    if x.ndim != 2:
        raise ValueError(f"X must have 2 dimensions (rows, columns), and has {x.ndim}")
    if 0 in x.shape:
        raise DataError(f"X has no {'rows' if x.shape[0] == 0 else 'columns'}: its shape is {tuple(x.shape)}")
    rows = x.shape[0]
    targets = None if y is None else device_array(y, "y") if on_gpu and is_on_gpu(y) else as_numbers(y, "y")
    if targets is not None and targets.ndim not in (1, 2):
        raise ValueError(f"y must have 1 or 2 dimensions, and has {targets.ndim}")
    weights: Array | DeviceArray | None
    if on_gpu and is_on_gpu(sample_weight):
        weights = device_array(sample_weight, "sample_weight")
        if weights.shape != (rows,):
            raise ValueError(f"sample_weight must have the shape ({rows},), and has {weights.shape}")
    else:
        weights = None if sample_weight is None else as_vector(sample_weight, rows, "sample_weight")
    extra = [
        None if values is None else as_vector(values, rows, name) for values, name in ((offset, "offset"), (exposure, "exposure"))
    ]
    data = Data(x, targets, weights, *extra)
    data.set_names(column_names(X), column_names(y))
    return data
