"""The report on the benchmark, Markdown, from what cusgd bench --json and bench_peers.py wrote."""
import json
import os
import statistics

from peers.goals import goals


def load(folder):
    """(cases of cusgd bench, results of bench_peers.py or None)"""
    with open(os.path.join(folder, "steps.jsonl")) as file:
        steps = [json.loads(line) for line in file if line.strip()]
    peers = os.path.join(folder, "peers.json")
    if not os.path.exists(peers):
        return steps, None
    with open(peers) as file:
        return steps, json.load(file)


def unique(values):
    return list(dict.fromkeys(values))


def shapes_of(records):
    return unique((r["rows"], r["cols"]) for r in records)


def shape_words(rows, cols):
    return "{:,} x {:,}".format(rows, cols)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def spread(values, form="%.3g"):
    """median (min .. max)"""
    return (form + " (" + form + " .. " + form + ")") % (statistics.median(values), min(values), max(values))


def times(value):
    return ("%.0fx" if value >= 10 else "%.1fx") % value


def steps_tables(steps):
    text = ""
    for rows, cols in shapes_of(steps):
        here = [s for s in steps if (s["rows"], s["cols"]) == (rows, cols)]
        text += "\n%s, %s, x has %.0f MB\n\n" % (shape_words(rows, cols), here[0]["device_name"], 1e-6 * here[0]["x_bytes"])
        text += table(
            ["sampling, precision", "batch", "us per step", "million rows/s (min .. max)", "x, GB/s", "reads, GB/s", "share"],
            [["%s, %s" % (s["sampling"], s["precision"]), str(s["batch"]), "%.4g" % (1e6 * s["step_seconds"]),
              "%.4g (%.4g .. %.4g)" % tuple(1e-6 * s["rows_per_second" + e] for e in ("", "_min", "_max")),
              "%.3g" % (1e-9 * s["x_bytes_per_second"]), "%.3g" % (1e-9 * s["read_bytes_per_second"]),
              "%.0f %%" % (100 * s["share"])] for s in here])
    return text


def find(records, **keys):
    return next((r for r in records if all(r[k] == v for k, v in keys.items())), None)


def ratio_cell(own, peer):
    """Peer's rate, and how many times as fast cuSGD is; within each turn, so that what slows a turn slows both."""
    if not peer or not peer["rows_per_second"] or not own or not own["rows_per_second"]:
        return "-"
    rate = 1e-6 * statistics.median(peer["rows_per_second"])
    if peer is own:
        return "%.3g" % rate
    ratios = [a / b for a, b in zip(own["rows_per_second"], peer["rows_per_second"])]
    return "%.3g: %s (%s .. %s)" % ((rate,) + tuple(times(v) for v in (statistics.median(ratios), min(ratios), max(ratios))))


def speed_tables(peers):
    text, records = "", peers["speed"]
    names = unique(r["peer"] for r in records)
    batches = unique(r["batch"] for r in records if r["peer"] == "cusgd")
    for rows, cols in shapes_of(records):
        for sampling in unique(r["sampling"] for r in records):
            body = []
            for name in names:
                cells = []
                for batch in batches:
                    where = dict(rows=rows, cols=cols, sampling=sampling)
                    own = find(records, peer="cusgd", batch=batch, **where)
                    peer = find(records, peer=name, batch=batch, **where) or find(records, peer=name, batch=1, **where)
                    cells.append(ratio_cell(own, peer))
                if any(cell != "-" for cell in cells):
                    body.append([name] + cells)
            text += "\n%s, sampling %s\n\n" % (shape_words(rows, cols), sampling)
            text += table(["million rows/s: cuSGD / peer (min .. max)"] + ["batch %d" % b for b in batches], body)
    return text


def loss_table(peers):
    records = [r for r in peers["speed"] if r.get("loss") is not None]
    names, body = unique(r["peer"] for r in records), []
    for rows, cols in shapes_of(records):
        for sampling in unique(r["sampling"] for r in records):
            for batch in sorted(unique(r["batch"] for r in records)):
                found = [find(records, peer=name, rows=rows, cols=cols, sampling=sampling, batch=batch) for name in names]
                body.append(["%s, %s, batch %d" % (shape_words(rows, cols), sampling, batch)] +
                            ["%.6g" % r["loss"] if r else "" for r in found])
    return table(["mean squared error"] + names, body)


def milliseconds(seconds, limit):
    return spread([1e3 * s for s in seconds]) if seconds else "not within %g s" % limit


