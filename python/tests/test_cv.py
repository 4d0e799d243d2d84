"""Estimators that cross-validate in one pass, against scikit-learn's search over its own models."""

import warnings

import numpy as np
import pytest
import scipy.sparse

sklearn = pytest.importorskip("sklearn")

from cusgd.linear_model import SGDClassifierCV, SGDRegressorCV  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.linear_model import LogisticRegression, Ridge  # noqa: E402
from sklearn.metrics import log_loss  # noqa: E402
from sklearn.model_selection import (  # noqa: E402
    GridSearchCV,
    GroupKFold,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedKFold,
)
from sklearn.utils.class_weight import compute_sample_weight  # noqa: E402

CONVERGED = {"optimizer": "nesterov", "batch_size": 10**6, "max_iter": 600, "tol": 0.0}
ALPHAS = [1e-3, 0.1, 1.0]


def problem(rows=120, cols=4, seed=2):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, cols)) + [0, 1, -2, 3]
    return X, X @ [1.0, -0.5, 2.0, 0.0] + 2 + rng.normal(size=rows)


def test_ridge_is_grid_search():
    X, y = problem()
    ours = SGDRegressorCV(param_grid={"alpha": ALPHAS, "momentum": [0.7]}, cv=4, **CONVERGED).fit(X, y)
    assert ours.n_splits_ == 4
    for fold, (train, test) in enumerate(KFold(4).split(X)):
        for i, alpha in enumerate(ALPHAS):
            model = Ridge(alpha=alpha * len(train)).fit(X[train], y[train])
            expected = -np.mean((y[test] - model.predict(X[test])) ** 2)
            assert ours.cv_results_[f"split{fold}_test_score"][i] == pytest.approx(expected, rel=1e-6)
    best = Ridge(alpha=ours.best_params_["alpha"] * len(X)).fit(X, y)
    np.testing.assert_allclose(ours.coef_, best.coef_, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours.intercept_, best.intercept_, rtol=1e-5)
    assert ours.cv_results_["rank_test_score"][ours.best_index_] == 1
    assert ours.best_score_ == ours.cv_results_["mean_test_score"].max()
    assert list(ours.cv_results_["param_alpha"]) == ALPHAS


