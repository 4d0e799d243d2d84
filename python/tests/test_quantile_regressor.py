"""QuantileRegressor: the optimum of any data, compared with linear programs."""

import warnings

import cusgd
import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from cusgd import linear_model  # noqa: E402
from scipy.optimize import lsq_linear  # noqa: E402
from scipy.sparse import csr_matrix  # noqa: E402
from sklearn import datasets  # noqa: E402
from sklearn import linear_model as reference  # noqa: E402


def test_quantile_regression(scales, rng):
    X, linear = scales
    y = linear + rng.standard_t(3, size=len(linear))

    def objective(model):
        residual = y - model.predict(X)
        return np.maximum(0.8 * residual, -0.2 * residual).mean() + 0.01 * np.abs(model.coef_).sum()

    ours = linear_model.QuantileRegressor(quantile=0.8, alpha=0.01).fit(X, y)
    theirs = reference.QuantileRegressor(quantile=0.8, alpha=0.01, solver="highs").fit(X, y)
    assert objective(ours) < (1 + 1e-9) * objective(theirs)
    assert ours.converged_ and ours.result_.stop == "solved"
    assert ((ours.coef_ == 0) == (np.abs(theirs.coef_) < 1e-9)).all()
    steps = linear_model.QuantileRegressor(quantile=0.8, alpha=0.01).fit(csr_matrix(X), y)  # by minibatches
    assert objective(ours) <= objective(steps) and steps.options_["solver"] == "sgd"


@pytest.mark.parametrize("quantile", [0.01, 0.5, 0.9])
@pytest.mark.parametrize("kind", ["ties", "weights", "wide", "columns", "float32", "perfect", "no intercept"])
def test_quantiles_are_optimal(quantile, kind, rng):
    X = rng.normal(size=(400, 30))
    y = X @ rng.normal(size=30) + rng.standard_t(2, size=400)
    weights = rng.integers(0, 4, 400).astype(float) if kind == "weights" else None
    if kind == "ties":
        X = rng.integers(0, 3, size=(400, 5)).astype(float)
        y = np.round(X.sum(axis=1) + rng.normal(size=400))
    X, y = {
        "wide": (X[:20], y[:20]),
        "columns": (np.column_stack([X[:, :3], X[:, 2], np.ones(400)]), y),
        "float32": (X.astype(np.float32), y),
        "perfect": (X, X[:, 0]),
    }.get(kind, (X, y))
    parameters = {"quantile": quantile, "alpha": 0.01 if kind == "wide" else 0.0, "fit_intercept": kind != "no intercept"}

    def objective(model):
        residual = y - model.predict(X)
        losses = np.maximum(quantile * residual, (quantile - 1) * residual)
        return np.average(losses, weights=weights) + parameters["alpha"] * np.abs(model.coef_).sum()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours, theirs = (module.QuantileRegressor(**parameters).fit(X, y, weights) for module in (linear_model, reference))
    tolerance = 1e-5 if kind == "float32" else 1e-9
    assert objective(ours) <= (1 + tolerance) * objective(theirs) + 1e-10 * np.abs(y).mean()
    assert ours.converged_


def pinball_mean(quantile, y, prediction):
    return np.maximum(quantile * (y - prediction), (quantile - 1) * (y - prediction)).mean()


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("gap", [1e-3, 1e-5, 1e-7])
def test_quantiles_of_columns_that_nearly_depend_on_each_other(quantile, gap, rng):
    X, other = rng.normal(size=(300, 4)), rng.normal(size=300)
    y = X @ [1.0, 2.0, 0.0, -1.0] + rng.standard_t(3, size=300)
    ours = linear_model.QuantileRegressor(quantile=quantile, alpha=0).fit(np.column_stack([X, X[:, 0] + gap * other]), y)
    theirs = reference.QuantileRegressor(quantile=quantile, alpha=0).fit(np.column_stack([X, other]), y)  # of equal span
    ours_at = ours.predict(np.column_stack([X, X[:, 0] + gap * other]))
    expected = pinball_mean(quantile, y, theirs.predict(np.column_stack([X, other])))
    assert pinball_mean(quantile, y, ours_at) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("degree", [5, 10])
