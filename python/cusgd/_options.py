"""Options of training, given as keyword arguments."""

from __future__ import annotations

import ctypes as C
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from . import _capi
from ._errors import UsageError, check
from ._library import lib
from ._text import c_text


class Options(Mapping[str, Any]):
    """The options of a run, as a mapping from names to values.

    The values are numbers, strings or booleans. A value is None if the library chooses it; the options of a trainer contain the
    values that were chosen.
    """

    def __init__(self, handle: C.c_void_p) -> None:
        self.handle = handle

    @classmethod
    def copy_of(cls, handle: Any) -> Options:
        """Return a copy of the library's options, which is independent of their owner.

        Parameters
        ----------
        handle : pointer
            The options of the library.

        Returns
        -------
        Options
        """
        copy = C.c_void_p()
        check(lib.cusgd_options_copy(handle, C.byref(copy)))
        return cls(copy)

    def __copy__(self) -> Options:
        return Options.copy_of(self.handle)

    def __deepcopy__(self, memo: Any) -> Options:
        return Options.copy_of(self.handle)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("options cannot be pickled: dict(options) can")

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
        if getattr(self, "handle", None):
            lib.cusgd_options_free(self.handle)


_entries: dict[str, Any] = {}


def _table() -> dict[str, Any]:
    """Return the options of the library by their names in Python."""
    if not _entries:
        index = 0
        while entry := lib.cusgd_option_at(index):
            _entries[entry.contents.name.decode().replace("-", "_")] = entry.contents
            index += 1
    return _entries


def _value(text: str, entry: Any) -> Any:
    """Return the Python value that the text of an option stands for."""
    if text == "auto" and entry.takes_auto:
        return None
    if entry.type == _capi.CUSGD_OPTION_FLAG:
        return text == "true"
    if entry.type in (_capi.CUSGD_OPTION_WHOLE, _capi.CUSGD_OPTION_SEED):
        return int(text) if text.lstrip("-").isdigit() else text
    if entry.type == _capi.CUSGD_OPTION_NUMBER:
        try:
            return float(text)
        except ValueError:
            return text
    return text


