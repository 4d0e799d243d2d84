"""Regularization paths, against scikit-learn."""

import warnings

import cusgd
import numpy as np
import pytest
import scipy.sparse
from cusgd import _path

sklearn = pytest.importorskip("sklearn")
from sklearn.linear_model import (  # noqa: E402
    ElasticNet,
    ElasticNetCV,
    LassoCV,
    LogisticRegression,
    PoissonRegressor,
    RidgeCV,
    lasso_path,
)
from sklearn.metrics import log_loss  # noqa: E402
from sklearn.model_selection import PredefinedSplit  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.svm import l1_min_c  # noqa: E402


def problem(rows=300, cols=12, seed=5):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, cols)) + 0.5 * rng.normal(size=(rows, 1)) + 3
    signal = X[:, :4] @ [1.0, -2.0, 0.5, 3.0]
    return X, signal + 2 * rng.normal(size=rows), rng.integers(0, 5, rows)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.3])
def test_is_lasso_cv(l1_ratio):
    X, y, folds = problem()
    reference = ElasticNetCV(l1_ratio=l1_ratio, alphas=30, eps=1e-3, cv=PredefinedSplit(folds), tol=1e-12, max_iter=10**6)
    reference.fit(X, y)
    found = cusgd.path(X, y, l1_ratio=l1_ratio, count=30, ratio=1e-3, folds=folds, standardize=False)
    np.testing.assert_allclose(found.alphas_, reference.alphas_, rtol=1e-9)
    np.testing.assert_allclose(found.mse_path_, reference.mse_path_, rtol=1e-6)
    np.testing.assert_allclose(found.coef_, reference.coef_, atol=1e-6)
    np.testing.assert_allclose(found.intercept_, reference.intercept_, atol=1e-5)
    assert found.alpha_ == pytest.approx(reference.alpha_)
    assert found.dual_gaps_.max() <= 1e-12 and found.converged_.all()
    np.testing.assert_allclose(found.model.predict(X), reference.predict(X), atol=1e-5)


def test_coefficients_of_lasso_path():
    X, y, _ = problem()
    X = X - X.mean(axis=0)
    alphas, expected, _ = lasso_path(X, y - y.mean(), alphas=[1.0, 0.1, 0.01], tol=1e-13, max_iter=10**6)
    found = cusgd.path(X, y, alphas=alphas[::-1], folds=0, standardize=False)
    np.testing.assert_allclose(found.coef_path_, expected, atol=1e-7)
    assert found.mse_path_.shape == (3, 0)
    assert found.chosen == 2


def test_weights_and_one_se():
    X, y, folds = problem()
    weights = 1 + np.arange(len(y)) % 3
    reference = LassoCV(alphas=20, eps=1e-3, cv=PredefinedSplit(folds), tol=1e-12, max_iter=10**6)
    reference.fit(X, y, sample_weight=weights)
    found = cusgd.path(X, y, count=20, ratio=1e-3, folds=folds, sample_weight=weights, standardize=False, select="1se")
    np.testing.assert_allclose(found.mse_path_, reference.mse_path_, rtol=1e-6)
    means = found.mse_path_.mean(axis=1)
    error = found.mse_path_.std(axis=1, ddof=1) / np.sqrt(5)
    best = int(np.argmin(means))
    assert found.chosen == int(np.argmax(means <= means[best] + error[best]))


def test_ridge():
    X, y, _ = problem()
    alphas = np.array([10.0, 0.1, 1e-3])
    found = cusgd.path(X, y, l1_ratio=0, alphas=alphas, folds=0, standardize=False)
    for i, alpha in enumerate(alphas):
        expected = RidgeCV(alphas=[alpha * len(y)]).fit(X, y)
        np.testing.assert_allclose(found.coef_path_[:, i], expected.coef_, rtol=1e-8, atol=1e-10)
    assert np.isnan(found.dual_gaps_).all()


