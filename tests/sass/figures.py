"""What the machine code of a kernel costs, and which of the known faults it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from disassembly import Function, Instruction, Malformed
from graph import Graph, Loop

GLOBAL_LOADS = ("LDG", "LD")
_REDUCING = (".BFLY", ".DOWN", ".UP")


def is_load(instruction: Instruction) -> bool:
    """Whether it loads from device memory, or from an address that may be there, into registers."""
    return instruction.name in GLOBAL_LOADS


def is_reducing_shuffle(instruction: Instruction) -> bool:
    """Whether it is a step of a reduction over the lanes of a warp."""
    return instruction.name == "SHFL" and instruction.opcode.endswith(_REDUCING)


@dataclass(frozen=True)
class LoopFigures:
    """
    A loop that loads from device memory, by one way through it.

    Of the ways of an iteration it is one that issues the most 16-byte loads, of these one with the most steps of reductions, of
    these one with the most additions to sums in double outside inner loops, and of these the shortest.

    Attributes
    ----------
    role : str
        ``rows``: loads, multiplies and adds up over the lanes of a warp; ``parts``: loads 16 bytes at a time and adds up in double,
        no more; ``update``: loads 16 bytes at a time, computes and stores as many; ``other``.
    address : int
        Of its first instruction.
    instructions : int
        Of the way, inner loops once, with the shortest way through what it calls.
    wide_loads : int
        Those of 16 bytes; where there are none, all loads.
    in_flight : int
        As many of these (of the kept ones, where there are such) as are issued before the result of one of them is used.
    kept_loads : int
        Those whose results are used behind the last step of a reduction too: of x, in ``rows``, as opposed to the point.
    shuffle_loops : int
        Inner loops that are faults by themselves: Figures.shuffle_loops.
    shuffle_instructions : int
        Of one iteration of each of these.
    sum_loops : int
        Inner loops that add up what other warps or blocks left in shared memory; the way leads around them where it can.
    longest : int
        Instructions of the longest way that calls nothing.
    """

    role: str
    address: int
    instructions: int
    wide_loads: int
    in_flight: int
    kept_loads: int
    shuffle_loops: int
    shuffle_instructions: int
    sum_loops: int
    longest: int


@dataclass(frozen=True)
class Figures:
    """
    A kernel's. Counts of what should not be there, and its loops.

    Attributes
    ----------
    local : int
        Loads and stores of a thread's own memory, to which registers are spilled.
    constant_loads : int
        Loads by the path that does not see what another kernel has just written.
    full_fences : int
        Fences that are sequentially consistent, where acquire and release would do.
    shuffle_loops : int
        Loops around one step of one reduction: each step waits for the one before, where several reductions could go together.
    lane_prefetches : int
        Bulk prefetches that go through the lanes of a warp one by one.
    """

    local: int
    constant_loads: int
    full_fences: int
    shuffle_loops: int
    lane_prefetches: int
    loops: tuple[LoopFigures, ...]


def _is_shuffle_loop(body: list[Instruction]) -> bool:
    """Around the shuffle of one value: of 4 bytes, or of the two halves of 8 that one addition in double takes."""
    count = sum(map(is_reducing_shuffle, body))
    return count == 1 or count == 2 and any(i.name == "DADD" for i in body) and not any(i.name == "FADD" for i in body)


def shuffle_loops(graph: Graph) -> list[frozenset[int]]:
    """The bodies of such loops, by branch back: one with others within it is none."""
    bodies = [graph.natural(block, into) for block, into in graph.edges_back]
    innermost = [body for body in bodies if not any(other < body for other in bodies)]
    return [body for body in innermost if _is_shuffle_loop(graph.text(body))]


def lane_prefetches(graph: Graph) -> int:
    """Bulk prefetches in a loop that a BRA.U.ANY closes."""
    count = 0
    for block, into in graph.edges_back:
        if graph.code(block)[-1].opcode == "BRA.U.ANY":
            count += sum(i.name == "UBLKPF" for i in graph.text(graph.natural(block, into)))
    return count


class Ways:
    """
    Ways through a loop, or through a function.

    Parameters
    ----------
    graph : Graph
    called : dict of str to int
        Instructions of the shortest way through each function that may be called.
    """

    def __init__(self, graph: Graph, called: dict[str, int]) -> None:
        self._graph = graph
        self._called = called
        self._back = set(graph.edges_back)

    def cost(self, block: int) -> int:
        """The instructions of a block, and of the shortest way through what it calls."""
        code = self._graph.code(block)
        return len(code) + sum(self._called.get(target, 0) for i in code if i.name == "CALL" for target in i.targets)

    def shortest(self) -> int:
        """From the function's beginning to an end, loops once at most."""
        return sum(map(self.cost, self.best(frozenset(self._graph.order), None, lambda block: (-self.cost(block),))))

    def best(self, region: frozenset[int], loop: Loop | None, weight: Callable[[int], tuple[int, ...]]) -> list[int]:
        """
        The heaviest way from a loop's header to a latch, or through the whole function.

        Parameters
        ----------
        region : frozenset of int
            Blocks that it may pass.
        loop : Loop or None
            None: from block 0 to any block with nothing behind it.
        weight : callable
            Of a block: a tuple; those of a way are added up.

        Returns
        -------
        list of int
            Blocks.
        """
        found: dict[int, tuple[tuple[int, ...], int | None]] = {}
        for block in reversed([b for b in self._graph.order if b in region]):
            following = [n for n in self._graph.blocks[block].next if n in region and (block, n) not in self._back and n in found]
            own = weight(block)
            ends = block in loop.latches if loop else not self._graph.blocks[block].next
            choices: list[tuple[tuple[int, ...], int | None]] = [(found[n][0], n) for n in following]
            if ends:
                choices.append((tuple(0 for _ in own), None))
            if choices:
                behind, into = max(choices, key=lambda choice: choice[0])
                found[block] = (tuple(a + b for a, b in zip(own, behind, strict=True)), into)
        at: int | None = loop.header if loop else 0
        if at not in found:
            raise Malformed(f"{self._graph.function.name}: no way through the loop or function")
        way: list[int] = []
        while at is not None:
            way.append(at)
            at = found[at][1]
        return way


