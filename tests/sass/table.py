"""figures.txt: what each kernel's machine code costs, what it may cost, and the faults that are known."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from figures import Figures, LoopFigures

# Loads of a role that must at least be on their way at once; 0: all of them.
IN_FLIGHT = {"rows": 4, "parts": 4, "update": 0}
# How much more than at the last --update a kernel may cost.
ROOM = 1.05

# Iterations of a loop around a shuffle: those of a reduction over a whole warp, as many as without the loop would stand in the code.
STEPS = 5

RULES = {
    "local": "registers are spilled, or an array of a thread's own is indexed (LDL, STL)",
    "constant_loads": "loads by the path that does not see what the kernel before has written (LDG.CONSTANT)",
    "full_fences": "fences that are sequentially consistent (MEMBAR.SC)",
    "shuffle_loops": "loops around one step of one reduction (SHFL)",
    "lane_prefetches": "bulk prefetches, lane by lane (UBLKPF under BRA.U.ANY)",
    "serial_loads": "loads of an iteration that wait for each other",
}


@dataclass(frozen=True)
class Row:
    """
    A loop of a kernel.

    Attributes
    ----------
    kernel, role : str
    loads : int
        Of 16 bytes: of x (rows), of parts' gradients (parts), of parameters and gradient (update).
    in_flight : int
        As many of them as are on their way at once.
    instructions : int
        Of an iteration: rows, parts: the shortest way with all loads; update: the longest, the dearest optimizer's.
    each : float
        Of these, and of STEPS - 1 more iterations of loops around a shuffle, for one load (rows, parts) or one parameter (update).
    most : float
        What `each` must not exceed.
    shuffle_loops, shuffle_instructions : int
        Loops around a shuffle on the way, and the instructions of one iteration of all.
    sum_loops : int
        Loops that add up what other warps or blocks left in shared memory, which the figures leave out.
    """

    kernel: str
    role: str
    loads: int
    in_flight: int
    instructions: int
    each: float
    most: float
    shuffle_loops: int
    shuffle_instructions: int
    sum_loops: int

    def line(self) -> str:
        """As figures.txt has it."""
        return " | ".join([self.kernel, self.role, str(self.loads), str(self.in_flight), str(self.instructions), f"{self.each:.1f}",
                           f"{self.most:.1f}", str(self.shuffle_loops), str(self.shuffle_instructions), str(self.sum_loops)])


@dataclass(frozen=True)
class Known:
    """A fault that every kernel of a name by `pattern` has, until it is repaired, or for good where `since` is a dash."""

    pattern: str
    rule: str
    since: str
    why: str

    def line(self) -> str:
        """As figures.txt has it."""
        return " | ".join(["known", self.pattern, self.rule, self.since, self.why])


@dataclass
class Table:
    """All of figures.txt; compiler: the assembler's version that the figures are of."""

    compiler: str = ""
    known: list[Known] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


@dataclass
class Verdict:
    """What the lint says: failures make it fail, notes do not."""

    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


HEAD = """# What the machine code of the kernels costs on compute capability 9.0, and the faults that are known: tests/sass/README.md.
# Figures are of this version of NVIDIA's assembler; with another one, only the rules and the column `at most` count.
"""
KNOWN_HEAD = """
# known | kernels | rule | since (a dash: for good) | why. Each of these kernels has the fault: a line that is no longer true fails.
"""
ROWS_HEAD = """
# kernel | role | loads of 16 bytes | in flight | instructions | for one load, or parameter | at most | loops of one shuffle | theirs | loops of sums
"""


def read(path: Path) -> Table:
    """
    Read figures.txt.

    Raises
    ------
    ValueError
        If a line is not as it should be.
    """
    table = Table()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        parts = [part.strip() for part in line.split("|")]
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("assembler "):
            table.compiler = line.split()[1]
        elif parts[0] == "known" and len(parts) == 5 and parts[2] in RULES:
            table.known.append(Known(*parts[1:]))
        elif len(parts) == 10 and parts[1] in IN_FLIGHT:
            table.rows.append(Row(parts[0], parts[1], int(parts[2]), int(parts[3]), int(parts[4]), float(parts[5]), float(parts[6]),
                                  int(parts[7]), int(parts[8]), int(parts[9])))
        else:
            raise ValueError(f"{path}:{number}: {line}")
    return table


def text_of(table: Table) -> str:
    """What figures.txt is."""
    lines = [known.line() for known in table.known]
    return (HEAD + f"assembler {table.compiler}\n" + KNOWN_HEAD + "".join(line + "\n" for line in lines) + ROWS_HEAD +
            "".join(row.line() + "\n" for row in table.rows))


def _row(kernel: str, loop: LoopFigures) -> Row:
    loads = loop.kept_loads if loop.role == "rows" and loop.kept_loads else loop.wide_loads
    instructions = loop.longest if loop.role == "update" else loop.instructions
    each = (instructions + (STEPS - 1) * loop.shuffle_instructions) / ((2 if "<double" in kernel else 4) if loop.role == "update" else loads)
    return Row(kernel, loop.role, loads, loop.in_flight, instructions, round(each, 1), math.ceil(each * ROOM * 10) / 10,
               loop.shuffle_loops, loop.shuffle_instructions, loop.sum_loops)


