"""Raw tables: what is read of them, and models that take them."""

import cusgd
import numpy as np
import pytest

ROWS = "day,color,size,ok,price\n"
COLORS, ANSWERS = ["red", "green", "blue"], ["yes", "no"]
for i in range(60):
    ROWS += f"2024-{1 + i % 12:02}-{1 + i % 27:02},{COLORS[i % 3]},{i % 7},{ANSWERS[i % 2]},{3 * i % 17}\n"


@pytest.fixture
def path(tmp_path):
    (tmp_path / "raw.csv").write_text(ROWS)
    return tmp_path / "raw.csv"


def test_reads_as_the_command_does(path, tmp_path):
    table = cusgd.read_table(path, categorical="auto", dates="day", polynomial=2, interactions=True)
    assert (table.rows, table.outputs, table.targets) == (60, 1, ["price"])
    assert table.features[:7] == ["month(day)", "weekday(day)", "days(day)", "color=green", "color=red", "size", "ok"]
    assert "color=green*size" in table.features and table.cols == len(table.features)
    model = cusgd.fit(table, l2=1e-3, solver="exact", precision="double")
    model.save(tmp_path / "m.safetensors")
    predicted = model.predict_table(path)
    np.testing.assert_array_equal(cusgd.Model.load(tmp_path / "m.safetensors").predict_table(path), predicted)
    assert predicted.shape == (60,) and np.isfinite(predicted).all()
    assert model.evaluate_table(path).mse == pytest.approx(np.mean((predicted - np.array([3 * i % 17 for i in range(60)])) ** 2))


def test_rows_that_cannot_be_predicted(path, tmp_path):
    model = cusgd.fit(cusgd.read_table(path, categorical="color", ignore=["day", "ok"]), solver="exact")
    (tmp_path / "new.csv").write_text("size,color\n1,red\n,red\n2,pink\n")
    with pytest.warns(UserWarning) as caught:
        predicted = model.predict_table(tmp_path / "new.csv")
    assert len(caught) == 2 and np.isnan(predicted).tolist() == [False, True, False]
    with pytest.raises(cusgd.DataError, match="pink"):
        model.predict_table(tmp_path / "new.csv", strict=True)


def test_classes_and_missing_values(tmp_path):
    (tmp_path / "c.csv").write_text("a,who\n1,x\n2,x\n,x\n3,z\n2.5,z\n1.5,z\n4,x\n")
    table = cusgd.read_table(tmp_path / "c.csv", missing="mean")
    assert table.classes == ["x", "z"] and table.features == ["a", "missing(a)"]
    model = cusgd.fit(table, loss="logistic", l2=0.1, solver="newton")
    assert set(model.predict_table(tmp_path / "c.csv", "class")) <= {"x", "z"}
    dropped = cusgd.read_table(tmp_path / "c.csv", missing="drop")
    assert dropped.rows == 6 and "left out" in dropped.notes[0]
    model = cusgd.fit(dropped, loss="logistic", l2=0.1, solver="newton")
    with pytest.warns(UserWarning, match="no prediction"):
        assert model.predict_table(tmp_path / "c.csv", "class")[2] is None


def test_several_classes(tmp_path):
    (tmp_path / "k.csv").write_text("a,b,who\n" + "".join(f"{i % 7},{i % 5},{'xyz'[i * i % 7 % 3]}\n" for i in range(60)))
    table = cusgd.read_table(tmp_path / "k.csv", classes=True)
    assert table.classes == ["x", "y", "z"]
    X = np.array([[i % 7, i % 5] for i in range(60)], dtype=float)
    y = np.array(["xyz"[i * i % 7 % 3] for i in range(60)])
    model = cusgd.fit(table, loss="logistic", l2=0.1, epochs=20, valid=(X, y))
    predicted = model.predict_table(tmp_path / "k.csv", "class")
    np.testing.assert_array_equal(predicted, model.predict(X, "class"))
    assert model.predict_table(tmp_path / "k.csv").shape == (60, 3)
    assert [line for line in model.summary().splitlines() if line in "xyz"] == ["x", "y", "z"]
    assert cusgd.Trainer(table, loss="logistic").partial_fit(X, y).epoch == 1


def test_what_is_refused(path):
    with pytest.raises(cusgd.DataError, match="text"):
        cusgd.read_table(path)
    with pytest.raises(cusgd.UsageError, match="missing must be"):
        cusgd.read_table(path, missing="zero")
    table = cusgd.read_table(path, features="size")
    with pytest.raises(cusgd.UsageError, match="has its targets"):
        cusgd.fit(table, [1.0])
    with pytest.raises(cusgd.UsageError, match="y is missing"):
        cusgd.fit([[1.0]])
    with pytest.raises(TypeError):
        __import__("copy").copy(table)