def _in_flight(text: list[Instruction], counted: list[Instruction]) -> int:
    """The most of the counted loads of a sequence, gone through twice, that are on their way at once: issued, and no result used."""
    most, addresses = 0, {load.address for load in counted}
    waiting: list[frozenset[int]] = []
    for instruction in text + text:
        touched = instruction.reads | instruction.writes
        last = max((i for i, registers in enumerate(waiting) if registers & touched), default=-1)
        waiting = waiting[last + 1:]
        if instruction.address in addresses:
            waiting.append(instruction.writes)
            most = max(most, len(waiting))
    return most


def _kept(text: list[Instruction], loads: list[Instruction]) -> list[Instruction]:
    """The loads whose results, or copies of them, are still used behind the last step of a reduction."""
    last = max((i for i, instruction in enumerate(text) if is_reducing_shuffle(instruction)), default=-1)
    kept, addresses = [], {load.address for load in loads}
    for i, load in enumerate(text[:last + 1]):
        if load.address not in addresses:
            continue
        alive, used = set(load.writes), False
        for at in range(i + 1, len(text)):
            takes = bool(text[at].reads & alive)
            used = used or (at > last and takes)
            if takes and (text[at].name == "MOV" or text[at].opcode.startswith("IMAD.MOV")):
                alive |= text[at].writes
            else:
                alive -= text[at].writes
        if used:
            kept.append(load)
    return kept


def _is_accumulation(instruction: Instruction) -> bool:
    """Whether it adds to a sum in double that it replaces."""
    return instruction.name == "DADD" and bool(instruction.writes & instruction.reads)


def _is_sum_loop(body: list[Instruction]) -> bool:
    names = {i.name for i in body}
    return "LDS" in names and bool(names & {"FADD", "DADD"}) and not any(map(is_load, body))


