"""The estimators: scikit-learn's own checks, and scikit-learn's optima on columns of different scales."""

import pickle
import warnings

import cusgd
import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from cusgd import linear_model  # noqa: E402
from sklearn import datasets  # noqa: E402
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
        ours = linear_model.SGDClassifier(loss, random_state=0).fit(X, y)
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
