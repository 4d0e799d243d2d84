#!/usr/bin/env python3
"""Write docs/c-api.md, the reference of the C API, from the public headers.

usage: make_c_api.py [--check]

A comment and the declarations below it, up to the next empty line or comment at the line's start, are one entry, whose heading
is the names that it declares. With ``--check`` nothing is written; the exit status is 1 if the page is not what the headers say.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADERS = (
    "cusgd.h",
    "cusgd_base.h",
    "cusgd_data.h",
    "cusgd_model.h",
    "cusgd_train.h",
    "cusgd_tools.h",
    "cusgd_expression.h",
    "cusgd_world.h",
)
PAGE = ROOT / "docs" / "c-api.md"
INTRODUCTION = """# C API

Written by scripts/make_c_api.py from the comments of the public headers. [cusgd.h](../include/cusgd.h) includes them all but
[cusgd_tools.h](../include/cusgd_tools.h), [cusgd_expression.h](../include/cusgd_expression.h) and
[cusgd_world.h](../include/cusgd_world.h).
[Using the library from C](c-guide.md) has a complete program.
"""
SECTION = re.compile(r"/\* ---- (.*?) -+ \*/")
DECLARED = re.compile(
    r"\b(cusgd_\w+)\s*\((?!\*)|^\} (cusgd_\w+);|^typedef (?:struct|enum) (cusgd_\w+) |\(\*(cusgd_\w+)\)|^#define (CUSGD_\w+)"
)


def prose(line: str) -> str:
    """Return a line of a comment as Markdown, with the names of the API as code."""
    pieces = re.split(r"(`[^`]*`|\b(?:cusgd|CUSGD)_\w+(?:\(\)|\.h)?)", line)
    for i, piece in enumerate(pieces):
        if i % 2 == 0:
            pieces[i] = re.sub(r"([<|*_])", r"\\\1", piece)
        elif not piece.startswith("`"):
            pieces[i] = f"`{piece}`"
    return "".join(pieces)


def comment_text(lines: list[str]) -> str:
    """Return the text of a block comment as Markdown; what is indented there stays a block of its own."""
    text = "\n".join(lines).strip()
    text = re.sub(r"^/\*\s?|\s*\*/$", "", text)
    out = []
    for line in text.splitlines():
        line = re.sub(r"^ \* ?", "", line)
        out.append(line if line.startswith("    ") else prose(line))
    return "\n".join(out).strip("\n")


def names_of(code: list[str]) -> list[str]:
    """Return the names that a group of declarations declares, each once."""
    found: list[str] = []
    depth = 0
    for line in code:
        if depth == 0 or line.startswith("}"):
            for groups in DECLARED.findall(line):
                found += [name for name in groups if name and name not in found]
        depth += line.count("{") - line.count("}")
    return found


def body(text: str) -> list[str]:
    """Return a header's lines between its C++ guards, without preprocessor conditionals."""
    if 'extern "C" {' not in text:
        return []  # it only includes others
    start = text.index('extern "C" {')
    start = text.index("#endif", start) if "#endif" in text[start:] else start
    end = text.rindex("#ifdef __cplusplus")
    return text[start:end].splitlines()[1:]


def entry(comment: list[str], code: list[str]) -> str:
    """Return one entry: a heading, the comment and the declarations."""
    declarations = [re.sub(r"^CUSGD_API ", "", line) for line in code]
    heading = ", ".join(f"`{name}`" for name in names_of(code))
    parts = [f"### {heading}\n"] if heading else []
    if comment:
        parts.append(comment_text(comment) + "\n")
    return "\n".join([*parts, "```c", *declarations, "```", ""])


def sections(lines: list[str]) -> list[str]:
    """Return the header's entries, under the headings of its sections."""
    out: list[str] = []
    comment: list[str] = []
    code: list[str] = []
    depth = 0
    in_comment = False

    def finish() -> None:
        if code and names_of(code) != ["CUSGD_API"]:
            out.append(entry(comment, code))
        comment.clear()
        code.clear()

    for line in lines:
        section = SECTION.fullmatch(line)
        if in_comment or (line.startswith("/*") and depth == 0 and not section):
            if not in_comment:
                finish()
            comment.append(line)
            in_comment = "*/" not in line
        elif section:
            finish()
            out.append(f"## {section.group(1)}\n")
        elif not line.strip() and depth == 0:
            finish()
        elif not (depth == 0 and re.match(r"#(if|else|endif)", line)):
            code.append(line)
            depth += line.count("{") - line.count("}")
    finish()
    return out


def page() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION]
    for name in HEADERS:
        text = (ROOT / "include" / name).read_text()
        first = text[: text.index("*/") + 2].splitlines()
        parts.append(f"## {name}\n\n{comment_text(first)}\n")
        parts += sections(body(text))
    return "\n".join(parts)


def main() -> None:
    """Write the page, or compare it."""
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit("usage: make_c_api.py [--check]")
    text = page()
    if not sys.argv[1:]:
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        sys.exit("docs/c-api.md is not what the headers say: run scripts/make_c_api.py")


if __name__ == "__main__":
    main()
