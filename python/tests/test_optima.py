"""The optima of the estimators are scikit-learn's, on columns of different scales."""

import dataclasses
import warnings

import cusgd
import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from cusgd import linear_model  # noqa: E402
from cusgd.linear_model import _squares  # noqa: E402
from sklearn import datasets  # noqa: E402
from sklearn import linear_model as reference  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

PAIRS = [
    ("LinearRegression", {}, {}),
    ("Ridge", {"alpha": 55.0}, {}),
    ("Lasso", {"alpha": 0.1}, {"tol": 1e-10, "max_iter": 100000}),
    ("ElasticNet", {"alpha": 0.2, "l1_ratio": 0.3}, {"tol": 1e-10, "max_iter": 100000}),
]


@pytest.mark.parametrize(("name", "parameters", "only_reference"), PAIRS, ids=[pair[0] for pair in PAIRS])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_regressors(name, parameters, only_reference, fit_intercept, weighted, scales, rng):
    X, linear = scales
    y = linear + rng.normal(size=len(linear))
    weights = rng.uniform(0.5, 2, len(y)) if weighted else None
    parameters = {**parameters, "fit_intercept": fit_intercept}
    ours = getattr(linear_model, name)(**parameters).fit(X, y, sample_weight=weights)
    theirs = getattr(reference, name)(**parameters, **only_reference).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6, atol=1e-6 * np.abs(theirs.coef_).max())
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("C", [0.01, 1.0, None])
@pytest.mark.parametrize("weighted", [False, True])
def test_logistic_regression(C, weighted, scales, rng):
    X, linear = scales
    y = np.where(linear + rng.logistic(size=len(linear)) > 0, "yes", "no")
    parameters = {"class_weight": "balanced"} if weighted else {}
    ours = linear_model.LogisticRegression(C=C or 1.0, penalty="l2" if C else None, **parameters).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = reference.LogisticRegression(C=C or np.inf, tol=1e-12, max_iter=100000, **parameters).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-5 * np.abs(theirs.coef_).max())
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)
    assert (ours.predict(X) == theirs.predict(X)).all()


@pytest.mark.parametrize(
    ("name", "parameters"), [("PoissonRegressor", {}), ("GammaRegressor", {}), ("TweedieRegressor", {"power": 1.5})]
)
@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_generalized_linear_models(name, parameters, alpha, scales, rng):
    X, linear = scales
    y = rng.gamma(2.0, np.exp(linear) / 2) if name == "GammaRegressor" else rng.poisson(np.exp(linear)).astype(float)
    weights = rng.uniform(0.5, 2, len(y))
    ours = getattr(linear_model, name)(alpha=alpha, **parameters).fit(X, y, sample_weight=weights)
    extra = {"solver": "newton-cholesky", "tol": 1e-12, "max_iter": 10000}
    theirs = getattr(reference, name)(alpha=alpha, **parameters, **extra).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6, atol=1e-6 * np.abs(theirs.coef_).max())
    np.testing.assert_allclose(ours.score(X, y), theirs.score(X, y), rtol=1e-6)


@pytest.mark.parametrize("scale", [0.0, 2.0])
def test_positive_coefficients(scale, rng):
    X = rng.normal(size=(1000, 10)) * 10 ** rng.uniform(-scale, scale, 10) + 3
    y = X @ (rng.normal(size=10) / X.std(axis=0)) + rng.normal(size=1000)
    for fit_intercept in (True, False) if scale == 0 else (True,):
        ours, theirs = (
            module.LinearRegression(positive=True, fit_intercept=fit_intercept).fit(X, y) for module in (linear_model, reference)
        )
        np.testing.assert_allclose(ours.coef_ * X.std(axis=0), theirs.coef_ * X.std(axis=0), atol=1e-4)
        np.testing.assert_allclose(ours.score(X, y), theirs.score(X, y), atol=1e-9)


