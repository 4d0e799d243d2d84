"""Models of several quantiles, against scikit-learn's exact solver."""

import pickle

import cusgd
import numpy as np
import pytest

pytest.importorskip("sklearn")
import sklearn.linear_model
from cusgd.linear_model import QuantileRegressor
from sklearn.metrics import d2_pinball_score, mean_pinball_loss
from sklearn.model_selection import GridSearchCV

QUANTILES = [0.9, 0.1, 0.5]


def problem(rows=1000):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 3)) * [1, 10, 0.1] + [0, 5, 0]
    return X, X @ [1.0, 0.2, -3.0] + 3 + rng.normal(size=rows) * np.exp(0.3 * X[:, 0])


def test_each_is_near_the_optimum():
    X, y = problem()
    model = cusgd.fit(X, y, loss="quantile", quantile=QUANTILES)
    assert model.quantiles.tolist() == sorted(QUANTILES)
    found = model.predict(X)
    assert found.shape == (1000, 3)
    for j, quantile in enumerate(model.quantiles):
        exact = sklearn.linear_model.QuantileRegressor(quantile=quantile, alpha=0).fit(X, y)
        least = mean_pinball_loss(y, exact.predict(X), alpha=quantile)
        loss = mean_pinball_loss(y, found[:, j], alpha=quantile)
        assert loss <= 1.01 * least
        assert model.evaluate(X, y, output=j).pinball_loss == pytest.approx(loss, rel=1e-12)
        assert model.evaluate(X, y, output=j).d2_pinball > 0.4
    each = model.evaluate_outputs(X, y)
    assert [repr(of) for of in each] == [repr(model.evaluate(X, y, output=j)) for j in range(3)]
    everything = model.evaluate(X, y)
    assert everything.crossing == np.mean(np.any(np.diff(found, axis=1) < 0, axis=1))
    assert "quantile:0.1" in model.summary()


@pytest.mark.parametrize("options", [{"loss": "quantile"}, {"loss_expr": "abs(p - y)/2"}], ids=["loss", "formula"])
@pytest.mark.parametrize("kind", ["classes", "counts", "amounts", "shifted"])
def test_targets_that_are_mostly_equal(kind, options):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(2000, 4))
    linear = X @ [1.0, 2.0, 0.0, -1.0]
    y = {
        "classes": (linear + rng.normal(size=2000) > 0.1) * 1.0,
        "counts": rng.poisson(np.exp(linear - 1.5)) * 1.0,
        "amounts": np.maximum(0, linear + rng.normal(size=2000) - 0.7),
        "shifted": 1e6 + (linear > 0.1),
    }[kind]
    assert np.mean(y == np.median(y)) > 0.5
    model = cusgd.fit(X, y, **options)
    exact = sklearn.linear_model.QuantileRegressor(alpha=0).fit(X, y)
    least = mean_pinball_loss(y, exact.predict(X))
    assert mean_pinball_loss(y, model.predict(X)) <= 1.002 * least < 0.99 * mean_pinball_loss(y, np.full(2000, np.median(y)))


def test_pickle():
    X, y = problem(100)
    model = cusgd.fit(X, y, loss="quantile", quantile=QUANTILES)
    again = pickle.loads(pickle.dumps(model))
    assert again.quantiles.tolist() == sorted(QUANTILES)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_estimator():
    X, y = problem()
    several = QuantileRegressor(quantile=QUANTILES, alpha=0.01).fit(X, y, sample_weight=np.arange(1000) % 3)
    assert several.coef_.shape == (3, 3) and several.intercept_.shape == (3,)
    assert several.predict(X).shape == (1000, 3)
    for j, quantile in enumerate(sorted(QUANTILES)):
        one = QuantileRegressor(quantile=quantile, alpha=0.01).fit(X, y, sample_weight=np.arange(1000) % 3)
        assert one.coef_.shape == (3,)
        losses = [mean_pinball_loss(y, p, alpha=quantile) for p in (several.predict(X)[:, j], one.predict(X))]
        assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_score_and_selection():
    X, y = problem(300)
    weight = np.arange(300) % 3
    several = QuantileRegressor(quantile=QUANTILES, alpha=0.01).fit(X, y)
    found = several.predict(X)
    each = [d2_pinball_score(y, found[:, j], sample_weight=weight, alpha=q) for j, q in enumerate(sorted(QUANTILES))]
    assert several.score(X, y, weight) == pytest.approx(np.mean(each))
    search = GridSearchCV(QuantileRegressor(quantile=QUANTILES, max_iter=20), {"alpha": [0.01, 10.0]}, cv=3).fit(X, y)
    assert search.best_params_ == {"alpha": 0.01}
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))


def test_sweep_chooses_for_each():
    X, y = problem()
    found = cusgd.sweep(X, y, {"quantile": [0.2, 0.8], "l2": [1e-3, 100.0]}, loss="quantile")
    assert [found.outcomes[i].parameters["quantile"] for i in found.all_chosen] == [0.2, 0.8]
    assert [found.outcomes[i].parameters["l2"] for i in found.all_chosen] == [1e-3, 1e-3]
    assert sorted(o.rank for o in found.outcomes) == [1, 1, 2, 2]


def test_delta():
    X, y = problem()
    found = cusgd.sweep(X, y, {"delta": [0.1, 5.0]}, loss="huber", delta=1.0)
    assert [o.parameters["delta"] for o in found.outcomes] == [0.1, 5.0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "squared"}, "loss='quantile'"),
        ({"loss": "quantile", "valid_fraction": 0.2}, "valid"),
        ({"loss": "quantile", "progress": True}, "progress"),
        ({"loss": "quantile", "solver": "auto"}, "several quantiles .* solver sgd"),
    ],
)
def test_refusals(options, words):
    X, y = problem(50)
    with pytest.raises(cusgd.UsageError, match=words):
        cusgd.fit(X, y, quantile=[0.1, 0.9], **options)
    with pytest.raises(ValueError, match="quantile"):
        cusgd.fit(X, y, loss="quantile", quantile=[0.1, 1.9])


@pytest.mark.parametrize(
    ("quantiles", "words"),
    [([], "empty"), ([0.5, 0.1, 0.5], "0.5 twice"), ([0.1, 1.9], "1.9"), ([0.5, np.nan], "nan"), ([None], "None"), (["a"], "a")],
)
@pytest.mark.parametrize("train", [cusgd.fit, lambda X, y, loss, quantile: QuantileRegressor(quantile=quantile).fit(X, y)])
def test_quantiles_that_are_none(quantiles, words, train):
    X, y = problem(50)
    with pytest.raises(cusgd.UsageError, match=words):
        train(X, y, loss="quantile", quantile=quantiles)
