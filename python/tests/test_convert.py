"""Folders that cusgd.convert writes, from Arrow tables and Parquet files."""

import os
import subprocess
import sys

import cusgd
import numpy as np
import pytest
from cusgd.convert import Writer, convert, main, read_arrow, save

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def matrices(folder):
    """What NumPy reads of a folder."""
    found = {}
    for name in ("x", "y", "w"):
        files = sorted(file for file in os.listdir(folder) if file.startswith(f"{name}-"))
        if files:
            found[name] = np.concatenate([np.load(os.path.join(folder, file)) for file in files])
    return found


@pytest.fixture
def numbers(rng):
    return pa.table(
        {
            "a": rng.normal(size=3000),
            "b": pa.array(rng.integers(-5, 5, 3000), pa.int16()),
            "c": pa.array(rng.normal(size=3000).astype("f4")),
            "y": rng.normal(size=3000),
        }
    )


def test_numbers_of_arrow_are_those_of_numpy(numbers, tmp_path):
    table = read_arrow(numbers.slice(7))
    assert (table.rows, table.features, table.targets) == (2993, ["a", "b", "c"], ["y"])
    save(table, tmp_path / "out", rows_per_file=1024)
    found = matrices(tmp_path / "out")
    assert np.array_equal(found["x"], np.column_stack([numbers[name].to_numpy()[7:] for name in "abc"]))
    assert np.array_equal(found["y"], numbers["y"].to_numpy()[7:])


def test_polars_hands_its_tables_over(numbers, tmp_path):
    polars = pytest.importorskip("polars")
    table = polars.from_arrow(numbers).with_columns(polars.Series("color", ["red", "blue", "a long name of a color"] * 1000))
    ours = read_arrow(table, target="y")
    assert ours.features == ["a", "b", "c", "color=blue", "color=red"]
    save(ours, tmp_path / "out")
    x = matrices(tmp_path / "out")["x"]
    assert np.array_equal(x[:, 4], np.tile([1.0, 0.0, 0.0], 1000))


def test_dictionaries_dates_and_texts_are_as_in_a_csv(rng, tmp_path):
    import pyarrow.csv

    table = pa.table(
        {
            "size": rng.normal(size=300),
            "color": pa.array(rng.choice(["red", "green", "blue"], 300)).dictionary_encode(),
            "day": pa.array(rng.integers(18000, 19000, 300).astype("int32"), pa.date32()),
            "answer": rng.choice(["no", "yes"], 300),
        }
    )
    path = str(tmp_path / "t.csv")
    plain = table.set_column(1, "color", table["color"].cast(pa.string()))
    pyarrow.csv.write_csv(plain, path)
    options = {"solver": "newton", "loss": "logistic"}
    expected = cusgd.fit(cusgd.read_table(path, dates="day"), **options)
    for given in (table, plain):
        ours = read_arrow(given)
        assert ours.classes == ["no", "yes"]
        model = cusgd.fit(ours, **options)
        assert np.array_equal(model.weight, expected.weight)
        assert np.array_equal(model.predict_table(path), expected.predict_table(path))


def test_missing_values(tmp_path):
    table = pa.table({"a": [1.0, None, 3.0, 4.0], "y": [1.0, 2.0, None, 4.0]})
    with pytest.raises(cusgd.DataError, match="row 2 lacks a value in column 'a'"):
        read_arrow(table, missing="error")
    assert read_arrow(table, missing="drop").rows == 2
    filled = read_arrow(table, missing="mean")
    assert (filled.rows, filled.features) == (3, ["a", "missing(a)"])


def test_parquet_in_batches_and_shuffled(numbers, tmp_path, monkeypatch):
    monkeypatch.setattr("cusgd.convert.BATCH_ROWS", 700)
    path = tmp_path / "t.parquet"
    pq.write_table(numbers, path, row_group_size=1000)
    convert(path, tmp_path / "out", rows_per_file=1024)
    convert(path, tmp_path / "mixed", shuffle=True, seed=3)
    out, mixed = matrices(tmp_path / "out"), matrices(tmp_path / "mixed")
    assert np.array_equal(out["x"], np.column_stack([numbers[name].to_numpy() for name in "abc"]))
    order = np.argsort(mixed["y"])
    assert not np.array_equal(mixed["y"], out["y"])
    assert np.array_equal(mixed["x"][order], out["x"][np.argsort(out["y"])])
    assert sorted(os.listdir(tmp_path)) == ["mixed", "out", "t.parquet"]


