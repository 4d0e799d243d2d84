"""Sweeps, against scikit-learn with the same folds."""

import cusgd
import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")
from sklearn.linear_model import LogisticRegression, Ridge  # noqa: E402
from sklearn.model_selection import PredefinedSplit, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

PENALTIES = [1e-3, 0.1, 1.0]
CONVERGED = {"optimizer": "nesterov", "momentum": 0.7, "batch": 10**6, "epochs": 600, "average": False}


def problem(rows=120, cols=5, seed=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, cols)) * [1, 2, 0.5, 3, 1] + [0, 1, 5, -2, 0]
    signal = X @ [1.0, -0.5, 2.0, 0.0, 0.3] - 9
    return X, signal + rng.normal(size=rows), rng.integers(0, 4, rows)


def sklearn_scores(make, X, y, folds, scoring):
    """Each penalty's losses by fold; the penalty of each fold's training rows is l2 times their number."""
    split = PredefinedSplit(folds)
    sizes = [np.sum(folds != f) for f in range(4)]
    scores = np.empty((len(PENALTIES), 4))
    for i, l2 in enumerate(PENALTIES):
        for f, size in enumerate(sizes):
            pipeline = make_pipeline(StandardScaler(), make(l2 * size))
            scores[i, f] = -cross_val_score(pipeline, X, y, cv=split, scoring=scoring)[f]
    return scores


def test_ridge():
    X, y, folds = problem()
    found = cusgd.sweep(X, y, {"l2": PENALTIES}, folds=folds, **CONVERGED)
    expected = sklearn_scores(lambda alpha: Ridge(alpha=alpha, tol=1e-14), X, y, folds, "neg_mean_squared_error")
    np.testing.assert_allclose([o.losses for o in found.outcomes], expected, rtol=1e-6)
    assert found.chosen == int(np.argmin(expected.mean(axis=1)))
    np.testing.assert_allclose([o.mean for o in found.outcomes], expected.mean(axis=1), rtol=1e-6)
    error = expected.std(axis=1, ddof=1) / 2
    np.testing.assert_allclose([o.standard_error for o in found.outcomes], error, rtol=1e-5)
    scaler = StandardScaler().fit(X)
    best = Ridge(alpha=found.parameters["l2"] * len(X), tol=1e-14).fit(scaler.transform(X), y)
    np.testing.assert_allclose(found.model.predict(X), best.predict(scaler.transform(X)), rtol=1e-6)


@pytest.mark.parametrize("rows", [[5], [5, 6], [5, 50]])
def test_columns_that_are_constant_in_all_but_a_fold(rows):
    X, y, folds = problem(rows=300)
    dummy = np.zeros((len(y), 1))
    dummy[rows] = 1
    folds[[5, 6]] = 2
    folds[50] = 1
    X = np.hstack([X, dummy])
    found = cusgd.sweep(X, y, {"l2": PENALTIES}, folds=folds, **CONVERGED)
    expected = sklearn_scores(lambda alpha: Ridge(alpha=alpha, tol=1e-14), X, y, folds, "neg_mean_squared_error")
    np.testing.assert_allclose([o.losses for o in found.outcomes], expected, rtol=1e-6)
    assert {o.stop for o in found.outcomes} == {"epochs"}


def test_ridge_by_products_of_columns():
    """The batch of all rows is the same in all epochs, and its columns are multiplied once."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(900, 130)) + rng.normal(size=(900, 1)) / 2 + rng.normal(size=130)
    y = X @ rng.normal(size=130) + rng.normal(size=900)
    folds, weights = rng.integers(0, 4, 900), rng.uniform(0.5, 2, 900)
    options = {"optimizer": "nesterov", "momentum": 0.9, "batch": 10**6, "sampling": "none", "average": False}
    found = cusgd.sweep(X, y, {"l2": [0.1]}, folds=folds, epochs=1000, sample_weight=weights, **options)
    for f in range(4):
        rest = folds != f
        scaler = StandardScaler().fit(X[rest], sample_weight=weights[rest])
        model = Ridge(alpha=0.1 * weights[rest].sum(), tol=1e-14).fit(scaler.transform(X[rest]), y[rest], weights[rest])
        left = y[~rest] - model.predict(scaler.transform(X[~rest]))
        np.testing.assert_allclose(found.outcomes[0].losses[f], np.average(left**2, weights=weights[~rest]), rtol=1e-6)
    scaler = StandardScaler().fit(X, sample_weight=weights)
    best = Ridge(alpha=0.1 * weights.sum(), tol=1e-14).fit(scaler.transform(X), y, weights)
    np.testing.assert_allclose(found.model.predict(X), best.predict(scaler.transform(X)), rtol=1e-6, atol=1e-6)


def test_logistic_with_names():
    X, y, folds = problem()
    labels = np.where(y > 0, "yes", "no")
    found = cusgd.sweep(X, labels, {"l2": PENALTIES}, folds=folds, loss="logistic", **CONVERGED)
    expected = sklearn_scores(
        lambda alpha: LogisticRegression(C=1 / alpha, tol=1e-12, solver="newton-cholesky"), X, labels, folds, "neg_log_loss"
    )
    np.testing.assert_allclose([o.losses for o in found.outcomes], expected, rtol=1e-6)
    assert set(found.model.predict(X, "class")) <= {"yes", "no"}


def test_rows_as_a_trainer_takes_them(tmp_path):
    """Two numbers are classes, a validation frame's columns go by name, and a table has its targets."""
    X, y, _ = problem()
    labels = np.where(y > 0, 2.0, 1.0)
    found = cusgd.sweep(X, labels, {"l2": [0.1]}, loss="logistic", epochs=5, valid=(X, labels))
    assert found.model.classes == ["1", "2"] and set(found.model.predict(X, "class")) <= {1, 2}
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcde"))
    found = cusgd.sweep(frame, y, {"l2": [0.1]}, epochs=5, valid=(frame[list("edcba")], y))
    assert found.outcomes[0].mean == pytest.approx(found.outcomes[0].loss, rel=1e-12)
    frame.assign(y=y).to_csv(tmp_path / "t.csv", index=False)
    table = cusgd.read_table(tmp_path / "t.csv")
    again = cusgd.sweep(table, None, {"l2": [0.1]}, epochs=5, valid=(frame, y))
    np.testing.assert_array_equal(again.model.weight, found.model.weight)