def test_coefficients_at_bounds_are_exact():
    X, y = datasets.load_diabetes(return_X_y=True)
    theirs = reference.LinearRegression(positive=True).fit(X, y)
    ours = linear_model.LinearRegression(positive=True).fit(X, y)
    assert (ours.coef_ == 0).tolist() == (theirs.coef_ == 0).tolist()
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-5)
    assert (ours.coef_ >= 0).all()


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", ["wide", "multiple", "constant", "scales", "outputs"])
def test_least_norm_is_that_of_the_columns_as_they_are(kind, fit_intercept, rng):
    X, y = datasets.load_diabetes(return_X_y=True)
    scaled = X * 10 ** rng.uniform(-2, 2, 10) + 3
    X, y = {
        "wide": (X[:5], y[:5]),
        "multiple": (np.column_stack([X[:, :3], X[:, 2] * 10]), y),
        "constant": (np.column_stack([X[:, :3], np.ones(len(X)), X[:, 2]]), y),
        "scales": (np.column_stack([scaled, scaled[:, :4] @ rng.normal(size=4)]), y),
        "outputs": (np.column_stack([X[:, :3], X[:, 2] * 10]), np.column_stack([y, y**2])),
    }[kind]
    ours, theirs = (module.LinearRegression(fit_intercept=fit_intercept).fit(X, y) for module in (linear_model, reference))
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6, atol=1e-6 * np.abs(theirs.coef_).max())
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "parameters", "only_reference"),
    [
        ("Ridge", {"alpha": 0.3}, {"tol": 1e-12, "max_iter": 10**6}),
        ("Lasso", {"alpha": 0.1}, {"tol": 1e-12, "max_iter": 10**6}),
        ("ElasticNet", {"alpha": 0.01, "l1_ratio": 0.7}, {"tol": 1e-12, "max_iter": 10**6}),
    ],
)
def test_penalties_with_positive_coefficients(name, parameters, only_reference):
    X, y = datasets.load_diabetes(return_X_y=True)
    ours = getattr(linear_model, name)(positive=True, **parameters).fit(X, y)
    theirs = getattr(reference, name)(positive=True, **parameters, **only_reference).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-5 * theirs.coef_.max())
    assert (ours.coef_ == 0).tolist() == (np.abs(theirs.coef_) < 1e-9).tolist()


@pytest.mark.parametrize("parameters", [{"l1_ratio": 1.0}, {"l1_ratio": 0.4}, {"penalty": "l1"}])
@pytest.mark.parametrize("several", [False, True])
def test_logistic_regression_with_l1(parameters, several, rng):
    X = rng.normal(size=(300, 5))
    y = np.digitize(X @ [1.0, -2.0, 0.5, 0.0, 0.0] + rng.logistic(size=300), [-1.0, 1.0] if several else [0.0])
    ours = linear_model.LogisticRegression(C=0.1, **parameters).fit(X, y)
    theirs = {"solver": "saga", "l1_ratio": parameters.get("l1_ratio", 1.0), "tol": 1e-10, "max_iter": 10**5}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = reference.LogisticRegression(C=0.1, penalty="elasticnet", **theirs).fit(X, y)
    np.testing.assert_allclose(ours.coef_, expected.coef_, atol=1e-4)


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("name", ["Lasso", "ElasticNet"])
def test_columns_that_nearly_depend_on_each_other(name, kind):
    """Of which lbfgs ended 2e-6 and 6e-5 of the largest coefficient from the optimum, after 10,000 iterations."""
    X, y = datasets.load_breast_cancer(return_X_y=True)
    X = X.astype(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = getattr(linear_model, name)(alpha=1e-3).fit(X, y)
    assert ours.converged_ and ours.result_.loss > 0
    theirs = getattr(reference, name)(alpha=1e-3, tol=1e-12, max_iter=10**6).fit(X.astype(float), y)
    largest = np.abs(theirs.coef_).max()
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=0, atol=largest * (1e-8 if kind == "float64" else 1e-3))
    assert ((ours.coef_ == 0) == (theirs.coef_ == 0)).all()