def test_dialects(tmp_path):
    (tmp_path / "d.csv").write_text("a title; of 2,5 fields\na;y\n1,5;2\n2,5;4\n")
    table = cusgd.read_table(tmp_path / "d.csv", separator=";", decimal=",", skip=1)
    assert (table.rows, table.features, table.targets) == (2, ["a"], ["y"])
    for parameters in ({"separator": ";;"}, {"decimal": "x"}, {"skip": -1}):
        with pytest.raises(cusgd.UsageError, match=next(iter(parameters))):
            cusgd.read_table(tmp_path / "d.csv", **parameters)


def test_thousands_and_date_order(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text('day,a,y\n1/2/2024,"1,200",2\n5/2/2024,950,4\n7/3/2024,"12,000",5\n')
    with pytest.raises(cusgd.DataError, match="thousands"):
        cusgd.read_table(path, ignore="day")
    with pytest.raises(cusgd.DataError, match="date_order"):
        cusgd.read_table(path, thousands=",", dates="day")
    table = cusgd.read_table(path, thousands=",", dates="day", date_order="day-first")
    assert table.features == ["month(day)", "weekday(day)", "days(day)", "a"]
    model = cusgd.fit(cusgd.read_table(path, thousands=",", features="a"), solver="exact")
    a, y = np.array([1200.0, 950, 12000]), np.array([2.0, 4, 5])
    expected = np.polyval(np.polyfit(a, y, 1), a)
    assert np.allclose(model.predict_table(path), expected, rtol=1e-9)  # the model keeps the separator
    for parameters in ({"thousands": "_"}, {"thousands": ",", "decimal": ","}, {"date_order": "iso"}):
        with pytest.raises(cusgd.UsageError, match=next(iter(parameters))):
            cusgd.read_table(path, **parameters)


def test_messages_name_the_parameter_for_dates(tmp_path):
    (tmp_path / "d.csv").write_text("day,y\n" + "".join(f"2026-01-{day:02d},{day}\n" for day in range(1, 20)))
    with pytest.raises(cusgd.DataError) as caught:
        cusgd.read_table(tmp_path / "d.csv")
    assert " dates " in str(caught.value) and "--date" not in str(caught.value)


def test_many_categories_are_stored_sparse(tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    linear_model = pytest.importorskip("sklearn.linear_model")
    path = tmp_path / "many.csv"
    rows = [(f"u{i % 1500}", i % 7, (i % 1500) % 5 + 0.1 * (i % 3)) for i in range(4500)]
    path.write_text("user,n,y\n" + "".join(f"{u},{n},{y}\n" for u, n, y in rows))
    table = cusgd.read_table(path, categorical="user", all_levels=True)
    assert table.cols == 1501
    assert any("stored sparse" in note for note in table.notes)
    model = cusgd.fit(table, solver="lbfgs", l2=0.01)
    predicted = model.predict_table(path)
    y = np.array([row[2] for row in rows])
    X = preprocessing.OneHotEncoder().fit_transform([[row[0]] for row in rows])
    X = sparse.hstack([X, [[row[1]] for row in rows]])
    ridge = linear_model.Ridge(alpha=0.01 * len(rows), tol=1e-12, solver="sparse_cg").fit(X, y)
    np.testing.assert_allclose(predicted, ridge.predict(X), atol=1e-3)
    with pytest.raises(cusgd.DataError, match="more than 1000 categories"):
        cusgd.read_table(path, categorical="user", sparse=False)
    small = cusgd.read_table(path, features=["n"], sparse=True)
    assert any("stored sparse" in note for note in small.notes)


def test_threads_do_not_change_a_table(tmp_path):
    random = np.random.default_rng(3)
    path = tmp_path / "many.csv"
    rows = [f"{a!r},{random.choice(['red', 'blue'])},{b:.3f}" for a, b in random.standard_normal((40000, 2)).tolist()]
    path.write_text("a,color,y\n" + "\n".join(rows) + "\n")
    one, three, usual = (cusgd.read_table(path, threads=threads) for threads in (1, 3, None))
    fits = [cusgd.fit(table, solver="exact", precision="double") for table in (one, three, usual)]
    assert one.rows == three.rows == usual.rows == 40000
    predicted = [model.predict_table(path) for model in fits]
    np.testing.assert_array_equal(predicted[0], predicted[1])
    np.testing.assert_array_equal(predicted[0], predicted[2])
    with pytest.raises(cusgd.UsageError, match="threads must be at least 1"):
        cusgd.read_table(path, threads=0)
