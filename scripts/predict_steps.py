#!/usr/bin/env python3
"""Predicted times of training steps on H100s and H200s, by engine: tests/gpu/PREDICTED.md, tests/gpu/step.svg and a sentence of
docs/gpu.md.

Nothing here is measured. A step is what takes longer, its bytes or its instructions, and the chain of what waits for each other.
Instructions are those of tests/sass/figures.txt, which tests/sass/lint.py holds to the module. How a batch is cut into parts, and
which engine `auto` takes, is asked of host/cuda/shape.c (a C compiler and CUDA's headers).

usage: predict_steps.py [--write | --check]   without either: prints the tables; --check: fails where a file is not what this says
"""

from __future__ import annotations

import ctypes
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/sass"))
sys.dont_write_bytecode = True
import table as machine_code  # noqa: E402

GPUS = ("H100", "H200")
MULTIPROCESSORS = 132


# ---- What is assumed ----

@dataclass(frozen=True)
class Assumption:
    """
    A figure that the prediction stands on.

    Attributes
    ----------
    name, unit : str
    values : tuple of float
        On each of GPUS.
    source : str
        Where it is from.
    probe : str
        How gpu-probe's figure begins that will replace it; empty: none does.
    """

    name: str
    unit: str
    values: tuple[float, float]
    source: str
    probe: str


ASSUMPTIONS = (
    Assumption("bandwidth", "TB/s", (3.0, 4.3), "copies, as measured on such GPUs", "copy on the device, read and written"),
    Assumption("clock", "GHz", (1.755, 1.755), "under load; both boost to 1.98", "clock of the multiprocessors"),
    Assumption("issue_warp", "instructions a clock", (0.25, 0.25), "a warp by itself: 4 clocks from an addition to what uses it",
               "one multiprocessor: by one_sm_rate below"),
    Assumption("issue_most", "instructions a clock", (2.5, 2.5), "a multiprocessor, which can do 4; the rest are stalls", ""),
    Assumption("graph_node", "us", (1.3, 1.3), "from one kernel of a graph to the next", "graph node,"),
    Assumption("graph_node_early", "us", (0.8, 0.8), "likewise, where the next has begun and waits; 0.6 to 1.0", "graph node that begins early"),
    Assumption("dependent_l2_load", "us", (0.155, 0.155), "270 clocks", "dependent load, L2"),
    Assumption("dependent_dram_load", "us", (0.5, 0.5), "700 to 900 clocks", "dependent load, memory"),
    Assumption("arrive", "us", (0.8, 0.8), "fence, atomic, fence, and the last block's look", "arrive:"),
    Assumption("packed_barrier", "us", (1.2, 1.2), "of 132 blocks, flags of 4 bytes side by side; 0.9 to 1.4",
               "barrier of the grid, the product's"),
    Assumption("block_sums", "us", (0.17, 0.17), "two values in double, added up over a block: 300 clocks", ""),
    Assumption("update_in_block", "us", (0.1, 0.1), "groups' sums, a division, the cheapest optimizer", ""),
    Assumption("sum_term", "instructions", (3.25, 3.25), "of a loop that adds up warps' or blocks' sums, a term", ""),
    Assumption("gemv_32", "of the bandwidth", (1, 1), "cuBLAS, d = 32: no product is faster, this one may be far slower", "cuBLAS"),
    Assumption("gemv_256", "of the bandwidth", (1, 1), "likewise, d = 256 and more", "cuBLAS"),
    Assumption("prefetch_128", "of what is asked for", (1, 1), "rows brought ahead arrive, or (the longer figure) none does",
               "rows of 128 bytes brought ahead"),
)

