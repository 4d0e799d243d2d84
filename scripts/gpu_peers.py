#!/usr/bin/env python3
"""Times minibatch SGD steps of least squares in PyTorch, JAX and CuPy: x resident on the GPU, batches in order, float32, the
gradient written by hand, g = x_b^T (x_b theta - y_b) / B, theta -= rate g. What cuSGD's `bench --sampling none` does, by its peers.

One JSON object per line on standard output for each peer, shape and batch: microseconds per step (median, min, max of the repeats),
or why there is no figure. Each peer's theta after the first pass is compared with NumPy's in double: a peer that computes something
else is not timed. --cpu runs it without a GPU, to try the script.

usage: gpu_peers.py [--cases ROWSxCOLS:BATCH,... ...] [--repeats N] [--seconds S] [--budget S] [--cpu]
"""
import argparse
import json
import math
import sys
import time

MOST_STEPS = 4096  # of a repeat; a pass has at most so many


def parse(words):
    p = argparse.ArgumentParser()
    p.add_argument("--cases", nargs="+", type=case, default=[case("4000000x32:256,65536"), case("500000x256:65536")])
    p.add_argument("--repeats", type=int, default=10)
    p.add_argument("--seconds", type=float, default=20, help="that no peer, shape and batch should take")
    p.add_argument("--budget", type=float, default=math.inf, help="seconds after which no further case is begun")
    p.add_argument("--cpu", action="store_true")
    return p.parse_args(words)


def case(text):
    """ROWSxCOLS:BATCH,... as (rows, cols, [batch, ...])"""
    shape, batches = text.split(":")
    n, d = (int(float(v)) for v in shape.split("x"))
    return n, d, [int(float(v)) for v in batches.split(",")]


