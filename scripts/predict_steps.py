#!/usr/bin/env python3
"""Predicted times of training steps on an H200, by engine: tests/gpu/PREDICTED.md and tests/gpu/step.svg. Nothing here is measured.
How a batch is cut into parts, and which engine `auto` takes, is asked of host/cuda/shape.c (a C compiler and CUDA's headers).

usage: predict_steps.py [--write | --check]   without either: prints the tables; --check: fails where the two files are not theirs
"""
import ctypes
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Assumptions, in bytes a second and microseconds. The first is a copy bandwidth seen on H200s; the others are to be replaced by
# what tests/gpu/probe measures.
BANDWIDTH = 4.3e12
MULTIPROCESSORS = 132
ONE_MULTIPROCESSOR = 90e9  # what one reads or works through by itself
NODE = 1.3                 # from one kernel of a graph to the next that needs it
EARLY = 0.6                # likewise, where the next one has begun and waits
LOAD = 0.8                 # a dependent load from memory
ARRIVE = 0.8               # fence, atomic, and the last block's look
BARRIER = 1.2              # of 132 blocks, by flags
ADD_UP = 0.3               # the losses' sums and an update in one block
FETCHED = 65536            # bytes of a part that are fetched before its kernel's turn: kernels/fused.h, rows_ahead()

# d, batch, the target (float, batches of consecutive rows)
CASES = [(32, 256, 1.0), (32, 4096, 1.5), (32, 65536, 2.3), (256, 1024, 2.0), (256, 65536, 17), (1024, 4096, 4.5), (16384, 1024, 18)]


# ---- The parts of a batch ----

class Shape(ctypes.Structure):
    """fused_shape, kernels/kernels.h"""
    _fields_ = [(name, ctypes.c_int) for name in ("values", "packs", "threads", "lanes", "blocks")] + \
               [(name, ctypes.c_int64) for name in ("rows", "parts")]


def library():
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "shape.so"
        cuda = os.environ.get("CUDA_HOME", "/usr/local/cuda") + "/include"
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-I", ROOT / "include", "-I", ROOT / "kernels", "-I", cuda,
                        ROOT / "host/cuda/shape.c", "-o", out], check=True)
        return ctypes.CDLL(str(out))


def shape_of(d, batch, element):
    """element: bytes of a value of x, 4 of float or 2 of bf16."""
    shape = Shape()
    if not SHAPES.fused_shape_of(0, int(element == 2), ctypes.c_int64(batch), ctypes.c_int64(d), 1, ctypes.byref(shape)):
        raise SystemExit(f"no shape for {d} x {batch}")
    return shape


# ---- Times ----

def read(size):
    return size / BANDWIDTH * 1e6


def one(size):
    """One multiprocessor goes through `size` bytes of floats."""
    return size / ONE_MULTIPROCESSOR * 1e6


def share(d, batch, shape):
    """Bytes of floats that the busiest multiprocessor goes through, two blocks of a cluster's on each."""
    if shape.blocks > 1:
        return 4 * d * batch / min(shape.parts * shape.blocks / 2, MULTIPROCESSORS)
    return 4 * d * batch / min(shape.parts, MULTIPROCESSORS)


def fused(d, batch, element=4):
    """(nothing of the next batch is fetched while a step ends; all that is meant to be)"""
    shape, size = shape_of(d, batch, element), element * d * batch
    partial = 4 * d * shape.parts
    if partial <= 65536 and shape.blocks == 1:
        gap = EARLY + LOAD + ARRIVE + ADD_UP + one(partial)
    else:
        gap = 2 * EARLY + LOAD + ADD_UP + read(2 * partial)
    ahead = min(size, shape.parts * shape.blocks * FETCHED, gap * BANDWIDTH / 1e6)
    work = one(share(d, batch, shape))
    return gap + max(read(size), work), gap + max(read(size - ahead), work)


