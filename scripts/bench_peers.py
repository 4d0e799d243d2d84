#!/usr/bin/python3
"""Times cuSGD and the libraries that do the same, in turns, on the very same bytes, and writes what it finds as JSON.

Speed: rows per second of plain SGD without intercept at one rate, the rows in order (sampling none) and in a new random order each
pass (permute); and the loss after the same number of passes. Targets: seconds of training until the mean squared error is
within a share of its exact optimum, with intercept; peers with the best of a small grid of rates and batches, cuSGD with no
option given. Outputs: steps with many outputs compared with the two matrix products that they consist of. scripts/bench.sh builds what this needs, and makes the report and the plots of it.

usage: bench_peers.py [--cusgd PATH] [--out FILE] [--folder DIR] [--device cpu|cuda] [--quick] ...
Needs NumPy; takes scikit-learn, PyTorch, JAX, CuPy, cuML and Vowpal Wabbit (vowpalwabbit) where they are installed. On the CPU
each uses as many threads as it can; OMP_NUM_THREADS limits all of them.
"""
import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time

import numpy as np

from peers.cusgd import CuSGD
from peers.library import Library, library_of
from peers.outputs import outputs
from peers.peers import PEERS, Job
from peers.problem import Problem, plain_rate

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGETS = (1e-3, 1e-4)
LEAST_SECONDS, LEAST_TURNS = 0.1, 2  # of one timing; of all
PAUSE = 0.05  # seconds before a timing, in which the threads of the library before it stop to spin
SEARCH_LIMITS = 12  # times the limit of one run: what the search of a grid may take


class Stop(Exception):
    pass


