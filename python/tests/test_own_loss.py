"""Estimators whose loss is a formula, against those of the loss with a name and against scipy."""

import pickle

import cusgd
import numpy as np
import pytest

pytest.importorskip("sklearn")
from cusgd.linear_model import SGDRegressor, SGDRegressorCV
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.linear_model import PoissonRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

PSEUDO_HUBER = "c^2*(sqrt(1 + ((p - y)/c)^2) - 1)"


def expected_failures(estimator):
    names = [f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")]
    is_sgd = getattr(estimator, "solver", "sgd") == "sgd"
    return dict.fromkeys(names, "minibatches of repeated rows differ") if is_sgd else {}


@parametrize_with_checks(
    [
        SGDRegressor(loss_expr=PSEUDO_HUBER, constants={"c": 1.5}),
        SGDRegressor(loss_expr="(p - y)^2/2", solver="auto"),
        SGDRegressor(loss_expr="log(cosh(p - y))", learning_rate="constant", eta0=1e-3, max_iter=200),
        SGDRegressorCV(loss_expr="(p - y)^2/2", param_grid={"alpha": [1e-4, 1e-2]}, cv=3),
    ],
    expected_failed_checks=expected_failures,
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture
def counts(rng):
    X = rng.normal(size=(600, 3))
    return X, rng.poisson(np.exp(X @ [0.3, -0.2, 0.1] + 0.5)).astype(float)


@pytest.mark.parametrize("container", [np.asarray, csr_matrix])
def test_optimum_is_that_of_scikit_learn(counts, container):
    X, y = counts
    ours = SGDRegressor(loss_expr="c*(exp(p) - y*p)", constants={"c": 1}, link="exp(c*p)", solver="auto", alpha=0.1)
    ours.fit(container(X), y)
    theirs = PoissonRegressor(alpha=0.1, tol=1e-10, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6)
    np.testing.assert_allclose(ours.predict(container(X)), theirs.predict(X), rtol=1e-6)
    assert ours.score(container(X), y) == pytest.approx(1 - np.mean((theirs.predict(X) - y) ** 2) / np.var(y), rel=1e-6)
    assert ours.options_["link"] == "exp(c*p)"


def test_optimum_of_a_loss_without_a_name(rng):
    X = rng.normal(size=(300, 2)) * [1, 5] + [0, 3]
    y = X @ [1.0, -2.0] + rng.standard_t(2, size=300)
    weight = rng.uniform(0.5, 2, size=300)

    def objective(theta):
        u = (X @ theta[:2] + theta[2] - y) / 0.7
        return np.average(0.49 * (np.sqrt(1 + u**2) - 1), weights=weight) + 0.05 / 2 * (theta[:2] ** 2).sum()

    exact = minimize(objective, np.zeros(3), tol=1e-12).x
    for solver, tolerance in (("auto", 1e-5), ("sgd", 1e-2)):
        found = SGDRegressor(loss_expr=PSEUDO_HUBER, constants={"c": 0.7}, alpha=0.05, solver=solver)
        found.fit(X, y, sample_weight=weight)
        np.testing.assert_allclose([*found.coef_, *found.intercept_], exact, rtol=tolerance)


@pytest.mark.parametrize(
    "parameters",
    [{"learning_rate": name} for name in ("constant", "optimal", "invscaling", "adaptive")]
    + [{"learning_rate": "constant", "early_stopping": True}, {"learning_rate": "constant", "average": True}],
)
def test_schedules(parameters, rng):
    """The formula of a loss with a name takes its steps."""
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=200)
    for formula, name in (("(p - y)^2/2", "squared_error"), ("log(cosh(p - y))", "log_cosh")):
        ours = SGDRegressor(loss_expr=formula, alpha=0.1, max_iter=20, tol=None, **parameters).fit(X, y)
        named = SGDRegressor(name, alpha=0.1, max_iter=20, tol=None, **parameters).fit(X, y)
        np.testing.assert_allclose(ours.coef_, named.coef_, rtol=1e-10)
        assert ours.n_iter_ == named.n_iter_


def test_stopping_rule_of_a_schedule(rng):
    """The rule of scikit-learn's algorithm looks at half the squared error, which the formula is as it is written."""
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=200)
    epochs = [
        SGDRegressor(learning_rate="invscaling", **loss).fit(X, y).n_iter_
        for loss in ({"loss": "squared_error"}, {"loss_expr": "(p - y)^2/2"})
    ]
    assert epochs[0] == epochs[1]


