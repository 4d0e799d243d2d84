"""The names and types of the columns of data frames and tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


def columns(values: Any) -> Iterable[tuple[Any, Any]]:
    """Return the names and types of the columns of a data frame or table; for other values, return nothing."""
    names: Any = getattr(values, "columns", None)
    types: Any = getattr(values, "dtypes", None)
    if hasattr(type(values), "column_names"):  # a table of pyarrow
        names, types = values.schema.names, values.schema.types
    if hasattr(names, "__iter__") and hasattr(types, "__iter__"):
        return zip(names, types, strict=False)
    return ()


def text_column(values: Any, name: str) -> str | None:
    """Return a message about the first column of a data frame that contains text or categories, or None if there is none.

    Parameters
    ----------
    values : data frame, or anything else
        Values that could not be converted to numbers.
    name : str
        The name of the values in messages.
    """
    for j, (column, _) in enumerate(columns(values)):
        # Select by position if possible, because names may occur twice in pandas
        cells = np.asarray(values.iloc[:, j] if hasattr(values, "iloc") else values[column])
        for cell in cells if cells.dtype.kind in "OUST" else ():
            if isinstance(cell, (str, bytes)) and not _is_number(cell):
                return (
                    f"column {column!r} of {name} has text or categories ({str(cell)!r}): encode it as numbers "
                    "(pandas.get_dummies, sklearn.preprocessing.OneHotEncoder), or read the frame with its target by "
                    "cusgd.convert.read_arrow"
                )
    return None


def _is_number(text: str | bytes) -> bool:
    """Tell whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
