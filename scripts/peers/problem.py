"""A least-squares problem that every peer gets: the bytes that `cusgd generate` made, and its exact optimum."""
import os
import subprocess

import numpy as np

BLOCK = 16384  # rows that are brought to double at a time


class Problem:
    """x: n x d, y: n, float32, row-major, in memory. The optimum is that of the mean squared error with an intercept, found by
    normal equations in double; hessian: (d+1) x (d+1), the mean of (x, 1)'(x, 1)."""

    def __init__(self, command, folder, rows, cols):
        self.n, self.d = rows, cols
        self.folder = os.path.join(folder, "%dx%d" % (rows, cols))
        os.makedirs(folder, exist_ok=True)
        if not os.path.exists(os.path.join(self.folder, "y.npy")):
            subprocess.run([command, "generate", self.folder, "--rows", str(rows), "--cols", str(cols), "--force"], check=True)
        self.x = np.load(os.path.join(self.folder, "x.npy"))
        self.y = np.load(os.path.join(self.folder, "y.npy")).reshape(-1)
        self._solve(os.path.join(self.folder, "optimum.npz"))

    def _solve(self, file):
        if os.path.exists(file):
            kept = np.load(file)
            self.optimum, self.hessian, self.mse = kept["optimum"], kept["hessian"], float(kept["mse"])
            return
        d = self.d
        h, b = np.zeros((d + 1, d + 1)), np.zeros(d + 1)
        for x, y in self._blocks():
            h += x.T @ x
            b += x.T @ y
        self.optimum = np.linalg.solve(h, b)
        self.hessian = h / self.n
        self.mse = sum(float(((x @ self.optimum - y) ** 2).sum()) for x, y in self._blocks()) / self.n
        np.savez(file, optimum=self.optimum, hessian=self.hessian, mse=self.mse)

    def _blocks(self):
        for s in range(0, self.n, BLOCK):
            x = self.x[s:s + BLOCK].astype(np.float64)
            yield np.concatenate([x, np.ones((len(x), 1))], axis=1), self.y[s:s + BLOCK].astype(np.float64)

    def gap(self, weight, bias=0.0):
        """(mse - optimal mse) / optimal mse of a model, without a pass over x: the objective is quadratic."""
        e = np.concatenate([np.asarray(weight, np.float64).ravel(), [float(bias)]]) - self.optimum
        v = float(e @ (self.hessian @ e)) / self.mse
        return v if np.isfinite(v) else float("inf")

    def loss(self, weight, bias=0.0):
        return self.mse * (1 + self.gap(weight, bias))


def bounds(n, batch):
    """Batches as cuSGD cuts them: equal to within one row. m + 1 positions."""
    m = -(-n // batch)
    return [i * n // m for i in range(m + 1)]


def plain_rate(d, batch):
    """Half the largest rate of plain SGD that is safe on standard normal columns; the gradient is x'(x theta - y) / batch."""
    return 0.5 / (1 + (d + 1) / batch)
