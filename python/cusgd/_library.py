"""Finds and loads libcusgd, which finds its CUDA module in the folder cusgd/ below its own folder."""

from __future__ import annotations

import ctypes as C
import os

from . import _capi

HERE = os.path.dirname(os.path.realpath(__file__))


def _path() -> str:
    """Return the path of the library, which is that of the environment variable CUSGD_LIBRARY or that of the package."""
    return os.environ.get("CUSGD_LIBRARY") or os.path.join(HERE, "lib", "libcusgd.so")


def _load() -> C.CDLL:
    path = _path()
    if not os.path.exists(path):
        raise ImportError(
            f"cusgd: {path} does not exist. Install the package by `pip install .`, or set CUSGD_LIBRARY to the path of "
            "libcusgd.so"
        )
    library = C.CDLL(path)
    library.cusgd_version_number.restype = C.c_int
    if library.cusgd_version_number() != VERSION_NUMBER:
        raise ImportError(f"cusgd: {path} is of another version of cuSGD than the Python package ({__version__})")
    _capi.declare(library)
    library.cusgd_set_option_dashes(1)  # in_python_words needs the dashes to find options in messages
    return library


__version__ = "0.1.0"
VERSION_NUMBER = 100
lib = _load()