def tried_words(record):
    """Where there was no time for the whole grid."""
    return "; %d of %d tried" % (record["tried"], record["grid"]) if record.get("tried", 0) < record.get("grid", 0) else ""


def target_table(peers):
    body = []
    for r in peers["targets"]:
        own = find(peers["targets"], rows=r["rows"], cols=r["cols"], target=r["target"], peer="cusgd")
        ratio = "-"
        if r is not own and r["seconds"] and own["seconds"]:
            ratio = times(statistics.median(r["seconds"]) / statistics.median(own["seconds"]))
        end = milliseconds(r["end_to_end"], r["limit"]) if r.get("end_to_end") else ""
        body.append(["%s, %g, %s" % (shape_words(r["rows"], r["cols"]), r["target"], r["peer"]),
                     milliseconds(r["seconds"], r["limit"]), end, ratio, r.get("how", "") + tried_words(r)])
    return table(["to a relative gap of", "ms (min .. max)", "with preparation", "peer / cuSGD", "by"], body)


def circumstances(peers):
    m, s = peers["machine"], peers["settings"]
    took = ", %.0f s" % s["seconds"] if "seconds" in s else ""
    return ("Measured on %s at commit %s: %s, %d cores, %d threads, device %s%s. Versions: %s.%s\n" % (
        peers["date"], peers["commit"], m["cpu"], m["cores"], m["threads"], s["device"], took,
        ", ".join("%s %s" % pair for pair in peers["versions"].items()),
        "".join(" %s: %s." % pair for pair in peers["missing"].items())))


def goals_tables(steps, peers):
    text = ""
    for goal, cases in goals(steps, peers):
        missed = sum(value < aim for _, value, _, aim in cases)
        text += "\n%s: %d of %d\n\n" % (goal[0].upper() + goal[1:], len(cases) - missed, len(cases))
        text += table(["", "median", "best", "aim", ""],
                      [[words, "%.2f" % value, "%.2f" % best, "%.3g" % aim,
                        "" if value >= aim else "missed" if best < aim else "missed but for the best"]
                       for words, value, best, aim in cases])
    return text


TEXT = """# How fast cuSGD is

Written by scripts/bench.sh; edits are lost.{circumstances}
## Steps compared with the memory

`cusgd bench`: plain SGD, squared loss, random data; whole passes over x, medians over repeats. A step reads each row once, so
what memory can be read at is its limit: *reads* is that rate, with the number of threads that is best for it, measured before and
after each case and averaged, and *share* x's bytes per second over it.

![x read a second against the batch, next to the rate at which memory is read](roofline.png)
{steps}
## What was aimed at

Ratios of rates in one run on a CPU, the higher the better: the median of the repeats, and the best of them. [notes.md](notes.md) has
the reasons of what is missed.
{goals}"""

PEERS_TEXT = """## Compared with the peers

scripts/bench_peers.py: the same bytes, plain SGD without intercept at one rate, float32 (scikit-learn: float64, made
beforehand), in up to {turns} turns: each peer is timed once a turn, and ratios are of the same turn. NumPy and PyTorch have one
thread or all, whichever is faster. A cell is the peer's median rate and how many times as fast cuSGD is. scikit-learn and Vowpal
Wabbit take one row a step, whatever the batch.

![rows per second against the batch, one line a peer](peers.png)
{speed}
### Loss after {passes} passes

The same steps lead to the same loss where rows are taken in order and batches are cut alike (JAX leaves the last, shorter batch
out); random orders differ.

{loss}
### Time to the optimum

Milliseconds of training until the mean squared error is within that share of its exact optimum, with intercept; the clock stands
while the model is judged, about every 5 % more rows. Peers: the best of a small grid of batches and rates, plain and averaged,
found for NumPy and used by PyTorch too; the search is not counted. cuSGD: no option given; *with preparation* counts the checks,
standardization and the choice of the rate too.

{targets}
{alone}
"""


def report(folder):
    steps, peers = load(folder)
    text = TEXT.format(circumstances="" if not peers else "\n\n" + circumstances(peers), steps=steps_tables(steps), goals=goals_tables(steps, peers))
    if peers:
        alone = "".join("Left to itself, `cusgd train` on %s stops after %.3g s in all, at a relative gap of %.2g.\n" % (
            shape_words(r["rows"], r["cols"]), r["seconds"], r["gap"]) for r in peers["left_alone"])
        text += PEERS_TEXT.format(turns=peers["settings"]["turns"], passes=peers["settings"]["passes"], speed=speed_tables(peers),
                                  loss=loss_table(peers), targets=target_table(peers), alone=alone)
    return text.rstrip() + "\n"
