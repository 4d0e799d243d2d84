"""The section of tests/gpu/KERNELS.md on hot loops: what they were on one day, and what they are now."""

from __future__ import annotations

import re
from dataclasses import dataclass

from table import Row

TITLE = "## Hot loops, then and now"
HEAD = """Then: 2026-11-28. Registers of a thread and static shared memory of a block, in bytes, as in the table above; instructions an
iteration for one 16-byte load (rows, parts) or for one parameter (update), as in tests/sass/figures.txt. Written by
`tests/sass/lint.py MODULE --update`. A dash: there was no such kernel then. A plus: without what is added up in loops over warps' or blocks' sums.

| Kernel | loop | registers then | now | shared then | now | instructions then | now | in flight then | now |
|---|---|---|---|---|---|---|---|---|---|
"""
_RESOURCES = re.compile(r"^\| \S+\.cu \| `(.*)` \| (\d+) \| (\d+) \| \d+ \| \d+ \|$", re.MULTILINE)
_LINE = re.compile(r"^\| `(.*)` \| (rows|parts|update) \| (.*) \|$", re.MULTILINE)


@dataclass(frozen=True)
class _Loop:
    registers: str
    shared: str
    instructions: str
    in_flight: str


def _then(section: str) -> dict[tuple[str, str], _Loop]:
    found = {}
    for kernel, role, rest in _LINE.findall(section):
        cells = [cell.strip() for cell in rest.split("|")]
        found[kernel, role] = _Loop(*cells[::2])
    return found


def text_of(rows: list[Row], page: str) -> str:
    """
    Bring the section up to date.

    Parameters
    ----------
    rows : list of Row
    page : str
        KERNELS.md, whose first table has registers and shared memory by kernel.

    Returns
    -------
    str
        KERNELS.md. What stands in other sections is as it was.
    """
    at = page.find(TITLE)
    behind = page.find("\n## ", at + 1) if at >= 0 else -1
    if at < 0:
        before, section, after = page.rstrip("\n") + "\n\n", "", ""
    elif behind < 0:
        before, section, after = page[:at], page[at:], ""
    else:
        before, section, after = page[:at], page[at:behind], page[behind:]
    resources = {kernel: (registers, shared) for kernel, registers, shared in _RESOURCES.findall(page)}
    then, lines = _then(section), []
    for row in rows:
        now = _Loop(*resources.get(row.kernel, ("-", "-")), f"{row.each:.1f}" + (" +" if row.sum_loops else ""), f"{row.in_flight} of {row.loads}")
        old = then.get((row.kernel, row.role), now if not section else _Loop("-", "-", "-", "-"))
        cells = [old.registers, now.registers, old.shared, now.shared, old.instructions, now.instructions, old.in_flight, now.in_flight]
        lines.append(f"| `{row.kernel}` | {row.role} | " + " | ".join(cells) + " |\n")
    return before + TITLE + "\n" + HEAD + "".join(lines) + after
