"""Exceptions and warnings."""

from __future__ import annotations

import ctypes as C
import sys
import warnings
from typing import Any

from . import _capi
from ._library import lib
from ._words import in_python_words


class CusgdError(Exception):
    """Base class of the errors of this package.

    Attributes
    ----------
    option : str or None
        The option whose value is wrong.
    row, column : int or None
        The row and the column of X to which the error refers, counted from 0. Messages count from 1: "row 10" is ``X[9]``.
    """

    option: str | None = None
    row: int | None = None
    column: int | None = None


class UsageError(CusgdError, ValueError):
    """An argument or option is invalid."""


class DataError(CusgdError, ValueError):
    """Data or a file is invalid, or a file cannot be read or written."""


class DeviceError(CusgdError, RuntimeError):
    """The device is not available, is out of memory, or has failed."""


class DivergedError(CusgdError, ValueError):
    """The loss became infinite or NaN.

    Attributes
    ----------
    model : Model or None
        The best parameters so far, if an epoch ended with a finite loss and `cusgd.fit` was called.
    """

    model: Any = None


class MismatchError(CusgdError, RuntimeError):
    """The results of two devices differ by more than rounding explains."""


class HostMemoryError(CusgdError, MemoryError):
    """The host is out of memory."""


class InterruptedCall(CusgdError, RuntimeError):
    """A call was interrupted."""


class NotConvergedError(CusgdError, RuntimeError):
    """A full-batch solver did not converge."""


class ConvergenceWarning(UserWarning):
    """The run ended before its stopping rule was met."""


def warn(message: str, category: type[Warning]) -> None:
    """Issue a warning that refers to the line outside of this package which made the call."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == __package__:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


_KINDS: dict[int, type[CusgdError]] = {
    _capi.CUSGD_ERROR_USAGE: UsageError,
    _capi.CUSGD_ERROR_DATA: DataError,
    _capi.CUSGD_ERROR_DEVICE: DeviceError,
    _capi.CUSGD_ERROR_DIVERGED: DivergedError,
    _capi.CUSGD_ERROR_MISMATCH: MismatchError,
    _capi.CUSGD_ERROR_MEMORY: HostMemoryError,
    _capi.CUSGD_ERROR_NOT_CONVERGED: NotConvergedError,
    _capi.CUSGD_ERROR_INTERRUPTED: InterruptedCall,
}


def last_error(status: int) -> CusgdError:
    """Return the exception for the last failure in the calling thread."""
    message = in_python_words(lib.cusgd_last_error().decode(errors="replace"))
    error = _KINDS.get(status, CusgdError)(message)
    info = _capi.cusgd_error(size=C.sizeof(_capi.cusgd_error))
    if lib.cusgd_last_error_info(C.byref(info)) == _capi.CUSGD_OK:
        error.option = info.option.decode().replace("-", "_") or None
        error.row = info.row - 1 if info.row > 0 else None
        error.column = info.column - 1 if info.column > 0 else None
    return error


def check(status: int) -> None:
    """Raise the exception for a status other than OK."""
    if status != _capi.CUSGD_OK:
        raise last_error(status)
