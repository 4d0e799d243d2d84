"""partial_fit, warm starts and losses of scikit-learn's SGD, compared with scikit-learn."""

import pickle
import warnings

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from cusgd import linear_model  # noqa: E402
from sklearn import linear_model as reference  # noqa: E402

SCHEDULES = [
    {"learning_rate": "constant", "eta0": 0.01},
    {"learning_rate": "adaptive", "eta0": 0.01},
    {"learning_rate": "optimal", "alpha": 1.0},
    {"learning_rate": "constant", "eta0": 0.01, "average": True},
    {"learning_rate": "optimal", "alpha": 1.0, "average": 100},
    {"learning_rate": "invscaling", "eta0": 0.02},
    {"learning_rate": "invscaling", "eta0": 0.02, "average": 70},
]
LOSSES = ["hinge", "squared_hinge", "log_loss", "modified_huber", "perceptron", "squared_error", "huber", "epsilon_insensitive"]
PARTS = [slice(0, 60), slice(60, 61), slice(61, 150), slice(0, 150)]


def same(ours, theirs):
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-10, atol=1e-12)
    assert ours.t_ == theirs.t_
    assert ours.coef_.shape == theirs.coef_.shape and ours.intercept_.shape == theirs.intercept_.shape


@pytest.fixture
def rows(rng):
    index = rng.integers(0, 3, 150)
    index[60] = 0  # a part of one row, and so of one class
    X = rng.normal(size=(150, 4)) + np.eye(3, 4)[index]
    return X, index, X @ [1.0, 2.0, -1.0, 0.0] + rng.normal(size=150), rng.uniform(0.5, 2, 150)


@pytest.mark.parametrize("parameters", SCHEDULES, ids=[str(number) for number in range(len(SCHEDULES))])
@pytest.mark.parametrize("weighted", [False, True])
def test_regression_in_parts(parameters, weighted, rows):
    X, _, y, weights = rows
    ours, theirs = (kind(shuffle=False, **parameters) for kind in (linear_model.SGDRegressor, reference.SGDRegressor))
    for part in PARTS:
        for model in (ours, theirs):
            model.partial_fit(X[part], y[part], weights[part] if weighted else None)
        same(ours, theirs)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("parameters", SCHEDULES[::3], ids=["plain", "average", "invscaling"])
def test_classes_in_parts(loss, several, parameters, rows):
    X, index, _, _ = rows
    y = index if several else index > 0
    class_weight = {0: 2.0, 1: 3.0, 2: 0.5} if several else {False: 2.0, True: 0.5}
    # With averages scikit-learn's classifier starts each call at the intercept that the first one started at.
    extra = {"shuffle": False, "loss": loss, "fit_intercept": "average" not in parameters}
    for weights in (None, class_weight):
        parameters = {**parameters, **extra, "class_weight": weights, "max_iter": 1000, "tol": 1e-3}
        ours, theirs = (kind(**parameters) for kind in (linear_model.SGDClassifier, reference.SGDClassifier))
        for part in PARTS:
            ours.partial_fit(X[part], y[part], classes=np.unique(y))
            theirs.partial_fit(X[part], y[part], classes=np.unique(y))
        same(ours, theirs)
        parameters.update(max_iter=4, tol=None, fit_intercept=True)
        same(linear_model.SGDClassifier(**parameters).fit(X, y), reference.SGDClassifier(**parameters).fit(X, y))


@pytest.mark.parametrize("parameters", SCHEDULES, ids=[str(number) for number in range(len(SCHEDULES))])
def test_parts_after_a_fit(parameters, rows):
    X, _, y, _ = rows
    models = [
        kind(shuffle=False, max_iter=3, tol=None, **parameters) for kind in (linear_model.SGDRegressor, reference.SGDRegressor)
    ]
    for model in models:
        model.fit(X, y)
        model.partial_fit(X[:70], y[:70])
    same(*models)
    models[0] = pickle.loads(pickle.dumps(models[0]))
    for model in models:
        model.partial_fit(X[70:], y[70:])
    same(*models)
    for model in models:  # a fit begins anew
        model.fit(X, y)
    same(*models)


