#!/usr/bin/env python3
"""Run the programs in the Python pages of the documentation.

usage: python_docs.py [--write] [PAGE...]     --write: also replaces the pictures in docs/python

The blocks of code of a section are one program: those of a page with one program, or of each heading of docs/python-examples.md.
A program whose import fails for a package that is not installed is named, and not run.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = ["python-from-sklearn.md", "python-from-statsmodels.md", "python-from-pytorch.md", "python-examples.md"]
OPTIONAL = {"torch", "statsmodels", "matplotlib", "sklearn", "pandas"}


def programs(page: str) -> list[str]:
    """Return the programs of a page."""
    text = (DOCS / page).read_text()
    sections = re.split(r"^## ", text, flags=re.MULTILINE) if page == "python-examples.md" else [text]
    found = ["\n".join(re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)) for section in sections]
    return [program for program in found if program]


def run(page: str, folder: Path) -> list[str]:
    """Run the programs of a page in a folder, and return the names of packages that were missing."""
    missing = []
    os.environ.setdefault("MPLBACKEND", "Agg")
    os.chdir(folder)
    for program in programs(page):
        try:
            exec(compile(program, page, "exec"), {"__name__": page})
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] not in OPTIONAL:
                raise
            missing.append(error.name or "")
    return missing


def main() -> None:
    """Run the pages that are named, or all."""
    arguments = sys.argv[1:]
    write = "--write" in arguments
    for page in [argument for argument in arguments if argument != "--write"] or PAGES:
        with tempfile.TemporaryDirectory() as folder:
            missing = run(page, Path(folder))
            print(f"{page}: {'runs' if not missing else 'not run to its end without ' + ', '.join(missing)}")
            for picture in Path(folder).glob("*.png") if write else []:
                shutil.copy(picture, DOCS / "python" / picture.name)


if __name__ == "__main__":
    main()