def _role(body: list[Instruction], own: list[Instruction], counted: Callable[[Instruction], bool]) -> str:
    """own: of the body, what is in no loop within it. A loop is an update's only where no loop within it waits for other loads."""
    if not any(map(counted, own)):
        return "other" # what loads is a loop within it
    computes = any(i.name in ("FFMA", "FMUL", "FADD", "DFMA", "DMUL", "DADD") for i in own)
    if any(map(is_reducing_shuffle, body)) and any(i.name in ("FFMA", "DFMA") for i in own):
        return "rows"
    if not any(i.bytes() == 16 for i in own if is_load(i)):
        return "other"
    loads_within = any(is_load(i) and i.bytes() == 16 for i in set(body) - set(own))
    if computes and not loads_within and any(i.name in ("STG", "ST") and i.bytes() == 16 for i in own):
        return "update"
    if any(i.name == "DADD" for i in own) and not any(i.name in ("ST", "STG", "SHFL", "DFMA", "FFMA") for i in body):
        return "parts"
    return "other"


def _loop_figures(graph: Graph, ways: Ways, loop: Loop, faults: list[frozenset[int]]) -> LoopFigures | None:
    everything = graph.text(loop.body)
    loads = [i for i in everything if is_load(i)]
    if not loads:
        return None
    is_wide = any(i.bytes() == 16 for i in loads)

    def counted(instruction: Instruction) -> bool:
        return is_load(instruction) and (not is_wide or instruction.bytes() == 16)

    once = loop.body - frozenset().union(*(inner.body for inner in graph.inner(loop)))

    def weight(block: int) -> tuple[int, ...]:
        code = graph.code(block)
        return (sum(map(counted, code)) if is_wide else 0, sum(map(is_reducing_shuffle, code)),
                sum(map(_is_accumulation, code)) if block in once else 0, -ways.cost(block))

    way = ways.best(loop.body, loop, weight)
    text = [i for block in way for i in graph.code(block)]
    calling = frozenset(block for block in loop.body if any(i.name == "CALL" for i in graph.code(block)))
    try:
        longest = ways.best(loop.body - calling, loop, lambda block: (ways.cost(block),))
    except Malformed: # every way calls something
        longest = ways.best(loop.body, loop, lambda block: (ways.cost(block),))
    inside = [body for body in faults if body <= loop.body and body & set(way)]
    issued = [i for i in text if counted(i)]
    kept = _kept(text, issued) if is_wide else []
    role = _role(everything, graph.text(once), counted) if issued else "other" # what loads is not on the way that is counted
    return LoopFigures(role, graph.code(loop.header)[0].address, sum(map(ways.cost, way)), len(issued),
                       _in_flight(text, kept or issued), len(kept), len(inside), sum(len(graph.text(body)) for body in inside),
                       sum(map(_is_sum_loop, (graph.text(inner.body) for inner in graph.inner(loop)))),
                       sum(map(ways.cost, longest)))


def _costs_of_calls(graphs: list[Graph]) -> dict[str, int]:
    """The shortest way through each function, with what it calls itself: by name."""
    costs: dict[str, int] = {graph.function.name: 0 for graph in graphs}
    for _ in range(len(graphs) + 1): # what is called by what is called is known after as many rounds as calls are deep
        before = dict(costs)
        for graph in graphs:
            costs[graph.function.name] = Ways(graph, before).shortest()
        if costs == before:
            return costs
    raise Malformed(f"{graphs[0].function.kernel}: functions that call each other")


def figures_of(functions: list[Function]) -> Figures:
    """
    Of one kernel.

    Parameters
    ----------
    functions : list of Function
        The kernel and what it calls.

    Raises
    ------
    Malformed
        If its code is not understood.
    """
    graphs = [Graph(function) for function in functions]
    called = _costs_of_calls(graphs[1:])
    code = [i for function in functions for i in function.instructions]
    loops = []
    for graph in graphs:
        ways, faults = Ways(graph, called), shuffle_loops(graph)
        for loop in graph.loops:
            figures = _loop_figures(graph, ways, loop, faults)
            if figures:
                loops.append(figures)
    return Figures(sum(i.name in ("LDL", "STL") for i in code),
                   sum(i.name in GLOBAL_LOADS and ".CONSTANT" in i.opcode for i in code),
                   sum(i.name == "MEMBAR" and ".SC" in i.opcode for i in code),
                   sum(len(shuffle_loops(graph)) for graph in graphs),
                   sum(map(lane_prefetches, graphs)), tuple(loops))