@pytest.mark.parametrize("average", [False, True])
def test_warm_start_and_initial_coefficients(average, rows):
    X, index, y, _ = rows
    parameters = {"learning_rate": "constant", "eta0": 0.01, "shuffle": False, "max_iter": 2, "tol": None, "average": average}
    if not average:  # scikit-learn's regressor then starts from the coefficients behind the averages, its classifier from these
        ours, theirs = (kind(warm_start=True, **parameters) for kind in (linear_model.SGDRegressor, reference.SGDRegressor))
        for _ in range(3):
            same(ours.fit(X, y), theirs.fit(X, y))
    ours, theirs = (kind(warm_start=True, **parameters) for kind in (linear_model.SGDClassifier, reference.SGDClassifier))
    for _ in range(3):
        same(ours.fit(X, index > 0), theirs.fit(X, index > 0))
    start = {"coef_init": np.arange(12.0).reshape(3, 4) / 10, "intercept_init": np.array([1.0, 2.0, 3.0])}
    ours, theirs = (kind(**parameters) for kind in (linear_model.SGDClassifier, reference.SGDClassifier))
    same(ours.fit(X, index, **start), theirs.fit(X, index, **start))
    with pytest.raises(ValueError, match="coef_init does not match"):
        ours.fit(X, index, coef_init=np.zeros((2, 4)))


def test_shuffled_parts_learn(rng):
    X = rng.normal(size=(2000, 5))
    y = X @ [1.0, 2.0, 3.0, 0.0, -1.0] + 4
    model = linear_model.SGDRegressor(learning_rate="constant", eta0=0.01, alpha=0)
    for part in np.split(np.arange(2000), 40):
        model.partial_fit(X[part], y[part])
    assert model.score(X, y) > 0.99 and model.t_ == 2001
    again = linear_model.SGDRegressor(learning_rate="constant", eta0=0.01, alpha=0)
    for part in np.split(np.arange(2000), 40):
        again.partial_fit(X[part], y[part])
    assert again.coef_.tobytes() == model.coef_.tobytes()


def test_probabilities_of_modified_huber(rows):
    X, index, _, _ = rows
    for y in (index, index > 0):
        parameters = {
            "loss": "modified_huber",
            "learning_rate": "constant",
            "eta0": 0.05,
            "shuffle": False,
            "tol": None,
            "max_iter": 9,
        }
        ours, theirs = (kind(**parameters).fit(X, y) for kind in (linear_model.SGDClassifier, reference.SGDClassifier))
        np.testing.assert_allclose(ours.predict_proba(30 * X), theirs.predict_proba(30 * X), atol=1e-12)


def test_losses_without_a_schedule(rows):
    """Solver "auto" finds modified_huber's optimum, and steps of rate 1 with perceptron are scikit-learn's Perceptron."""
    X, index, _, _ = rows
    y = index > 0
    model = linear_model.SGDClassifier("modified_huber", alpha=0.01, solver="auto").fit(X, y)

    def objective(weight, bias):
        margin = np.where(y, 1, -1) * (X @ weight + bias)
        losses = np.where(margin >= -1, np.maximum(0, 1 - margin) ** 2, -4 * margin)
        return losses.mean() + 0.005 * weight @ weight

    from scipy.optimize import minimize

    found = minimize(lambda theta: objective(theta[:4], theta[4]), np.zeros(5), method="BFGS")
    assert objective(model.coef_[0], model.intercept_[0]) < found.fun + 1e-6
    steps = {"learning_rate": "constant", "eta0": 1.0, "shuffle": False, "max_iter": 3, "tol": None}
    ours = linear_model.SGDClassifier("perceptron", penalty=None, **steps).fit(X, y)
    theirs = reference.Perceptron(shuffle=False, max_iter=3, tol=None).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-10)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"early_stopping": True}, "early_stopping should be False"),
        ({"class_weight": "balanced"}, "not supported for partial_fit"),
        ({"eta0": -1.0}, "eta0"),
    ],
)
def test_what_partial_fit_refuses(parameters, message, rows):
    X, index, _, _ = rows
    with pytest.raises(ValueError, match=message):
        linear_model.SGDClassifier(**{"learning_rate": "constant", **parameters}).partial_fit(X, index, classes=[0, 1, 2])


