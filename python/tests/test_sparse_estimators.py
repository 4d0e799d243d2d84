"""Estimators on sparse matrices of SciPy: scikit-learn's results, and those of the dense matrix."""

import numpy as np
import pytest
import scipy.sparse
import sklearn.linear_model as reference
from cusgd import linear_model

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # runs of few epochs


@pytest.fixture
def rows(rng):
    """A sparse matrix with an empty row and an empty column, a linear predictor, and weights."""
    X = scipy.sparse.random(400, 60, density=0.1, random_state=np.random.RandomState(3), format="lil")
    X[5] = 0
    X[:, 7] = 0
    X = X.tocsr()
    return X, X @ rng.normal(size=60) + 0.1 * rng.normal(size=400), rng.uniform(0.5, 2, 400)


SCHEDULES = [
    {"learning_rate": "constant", "eta0": 0.01},
    {"learning_rate": "constant", "eta0": 0.01, "penalty": None},
    {"learning_rate": "constant", "eta0": 0.01, "fit_intercept": False},
    {"learning_rate": "constant", "eta0": 0.01, "average": True},
    {"learning_rate": "invscaling", "eta0": 0.05},
    {"learning_rate": "invscaling", "eta0": 0.05, "average": 250},
    {"learning_rate": "optimal", "alpha": 0.1},
    {"learning_rate": "optimal", "alpha": 0.1, "penalty": None},
    {"learning_rate": "optimal", "alpha": 0.1, "average": 10},
]


@pytest.mark.parametrize("parameters", SCHEDULES, ids=[str(number) for number in range(len(SCHEDULES))])
@pytest.mark.parametrize("weighted", [False, True])
def test_schedules_give_the_coefficients_of_scikit_learn(parameters, weighted, rows):
    """Also those of the intercept, which learns at a hundredth of the rate on sparse rows."""
    X, linear, weights = rows
    parameters = {**parameters, "shuffle": False, "max_iter": 5, "tol": None}
    weights = weights if weighted else None
    for name, y in (("SGDRegressor", linear + 1), ("SGDClassifier", linear > 0), ("SGDClassifier", np.digitize(linear, [-1, 1]))):
        ours, theirs = (
            getattr(module, name)(**parameters).fit(X, y, sample_weight=weights) for module in (linear_model, reference)
        )
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("parameters", SCHEDULES[:7], ids=[str(number) for number in range(7)])
def test_partial_fit_gives_the_coefficients_of_scikit_learn(parameters, rows):
    X, y, _ = rows
    ours, theirs = (module.SGDRegressor(**parameters, shuffle=False) for module in (linear_model, reference))
    for i in range(0, 400, 80):
        part = slice(i, i + 80)
        ours.partial_fit(X[part], y[part])
        theirs.partial_fit(X[part], y[part])
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-10, atol=1e-12)


def test_dense_schedules_without_a_penalty_have_their_rate_from_alpha(rng):
    X = rng.normal(size=(100, 3))
    y = X @ [1.0, 2.0, 3.0] > 0
    parameters = {"learning_rate": "optimal", "penalty": None, "alpha": 0.01, "shuffle": False, "max_iter": 3, "tol": None}
    ours, theirs = (module.SGDClassifier(**parameters).fit(X, y) for module in (linear_model, reference))
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-10)


OPTIMA = [
    ("LinearRegression", {}, {"tol": 1e-12}),
    ("Ridge", {"alpha": 0.5}, {"tol": 1e-12, "solver": "sparse_cg"}),
    ("Lasso", {"alpha": 1e-3}, {"tol": 1e-12, "max_iter": 10**5}),
    ("ElasticNet", {"alpha": 1e-3}, {"tol": 1e-12, "max_iter": 10**5}),
    ("LogisticRegression", {"C": 2.0}, {"tol": 1e-12, "max_iter": 10**4}),
    ("PoissonRegressor", {"alpha": 0.01}, {"tol": 1e-10, "max_iter": 10**4}),
    ("GammaRegressor", {"alpha": 0.01}, {"tol": 1e-10, "max_iter": 10**4}),
    ("TweedieRegressor", {"alpha": 0.01, "power": 1.5}, {"tol": 1e-10, "max_iter": 10**4}),
]


