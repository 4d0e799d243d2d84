"""Classes by name: targets that are text."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _capi
from ._library import lib


def takes_classes(loss: Any) -> bool:
    """Tell whether a loss is one of two classes."""
    info = lib.cusgd_loss_find(str(loss).replace("_", "-").encode())
    return bool(info) and info.contents.targets == _capi.CUSGD_TARGET_CLASS


def _is_missing(value: Any) -> bool:
    return value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)


def _names(y: Any) -> np.ndarray[Any, np.dtype[Any]] | None:
    """Return targets that are text as an array of str objects; None if they are numbers."""
    values = np.asarray(y)
    if values.dtype.kind in "biufc":
        return None
    flat = values.astype(object).ravel()
    if any(map(_is_missing, flat)):
        raise ValueError("y has missing values")
    if all(isinstance(value, (numbers.Real, np.bool_)) for value in flat):
        return None
    names = np.empty(flat.shape, dtype=object)
    names[:] = [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in flat]
    return names.reshape(values.shape)


def encode(y: Any, loss: Any) -> tuple[Any, list[str] | None]:
    """Return targets as numbers, and the names of the two classes if they were text.

    Parameters
    ----------
    y : array
        Targets.
    loss : str
        Only losses of classes take text.

    Raises
    ------
    ValueError
        There are not two classes, or values are missing.
    """
    if not takes_classes(loss):
        return y, None
    names = _names(y)
    if names is None:
        return y, None
    found = sorted(set(names.ravel()))
    if len(found) != 2:
        raise ValueError(f"loss {loss} needs two classes, and y has {len(found)}: {', '.join(found[:5])}")
    return (names == found[1]).astype(np.float64), found


def _by_value(y: Any, classes: Sequence[str]) -> Any:
    """Return numbers as 0 and 1 where the classes are the text of numbers; others are targets as they are."""
    try:
        numbers_of = [float(name) for name in classes]
    except ValueError:
        return y
    values = np.asarray(y, dtype=np.float64)
    unknown = values[~np.isin(values, numbers_of)]
    if unknown.size:
        raise _unknown(sorted({f"{value:g}" for value in unknown}), classes)
    return (values == numbers_of[1]).astype(np.float64)


def _unknown(found: list[str], classes: Sequence[str]) -> ValueError:
    return ValueError(f"y has values that are no class of the model ({classes[0]}, {classes[1]}): {', '.join(found[:5])}")


def class_numbers(y: Any, classes: Sequence[str] | None) -> Any:
    """Return targets as numbers, with 0 and 1 for the names of a model's classes.

    Parameters
    ----------
    y : array
        Names of classes, or numbers: 0 and 1, or -1 and 1, but those that the classes are called if these are text of numbers.
    classes : sequence of str, or None
        The names of the two classes; None: y is left as it is.

    Raises
    ------
    ValueError
        A value is no class, or is missing.
    """
    if classes is None:
        return y
    names = _names(y)
    if names is None:
        return _by_value(y, classes)
    unknown = set(names.ravel()) - set(classes)
    if unknown:
        raise _unknown(sorted(unknown), classes)
    return (names == classes[1]).astype(np.float64)
