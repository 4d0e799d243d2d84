"""The estimators: scikit-learn's own checks, and scikit-learn's optima on columns of different scales."""

import dataclasses
import pickle
import warnings

import cusgd
import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from cusgd import linear_model  # noqa: E402
from cusgd.linear_model import _schedules, _squares  # noqa: E402
from scipy.optimize import lsq_linear  # noqa: E402
from scipy.sparse import csr_matrix  # noqa: E402
from sklearn import datasets, metrics  # noqa: E402
from sklearn import linear_model as reference  # noqa: E402
from sklearn.exceptions import DataConversionWarning  # noqa: E402
from sklearn.feature_selection import SelectFromModel  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

ALL = [getattr(linear_model, name)() for name in linear_model.__all__ if not name.endswith("CV")]
ALL += [
    linear_model.SGDRegressorCV(param_grid={"alpha": [1e-4, 1e-2]}, cv=3),
    linear_model.SGDClassifierCV(param_grid={"alpha": [1e-4, 1e-2]}, cv=3),
    linear_model.SGDClassifier("log_loss"),
    linear_model.SGDRegressor(solver="auto"),
    linear_model.SGDClassifier("log_loss", solver="auto"),
    linear_model.SGDRegressor(learning_rate="constant", eta0=1e-3, max_iter=200),
    linear_model.SGDClassifier(learning_rate="optimal", max_iter=200, average=10),
    linear_model.SGDClassifier("perceptron"),
    linear_model.SGDClassifier("perceptron", learning_rate="constant", eta0=1.0),
]


def expected_failures(estimator):
    """Minibatches of repeated rows are other minibatches than those of weighted rows, as with scikit-learn's SGD."""
    by_minibatches = getattr(estimator, "solver", None) == "sgd" or hasattr(estimator, "param_grid")
    kinds = ["sparse"] if isinstance(estimator, linear_model.QuantileRegressor) else ["dense", "sparse"]
    by_minibatches = by_minibatches or len(kinds) == 1
    names = [f"check_sample_weight_equivalence_on_{kind}_data" for kind in kinds]
    return dict.fromkeys(names, "minibatches of repeated rows differ") if by_minibatches else {}


@parametrize_with_checks(ALL, expected_failed_checks=expected_failures)
def test_scikit_learn_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.fixture
def scales(rng):
    """Columns whose scales differ by a factor of 100, and a linear predictor."""
    X = rng.normal(size=(300, 4)) * [1.0, 10.0, 0.1, 3.0] + [0.0, 5.0, 1.0, 0.0]
    return X, X @ [0.5, 0.05, 3.0, -0.2] - 3


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


@pytest.mark.parametrize("solver", ["sgd", "auto"])
def test_sgd_on_raw_columns(solver, scales, rng):
    X, linear = scales
    y = linear + rng.normal(size=len(linear))
    ours = linear_model.SGDRegressor(alpha=0.01, solver=solver).fit(X, y)
    theirs = reference.Ridge(alpha=0.01 * len(y)).fit(X, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=0.1 if solver == "sgd" else 1e-4)
    assert ours.options_["optimizer"] == "auto"
    classes = linear_model.SGDClassifier("log_loss", solver=solver).fit(X, linear > np.median(linear))
    assert classes.score(X, linear > np.median(linear)) > 0.95
    assert not hasattr(linear_model.SGDClassifier("hinge"), "predict_proba")


@pytest.mark.parametrize("loss", ["perceptron", "hinge", "log_loss"])
@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
def test_classifiers_at_their_defaults(name, loss):
    """As good as scikit-learn's with a scaler, on raw columns, in fewer epochs than the limit, and without a warning."""
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = linear_model.SGDClassifier(loss).fit(X, y)
    theirs = make_pipeline(StandardScaler(), reference.SGDClassifier(loss=loss, random_state=0)).fit(X, y)
    assert ours.score(X, y) > theirs.score(X, y) - 0.02
    assert ours.converged_ and ours.options_["standardize"]