@pytest.mark.parametrize(("name", "parameters", "only_reference"), OPTIMA, ids=[name for name, _, _ in OPTIMA])
def test_optima_are_scikit_learns(name, parameters, only_reference, rows):
    X, linear, _ = rows
    y = (
        np.digitize(linear, [-0.5, 0.5])
        if name == "LogisticRegression"
        else linear
        if name in "LassoRidgeElasticNet"
        else np.exp(linear)
    )
    X = X[:, [j for j in range(60) if j != 7]]  # of an empty column's coefficient LinearRegression's optimum knows nothing
    ours = getattr(linear_model, name)(**parameters).fit(X, y)
    theirs = getattr(reference, name)(**parameters, **only_reference).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=2e-6 * np.abs(theirs.coef_).max())
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=2e-6)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.score(X, y), theirs.score(X, y), atol=1e-6)


def test_quantiles_and_automatic_steps_come_near_the_optimum(rows):
    X, y, _ = rows
    ours = linear_model.QuantileRegressor(alpha=1e-4).fit(X, y)
    theirs = reference.QuantileRegressor(alpha=1e-4).fit(X, y)
    loss = [np.abs(y - model.predict(X)).mean() / 2 + 1e-4 * np.abs(model.coef_).sum() for model in (ours, theirs)]
    assert loss[0] < loss[1] + 0.02
    for parameters in ({}, {"solver": "auto"}, {"solver": "best"}):
        model = linear_model.SGDRegressor(alpha=1e-4, **parameters).fit(X, y)
        assert model.score(X, y) > 0.9
        assert not model.options_["standardize"]


