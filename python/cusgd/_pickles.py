"""Pickles that later versions read.

A state has the number of its format and the version that wrote it. What is pickled may get further attributes, which readers must
do without where an older version wrote the state: parameters of estimators get their defaults, and new fields of dataclasses need
one. A class or function that moves leaves its name in the module where it was. `python/tests/test_pickles.py` loads those of the
versions before.
"""

from __future__ import annotations

from typing import Any

from ._errors import DataError
from ._library import __version__

FORMAT = 1  # goes up where versions before could not use the state
_FORMAT, _VERSION = "_cusgd_format", "_cusgd_version"


def stamped(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state with its format and version."""
    return {**state, _FORMAT: FORMAT, _VERSION: __version__}


def opened(state: dict[str, Any], kind: type) -> dict[str, Any]:
    """Return what a state had before `stamped`, or say why this version cannot use it.

    Raises
    ------
    DataError
        A newer version wrote it, in a newer format.
    """
    state = dict(state)
    written, version = state.pop(_FORMAT, FORMAT), state.pop(_VERSION, __version__)
    if written > FORMAT:
        raise DataError(
            f"this {kind.__name__} was pickled by cusgd {version}, in format {written} of pickles, and cusgd {__version__} "
            f"reads formats up to {FORMAT}: install cusgd {version} or later to load it"
        )
    return state