def persistent(d, batch, element=4):
    """None where `auto` does not take it."""
    shape, size = shape_of(d, batch, element), element * d * batch
    partial = 4 * d * shape.parts
    if shape.blocks > 1 or not SHAPES.persistent_pays(ctypes.byref(shape), ctypes.c_int64(size), ctypes.c_int64(4 * d), MULTIPROCESSORS):
        return None
    mine = share(d, batch, shape) if shape.parts <= MULTIPROCESSORS else 4 * d * batch / shape.parts * -(-shape.parts // MULTIPROCESSORS)
    chain = one(mine) + (BARRIER if shape.parts > 1 else 0) + ADD_UP + one(partial)
    return max(read(size), chain)


def cublas(d, batch, element=4):
    """Two products, each a read of x; loss and update. Below 4 MB, and from bf16, rows are gathered first, by one graph: a read and a
    write more."""
    size, gathers = 4 * d * batch, element == 2 or 4 * d * batch < 4 << 20
    return (5 if gathers else 4) * NODE + 2 * LOAD + read((3 if gathers else 2) * size + (element * d * batch if gathers else 0))


def span(times):
    longest, least = times
    return f"{longest:.1f}" if longest - least < 0.05 else f"{least:.1f} to {longest:.1f}"


# ---- The page ----

def table(element=4):
    last = "target" if element == 4 else "of float's"
    lines = [f"| d x batch | parts | cublas | fused | persistent | auto takes | {last} | bytes alone |", "|---|---|---|---|---|---|---|---|"]
    for d, batch, target in CASES:
        p, f, shape = persistent(d, batch, element), fused(d, batch, element), shape_of(d, batch, element)
        parts = f"{shape.parts}" + (f", each of {shape.blocks} blocks" if shape.blocks > 1 else "")
        if element == 2:
            target = f"{100 * (p or f[0]) / (persistent(d, batch) or fused(d, batch)[0]):.0f} %"
        lines.append(f"| {d} x {batch} | {parts} | {cublas(d, batch, element):.1f} | {span(f)} | {f'{p:.1f}' if p else '-'} | "
                     f"{'persistent' if p else 'fused'} | {target} | {read(element * d * batch):.2f} |")
    return "\n".join(lines)


def verdict():
    """The cases that miss their targets, by the longer time."""
    met, perhaps, missed = [], [], []
    for d, batch, target in CASES:
        p, f = persistent(d, batch), fused(d, batch)
        longest, least = (p, p) if p else f
        (met if longest <= target else perhaps if least <= target else missed).append(f"{d} x {batch}")
    return (f"Within the target: {', '.join(met) or 'none'}. Only if what is fetched ahead arrives: {', '.join(perhaps) or 'none'}. "
            f"Above it: {', '.join(missed) or 'none'}.")


def document():
    return f"""# Predicted, not measured: microseconds a step on an H200
Float, one target, batches of consecutive rows. **No GPU could be had so far: every figure here is a prediction**, by scripts/predict_steps.py
(`--write` makes this page). Measured figures will stand beside them, with their date.

{table()}

{verdict()}

Two figures for `fused`: while a step ends, the next step's kernel has begun, and fetches up to {FETCHED // 1024} KB of x a block into the L2 cache; the first
figure counts with all of that which memory can send in this time, the second with none of it.

Assumed: {BANDWIDTH / 1e12} TB/s of memory bandwidth; {ONE_MULTIPROCESSOR / 1e9:.0f} GB/s for one multiprocessor by itself; {NODE} us from a graph's kernel to the next,
{EARLY} us where that one has begun and waits; {LOAD} us for a load that all waits for; {ARRIVE} us until the last block knows that it is the last;
{BARRIER} us for a barrier of 132 blocks; {ADD_UP} us to add up losses and update in one block. `gpu-probe` (README.md) measures each of these but the last.

In random order a step reads the same bytes; how much less memory sends then, by the length of a row, `gpu-probe` measures, and nothing here assumes.

What stands between a figure and its target: the barrier through global memory at 32 x 4096, 32 x 65536 and 256 x 1024, where the one of a cluster of
16 blocks may be cheaper, but moves a batch with 16 multiprocessors in place of 132: to be written when both have been measured. At 1024 x 4096 two
kernels follow each other for 3.9 us of reading, most of which would have to be fetched meanwhile.

The same with rows kept as bf16 (`--storage bf16`), where one multiprocessor is assumed to go through as many values a second as of floats:

{table(2)}

It pays where x is most of what a step moves. In cublas it does not: rows are widened as they are gathered, and then read twice as floats.
"""


# ---- The figure ----

STAGES = {"launch": "#888888", "write": "#e0a040", "read x": "#4060c0", "other": "#bbbbbb"}


def bars(d, batch):
    """What a step of large batches consists of: (name, [(stage, us)])"""
    size, parts = 4 * d * batch, shape_of(d, batch, 4).parts
    return [("gather, product, loss, product, update", [("launch", 5 * NODE), ("read x", read(3 * size)), ("write", read(size)), ("other", 2 * LOAD)]),
            ("fused", [("launch", 2 * EARLY), ("read x", read(size)), ("other", LOAD + ADD_UP + read(8 * d * parts))])]


def figure():
    d, batch = 256, 65536
    rows, width, left = bars(d, batch), 760, 250
    longest = max(sum(us for _, us in stages) for _, stages in rows)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="150" font-family="sans-serif" font-size="13">',
           f'<rect width="{width}" height="150" fill="white"/>',
           f'<text x="10" y="20">A step of {batch} rows of {d} floats in random order on an H200, microseconds. Predicted, not measured.</text>']
    for i, (name, stages) in enumerate(rows):
        x, y = left, 35 + 40 * i
        out.append(f'<text x="10" y="{y + 20}">{name}</text>')
        for stage, us in stages:
            w = us / longest * (width - left - 60)
            out.append(f'<rect x="{x:.1f}" y="{y}" width="{w:.1f}" height="28" fill="{STAGES[stage]}"/>')
            x += w
        out.append(f'<text x="{x + 6:.1f}" y="{y + 20}">{sum(us for _, us in stages):.0f}</text>')
    for i, (stage, colour) in enumerate(STAGES.items()):
        out.append(f'<rect x="{left + 110 * i}" y="125" width="12" height="12" fill="{colour}"/>')
        out.append(f'<text x="{left + 18 + 110 * i}" y="136">{stage}</text>')
    return "\n".join(out + ["</svg>"]) + "\n"


def main(arguments):
    files = {ROOT / "tests/gpu/PREDICTED.md": document(), ROOT / "tests/gpu/step.svg": figure()}
    if arguments == ["--write"]:
        for path, text in files.items():
            path.write_text(text)
    elif arguments == ["--check"]:
        for path, text in files.items():
            if path.read_text() != text:
                raise SystemExit(f"{path.relative_to(ROOT)} is not what scripts/predict_steps.py says now; --write makes it anew")
    else:
        print(table(), table(2), sep="\n\n")


if __name__ == "__main__":
    SHAPES = library()
    main(sys.argv[1:])