def test_results_worse_than_a_constant_are_warned_of():
    X, y = datasets.load_wine(return_X_y=True)
    with pytest.warns(sklearn.exceptions.ConvergenceWarning, match="worse than the intercept-only model"):
        linear_model.SGDClassifier(learning_rate="constant", eta0=1.0).fit(X, y)


def test_several_classes(rng):
    centers = np.array([[0.0, 0], [3, 0], [0, 3]])
    index = rng.integers(0, 3, 400)
    X = centers[index] + rng.normal(size=(400, 2))
    y = np.array(["a", "b", "c"])[index]
    ours = linear_model.LogisticRegression().fit(X, y)
    assert ours.coef_.shape == (3, 2)
    np.testing.assert_allclose(ours.predict_proba(X).sum(axis=1), 1)
    theirs = reference.LogisticRegression(tol=1e-10).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-4)


def test_standard_errors_and_history(scales, rng):
    X, linear = scales
    y = linear + rng.normal(size=len(linear))
    model = linear_model.LinearRegression().fit(X, y)
    Z = np.column_stack([X, np.ones(len(y))])
    residual = y - model.predict(X)
    covariance = residual @ residual / (len(y) - 5) * np.linalg.inv(Z.T @ Z)
    np.testing.assert_allclose(model.stderr_[0], np.sqrt(np.diag(covariance)), rtol=1e-6)
    assert model.p_values_.shape == (1, 5) and (model.p_values_[0, :4] < 1e-3).all()
    assert model.converged_ and model.result_.stop == "solved"
    assert len(linear_model.SGDRegressor(max_iter=4, tol=0).fit(X, y).history_) == 4


def test_tools_of_scikit_learn(scales, rng):
    X, linear = scales
    y = linear + rng.normal(size=len(linear))
    search = GridSearchCV(linear_model.Ridge(), {"alpha": [0.1, 10.0, 1000.0]}).fit(X, y)
    expected = GridSearchCV(reference.Ridge(), {"alpha": [0.1, 10.0, 1000.0]}).fit(X, y)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], rtol=1e-6)
    assert cross_val_score(make_pipeline(StandardScaler(), linear_model.SGDRegressor()), X, y).mean() > 0.2
    model = pickle.loads(pickle.dumps(linear_model.SGDRegressor().fit(X, y)))
    assert model.predict(X[:2]).shape == (2,)


SELECTING = {
    "LogisticRegression": [{}, {"C": 0.02}, {"C": 0.02, "l1_ratio": 1.0}],
    "SGDClassifier": [{"loss": "log_loss"}, {"loss": "log_loss", "penalty": "l1", "alpha": 0.05}],
    "Lasso": [{"alpha": 0.3}],
    "ElasticNet": [{"alpha": 0.3, "l1_ratio": 1.0}, {"alpha": 0.3}],
    "Ridge": [{}],
    "LinearRegression": [{}],
}


@pytest.mark.parametrize(("name", "number"), [(name, i) for name, of in SELECTING.items() for i in range(len(of))])
def test_selection_of_features(name, number, rng):
    X = rng.normal(size=(300, 6))
    y = X @ [2.0, -1.0, 0.2, 0.0, 0.0, 0.0] + 0.5 * rng.normal(size=300)
    y = np.sign(y) if sklearn.base.is_classifier(getattr(linear_model, name)()) else y
    ours, theirs = dict(SELECTING[name][number]), dict(SELECTING[name][number])
    if name == "SGDClassifier":
        ours["solver"] = "auto"
        theirs |= {"random_state": 0, "tol": 1e-7, "max_iter": 3000}
    if theirs.get("l1_ratio") == 1 and name == "LogisticRegression":
        theirs |= {"solver": "liblinear", "intercept_scaling": 1e4}
        if tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 8):
            theirs |= {"penalty": "l1"}
    expected = SelectFromModel(getattr(reference, name)(**theirs)).fit(X, y)
    found = SelectFromModel(getattr(linear_model, name)(**ours)).fit(X, y)
    np.testing.assert_array_equal(found.get_support(), expected.get_support())


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (linear_model.SGDRegressor("hinge"), "SGDClassifier"),
        (linear_model.SGDRegressor("nonsense"), "must be one of"),
        (linear_model.SGDRegressor(penalty="l3"), "penalty"),
        (linear_model.SGDRegressor(learning_rate="pa1"), "learning_rate"),
        (linear_model.Ridge(alpha=-1), "alpha"),
        (linear_model.ElasticNet(l1_ratio=2), "l1_ratio"),
        (linear_model.TweedieRegressor(power=3), "power"),
    ],
)
def test_parameters_that_are_refused(estimator, message, scales):
    X, linear = scales
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, np.exp(linear))