def test_classes_of_the_first_part(rows):
    X, index, _, _ = rows
    model = linear_model.SGDClassifier(learning_rate="constant", eta0=0.1)
    with pytest.raises(ValueError, match="classes must be passed"):
        model.partial_fit(X, index)
    model.partial_fit(X, index, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="lacks"):
        model.partial_fit(X, index + 1)
    assert not hasattr(linear_model.SGDClassifier(solver="auto"), "partial_fit")
    with pytest.raises(AttributeError) as caught:
        linear_model.SGDRegressor(solver="auto").partial_fit(X, index)
    assert "full-batch" in str(caught.value.__cause__)


def test_a_step_never_turns_coefficients_around(rows):
    """Where rate times alpha is above 1, coefficients shrink to 0 and no further, as scikit-learn's do."""
    X, _, y, _ = rows
    parameters = {"alpha": 1e5, "learning_rate": "constant", "eta0": 0.1, "shuffle": False, "max_iter": 3, "tol": None}
    same(linear_model.SGDRegressor(**parameters).fit(X, y), reference.SGDRegressor(**parameters).fit(X, y))


@pytest.mark.parametrize("kind", [linear_model.SGDRegressor, linear_model.SGDClassifier])
@pytest.mark.parametrize("learning_rate", ["auto", "invscaling"])
@pytest.mark.parametrize("name", ["alpha", "tol", "eta0", "power_t", "average", "l1_ratio", "loss", "penalty", "learning_rate"])
def test_parameters_of_other_types_are_refused_by_name(rows, kind, learning_rate, name):
    X, classes, y, _ = rows
    for value in ("x", [1]):
        model = kind(**{"learning_rate": learning_rate, "penalty": "elasticnet", name: value})
        with pytest.raises(ValueError, match=f"^{name}[= ]"):
            model.fit(X, y if kind is linear_model.SGDRegressor else classes)


