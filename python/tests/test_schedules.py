"""The schedules of scikit-learn: its algorithm, and its coefficients to rounding."""

import warnings

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from cusgd import linear_model  # noqa: E402
from cusgd.linear_model import _schedules  # noqa: E402
from sklearn import linear_model as reference  # noqa: E402
from sklearn import metrics  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

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


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "optimal", "adaptive"])
@pytest.mark.parametrize("average", [False, True, 40])
def test_rows_of_weight_0_are_steps(learning_rate, average, rng):
    """They shrink coefficients, count in averages, and lower the rate."""
    X = rng.normal(size=(60, 3))
    y = X @ [1.0, 2.0, 0.0] + rng.normal(size=60)
    parameters = {"learning_rate": learning_rate, "alpha": 0.1, "shuffle": False, "average": average, "max_iter": 3, "tol": None}
    weights = rng.integers(0, 3, 60).astype(float)
    for dtype in (np.float64, np.float32):
        ours, theirs = (
            module.SGDRegressor(**parameters).fit(X.astype(dtype), y.astype(dtype), sample_weight=weights)
            for module in (linear_model, reference)
        )
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9 if dtype == np.float64 else 1e-4)
    ours, theirs = linear_model.SGDRegressor(**parameters), reference.SGDRegressor(**parameters)
    for part in np.split(np.arange(60), 3):
        ours.partial_fit(X[part], y[part], sample_weight=weights[part])
        theirs.partial_fit(X[part], y[part], sample_weight=weights[part])
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9)


@pytest.mark.parametrize("average", [False, True, 100])
@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive"])
@pytest.mark.parametrize("class_weight", [None, {0: 1.0, 1: 5.0}])
def test_early_stopping_ends_where_scikit_learn_does(learning_rate, average, class_weight, rng):
    """By the scores of the current coefficients, whatever the estimator shows in the end, and without weights of classes."""
    X = rng.normal(size=(300, 5))
    linear = X @ [1.0, 2.0, -1.0, 0.0, 0.5] + rng.normal(size=300)
    common = {"penalty": None, "learning_rate": learning_rate, "average": average, "shuffle": False, "early_stopping": True}
    common |= {"eta0": 1e-3, "n_iter_no_change": 2, "random_state": 3}
    for kind, y, extra in (
        ("SGDRegressor", linear, {"tol": 1e-4}),
        ("SGDClassifier", (linear > 1).astype(int), {"tol": 1e-3, "loss": "squared_hinge", "class_weight": class_weight}),
        ("SGDClassifier", np.digitize(linear, [-1, 1]), {"tol": 1e-3, "loss": "hinge"}),
    ):
        weights = rng.integers(0, 3, 300).astype(float)
        for given in (None, weights):
            ours, theirs = (
                getattr(module, kind)(**common, **extra).fit(X, y, sample_weight=given) for module in (linear_model, reference)
            )
            assert ours.n_iter_ == theirs.n_iter_
            np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-8, atol=1e-10)


def test_adaptive_goes_on_from_the_current_coefficients(rng):
    """With averages, too: each lower rate begins where the last step of the one before led."""
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=200)
    parameters = {
        "learning_rate": "adaptive",
        "eta0": 0.01,
        "penalty": None,
        "average": 50,
        "shuffle": False,
        "n_iter_no_change": 1,
    }
    ours, theirs = (module.SGDRegressor(tol=1e-3, **parameters).fit(X, y) for module in (linear_model, reference))
    assert ours.n_iter_ == theirs.n_iter_ > 5
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9)


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
