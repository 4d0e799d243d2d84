#!/usr/bin/env python3
"""Predicted times of training steps on an H200, by engine: tests/gpu/PREDICTED.md and tests/gpu/step.svg. Nothing here is measured.

usage: predict_steps.py [--write]   without --write: prints the table
"""
import math
import sys
from pathlib import Path

# Assumptions, in bytes a second and microseconds. The first is a copy bandwidth seen on H200s; the others are to be replaced by
# what tests/gpu/probe measures.
BANDWIDTH = 4.3e12
MULTIPROCESSORS = 132
ONE_MULTIPROCESSOR = 90e9  # what one reads or works through by itself
NODE = 1.3                 # from one kernel of a graph to the next that needs it
LOAD = 0.8                 # a dependent load from memory
ARRIVE = 0.8               # fence, atomic, and the last block's look
BARRIER = 1.2              # of 132 blocks, by flags
ADD_UP = 0.3               # the losses' sums and an update in one block

# d, batch, the target (float, batches of consecutive rows)
CASES = [(32, 256, 1.0), (32, 4096, 1.5), (32, 65536, 2.3), (256, 1024, 2.0), (256, 65536, 17), (1024, 4096, 4.5), (16384, 1024, 18)]


def parts_of(d, batch, element=4):
    """kernels/fused.cu: fused_shape_of(). element: bytes of a value of x."""
    packs = d * element // 16
    slots = 256 // max(8, min(32, packs)) if packs <= 128 else 1
    rows = max(32768 // (element * d), 8, math.ceil(batch / 528))
    rows = math.ceil(min(rows, 256 * slots) / slots) * slots
    return math.ceil(batch / rows)


def read(size):
    return size / BANDWIDTH * 1e6


def one(size):
    """One multiprocessor goes through `size` bytes of floats."""
    return size / ONE_MULTIPROCESSOR * 1e6


def fused(d, batch, element=4):
    parts, size = parts_of(d, batch, element), element * d * batch
    partial = 4 * d * parts
    body = max(read(size), one(4 * d * batch / min(parts, MULTIPROCESSORS)))
    time = NODE + LOAD + body + ARRIVE
    if partial <= 65536:
        return time + ADD_UP + one(partial)
    return time + NODE + ADD_UP + read(2 * partial)


def persistent(d, batch, element=4):
    """None where `auto` does not take it: host/cuda/fused.c, persistent_pays()"""
    parts, size = parts_of(d, batch, element), element * d * batch
    partial = 4 * d * parts
    if size > MULTIPROCESSORS * 98304 or partial > 65536:
        return None
    share = 4 * d * batch / parts * math.ceil(parts / MULTIPROCESSORS)
    chain = one(share) + (BARRIER if parts > 1 else 0) + ADD_UP + one(partial)
    return max(read(size), chain)


def cublas(d, batch, element=4):
    """Two products, each a read of x; loss and update. Below 4 MB, and from bf16, rows are gathered first, by one graph: a read and a
    write more."""
    size, gathers = 4 * d * batch, element == 2 or 4 * d * batch < 4 << 20
    return (5 if gathers else 4) * NODE + 2 * LOAD + read((3 if gathers else 2) * size + (element * d * batch if gathers else 0))


def bf16_table():
    lines = ["| d x batch | parts | cublas | fused | persistent | auto takes | of float's | bytes alone |", "|---|---|---|---|---|---|---|---|"]
    for d, batch, _ in CASES:
        p = persistent(d, batch, 2)
        takes, before = p or fused(d, batch, 2), persistent(d, batch) or fused(d, batch)
        lines.append(f"| {d} x {batch} | {parts_of(d, batch, 2)} | {cublas(d, batch, 2):.1f} | {fused(d, batch, 2):.1f} | "
                     f"{f'{p:.1f}' if p else '-'} | {'persistent' if p else 'fused'} | {100 * takes / before:.0f} % | {read(2 * d * batch):.2f} |")
    return "\n".join(lines)


def table():
    lines = ["| d x batch | parts | cublas | fused | persistent | auto takes | target | bytes alone |", "|---|---|---|---|---|---|---|---|"]
    for d, batch, target in CASES:
        p = persistent(d, batch)
        chosen = "persistent" if p else "fused"
        lines.append(f"| {d} x {batch} | {parts_of(d, batch)} | {cublas(d, batch):.1f} | {fused(d, batch):.1f} | "
                     f"{f'{p:.1f}' if p else '-'} | {chosen} | {target} | {read(4 * d * batch):.2f} |")
    return "\n".join(lines)


def document():
    return f"""# Predicted, not measured: microseconds a step on an H200
Float, one target, batches of consecutive rows. **No GPU could be had so far: every figure here is a prediction**, by scripts/predict_steps.py
(`--write` makes this page). Measured figures will stand beside them, with their date.

{table()}

Assumed: {BANDWIDTH / 1e12} TB/s of memory bandwidth; {ONE_MULTIPROCESSOR / 1e9:.0f} GB/s for one multiprocessor by itself; {NODE} us from a graph's kernel to the next;
{LOAD} us for a load that all waits for; {ARRIVE} us until the last block knows that it is the last; {BARRIER} us for a barrier of 132 blocks;
{ADD_UP} us to add up losses and update in one block. `gpu-probe` (README.md) measures each of these but the last.

Where a prediction is above the target, what is missing is known: 1024 x 4096 and 256 x 65536 pay a second kernel for the sum of the parts'
gradients, which could begin while the first one drains; 32 x 4096 pays a barrier through global memory, where a cluster's may be cheaper;
16384 x 1024 writes and reads 8 MB of parts' gradients, which a cluster that shares a row would divide by its size.

The same with rows kept as bf16 (`--storage bf16`), where one multiprocessor is assumed to go through as many values a second as of floats:

{bf16_table()}

It pays where x is most of what a step moves. In cublas it does not: rows are widened as they are gathered, and then read twice as floats.
"""


# ---- The figure ----

STAGES = {"launch": "#888888", "write": "#e0a040", "read x": "#4060c0", "other": "#bbbbbb"}


def bars(d, batch):
    """What a step of large batches consists of: (name, [(stage, us)])"""
    size, parts = 4 * d * batch, parts_of(d, batch)
    return [("gather, product, loss, product, update", [("launch", 5 * NODE), ("read x", read(3 * size)), ("write", read(size)), ("other", 2 * LOAD)]),
            ("fused", [("launch", 2 * NODE), ("read x", read(size)), ("other", LOAD + ARRIVE + ADD_UP + read(8 * d * parts))])]


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


if __name__ == "__main__":
    root = Path(__file__).resolve().parent.parent
    if sys.argv[1:] == ["--write"]:
        (root / "tests/gpu/PREDICTED.md").write_text(document())
        (root / "tests/gpu/step.svg").write_text(figure())
    else:
        print(table(), bf16_table(), sep="\n\n")