FORMS = ["csr", "csc", "coo", "lil", "dok", "bsr"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_every_form_gives_the_same_bits(form, kind, rows):
    X, y, _ = rows
    X = scipy.sparse.csr_array(X) if kind == "array" else X
    for model in (linear_model.SGDClassifier("log_loss"), linear_model.Ridge()):
        targets = y > 0 if isinstance(model, linear_model.SGDClassifier) else y
        expected = model.fit(X, targets).coef_.copy()
        given = X.asformat(form)
        np.testing.assert_array_equal(model.fit(given, targets).coef_, expected)
        np.testing.assert_array_equal(model.predict(given), model.predict(X))


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_types_of_indices_and_values(index, dtype, rows):
    X, y, _ = rows
    X = X.ceil().astype(dtype)
    expected = linear_model.SGDRegressor().fit(X, y).coef_
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    model = linear_model.SGDRegressor().fit(X, y)
    assert model.coef_.dtype == (np.float32 if dtype == np.float32 else np.float64)
    np.testing.assert_array_equal(model.coef_, expected)
    assert X.indices.dtype == index


def test_rows_of_weight_0_are_absent(rows):
    X, y, weights = rows
    weights = weights * (np.arange(400) % 3 > 0)
    kept = weights > 0
    for model in (linear_model.Ridge(), linear_model.SGDClassifier()):
        targets = y > 0 if isinstance(model, linear_model.SGDClassifier) else y
        expected = model.fit(X[kept], targets[kept], sample_weight=weights[kept]).coef_.copy()
        np.testing.assert_array_equal(model.fit(X, targets, sample_weight=weights).coef_, expected)


def test_partial_fit_without_a_schedule(rows):
    X, y, _ = rows
    model = linear_model.SGDClassifier("log_loss", alpha=1e-4)
    for _ in range(20):
        for i in range(0, 400, 40):
            model.partial_fit(X[i : i + 40], y[i : i + 40] > 0, classes=[False, True])
    assert model.score(X, y > 0) > 0.9
    with pytest.raises(ValueError, match="nor dense ones sparse ones"):
        model.partial_fit(X.toarray(), y > 0)


def test_one_class_in_a_part(rows):
    X, y, _ = rows
    order = np.argsort(y)
    for parameters in ({}, {"learning_rate": "optimal"}):
        model = linear_model.SGDClassifier("log_loss", **parameters)
        for part in np.array_split(order, 8):
            model.partial_fit(X[part], y[part] > 0, classes=[False, True])
        assert np.isfinite(model.coef_).all()


def test_early_stopping(rows):
    X, y, _ = rows
    for parameters in ({}, {"learning_rate": "invscaling"}):
        model = linear_model.SGDRegressor(early_stopping=True, random_state=0, **parameters).fit(X, y)
        assert model.n_iter_ >= 1 and np.isfinite(model.coef_).all()


def test_options_and_losses_are_those_of_the_rows_as_they_are(rows):
    X, y, _ = rows
    model = linear_model.SGDRegressor(learning_rate="constant", eta0=0.01, alpha=0.1, max_iter=5, tol=None).fit(X, y)
    np.testing.assert_allclose([model.options_[name] for name in ("rate", "l1", "l2")], [0.01, 0, 0.1], rtol=1e-12)
    assert model.options_["update"] == "lazy"
    np.testing.assert_allclose(model.result_.loss, np.mean((y - model.predict(X)) ** 2), rtol=1e-9)


def test_sparse_coefficients_predict(rows):
    X, y, _ = rows
    model = linear_model.SGDRegressor(penalty="l1", alpha=0.01).fit(X, y)
    expected = model.predict(X), model.predict(X.toarray())
    model.sparsify()
    np.testing.assert_allclose(model.predict(X), expected[0], rtol=1e-10)
    np.testing.assert_allclose(model.predict(X.toarray()), expected[1], rtol=1e-10)


def test_what_is_refused(rows):
    X, y, _ = rows
    with pytest.raises(ValueError, match="sparse data is trained by the solvers sgd, gd, cg, lbfgs and coordinate"):
        linear_model.SGDRegressor(solver="newton").fit(X, y)
    for kind in (linear_model.SGDRegressorCV, linear_model.SGDClassifierCV):
        with pytest.raises(ValueError, match="halving=0 is needed with sparse X"):
            kind(halving=2).fit(X, y > 0)
    X.data[7] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        linear_model.Ridge().fit(X, y)
    with pytest.raises(TypeError, match="y is sparse"):
        linear_model.Ridge().fit(X, scipy.sparse.csr_matrix(y[:, None]))


def test_runs_that_diverge_are_errors(rows):
    X, y, _ = rows
    with pytest.raises(ValueError, match="under-/overflow"):
        linear_model.SGDRegressor(learning_rate="constant", eta0=50.0).fit(X * 10, y)


@pytest.mark.parametrize("weighted", [False, True])
def test_optima_with_l1_are_those_of_scikit_learn(weighted, rows):
    """By coordinate descent; liblinear penalizes an intercept, and takes no elastic net."""
    X, linear, weights = rows
    weight = weights if weighted else None
    for alpha in (1e-3, 0.02, 10.0):
        for l1_ratio in (1.0, 0.5):
            ours = linear_model.ElasticNet(alpha=alpha, l1_ratio=l1_ratio).fit(X, linear, sample_weight=weight)
            theirs = reference.ElasticNet(alpha=alpha, l1_ratio=l1_ratio, tol=1e-13, max_iter=100000)
            theirs.fit(X.tocsc(), linear, sample_weight=weight)
            np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
            np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-6)
    for C in (0.05, 1.0, 50.0):
        options = {"C": C, "l1_ratio": 1.0, "fit_intercept": False}
        ours = linear_model.LogisticRegression(C=C, penalty="l1", fit_intercept=False).fit(X, linear > 0, sample_weight=weight)
        theirs = reference.LogisticRegression(**options, solver="liblinear", tol=1e-8, max_iter=10000)
        theirs.fit(X, linear > 0, sample_weight=weight)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6 * max(1.0, np.abs(theirs.coef_).max()))