def test_partial_fit(counts):
    X, y = counts
    parts = [slice(i, i + 100) for i in range(0, 600, 100)]
    ours, named = SGDRegressor(loss_expr="exp(p) - y*p", link="exp(p)"), SGDRegressor("poisson")
    for _ in range(20):
        for part in parts:
            ours.partial_fit(X[part], y[part])
            named.partial_fit(X[part], y[part])
    assert ours.score(X, y) == pytest.approx(named.score(X, y), abs=0.02)


def test_parameters(counts):
    X, y = counts
    estimator = SGDRegressor(loss_expr="exp(p) - a*y*p", constants={"a": 1.0}, link="exp(p)", max_iter=3, tol=None)
    again = clone(estimator)
    assert again.get_params() == estimator.get_params() and again.constants is not estimator.constants
    again.set_params(constants={"a": 1.5})
    assert estimator.fit(X, y).intercept_ < again.fit(X, y).intercept_
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(again)).predict(X), again.predict(X))
    search = GridSearchCV(estimator, {"constants": [{"a": 0.1}, {"a": 1.0}]}, cv=3).fit(X, y)
    assert search.best_params_ == {"constants": {"a": 1.0}}
    single = SGDRegressor(loss_expr="exp(p) - y*p", link="exp(p)").fit(X.astype(np.float32), y)
    assert single.predict(X.astype(np.float32)).dtype == np.float32


def test_several_targets_and_cross_validation(counts):
    X, y = counts
    both = SGDRegressor(loss_expr="exp(p) - y*p", link="exp(p)", solver="auto").fit(X, np.column_stack([y, y]))
    np.testing.assert_allclose(both.predict(X)[:, 0], both.predict(X)[:, 1], rtol=1e-5)
    chosen = SGDRegressorCV(loss_expr="exp(p) - y*p", link="exp(p)", cv=3).fit(X, y)
    named = SGDRegressorCV("poisson", cv=3).fit(X, y)
    assert chosen.best_params_ == named.best_params_
    np.testing.assert_allclose(chosen.predict(X), named.predict(X), rtol=0.02)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"loss_expr": "(p - y)^2", "loss": "huber"}, "one choice"),
        ({"link": "exp(p)"}, "link belongs to loss_expr"),
        ({"constants": {"c": 1}}, "constants belongs to loss_expr"),
        ({"loss_expr": "(p - y)^2 + q*p"}, "there is no name q here"),
        ({"loss_expr": "(p - y)^2", "link": "y"}, "there is no name y here"),
        ({"loss_expr": "(p - y)^2", "constants": "c=1"}, "constants must be a mapping"),
        ({"loss_expr": "abs(p - y)", "solver": "lbfgs"}, "smooth"),
    ],
)
def test_what_is_refused(parameters, message, counts):
    with pytest.raises(ValueError, match=message):
        SGDRegressor(**parameters).fit(*counts)


def test_quantiles_as_text(rng):
    X = rng.normal(size=(200, 2))
    y = X @ [1.0, 2.0] + rng.normal(size=200)
    listed = cusgd.fit(X, y, loss="quantile", quantile=[0.05, 0.5])
    for text in (".05,.5", " .05, .5 "):
        np.testing.assert_array_equal(cusgd.fit(X, y, loss="quantile", quantile=text).weight, listed.weight)
    assert cusgd.fit(X, y, loss="quantile", quantile=" .5 ").options["quantile"] == 0.5
    with pytest.raises(cusgd.UsageError, match="list of numbers"):
        cusgd.fit(X, y, loss="quantile", quantile=".05 .1, .5")