# Loads that wait for each other, in addition to those of x, y and the parts' gradients, by what stands in the kernels on 2026-11-28.
CHAINS = {
    "start": (2, "kernels of fused: next and failed in one load, the batch's first row and count in another; the point comes meanwhile"),
    "end": (1, "the block that ends a step of fused: the counts; sums and the first gradients are part of adding up"),
    "update": (2, "fused_update_kernel: active, then the table's rows, to shared memory"),
    "persistent": (0, "the table's rows come with the rows of x; sums and the first gradients are part of adding up"),
    "persistent, one block": (0, "the same without a barrier"),
}

FETCHED = 65536  # bytes of a part that are fetched before its kernel's turn: kernels/team.h, rows_ahead()
PASSED = 65536   # bytes of parts' gradients, up to which one kernel does a step of fused: kernels/kernels.h, PASSED_BYTES
THREADS, WARPS_AT_ONCE = 256, 16  # kernels/block.h; of a multiprocessor: __launch_bounds__ of the kernels

# d, batch, the target on an H200 and what was predicted before instructions were counted, for what `auto` takes
# (float, batches of consecutive rows)
CASES = [(32, 256, 1.0, "0.7"), (32, 4096, 1.5, "1.7"), (32, 65536, 2.3, "2.4"), (256, 1024, 2.0, "2.2"), (256, 65536, 17, "15.6 to 18.0"),
         (1024, 4096, 4.5, "4.2 to 6.7"), (16384, 1024, 18, "15.6 to 18.9")]

# An optimizer, its number in include/scalar/kinds.h, bytes per parameter that are read and written: kernels/update.cu
UPDATES = (("sgd", 1, 12), ("momentum", 2, 20), ("adam", 7, 28))


# ---- The parts of a batch ----

class Shape(ctypes.Structure):
    """fused_shape, kernels/kernels.h."""

    _fields_ = [*((name, ctypes.c_int) for name in ("values", "packs", "threads", "lanes", "blocks")),
                *((name, ctypes.c_int64) for name in ("rows", "parts"))]
    values: int
    packs: int
    threads: int
    lanes: int
    blocks: int
    rows: int
    parts: int


def library() -> ctypes.CDLL:
    """host/cuda/shape.c, compiled."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "shape.so"
        cuda = os.environ.get("CUDA_HOME", "/usr/local/cuda") + "/include"
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-I", ROOT / "include", "-I", ROOT / "kernels", "-I", cuda,
                        ROOT / "host/cuda/shape.c", "-o", out], check=True)
        return ctypes.CDLL(str(out))


SHAPES = library()
FIGURES = {(row.kernel, row.role): row for row in machine_code.read(ROOT / "tests/sass/figures.txt").rows}


@dataclass(frozen=True)
class Step:
    """A step of `batch` rows of d values of `element` bytes, 4 of float or 2 of bf16, on a GPU."""

    d: int
    batch: int
    element: int
    gpu: str

    def assumed(self, name: str) -> float:
        """One of ASSUMPTIONS."""
        return next(a for a in ASSUMPTIONS if a.name == name).values[GPUS.index(self.gpu)]

    def chain(self, name: str) -> float:
        """Microseconds of one of CHAINS."""
        return CHAINS[name][0] * self.assumed("dependent_l2_load")

    @property
    def size(self) -> int:
        """Bytes of x."""
        return self.element * self.d * self.batch

    @property
    def shape(self) -> Shape:
        """How `auto` cuts it."""
        shape = Shape()
        if not SHAPES.fused_shape_of(0, int(self.element == 2), ctypes.c_int64(self.batch), ctypes.c_int64(self.d), 1, ctypes.byref(shape)):
            raise SystemExit(f"no shape for {self.d} x {self.batch}")
        return shape

    @property
    def partial(self) -> int:
        """Bytes of the parts' gradients."""
        return 4 * self.d * self.shape.parts

    def read(self, size: float) -> float:
        """Microseconds in which memory moves so many bytes."""
        return size / self.assumed("bandwidth") / 1e6

    def issue(self, instructions: float, warps: int) -> float:
        """Microseconds in which a multiprocessor issues so many instructions, of that many warps at once."""
        return instructions / min(self.assumed("issue_warp") * warps, self.assumed("issue_most")) / self.assumed("clock") / 1e3