@pytest.mark.parametrize("fails", [False, True])
def test_lasso_goes_on_where_coordinate_descent_has_not_converged(fails, monkeypatch):
    X, y = datasets.load_breast_cancer(return_X_y=True)
    calls = []

    def unfinished(*args, **options):
        calls.append(options["alphas"])
        if fails:
            raise cusgd.NotConvergedError("no minimum")
        return dataclasses.replace(cusgd.path(*args, **options), converged_=np.array([False]))

    monkeypatch.setattr(_squares, "path", unfinished)
    ours, theirs = (module.Lasso(alpha=1e-2, max_iter=10**4).fit(X, y) for module in (linear_model, reference))
    assert calls == [[1e-2]] and ours.n_iter_ > _squares.FEW_ITERATIONS
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-2)


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("C", [1.0, 1000.0])
def test_classes_that_are_nearly_separate(C, scaled):
    """Of which coefficients are far from the optimum's where the gradient is small: 4e-6 of the largest at 1e-9 of the first."""
    X, y = datasets.load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X) if scaled else X
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = linear_model.LogisticRegression(C=C).fit(X, y)
    assert ours.converged_
    # The gradient of scikit-learn's objective, and a step of Newton's method from here
    Z = np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones(len(y))])
    scale = np.append(X.std(axis=0), 1.0)
    theta = np.column_stack([ours.coef_ * X.std(axis=0), ours.intercept_ + ours.coef_ @ X.mean(axis=0)])
    P = ours.predict_proba(X)
    penalty = np.append(1 / X.std(axis=0) ** 2, 0.0) / C
    gradient = (P - np.eye(3)[y]).T @ Z + penalty * theta
    hessian = np.einsum("ij,ia,iab,ik->ajbk", Z, P, np.eye(3) - P[:, None, :], Z)
    hessian = hessian.reshape(len(theta.T) * 3, -1) + np.diag(np.tile(penalty, 3))
    step = np.linalg.lstsq(hessian, gradient.ravel(), rcond=1e-14)[0].reshape(theta.shape) / scale
    assert np.abs(step[:, :-1]).max() <= 1e-6 * np.abs(ours.coef_).max()


def test_ridge_with_an_alpha_per_target(rng):
    X, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    weights = rng.uniform(0.5, 2, 50)
    for alpha in ([1.0, 20.0], np.array([0.0, 3.0])):
        ours, theirs = (module.Ridge(alpha=alpha).fit(X, y, weights) for module in (linear_model, reference))
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-8)
        np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-8)
    with pytest.raises(ValueError, match="do not correspond: 3 alphas for 2 targets"):
        linear_model.Ridge(alpha=[1, 2, 3]).fit(X, y)


def _size_of_first_gradient(loss, X, y):
    """The largest derivative of the mean loss along a column, at the intercept-only model."""
    mean = y.mean()
    derivative = {"gamma": 1 - y / mean, "tweedie": np.sqrt(mean) - y / np.sqrt(mean)}.get(loss, mean - y)  # tweedie: power 1.5
    return np.abs(X.T @ derivative).max() / len(y)


@pytest.mark.parametrize("loss", ["squared", "poisson", "gamma", "tweedie"])
@pytest.mark.parametrize("solver", ["coordinate", "lbfgs"])
@pytest.mark.parametrize("share", [0.999, 1.001, 10.0])
def test_penalties_that_leave_no_coefficient(loss, solver, share, rng):
    """What is left of the gradient is rounding from the start, of which no share can be asked for."""
    X = rng.normal(size=(300, 10)) * 10.0 ** rng.integers(-2, 3, 10)
    y = rng.poisson(3, 300) + 1.0
    l1 = share * _size_of_first_gradient(loss, X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = cusgd.fit(X, y, loss=loss, l1=l1, solver=solver, standardize=False)
    assert model.result.converged
    assert np.count_nonzero(model.weight) == (share < 1)


@pytest.mark.parametrize("kind", ["squared", "poisson"])
@pytest.mark.parametrize("seed", range(4))
def test_small_l1_with_more_columns_than_rows(kind, seed):
    """The conditions of the optimum: extrapolated coefficients must not be worse than those that they are guessed from."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 120)) * (rng.random((30, 120)) < 0.5)
    predictor = X @ np.where(rng.random(120) < 0.3, rng.normal(size=120), 0) / 3
    y = predictor + 0.3 * rng.normal(size=30) if kind == "squared" else rng.poisson(np.exp(predictor)).astype(float)
    derivative = -y if kind == "squared" else 1 - y
    largest = np.abs(X.T @ derivative).max() / 30
    l1 = 1e-3 * largest
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = cusgd.fit(X, y, loss=kind, l1=l1, solver="coordinate", intercept=False, standardize=False)
    weight = model.weight[0]
    p = X @ weight
    gradient = X.T @ ((p if kind == "squared" else np.exp(p)) - y) / 30
    assert np.abs(gradient).max() <= l1 + 1e-8 * largest
    np.testing.assert_allclose(gradient[weight != 0], -l1 * np.sign(weight[weight != 0]), atol=1e-8 * largest)