SCHEDULES = [
    {"learning_rate": "constant", "eta0": 0.01},
    {"learning_rate": "invscaling", "eta0": 0.02},
    {"learning_rate": "optimal", "alpha": 1.0},
    {"learning_rate": "constant", "eta0": 0.01, "average": True},
    {"learning_rate": "constant", "eta0": 0.01, "average": 100},
    {"learning_rate": "constant", "eta0": 0.01, "penalty": None},
]


@pytest.mark.parametrize("parameters", SCHEDULES, ids=[str(number) for number in range(len(SCHEDULES))])
@pytest.mark.parametrize("loss", ["squared_error", "huber", "squared_epsilon_insensitive"])
@pytest.mark.parametrize("weighted", [False, True])
def test_schedules_give_the_coefficients_of_scikit_learn(parameters, loss, weighted, rng):
    X = rng.normal(size=(150, 4))
    y = X @ [1.0, 2.0, -1.0, 0.0] + 0.5 * rng.normal(size=150) + 3
    weights = rng.uniform(0.5, 2, 150) if weighted else None
    parameters = {**parameters, "loss": loss, "epsilon": 0.3, "shuffle": False, "max_iter": 5, "tol": None}
    ours = linear_model.SGDRegressor(**parameters).fit(X, y, sample_weight=weights)
    theirs = reference.SGDRegressor(**parameters).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "log_loss"])
@pytest.mark.parametrize("parameters", SCHEDULES[:4], ids=["constant", "invscaling", "optimal", "average"])
def test_schedules_of_classifiers(loss, parameters, rng):
    index = rng.integers(0, 3, 150)
    X = rng.normal(size=(150, 3)) + np.eye(3)[index]
    parameters = {**parameters, "loss": loss, "shuffle": False, "max_iter": 5, "tol": None, "class_weight": None}
    for y in (index, index > 0):
        ours = linear_model.SGDClassifier(**parameters).fit(X, y)
        theirs = reference.SGDClassifier(**parameters).fit(X, y)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-10, atol=1e-10)


@pytest.mark.skipif(
    tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 10), reason="scikit-learn refuses them from 1.10 on"
)
def test_exponents_below_0(rng):
    X = rng.normal(size=(100, 3))
    y = X @ [1.0, 2.0, 3.0]
    parameters = {"learning_rate": "invscaling", "power_t": -0.3, "shuffle": False, "max_iter": 5, "tol": None}
    found = []
    for module in (linear_model, reference):
        with pytest.warns(FutureWarning, match="Negative values for `power_t` are deprecated"):
            found.append(module.SGDRegressor(eta0=1e-3, **parameters).fit(X, y).coef_)
    np.testing.assert_allclose(*found, rtol=1e-10)


def test_stopping_of_schedules(rng):
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, 2.0, 3.0] + 0.1 * rng.normal(size=200)
    for parameters in ({"learning_rate": "invscaling"}, {"learning_rate": "constant"}, {"learning_rate": "adaptive"}):
        parameters = {**parameters, "shuffle": False, "eta0": 0.01, "tol": 1e-3}
        ours = linear_model.SGDRegressor(**parameters).fit(X, y)
        theirs = reference.SGDRegressor(**parameters).fit(X, y)
        assert ours.n_iter_ == theirs.n_iter_
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9)
    early = linear_model.SGDRegressor(learning_rate="invscaling", early_stopping=True, random_state=3).fit(X, y)
    assert early.converged_ and early.score(X, y) > 0.9
    with pytest.warns(sklearn.exceptions.ConvergenceWarning, match="max_iter"):
        linear_model.SGDRegressor(learning_rate="constant", max_iter=2).fit(X, y)
    with pytest.raises(ValueError, match="alpha must be > 0"):
        linear_model.SGDRegressor(learning_rate="optimal", alpha=0).fit(X, y)