def option_table() -> dict[str, dict[str, Any]]:
    """Return the help, default, range and choices of each option.

    Returns
    -------
    dict
        For each name of an option, a dict with ``help``, ``default`` (str or None), ``choices`` (list or None), ``min`` and
        ``max``.
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


# Names that scikit-learn and PyTorch use for some options, for messages
_OTHER_NAMES = {
    "alpha": "l2",
    "batch_size": "batch",
    "constants": "constant",
    "eta0": "rate",
    "fit_intercept": "intercept",
    "learning_rate": "rate",
    "lr": "rate",
    "max_iter": "epochs",
    "n_iter_no_change": "patience",
    "n_jobs": "threads",
    "random_state": "seed",
    "tol": "tolerance",
}
# Options of the command that concern files and the terminal, and their counterparts in Python, for messages
_OF_THE_COMMAND = {
    "C": "l2 is 1 / (C rows)",
    "categorical": "cusgd.read_table(path, categorical=...) reads a table as the command does",
    "class_weight": "pass each row's weight as sample_weight, or use an estimator of cusgd.linear_model, which has class_weight",
    "dates": "cusgd.read_table(path, dates=...) reads a table as the command does",
    "date": "cusgd.read_table(path, dates=...) reads a table as the command does",
    "features": "pass the columns of X that are wanted, or cusgd.read_table(path, features=...)",
    "header": "cusgd.read_table(path, header=...) reads a table as the command does",
    "history": "pass callback=cusgd.callbacks.JsonLines(path), or use the model's history",
    "ignore": "pass X without these columns, or cusgd.read_table(path, ignore=...)",
    "init": "cusgd.Trainer has set_coefficients, and the estimators of cusgd.linear_model warm_start",
    "missing": "cusgd.read_table(path, missing=...) reads a table as the command does",
    "model": "fit returns the model, which has save(path)",
    "online": "cusgd.Trainer has partial_fit, and so have SGDRegressor and SGDClassifier",
    "plot": "cusgd.plot draws the loss by epoch of a model",
    "polynomial": "cusgd.read_table(path, polynomial=...) reads a table as the command does",
    "quiet": "nothing is printed unless progress=True",
    "sparse": "pass a matrix of scipy.sparse, or cusgd.read_table(path, sparse=...)",
    "target": "pass the target as y, or cusgd.read_table(path, target=...)",
    "weights": "pass sample_weight, or cusgd.read_table(path, weights=...)",
}
_OTHER_LOSSES = {"squared_error": "squared", "log_loss": "logistic", "pinball": "quantile"}


def _hint(name: str, value: Any) -> str | None:
    """Return a message that says how an unknown option or loss is called in cuSGD, or None."""
    if name in _OTHER_NAMES:
        return f"there is no option {name}: it is called {_OTHER_NAMES[name]}"
    if name in _OF_THE_COMMAND:
        return f"there is no option {name}: {_OF_THE_COMMAND[name]}"
    if name == "loss" and str(value) in _OTHER_LOSSES:
        return f"there is no loss {value!r}: it is called {_OTHER_LOSSES[value]!r}"
    return None


def _text(entry: Any, value: Any) -> str:
    """Return a value as text for the library. Names may contain underscores in place of hyphens."""
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    text = str(value)
    is_name = entry is not None and entry.type == _capi.CUSGD_OPTION_NAME
    return text.replace("_", "-") if is_name else text


def _set(handle: C.c_void_p, name: str, value: Any) -> None:
    """Set one option."""
    name = name.replace("-", "_")
    if name in ("penalty_factors", "l1_factors", "l2_factors", "column_means", "column_scales"):
        numbers = np.ascontiguousarray(value, dtype=np.float64)
        pointer = numbers.ctypes.data_as(C.POINTER(C.c_double))
        check(lib.cusgd_options_set_array(handle, name.replace("_", "-").encode(), pointer, numbers.size))
        return
    if name == "constants" and not isinstance(value, Mapping):
        raise UsageError(f"constants must be a mapping of names to numbers, as {{'c': 2}}, not {value!r}")
    if name in ("constant", "constants") and isinstance(value, Mapping):
        for constant, number in value.items():
            if not str(constant).isidentifier():
                raise UsageError(f"constants: {constant!r} cannot be the name of a constant")
            check(lib.cusgd_options_set(handle, b"constant", c_text(f"{constant}={float(number)!r}", "constants:")))
        return
    entry = _table().get(name)
    positive = _table().get(name.removeprefix("no_"))
    if entry is None and positive is not None and positive.type == _capi.CUSGD_OPTION_FLAG:
        raise UsageError(f"there is no option {name}: set {name[3:]}=False")
    if hint := _hint(name, value):
        raise UsageError(hint)
    if isinstance(value, (bool, np.bool_)):
        if entry is None or entry.type != _capi.CUSGD_OPTION_FLAG:
            raise UsageError(f"{name}={value}: this option is not a flag" if entry else f"there is no option {name}")
        check(lib.cusgd_options_set_number(handle, entry.name, float(value)))
        return
    check(lib.cusgd_options_set(handle, c_text(name.replace("_", "-"), "option"), c_text(_text(entry, value), f"{name}:")))


def make_options(options: Mapping[str, Any]) -> Options:
    """Return the options for keyword arguments. An argument of None leaves the option at its default."""
    if options.get("loss_expr") is not None and options.get("loss") not in (None, "expression"):
        raise UsageError("loss and loss_expr are one choice: give one of them")
    handle = C.c_void_p()
    check(lib.cusgd_options_new(C.byref(handle)))
    made = Options(handle)
    for name, value in options.items():
        if value is not None:
            _set(handle, name, value)
    check(lib.cusgd_options_check(handle))
    return made
