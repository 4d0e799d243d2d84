"""Minibatch SGD for least squares as it is written with each of the libraries that cuSGD is compared with.

A peer's make(job) prepares, untimed, what may be kept from run to run, and returns run(passes, tick=None) -> (weight, bias): a
training from zeros. tick(rows, get), where given, is called after each step with the rows visited and a function that returns
the model so far. A peer that is missing raises ImportError on making."""
import os
import time
from collections import namedtuple

import numpy as np

from peers.problem import bounds

try:
    import threadpoolctl  # comes with scikit-learn
except ImportError:
    threadpoolctl = None

# Gradient x'(x theta - y) / rows of the batch. average_from: a step from which iterates are averaged, or None.
Job = namedtuple("Job", "batch rate sampling intercept average_from seed", defaults=(False, None, 0))


class OneThreadOrAll:
    """Whichever is faster in a pass, or in one second of it: small batches may be better off without the other threads."""

    def threads_from(self, device, threads):
        self.best = {}  # threads by job
        self.threads = [1, threads] if device == "cpu" and threads > 1 else [threads]

    def best_threads(self, job):
        key, taken = (job.batch, job.sampling), {}
        if len(self.threads) == 1:
            return self.threads[0]
        for threads in self.threads if key not in self.best else []:
            self.set_threads(threads)
            self.rows, self.until = 0, time.perf_counter() + 1
            begun = time.perf_counter()
            try:
                self.loop(job, 1, self.trial)
            except TimeoutError:
                pass
            taken[threads] = (time.perf_counter() - begun) / self.rows
        if taken:
            self.best[key] = min(taken, key=taken.get)
        return self.best[key]

    def trial(self, rows, get):
        self.rows += rows
        if time.perf_counter() > self.until:
            raise TimeoutError


class NumPy(OneThreadOrAll):
    name, text = "numpy", "NumPy, two products"
    one_by_one = False

    def __init__(self, problem, device, threads):
        if device != "cpu":
            raise ImportError("runs on the CPU alone")
        self.of, self.p, self.x, self.y = np, problem, problem.x, problem.y
        self.threads_from(device, threads if threadpoolctl else 1)
        self.pool, self.in_use = threadpoolctl.ThreadpoolController() if threadpoolctl else None, None

    def synchronize(self):
        pass

    def set_threads(self, threads):
        if self.pool and threads != self.in_use:  # it costs about as much as a hundred small steps
            self.pool.limit(limits=threads, user_api="blas")
            self.in_use = threads

    def make(self, job):
        threads = self.best_threads(job)

        def run(passes, tick=None):
            self.set_threads(threads)
            result = self.loop(job, passes, tick)
            self.synchronize()
            return result
        return run

    def loop(self, job, passes, tick):
        of, x, y, n, d = self.of, self.x, self.y, self.p.n, self.p.d
        cuts, step, bias, mean_bias = bounds(n, job.batch), 0, 0.0, 0.0
        theta, mean = of.zeros(d, of.float32), of.zeros(d, of.float32)
        of.random.seed(job.seed)
        for _ in range(passes):
            order = of.random.permutation(n) if job.sampling == "permute" else None
            for first, last in zip(cuts, cuts[1:]):
                if order is None:
                    xb, yb = x[first:last], y[first:last]
                else:
                    rows = order[first:last]
                    xb, yb = x[rows], y[rows]
                r = xb @ theta
                r -= yb
                rate = job.rate / (last - first)
                if job.intercept:
                    r += of.float32(bias)
                    bias -= rate * float(r.sum())
                theta -= of.float32(rate) * (r @ xb)
                step += 1
                if job.average_from is not None:
                    share = 1 / max(1, step - job.average_from)
                    mean += of.float32(share) * (theta - mean)
                    mean_bias += share * (bias - mean_bias)
                if tick:
                    tick(last - first, lambda: (theta, bias) if job.average_from is None else (mean, mean_bias))
        return (theta, bias) if job.average_from is None else (mean, mean_bias)


