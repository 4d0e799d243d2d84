"""Targets of more than two classes, against scikit-learn."""

import pickle

import cusgd
import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")
from cusgd.linear_model import LogisticRegression, SGDClassifier  # noqa: E402
from sklearn import datasets, linear_model, metrics  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

L2 = 1e-2


def _load(name):
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    scale = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(scale > 0, scale, 1), y


@pytest.fixture(params=["iris", "wine", "digits"])
def table(request):
    return _load(request.param)


@pytest.fixture
def iris():
    return _load("iris")


def _objective(X, y, weight, bias, softmax):
    p = X @ weight.T + bias
    own = y[:, None] == np.arange(len(weight))
    if softmax:
        loss = np.logaddexp.reduce(p, axis=1) - p[own]
    else:
        loss = np.logaddexp(0, np.where(own, -p, p)).sum(axis=1)
    return loss.mean() + L2 / 2 * (weight**2).sum()


def _reference(X, y):
    with threadpool_limits(1):  # whose threads wait for each other
        return linear_model.LogisticRegression(C=1 / (L2 * len(y)), tol=1e-7, max_iter=100000).fit(X, y)


def test_softmax_has_the_optimum_of_scikit_learn(table):
    X, y = table
    theirs = _reference(X, y)
    least = _objective(X, y, theirs.coef_, theirs.intercept_, True)
    for solver in ("lbfgs", "cg"):
        ours = cusgd.fit(X, y, loss="logistic", l2=L2, solver=solver, standardize=False)
        assert ours.loss == "softmax"
        assert abs(_objective(X, y, ours.weight, ours.bias, True) / least - 1) < 1e-6
        np.testing.assert_allclose(ours.predict(X, "probability"), theirs.predict_proba(X), atol=2e-5)
        np.testing.assert_array_equal(ours.predict(X, "class"), theirs.predict(X))
    estimator = LogisticRegression(C=1 / (L2 * len(y))).fit(X, y)
    np.testing.assert_allclose(estimator.coef_, theirs.coef_, atol=2e-5)
    np.testing.assert_allclose(estimator.predict_proba(X), theirs.predict_proba(X), atol=2e-5)
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))


def test_one_vs_rest_has_the_optimum_of_scikit_learn(table):
    X, y = table
    ours = cusgd.fit(X, y, loss="logistic", classes="one-vs-rest", l2=L2, solver="auto", standardize=False)
    assert ours.loss == "logistic"
    theirs = [_reference(X, y == c) for c in range(len(ours.weight))]
    weight, bias = np.vstack([one.coef_ for one in theirs]), np.concatenate([one.intercept_ for one in theirs])
    assert abs(_objective(X, y, ours.weight, ours.bias, False) / _objective(X, y, weight, bias, False) - 1) < 1e-6
    share = np.column_stack([one.predict_proba(X)[:, 1] for one in theirs])
    np.testing.assert_allclose(ours.predict(X, "probability"), share / share.sum(axis=1, keepdims=True), atol=2e-5)


@pytest.mark.parametrize("loss", ["log_loss", "hinge", "squared_hinge", "modified_huber"])
def test_sgd_classifier_trains_classes_together(iris, loss):
    X, y = iris
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = SGDClassifier(loss, alpha=1e-2, max_iter=200).fit(X, names)
    assert model.coef_.shape == (3, 4)
    assert model.options_["loss"] == {"log_loss": "softmax"}.get(loss, loss.replace("_", "-"))
    assert model.score(X, names) > 0.9
    if loss == "log_loss":
        optimum = LogisticRegression(C=1 / (1e-2 * len(y))).fit(X, names)
        np.testing.assert_allclose(model.predict_proba(X), optimum.predict_proba(X), atol=0.02)


