"""Messages speak of options as Python has them, and estimators' of their parameters."""

import re
import warnings
from pathlib import Path

import cusgd
import numpy as np
import pytest
from cusgd import _words

HOST = Path(__file__).resolve().parents[2] / "host"
DASHES = re.compile(r"(?<![\w-])--[a-z]")


def texts():
    """All texts of the library (not of the command), adjacent literals joined."""
    found = []
    for path in sorted(HOST.rglob("*.c")):
        if path.parent.name != "cli":
            joined = re.sub(r'"\s*\n\s*"', "", path.read_text())
            found += re.findall(r'"((?:[^"\\\n]|\\.)*)"', joined)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("use --sampling permute", 'use sampling="permute"'),
        ("more --epochs, or --solver auto", 'more epochs, or solver="auto"'),
        ("(leave out --no-standardize)", "(leave out standardize=False)"),
        ("give --l2 (1e-4, for example)", "give l2 (1e-4, for example)"),
        ("use --shards 4", "use shards=4"),
        ("give --memory 500M or more", 'give memory="500M" or more'),
        ("say --header yes", "say header=True"),
        ("(--ignore id,name); or --missing drop", '(ignore=["id", "name"]); or missing="drop"'),
        ("leave it out (--ignore 2)", "leave it out (ignore=2)"),
        (
            "(--ignore leaves columns out, --categorical none rejects text)",
            '(ignore leaves columns out, categorical="none" rejects text)',
        ),
        ("to use them as they are: --categorical b --missing mean", 'to use them as they are: categorical="b" missing="mean"'),
        ("say so (--date-order day-first)", 'say so (date_order="day-first")'),
        ("valid-fraction 2 is no share", "valid_fraction 2 is no share"),
        ("a -- b, c--d", "a -- b, c--d"),
    ],
)
def test_words(text, expected):
    assert _words.in_python_words(text) == expected


@pytest.mark.skipif(not HOST.exists(), reason="needs the library's source")
def test_no_message_keeps_dashes():
    with_options = [text for text in texts() if DASHES.search(text)]
    assert len(with_options) > 50
    for text in with_options:
        assert not DASHES.search(_words.in_python_words(text)), text


@pytest.mark.skipif(not HOST.exists(), reason="needs the library's source")
def test_what_is_replaced_is_there():
    base = pytest.importorskip("cusgd.linear_model._base")
    everything = "\n".join(texts())
    for piece in {**base.SCHEDULE_WORDS, **_words._OTHERWISE}:
        name = piece.removeprefix("--")
        known = piece.startswith("--") and " " not in piece and (name in _words._options())
        assert known or piece in everything, piece


def message_of(function):
    """What a call says, as an error or as a warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            function()
        except (cusgd.CusgdError, ValueError) as error:
            return str(error)
    assert caught, "nothing was said"
    return str(caught[0].message)


@pytest.fixture
def data(rng):
    X = rng.normal(size=(60, 3))
    y = X @ [1.0, 2.0, 3.0]
    return X, y, (y > 0).astype(int)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda m, X, y, c: m.LogisticRegression(penalty=None).fit(X, c), 'give penalty="l2"'),
        (lambda m, X, y, c: m.LogisticRegression(max_iter=1).fit(X, c), "try a larger max_iter, or a smaller C"),
        (lambda m, X, y, c: m.Lasso(alpha=1e-3, max_iter=1).fit(X, y), "try a larger max_iter, or a larger alpha"),
        (lambda m, X, y, c: m.SGDClassifier("log_loss", alpha=0, max_iter=2000).fit(X, c), "a penalty (alpha=1e-4, for example)"),
        (
            lambda m, X, y, c: m.SGDClassifier(shuffle=False, learning_rate="optimal", max_iter=1, tol=None).fit(
                X[np.argsort(c)], np.sort(c)
            ),
            "use shuffle=True",
        ),
        (lambda m, X, y, c: m.SGDRegressor(learning_rate="constant", eta0=0.9, max_iter=3, tol=None).fit(X, y), "StandardScaler"),
        (
            lambda m, X, y, c: m.SGDRegressor(eta0=1e4, optimizer="sgd").fit(X, y),
            'Try a smaller eta0, or optimizer="auto" with eta0=None',
        ),
        (
            lambda m, X, y, c: m.SGDRegressor(early_stopping=True, validation_fraction=1e-3).fit(X, y),
            "validation_fraction 0.001 of 60 rows leaves no row for validation; choose another share",
        ),
    ],
)
def test_estimators_name_their_parameters(call, expected, data):
    linear_model = pytest.importorskip("cusgd.linear_model")
    said = message_of(lambda: call(linear_model, *data))
    assert expected in said
    assert not DASHES.search(said)
    said = message_of(lambda: cusgd.fit(data[0], data[1], sampling="none", epochs=1, optimizer="sgd", rate=0.9, batch=1))
    assert "eta0" not in said and "alpha" not in said  # the words are those of a call, and of none after it


def test_calls_without_estimators(data):
    X, y, _ = data
    assert "Trainer.fit" in message_of(lambda: cusgd.Trainer(X, y, solver="lbfgs").step())
    assert "l1_ratio is 2" in message_of(lambda: cusgd.path(X, y, l1_ratio=2))
    sparse = pytest.importorskip("scipy.sparse")
    said = message_of(lambda: cusgd.sweep(sparse.csr_matrix(X), y, grid={"l2": [1, 2]}))
    assert "X.toarray()" in said
    model = cusgd.fit(X, np.abs(y), loss="poisson", exposure=np.ones(60), solver="auto")
    assert message_of(lambda: model.predict(X)).endswith("pass offset or exposure")
