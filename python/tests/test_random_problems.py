"""Random problems, whose optima SciPy cannot improve."""

import warnings
from dataclasses import dataclass, field
from typing import Any

import cusgd
import numpy as np
import pytest

optimize = pytest.importorskip("scipy.optimize")
sparse = pytest.importorskip("scipy.sparse")


def of_classes(y):
    """Return -1 and 1 for classes 0 and 1."""
    return np.where(y == 1, 1.0, -1.0)


def squared_hinge(p, y, _):
    s = of_classes(y)
    below = np.maximum(0, 1 - s * p)
    return below**2, -2 * s * below


def modified_huber(p, y, _):
    s = of_classes(y)
    value, derivative = squared_hinge(p, y, _)
    return np.where(s * p >= -1, value, -4 * s * p), np.where(s * p >= -1, derivative, -4 * s)


def insensitive(p, y, width):
    beyond = np.maximum(0, np.abs(p - y) - width)
    return beyond**2, 2 * beyond * np.sign(p - y)


# Value and derivative by p of each loss, its number, and its targets, written down from docs/losses.md.
LOSSES: dict[str, tuple[Any, dict[str, list[float]], str]] = {
    "squared": (lambda p, y, _: ((p - y) ** 2 / 2, p - y), {}, "real"),
    "huber": (
        lambda p, y, d: (np.where(abs(p - y) <= d, (p - y) ** 2 / 2, d * (abs(p - y) - d / 2)), np.clip(p - y, -d, d)),
        {"delta": [1.35, 0.7]},
        "real",
    ),
    "log-cosh": (lambda p, y, _: (np.logaddexp(p - y, y - p) - np.log(2), np.tanh(p - y)), {}, "real"),
    "squared-epsilon-insensitive": (insensitive, {"width": [0.1, 0.5]}, "real"),
    "logistic": (
        lambda p, y, _: (np.logaddexp(0, -of_classes(y) * p), -of_classes(y) / (1 + np.exp(of_classes(y) * p))),
        {},
        "class",
    ),
    "squared-hinge": (squared_hinge, {}, "class"),
    "modified-huber": (modified_huber, {}, "class"),
    "poisson": (lambda p, y, _: (np.exp(p) - y * p, np.exp(p) - y), {}, "count"),
    "gamma": (lambda p, y, _: (p + y * np.exp(-p), 1 - y * np.exp(-p)), {}, "positive"),
    "tweedie": (
        lambda p, y, q: (
            np.exp((2 - q) * p) / (2 - q) - y * np.exp((1 - q) * p) / (1 - q),
            np.exp((2 - q) * p) - y * np.exp((1 - q) * p),
        ),
        {"power": [1.5, 1.2]},
        "amount",
    ),
}