def test_partial_fit_knows_classes_that_come_later(iris):
    X, y = iris
    model = SGDClassifier("log_loss", alpha=1e-3)
    model.partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2])
    for epoch in range(40):
        for part in np.array_split(np.random.default_rng(epoch).permutation(len(y)), 3):
            model.partial_fit(X[part], y[part])
    assert model.score(X, y) > 0.9
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_labels(iris):
    X, y = iris
    labels = np.array([-7, 3, 20])[y]
    model = cusgd.fit(X, labels, loss="logistic", l2=L2, solver="lbfgs")
    assert model.classes == ["-7", "3", "20"]
    assert set(model.predict(X, "class")) == {-7, 3, 20}
    names = cusgd.fit(X, np.array(["c", "a", "b"])[y], loss="logistic", l2=L2, solver="lbfgs")
    assert names.classes == ["a", "b", "c"]
    # the classes' order is that of their names, and permutes the model
    np.testing.assert_allclose(names.weight, model.weight[[1, 2, 0]], atol=1e-6)
    again = cusgd.Model.from_bytes(names.to_bytes())
    np.testing.assert_array_equal(again.predict(X, "class"), names.predict(X, "class"))
    assert again.classes == names.classes and again.targets == names.targets
    with pytest.raises(ValueError, match="no class of the model"):
        model.evaluate(X[:1], [4])


def test_permuted_names_permute_minibatch_models_to_the_bit():
    X, y = _load("digits")
    order = np.random.default_rng(3).permutation(10)
    for classes in ("softmax", "one-vs-rest"):
        options = {"loss": "logistic", "classes": classes, "optimizer": "adam", "epochs": 3}
        one = cusgd.fit(X, y, **options)
        other = cusgd.fit(X, order[y], **options)
        np.testing.assert_array_equal(one.weight, other.weight[order])
        np.testing.assert_array_equal(one.bias, other.bias[order])


def test_two_classes_by_softmax_are_the_binary_model():
    X, y = datasets.load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    options = {"loss": "logistic", "solver": "lbfgs", "standardize": False}
    binary = cusgd.fit(X, y, l2=L2, **options)
    both = cusgd.fit(X, y, l2=2 * L2, classes="softmax", **options)  # |w|^2 is half as large in two halves
    np.testing.assert_allclose(both.weight[1] - both.weight[0], binary.weight[0], atol=1e-7)
    np.testing.assert_allclose(both.predict(X, "probability")[:, 1], binary.predict(X), atol=1e-7)
    ours, theirs = both.evaluate(X, y), binary.evaluate(X, y)
    for name in ("accuracy", "balanced_accuracy", "precision", "recall", "f1"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name)), name
    np.testing.assert_array_equal(both.confusion(X, y), binary.confusion(X, y))


def test_weights_are_repeated_rows(iris):
    X, y = iris
    options = {"loss": "logistic", "solver": "lbfgs", "l2": L2, "standardize": False}
    times = np.array([1, 3, 2])
    rows = np.repeat(np.arange(len(y)), times[y])
    repeated = cusgd.fit(X[rows], y[rows], **options)
    weighted = cusgd.fit(X, y, sample_weight=times[y].astype(float), **options)
    np.testing.assert_allclose(weighted.weight, repeated.weight, atol=1e-7)
    estimator = LogisticRegression(C=1 / (L2 * len(rows)), class_weight={0: 1, 1: 3, 2: 2}).fit(X, y)
    np.testing.assert_allclose(estimator.coef_, repeated.weight - repeated.weight.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("classes", ["softmax", "one-vs-rest"])
@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_are_those_of_scikit_learn(classes, weighted):
    X, y = _load("digits")
    y = np.where(y > 6, y - 1, y)  # nine classes
    rng = np.random.default_rng(1)
    X = X + rng.normal(size=X.shape)
    model = cusgd.fit(X[:300], y[:300], loss="logistic", classes=classes, l2=0.1, epochs=20)
    X, y = X[300:], y[300:]
    weight = rng.integers(0, 4, len(y)).astype(float) if weighted else None
    found = model.evaluate(X, y, sample_weight=weight)
    share, label = model.predict(X, "probability"), model.predict(X, "class")
    w = {"sample_weight": weight}
    expected = {
        "log_loss": metrics.log_loss(y, share, **w),
        "accuracy": metrics.accuracy_score(y, label, **w),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, label, **w),
        "precision": metrics.precision_score(y, label, average="macro", **w),
        "recall": metrics.recall_score(y, label, average="macro", **w),
        "f1": metrics.f1_score(y, label, average="macro", **w),
        "f1_weighted": metrics.f1_score(y, label, average="weighted", **w),
        "top3": metrics.top_k_accuracy_score(y, share, k=3, **w),
        "top5": metrics.top_k_accuracy_score(y, share, k=5, **w),
    }
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-10), name
    np.testing.assert_allclose(model.confusion(X, y, sample_weight=weight), metrics.confusion_matrix(y, label, **w))


