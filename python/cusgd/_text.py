"""Conversion of strings and paths to bytes for the library."""

from __future__ import annotations

import os

from ._errors import UsageError


def c_text(text: str, what: str) -> bytes:
    """Return a string in UTF-8.

    Parameters
    ----------
    text : str
        A name or a value.
    what : str
        The word for it in messages.

    Raises
    ------
    UsageError
        The text has a NUL character, at which the library would cut it, or a surrogate, which UTF-8 cannot express.
    """
    if "\0" in text:
        raise UsageError(f"{what} {text!r} has a NUL character")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{what} {text!r} has a surrogate (half of a character), which UTF-8 cannot express") from None


def c_path(path: str | os.PathLike[str]) -> bytes:
    """Return the name of a file in the encoding of the file system. It must not contain a NUL character."""
    name = os.fsencode(path)
    if b"\0" in name:
        raise UsageError(f"the file name {os.fspath(path)!r} has a NUL character")
    return name