# ---- Instructions ----

def row_of(step: Step, kernel: str, role: str) -> machine_code.Row:
    """The row of figures.txt for the kernel that a step takes."""
    shape, stored = step.shape, "float" if step.element == 4 else "bf16"
    if shape.blocks > 1:
        name = f"cluster_kernel<cluster_layout<float, {shape.packs}, {stored}>>"
    else:
        name = f"{kernel}<layout<float, {shape.values}, {shape.packs}, {'true' if shape.lanes > 32 else 'false'}, {stored}>>"
    if (name, role) not in FIGURES:
        raise SystemExit(f"tests/sass/figures.txt has no {role} of {name}")
    return FIGURES[name, role]


def of_a_pass(step: Step, kernel: str) -> float:
    """
    Count the instructions of a warp for the rows that it has under way at once.

    Those of the table, in which a loop within counts once, and the rest of loops around a shuffle. Of loops that add up shared sums
    the table has none.
    """
    shape, row = step.shape, row_of(step, kernel, "rows")
    rows, terms = row.loads / shape.packs, shape.threads // 32 - 1 + shape.blocks - 1
    more = (int(math.log2(min(shape.lanes, 32))) - 1) * row.shuffle_instructions
    return row.instructions + more + (rows * terms * step.assumed("sum_term") if row.sum_loops else 0)