def test_a_thousand_classes_without_a_matrix_of_targets():
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(1000, 10))
    y = np.append(np.arange(1000), rng.integers(0, 1000, 4000))
    X = (centers[y] + rng.normal(size=(5000, 10)) / 3).astype(np.float32)
    model = cusgd.fit(X, y, loss="logistic", epochs=4)
    assert model.weight.shape == (1000, 10)
    found = model.evaluate(X, y)
    assert found.accuracy > 0.5 and found.top5 > found.top3 > found.accuracy
    assert found.log_loss < np.log(1000)


def test_softmax_of_two_classes_ranks():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(60, 3))
    y = (X[:, 0] + rng.normal(size=60) > 0).astype(float)
    model = cusgd.fit(X, y, loss="softmax", l2=0.1, epochs=20)
    found = model.evaluate(X, y)
    assert found.auc == pytest.approx(metrics.roc_auc_score(y, model.predict(X, "probability")[:, 1]))


def test_shares_and_counts_are_a_binomial_model():
    """Shares of class 1, weighted by the numbers of trials: statsmodels' model of successes and failures."""
    statsmodels = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(2)
    X = rng.normal(size=(200, 2))
    trials = rng.integers(1, 9, size=200)
    successes = rng.binomial(trials, 1 / (1 + np.exp(0.3 - X @ [1.0, -0.5])))
    peer = statsmodels.GLM(
        np.column_stack([successes, trials - successes]), statsmodels.add_constant(X), family=statsmodels.families.Binomial()
    ).fit(tol=1e-13)
    options = {"loss": "logistic", "solver": "newton"}
    share = successes / trials
    held_out = cusgd.fit(X, share, sample_weight=trials, valid=(X[:50], share[:50], trials[:50]), **options)
    assert np.isfinite(held_out.result.valid_loss)
    model = cusgd.fit(X, share, sample_weight=trials, **options)
    assert np.allclose(np.append(model.bias, model.weight), peer.params, rtol=0, atol=1e-8)
    assert np.allclose(model.standard_errors[0], np.roll(peer.bse, -1), rtol=0, atol=1e-7)
    p = peer.predict()
    loss = -np.average(share * np.log(p) + (1 - share) * np.log(1 - p), weights=trials)
    assert abs(model.evaluate(X, share, sample_weight=trials).loss - loss) < 1e-10
    with pytest.raises(cusgd.DataError, match="share"):
        cusgd.fit(X, np.append(share[1:], 1.5), loss="logistic")


def _lacks_optimum(X, y):
    """Whether some v never lowers a row's output of its class below another's, and raises it in some row: a linear program."""
    from scipy.optimize import linprog

    Z, k = np.c_[X, np.ones(len(X))], y.max() + 1
    gains = []
    for z, own in zip(Z, y, strict=True):
        for other in set(range(k)) - {own}:
            row = np.zeros((k, Z.shape[1]))
            row[own], row[other] = z, -z
            gains.append(row.ravel())
    gains = np.array(gains)
    found = linprog(-gains.sum(axis=0), A_ub=-gains, b_ub=np.zeros(len(gains)), bounds=(-1, 1), method="highs")
    assert found.status == 0
    return found.fun < -1e-6


