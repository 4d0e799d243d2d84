"""Every layout and container of the same numbers gives the same bits."""

import cusgd
import numpy as np
import pandas as pd
import pytest
import scipy.sparse


def fitted(X, y, **options):
    model = cusgd.fit(X, y, epochs=3, **options)
    return np.append(model.weight, model.bias)


def strided(X):
    wide = np.zeros((2 * X.shape[0], 3 * X.shape[1]))
    wide[::2, ::3] = X
    return wide[::2, ::3]


def memory_mapped(X, folder):
    np.save(folder / "x.npy", X)
    return np.load(folder / "x.npy", mmap_mode="r")


def test_layouts_and_containers_give_equal_bits(regression, tmp_path):
    X, y, _, _ = regression
    expected = fitted(X, y)
    read_only = X.copy()
    read_only.flags.writeable = False
    same = {
        "fortran": np.asfortranarray(X),
        "strided": strided(X),
        "reversed": X[::-1][::-1],
        "read only": read_only,
        "memory-mapped": memory_mapped(X, tmp_path),
        "big-endian": X.astype(">f8"),
        "object": X.astype(object),
        "list": X.tolist(),
        "frame": pd.DataFrame(X),
        "structured field": np.rec.fromarrays([X], dtype=[("x", "f8", X.shape[1:])])["x"],
    }
    for name, values in same.items():
        assert fitted(values, y).tobytes() == expected.tobytes(), name
    for name, targets in {"column": y[:, None], "series": pd.Series(y), "list": y.tolist()}.items():
        assert fitted(X, targets).tobytes() == expected.tobytes(), name


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int64, np.bool_, np.float16])
def test_other_numbers_are_converted_without_loss(dtype, rng):
    X = rng.integers(0, 2, size=(200, 3)).astype(dtype)
    y = X.astype(float) @ [1.0, 2.0, 3.0]
    assert fitted(X, y).tobytes() == fitted(X.astype(np.float64), y).tobytes()


def test_arrays_are_used_in_place(regression):
    X, y, _, _ = regression
    trainer = cusgd.Trainer(X, y)
    assert np.shares_memory(trainer._data.arrays[0], X)
    assert np.shares_memory(trainer._data.arrays[1], y)


def test_precision_follows_the_type(regression):
    X, y, _, _ = regression
    assert cusgd.Trainer(X, y).options["precision"] == "double"
    assert cusgd.Trainer(X.astype(np.float32), y.astype(np.float32)).options["precision"] == "float"
    assert cusgd.Trainer(X, y, precision="float").options["precision"] == "float"


def test_names_of_frames(regression):
    X, y, _, _ = regression
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = cusgd.fit(frame, pd.DataFrame({"price": y}), solver="exact")
    assert model.features == ["a", "b", "c", "d"]
    assert model.targets == ["price"]
    np.testing.assert_array_equal(model.predict(frame[["d", "c", "b", "a"]]), model.predict(frame))
    np.testing.assert_array_equal(model.predict(frame.assign(e=1.0)), model.predict(frame))
    with pytest.raises(ValueError, match="lacks columns of the model: b"):
        model.predict(frame.drop(columns="b"))


@pytest.mark.parametrize(
    ("X", "kind", "message"),
    [
        (np.ones(3), ValueError, "2 dimensions"),
        (np.ones((2, 2, 2)), ValueError, "2 dimensions"),
        (np.ones((3, 2), complex), TypeError, "complex"),
        ([["a", "b"]] * 3, TypeError, "cannot be converted to numbers"),
        (scipy.sparse.eye(3).tocsr(), TypeError, "sparse"),
        (np.array([[1.0, np.nan]] * 3), cusgd.DataError, "not a finite number"),
        (np.ones((4, 2)), ValueError, "X has 4 rows, and y has 3"),
        (np.ones((3, 0)), cusgd.UsageError, "1"),
    ],
)
def test_arrays_that_are_refused(X, kind, message):
    with pytest.raises(kind, match=message):
        cusgd.fit(X, np.arange(3.0))


def test_arrays_on_a_gpu_are_refused():
    class OnGpu:
        __cuda_array_interface__ = None

    with pytest.raises(TypeError, match="on a GPU"):
        cusgd.fit(OnGpu(), np.ones(3))
