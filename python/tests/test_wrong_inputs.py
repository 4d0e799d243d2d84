"""What a new user gets wrong: the error says which column, and what to do."""

import cusgd
import numpy as np
import pytest

pytest.importorskip("sklearn")
from cusgd.linear_model import Lasso, LogisticRegression, PoissonRegressor, SGDClassifier, SGDRegressor, TweedieRegressor

pd = pytest.importorskip("pandas")


@pytest.fixture
def frame(rng):
    """Return a data frame with columns of all kinds."""
    found = pd.DataFrame({"a": rng.normal(size=40), "b": np.arange(40)})
    found["kind"] = pd.Categorical(["u", "v"] * 20)
    found["text"] = ["x", "y"] * 20
    found["digits"] = ["1.5", "2"] * 20
    found["gaps"] = pd.array([1.0, None] * 20, dtype="Float64")
    return found


def polars_of(frame):
    return pytest.importorskip("polars").from_pandas(frame)


@pytest.mark.parametrize("convert", [lambda frame: frame, polars_of])
@pytest.mark.parametrize("column", ["kind", "text"])
@pytest.mark.parametrize(("fit", "error"), [(cusgd.fit, TypeError), (SGDRegressor().fit, ValueError), (Lasso().fit, ValueError)])
def test_columns_of_text_are_named(frame, column, convert, fit, error):
    first = {"kind": "u", "text": "x"}[column]
    message = rf"column '{column}' of X has text or categories \('{first}'\): encode it .* or read the frame with its target by"
    with pytest.raises(error, match=message):
        fit(convert(frame[["a", column]]), np.arange(40.0))


def test_text_is_named_by_predict_too(frame):
    model = SGDRegressor().fit(frame[["a", "b"]], np.arange(40.0))
    with pytest.raises(ValueError, match="column 'b' of X has text"):
        model.predict(frame[["a", "text"]].set_axis(["a", "b"], axis=1))


def test_names_that_occur_twice(frame):
    with pytest.raises(TypeError, match="column 'a' of X has text or categories"):
        cusgd.fit(frame[["a", "text"]].set_axis(["a", "a"], axis=1), np.arange(40.0))


@pytest.mark.parametrize("convert", [lambda frame: frame, polars_of])
def test_text_of_numbers_is_read(frame, convert):
    X = frame[["a", "digits"]]
    expected = cusgd.fit(X.astype(float), np.arange(40.0), epochs=2)
    np.testing.assert_array_equal(cusgd.fit(convert(X), np.arange(40.0), epochs=2).weight, expected.weight)


def test_what_the_message_names_reads_the_frame(frame):
    pytest.importorskip("pyarrow")
    table = cusgd.convert.read_arrow(frame[["a", "kind", "text"]].assign(t=np.arange(40.0)), target="t")
    assert cusgd.fit(table, solver="exact").features == ["a", "kind=v", "text=y"]


def test_missing_values_of_nullable_columns_have_a_place(frame):
    with pytest.raises(cusgd.DataError, match=r"row 2, column 2: nan is not a finite number") as raised:
        cusgd.fit(frame[["a", "gaps"]], np.arange(40.0))
    assert (raised.value.row, raised.value.column) == (1, 1)
    with pytest.raises(cusgd.DataError, match=r"row 2: target nan"):
        cusgd.fit(frame[["a"]], frame["gaps"])


def test_names_of_classes_need_a_loss_of_classes(frame):
    with pytest.raises(TypeError, match=r'a loss of classes takes names \(loss="logistic"\)'):
        cusgd.fit(frame[["a"]], frame["text"])
    assert cusgd.fit(frame[["a"]], frame["text"], loss="logistic").classes == ["x", "y"]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
@pytest.mark.parametrize("kind", [SGDClassifier, LogisticRegression])
def test_classes_that_are_missing(frame, kind, missing):
    names = np.array(["x", missing] * 20, dtype=object)
    with pytest.raises(ValueError, match="y has missing values"):
        kind().fit(frame[["a"]], names)
    with pytest.raises(ValueError, match="y has missing values"):
        cusgd.fit(frame[["a"]], names, loss="logistic")


def test_no_rows_or_columns():
    with pytest.raises(cusgd.DataError, match=r"X has no rows: its shape is \(0, 3\)"):
        cusgd.fit(np.ones((0, 3)), [])
    with pytest.raises(cusgd.DataError, match=r"X has no columns: its shape is \(4, 0\)"):
        cusgd.fit(np.ones((4, 0)), np.arange(4.0))


def test_paths_are_tables(tmp_path):
    """A path in the place of rows, as the command takes it."""
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n2,4.5\n3,6\n")
    model = cusgd.fit(cusgd.read_table(table), solver="exact")
    for use in (lambda: cusgd.fit(table), lambda: cusgd.fit(str(table), [2, 4.5, 6]), lambda: model.predict(str(table))):
        with pytest.raises(TypeError, match=r"X is a path: to train, pass cusgd.read_table\(path\); predict_table"):
            use()
    assert model.predict_table(table).shape == (3,)


@pytest.mark.parametrize("kind", [SGDRegressor, SGDClassifier, Lasso, PoissonRegressor])
def test_infinite_penalties_are_refused_by_name(kind):
    with pytest.raises(ValueError, match="alpha == inf, must be finite"):
        kind(alpha=np.inf).fit([[1.0], [2.0], [3.0]], [0, 1, 1])


@pytest.mark.parametrize("power", [0, 0.5, 3])
def test_powers_of_tweedie_come_before_the_range_of_y(power):
    with pytest.raises(ValueError, match=rf"power == {power}, must be in \[1, 2\]"):
        TweedieRegressor(power=power).fit([[1.0], [2.0], [3.0]], [-1.0, 0.0, 1.0])


def test_advice_names_parameters_that_help(rng):
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, 2.0, 3.0] + 4
    with pytest.warns(match="Try a smaller eta0, or eta0=None: the optimizer chooses its own rate"):
        SGDRegressor(eta0=1e9).fit(X, y)
    with pytest.warns(match="worse than the intercept-only model") as warned:  # hinge loss has no full-batch solver
        SGDClassifier(alpha=1e3).fit(X, y > 4)
    assert str(warned[0].message).endswith("use a larger max_iter")
