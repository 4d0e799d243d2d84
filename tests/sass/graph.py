"""The blocks of a function, how control goes from one to another, and its loops."""

from __future__ import annotations

from dataclasses import dataclass, field

from disassembly import Function, Instruction, Malformed

_ENDS = ("BRA", "BRX", "JMP", "JMX", "EXIT", "RET", "KILL")


@dataclass
class Block:
    """
    Instructions that are executed together.

    Attributes
    ----------
    first, end : int
        Its instructions are function.instructions[first:end].
    next : list of int
        Blocks that control goes on with. Not among them: the ways that only diverged threads take (BRA.DIV), which do with one
        thread after another what the way that is kept does at once.
    """

    first: int
    end: int
    next: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Loop:
    """
    What one block is entered by again and again: a natural loop.

    Attributes
    ----------
    header : int
    latches : tuple of int
        Blocks that go back to the header.
    body : frozenset of int
        All its blocks, those of inner loops too.
    """

    header: int
    latches: tuple[int, ...]
    body: frozenset[int]


class Graph:
    """
    The blocks of a function.

    Parameters
    ----------
    function : Function

    Raises
    ------
    Malformed
        If a branch leads nowhere, or a loop has two entries, for which nothing here would be right.
    """

    def __init__(self, function: Function) -> None:
        self.function = function
        self.blocks: list[Block] = []
        self._cut()
        self._connect()
        self.order = self._postorder()[::-1]
        self._find_dominators()
        self.edges_back = self._find_edges_back()
        self.loops = self._find_loops()

    def code(self, block: int) -> list[Instruction]:
        """The instructions of a block."""
        return self.function.instructions[self.blocks[block].first:self.blocks[block].end]

    def text(self, blocks: frozenset[int]) -> list[Instruction]:
        """The instructions of several blocks, by address."""
        return [instruction for block in sorted(blocks) for instruction in self.code(block)]

    def _cut(self) -> None:
        code = self.function.instructions
        starts = {0} | {at for at in self.function.labels.values() if at < len(code)}
        starts |= {i + 1 for i, instruction in enumerate(code) if instruction.name in _ENDS and i + 1 < len(code)}
        ordered = sorted(starts)
        self.blocks = [Block(first, end) for first, end in zip(ordered, [*ordered[1:], len(code)], strict=True)]
        self._block_at = {block.first: i for i, block in enumerate(self.blocks)}

    def _connect(self) -> None:
        for i, block in enumerate(self.blocks):
            last = self.function.instructions[block.end - 1]
            goes_on = last.name not in _ENDS or last.is_conditional
            if last.name in ("BRA", "BRX", "JMP", "JMX"):
                if not last.targets:
                    raise Malformed(f"{self.function.name}: {last.opcode} at {last.address:#x} leads nowhere")
                if last.opcode != "BRA.DIV":
                    block.next += [self._block_of(label) for label in last.targets]
            if goes_on and i + 1 < len(self.blocks):
                block.next.append(i + 1)
            block.next = list(dict.fromkeys(block.next))

    def _block_of(self, label: str) -> int:
        at = self.function.labels.get(label)
        if at is None or at not in self._block_at:
            raise Malformed(f"{self.function.name}: no label {label}")
        return self._block_at[at]

    def _postorder(self) -> list[int]:
        seen, order, stack = {0}, [], [(0, iter(self.blocks[0].next))]
        while stack:
            block, following = stack[-1]
            into = next((n for n in following if n not in seen), None)
            if into is None:
                order.append(block)
                stack.pop()
            else:
                seen.add(into)
                stack.append((into, iter(self.blocks[into].next)))
        return order

    def _find_dominators(self) -> None:
        """Cooper, Harvey and Kennedy's iteration."""
        self._place = {block: i for i, block in enumerate(self.order)}
        self.before: dict[int, list[int]] = {block: [] for block in self.order}
        for block in self.order:
            for following in self.blocks[block].next:
                self.before[following].append(block)
        self._dominator: dict[int, int] = {0: 0}
        changed = True
        while changed:
            changed = False
            for block in self.order[1:]:
                known = [b for b in self.before[block] if b in self._dominator]
                new = known[0]
                for other in known[1:]:
                    new = self._meet(new, other)
                if self._dominator.get(block) != new:
                    self._dominator[block] = new
                    changed = True

    def _meet(self, a: int, b: int) -> int:
        while a != b:
            while self._place[a] > self._place[b]:
                a = self._dominator[a]
            while self._place[b] > self._place[a]:
                b = self._dominator[b]
        return a

    def dominates(self, a: int, b: int) -> bool:
        """Whether every way to b leads through a."""
        while self._place[b] > self._place[a]:
            b = self._dominator[b]
        return a == b

    def _find_edges_back(self) -> list[tuple[int, int]]:
        edges = [(block, into) for block in self.order for into in self.blocks[block].next if self._place[into] <= self._place[block]]
        for block, into in edges:
            if not self.dominates(into, block):
                address = self.code(into)[0].address
                raise Malformed(f"{self.function.name}: the loop at {address:#x} has two entries")
        return edges

    def natural(self, latch: int, header: int) -> frozenset[int]:
        """The blocks from which `latch` is reached without `header`, and that one."""
        body, stack = {header, latch}, [latch] if latch != header else []
        while stack:
            for block in self.before[stack.pop()]:
                if block not in body:
                    body.add(block)
                    stack.append(block)
        return frozenset(body)

    def _find_loops(self) -> list[Loop]:
        """One for each header, by address."""
        loops = []
        for header in sorted({into for _, into in self.edges_back}):
            latches = tuple(sorted(block for block, into in self.edges_back if into == header))
            body = frozenset().union(*(self.natural(latch, header) for latch in latches))
            loops.append(Loop(header, latches, body))
        return loops

    def inner(self, loop: Loop) -> list[Loop]:
        """The loops within another, at any depth."""
        return [other for other in self.loops if other.header != loop.header and other.body < loop.body]