class CuPy(NumPy):
    name, text = "cupy", "CuPy, two products"

    def __init__(self, problem, device, threads):
        import cupy
        if not device.startswith("cuda"):
            raise ImportError("runs on a GPU alone")
        self.of, self.p, self.x, self.y = cupy, problem, cupy.asarray(problem.x), cupy.asarray(problem.y)
        self.version = cupy.__version__
        self.threads_from(device, 1)

    def set_threads(self, threads):
        pass

    def synchronize(self):
        self.of.cuda.Stream.null.synchronize()

    def loop(self, job, passes, tick):
        weight, bias = NumPy.loop(self, job, passes, tick)
        return self.of.asnumpy(weight), bias


class Torch(OneThreadOrAll):
    """What the PyTorch peers share: the tensors, and the batches of a pass."""
    one_by_one = False

    def __init__(self, problem, device, threads):
        import torch
        self.of, self.p, self.device, self.version = torch, problem, device, torch.__version__
        self.threads_from(device, threads)
        self.x, self.y = torch.from_numpy(problem.x).to(device), torch.from_numpy(problem.y).to(device)

    def make(self, job):
        threads = self.best_threads(job)

        def run(passes, tick=None):
            self.set_threads(threads)
            weight, bias = self.loop(job, passes, tick)
            return weight.detach().cpu().numpy(), float(bias)  # waits for a GPU
        return run

    def set_threads(self, threads):
        self.of.set_num_threads(threads)

    def order(self, job):
        return self.of.randperm(self.p.n, device=self.device) if job.sampling == "permute" else None

    def batches(self, job):
        cuts, order = bounds(self.p.n, job.batch), self.order(job)
        for first, last in zip(cuts, cuts[1:]):
            if order is None:
                yield self.x[first:last], self.y[first:last]
            else:
                rows = order[first:last]
                yield self.x[rows], self.y[rows]


class TorchHand(Torch):
    name, text = "torch-hand", "PyTorch, hand-written gradient"

    def loop(self, job, passes, tick):
        of, step, bias, mean_bias = self.of, 0, 0.0, 0.0
        theta, mean = of.zeros(self.p.d, device=self.device), of.zeros(self.p.d, device=self.device)
        with of.no_grad():
            for _ in range(passes):
                for xb, yb in self.batches(job):
                    r = of.mv(xb, theta).sub_(yb)
                    rate = job.rate / len(yb)
                    if job.intercept:
                        r += bias
                        bias -= rate * float(r.sum())
                    theta.add_(of.mv(xb.t(), r), alpha=-rate)
                    step += 1
                    if job.average_from is not None:
                        share = 1 / max(1, step - job.average_from)
                        mean.lerp_(theta, share)
                        mean_bias += share * (bias - mean_bias)
                    if tick:
                        tick(len(yb), lambda: (theta.cpu().numpy(), bias) if job.average_from is None
                             else (mean.cpu().numpy(), mean_bias))
        return (theta, bias) if job.average_from is None else (mean, mean_bias)


class TorchAutograd(Torch):
    name, text = "torch-autograd", "PyTorch, nn.Linear and autograd"

    def loop(self, job, passes, tick):
        of, step = self.of, 0
        model = of.nn.Linear(self.p.d, 1, bias=job.intercept, device=self.device)
        for parameter in model.parameters():
            of.nn.init.zeros_(parameter)
        means = [of.zeros_like(parameter) for parameter in model.parameters()]
        optimizer, loss = of.optim.SGD(model.parameters(), lr=job.rate / 2), of.nn.MSELoss()  # MSELoss has the factor 2
        for _ in range(passes):
            for xb, yb in self.batches(job):
                optimizer.zero_grad(set_to_none=True)
                loss(model(xb).squeeze(1), yb).backward()
                optimizer.step()
                step += 1
                if job.average_from is not None:
                    share = 1 / max(1, step - job.average_from)
                    for mean, parameter in zip(means, model.parameters()):
                        mean.lerp_(parameter.detach(), share)
                if tick:
                    tick(len(yb), lambda: self.model_of(model, means, job))
        return self.model_of(model, means, job, False)

    @staticmethod
    def model_of(model, means, job, to_numpy=True):
        parts = list(model.parameters()) if job.average_from is None else means
        weight = parts[0].detach().reshape(-1)
        return weight.cpu().numpy() if to_numpy else weight, float(parts[1]) if job.intercept else 0.0