def rows_of(kernel: str, figures: Figures) -> list[Row]:
    """A row for each role that loops of a kernel have: of several loops the one with most loads, of these the dearest."""
    rows = []
    for role in IN_FLIGHT:
        loops = [_row(kernel, loop) for loop in figures.loops if loop.role == role]
        if loops:
            rows.append(max(loops, key=lambda row: (row.loads, row.each)))
    return rows


def faults_of(kernel: str, figures: Figures) -> dict[str, str]:
    """What a kernel has, by rule."""
    counts = {rule: getattr(figures, rule) for rule in RULES if rule != "serial_loads"}
    faults = {rule: f"{count} {RULES[rule]}" for rule, count in counts.items() if count}
    serial = [row for row in rows_of(kernel, figures) if row.in_flight < (IN_FLIGHT[row.role] or row.loads)]
    if serial:
        faults["serial_loads"] = "; ".join(f"{row.role}: {row.in_flight} of {row.loads} loads are on their way at once" for row in serial)
    return faults


def _judge_faults(found: dict[str, dict[str, str]], known: list[Known], same: bool, verdict: Verdict) -> None:
    for kernel, faults in found.items():
        for rule, what in faults.items():
            matching = [entry for entry in known if entry.rule == rule and fnmatchcase(kernel, entry.pattern)]
            if not matching:
                verdict.failures.append(f"{kernel}: {rule}: {what}")
    for entry in known:
        kernels = [kernel for kernel in found if fnmatchcase(kernel, entry.pattern)]
        sound = [kernel for kernel in kernels if entry.rule not in found[kernel]]
        since = "for good" if entry.since == "-" else f"since {entry.since}"
        verdict.notes.append(f"known {since}: {entry.rule} in {len(kernels)} kernels, {entry.pattern}: {entry.why}")
        where = "no kernel has such a name" if not kernels else "no longer so in " + ", ".join(sound)
        if sound or not kernels:
            (verdict.failures if same else verdict.notes).append(f"known {entry.rule} of {entry.pattern}: {where}")


def _judge_rows(rows: list[Row], table: Table, same: bool, verdict: Verdict) -> None:
    committed = {(row.kernel, row.role): row for row in table.rows}
    outdated = 0
    for row in rows:
        budget = committed.pop((row.kernel, row.role), None)
        if budget is None:
            verdict.failures.append(f"{row.kernel}: {row.role}: not in the table")
        elif row.each > budget.most:
            verdict.failures.append(f"{row.kernel}: {row.role}: {row.each:.1f} instructions, at most {budget.most:.1f}")
        elif same and row.in_flight < budget.in_flight:
            verdict.failures.append(f"{row.kernel}: {row.role}: {row.in_flight} loads in flight, {budget.in_flight} so far")
        elif same:
            outdated += replace(row, most=budget.most) != budget
            verdict.notes.append(f"{row.kernel}: {row.role}: {row.each:.1f} instructions, {100 * (1 - row.each / budget.most):.0f} % room")
    verdict.failures += [f"{kernel}: {role}: in the table, but not in the module" for kernel, role in committed]
    if outdated:
        verdict.failures.append(f"{outdated} rows of the table are not what the module says now: --update")


def judge(figures: dict[str, Figures], table: Table, compiler: str) -> Verdict:
    """
    Hold a module to the table.

    Parameters
    ----------
    figures : dict of str to Figures
        By kernel.
    table : Table
    compiler : str
        The assembler's version, of which the module is.
    """
    verdict = Verdict()
    same = compiler == table.compiler
    if not same:
        verdict.notes.append(f"the module is by assembler {compiler}, the figures by {table.compiler}: rules and budgets alone count")
    _judge_faults({kernel: faults_of(kernel, each) for kernel, each in figures.items()}, table.known, same, verdict)
    _judge_rows([row for kernel, each in figures.items() for row in rows_of(kernel, each)], table, same, verdict)
    return verdict


def updated(figures: dict[str, Figures], table: Table, compiler: str) -> Table:
    """
    Make the table of a module.

    Of the known faults, those that are no longer so are left out, or replaced by the names of the kernels that still have them; none
    is added.
    """
    found = {kernel: faults_of(kernel, each) for kernel, each in figures.items()}
    known: list[Known] = []
    for entry in table.known:
        kernels = [kernel for kernel in found if fnmatchcase(kernel, entry.pattern)]
        still = [kernel for kernel in kernels if entry.rule in found[kernel]]
        patterns = [entry.pattern] if still == kernels and still else still
        known += [Known(pattern, entry.rule, entry.since, entry.why) for pattern in patterns]
    rows = sorted((row for kernel, each in figures.items() for row in rows_of(kernel, each)), key=lambda row: (row.kernel, row.role))
    return Table(compiler, known, rows)
