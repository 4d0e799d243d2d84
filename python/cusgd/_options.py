"""Options by keyword."""

from __future__ import annotations

import ctypes as C
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from . import _capi
from ._errors import UsageError, check
from ._library import lib


class Options(Mapping[str, Any]):
    """Options of a run, by name; a trainer's have every choice made.

    Values are numbers, names, booleans, or None where the choice is open.
    """

    def __init__(self, handle: C.c_void_p, owner: Any = None) -> None:
        self.handle = handle
        self.owner = owner  # keeps what the handle belongs to alive; None: the handle is ours

    def __getitem__(self, name: str) -> Any:
        entry = _table().get(name)
        if entry is None:
            raise KeyError(name)
        text = C.create_string_buffer(_capi.CUSGD_OPTION_TEXT)
        check(lib.cusgd_options_get(self.handle, entry.name, text))
        return _value(text.value.decode(), entry)

    def __iter__(self) -> Iterator[str]:
        return iter(_table())

    def __len__(self) -> int:
        return len(_table())

    def __repr__(self) -> str:
        return f"Options({', '.join(f'{name}={value!r}' for name, value in self.items())})"

    def __del__(self) -> None:
        if self.owner is None and self.handle:
            lib.cusgd_options_free(self.handle)


def _positive(entry: Any) -> str:
    """Return the Python name of an option: a flag's positive form, underscores."""
    name: str = entry.name.decode()
    if entry.type == _capi.CUSGD_OPTION_FLAG and name.startswith("no-"):
        name = name[3:]
    return name.replace("-", "_")


_entries: dict[str, Any] = {}


def _table() -> dict[str, Any]:
    """Return the library's options by Python name."""
    if not _entries:
        index = 0
        while entry := lib.cusgd_option_at(index):
            _entries[_positive(entry.contents)] = entry.contents
            index += 1
    return _entries


def _value(text: str, entry: Any) -> Any:
    """Return an option's text as a Python value."""
    if text == "auto" and entry.takes_auto:
        return None
    if entry.type == _capi.CUSGD_OPTION_FLAG:
        return (text == "true") != entry.name.startswith(b"no-")
    if entry.type in (_capi.CUSGD_OPTION_WHOLE, _capi.CUSGD_OPTION_SEED):
        return int(text) if text.lstrip("-").isdigit() else text
    if entry.type == _capi.CUSGD_OPTION_NUMBER:
        try:
            return float(text)
        except ValueError:
            return text
    return text


def option_table() -> dict[str, dict[str, Any]]:
    """Return what there is to set: for each option its help, default, range and choices.

    Returns
    -------
    dict
        By the name of the option: a dict with ``help``, ``default`` (text), ``choices`` (list or None), ``min`` and ``max``.
    """
    table = {}
    for name, entry in _table().items():
        choices, index = [], 0
        while entry.choices and entry.choices[index]:
            choices.append(entry.choices[index].decode())
            index += 1
        table[name] = {
            "help": entry.help.decode(),
            "default": entry.default_text.decode() if entry.default_text else None,
            "choices": choices or None,
            "min": entry.min,
            "max": entry.max,
        }
    return table


def _set(handle: C.c_void_p, name: str, value: Any) -> None:
    """Set one option."""
    if name.replace("_", "-") in ("penalty-factors", "l1-factors", "l2-factors"):
        factors = np.ascontiguousarray(value, dtype=np.float64)
        pointer = factors.ctypes.data_as(C.POINTER(C.c_double))
        check(lib.cusgd_options_set_array(handle, name.replace("_", "-").encode(), pointer, factors.size))
        return
    entry = _table().get(name.replace("-", "_"))
    if isinstance(value, (bool, np.bool_)):
        if entry is None or entry.type != _capi.CUSGD_OPTION_FLAG:
            raise UsageError(f"{name}={value}: this option is not a flag" if entry else f"there is no option {name}")
        negative = entry.name.startswith(b"no-")
        check(lib.cusgd_options_set_number(handle, entry.name, float(bool(value) != negative)))
        return
    text = repr(float(value)) if isinstance(value, (float, np.floating)) else str(value)
    check(lib.cusgd_options_set(handle, name.replace("_", "-").encode(), text.encode()))


def make_options(options: Mapping[str, Any]) -> Options:
    """Return the options that keywords name; None leaves an option as it is."""
    handle = C.c_void_p()
    check(lib.cusgd_options_new(C.byref(handle)))
    made = Options(handle)
    for name, value in options.items():
        if value is not None:
            _set(handle, name, value)
    check(lib.cusgd_options_check(handle))
    return made