def test_configurations_and_divergence():
    X, y, _ = problem()
    grid = [{"rate": 0.01, "momentum": 0.5}, {"rate": 1e9, "momentum": 0.5}]
    found = cusgd.sweep(X, y, grid, folds=3, optimizer="momentum", epochs=30)
    assert [o.stop for o in found.outcomes] == ["epochs", "diverged"]
    assert found.chosen == 0
    assert np.isnan(found.outcomes[1].mean)
    assert found.outcomes[0].parameters["momentum"] == 0.5


def test_many_rows_with_folds():
    """The rows' folds are a large array, whose memory goes back to the system at once when nothing keeps it."""
    rng = np.random.default_rng(0)
    X, folds = rng.normal(size=(10**6, 1)), np.arange(10**6) % 3
    found = cusgd.sweep(X, X[:, 0], {"l2": [1e-3]}, folds=folds, optimizer="sgd", rate=0.1, batch=10**6, epochs=1)
    assert len(found.outcomes[0].losses) == 3


def test_validation_data():
    X, y, _ = problem()
    found = cusgd.sweep(X[:80], y[:80], {"l2": PENALTIES}, valid=(X[80:], y[80:]))
    error = np.mean((found.model.predict(X[80:]) - y[80:]) ** 2)
    np.testing.assert_allclose(found.outcomes[found.chosen].mean, error, rtol=1e-9)
    assert len(found.outcomes[0].losses) == 1


def test_refusals():
    X, y, folds = problem()
    with pytest.raises(ValueError, match="varies"):
        cusgd.sweep(X, y, {"epochs": [1, 2]})
    with pytest.raises(ValueError, match="select"):
        cusgd.sweep(X, y, {"l2": [1]}, select="worst")
    with pytest.raises(ValueError, match="whole numbers"):
        cusgd.sweep(X, y, {"l2": [1]}, folds=folds + 0.5)
    with pytest.raises(cusgd.UsageError, match="one for each of more than two classes"):
        cusgd.sweep(X, np.arange(len(y)) % 3, {"l2": [1]}, loss="logistic")
    with pytest.raises(cusgd.UsageError, match="folds"):
        cusgd.sweep(X, y, {"l2": [1]}, folds=1)
    with pytest.raises(cusgd.UsageError, match="exclude each other"):
        cusgd.sweep(X, y, {"l2": [1]}, folds=3, valid_fraction=0.2)
    with pytest.raises(cusgd.DivergedError, match="the only configuration has diverged"):
        cusgd.sweep(X, y, {"rate": [1e30]}, optimizer="sgd")


def test_halving_drops_and_memory_is_bounded():
    X, y = np.random.default_rng(0).normal(size=(200, 3)), np.random.default_rng(1).normal(size=200)
    options = {"folds": 3, "epochs": 6, "optimizer": "momentum"}
    grid = {"rate": [1e-6, 1e-4, 1e-3, 1e-2]}
    found = cusgd.sweep(X, y, grid, halving=2, **options)
    assert sorted(outcome.stop for outcome in found.outcomes)[:3] == ["dropped"] * 3
    assert found.outcomes[found.chosen].stop != "dropped"
    whole = cusgd.sweep(X, y, grid, **options)
    assert whole.outcomes[found.chosen].losses.tolist() == found.outcomes[found.chosen].losses.tolist()
    with pytest.raises(MemoryError, match="give more memory"):
        cusgd.sweep(X, y, grid, memory=1000, **options)
    with pytest.raises(MemoryError, match="give more memory"):
        cusgd.sweep(X, y, grid, memory="1K", **options)
    with pytest.raises(cusgd.UsageError, match="such as 500M or 2G"):
        cusgd.sweep(X, y, grid, memory="2 GB", **options)