class Clock:
    """Runs while training does, and stands while the model is judged: about every 5 % more rows. Ends a run by Stop."""

    def __init__(self, problem, targets, limit):
        self.problem, self.targets, self.limit = problem, list(targets), limit
        self.hits, self.rows, self.next, self.seconds, self.begun = {}, 0, 1024, 0.0, 0.0

    def start(self):
        self.begun = time.perf_counter()

    def tick(self, rows, get):
        self.rows += rows
        if self.rows < self.next:
            return
        self.seconds += time.perf_counter() - self.begun
        gap = self.problem.gap(*get())
        for target in [t for t in self.targets if gap <= t]:
            self.hits[target] = (self.seconds, self.rows)
            self.targets.remove(target)
        if not self.targets or self.seconds > self.limit or gap > 1e6:
            raise Stop
        self.next = self.rows + max(512, self.rows // 20)
        self.start()


def timed(run, argument, clock):
    clock.start()
    try:
        run(argument, clock.tick)
    except Stop:
        pass
    return clock


def note(*words):
    print(*words, file=sys.stderr, flush=True)


# ---- Speed -----------------------------------------------------------------------------------------------------------------


def make_runs(problem, peers, batches, samplings, results):
    """Every job that a peer takes, made and run once to warm up: that run's loss is the one reported."""
    runs = []
    for sampling in samplings:
        for peer in peers:
            for batch in [1] if peer.one_by_one else batches:
                job = Job(batch, plain_rate(problem.d, batch), sampling)
                record = {"rows": problem.n, "cols": problem.d, "peer": peer.name, "sampling": sampling, "batch": batch,
                          "rate": job.rate, "passes": results["settings"]["passes"], "rows_per_second": []}
                try:
                    run = peer.make(job)
                    weight, bias = run(record["passes"])
                except Exception as why:  # whatever a library throws: the others go on
                    record["missing"] = "%s: %s" % (type(why).__name__, why)
                else:
                    record["loss"] = None if weight is None else problem.loss(weight, bias)
                    runs.append((record, run, getattr(peer, "rows", problem.n)))
                results["speed"].append(record)
    return runs


def speed(problem, peers, library, options, results):
    runs = make_runs(problem, peers, options.batch, options.sampling, results)
    reads = {"rows": problem.n, "cols": problem.d, "bytes_per_second": []}
    results["reads"].append(reads)
    begun = time.perf_counter()
    for turn in range(options.turns):
        if turn >= LEAST_TURNS and time.perf_counter() - begun > options.budget:
            break
        reads["bytes_per_second"].append(library.read_bandwidth(options.device, 256 << 20))
        for record, run, rows in runs:
            time.sleep(PAUSE)
            started, passes, seconds = time.perf_counter(), 0, 0.0
            while seconds < options.least:
                run(1)
                passes += 1
                seconds = time.perf_counter() - started
            record["rows_per_second"].append(rows * passes / seconds)


# ---- Time to a target ------------------------------------------------------------------------------------------------------


def grid_of(peer, problem):
    """Averaged runs at rates near the largest safe one, and plain ones at the rate whose noise is just below a target."""
    d = problem.d
    if peer.one_by_one:
        return [Job(1, f / d, "permute", True, 0) for f in (0.15, 0.3, 0.6)] + [Job(1, t / d, "permute", True) for t in TARGETS]
    batches = [b for b in (256, 1024, 64) if b <= problem.n // 20]
    averaged = [Job(b, f * 2 * plain_rate(d, b), "none", True, k * d // b) for b in batches for f in (0.3, 0.6) for k in (20, 60)]
    floor = [Job(b, min(plain_rate(d, b), 0.7 * t * b / d), "none", True) for b in batches[:2] for t in TARGETS]
    return averaged + floor


def search(problem, peer, grid, limit):
    """The best job of the grid for each target, {target: (seconds, job)}, and how many jobs there was time for."""
    best, begun, tried = {}, time.perf_counter(), 0
    for job in grid:
        if time.perf_counter() - begun > SEARCH_LIMITS * limit:
            break
        tried += 1
        worst = max((best[t][0] for t in TARGETS), default=limit) if len(best) == len(TARGETS) else limit
        clock = timed(peer.make(job), 10**6, Clock(problem, TARGETS, min(limit, 2 * worst)))
        for target, (seconds, _) in clock.hits.items():
            if target not in best or seconds < best[target][0]:
                best[target] = (seconds, job)
    return best, tried


def words_of(job):
    return "batch %d, rate %.3g%s" % (job.batch, job.rate, "" if job.average_from is None else ", averaged")


def target_records(problem, peers, limit):
    """What is to be run in turns. PyTorch's loops do what NumPy's does, so they get its best jobs alone."""
    records, numpy_best = [], None
    for peer in peers:
        grid = grid_of(peer, problem)
        if numpy_best is not None and not peer.one_by_one:
            grid = list(dict.fromkeys(job for _, job in numpy_best.values()))
        best, tried = search(problem, peer, grid, limit)
        numpy_best = best if peer.name == "numpy" else numpy_best
        for target in TARGETS:
            record = {"rows": problem.n, "cols": problem.d, "peer": peer.name, "target": target, "seconds": [], "limit": limit,
                      "tried": tried, "grid": len(grid)}
            if target in best:
                record.update(how=words_of(best[target][1]))
            records.append((record, peer, best[target][1] if target in best else None))
    return records


def targets(problem, peers, cusgd, options, results):
    able = [p for p in peers if p.name in ("numpy", "torch-hand", "torch-autograd", "sklearn")]
    records = target_records(problem, able, options.limit)
    own = [{"rows": problem.n, "cols": problem.d, "peer": "cusgd", "target": t, "seconds": [], "end_to_end": [],
            "limit": options.limit, "how": "no option given"} for t in TARGETS]
    begun = time.perf_counter()
    for turn in range(options.turns):
        if turn >= LEAST_TURNS and time.perf_counter() - begun > options.budget:
            break
        clock = Clock(problem, TARGETS, options.limit)
        try:
            cusgd.with_defaults(clock)
        except Stop:
            pass
        for record in own:
            if record["target"] in clock.hits:
                record["seconds"].append(clock.hits[record["target"]][0])
                record["end_to_end"].append(clock.prepared + record["seconds"][-1])
        for record, peer, job in records:
            if job is None:
                continue
            hit = timed(peer.make(job), 10**6, Clock(problem, [record["target"]], options.limit)).hits
            record["seconds"] += [seconds for seconds, _ in hit.values()]
    seconds, model = cusgd.left_alone()
    results["left_alone"].append({"rows": problem.n, "cols": problem.d, "seconds": seconds, "gap": problem.gap(*model)})
    results["targets"] += own + [record for record, _, _ in records]


# ---- Where, when, with what ------------------------------------------------------------------------------------------------


def cpu_name():
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def commit():
    asked = ["git", "-C", ROOT, "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def circumstances(options, threads):
    return {"date": datetime.date.today().isoformat(), "commit": commit(),
            "machine": {"cpu": cpu_name(), "cores": os.cpu_count(), "threads": threads, "load_at_start": os.getloadavg()[0]},
            "versions": {"python": platform.python_version(), "numpy": np.__version__},
            "settings": {"device": options.device, "passes": options.passes, "turns": options.turns, "quick": options.quick,
                         "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE")},
            "missing": {}, "speed": [], "reads": [], "targets": [], "left_alone": [], "outputs": []}


def peers_for(problem, options, threads, results):
    peers = []
    for kind in PEERS:
        if options.peers and kind.name not in options.peers:
            continue
        try:
            peers.append(kind(problem, options.device, threads))
        except ImportError as why:
            results["missing"][kind.name] = "not installed" if isinstance(why, ModuleNotFoundError) else str(why)
        except Exception as why:  # a library that is there and does not work
            results["missing"][kind.name] = "%s: %s" % (type(why).__name__, why)
        else:
            results["versions"][kind.name] = getattr(peers[-1], "version", np.__version__)
    return peers


def put(results, file):
    os.makedirs(os.path.dirname(os.path.abspath(file)), exist_ok=True)
    with open(file + ".new", "w") as out:
        json.dump(results, out, indent=1)
        out.write("\n")
    os.replace(file + ".new", file)


def summary(results):
    """Median rows per second; the report has the rest."""
    for r in results["speed"]:
        if r["rows_per_second"]:
            note("%8d x %-5d %-8s batch %-5d %-15s %8.3g Mrows/s  loss %s" % (
                r["rows"], r["cols"], r["sampling"], r["batch"], r["peer"], 1e-6 * statistics.median(r["rows_per_second"]),
                "%.5g" % r["loss"] if r["loss"] else "-"))
    for r in results["targets"]:
        got = "%.3g ms" % (1e3 * statistics.median(r["seconds"])) if r["seconds"] else "not within %g s" % r["limit"]
        note("%8d x %-5d to %g: %-15s %s" % (r["rows"], r["cols"], r["target"], r["peer"], got))
    for name, why in results["missing"].items():
        note("%s: %s" % (name, why))


def arguments():
    numbers = lambda text: [int(float(word)) for word in text.split(",")]
    words = lambda text: text.split(",")
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("--cusgd", default=os.path.join(ROOT, "build/release/bin/cusgd"), help="the command; its library is next to it")
    a.add_argument("--out", default=os.path.join(ROOT, "build/bench/peers.json"))
    a.add_argument("--folder", default=os.path.join(ROOT, "build/bench/data"), help="where the data is made, and kept")
    a.add_argument("--device", default="cpu")
    a.add_argument("--shapes", type=words, default=["1000000x32", "200000x256", "50000x2048"])
    a.add_argument("--batch", type=numbers, default=[32, 256, 4096])
    a.add_argument("--sampling", type=words, default=["none", "permute"])
    a.add_argument("--peers", type=words, default=None, help="only these")
    a.add_argument("--passes", type=int, default=3, help="after which the loss is taken")
    a.add_argument("--turns", type=int, default=5)
    a.add_argument("--budget", type=float, default=60.0, help="seconds after which a shape's turns end, of speed and of targets")
    a.add_argument("--limit", type=float, default=4.0, help="seconds that a target may take")
    a.add_argument("--no-targets", action="store_true")
    a.add_argument("--quick", action="store_true", help="small shapes, few turns: to see that it runs")
    options = a.parse_args()
    options.least = LEAST_SECONDS
    if options.quick:
        options.shapes, options.batch, options.turns = ["20000x16", "4000x128"], [32, 256], 2
        options.limit, options.least = 0.5, 0.01
    return options


def main():
    options = arguments()
    threads = int(os.environ.get("OMP_NUM_THREADS", 0)) or len(os.sched_getaffinity(0))
    library, results = Library(library_of(options.cusgd)), circumstances(options, threads)
    results["versions"]["cusgd"] = library.version
    begun = time.perf_counter()
    for shape in options.shapes:
        rows, cols = (int(float(word)) for word in shape.split("x"))
        problem = Problem(options.cusgd, options.folder, rows, cols)
        peers = peers_for(problem, options, threads, results)
        cusgd = CuSGD(problem, options.device, library)
        note("%s: speed, after %.0f s" % (shape, time.perf_counter() - begun))
        speed(problem, [cusgd] + peers, library, options, results)
        if not options.no_targets:
            note("%s: targets, after %.0f s" % (shape, time.perf_counter() - begun))
            targets(problem, peers, cusgd, options, results)
        cusgd.close()
        put(results, options.out)
    note("many outputs, after %.0f s" % (time.perf_counter() - begun))
    outputs(library, options, threads, results)
    results["settings"]["seconds"] = time.perf_counter() - begun
    put(results, options.out)
    summary(results)
    note("written: %s (%.0f s)" % (options.out, results["settings"]["seconds"]))


if __name__ == "__main__":
    main()