def problem(np, n, d):
    """x: n x d, y: n; float32."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((n, d), dtype=np.float32)
    truth = (rng.standard_normal(d) / math.sqrt(d)).astype(np.float32)
    return x, x @ truth + np.float32(0.5) * rng.standard_normal(n, dtype=np.float32)


def reference(np, x, y, batch, steps, rate):
    theta = np.zeros(x.shape[1])
    for i in range(steps):
        xb = x[i * batch : (i + 1) * batch].astype(np.float64)
        theta -= rate / batch * (xb.T @ (xb @ theta - y[i * batch : (i + 1) * batch]))
    return theta


# Each peer: make(x, y, batch, steps, rate, cpu) -> (reset, run, theta): reset() puts theta to zero, run() makes `steps` steps and
# returns when they are done, theta() is theta as a NumPy array.


def torch_batches(torch, x, y, batch, steps, cpu):
    torch.backends.cuda.matmul.allow_tf32 = False
    device = "cpu" if cpu else "cuda"
    x, y = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
    theta = torch.zeros(x.shape[1], device=device)
    return [(x[i * batch : (i + 1) * batch], y[i * batch : (i + 1) * batch]) for i in range(steps)], theta


def torch_step(torch, xb, yb, theta, scale):
    theta.add_(torch.mv(xb.t(), torch.mv(xb, theta).sub_(yb)), alpha=-scale)


def torch_eager(x, y, batch, steps, rate, cpu):
    import torch

    batches, theta = torch_batches(torch, x, y, batch, steps, cpu)
    scale = rate / batch

    def run():
        with torch.no_grad():
            for xb, yb in batches:
                torch_step(torch, xb, yb, theta, scale)
        if not cpu:
            torch.cuda.synchronize()

    return theta.zero_, run, lambda: theta.cpu().numpy()


def torch_graph(x, y, batch, steps, rate, cpu):
    """All steps of the repeat in one CUDA graph."""
    import torch

    if cpu:
        raise RuntimeError("a CUDA graph needs a GPU")
    batches, theta = torch_batches(torch, x, y, batch, steps, cpu)
    scale = rate / batch
    with torch.no_grad():
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for xb, yb in batches[:3]:
                torch_step(torch, xb, yb, theta, scale)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for xb, yb in batches:
                torch_step(torch, xb, yb, theta, scale)

    def run():
        graph.replay()
        torch.cuda.synchronize()

    return theta.zero_, run, lambda: theta.cpu().numpy()


def jax_scan(x, y, batch, steps, rate, cpu):
    """One compiled lax.scan over all steps."""
    import jax
    import jax.numpy as jnp

    device = jax.devices("cpu" if cpu else "gpu")[0]
    d = x.shape[1]
    xs = jax.device_put(x[: steps * batch].reshape(steps, batch, d), device)
    ys = jax.device_put(y[: steps * batch].reshape(steps, batch), device)
    highest = jax.lax.Precision.HIGHEST

    @jax.jit
    def train(theta, xs, ys):
        def step(theta, b):
            xb, yb = b
            r = jnp.matmul(xb, theta, precision=highest) - yb
            return theta - rate / batch * jnp.matmul(r, xb, precision=highest), None

        return jax.lax.scan(step, theta, (xs, ys))[0]

    state = {}

    def reset():
        state["theta"] = jax.device_put(jnp.zeros(d, jnp.float32), device)

    def run():
        state["theta"] = train(state["theta"], xs, ys).block_until_ready()

    import numpy as np

    reset()
    return reset, run, lambda: np.asarray(state["theta"])


def cupy_steps(x, y, batch, steps, rate, cpu):
    if cpu:
        raise RuntimeError("CuPy needs a GPU")
    import cupy

    x, y = cupy.asarray(x), cupy.asarray(y)
    theta = cupy.zeros(x.shape[1], cupy.float32)
    batches = [(x[i * batch : (i + 1) * batch], y[i * batch : (i + 1) * batch]) for i in range(steps)]
    scale = cupy.float32(rate / batch)

    def run():
        for xb, yb in batches:
            r = xb @ theta
            r -= yb
            g = r @ xb
            g *= scale
            cupy.subtract(theta, g, out=theta)
        cupy.cuda.get_current_stream().synchronize()

    return lambda: theta.fill(0), run, lambda: cupy.asnumpy(theta)


PEERS = [
    ("PyTorch, eager", "torch", torch_eager),
    ("PyTorch, CUDA graph", "torch", torch_graph),
    ("JAX, scan", "jax", jax_scan),
    ("CuPy", "cupy", cupy_steps),
]


def measure(np, make, x, y, batch, expected, steps, rate, a):
    reset, run, theta = make(x, y, batch, steps, rate, a.cpu)
    run()  # compiles, if anything does
    reset()
    run()
    error = float(np.linalg.norm(theta() - expected) / np.linalg.norm(expected))
    if not error < 1e-3:
        raise RuntimeError("theta is off by a relative %.3g" % error)
    times, begun = [], time.perf_counter()
    while len(times) < a.repeats and (len(times) < 3 or time.perf_counter() - begun < a.seconds):
        start = time.perf_counter()
        run()
        times.append(1e6 * (time.perf_counter() - start) / steps)
    times.sort()
    median = (times[(len(times) - 1) // 2] + times[len(times) // 2]) / 2
    return dict(unit="us", n=len(times), median=median, min=times[0], max=times[-1], error=error)


def version(module):
    try:
        return __import__(module).__version__, None
    except ModuleNotFoundError as e:
        return None, "not installed" if e.name == module else str(e)
    except Exception as e:  # a package that is there and cannot be loaded
        return None, str(e).splitlines()[0]


def main():
    a = parse(sys.argv[1:])
    try:
        import numpy as np
    except ModuleNotFoundError:
        for name, _, _ in PEERS:
            print(json.dumps(dict(peer=name, why="NumPy is not installed")))
        return 0
    versions = {module: version(module) for _, module, _ in PEERS}
    for name, module, _ in PEERS:
        if versions[module][1]:
            print(json.dumps(dict(peer=name, why=versions[module][1])))
    begun = time.perf_counter()
    for n, d, batches in a.cases:
        if time.perf_counter() - begun > a.budget:
            break
        x, y = problem(np, n, d)
        for batch in batches:
            batch = min(batch, n)
            steps = min(n // batch, MOST_STEPS)
            rate = 0.5 / (1 + (d + 1) / batch)
            expected = reference(np, x, y, batch, steps, rate)
            for name, module, make in PEERS:
                if versions[module][1] or time.perf_counter() - begun > a.budget:
                    continue
                row = dict(peer=name, version=versions[module][0], rows=n, cols=d, batch=batch, steps=steps, cpu=a.cpu)
                try:
                    row.update(measure(np, make, x, y, batch, expected, steps, rate, a))
                except Exception as e:  # one peer's trouble is not the others'
                    row["why"] = (str(e).splitlines() or [type(e).__name__])[0]
                print(json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