def test_raw_columns_of_any_scale(rng):
    """The penalty acts in the data's units, and the columns are standardized all the same."""
    X = rng.normal(size=(1000, 5)) * [1e-3, 1e-1, 1.0, 1e2, 1e4] + [1.0, 0.0, 3.0, -50.0, 1e3]
    y = X @ [200.0, 5.0, 1.0, 1e-2, 1e-4] + rng.normal(size=1000)
    ours, theirs = linear_model.SGDRegressor().fit(X, y), reference.Ridge(alpha=1e-4 * len(y)).fit(X, y)
    assert ours.options_["standardize"]
    assert theirs.score(X, y) > 0.6
    np.testing.assert_allclose(ours.score(X, y), theirs.score(X, y), atol=1e-4)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=0.03)
    ours = linear_model.ElasticNet(alpha=1e-3, l1_ratio=0.5).fit(X, y)
    theirs = reference.ElasticNet(alpha=1e-3, l1_ratio=0.5, tol=1e-12, max_iter=10**6).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-5, atol=1e-8)
    names = y > np.median(y)
    ours = linear_model.SGDClassifier("log_loss").fit(X, names)
    theirs = make_pipeline(StandardScaler(), reference.LogisticRegression(C=np.inf)).fit(X, names)
    assert ours.score(X, names) > 0.98 * theirs.score(X, names)


def test_all_epochs_run_without_a_tolerance(scales, rng):
    X, linear = scales
    y = linear + rng.normal(size=len(linear))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for parameters in ({}, {"learning_rate": "constant", "eta0": 1e-3}, {"early_stopping": True}):
            model = linear_model.SGDRegressor(tol=None, max_iter=150, **parameters).fit(X, y)
            assert model.n_iter_ == 150, parameters


def test_averages_begin_at_the_step_that_is_named(scales, rng):
    X, linear = scales
    y = linear + rng.normal(size=len(linear))
    common = {"batch_size": 10, "max_iter": 4, "tol": 0}
    fitted = {average: linear_model.SGDRegressor(average=average, **common).fit(X, y) for average in (True, 1, 100)}
    assert fitted[100].options_["average_from"] == 99
    assert fitted[1].coef_.tolist() == fitted[True].coef_.tolist() != fitted[100].coef_.tolist()


def test_balanced_classes_count_weights_as_scikit_learn_does(classes, rng):
    X, y = classes
    weights = rng.uniform(0, 3, len(y)) * (1 + y)
    ours = linear_model.LogisticRegression(class_weight="balanced").fit(X, y, weights)
    theirs = reference.LogisticRegression(class_weight="balanced", tol=1e-12).fit(X, y, weights)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-5)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-5, atol=1e-6)
    parameters = {"class_weight": "balanced", "learning_rate": "optimal", "shuffle": False, "max_iter": 5, "tol": None}
    ours, theirs = (
        kind(**parameters).fit(X, y, sample_weight=weights) for kind in (linear_model.SGDClassifier, reference.SGDClassifier)
    )
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9)


def test_early_stopping_scores_predictions(rng):
    """R^2 of the predictions, which a log link makes from the linear predictor."""
    X = rng.normal(size=(300, 2))
    y = np.exp(X @ [1.0, 2.0])
    assert _schedules._score(linear_model.SGDRegressor("poisson"), X, y, None)(np.array([[1.0, 2.0]]), [0.0]) == 1.0
    assert _schedules._score(linear_model.SGDRegressor(), X, np.log(y), None)(np.array([[1.0, 2.0]]), [0.0]) == 1.0


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_of_early_stopping_are_scikit_learns(weighted, rng):
    X, weight, bias = rng.normal(size=(40, 3)), rng.normal(size=(1, 3)), np.zeros(1)
    weights = rng.integers(0, 4, 40).astype(float) if weighted else None
    p = X @ weight[0] + bias[0]
    regressor, classifier = linear_model.SGDRegressor(), linear_model.SGDClassifier().fit(X, X[:, 0] > 0)
    near = p + rng.normal(size=40)
    for y in (near, p, np.full(40, 2.0)):
        score = _schedules._score(regressor, X, y, weights)
        assert score(weight, bias) == pytest.approx(metrics.r2_score(y, p, sample_weight=weights), rel=1e-12, abs=1e-12)
    same = _schedules._score(regressor, X, np.full(40, 2.0), weights)
    assert same(0 * weight, 0 * bias + 2) == metrics.r2_score(np.full(40, 2.0), np.full(40, 2.0)) == 1
    score = _schedules._score(classifier, X, np.sign(near), weights)
    assert score(weight, bias) == metrics.accuracy_score(near > 0, p > 0, sample_weight=weights)