def test_what_is_printed_is_one_line():
    X = np.random.default_rng(0).normal(size=(60, 3))
    path = cusgd.path(X, X[:, 0] + 1, count=5)
    assert repr(path).startswith("<cusgd.Path: 5 penalties, chosen ") and len(repr(path)) < 100
    sweep = cusgd.sweep(X, X[:, 0] + 1, grid={"l2": [1e-3, 1e-2]}, folds=3)
    assert repr(sweep).startswith("<cusgd.Sweep: 2 configurations, chosen {") and "\n" not in repr(sweep)


@pytest.mark.parametrize("alphas", [100, 0.1, [[0.1]]])
def test_alphas_that_are_no_array(alphas):
    """In scikit-learn's LassoCV a number is how many there are."""
    with pytest.raises(ValueError, match="alphas must be an array of penalties; how many there are is count"):
        cusgd.path([[1.0], [2.0], [3.0]], [1.0, 2.0, 4.0], alphas=alphas)


def test_wrong_arguments():
    X, y, folds = problem()
    with pytest.raises(ValueError, match="select"):
        cusgd.path(X, y, select="least")
    with pytest.raises(cusgd.UsageError, match="second derivatives"):
        cusgd.path(X, y, loss="quantile")
    with pytest.raises(cusgd.UsageError, match="ratio is 2"):
        cusgd.path(X, y, l1_ratio=2)
    with pytest.raises(ValueError, match="folds"):
        cusgd.path(X, y, folds=folds - 1)


def two_classes(rows=300, cols=6):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(rows, cols)) * np.arange(1, cols + 1)
    score = X @ (np.array([1.0, -0.8, 0.4, 0.0, 0.0, 0.2]) / np.arange(1, cols + 1))
    order = np.argsort(score + 2 * rng.logistic(size=rows))
    y = np.zeros(rows)
    y[order[rows // 2 :]] = 1  # as many of each class: a model without columns predicts 0
    return X, y


def elastic_net(l1_ratio, C):
    """Return scikit-learn's estimator; before version 1.8 it needed the penalty's name."""
    name = {"penalty": "elasticnet"} if tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 8) else {}
    return LogisticRegression(solver="saga", l1_ratio=l1_ratio, C=C, tol=1e-10, max_iter=100_000, **name)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.4])
def test_logistic_paths_are_those_of_scikit_learn(l1_ratio):
    X, y = two_classes()
    found = cusgd.path(X, y, loss="logistic", l1_ratio=l1_ratio, count=12, ratio=1e-2, folds=3, tolerance=1e-18)
    Z = StandardScaler().fit_transform(X)
    assert found.alphas_[0] * l1_ratio == pytest.approx(1 / (len(y) * l1_min_c(Z, y, loss="log", fit_intercept=False)), rel=1e-8)
    assert found.nonzeros_[0] == 0 and found.nonzeros_[-1] >= 5
    for i in (3, 7, 11):
        peer = elastic_net(l1_ratio, 1 / (len(y) * found.alphas_[i])).fit(Z, y)
        np.testing.assert_allclose(found.coef_path_[:, i] * X.std(0), peer.coef_[0], atol=1e-6)
        assert found.losses_[i] == pytest.approx(log_loss(y, peer.predict_proba(Z)), rel=1e-6)
    assert found.mse_path_.shape == (12, 3)
    assert found.model.predict(X).shape == (300,)


def test_logistic_fold_losses_are_of_rows_outside_the_fold():
    X, y = two_classes()
    folds = np.arange(len(y)) % 3
    found = cusgd.path(X, y, loss="logistic", alphas=[0.05], folds=folds, tolerance=1e-18)
    for f in range(3):
        inside = folds != f
        scaler = StandardScaler().fit(X[inside])
        peer = elastic_net(1, 1 / (inside.sum() * 0.05))
        peer.fit(scaler.transform(X[inside]), y[inside])
        expected = log_loss(y[~inside], peer.predict_proba(scaler.transform(X[~inside])))
        assert found.mse_path_[0, f] == pytest.approx(expected, rel=1e-6)


