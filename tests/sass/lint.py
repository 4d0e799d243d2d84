#!/usr/bin/env python3
"""Lint of the machine code of the CUDA module: tests/sass/README.md.

usage: lint.py MODULE [--update] [--quiet]   MODULE: libcusgd-cuda.so, an object file, or a text by nvdisasm -c (*.sass)
       lint.py --tools                       says where the disassembler is

Status: 0; 1, what is wrong is said; 77, the disassembler is not here.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import disassembly
import figures
import page
import table
import tools

TABLE = Path(__file__).resolve().parent / "figures.txt"
PAGE = TABLE.parents[1] / "gpu/KERNELS.md"
NOT_HERE = 77


def figures_of_text(text: str) -> figures.Figures:
    """Of one kernel's text."""
    return figures.figures_of(disassembly.parse(text))


def figures_of_module(module: Path) -> tuple[dict[str, figures.Figures], str]:
    """
    Take a module apart.

    Parameters
    ----------
    module : Path

    Returns
    -------
    dict of str to figures.Figures
        By kernel.
    str
        The assembler's version.
    """
    if module.suffix == ".sass":
        texts, compiler = tools.split(module.read_text()), ""
    else:
        with tempfile.TemporaryDirectory() as folder:
            texts, compiler = tools.disassemble(module, Path(folder))
    if not texts:
        raise disassembly.Malformed(f"{module}: no kernel")
    plain = tools.plain_names(list(texts))
    largest = sorted(texts, key=lambda name: -len(texts[name]))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(largest, pool.map(figures_of_text, [texts[name] for name in largest]), strict=True))
    return {plain[name]: found[name] for name in sorted(texts, key=lambda name: plain[name])}, compiler


def main(arguments: list[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Lint of the machine code of the CUDA module.")
    parser.add_argument("module", nargs="?", type=Path)
    parser.add_argument("--update", action="store_true", help="make figures.txt and KERNELS.md what the module says")
    parser.add_argument("--quiet", action="store_true", help="failures alone")
    parser.add_argument("--tools", action="store_true", help="say where the disassembler is")
    options = parser.parse_args(arguments)
    try:
        if options.tools:
            print(*tools.find())
            return 0
        if options.module is None:
            parser.error("which module?")
        found, compiler = figures_of_module(options.module)
    except tools.NotHere as missing:
        print(missing)
        return NOT_HERE
    except (RuntimeError, disassembly.Malformed) as fault:
        print(f"FAILED: {fault}")
        return 1
    committed = table.read(TABLE) if TABLE.exists() else table.Table()
    if options.update:
        committed = table.updated(found, committed, compiler)
        TABLE.write_text(table.text_of(committed))
        PAGE.write_text(page.text_of(committed.rows, PAGE.read_text()))
    verdict = table.judge(found, committed, compiler)
    if compiler == committed.compiler and PAGE.read_text() != page.text_of(committed.rows, PAGE.read_text()):
        verdict.failures.append("tests/gpu/KERNELS.md is not what the module and its first table say: --update")
    for note in [] if options.quiet else verdict.notes:
        print(note)
    for failure in verdict.failures:
        print(f"FAILED: {failure}")
    print(f"{len(found)} kernels, {len(committed.rows)} loops, {len(verdict.failures)} failures")
    return 1 if verdict.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
