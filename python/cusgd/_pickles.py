"""Pickles that later versions of the package can read.

A pickled state contains the number of its format and the version that wrote it. If a class gets further attributes, states of
older versions do not have them: parameters of estimators then get their defaults, and new fields of dataclasses must have a
default. If a class or function moves, its name stays in the old module as well. `python/tests/test_pickles.py` loads pickles of
earlier versions.
"""

from __future__ import annotations

from typing import Any

from ._errors import DataError
from ._library import __version__

FORMAT = 1  # increased when earlier versions cannot read the state
_FORMAT, _VERSION = "_cusgd_format", "_cusgd_version"


def stamped(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state to which the format and the version have been added."""
    return {**state, _FORMAT: FORMAT, _VERSION: __version__}


def opened(state: dict[str, Any], kind: type) -> dict[str, Any]:
    """Return the state that was passed to `stamped`.

    Raises
    ------
    DataError
        A newer version has written the state in a newer format.
    """
    state = dict(state)
    written, version = state.pop(_FORMAT, FORMAT), state.pop(_VERSION, __version__)
    if written > FORMAT:
        raise DataError(
            f"this {kind.__name__} was pickled by cusgd {version}, in format {written} of pickles, and cusgd {__version__} "
            f"reads formats up to {FORMAT}: install cusgd {version} or later to load it"
        )
    return state