def test_poisson_ridge_path_is_that_of_scikit_learn():
    X, _ = two_classes()
    y = np.random.default_rng(6).poisson(1000 * np.exp(0.1 * X[:, 0] - 0.1 * X[:, 1])).astype(float)
    weight = np.random.default_rng(7).uniform(0.5, 2, len(y))
    found = cusgd.path(X, y, loss="poisson", l1_ratio=0, alphas=[10.0, 1e-2], folds=0, standardize=False, sample_weight=weight)
    for i, alpha in enumerate(found.alphas_):
        peer = PoissonRegressor(alpha=alpha, tol=1e-10, max_iter=10_000, solver="newton-cholesky").fit(X, y, sample_weight=weight)
        np.testing.assert_allclose(found.coef_path_[:, i], peer.coef_, atol=1e-6)
        assert found.intercept_path_[i] == pytest.approx(peer.intercept_, rel=1e-6)


def test_paths_of_other_losses_are_refused_or_follow_the_data():
    X, y = two_classes()
    with pytest.raises(cusgd.UsageError, match="classes"):
        cusgd.path(X, np.arange(len(y)) % 3, loss="logistic")
    words = cusgd.path(X, np.where(y > 0, "yes", "no"), loss="logistic", count=5, ratio=0.1, folds=0)
    numbers = cusgd.path(X, y, loss="logistic", count=5, ratio=0.1, folds=0)
    assert (words.coef_path_ == numbers.coef_path_).all()


@pytest.mark.parametrize(("l1_ratio", "free"), [(1.0, ()), (0.7, ()), (1.0, (3, 50))])
def test_of_many_columns_no_column_is_left_out_wrongly(l1_ratio, free):
    rng = np.random.default_rng(8)
    X = rng.normal(size=(150, 120)) + 0.8 * rng.normal(size=(150, 1))
    y = X[:, :5] @ [1.0, -1.0, 0.5, 1.0, -2.0] + rng.normal(size=150) > 0
    factors = np.ones(120)
    factors[list(free)] = 0
    options = {"l1_factors": factors, "l2_factors": factors} if free else {}
    found = cusgd.path(
        X, y, loss="logistic", l1_ratio=l1_ratio, count=8, ratio=0.05, folds=0, standardize=False, tolerance=1e-20, **options
    )
    assert found.nonzeros_[0] == len(free) and found.nonzeros_[-1] > 20
    for alpha, theta, intercept in zip(found.alphas_, found.coef_path_.T, found.intercept_path_, strict=True):
        rest = 1 / (1 + np.exp(-X @ theta - intercept)) - y
        gradient = X.T @ rest / 150 + alpha * (1 - l1_ratio) * factors * theta
        limit = alpha * l1_ratio * factors
        assert abs(rest.mean()) < 1e-9
        np.testing.assert_allclose(gradient[theta != 0], (-limit * np.sign(theta))[theta != 0], atol=1e-9)
        assert (np.abs(gradient[theta == 0]) <= limit[theta == 0] + 1e-9).all()


LOG_COSH = {"log-cosh": {"loss": "log-cosh"}, "formula": {"loss_expr": "log(cosh(p - y))"}}


@pytest.mark.parametrize("options", LOG_COSH.values(), ids=LOG_COSH)
@pytest.mark.parametrize(("scale", "center"), [(1, 0), (30, 500), (100, -1e4)])
def test_targets_far_from_zero(options, scale, center):
    """Where second derivatives are 0 at the prediction 0, too, each model has the gradient that its penalty takes up."""
    X, y, _ = problem()
    y = scale * (y - y.mean()) + center
    found = cusgd.path(X, y, count=10, ratio=1e-3, folds=0, standardize=False, **options)
    for alpha, weights, bias in zip(found.alphas_, found.coef_path_.T, found.intercept_path_, strict=True):
        derivative = np.tanh(X @ weights + bias - y)
        gradient = X.T @ derivative / len(y)
        kept = weights != 0
        assert abs(derivative.mean()) < 1e-5
        np.testing.assert_allclose(-gradient[kept], alpha * np.sign(weights[kept]), atol=1e-5)
        assert np.all(np.abs(gradient) < alpha + 1e-5)
    assert np.count_nonzero(found.coef_path_[:, -1]) >= 4