def test_warnings_show_the_line_of_the_caller(scales, rng):
    X, linear = scales
    y = linear + rng.normal(size=len(linear))
    for estimator in (
        linear_model.SGDRegressor(max_iter=2),
        linear_model.SGDRegressor(max_iter=2, learning_rate="constant"),
        linear_model.SGDClassifier(max_iter=2),
        linear_model.ElasticNet(max_iter=2, alpha=0.01),
    ):
        targets = y > 0 if isinstance(estimator, linear_model.SGDClassifier) else y
        with pytest.warns(sklearn.exceptions.ConvergenceWarning, match="max_iter=2|2 iterations") as found:
            estimator.fit(X, targets)
        assert {warning.filename for warning in found} == {__file__}


@pytest.mark.parametrize("kind", [linear_model.SGDRegressor, linear_model.Lasso])
@pytest.mark.parametrize("first", [True, False])
def test_warm_starts_with_and_without_an_intercept(kind, first, scales):
    X, linear = scales
    model = kind(warm_start=True, alpha=1e-3, fit_intercept=first).fit(X, linear)
    model.fit_intercept = not first
    model.fit(X, linear)
    expected = kind(alpha=1e-3, fit_intercept=not first).fit(X, linear)
    np.testing.assert_allclose(model.predict(X), expected.predict(X), atol=0.05)
    assert np.all(model.intercept_ == 0) == first


def test_no_intercept_is_0(scales):
    X, linear = scales
    y = np.column_stack([linear, -linear])
    for targets in (linear, y):
        for name in ("LinearRegression", "Ridge"):
            ours, theirs = (getattr(module, name)(fit_intercept=False).fit(X, targets) for module in (linear_model, reference))
            assert ours.intercept_ == theirs.intercept_ == 0.0 and np.ndim(ours.intercept_) == 0
            assert ours.predict(X).shape == targets.shape


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


@pytest.mark.parametrize("name", [name for name in linear_model.__all__ if not name.startswith("SGD")])
def test_constructors_take_the_parameters_of_scikit_learn(name):
    """What says how to minimize has no effect, and is no error."""
    theirs = getattr(reference, name)()
    given = {key: value for key, value in theirs.get_params().items() if key not in ("penalty", "tol", "max_iter", "power")}
    ours = getattr(linear_model, name)(**given)
    assert given.items() <= ours.get_params().items()


def test_parameters_without_an_effect(classes, rng):
    X, index = classes
    y = np.exp(X @ [0.3, -0.2, 0.1]) + rng.uniform(size=len(X))
    for name, parameters in (
        ("LogisticRegression", {"solver": "saga", "random_state": 3}),
        ("Ridge", {"solver": "svd", "random_state": 3, "tol": 1e-9, "copy_X": False}),
        ("Lasso", {"selection": "random", "random_state": 3, "precompute": True}),
        ("PoissonRegressor", {"solver": "newton-cholesky"}),
        ("LinearRegression", {"copy_X": False, "tol": 1e-9}),
    ):
        kind = getattr(linear_model, name)
        targets = index if name == "LogisticRegression" else y
        assert kind(**parameters).fit(X, targets).coef_.tolist() == kind().fit(X, targets).coef_.tolist()


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


