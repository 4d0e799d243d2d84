"""Models as estimators of scikit-learn: their predictions are the model's."""

import importlib
import pickle
import sys

import cusgd
import numpy as np
import pytest

linear_model = pytest.importorskip("sklearn.linear_model")

LINEAR = ["squared", "mse", "huber", "epsilon-insensitive", "squared-epsilon-insensitive", "quantile", "log-cosh"]


def data(rng):
    X = rng.normal(size=(200, 3)) * [1.0, 10.0, 0.1] + [0.0, 5.0, 1.0]
    return X, X @ [1.0, -0.1, 3.0] + 0.5 * rng.normal(size=200)


@pytest.mark.parametrize("loss", [*LINEAR, "poisson", "gamma", "tweedie"])
def test_regressions(loss, rng):
    X, y = data(rng)
    model = cusgd.fit(X, y if loss in LINEAR else np.exp(0.1 * y), loss=loss, epochs=20, patience=99)
    estimator = model.to_sklearn()
    assert type(estimator).__module__.startswith("sklearn.")
    np.testing.assert_allclose(estimator.predict(X), model.predict(X), rtol=1e-12)


@pytest.mark.parametrize("loss", ["logistic", "hinge", "squared-hinge", "modified-huber", "perceptron"])
@pytest.mark.parametrize("names", [[0, 1], [-1, 1], ["no", "yes"], ["a", "b", "c"], [1, 2, 5]])
def test_classifications(loss, names, rng):
    X, y = data(rng)
    classes = np.array(names)[np.digitize(y, np.quantile(y, [0.3, 0.6][: len(names) - 1]))]
    model = cusgd.fit(X, classes, loss=loss, epochs=20, patience=99)
    estimator = model.to_sklearn()
    np.testing.assert_array_equal(estimator.predict(X), model.predict(X, "class"))
    assert estimator.predict(X).dtype == model.predict(X, "class").dtype
    assert estimator.score(X, classes) > 0.5
    if loss == "logistic":
        probabilities = estimator.predict_proba(X)
        np.testing.assert_allclose(probabilities[:, 1] if len(names) == 2 else probabilities, model.predict(X), rtol=1e-9)


def test_softmax_of_two_classes(rng):
    X, y = data(rng)
    model = cusgd.fit(X, y > 0, loss="softmax", epochs=20, patience=99)
    estimator = model.to_sklearn()
    np.testing.assert_allclose(estimator.predict_proba(X), model.predict(X), rtol=1e-9, atol=1e-15)  # one is 1 - the other
    np.testing.assert_array_equal(estimator.predict(X), model.predict(X, "class"))


def test_several_targets_and_names(rng):
    pandas = pytest.importorskip("pandas")
    X, y = data(rng)
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    model = cusgd.fit(frame, np.column_stack([y, 2 * y]), solver="exact")
    estimator = model.to_sklearn()
    np.testing.assert_allclose(estimator.predict(frame), model.predict(frame), rtol=1e-12)
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(frame[["c", "b", "a"]])


def test_it_needs_no_cusgd(rng, monkeypatch):
    X, y = data(rng)
    pickled = pickle.dumps(cusgd.fit(X, y > 0, loss="logistic", epochs=5, patience=99).to_sklearn())
    for name in [name for name in sys.modules if name.split(".")[0] == "cusgd"]:
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("cusgd")
    pickle.loads(pickled).predict([[1, 2, 3]])


def test_models_that_scikit_learn_lacks(rng):
    X, y = data(rng)
    for model in (
        cusgd.fit(X, y, loss_expr="(p-y)^2/2", epochs=1),
        cusgd.fit(X, np.exp(0.1 * np.column_stack([y, y])), loss="poisson", epochs=1),
        cusgd.fit(X, np.where(np.column_stack([y, -y]) > 0, "a", "b"), loss="hinge", epochs=1),
    ):
        with pytest.raises(cusgd.UsageError, match="scikit-learn has no estimator of a model"):
            model.to_sklearn()
