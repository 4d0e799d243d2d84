"""What was aimed at on a CPU, and what was measured: (goal, [(case, median, best, aim)]) of what load() returns. The best repeat,
or turn, is what is left when others that share the machine's processors and memory take least of them."""
import statistics


def ratios(over, under):
    """Median and best of the same turns, so that what slows a turn slows both."""
    each = [a / b for a, b in zip(over, under)]
    return statistics.median(each), max(each)


def shares(steps):
    """Bytes of x a second over those that memory is read at."""
    found = [(s, "%d x %d, %s, batch %d" % (s["rows"], s["cols"], s["sampling"], s["batch"])) for s in steps
             if s["batch"] >= 1024 and s["precision"] == "float" and s.get("outputs", 1) == 1]
    share = lambda s: (s["share"], s["share"] * s["rows_per_second_max"] / s["rows_per_second"])
    ordered = [(words, *share(s), 0.85) for s, words in found if s["sampling"] in ("none", "blocks")]
    permuted = [(words, *share(s), 0.45 if s["cols"] == 256 else 0.35) for s, words in found
                if s["sampling"] == "permute" and s["cols"] >= 256]
    return [("share of the read bandwidth, rows in order or in blocks", ordered),
            ("share of the read bandwidth, rows in random order", permuted)]


def speed_goals(peers):
    """Compare with the best peer of the same bytes, batch and order, and with scikit-learn."""
    to_best, to_sklearn = [], []
    for own in [r for r in peers["speed"] if r["peer"] == "cusgd" and r["rows_per_second"]]:
        same = [r for r in peers["speed"] if r["peer"] != "cusgd" and r["rows_per_second"] and r["batch"] == own["batch"] and
                all(r[key] == own[key] for key in ("rows", "cols", "sampling"))]
        words = "%d x %d, %s, batch %d" % (own["rows"], own["cols"], own["sampling"], own["batch"])
        if same:
            best = max(same, key=lambda r: statistics.median(r["rows_per_second"]))
            reads = next(r for r in peers["reads"] if (r["rows"], r["cols"]) == (own["rows"], own["cols"]))
            limit = 0.85 * statistics.median(reads["bytes_per_second"]) / (4 * own["cols"])
            most = limit / statistics.median(best["rows_per_second"])
            aim = 1.2 if own["cols"] > 1024 else min(2.0, most)
            to_best.append((words + ": " + best["peer"], *ratios(own["rows_per_second"], best["rows_per_second"]), aim))
        one_by_one = [r for r in peers["speed"] if r["peer"] == "sklearn" and r["rows_per_second"] and
                      all(r[key] == own[key] for key in ("rows", "cols", "sampling"))]
        if one_by_one and own["batch"] >= 256:
            to_sklearn.append((words, *ratios(own["rows_per_second"], one_by_one[0]["rows_per_second"]), 15))
    return [("rows/s compared with the best peer (the aim: 2, or less where .85 of the read bandwidth is less; 1.2 at 2048 columns)",
             to_best), ("rows/s compared with scikit-learn", to_sklearn)]


def time_goal(peers):
    cases = []
    for own in [r for r in peers["targets"] if r["peer"] == "cusgd" and r["target"] == 1e-3 and r["seconds"]]:
        others = [r for r in peers["targets"] if r["peer"] != "cusgd" and r["seconds"] and
                  all(r[key] == own[key] for key in ("rows", "cols", "target"))]
        if others:
            best = min(others, key=lambda r: statistics.median(r["seconds"]))
            cases.append(("%d x %d: %s" % (own["rows"], own["cols"], best["peer"]), *ratios(best["seconds"], own["seconds"]), 0.5))
    return [("time to a relative gap of 1e-3: the best tuned peer's over that of cuSGD with no option", cases)]


def outputs_goal(peers):
    cases = [("%d outputs, %d thread%s" % (r["outputs"], r["threads"], "s" if r["threads"] > 1 else ""),
              *ratios(r["products"], r["cusgd"]), 0.8) for r in peers.get("outputs", [])]
    return [("steps with many outputs: rate over that of their two matrix products by OpenBLAS", cases)]


def goals(steps, peers):
    found = shares(steps)
    if peers:
        found += speed_goals(peers) + time_goal(peers) + outputs_goal(peers)
    return [(goal, cases) for goal, cases in found if cases]
