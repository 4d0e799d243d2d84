"""Conversion between the names and the numbers of classes."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _capi
from ._device import is_on_gpu
from ._library import lib
from ._text import c_text
from ._torch import is_tensor, readable_tensor


def takes_classes(loss: Any) -> bool:
    """Tell whether the targets of a loss are classes."""
    info = lib.cusgd_loss_find(c_text(str(loss).replace("_", "-"), "loss"))
    return bool(info) and info.contents.targets == _capi.CUSGD_TARGET_CLASS


def is_missing(value: Any) -> bool:
    """Tell whether a value is missing: None, NaN, or NA or NaT of pandas."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)


def _names(y: Any) -> np.ndarray[Any, np.dtype[Any]] | None:
    """Return targets that are text as an array of str objects, or None if they are numbers."""
    values = np.asarray(y)
    if values.dtype.kind in "biufc":
        return None
    flat = values.astype(object).ravel()
    if any(map(is_missing, flat)):
        raise ValueError("y has missing values: leave these rows out")
    if all(isinstance(value, (numbers.Real, np.bool_)) for value in flat):
        return None
    names = np.empty(flat.shape, dtype=object)
    names[:] = [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in flat]
    return names.reshape(values.shape)


def _whole_classes(y: Any) -> tuple[Any, list[str] | None]:
    """Return more than two integers, most of which occur more than once, as classes in ascending order."""
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or not len(values):
        return y, None
    numbers = values.astype(np.float64)
    found = np.unique(numbers)
    few = len(values) <= 20 or 2 * len(found) <= len(values)
    if len(found) <= 2 or not few or not np.isfinite(found).all() or (found != np.floor(found)).any():
        return y, None
    return np.searchsorted(found, numbers).astype(np.float64), [f"{value:.0f}" for value in found]


def encode(y: Any, loss: Any) -> tuple[Any, list[str] | None]:
    """Return targets as numbers, and the names of the classes if the targets are text or more than two numbers.

    Parameters
    ----------
    y : array
        The targets.
    loss : str
        The loss. Only losses of classes accept text.

    Raises
    ------
    ValueError
        There are fewer than two classes, or values are missing.
    """
    if not takes_classes(loss) or is_on_gpu(y):  # targets on a GPU are numbers, which the library copies to the host
        return y, None
    y = readable_tensor(y, "y") if is_tensor(y) and not is_on_gpu(y) else y
    names = _names(y)
    if names is None:
        return _whole_classes(y)
    found = sorted(set(names.ravel()))
    if len(found) < 2:
        raise ValueError(f"loss {loss} needs two classes, and y has {len(found)}: {', '.join(found[:5])}")
    return _numbered(names, found), found


def _numbered(names: np.ndarray[Any, np.dtype[Any]], classes: Sequence[str]) -> Any:
    """Return the numbers for names of classes, all of which must be known."""
    number = {name: float(c) for c, name in enumerate(classes)}
    flat = np.fromiter((number[name] for name in names.ravel()), dtype=np.float64, count=names.size)
    return flat.reshape(names.shape)


def _by_value(y: Any, classes: Sequence[str]) -> Any:
    """Return the numbers of the classes if their names are numbers. Otherwise return the targets as they are."""
    try:
        numbers_of = [float(name) for name in classes]
    except ValueError:
        return y
    values = np.asarray(y, dtype=np.float64)
    unknown = values[~np.isin(values, numbers_of)]
    if unknown.size:
        raise _unknown(sorted({f"{value:g}" for value in unknown}), classes)
    order = np.argsort(numbers_of)
    return order[np.searchsorted(np.asarray(numbers_of)[order], values)].astype(np.float64)


def class_labels(classes: Sequence[str] | None) -> np.ndarray[Any, np.dtype[Any]]:
    """Return the labels of the classes: integers or numbers if all names are plain text of such, and otherwise text.

    Parameters
    ----------
    classes : sequence of str, or None
        The names of the classes; None stands for 0 and 1.
    """
    for kind in (int, float):
        try:
            values = [kind(name) for name in classes or ("0", "1")]
        except ValueError:
            continue
        pairs = zip(values, classes or ("0", "1"), strict=True)
        if all(f"{value:.17g}" == name or repr(value) == name for value, name in pairs):
            return np.array(values)
    return np.array(classes)


def _unknown(found: list[str], classes: Sequence[str]) -> ValueError:
    known = ", ".join([*classes[:5], *(["..."] if len(classes) > 5 else [])])
    return ValueError(f"y has values that are no class of the model ({known}): {', '.join(found[:5])}")


def has_columns(y: Any) -> bool:
    """Tell whether targets have several columns. For losses of classes, these contain the shares of the classes."""
    shape = getattr(y, "shape", None)
    if shape is None:
        shape = np.shape(y)
    return len(shape) == 2 and shape[1] > 1


def class_numbers(y: Any, classes: Sequence[str] | None) -> Any:
    """Return targets as numbers, with 0, 1, ... for the names of the classes of a model.

    Parameters
    ----------
    y : array
        The names of the classes, or numbers. If the names of the classes are numbers, y contains these, and otherwise 0 and 1.
    classes : sequence of str, or None
        The names of the classes. With None, y is returned as it is.

    Raises
    ------
    ValueError
        A value is not a class, or is missing.
    """
    if classes is None:
        return y
    y = readable_tensor(y, "y") if is_tensor(y) and not is_on_gpu(y) else y
    names = _names(y)
    if names is None:
        return _by_value(y, classes)
    unknown = set(names.ravel()) - set(classes)
    if unknown:
        raise _unknown(sorted(unknown), classes)
    return _numbered(names, classes)
