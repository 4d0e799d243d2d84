"""Callbacks, progress bars, plots, estimators with cuML's interface, and the command."""

import contextlib
import importlib.metadata
import json
import subprocess
import sys

import cusgd
import numpy as np
import pytest


def test_callbacks_in_turn(regression, tmp_path, capsys):
    X, y, _, _ = regression
    seen = []
    lines = cusgd.callbacks.JsonLines(tmp_path / "log")
    model = cusgd.fit(X, y, epochs=3, patience=99, callback=[seen.append, lines, cusgd.callbacks.PrintEpochs()])
    assert [now.epoch for now in seen] == [1, 2, 3]
    entries = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [entry["loss"] for entry in entries] == model.history["loss"].tolist()
    assert entries[0]["valid_loss"] is None and lines.file is None
    assert capsys.readouterr().out.count("epoch") == 3


def test_every_callback_is_called_when_one_ends_the_run(regression):
    X, y, _, _ = regression
    seen = []
    cusgd.fit(X, y, callback=[lambda now: True, seen.append])
    assert len(seen) == 1


def test_callbacks_are_closed_when_one_fails(regression, tmp_path):
    X, y, _, _ = regression
    lines = cusgd.callbacks.JsonLines(tmp_path / "log")

    def fail(now):
        raise LookupError

    with pytest.raises(LookupError):
        cusgd.fit(X, y, callback=[lines, fail])
    assert lines.file is None


def test_progress_bar(regression, monkeypatch, capsys):
    X, y, _, _ = regression
    pytest.importorskip("tqdm")
    cusgd.fit(X, y, epochs=4, patience=99, progress=True)
    shown = capsys.readouterr()
    assert "4/4" in shown.err and "loss=" in shown.err and shown.out == ""
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)  # as if it were not installed
    cusgd.Trainer(X, y, epochs=4, patience=99).fit(progress=True)
    shown = capsys.readouterr()
    assert shown.out.count("epoch ") == 4 and shown.err == ""


def test_callbacks_of_estimators(regression, capsys):
    linear_model = pytest.importorskip("cusgd.linear_model")
    X, y, _, _ = regression
    for parameters in ({}, {"learning_rate": "constant", "eta0": 1e-5}):
        seen = []
        model = linear_model.SGDRegressor(max_iter=3, tol=None, callback=seen.append, verbose=2, **parameters).fit(X, y)
        assert len(seen) == len(model.history_) == 3
        assert capsys.readouterr().out.count("epoch") == 3


@pytest.fixture
def axes():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot.subplots()[1]
    pyplot.close("all")


def test_plot_history(regression, axes):
    X, y, _, _ = regression
    model = cusgd.fit(X, y, valid=(X[:100], y[:100]), epochs=5, patience=99)
    assert cusgd.plot.history(model, ax=axes) is axes
    training, validation = axes.lines
    np.testing.assert_array_equal(training.get_ydata(), model.history["loss"])
    np.testing.assert_array_equal(validation.get_ydata(), model.history["valid_loss"])
    assert cusgd.plot.history(model.history) is not axes
    with pytest.raises(ValueError, match="no epoch"):
        cusgd.plot.history(cusgd.Model.from_arrays([1.0]))


def test_plot_coefficients(regression, axes):
    pandas = pytest.importorskip("pandas")
    X, y, _, _ = regression
    model = cusgd.fit(pandas.DataFrame(X, columns=list("abcd")), y, solver="exact")
    cusgd.plot.coefficients(model, ax=axes)
    assert [label.get_text() for label in axes.get_yticklabels()] == list("abcd")
    bars = axes.containers[0]
    np.testing.assert_array_equal(bars[0].get_xdata(), model.weight[0])
    low, high = np.array([segment[:, 0] for segment in bars[2][0].get_segments()]).T
    np.testing.assert_allclose(high - low, 2 * 1.959963984540054 * model.standard_errors[0, :4])
    linear_model = pytest.importorskip("cusgd.linear_model")
    ax = cusgd.plot.coefficients(linear_model.Ridge().fit(X, y), largest=2)  # without intervals
    assert [label.get_text() for label in ax.get_yticklabels()] == ["column 2", "column 0"]