class TorchGraph(Torch):
    """Steps as one CUDA graph, their rows found on the device: what a hand-written PyTorch loop can be brought to."""
    name, text = "torch-graph", "PyTorch, hand-written, CUDA graph"
    UNROLLED = 32

    def __init__(self, problem, device, threads):
        if not device.startswith("cuda"):
            raise ImportError("runs on a GPU alone")
        Torch.__init__(self, problem, device, threads)

    def step(self, job, s):
        of = self.of
        rows = s.order.index_select(0, s.at + s.along)
        xb, yb = self.x.index_select(0, rows), self.y.index_select(0, rows)
        s.theta.add_(of.mv(xb.t(), of.mv(xb, s.theta).sub_(yb)), alpha=-job.rate / job.batch)
        s.at.add_(job.batch)

    def make(self, job):
        of, n = self.of, self.p.n

        class State:
            theta = of.zeros(self.p.d, device=self.device)
            at = of.zeros(1, dtype=of.int64, device=self.device)
            along = of.arange(job.batch, device=self.device)
            order = of.arange(n, device=self.device)

        steps = n // job.batch
        unrolled = min(self.UNROLLED, steps)
        graph, warm = of.cuda.CUDAGraph(), of.cuda.Stream()
        with of.no_grad(), of.cuda.stream(warm):
            self.step(job, State)
        of.cuda.synchronize()
        State.at.zero_()
        with of.no_grad(), of.cuda.graph(graph):
            for _ in range(unrolled):
                self.step(job, State)

        def run(passes, tick=None):
            State.theta.zero_()
            for _ in range(passes):
                order = self.order(job)
                if order is not None:
                    State.order.copy_(order)
                State.at.zero_()
                for _ in range(steps // unrolled):
                    graph.replay()
                with of.no_grad():
                    for _ in range(steps % unrolled):
                        self.step(job, State)
            return State.theta.cpu().numpy(), 0.0
        return run


class Sklearn:
    """Reads doubles: they are made beforehand, untimed. One row a step, so that the batch is not asked for."""
    name, text = "sklearn", "scikit-learn SGDRegressor"
    one_by_one = True

    def __init__(self, problem, device, threads):
        import sklearn
        if device != "cpu":
            raise ImportError("runs on the CPU alone")
        self.p, self.version = problem, sklearn.__version__
        self.x, self.y = problem.x.astype(np.float64), problem.y.astype(np.float64)

    def model(self, job, **options):
        from sklearn.linear_model import SGDRegressor
        return SGDRegressor(penalty=None, fit_intercept=job.intercept, tol=None, shuffle=job.sampling == "permute",
                            random_state=job.seed, learning_rate="constant", eta0=job.rate,
                            average=job.average_from is not None, **options)

    def make(self, job):
        def run(passes, tick=None):
            if tick:
                return self.in_parts(job, passes, tick)
            m = self.model(job, max_iter=passes).fit(self.x, self.y)
            return m.coef_, float(np.ravel(m.intercept_)[0])
        return run

    def in_parts(self, job, passes, tick):
        """There is no callback: parts of the rows, in turn, shuffled inside."""
        m, part = self.model(job), max(2048, self.p.n // 50)
        for _ in range(passes):
            for s in range(0, self.p.n, part):
                m.partial_fit(self.x[s:s + part], self.y[s:s + part])
                tick(min(part, self.p.n - s), lambda: (m.coef_, float(np.ravel(m.intercept_)[0])))
        return m.coef_, float(np.ravel(m.intercept_)[0])


class Jax:
    """A pass is one lax.scan, compiled beforehand."""
    name, text = "jax", "JAX, scan over batches"
    one_by_one = False

    def __init__(self, problem, device, threads):
        import jax
        self.of, self.p, self.version = jax, problem, jax.__version__
        self.where = jax.devices("cpu" if device == "cpu" else "gpu")[0]
        self.x, self.y = (jax.device_put(a, self.where) for a in (problem.x, problem.y))

    def make(self, job):
        jax, batch, (n, d) = self.of, job.batch, self.x.shape
        steps = n // batch

        def update(theta, xb, yb):
            return theta - (job.rate / batch) * ((xb @ theta - yb) @ xb)

        @jax.jit
        def in_order(theta, x, y):
            return jax.lax.scan(lambda t, b: (update(t, *b), None), theta, (x, y))[0]

        @jax.jit
        def permuted(theta, x, y, key):
            order = jax.random.permutation(key, n)[:steps * batch].reshape(steps, batch)
            return jax.lax.scan(lambda t, rows: (update(t, x[rows], y[rows]), None), theta, order)[0]

        zeros = jax.device_put(np.zeros(d, np.float32), self.where)
        key = jax.device_put(jax.random.PRNGKey(job.seed), self.where)
        x = self.x[:steps * batch].reshape(steps, batch, d)
        y = self.y[:steps * batch].reshape(steps, batch)

        def run(passes, tick=None):
            theta = zeros
            for e in range(passes):
                if job.sampling == "permute":
                    theta = permuted(theta, self.x, self.y, jax.random.fold_in(key, e))
                else:
                    theta = in_order(theta, x, y)
            return np.asarray(theta), 0.0
        run(1)
        return run


class CuML:
    name, text = "cuml", "cuML MBSGDRegressor"
    one_by_one = False

    def __init__(self, problem, device, threads):
        import cuml
        import cupy
        if not device.startswith("cuda"):
            raise ImportError("runs on a GPU alone")
        self.p, self.version = problem, cuml.__version__
        self.x, self.y = cupy.asarray(problem.x), cupy.asarray(problem.y)

    def make(self, job):
        from cuml.linear_model import MBSGDRegressor

        def run(passes, tick=None):
            m = MBSGDRegressor(loss="squared_loss", penalty=None, fit_intercept=False, learning_rate="constant", eta0=job.rate,
                               batch_size=job.batch, epochs=passes, tol=0.0, n_iter_no_change=passes + 1,
                               shuffle=job.sampling == "permute", output_type="numpy").fit(self.x, self.y)
            return np.ravel(m.coef_), 0.0
        return run


class VowpalWabbit:
    """Reads its own cache file, of as many rows as have 4 million values; so its loss is of other rows and left out."""
    name, text = "vw", "Vowpal Wabbit, from its cache"
    one_by_one = True

    def __init__(self, problem, device, threads):
        import vowpalwabbit
        if device != "cpu":
            raise ImportError("runs on the CPU alone")
        self.of, self.p, self.version = vowpalwabbit, problem, vowpalwabbit.__version__
        self.rows = min(problem.n, 4000000 // problem.d)
        self.text_file, self.cache = (os.path.join(problem.folder, "vw." + end) for end in ("txt", "cache"))
        if not os.path.exists(self.text_file):
            with open(self.text_file, "w") as file:
                for x, y in zip(problem.x[:self.rows], problem.y[:self.rows]):
                    file.write("%.9g |x %s\n" % (y, " ".join("%d:%.9g" % at for at in enumerate(x))))

    def make(self, job):
        if job.sampling == "permute":
            raise ImportError("does not permute rows")

        def run(passes, tick=None):
            self.of.Workspace(data=self.text_file, cache_file=self.cache, passes=passes, sgd=True, learning_rate=job.rate / 2,
                              power_t=0, noconstant=True, holdout_off=True, quiet=True).finish()
            return None, None
        run(1)  # makes the cache
        return run


PEERS = [NumPy, TorchHand, TorchAutograd, TorchGraph, Jax, CuPy, CuML, Sklearn, VowpalWabbit]