def work(step: Step, kernel: str, at_once: int) -> float:
    """Microseconds in which the busiest multiprocessor issues what its blocks do with their rows; at_once: warps that it holds."""
    shape = step.shape
    blocks, warps = -(-shape.parts * shape.blocks // MULTIPROCESSORS), shape.threads // 32
    passes = -(-shape.rows // int(shape.threads // shape.lanes * row_of(step, kernel, "rows").loads / shape.packs))
    return step.issue(blocks * passes * warps * of_a_pass(step, kernel), min(at_once, blocks * warps))


def add_up(step: Step, row: machine_code.Row, blocks: int) -> float:
    """Microseconds in which `blocks` blocks add up the parts' gradients, row.loads of a thread on their way at once, and update."""
    loads = step.shape.parts * (step.d // 4 + 1)
    turns = -(-loads // (THREADS * row.loads * blocks))
    return turns * (step.assumed("dependent_l2_load") + step.issue(row.instructions, 1)) + step.assumed("update_in_block")


# ---- Times ----

def fused(step: Step) -> tuple[float, float]:
    """Predict (nothing of the next batch is fetched while a step ends; all that is meant to be)."""
    shape, sums = step.shape, step.assumed("block_sums")
    gap = step.assumed("graph_node_early") + step.chain("start") + step.assumed("dependent_dram_load") + sums
    if step.partial <= PASSED and shape.blocks == 1:
        gap += step.assumed("arrive") + sums + step.chain("end") + add_up(step, row_of(step, "fused_kernel", "parts"), 1)
    else:
        blocks = -(-(step.d // 4 + 1) // 8)
        gap += step.assumed("graph_node_early") + sums + step.chain("update") + step.read(2 * step.partial)
        gap += add_up(step, FIGURES["fused_update_kernel<float>", "parts"], blocks)
    ahead = min(step.size, shape.parts * shape.blocks * FETCHED, gap * step.assumed("bandwidth") * 1e6) * step.assumed("prefetch_128")
    issued = work(step, "fused_kernel", WARPS_AT_ONCE)
    return gap + max(step.read(step.size), issued), gap + max(step.read(step.size - ahead), issued)


def persistent(step: Step) -> float | None:
    """Predict; None where `auto` does not take it."""
    shape = step.shape
    size, gradient = ctypes.c_int64(step.size), ctypes.c_int64(4 * step.d)
    if shape.blocks > 1 or not SHAPES.persistent_pays(ctypes.byref(shape), size, gradient, MULTIPROCESSORS):
        return None
    sums = 2 * step.assumed("block_sums")
    meet = step.assumed("packed_barrier") + step.chain("persistent") if shape.parts > 1 else step.chain("persistent, one block")
    chain = work(step, "persistent_kernel", shape.threads // 32) + sums + meet + add_up(step, row_of(step, "persistent_kernel", "parts"), 1)
    return max(step.read(step.size), chain)


def cublas(step: Step) -> float:
    """
    Predict the least: two products, each a read of x; loss and update.

    Below 4 MB, and from bf16, rows are gathered first, by one graph: a read and a write more.
    """
    size, gathers = 4 * step.d * step.batch, step.element == 2 or 4 * step.d * step.batch < 4 << 20
    products = 2 * size / step.assumed("gemv_32" if step.d <= 32 else "gemv_256")
    gathered = size + step.size if gathers else 0
    return (5 if gathers else 4) * step.assumed("graph_node") + 2 * step.assumed("dependent_dram_load") + step.read(products + gathered)


def taken(step: Step) -> tuple[float, float]:
    """By what `auto` takes: the longer and the shorter figure."""
    alone = persistent(step)
    return (alone, alone) if alone else fused(step)


# ---- Sparse rows ----

SECTOR = 32  # bytes that memory moves for one number
VALUES = 61  # of a row
SPARSE_CASES = ((50_000, 256), (50_000, 4096), (1_000_000, 256), (1_000_000, 4096))  # d, batch
STATE = 5    # numbers of a parameter of ftrl with its average

# Loads of a kernel that wait for each other, by what stands in kernels/sparse*.cu and loss.cu on 2026-11-29.
SPARSE_CHAINS = {
    "rows": (5, "next, the batch's row, where the row starts, columns, theta"),
    "loss": (3, "next, the batch's row, p; then its sums"),
    "columns": (6, "active, the batch's number, its columns, one of them, places, derivatives"),
    "update": (3, "active, the table's row, the parameters"),
    "catch up": (6, "next, the batch's number, its columns, one of them, when it was last up to date, the table there"),
}


def touched(d: int, draws: int) -> float:
    """Expect how many of d columns occur among so many draws, by Zipf's law."""
    total = sum(1 / j for j in range(1, d + 1))
    return sum(-math.expm1(draws * math.log1p(-1 / (j * total))) if d > 1 else 1 for j in range(1, d + 1))


def sparse_step(d: int, batch: int, gpu: str, *, lazy: bool, catches_up_in_rows: bool = False) -> float:
    """Predict a step of ftrl with an average and penalties: launches, chains, and the bytes of stored values and parameters."""
    step, values = Step(VALUES, batch, 4, gpu), batch * VALUES
    columns = touched(d, values)
    kernels = ["rows", "loss", "columns"]
    moved = values * 16.0 + columns * 8
    if not lazy:
        kernels.append("update")
        moved += d * 4 * (2 * STATE + 3)  # and the gradient: cleared, written, read
    else:
        moved += columns * SECTOR * (2 * STATE + 1)
    if lazy and catches_up_in_rows:  # of each stored value, in place of each column
        moved += values * SECTOR * (STATE + 1)
    elif lazy:
        kernels.append("catch up")
        moved += columns * SECTOR * (STATE + 1 + 3)
    chains = sum(SPARSE_CHAINS[kernel][0] for kernel in kernels) + 2 * int(catches_up_in_rows)
    waits = chains * step.assumed("dependent_l2_load") + step.assumed("arrive") + 2 * step.assumed("block_sums")
    return len(kernels) * step.assumed("graph_node") + waits + step.read(moved)


def sparse_table() -> str:
    """Microseconds of sparse steps, by update."""
    lines = ["| d x batch | columns of a batch | H100: dense | lazy | H200: dense | lazy | H200: lazy, caught up in the rows' kernel |",
             "|---|---|---|---|---|---|---|"]
    for d, batch in SPARSE_CASES:
        cells = [f"{d} x {batch}", f"{touched(d, batch * VALUES):.0f}"]
        cells += [f"{sparse_step(d, batch, gpu, lazy=lazy):.1f}" for gpu in GPUS for lazy in (False, True)]
        cells.append(f"{sparse_step(d, batch, 'H200', lazy=True, catches_up_in_rows=True):.1f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


# ---- The page ----

def span(times: tuple[float, float]) -> str:
    """Both figures, or one where they are the same."""
    longest, least = times
    return f"{longest:.1f}" if longest - least < 0.05 else f"{least:.1f} to {longest:.1f}"


def times_table(gpu: str, element: int) -> str:
    """Microseconds by engine."""
    last = "of float's" if element == 2 else "target | predicted before" if gpu == "H200" else ""
    columns = ["d x batch", "parts", "cublas, at least", "fused", "persistent", "auto takes", "bytes alone", "instructions alone"]
    columns += [last] if last else []
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * (len(columns) + last.count(" | "))]
    for d, batch, target, before in CASES:
        step = Step(d, batch, element, gpu)
        alone, shape = persistent(step), step.shape
        parts = f"{shape.parts}" + (f", each of {shape.blocks} blocks" if shape.blocks > 1 else "")
        issued = work(step, "persistent_kernel", shape.threads // 32) if alone else work(step, "fused_kernel", WARPS_AT_ONCE)
        cells = [f"{d} x {batch}", parts, f"{cublas(step):.1f}", span(fused(step)), f"{alone:.1f}" if alone else "-",
                 "persistent" if alone else "fused", f"{step.read(step.size):.2f}", f"{issued:.2f}"]
        if element == 2:
            cells.append(f"{100 * taken(step)[0] / taken(Step(d, batch, 4, gpu))[0]:.0f} %")
        elif gpu == "H200":
            cells += [f"{target}", before]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def updates() -> str:
    """
    Predict updates of many parameters.

    Where all optimizers share one kernel its figure is of the dearest, and nothing is said.
    """
    many, lines = 10_000_000, []
    for name, number, size in UPDATES:
        row = FIGURES.get((f"update_kernel<float, {number}>", "update"))
        if row is None:
            return ""
        cells = [name, f"{row.each:.0f}"]
        for step in (Step(32, 32, 4, gpu) for gpu in GPUS):
            issued = step.issue(many * row.each / 32 / MULTIPROCESSORS, WARPS_AT_ONCE)
            cells += [f"{step.read(size * many):.0f}", f"{issued:.0f}", f"{max(step.read(size * many), issued):.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    head = ["Updates of 10 million parameters by update_kernel, predicted in microseconds, a launch not counted:", "",
            "| optimizer | instructions per parameter | H100: bytes | instructions | update | H200: bytes | instructions | update |",
            "|---|---|---|---|---|---|---|---|"]
    return "\n".join([*head, *lines, "", ""])


def verdict() -> str:
    """The cases that miss their targets on an H200, by the longer time."""
    met: list[str] = []
    perhaps: list[str] = []
    missed: list[str] = []
    for d, batch, target, _ in CASES:
        longest, least = taken(Step(d, batch, 4, "H200"))
        (met if longest <= target else perhaps if least <= target else missed).append(f"{d} x {batch}")
    return (f"Predicted to be within the target: {', '.join(met) or 'none'}. Only if what is fetched ahead arrives: "
            f"{', '.join(perhaps) or 'none'}. Above it: {', '.join(missed) or 'none'}.")


def assumptions_table() -> str:
    """ASSUMPTIONS, and what follows from them that gpu-probe measures too."""
    lines = ["| Assumed | H100 | H200 | unit | from | gpu-probe's figure |", "|---|---|---|---|---|---|"]
    for a in ASSUMPTIONS:
        lines.append(f"| {a.name} | {a.values[0]:g} | {a.values[1]:g} | {a.unit} | {a.source} | {a.probe or 'none'} |")
    for d in (32, 256):
        step = Step(d, 65536, 4, "H200")
        clocks = of_a_pass(step, "fused_kernel") / (8 * step.assumed("issue_warp"))
        rate = 512 * row_of(step, "fused_kernel", "rows").loads / clocks * step.assumed("clock")
        lines.append(f"| one_sm_rate_d{d} | {rate:.0f} | {rate:.0f} | GB/s | computed: 8 warps, by the instructions of fused_kernel | "
                     f"one multiprocessor: dots and gradient of rows of {d} |")
    return "\n".join(lines)


def chains_table() -> str:
    """CHAINS, and those of sparse rows."""
    chains = {**CHAINS, **{f"sparse: {name}": chain for name, chain in SPARSE_CHAINS.items()}}
    return "\n".join(["| Loads that wait for each other | Number | |", "|---|---|---|",
                      *(f"| {name} | {count} | {what} |" for name, (count, what) in chains.items())])


def document() -> str:
    """PREDICTED.md."""
    return f"""# Predicted, not measured: microseconds per step on an H100 and an H200
Float, one target, squared loss, batches of consecutive rows. **No GPU could be had so far: every figure here is a prediction**, by
scripts/predict_steps.py (`--write` makes this page). Measured figures will stand next to them, with their date.

A step takes as long as its bytes or its instructions, whichever take longer, and as long as the chain of what waits for each other: launches or a
barrier, loads, sums. Instructions are those of the compiled kernels, tests/sass/figures.txt.

Predicted for an H100 (SXM):

{times_table("H100", 4)}

Predicted for an H200:

{times_table("H200", 4)}

{verdict()}

Two figures for `fused`: while a step ends, the next step's kernel has begun, and fetches up to {FETCHED // 1024} KB of x a block into the L2 cache; the first
figure counts with all of that which memory can send in this time, the second with none of it.

**Predicted before** are the figures of this page until 2026-11-28, which counted bytes and launches alone. They were too low: one multiprocessor was
taken to go through 90 GB/s, where the instructions of a row of 32 floats allow a third of that; a step's end was one figure of 0.3 us, where a
chain of loads from the L2 cache, two sums over a block and the addition of the parts' gradients stand; all bytes went at an H200's rate. The most too
low were 32 x 256 and rows in bf16.

{updates()}{assumptions_table()}

{chains_table()}

Not counted: the end of a slice of steps, at which the host looks at the loss; the barrier of a cluster, which the other block on its multiprocessor is
assumed to cover; instructions of ways that are not always taken (random order, weights, offsets, other losses and optimizers); stalls beyond
`issue_warp` and `issue_most`, such as of instruction caches. Counted too often: steps of a reduction that rows shared by 8 or 16 threads leave out,
where the code has all five. In random order a step reads the same bytes; how much less memory sends then, by the
length of a row, `gpu-probe` measures.

The same with rows kept as bf16 (`--storage bf16`). A warp needs nearly twice the instructions for as many bytes, since each holds two values: from
some 256 columns on instructions, not bytes, are what a step waits for. Predicted for an H100:

{times_table("H100", 2)}

Predicted for an H200:

{times_table("H200", 2)}

In cublas it does not pay: rows are widened as they are gathered, and then read twice as floats.

Sparse rows of {VALUES} values whose columns follow Zipf's law, FTRL with an average and penalties, batches made by columns beforehand. A dense update
passes over all parameters; a lazy one brings the columns of the batch up to date by one launch more, and leaves out the update's. A number of
a column takes {SECTOR} bytes, one of all parameters 4: `auto` takes lazy updates where there are more than 65,536 parameters beyond four times the
values of a batch. To catch up in the kernel of the rows, which is not built, would save a launch, and would do for each stored value what is done for
each column: it pays in small batches.

{sparse_table()}
"""


def sentence() -> str:
    """Return the sentence of docs/gpu.md."""
    small, large = Step(32, 256, 4, "H100"), Step(256, 65536, 4, "H100")
    there = Step(256, 65536, 4, "H200")
    return (f"Predicted time of a step: {taken(small)[0]:.1f} us for 256 rows of 32 floats on an H100; for 65,536 rows of 256 floats,\n"
            f"{span(taken(large))} us on an H100, of which {large.read(large.size):.0f} us are spent on reading, and {span(taken(there))} us on an H200.")


# ---- The figure ----

STAGES = {"launch": "#888888", "write": "#e0a040", "read x": "#4060c0", "other": "#bbbbbb"}


def bars(step: Step) -> list[tuple[str, list[tuple[str, float]]]]:
    """What a step of large batches consists of: (name, [(stage, us)])."""
    node, early, load = (step.assumed(name) for name in ("graph_node", "graph_node_early", "dependent_dram_load"))
    reading = step.read(step.size)
    gathered = [("launch", 5 * node), ("read x", 3 * reading), ("write", reading), ("other", 2 * load)]
    return [("gather, product, loss, product, update", gathered),
            ("fused", [("launch", 2 * early), ("read x", reading), ("other", fused(step)[0] - 2 * early - reading)])]


def figure() -> str:
    """step.svg."""
    step = Step(256, 65536, 4, "H200")
    rows, width, left = bars(step), 760, 250
    longest = max(sum(us for _, us in stages) for _, stages in rows)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="150" font-family="sans-serif" font-size="13">',
           f'<rect width="{width}" height="150" fill="white"/>',
           f'<text x="10" y="20">A step of {step.batch} rows of {step.d} floats in random order on an H200, microseconds. '
           "Predicted, not measured.</text>"]
    for i, (name, stages) in enumerate(rows):
        x, y = float(left), 35 + 40 * i
        out.append(f'<text x="10" y="{y + 20}">{name}</text>')
        for stage, us in stages:
            w = us / longest * (width - left - 60)
            out.append(f'<rect x="{x:.1f}" y="{y}" width="{w:.1f}" height="28" fill="{STAGES[stage]}"/>')
            x += w
        out.append(f'<text x="{x + 6:.1f}" y="{y + 20}">{sum(us for _, us in stages):.0f}</text>')
    for i, (stage, color) in enumerate(STAGES.items()):
        out.append(f'<rect x="{left + 110 * i}" y="125" width="12" height="12" fill="{color}"/>')
        out.append(f'<text x="{left + 18 + 110 * i}" y="136">{stage}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def gpu_page() -> str:
    """docs/gpu.md, with the sentence as it is now in the line between two marks."""
    before, _, rest = (ROOT / "docs/gpu.md").read_text().partition("<!-- predicted -->\n")
    _, end, after = rest.partition("<!-- end of predicted -->\n")
    if not end:
        raise SystemExit("docs/gpu.md has no marks of the predicted times any more")
    return f"{before}<!-- predicted -->\n{sentence()}\n{end}{after}"


def main(arguments: list[str]) -> None:
    """The command."""
    files = {ROOT / "tests/gpu/PREDICTED.md": document(), ROOT / "tests/gpu/step.svg": figure(), ROOT / "docs/gpu.md": gpu_page()}
    if arguments == ["--write"]:
        for path, text in files.items():
            path.write_text(text)
    elif arguments == ["--check"]:
        for path, text in files.items():
            if path.read_text() != text:
                raise SystemExit(f"{path.relative_to(ROOT)} is not what scripts/predict_steps.py says now; --write makes it anew")
    else:
        print(*(times_table(gpu, element) for element in (4, 2) for gpu in GPUS), sep="\n\n")


if __name__ == "__main__":
    main(sys.argv[1:])
