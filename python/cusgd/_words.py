"""The library's messages in the words of Python: it names options as the command does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from . import _capi
from ._library import lib

# What options are called where a caller's have other names, for as long as `words` says so
_vocabulary: ContextVar[Mapping[str, str] | None] = ContextVar("vocabulary", default=None)
# Options of the command that are parameters of read_table, and True or False there
_YES_OR_NO = {"header", "sparse"}
# Others, which take one of a few words
_WORDS = {
    "missing": ("auto", "error", "drop", "mean"),
    "date-order": ("found", "day-first", "month-first"),
    "decimal": ("point", "comma"),
    "separator": ("comma", "semicolon", "tab", "blank", "pipe"),
    "thousands": ("comma", "point", "blank", "apostrophe"),
    "categorical": ("auto", "none"),
    "device": ("auto", "cpu", "cuda"),
}
# and those that take columns
_COLUMNS = ("features", "ignore", "categorical", "date", "target")
# What has another name, or another way, in Python
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
    """Let messages that arise meanwhile have other words: pieces of the library's text, and what stands in their place."""
    token = _vocabulary.set(vocabulary)
    try:
        yield
    finally:
        _vocabulary.reset(token)


@cache
def _options() -> dict[str, tuple[int, tuple[str, ...]]]:
    """Return the type and the choices of each option, by all its names."""
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
    """Return a pattern for the names of options that have a hyphen, where they stand without dashes."""
    names = sorted((name for name in _options() if "-" in name), key=len, reverse=True)
    return re.compile(r"(?<![\w-])(" + "|".join(map(re.escape, names)) + r")(?![\w-])")


def _value(name: str, word: str) -> str | None:
    """Return a word behind an option as Python has it, or None if it is not the option's value."""
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
    """Return an option's name as a keyword; of a negation, the keyword with its value."""
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
    """Write options in a message as Python spells them: ``--sampling permute`` is ``sampling="permute"``."""
    vocabulary = {**_OTHERWISE, **(_vocabulary.get() or {})}
    pattern = "|".join(map(re.escape, sorted(vocabulary, key=len, reverse=True)))
    message = re.sub(rf"(?<![\w-])(?:{pattern})(?![\w-])", lambda match: vocabulary[match.group()], message)
    columns = rf"--({'|'.join(_COLUMNS)}) (\w+(?:,\w+)*)(?=$|[;)]| --|, or)"
    message = re.sub(
        columns, lambda match: _with_value(match) if match.group(2) in ("auto", "none") else _columns(match), message
    )
    message = re.sub(r"(?<![\w-])--([a-z][a-z0-9-]*)(?: ([\w.+-]*\w))?", _with_value, message)
    return _with_hyphen().sub(lambda match: _spelled(match.group(1)), message)
