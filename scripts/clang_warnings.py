#!/usr/bin/env python3
"""Print clang's warnings of every source of a build folder that is configured with clang, without making any code.

usage: clang_warnings.py BUILD_FOLDER

Clang finds its warnings before it makes code, and the kernels' templates take it fifteen times as long to make as to check.
A source that several targets compile with other definitions is checked once for each. Fails if there is a warning.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def checking_command(entry: dict[str, str]) -> list[str]:
    """Return the compile command without what names its outputs."""
    words, kept = iter(shlex.split(entry["command"])), []
    for word in words:
        if word in ("-o", "-MF", "-MT", "-MQ"):
            next(words)
        elif word not in ("-MD", "-MMD"):
            kept.append(word)
    return [*kept, "-fsyntax-only"]


def check(entry: dict[str, str]) -> tuple[str, int, str]:
    """Return the file, clang's exit status and what it printed."""
    done = subprocess.run(checking_command(entry), cwd=entry["directory"], capture_output=True, text=True)
    return entry["file"], done.returncode, done.stderr


def main() -> int:
    """Check every compilation; 1 if there is a warning."""
    entries = json.loads((Path(sys.argv[1]) / "compile_commands.json").read_text())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(check, entries))
    failures = [(file, text) for file, code, text in results if code or text]
    for file, text in failures:
        print(f"{file}:\n{text}")
    print(f"{len(results)} compilations checked, {len(failures)} with warnings or errors")
    return 1 if failures or not results else 0


if __name__ == "__main__":
    sys.exit(main())
