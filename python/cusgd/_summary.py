"""The coefficients of a model with their standard errors, as an array and as a table."""

from __future__ import annotations

import ctypes as C
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _capi
from ._errors import check
from ._library import lib
from ._results import sized


def coefficients(handle: Any, shape: tuple[int, int], level: float) -> NDArray[np.float64]:
    """Return the coefficients of a model of shape (outputs, columns) with their statistics.

    Returns
    -------
    ndarray of shape (outputs, columns + 1, 6)
        The value, the standard error, the test statistic, the p-value and the bounds of the confidence interval of each
        coefficient and, last, of the intercept.
    """
    k, d = shape
    found = np.empty((k, d + 1, 6))
    one = sized(_capi.cusgd_coefficient)
    for output in range(k):
        for j in range(d + 1):
            check(lib.cusgd_model_coefficient(handle, output, j, level, C.byref(one)))
            found[output, j] = one.value, one.error, one.statistic, one.p_value, one.lower, one.upper
    return found


def summary(handle: Any, names: Sequence[str], outputs: Sequence[str], level: float) -> str:
    """Return a table of the coefficients of a model, with the outputs one below the other."""
    degrees = C.c_int64()
    known = bool(lib.cusgd_model_standard_errors(handle, C.byref(degrees)))
    head = f"{'':20} {'value':>12}"
    if known:
        head += f" {'error':>12} {'t' if degrees.value else 'z':>9} {'p':>9} {f'{100 * level:g} % from':>12} {'to':>12}"
    lines = []
    for output, rows in zip(outputs, coefficients(handle, (len(outputs), len(names) - 1), level), strict=True):
        if len(outputs) > 1:
            lines.append(output)
        lines.append(head)
        for name, row in zip(names, rows, strict=True):
            line = f"{name:20} {row[0]:12.6g}"
            if known:
                line += f" {row[1]:12.6g} {row[2]:9.4f} {row[3]:9.3g} {row[4]:12.6g} {row[5]:12.6g}"
            lines.append(line)
    if known and degrees.value:
        lines.append(f"t of {degrees.value} degrees of freedom")
    return "\n".join(lines)
