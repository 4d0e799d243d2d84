"""Detection of dates and durations, which NumPy would silently convert to integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._frames import columns

_ARROW_NAMES = ("date", "time", "duration")  # the names of Arrow's types begin with these: date32, time64, timestamp, ...


def _is_time(dtype: Any) -> bool:
    """Tell whether a type of NumPy, pandas, polars or pyarrow is a type of dates or durations."""
    if hasattr(dtype, "is_temporal"):  # of polars
        return bool(dtype.is_temporal())
    return getattr(dtype, "kind", "") in ("M", "m") or (hasattr(dtype, "bit_width") and str(dtype).startswith(_ARROW_NAMES))


def _has_times(value: Any) -> bool:
    """Tell whether a value is a date or duration of NumPy, or a list or array that contains one."""
    if isinstance(value, (list, tuple)):
        return any(map(_has_times, value))
    if isinstance(value, np.ndarray):
        return _is_time(value.dtype) or (value.dtype.kind == "O" and any(map(_has_times, value.ravel())))
    return isinstance(value, (np.datetime64, np.timedelta64))


def refuse_dates(values: Any, name: str) -> None:
    """Raise an error if values contain dates or durations.

    Parameters
    ----------
    values : array, list, data frame or table
        The values.
    name : str
        The name of the values in messages.

    Raises
    ------
    TypeError
        There are dates or durations. The message names the column of a data frame or table.
    """
    for column, dtype in columns(values):
        if _is_time(dtype):
            raise TypeError(f"column {column!r} of {name} has dates or durations ({dtype}): convert dates to numbers first")
    if _has_times(values) or _is_time(getattr(values, "dtype", None)):
        raise TypeError(f"{name} has dates or durations: convert dates to numbers first")
