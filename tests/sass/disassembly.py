"""What nvdisasm prints of a cubin, as instructions and functions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

_LABEL = re.compile(r"^([.$\w]+):$")
_INSTRUCTION = re.compile(r"^\s*/\*([0-9a-f]+)\*/\s+(.*);\s*$")
_GUARD = re.compile(r"^@(!?)(U?P(?:\d|T))\s+")
_TARGET = re.compile(r"`\(([^)]*)\)")
_TARGETS = re.compile(r'\(\*"BRANCH_TARGETS ([^"]*)"\*\)')
_REGISTER = re.compile(r"(?<![\w.])R(\d+)(\.64)?(?![\w])")
_PREDICATE = re.compile(r"!?U?P(\d|T)")
_SECTION = re.compile(r'^\s*\.section\s+(?:\.text\.)?([^,\s]+)')
_FUNCTION = re.compile(r"^\s*\.type\s+(\S+),@function")

# Instructions that write no register: all their operands are read.
_STORES = ("ST", "RED", "BAR", "BRA", "BRX", "CALL", "RET", "EXIT", "MEMBAR", "CCTL", "NOP", "BSSY", "BSYNC", "WARPSYNC", "UBLK", "SYNCS",
           "DEPBAR", "LDGDEPBAR", "LDGSTS", "ERRBAR", "YIELD", "CGAERRBAR", "ACQBULK", "PREEXIT", "UCGABAR", "KILL", "BPT", "BREAK",
           "BMOV", "NANOSLEEP")
# Those that write predicates, or registers of the whole warp.
_TO_PREDICATES = ("SETP", "PLOP3", "FCHK", "R2P", "R2UR", "VOTEU", "VOTE")
# Those whose operands (but for addresses and predicates) are pairs of registers.
_PAIRS = ("DADD", "DMUL", "DFMA", "DSETP", "DMNMX")


class Malformed(Exception):
    """A text that is not what nvdisasm prints, or not as this module knows it."""


@dataclass(frozen=True)
class Instruction:
    """
    One instruction.

    Attributes
    ----------
    address : int
        In bytes, from the section's start.
    guard : str
        The predicate it is under, such as ``P0`` or ``!UP1``; empty: none.
    opcode : str
        With its modifiers, such as ``LDG.E.128``.
    operands : str
        All that follows the opcode.
    targets : tuple of str
        Labels named by the operands.
    name : str
        The opcode without its modifiers.
    """

    address: int
    guard: str
    opcode: str
    operands: str
    targets: tuple[str, ...] = ()
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.opcode.split(".", 1)[0])

    @property
    def is_conditional(self) -> bool:
        """Whether control may also go on behind it, where it is a branch."""
        if self.guard not in ("", "PT", "UPT"):
            return True
        return self.name == "BRA" and not self.operands.lstrip().startswith("`")

    def bytes(self) -> int:
        """What a thread moves by it, where it is a load or a store: 1 to 16."""
        for part in self.opcode.split(".")[1:]:
            if part in ("128", "64"):
                return int(part) // 8
            if part in ("U8", "S8"):
                return 1
            if part in ("U16", "S16"):
                return 2
        return 4

    def _parts(self) -> list[str]:
        text = _TARGET.sub("", self.operands)
        return [part.strip() for part in text.split(",")] if text.strip() else []

    @cached_property
    def writes(self) -> frozenset[int]:
        """Registers of a thread that it writes."""
        if self.name.startswith(_STORES) or self.name.endswith(_TO_PREDICATES):
            return frozenset()
        first_of_all = next((part for part in self._parts() if not _PREDICATE.fullmatch(part)), "")
        match = re.match(r"^R(\d+)", first_of_all)
        if match is None:
            return frozenset()
        first = int(match.group(1))
        return frozenset(range(first, first + self._width_of_result()))

    def _width_of_result(self) -> int:
        if self.name in ("LDG", "LD", "LDS", "LDL", "LDC", "ATOMG", "ATOM", "ATOMS"):
            return max(1, self.bytes() // 4)
        if self.name in ("DADD", "DMUL", "DFMA", "DMNMX", "CS2R"):
            return 1 if self.opcode == "CS2R.32" else 2
        if self.opcode.startswith("IMAD.WIDE") or re.match(r"(F2F|I2F|F2I|FRND)\.(F64|[USI]64)|I2F\.F64", self.opcode):
            return 2
        return 1

    @cached_property
    def reads(self) -> frozenset[int]:
        """Registers of a thread that it reads, its addresses included."""
        found: set[int] = set()
        parts = self._parts()
        skip = None
        if self.writes:
            skip = next(i for i, part in enumerate(parts) if re.match(r"^R\d+", part))
        for i, part in enumerate(parts):
            if i == skip:
                continue
            is_sum = self.opcode.startswith("IMAD.WIDE") and i == len(parts) - 1
            for match in _REGISTER.finditer(part):
                first = int(match.group(1))
                found.update(range(first, first + self._width_of_operand(part, is_sum or bool(match.group(2)))))
        return frozenset(found)

    def _width_of_operand(self, part: str, is_pair: bool) -> int:
        if is_pair:
            return 2
        if "[" in part:
            return 1
        if self.name in _PAIRS or re.search(r"\.F64$|\.[USI]64$", self.opcode) or self.name == "F2F" and ".F64" in self.opcode[8:]:
            return 2
        if self.name in ("ST", "STG", "STS", "STL", "RED", "ATOMG"):
            return max(1, self.bytes() // 4)
        return 1


@dataclass
class Function:
    """
    A kernel, or what it calls.

    Attributes
    ----------
    name : str
        As the linker knows it.
    kernel : str
        The section it stands in: the kernel's own name, also for what it calls.
    instructions : list of Instruction
    labels : dict of str to int
        The index of the instruction behind each label.
    """

    name: str
    kernel: str
    instructions: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)


def _instruction(address: str, text: str) -> Instruction:
    guard = ""
    match = _GUARD.match(text)
    if match:
        guard = match.group(1) + match.group(2)
        text = text[match.end():]
    opcode, _, operands = text.strip().partition(" ")
    several = _TARGETS.search(operands)
    if several:
        targets = tuple(several.group(1).split(","))
        operands = operands[:several.start()].strip()
    else:
        targets = tuple(_TARGET.findall(operands))
    return Instruction(int(address, 16), guard, opcode, operands.strip(), targets)


def parse(text: str) -> list[Function]:
    """
    Read what ``nvdisasm -c`` printed.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of Function
        In the text's order; each section's first one is the kernel.

    Raises
    ------
    Malformed
        If no instruction is found, or one stands outside any function.
    """
    names = {match.group(1) for match in map(_FUNCTION.match, text.splitlines()) if match}
    functions: list[Function] = []
    section = ""
    current: Function | None = None
    pending: list[str] = []
    for line in text.splitlines():
        match = _SECTION.match(line)
        if match:
            section, current, pending = match.group(1), None, []
            continue
        match = _LABEL.match(line)
        if match:
            label = match.group(1)
            if label in names or label.startswith("$"):
                current = Function(label, section)
                functions.append(current)
            pending.append(label)
            continue
        match = _INSTRUCTION.match(line)
        if match is None:
            continue
        if current is None:
            raise Malformed(f"an instruction outside any function: {line.strip()}")
        for label in pending:
            current.labels[label] = len(current.instructions)
        pending = []
        current.instructions.append(_instruction(*match.groups()))
    if not functions:
        raise Malformed("no function")
    return functions