def test_logistic_is_grid_search():
    X, y = problem()
    labels = np.where(y > np.median(y), "yes", "no")
    ours = SGDClassifierCV(param_grid={"alpha": ALPHAS, "momentum": [0.7]}, cv=3, **CONVERGED).fit(X, labels)
    search = GridSearchCV(
        LogisticRegression(tol=1e-12, solver="newton-cholesky"),
        {"C": [1 / (alpha * 80) for alpha in ALPHAS]},  # of 80 training rows
        scoring="neg_log_loss",
        cv=3,
    ).fit(X, labels)
    np.testing.assert_allclose(ours.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"], rtol=1e-6)
    assert ours.best_index_ == search.best_index_
    assert set(ours.predict(X)) == {"yes", "no"}
    assert ours.predict_proba(X).shape == (120, 2)
    assert not hasattr(SGDClassifierCV("hinge"), "predict_proba")


def test_class_weights_are_grid_search():
    X, y = problem()
    labels = np.where(y > np.quantile(y, 0.8), "yes", "no")
    weights = ["balanced", None, {"yes": 4.0}, {"no": 0.5, "yes": 3.0}]
    grid = {"alpha": [0.1], "class_weight": weights, "momentum": [0.7]}
    ours = SGDClassifierCV(param_grid=grid, cv=3, **CONVERGED).fit(X, labels)
    for i, candidate in enumerate(ours.cv_results_["params"]):
        for fold, (train, test) in enumerate(StratifiedKFold(3).split(X, labels)):
            weight = candidate["class_weight"]
            total = compute_sample_weight(weight, labels[train]).sum()
            model = LogisticRegression(C=1 / (0.1 * total), class_weight=weight, tol=1e-12, solver="newton-cholesky")
            expected = -log_loss(labels[test], model.fit(X[train], labels[train]).predict_proba(X[test]))
            assert ours.cv_results_[f"split{fold}_test_score"][i] == pytest.approx(expected, rel=1e-6)
    assert ours.sweep_.outcomes[0].parameters["class_weight"] == "balanced"
    with pytest.raises(ValueError, match="no classes of y"):
        SGDClassifierCV(param_grid={"class_weight": [{"maybe": 2}]}).fit(X, labels)
    with pytest.raises(ValueError, match="not class_weight"):
        SGDRegressorCV(param_grid={"class_weight": ["balanced"]}).fit(X, y)


def test_end_of_epochs_is_told():
    X, y = problem()
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        SGDRegressorCV(max_iter=2).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SGDRegressorCV(max_iter=2, tol=0).fit(X, y)


def test_folds_and_parameters():
    X, y = problem()
    by_rows = SGDRegressorCV(cv=KFold(3), random_state=1).fit(X, y)
    assert by_rows.n_splits_ == 3 and len(by_rows.cv_results_["params"]) == 13
    again = SGDRegressorCV(cv=list(KFold(3).split(X)), random_state=1).fit(X, y)
    np.testing.assert_array_equal(again.coef_, by_rows.coef_)
    simple = SGDRegressorCV(cv=3, select="1se", random_state=1).fit(X, y)
    assert simple.best_params_["alpha"] >= by_rows.best_params_["alpha"]
    lists = SGDRegressorCV(param_grid=[{"alpha": [0.1]}, {"alpha": [0.1], "l1_ratio": [1.0]}]).fit(X, y)
    assert lists.cv_results_["param_l1_ratio"].mask.tolist() == [True, False]
    assert [o.parameters["l1"] for o in lists.sweep_.outcomes] == [0.0, 0.1]
    for parameters, words in (
        ({"cv": ShuffleSplit(3, random_state=0)}, "one fold"),
        ({"param_grid": {"C": [1.0]}}, "not C"),
        ({"param_grid": {"alpha": [-1.0]}}, "alpha"),
        ({"select": "least"}, "select"),
        ({"loss": "hinge"}, "loss"),
        ({"cv": 64}, "63 folds"),
    ):
        with pytest.raises(ValueError, match=words):
            SGDRegressorCV(**parameters).fit(X, y)
    with warnings.catch_warnings(), pytest.raises(ValueError, match="binary"):
        warnings.simplefilter("ignore")
        SGDClassifierCV().fit(X, np.arange(120) % 3)


def test_halving_and_memory():
    X, y = problem()
    grid = {"alpha": np.logspace(-5, 1, 9)}
    halved = SGDRegressorCV(param_grid=grid, halving=3, max_iter=20, tol=0).fit(X, y)
    assert halved.cv_results_["stop"].count("dropped") == 8
    assert halved.cv_results_["rank_test_score"][halved.best_index_] == 1
    assert set(halved.cv_results_["epochs"]) == {1, 3, 20}
    passes = SGDRegressorCV(param_grid=grid, halving=3, max_iter=20, tol=0, memory=5e5).fit(X, y)
    np.testing.assert_array_equal(passes.coef_, halved.coef_)
    np.testing.assert_array_equal(passes.cv_results_["mean_test_score"], halved.cv_results_["mean_test_score"])


def test_groups():
    X, y = problem()
    groups = np.arange(len(y)) // 7
    weights = np.where(np.arange(len(y)) % 5 == 0, 0.0, 1.0)
    found = SGDRegressorCV(param_grid={"alpha": [1e-3]}, cv=GroupKFold(3)).fit(X, y, weights, groups=groups)
    there = weights > 0
    folds = np.empty(there.sum(), int)
    for fold, (_, test) in enumerate(GroupKFold(3).split(X[there], y[there], groups[there])):
        folds[test] = fold
    same = SGDRegressorCV(param_grid={"alpha": [1e-3]}, cv=PredefinedSplit(folds)).fit(X[there], y[there])
    np.testing.assert_array_equal(found.coef_, same.coef_)
    assert found.best_score_ == same.best_score_


def test_weights_and_folds_from_an_iterator():
    pandas = pytest.importorskip("pandas")
    X, y = problem()
    weights = np.linspace(0.5, 2, len(y))
    frame = pandas.DataFrame(X, columns=list("abcd"), index=np.arange(len(y))[::-1])
    found = SGDRegressorCV(param_grid={"alpha": ALPHAS, "momentum": [0.7]}, cv=KFold(4).split(X), **CONVERGED)
    found.fit(frame, pandas.Series(y, index=frame.index), weights)
    assert list(found.feature_names_in_) == list("abcd")
    for fold, (train, test) in enumerate(KFold(4).split(X)):
        for i, alpha in enumerate(ALPHAS):
            model = Ridge(alpha=alpha * weights[train].sum()).fit(X[train], y[train], weights[train])
            expected = np.average((model.predict(X[test]) - y[test]) ** 2, weights=weights[test])
            assert -found.cv_results_[f"split{fold}_test_score"][i] == pytest.approx(expected, rel=1e-6)


def test_sparse_rows():
    X, y = problem()
    S = scipy.sparse.csr_matrix(np.where(np.abs(X) > 0.5, X, 0))
    grid = {"alpha": [1e-3, 100.0]}
    options = {"cv": 4, "max_iter": 2000, "tol": 1e-12, "optimizer": "nesterov", "batch_size": 10**6}
    found = SGDRegressorCV(param_grid=grid, **options).fit(S, y)
    for fold, (train, test) in enumerate(KFold(4).split(y)):
        model = Ridge(alpha=1e-3 * len(train)).fit(S[train], y[train])
        expected = -np.mean((y[test] - model.predict(S[test])) ** 2)
        assert found.cv_results_[f"split{fold}_test_score"][0] == pytest.approx(expected, rel=1e-4)
    assert found.best_params_ == {"alpha": 1e-3}
    best = Ridge(alpha=1e-3 * len(y)).fit(S, y)
    np.testing.assert_allclose(found.coef_, best.coef_, atol=1e-3)
    weighted = SGDClassifierCV(param_grid=grid, cv=3).fit(S, y > y.mean(), np.arange(len(y)) % 3)
    assert weighted.score(S, y > y.mean()) > 0.7
    assert weighted.predict_proba(S).shape == (120, 2)
    with pytest.raises(ValueError, match="halving"):
        SGDRegressorCV(halving=2).fit(S, y)