@dataclass
class Problem:
    """Rows and options, and the objective as an independent function."""

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None
    offset: np.ndarray | None
    options: dict[str, Any]
    number: float = 0.0
    form: str = "dense"
    l1: np.ndarray = field(default_factory=lambda: np.zeros(0))  # of each coefficient, in the units of the data
    l2: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def set_penalties(self) -> None:
        """Bring the penalties, which may be of standardized columns, into the units of the data."""
        d, options = self.X.shape[1], self.options
        share = np.ones(len(self.y)) if self.weights is None else self.weights
        self.share = share / share.sum()
        self.mean = self.share @ self.X
        middle = self.mean if options["intercept"] else 0  # without an intercept columns are scaled only
        self.spread = np.sqrt(self.share @ (self.X - middle) ** 2)
        standardized = options.get("standardize", True) and options.get("penalty_units") != "data"
        unit = np.where(standardized & (self.spread > 1e-12 * np.maximum(1, np.abs(self.mean))), self.spread, 1.0)
        factors = options.get("penalty_factors", np.ones(d))
        self.l1, self.l2 = options["l1"] * factors * unit, options["l2"] * factors * unit**2

    def objective(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        """Return value and gradient at positive parts, negative parts and intercept of well-scaled coefficients."""
        d = self.X.shape[1]
        scale = 1 / np.where(self.spread > 0, self.spread, 1)
        up, down, intercept = z[:d] * scale, z[d : 2 * d] * scale, self.options["intercept"]
        theta = up - down
        p = self.X @ theta + (z[-1] - self.mean @ theta if intercept else 0) + (0 if self.offset is None else self.offset)
        value, derivative = LOSSES[self.options["loss"]][0](p, self.y, self.number)
        derivative = self.share * derivative
        g = self.X.T @ derivative - (self.mean * derivative.sum() if intercept else 0) + self.l2 * theta
        total = self.share @ value + self.l2 @ theta**2 / 2 + self.l1 @ (up + down)
        return total, np.concatenate([(g + self.l1) * scale, (self.l1 - g) * scale, [derivative.sum() if intercept else 0]])

    def parameters(self, model: cusgd.Model) -> np.ndarray:
        """Return a model's parameters as `objective` takes them."""
        theta = np.asarray(model.weight, dtype=float).ravel()
        scaled = theta * np.where(self.spread > 0, self.spread, 1)
        return np.concatenate([np.maximum(scaled, 0), np.maximum(-scaled, 0), model.bias.ravel() + self.mean @ theta])

    def bounds(self) -> list[tuple[float, float | None]]:
        """Return the bounds of those parameters."""
        upper = self.options.get("upper")
        ups = [(0.0, None if upper is None else upper * s) for s in np.where(self.spread > 0, self.spread, 1)]
        return [*ups, *[(0.0, 0.0 if "lower" in self.options else None)] * len(ups), (None, None)]


def make_targets(kind: str, linear: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return targets of a kind for a linear predictor."""
    n, mean = len(linear), np.exp(np.clip(linear, -5, 3))
    if kind == "real":
        return linear + rng.normal(size=n) * (rng.standard_t(2, size=n) if rng.random() < 0.3 else 1)
    if kind == "class":
        y = (rng.random(n) < 1 / (1 + np.exp(-linear))).astype(float)
        y[:2] = [0, 1]
        return y
    y = rng.poisson(mean) * (1.0 if kind == "count" else rng.gamma(2, 0.5, size=n))
    y[0] = 1
    return mean * rng.gamma(2, 0.5, size=n) + 1e-9 if kind == "positive" else y


def make(seed: int) -> Problem:
    """Return the problem of a seed."""
    rng = np.random.default_rng(seed)
    loss = list(LOSSES)[seed % len(LOSSES)]
    _, numbers, kind = LOSSES[loss]
    n, d = int(rng.choice([40, 100, 300])), int(rng.choice([1, 2, 5, 12]))
    scale = 10.0 ** rng.integers(-3, 4, d) if rng.random() < 0.5 else np.ones(d)
    Z = rng.normal(size=(n, d))
    if rng.random() < 0.2 and d > 1:
        Z[:, -1] = Z[:, 0] + 0.1 * Z[:, -1]
    if rng.random() < 0.15:
        Z[:, d // 2] = 0
    X = Z * scale + rng.normal(size=d) * scale * rng.choice([0, 1, 10])
    linear = Z @ (rng.normal(size=d) / np.sqrt(d)) + rng.normal()
    offset = rng.normal(size=n) / 2 if rng.random() < 0.3 else None
    y = make_targets(kind, linear if offset is None else linear + offset, rng)
    weights = rng.gamma(1, 1, size=n) * (rng.random(n) < 0.8) * 10.0 ** rng.choice([0, 6]) if rng.random() < 0.4 else None
    if weights is not None:
        weights[:2] = weights.max()
    options: dict[str, Any] = {"loss": loss, "precision": "double", "intercept": bool(rng.random() < 0.8), "threads": 1}
    options["l2"] = 10.0 ** rng.uniform(-4, 0) if rng.random() < 0.7 or kind != "real" else 1e-6
    options["l1"] = 10.0 ** rng.uniform(-3, -0.5) if rng.random() < 0.35 else 0.0
    form = str(rng.choice(["dense", "columns", "float32", "sparse"]))
    choice = rng.random()
    if form == "sparse" or choice < 0.2:
        options["standardize"] = False
        X = X / scale  # without standardization, solvers take long where columns differ in scale
    elif choice < 0.5:
        options["penalty_units"] = "data"
    if rng.random() < 0.25:
        options["penalty_factors"] = np.round(2 * rng.random(d), 2)
    if rng.random() < 0.3:
        options["lower"] = 0.0
    if rng.random() < 0.15:
        options["upper"] = 0.5
    proximal = options["l1"] > 0 or "lower" in options or "upper" in options
    solvers = ["best", "auto", "lbfgs"] + ([] if proximal else ["cg"] if form == "sparse" else ["cg", "newton", "bfgs"])
    options["solver"] = str(rng.choice(solvers))
    options.update({name: float(rng.choice(values)) for name, values in numbers.items()})
    X = X.astype(np.float32).astype(float) if form == "float32" else X
    problem = Problem(X, y, weights, offset, options, next((options[name] for name in numbers), 0.0), form)
    problem.set_penalties()
    return problem


@pytest.mark.parametrize("first", range(0, 120, 20))
def test_no_other_solver_finds_less(first):
    forms = {"dense": np.asarray, "columns": np.asfortranarray, "float32": np.float32, "sparse": sparse.csr_matrix}
    compared = 0
    for seed in range(first, first + 20):
        problem = make(seed)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = cusgd.fit(
                forms[problem.form](problem.X),
                problem.y,
                sample_weight=problem.weights,
                offset=problem.offset,
                **problem.options,
            )
        assert "lower" not in problem.options or (model.weight >= 0).all(), (seed, problem.options)
        assert "upper" not in problem.options or (model.weight <= 0.5).all(), (seed, problem.options)
        if any("not converged" in str(warning.message) for warning in caught):
            continue
        z, intercept_only = problem.parameters(model), np.zeros(2 * problem.X.shape[1] + 1)
        ours = problem.objective(z)[0]
        with np.errstate(over="ignore"):
            found = optimize.minimize(
                problem.objective,
                z,
                jac=True,
                method="L-BFGS-B",
                bounds=problem.bounds(),
                options={"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-11},
            )
        # sgd, which solver="best" may choose, ends near an optimum
        near = 1e-4 if problem.options["solver"] == "best" else 1e-7
        assert ours - found.fun <= near * abs(problem.objective(intercept_only)[0]), (seed, problem.options)
        compared += 1
    assert compared >= 15
