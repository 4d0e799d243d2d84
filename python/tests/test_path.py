"""Regularization paths, against scikit-learn."""

import cusgd
import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")
from sklearn.linear_model import ElasticNetCV, LassoCV, RidgeCV, lasso_path  # noqa: E402
from sklearn.model_selection import PredefinedSplit  # noqa: E402


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
    assert found.dual_gaps_.max() <= 1e-12
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


def test_wrong_arguments():
    X, y, folds = problem()
    with pytest.raises(ValueError, match="select"):
        cusgd.path(X, y, select="least")
    with pytest.raises(cusgd.UsageError, match="squared and mse"):
        cusgd.path(X, y > 0, loss="logistic")
    with pytest.raises(cusgd.UsageError, match="ratio is 2"):
        cusgd.path(X, y, l1_ratio=2)
    with pytest.raises(ValueError, match="folds"):
        cusgd.path(X, y, folds=folds - 1)