def test_command(numbers, tmp_path, capsys):
    path = tmp_path / "t.parquet"
    pq.write_table(numbers, path)
    assert main([str(path), str(tmp_path / "out"), "--target", "a", "--ignore", "b"]) == 0
    assert matrices(tmp_path / "out")["x"].shape == (3000, 2)
    assert main([str(path), str(tmp_path / "out")]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main([str(tmp_path / "none"), str(tmp_path / "new")]) == 2
    assert not (tmp_path / "new").exists()
    done = subprocess.run([sys.executable, "-m", "cusgd.convert", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "IN.parquet" in done.stdout


def test_a_writer_that_fails_leaves_nothing(numbers, tmp_path):
    table = read_arrow(numbers)
    with pytest.raises(ZeroDivisionError), Writer(tmp_path / "out") as writer:
        writer.append(table)
        raise ZeroDivisionError
    with pytest.raises(cusgd.DataError, match="columns of x"), Writer(tmp_path / "out") as writer:
        writer.append(table)
        writer.append(read_arrow(numbers.select(["a", "y"])))
    assert os.listdir(tmp_path) == []


def test_hdf5_that_h5py_wrote(rng, tmp_path):
    h5py = pytest.importorskip("h5py")
    x, flags = rng.normal(size=(500, 4)), rng.integers(0, 2, 500).astype(bool)
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("train/x", data=x, chunks=(100, 3), compression="gzip", shuffle=True)
        file["train/flags"] = flags  # an enumeration
        file["train/half"] = x.astype("f2")
    table = cusgd.read_table(tmp_path / "f.h5", datasets="x=/train/x,y=train/flags")
    save(table, tmp_path / "out")
    found = matrices(tmp_path / "out")
    assert np.array_equal(found["x"], x) and np.array_equal(found["y"], flags)
    save(cusgd.read_table(tmp_path / "f.h5", datasets="x=train/half,y=train/flags"), tmp_path / "half")
    assert np.array_equal(matrices(tmp_path / "half")["x"], x.astype("f2"))


def test_blocks_of_arrays(rng, tmp_path):
    x, y = rng.normal(size=(2500, 3)).astype("f4"), rng.normal(size=2500)
    with Writer(tmp_path / "out", rows_per_file=1024) as writer:
        for first in range(0, 2500, 600):
            rows = slice(first, first + 600)
            writer.append(x[rows], y[rows], sample_weight=np.ones(len(y[rows])))
    found = matrices(tmp_path / "out")
    assert found["x"].dtype == np.float32 and np.array_equal(found["x"], x) and np.array_equal(found["y"], y)
    with pytest.raises(cusgd.DataError, match="columns of y"), Writer(tmp_path / "other") as writer:
        writer.append(x, y)
        writer.append(x)


def test_blocks_without_rows_add_none(rng, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rng.normal(size=(90, 3)), columns=["a", "b", "y"])
    with Writer(tmp_path / "out") as writer:
        for first in range(0, 90, 30):
            rows = frame[first : first + 30]
            rows = rows[(rows.index < 30) | (rows.index >= 60)]
            writer.append(rows[["a", "b"]], rows["y"])
    found = matrices(tmp_path / "out")
    assert np.array_equal(found["x"], frame.drop(index=range(30, 60))[["a", "b"]]) and len(found["y"]) == 60
    with pytest.raises(cusgd.DataError, match="no rows to write"), Writer(tmp_path / "none") as writer:
        writer.append(np.empty((0, 2)), np.empty(0))


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_blocks_with_columns_in_another_order_are_refused(kind, tmp_path):
    package = pytest.importorskip(kind)
    frame = package.table if kind == "pyarrow" else package.DataFrame
    with pytest.raises(cusgd.DataError, match=r"column 1 is 'b', .* before 'a'"), Writer(tmp_path / "out") as writer:
        writer.append(frame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), [0, 1])
        writer.append(frame({"b": [3.0, 4.0], "a": [1.0, 2.0]}), [0, 1])
    assert os.listdir(tmp_path) == []