@pytest.mark.filterwarnings("ignore:.*no finite optimum exists")
def test_softmax_of_separated_classes_is_said():
    said = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        n, d = int(random.integers(8, 40)), int(random.integers(1, 4))
        X = random.normal(size=(n, d)).round(1)
        y = (X @ random.normal(size=(d, 3)) + random.normal(size=(n, 3)) * random.choice([0, 0.5, 3])).argmax(axis=1)
        if len(set(y)) < 3:
            continue
        result = cusgd.fit(X, y, loss="softmax", solver="lbfgs").result
        assert ("no finite optimum exists" in result.note) == result.separated
        assert not result.separated or _lacks_optimum(X, y), f"seed {seed}: {result.note}"
        alone = any(_lacks_optimum(X, (y == c).astype(int)) for c in range(3))
        assert result.separated or not alone, f"seed {seed}"
        said.append(result.separated)
    assert 5 < sum(said) < len(said) - 5


def test_softmax_of_separated_classes_none_of_which_is_alone():
    angles = np.array([0, 2, 4]) * np.pi / 3
    X = np.random.default_rng(5).uniform(-1, 1, (200, 2))
    outputs = X @ np.array([np.cos(angles), np.sin(angles)])
    clear = np.ptp(np.sort(outputs)[:, 1:], axis=1) > 0.05
    X, y = X[clear], outputs.argmax(axis=1)[clear]
    assert _lacks_optimum(X, y) and not any(_lacks_optimum(X, (y == c).astype(int)) for c in range(3))
    with pytest.warns(UserWarning, match="planes separate the classes"):
        assert cusgd.fit(X, y, loss="softmax", solver="lbfgs").result.separated
    assert not cusgd.fit(X, y, loss="softmax", solver="lbfgs", l2=1e-3).result.separated  # a penalty holds the coefficients


def test_softmax_of_shares_is_that_of_rows_written_out(tmp_path):
    random = np.random.default_rng(11)
    X = random.normal(size=(80, 2))
    p = np.exp(X @ random.normal(size=(2, 3)))
    counts = np.array([random.multinomial(random.integers(1, 9), row) for row in p / p.sum(axis=1, keepdims=True)])
    trials = counts.sum(axis=1)
    shares = counts / trials[:, None]
    options = {"loss": "softmax", "solver": "lbfgs", "l2": L2, "precision": "double"}
    model = cusgd.fit(X, shares, sample_weight=trials, **options)
    rows, y = np.repeat(X, trials, axis=0), np.concatenate([np.repeat([0, 1, 2], row) for row in counts])
    theirs = linear_model.LogisticRegression(C=1 / (L2 * len(y)), tol=1e-9, max_iter=10000)
    scaled = (X - rows.mean(axis=0)) / rows.std(axis=0)  # as cusgd standardizes
    theirs.fit(np.repeat(scaled, trials, axis=0), y)
    probability = model.predict(X, "probability")
    assert model.classes == ["0", "1", "2"]
    assert np.allclose(probability, theirs.predict_proba(scaled), atol=1e-5)
    found = model.evaluate(X, shares, sample_weight=trials)
    assert found.log_loss == pytest.approx(metrics.log_loss(y, np.repeat(probability, trials, axis=0)))
    watched = cusgd.fit(X, shares, sample_weight=trials, valid=(X, shares, trials), **options)
    assert watched.result.valid_loss == pytest.approx(watched.result.loss, rel=1e-9)
    # Counts in a table are the same rows.
    names = "a,b,n,red,green,blue"
    np.savetxt(tmp_path / "counts.csv", np.c_[X, trials, counts], delimiter=",", header=names, comments="", fmt="%.17g")
    table = cusgd.read_table(tmp_path / "counts.csv", target=["red", "green", "blue"], trials="n")
    of_counts = cusgd.fit(table, **options)
    assert of_counts.classes == ["red", "green", "blue"]
    assert np.allclose(of_counts.predict(X, "probability"), probability, atol=1e-6)
    with pytest.raises(cusgd.DataError, match="sum to"):
        cusgd.fit(X, shares / 2, loss="softmax")
