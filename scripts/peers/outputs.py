"""Steps with many outputs compared with the two matrix products that they consist of, by NumPy's BLAS on the same bytes: p = x theta and
x'r. A step does more than that: losses, an update, and its sums are in an order that does not depend on the machine."""
import time

import numpy as np

from peers.library import Trainer
from peers.peers import threadpoolctl
from peers.problem import bounds, plain_rate

ROWS, COLS, BATCH, OUTPUTS = 32768, 512, 4096, (16, 64, 256)


def products(x, theta, r, cuts):
    for first, last in zip(cuts, cuts[1:]):
        x[first:last] @ theta
        x[first:last].T @ r[first:last]


def seconds_of(run, least):
    begun, passes = time.perf_counter(), 0
    while time.perf_counter() - begun < least:
        run()
        passes += 1
    return (time.perf_counter() - begun) / passes


def one_case(library, options, threads, x, k, results):
    rows, random = x.shape[0], np.random.default_rng(k)
    y = (x[:, :1] + random.standard_normal((rows, k), dtype=np.float32)).astype(np.float32)
    theta = random.standard_normal((x.shape[1], k), dtype=np.float32)
    cuts, data = bounds(rows, BATCH), library.data(x, y)
    t = Trainer(library, data, x.shape[1], optimizer="sgd", rate=repr(plain_rate(x.shape[1], BATCH)), batch=BATCH, sampling="none",
                device=options.device, threads=threads, no_standardize=None, no_intercept=None)
    record = {"rows": rows, "cols": x.shape[1], "outputs": k, "batch": BATCH, "threads": threads, "flops": 4.0 * rows * x.shape[1] * k,
              "cusgd": [], "products": []}
    for turn in range(options.turns + 1):  # the first one warms up
        own = seconds_of(lambda: t.step(len(cuts) - 1), options.least)
        theirs = seconds_of(lambda: products(x, theta, y, cuts), options.least)
        if turn:
            record["cusgd"].append(own)
            record["products"].append(theirs)
    t.free()
    library.data_free(data)
    results["outputs"].append(record)


def outputs(library, options, threads, results):
    """On one thread and on all."""
    if options.device != "cpu" or threadpoolctl is None:
        return
    rows = ROWS // 16 if options.quick else ROWS
    x = np.random.default_rng(1).standard_normal((rows, COLS), dtype=np.float32)
    for count in sorted({1, threads}):
        with threadpoolctl.threadpool_limits(limits=count, user_api="blas"):
            for k in OUTPUTS:
                one_case(library, options, count, x, k, results)