def test_quantiles_of_powers(degree, rng):
    x = np.linspace(0, 1, 300)
    powers, orthogonal = np.vander(x, degree + 1)[:, :-1], np.polynomial.legendre.legvander(2 * x - 1, degree)[:, 1:]
    y = np.sin(6 * x) + 0.3 * rng.standard_t(3, size=300)
    ours = linear_model.QuantileRegressor(quantile=0.3, alpha=0).fit(powers, y)
    theirs = reference.QuantileRegressor(quantile=0.3, alpha=0).fit(orthogonal, y)
    expected = pinball_mean(0.3, y, theirs.predict(orthogonal))
    assert pinball_mean(0.3, y, ours.predict(powers)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("alpha", [0.0, 1e-3, 1.0])
@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.99])
def test_quantiles_beside_a_huge_target(quantile, alpha, rng):
    X = rng.normal(size=(300, 5))
    y = X @ [1.0, 2.0, 0.0, 0.0, -1.0] + rng.standard_t(2, size=300)
    y[0] = 1e10
    ours, theirs = (module.QuantileRegressor(quantile=quantile, alpha=alpha).fit(X, y) for module in (linear_model, reference))

    def others(model):  # what the other rows make of the objective, in which the huge one leaves few digits
        losses = pinball_mean(quantile, y[1:], model.predict(X[1:])) * 299 / 300
        return losses + quantile * (1000 - model.predict(X[:1])[0]) / 300 + alpha * np.abs(model.coef_).sum()

    assert others(ours) <= others(theirs) + 1e-3


@pytest.mark.parametrize("y", [[2.0], [0.0], [3.3] * 20, [0.0] * 20, [-1e-12] * 20])
@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.99])
def test_quantiles_of_equal_targets(y, quantile, rng):
    X = rng.normal(size=(len(y), 3))
    for alpha in (0.0, 1.0):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = linear_model.QuantileRegressor(quantile=quantile, alpha=alpha).fit(X, y)
        np.testing.assert_allclose(model.predict(X), y, rtol=1e-12)
        assert model.converged_


def test_quantiles_of_columns_whose_penalties_differ(rng):
    X = rng.normal(size=(300, 5))
    y = X @ [1.0, 2.0, 0.0, 0.0, -1.0] + rng.standard_t(2, size=300)
    scales = np.array([1e-12, 1e-6, 1.0, 1e6, 1e12])
    for intercept in (True, False):
        parameters = {"quantile": 0.1, "alpha": 1e-3, "fit_intercept": intercept}
        ours, theirs = (module.QuantileRegressor(**parameters).fit(X * scales, y) for module in (linear_model, reference))
        objectives = [
            pinball_mean(0.1, y, model.predict(X * scales)) + 1e-3 * np.abs(model.coef_).sum() for model in (ours, theirs)
        ]
        assert ours.converged_
        assert objectives[0] <= (1 + 1e-5) * objectives[1]  # HiGHS, within its tolerances, goes below the minimum


@pytest.mark.parametrize("quantile", [0.2, 0.5])
@pytest.mark.parametrize("weighted", [False, True])
def test_quantiles_with_l2(quantile, weighted, rng):
    """A subgradient is 0: rows that are predicted exactly have any derivative between those of the two sides."""
    X, weights = rng.normal(size=(200, 4)), rng.uniform(0.5, 2, 200) if weighted else np.ones(200)
    y = X @ [1.0, 2.0, 0.0, -1.0] + rng.standard_t(3, size=200)
    model = cusgd.fit(X, y, sample_weight=weights, loss="quantile", quantile=quantile, l2=0.1, solver="exact", standardize=False)
    weight = model.weight.ravel()
    residual, rows = y - X @ weight - model.bias, np.column_stack([X, np.ones(200)])
    exact = np.abs(residual) < 1e-7
    assert exact.sum() <= 5
    sides = np.where(residual > 0, quantile, quantile - 1) * weights / weights.sum()
    lacking = np.append(0.1 * weight, 0) - sides[~exact] @ rows[~exact]
    found = lsq_linear(
        rows[exact].T * weights[exact] / weights.sum(), lacking, bounds=(quantile - 1 - 1e-7, quantile + 1e-7), tol=1e-14
    )
    np.testing.assert_allclose(found.fun, 0, atol=1e-8)


def test_optima_of_quantiles_that_are_refused(rng):
    X, y = rng.normal(size=(50, 2)), rng.normal(size=50)
    for extra, targets, message in (
        ({"lower": 0.0}, y, "lower and upper need solver sgd"),
        ({}, np.column_stack([y, y]), "dense data with one target"),
    ):
        for solver in ("exact", "auto"):
            with pytest.raises(cusgd.UsageError, match=message):
                cusgd.fit(X, targets, loss="quantile", solver=solver, **extra)


@pytest.mark.parametrize(("quantile", "alpha"), [(0.01, 0.0), (0.1, 0.0), (0.5, 1.0), (0.9, 0.0), (0.99, 0.0)])
def test_quantiles_of_few_rows(quantile, alpha):
    X, y = datasets.load_diabetes(return_X_y=True)

    def objective(model):
        residual = y - model.predict(X)
        return np.maximum(quantile * residual, (quantile - 1) * residual).mean() + alpha * np.abs(model.coef_).sum()

    ours, theirs = (module.QuantileRegressor(quantile=quantile, alpha=alpha).fit(X, y) for module in (linear_model, reference))
    assert objective(ours) < (1 + 1e-9) * objective(theirs)