@pytest.mark.parametrize("name", ["LinearRegression", "Ridge", "PoissonRegressor", "SGDRegressor"])
def test_a_column_of_targets_gives_shapes_of_scikit_learn(name, rng):
    X = rng.normal(size=(60, 3))
    y = np.exp(0.1 * X @ [1.0, 2.0, 3.0])[:, None]
    shapes, warned = [], []
    for module in (linear_model, reference):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = getattr(module, name)().fit(X, y)
        warned.append([warning.category for warning in caught].count(DataConversionWarning))
        shapes.append([np.shape(value) for value in (model.coef_, model.intercept_, model.predict(X))])
    assert shapes[0] == shapes[1] and warned[0] == warned[1]


def test_limits_of_what_schedules_have_in_common(rng):
    """What the module's text leaves out of the claim that coefficients are scikit-learn's."""
    X = rng.normal(size=(300, 5))
    y = X @ [1.0, 2.0, 0.0, 0.0, 0.0] + 0.1 * rng.normal(size=300)
    common = {"learning_rate": "invscaling", "eta0": 0.01, "shuffle": False}
    lasso = {**common, "penalty": "l1", "alpha": 0.05, "max_iter": 50, "tol": None}
    ours, theirs = (module.SGDRegressor(**lasso).fit(X, y) for module in (linear_model, reference))
    exact = reference.Lasso(alpha=0.05, tol=1e-12).fit(X, y)
    np.testing.assert_array_equal(ours.coef_ == 0, exact.coef_ == 0)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=0.02)
    weights = rng.uniform(0, 10, 300)
    stopped, reached = (
        module.SGDRegressor(tol=1e-4, max_iter=1000, **common).fit(X, y, sample_weight=weights)
        for module in (linear_model, reference)
    )
    again = reference.SGDRegressor(tol=None, max_iter=stopped.n_iter_, **common).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(stopped.coef_, again.coef_, rtol=1e-9)  # after as many epochs, whatever the rule says
    np.testing.assert_allclose(stopped.coef_, reached.coef_, atol=0.02)


def test_messages_name_the_columns_of_a_frame(rng):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": rng.normal(size=100), "height": rng.normal(size=100)})
    with pytest.warns(sklearn.exceptions.ConvergenceWarning, match="age.* separate"):
        linear_model.LogisticRegression(penalty=None).fit(frame, frame["age"] > 0)


@pytest.mark.parametrize(
    "model",
    [
        linear_model.SGDRegressor(),
        linear_model.SGDRegressor(learning_rate="constant", max_iter=3),
        linear_model.SGDClassifier(),
        linear_model.SGDClassifier(learning_rate="optimal", max_iter=3),
        linear_model.LinearRegression(),
        linear_model.Ridge(),
        linear_model.Lasso(alpha=0.1),
        linear_model.ElasticNet(alpha=0.1),
        linear_model.LogisticRegression(),
        linear_model.PoissonRegressor(),
        linear_model.GammaRegressor(),
        linear_model.TweedieRegressor(),
        linear_model.QuantileRegressor(),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.filterwarnings("ignore")
def test_attributes_that_a_fit_leaves_behind(model, rng):
    X = rng.normal(size=(100, 2))
    model.fit(X, 1 + (X @ [1.0, 2.0] + rng.normal(size=100) > 0))
    assert isinstance(model.result_, cusgd.Result) and isinstance(model.history_, cusgd.History)
    assert model.options_["epochs"] >= 1 and model.converged_ in (True, False)
    assert hasattr(model, "stderr_") and hasattr(model, "p_values_")


def test_attributes_of_fits_of_several_models(rng):
    X = rng.normal(size=(100, 2))
    y = X @ [1.0, 2.0] + rng.normal(size=100)
    assert linear_model.QuantileRegressor(quantile=[0.2, 0.8]).fit(X, y).converged_ in (True, False)
    search = linear_model.SGDRegressorCV(param_grid={"alpha": [1e-3, 1e-1]}, cv=2).fit(X, y)
    assert len(search.sweep_.outcomes) == 2
    np.testing.assert_array_equal(search.sweep_.model.weight[0], search.coef_)
