#!/usr/bin/python3
"""Draws what scripts/bench.sh measured, and writes the report: roofline.png, peers.png and README.md next to the JSON files.

usage: plot_bench.py [FOLDER]     (scripts/bench by default). The plots need matplotlib; without it the report is written alone.
"""
import os
import statistics
import sys

from peers.report import load, report, shape_words, shapes_of, unique

COLORS = {"cusgd": "#d62728", "numpy": "#1f77b4", "torch-hand": "#ff7f0e", "torch-autograd": "#bcbd22", "torch-graph": "#8c564b",
           "jax": "#2ca02c", "cupy": "#17becf", "cuml": "#e377c2", "sklearn": "#7f7f7f", "vw": "#9467bd",
           "none": "#d62728", "blocks": "#1f77b4", "permute": "#2ca02c", "replace": "#9467bd", "batches": "#17becf",
           "replace-blocks": "#8c564b"}
MARKERS = "os^Dv<>Ph*"


def batch_axis(axes, batches):
    axes.set_xscale("log", base=2)
    axes.set_xticks(batches)
    axes.set_xticklabels(["%d" % b for b in batches])
    axes.minorticks_off()
    axes.set_xlabel("batch")
    axes.grid(True, color="#dddddd", linewidth=0.6)


def draw_roofline(plt, steps, file):
    """GB/s of x against the batch; the line above is what memory is read at, its band the least and the most of all cases."""
    shapes, precisions = shapes_of(steps), unique(s["precision"] for s in steps)
    figure, panels = plt.subplots(1, len(shapes), figsize=(4.2 * len(shapes), 4), sharey=True, squeeze=False)
    for axes, (rows, cols) in zip(panels[0], shapes):
        here = [s for s in steps if (s["rows"], s["cols"]) == (rows, cols)]
        reads = [1e-9 * s["read_bytes_per_second"] for s in here]
        axes.axhspan(min(reads), max(reads), color="#000000", alpha=0.08, linewidth=0)
        axes.axhline(statistics.median(reads), color="black", linewidth=1.2, label="memory reads")
        for i, (sampling, precision) in enumerate((s, p) for s in unique(s["sampling"] for s in here) for p in precisions):
            line = sorted((s["batch"], s) for s in here if (s["sampling"], s["precision"]) == (sampling, precision))
            scale = 1e-9 * line[0][1]["x_bytes"] / rows
            y = [scale * s["rows_per_second"] for _, s in line]
            spread = [[scale * (s["rows_per_second"] - s["rows_per_second_min"]) for _, s in line],
                      [scale * (s["rows_per_second_max"] - s["rows_per_second"]) for _, s in line]]
            axes.errorbar([b for b, _ in line], y, yerr=spread, color=COLORS.get(sampling), marker=MARKERS[i], capsize=2,
                          linestyle="-" if precision == "float" else "--", markersize=5,
                          label=sampling if len(precisions) == 1 else "%s, %s" % (sampling, precision))
        axes.set_title(shape_words(rows, cols), fontsize=11)
        batch_axis(axes, unique(sorted(s["batch"] for s in here)))
    panels[0][0].set_ylabel("GB/s of x")
    panels[0][0].set_ylim(bottom=0)
    put_legend(figure, panels, 5)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def put_legend(figure, panels, columns, names=()):
    entries = dict.fromkeys(names)
    for axes in panels.flat:
        for handle, label in zip(*axes.get_legend_handles_labels()):
            entries[label] = entries.get(label) or handle
    entries = {label: handle for label, handle in entries.items() if handle}
    columns = min(columns, 2 * panels.shape[1], len(entries))
    lines = -(-len(entries) // columns)
    figure.legend(entries.values(), entries.keys(), loc="lower center", ncol=columns, frameon=False)
    figure.tight_layout(rect=(0, (0.1 + 0.25 * lines) / figure.get_figheight(), 1, 1))


def draw_peer(axes, name, records, batches, marker):
    line = sorted((r["batch"], [1e-6 * v for v in r["rows_per_second"]]) for r in records if r["rows_per_second"])
    if not line:
        return
    style = dict(color=COLORS.get(name), label=name, linewidth=2.4 if name == "cusgd" else 1.3)
    if all(batch == 1 for batch, _ in line):
        axes.hlines(statistics.median(line[0][1]), batches[0], batches[-1], linestyles="dashed", **style)
        return
    middle = [statistics.median(v) for _, v in line]
    spread = [[m - min(v) for m, (_, v) in zip(middle, line)], [max(v) - m for m, (_, v) in zip(middle, line)]]
    axes.errorbar([b for b, _ in line], middle, yerr=spread, marker=marker, markersize=5, capsize=2, **style)


def draw_peers(plt, results, file):
    records = results["speed"]
    shapes, samplings = shapes_of(records), unique(r["sampling"] for r in records)
    names = unique(r["peer"] for r in records)
    batches = unique(sorted(r["batch"] for r in records if r["peer"] == "cusgd"))
    figure, panels = plt.subplots(len(samplings), len(shapes), figsize=(4.2 * len(shapes), 3.7 * len(samplings)), squeeze=False,
                                  sharex=True)
    for row, sampling in zip(panels, samplings):
        for axes, (rows, cols) in zip(row, shapes):
            here = [r for r in records if (r["rows"], r["cols"], r["sampling"]) == (rows, cols, sampling)]
            for i, name in enumerate(names):
                draw_peer(axes, name, [r for r in here if r["peer"] == name], batches, MARKERS[i])
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            batch_axis(axes, batches)
            axes.set_title("%s, %s" % (shape_words(rows, cols), sampling), fontsize=11)
            axes.set_xlabel("batch" if row is panels[-1] else "")
        row[0].set_ylabel("million rows/s")
    put_legend(figure, panels, 6, names)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def main():
    own_folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench")
    folder = sys.argv[1] if len(sys.argv) > 1 else own_folder
    steps, peers = load(folder)
    with open(os.path.join(folder, "README.md"), "w") as out:
        out.write(report(folder))
    try:
        import matplotlib
        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        print("no plots: matplotlib is not installed", file=sys.stderr)
        return
    draw_roofline(plt, steps, os.path.join(folder, "roofline.png"))
    if peers:
        draw_peers(plt, peers, os.path.join(folder, "peers.png"))


if __name__ == "__main__":
    main()
