"""Conversion of data to training rows and validation rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._arrays import Data, column_names, in_order, make_data, refuse_path
from ._classes import class_numbers, encode, has_columns, takes_classes
from ._errors import UsageError
from ._table import Table


def precision_of(data: Data | Table, options: Mapping[str, Any]) -> str:
    """Return the precision of the options or, if it is not given, the precision of X."""
    given: str | None = options.get("precision")
    if given is not None:
        return given
    is_float = data.arrays[0].dtype == np.float32 or options.get("storage") == "bf16"
    return "float" if is_float else "double"


def training_data(
    X: Any,
    y: Any,
    loss: str,
    class_count: int | None = None,
    **others: Any,
) -> tuple[Data | Table, list[str] | None, list[str] | None]:
    """Return the training rows, the names of the classes and the names of the columns.

    Parameters
    ----------
    X, y
        As for `Trainer`.
    loss : str
        The loss. If it is a loss of classes, y may contain names of classes.
    class_count : int, optional
        The number of classes, if y contains the numbers of classes.
    **others
        ``sample_weight``, ``offset`` and ``exposure``.
    """
    if isinstance(X, Table):
        if y is not None or any(given is not None for given in others.values()):
            raise UsageError("a table has its targets, weights and offsets: name their columns in read_table")
        return X, X.classes, X.features
    refuse_path(X)
    if y is None:
        raise UsageError("y is missing: only a table has its targets")
    if loss == "softmax" and has_columns(y):
        data = make_data(X, y, **others)
        if names := column_names(y):
            data.set_names(None, names)
        data.split_shares()
        return data, data.classes(), column_names(X)
    if class_count is None:
        y, classes = encode(y, loss)
    else:  # y contains numbers of classes, some of which may not occur
        classes = [str(c) for c in range(class_count)]
    data = make_data(X, y, **others)
    if classes:
        data.set_classes(classes) if data.outputs == 1 else data.set_names(None, None, classes)
    elif takes_classes(loss):
        classes = data.find_classes()
    return data, classes, column_names(X)


def validation_data(
    valid: tuple[Any, ...] | None, loss: str, classes: list[str] | None, features: list[str] | None
) -> Data | None:
    """Return the validation rows, with the columns and classes of the training rows."""
    if valid is None:
        return None
    if len(valid) not in (2, 3):
        raise ValueError("valid must be (X, y) or (X, y, sample_weight)")
    X, are_shares = in_order(valid[0], features), loss == "softmax" and has_columns(valid[1])
    y = valid[1] if are_shares else class_numbers(valid[1], classes)
    data = make_data(X, y, sample_weight=valid[2] if len(valid) == 3 else None)
    if are_shares or (not classes and takes_classes(loss) and data.outputs == 1):
        data.split_shares()
    return data
