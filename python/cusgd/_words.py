"""Converts the library's messages, which name options as the command does, to the names and values of Python."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from . import _capi
from ._library import lib

# Replacements for the names of options while a function runs inside `words`
_vocabulary: ContextVar[Mapping[str, str] | None] = ContextVar("vocabulary", default=None)
# Options of the command that take yes or no, and are parameters of read_table with the values True and False
_YES_OR_NO = {"header", "sparse"}
# Other options that take one of a few words
_WORDS = {
    "missing": ("auto", "error", "drop", "mean"),
    "date-order": ("found", "day-first", "month-first"),
    "decimal": ("point", "comma"),
    "separator": ("comma", "semicolon", "tab", "blank", "pipe"),
    "thousands": ("comma", "point", "blank", "apostrophe"),
    "categorical": ("auto", "none"),
    "device": ("auto", "cpu", "cuda"),
}
# Options that take columns
_COLUMNS = ("features", "ignore", "categorical", "date", "target")
# Text that Python expresses in another way
_OTHERWISE = {
    "cusgd_trainer_fit": "Trainer.fit",
    "l1-ratio": "l1_ratio",
    "give --sparse no, or an array that is dense": "give dense rows (X.toarray(), or read_table(..., sparse=False))",
    "name its column by --offset, or --exposure, or put offset.npy or exposure.npy next to x.npy": "pass offset or exposure",
    "--no-standardize": "standardize=False",
}
_NUMBER = re.compile(r"[0-9.]+(?:e-?[0-9]+)?")


@contextmanager
def words(vocabulary: Mapping[str, str]) -> Iterator[None]:
    """Replace parts of the library's messages inside a ``with`` block. ``vocabulary`` maps each part to its replacement."""
    token = _vocabulary.set(vocabulary)
    try:
        yield
    finally:
        _vocabulary.reset(token)


@cache
def _options() -> dict[str, tuple[int, tuple[str, ...]]]:
    """Return the type and the choices of each option, for its name and its alias."""
    found: dict[str, tuple[int, tuple[str, ...]]] = {}
    index = 0
    while entry := lib.cusgd_option_at(index):
        option = entry.contents
        choices: list[str] = []
        while option.choices and option.choices[len(choices)]:
            choices.append(option.choices[len(choices)].decode())
        for name in (option.name, option.alias):
            if name:
                found[name.decode()] = (option.type, tuple(choices))
        index += 1
    return found


@cache
def _with_hyphen() -> re.Pattern[str]:
    """Return a pattern that matches names of options that contain a hyphen and are written without leading dashes."""
    names = sorted((name for name in _options() if "-" in name), key=len, reverse=True)
    return re.compile(r"(?<![\w-])(" + "|".join(map(re.escape, names)) + r")(?![\w-])")


def _value(name: str, word: str) -> str | None:
    """Return the Python form of the word after an option, or None if the word is not a value of the option."""
    kind, choices = _options().get(name, (None, ()))
    if name in _YES_OR_NO and word in ("yes", "no"):
        return str(word == "yes")
    if word in choices or word in _WORDS.get(name, ()):
        return f'"{word}"'
    takes_number = kind in (_capi.CUSGD_OPTION_WHOLE, _capi.CUSGD_OPTION_NUMBER, _capi.CUSGD_OPTION_SEED) or name == "polynomial"
    if takes_number and _NUMBER.fullmatch(word):
        return word
    return f'"{word}"' if name == "memory" and re.fullmatch(r"[0-9]+[KMGT]", word) else None


def _spelled(name: str) -> str:
    """Return the keyword for the name of an option. A negated option becomes the keyword with the value False."""
    if name.startswith("no-") and name in _options():
        return f"{name[3:].replace('-', '_')}=False"
    return {"date": "dates", "dataset": "datasets"}.get(name, name.replace("-", "_"))


def _with_value(match: re.Match[str]) -> str:
    name, word = match.groups(default="")
    value = _value(name, word)
    return f"{_spelled(name)} {word}".rstrip() if value is None else f"{_spelled(name)}={value}"


def _columns(match: re.Match[str]) -> str:
    if _value(*match.groups()):
        return _with_value(match)
    names = [name if name.isdigit() else f'"{name}"' for name in match.group(2).split(",")]
    return f"{_spelled(match.group(1))}={names[0] if len(names) == 1 else '[' + ', '.join(names) + ']'}"


def in_python_words(message: str) -> str:
    """Convert options in a message to the syntax of Python: ``--sampling permute`` becomes ``sampling="permute"``."""
    vocabulary = {**_OTHERWISE, **(_vocabulary.get() or {})}
    pattern = "|".join(map(re.escape, sorted(vocabulary, key=len, reverse=True)))
    message = re.sub(rf"(?<![\w-])(?:{pattern})(?![\w-])", lambda match: vocabulary[match.group()], message)
    columns = rf"--({'|'.join(_COLUMNS)}) (\w+(?:,\w+)*)(?=$|[;)]| --|, or)"
    message = re.sub(
        columns, lambda match: _with_value(match) if match.group(2) in ("auto", "none") else _columns(match), message
    )
    message = re.sub(r"(?<![\w-])--([a-z][a-z0-9-]*)(?: ([\w.+-]*\w))?", _with_value, message)
    return _with_hyphen().sub(lambda match: _spelled(match.group(1)), message)