def test_plot_residuals_and_calibration(regression, classes, axes, rng):
    X, y, _, _ = regression
    model = cusgd.fit(X, y, solver="exact")
    cusgd.plot.residuals(model, X, y, ax=axes)
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), y - model.predict(X))
    linear_model = pytest.importorskip("cusgd.linear_model")
    X, y = classes
    for fitted, targets in (
        (linear_model.LogisticRegression(C=1e6).fit(X, np.where(y > 0, "yes", "no")), np.where(y > 0, "yes", "no")),
        (cusgd.fit(X, np.where(y > 0, "yes", "no"), loss="logistic", solver="newton"), np.where(y > 0, "yes", "no")),
        (cusgd.fit(X, y, loss="logistic", solver="newton"), y),
    ):
        ax = cusgd.plot.calibration(fitted, X, targets, bins=5)
        points = ax.containers[0][0]
        assert len(points.get_xdata()) == 5
        np.testing.assert_allclose(points.get_xdata().mean(), y.mean(), atol=1e-4)  # equal groups, and the sums agree
        np.testing.assert_allclose(points.get_xdata(), points.get_ydata(), atol=0.12)
    with pytest.raises(ValueError, match="two classes"):
        cusgd.plot.calibration(linear_model.LogisticRegression().fit(X, rng.integers(0, 3, len(X))), X, y)


def test_modules_are_loaded_when_they_are_used():
    code = "import sys, cusgd; print('matplotlib' in sys.modules, hasattr(cusgd, 'nonsense')); print(cusgd.plot.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "cusgd.plot"]


# ---- cuML's interface ----


def test_cuml_regressor(regression):
    cuml = pytest.importorskip("cusgd.compat.cuml")
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y, _, _ = regression
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    for parameters in ({}, {"penalty": "elasticnet", "alpha": 0.1}, {"learning_rate": "adaptive"}, {"shuffle": False}):
        model = cuml.MBSGDRegressor(eta0=0.05, epochs=300, batch_size=len(X), tol=0.0, **parameters).fit(X, y)
        alpha, share = (0.1, 0.15) if "alpha" in parameters else (1e-4, 0)
        expected = linear_model.ElasticNet(alpha=alpha, l1_ratio=share, tol=1e-10, max_iter=100000).fit(X, y)
        np.testing.assert_allclose(model.coef_, expected.coef_, atol=1e-3)
        np.testing.assert_allclose(model.intercept_, expected.intercept_, atol=1e-3)


@pytest.mark.parametrize("loss", ["hinge", "log", "squared_loss"])
def test_cuml_classifier(loss, classes):
    cuml = pytest.importorskip("cusgd.compat.cuml")
    X, y = classes
    model = cuml.MBSGDClassifier(loss=loss, eta0=0.05, epochs=100, handle=None, output_type="numpy").fit(X, y)
    best = np.mean((X @ [1.0, -1.0, 0.5] > 0) == y)
    assert model.score(X, y) > best - 0.02
    assert model.options_["batch"] == 32 and model.options_["optimizer"] == "sgd" and not model.options_["standardize"]


@pytest.mark.parametrize("parameters", [{"loss": "log_loss"}, {"penalty": "l3"}, {"learning_rate": "optimal"}, {"alpha": -1}])
def test_cuml_refuses(parameters, classes):
    cuml = pytest.importorskip("cusgd.compat.cuml")
    with pytest.raises(ValueError, match=next(iter(parameters))):
        cuml.MBSGDClassifier(**parameters).fit(*classes)


def test_the_command():
    from cusgd import __main__ as command

    if not command.COMMAND.exists():
        pytest.skip("the package was not installed, but runs from its source")
    done = subprocess.run([sys.executable, "-m", "cusgd", "--version"], capture_output=True, text=True, check=True)
    assert importlib.metadata.version("cusgd") in done.stdout
    done = subprocess.run([sys.executable, "-m", "cusgd", "info", "missing.safetensors"], capture_output=True, text=True)
    assert done.returncode == 2 and "missing.safetensors" in done.stderr