def test_negative_power_is_deprecated(rows):
    X, _, y, _ = rows
    for call in ("fit", "partial_fit"):  # the warning is at the caller's line, and so appears once
        with pytest.warns(FutureWarning, match="power_t") as seen:
            getattr(linear_model.SGDRegressor(power_t=-1.0), call)(X, y)
        assert {warning.filename for warning in seen if warning.category is FutureWarning} == {__file__}
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        linear_model.SGDRegressor().fit(X, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parts_without_a_schedule(dtype, rng):
    """Raw columns in parts: as good as least squares over all rows, and better than scikit-learn's schedule."""
    X = (rng.normal(size=(20000, 4)) * [1.0, 30.0, 0.1, 1.0] + [0.0, 50.0, 0.0, -3.0]).astype(dtype)
    y = (X @ [1.0, -0.2, 30.0, 0.0] + 7 + rng.normal(size=20000)).astype(dtype)
    model = linear_model.SGDRegressor(alpha=0)
    for part in np.split(np.arange(20000), 100):
        model.partial_fit(X[part], y[part])
    best = reference.LinearRegression().fit(X, y)
    assert np.mean((y - model.predict(X)) ** 2) < 1.02 * np.mean((y - best.predict(X)) ** 2)
    assert model.options_["optimizer"] == "auto" and model.t_ == 20001
    model = pickle.loads(pickle.dumps(model))  # begins with the coefficients, and without the optimizer's state
    for part in np.split(np.arange(20000), 100):
        model.partial_fit(X[part], y[part])
    assert np.mean((y - model.predict(X)) ** 2) < 1.05 * np.mean((y - best.predict(X)) ** 2)


def test_parts_of_few_classes_without_a_schedule(rng):
    """Sorted rows: most parts have one class alone."""
    index = np.sort(rng.integers(0, 3, 3000))
    X = rng.normal(size=(3000, 3)) + 3 * np.eye(3)[index]
    model = linear_model.SGDClassifier("log_loss")
    for _ in range(3):
        for part in np.split(rng.permutation(30), 30):
            rows = np.arange(100) + 100 * part[0]
            model.partial_fit(X[rows], index[rows], classes=[0, 1, 2])
    assert model.score(X, index) > 0.9
    two = linear_model.SGDClassifier()
    two.partial_fit(X[:100], index[:100] > 0, classes=[False, True])
    two.partial_fit(X[-100:], index[-100:] > 0)
    assert two.score(X, index > 0) > 0.8


def test_coefficients_set_by_hand_count(rows):
    X, _, y, _ = rows
    model = linear_model.SGDRegressor(eta0=1e-12)
    model.partial_fit(X, y)
    model.coef_ = np.array([1.0, 2.0, 3.0, 4.0])
    model.partial_fit(X, y)
    np.testing.assert_allclose(model.coef_, [1, 2, 3, 4], rtol=1e-6)


@pytest.mark.parametrize("first", [1, 3, 200])
@pytest.mark.parametrize("count", [1, 7])
def test_calls_of_few_rows(rng, first, count):
    X = rng.normal(size=(600, 4)) * [1.0, 10.0, 0.1, 1.0]
    y = X @ [1.0, 0.1, 5.0, 0.0] + 3 + rng.normal(size=600)
    model = linear_model.SGDRegressor()
    for i in [0, *range(first, len(X), count)]:
        part = slice(i, first if i == 0 else i + count)
        model.partial_fit(X[part], y[part])
        if i == 100:
            model = pickle.loads(pickle.dumps(model))
    assert model.t_ == 601
    assert model.score(X, y) > reference.LinearRegression().fit(X, y).score(X, y) - 0.02


def test_classes_in_calls_of_one_row(rng):
    X = rng.normal(size=(400, 3)) * [1.0, 100.0, 0.01]
    y = X @ [1.0, 0.01, -100.0] + rng.logistic(size=400) > 0
    model = linear_model.SGDClassifier("log_loss")
    for i in range(len(X)):
        model.partial_fit(X[i : i + 1], y[i : i + 1], classes=[False, True])
    assert model.score(X, y) > reference.LogisticRegression().fit(X, y).score(X, y) - 0.03


def test_rows_one_by_one_are_seen_in_whole_batches():
    """A classifier that is given single rows is, after whole batches, as good as one that is given them together."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(1024, 4))
    y = np.where(X @ [1.0, -2.0, 0.5, 0.0] > 0, "yes", "no")
    one = linear_model.SGDClassifier(loss="log_loss")
    for i in range(len(X)):
        one.partial_fit(X[i : i + 1], y[i : i + 1], classes=["no", "yes"])
        assert one.t_ == i + 2
    assert one.score(X, y) > 0.95
    kept = one.coef_.copy()
    one.coef_ += 1  # set by hand: training goes on from there
    one.partial_fit(X[:100], y[:100])
    assert np.abs(one.coef_ - kept).max() > 0.1
    with pytest.raises(ValueError, match=r"lacks: .*maybe"):
        one.partial_fit(X[:2], ["yes", "maybe"])


@pytest.mark.parametrize("change", [{"eta0": 0.03}, {"alpha": 0.5}, {"loss": "huber"}, {"power_t": 0.1}])
@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "optimal"])
def test_parameters_may_change_between_calls(learning_rate, change, rng):
    """Trainers are kept from call to call, but not with parameters that are no longer those of the estimator."""
    X = rng.normal(size=(300, 4))
    y = X @ [1.0, -2.0, 0.5, 0.0] + 1 + 0.1 * rng.normal(size=300)
    weights = rng.uniform(0.5, 2, 300) * np.linspace(0.3, 3, 300)
    ours, theirs = (
        module.SGDRegressor(learning_rate=learning_rate, eta0=0.01, alpha=0.1, shuffle=False)
        for module in (linear_model, reference)
    )
    for i in range(0, 300, 60):
        part = slice(i, i + 60)
        if i == 120:
            ours.set_params(**change)
            theirs.set_params(**change)
        for model in (ours, theirs):
            model.partial_fit(X[part], y[part], sample_weight=weights[part])
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-10)


@pytest.mark.parametrize("n_jobs", [-1, 0])
def test_threads_that_scikit_learn_counts_from_the_end(n_jobs, rng):
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, 2.0, 3.0]
    one, several = (linear_model.SGDRegressor(n_jobs=jobs).partial_fit(X, y) for jobs in (1, n_jobs))
    assert one.coef_.tobytes() == several.coef_.tobytes()