def test_no_minimum_is_an_error():
    X, y, _ = problem()
    with pytest.raises(cusgd.NotConvergedError, match="short of the minimum"):
        cusgd.path(X, y + 1e4, count=5, folds=0, loss="log-cosh", intercept=False)


def test_equal_targets_have_no_coefficients():
    X = problem()[0]
    for options in ({"loss": "log-cosh"}, {"loss": "poisson"}, {"loss": "gamma"}):
        found = cusgd.path(X, np.full(len(X), 7.3), count=5, folds=0, **options)
        np.testing.assert_allclose(found.coef_path_, 0, atol=1e-6)


@pytest.mark.parametrize(("make", "gap"), [(np.asarray, 0.25), (scipy.sparse.csr_matrix, np.nan)])
def test_models_that_have_not_converged_are_warned_of(make, gap, rng, monkeypatch):
    X = rng.normal(size=(100, 3))
    read = _path._read

    def unfinished(*args):
        found = read(*args)
        assert found["converged_"].all()
        found["converged_"][1], found["dual_gaps_"][1] = False, gap
        return found

    monkeypatch.setattr(_path, "_read", unfinished)
    said = r"gap is 0\.25" if gap > 0 else "the first"
    with pytest.warns(cusgd.ConvergenceWarning, match=rf"1 of the 3 models .*{said}.* alpha 0\.1\b") as caught:
        cusgd.path(make(X), X[:, 0] + rng.normal(size=100), alphas=[1.0, 0.1, 0.01], folds=0)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_columns_that_nearly_depend_on_each_other(l1_ratio, rng):
    X = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 30)) + 1e-4 * rng.normal(size=(300, 30))
    y = X @ rng.normal(size=30) + rng.normal(size=300)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = cusgd.path(X, y, l1_ratio=l1_ratio, folds=0, ratio=1e-6, count=30)
    assert found.converged_.all()
    Z, r = (X - X.mean(axis=0)) / X.std(axis=0), y - y.mean()
    for i, alpha in enumerate(found.alphas_):  # the conditions of a minimum
        theta = found.coef_path_[:, i] * X.std(axis=0)
        gradient = Z.T @ (Z @ theta - r) / len(y) + alpha * (1 - l1_ratio) * theta
        violation = np.where(
            theta == 0, np.abs(gradient) - alpha * l1_ratio, np.abs(gradient + alpha * l1_ratio * np.sign(theta))
        )
        assert violation.max() <= 1e-5 * y.std()


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_sparse_paths_are_those_of_scikit_learn(l1_ratio):
    rng = np.random.default_rng(3)
    X = scipy.sparse.random(300, 80, density=0.1, format="csr", random_state=5)
    y = X @ np.where(np.arange(80) % 7 == 0, rng.normal(size=80), 0) + 0.1 * rng.normal(size=300) + 2
    found = cusgd.path(X, y, l1_ratio=l1_ratio, count=15, ratio=1e-2, folds=0)
    centered = y - y.mean()
    first = np.abs(X.T @ centered).max() / len(y) / l1_ratio
    np.testing.assert_allclose(found.alphas_[0], first, rtol=1e-9)
    for i, alpha in enumerate(found.alphas_):
        theirs = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, tol=1e-13, max_iter=100000).fit(X.tocsc(), y)
        np.testing.assert_allclose(found.coef_path_[:, i], theirs.coef_, atol=1e-6)
        np.testing.assert_allclose(found.intercept_path_[i], theirs.intercept_, atol=1e-6)