def test_json_has_no_numbers_that_are_not_finite(tmp_path):
    """JSON lacks them: other programs do not read Infinity, which Python writes."""
    fields = dict.fromkeys(cusgd.Progress.__dataclass_fields__, 1)
    with contextlib.closing(cusgd.callbacks.JsonLines(tmp_path / "log")) as lines:
        for value in (np.inf, -np.inf, np.nan, np.float64(np.inf), 0.5):
            lines(cusgd.Progress(**{**fields, "loss": value, "rate": value}))

    def refuse(name):
        pytest.fail(f"{name} is no JSON")

    entries = [json.loads(line, parse_constant=refuse) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(entry["loss"], entry["rate"], entry["epoch"]) for entry in entries] == [(None, None, 1)] * 4 + [(0.5, 0.5, 1)]


@pytest.mark.parametrize("parameters", [{}, {"learning_rate": "constant", "eta0": 1e-5}], ids=["automatic", "schedule"])
def test_plots_of_what_partial_fit_trained(parameters, regression, axes):
    linear_model = pytest.importorskip("cusgd.linear_model")
    X, y, _, _ = regression
    model = linear_model.SGDRegressor(**parameters)
    for draw, message in ((cusgd.plot.history, "no epoch to draw"), (cusgd.plot.coefficients, "no coefficients to draw")):
        with pytest.raises(ValueError, match=message):
            draw(model, ax=axes)
    model.partial_fit(X, y)
    with pytest.raises(ValueError, match=r"no epoch to draw: .*partial_fit"):
        cusgd.plot.history(model, ax=axes)
    assert not axes.lines
    assert cusgd.plot.coefficients(model, ax=axes).get_xlabel() == "coefficient"
    cusgd.plot.residuals(model, X, y, ax=axes)
    cusgd.plot.calibration(model, X, y, ax=axes)
    classifier = linear_model.SGDClassifier(**parameters).partial_fit(X, y > y.mean(), classes=[False, True])
    with pytest.raises(ValueError, match="no epoch to draw"):
        cusgd.plot.history(classifier, ax=axes)
    cusgd.plot.coefficients(classifier, ax=axes)
    with pytest.raises(ValueError, match="no predict_proba"):
        cusgd.plot.calibration(classifier, X, y > y.mean(), ax=axes)


def test_cuml_takes_a_vector_for_one_column():
    cuml = pytest.importorskip("cusgd.compat.cuml")
    x = np.linspace(0, 1, 50)
    for kind, y in ((cuml.MBSGDRegressor, 2 * x), (cuml.MBSGDClassifier, (x > 0.5).astype(int))):
        vector, column = kind(eta0=0.1).fit(x, y), kind(eta0=0.1).fit(x[:, None], y)
        assert vector.coef_.tobytes() == column.coef_.tobytes()
        np.testing.assert_array_equal(vector.predict(x), column.predict(x[:, None]))
        assert vector.score(x, y) == column.score(x[:, None], y)


@pytest.mark.parametrize("penalty", ["elasticnet", "l2", None])
@pytest.mark.parametrize("value", [2, -0.5, np.nan, np.inf, None, "a"])
def test_cuml_names_l1_ratio(value, penalty, regression, classes):
    cuml = pytest.importorskip("cusgd.compat.cuml")
    for kind, data in ((cuml.MBSGDRegressor, regression[:2]), (cuml.MBSGDClassifier, classes)):
        with pytest.raises(ValueError, match=r"l1_ratio == .*, must be in \[0, 1\]"):
            kind(penalty=penalty, l1_ratio=value).fit(*data)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpha", -1.0),
        ("epochs", 0),
        ("batch_size", 0),
        ("n_iter_no_change", 0),
        ("eta0", 0.0),
        ("eta0", np.nan),
        ("tol", -1.0),
        ("power_t", -1.0),
    ],
)
def test_cuml_names_its_own_parameters(name, value, classes):
    """The library's options have other names, which users of cuML do not know."""
    cuml = pytest.importorskip("cusgd.compat.cuml")
    with pytest.raises(ValueError, match=f"^{name} == "):
        cuml.MBSGDClassifier(learning_rate="invscaling", **{name: value}).fit(*classes)
