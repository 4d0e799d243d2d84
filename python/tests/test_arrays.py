"""Every layout and container of the same numbers gives the same bits."""

import contextlib
import ctypes as C

import cusgd
import numpy as np
import pandas as pd
import pytest
from cusgd._arrays import as_features


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


def test_validation_frames_go_by_name(regression):
    X, y, _, _ = regression
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    expected = cusgd.fit(frame, y, epochs=2, valid=(frame, y)).history["valid_loss"]
    for valid in (frame[["d", "c", "a", "b"]], frame.assign(e=1.0), X):
        np.testing.assert_array_equal(cusgd.fit(frame, y, epochs=2, valid=(valid, y)).history["valid_loss"], expected)
    with pytest.raises(ValueError, match="lacks columns of the model: a, c"):
        cusgd.fit(frame, y, valid=(frame[["b", "d"]], y))


def test_memory_that_is_not_aligned_is_copied(regression):
    X, y, _, _ = regression
    shifted = np.frombuffer(b"x" + X.tobytes(), np.float64, offset=1).reshape(X.shape)
    assert not shifted.flags.aligned
    trainer = cusgd.Trainer(shifted, y)
    assert trainer._data.arrays[0].flags.aligned
    assert fitted(shifted, y).tobytes() == fitted(X, y).tobytes()


def test_masked_values_are_refused(regression):
    X, y, _, _ = regression
    mask = np.zeros(X.shape, bool)
    assert fitted(np.ma.array(X, mask=mask), y).tobytes() == fitted(X, y).tobytes()
    mask[3, 1] = True
    with pytest.raises(ValueError, match="X has masked values"):
        cusgd.fit(np.ma.array(X, mask=mask), y)
    with pytest.raises(ValueError, match="y has masked values"):
        cusgd.fit(X, np.ma.array(y, mask=mask[:, 1]))
    linear_model = pytest.importorskip("cusgd.linear_model")
    with pytest.raises(ValueError, match="X has masked values"):
        linear_model.Ridge().fit(np.ma.array(X, mask=mask), y)
    with pytest.raises(ValueError, match="X has masked values"):
        linear_model.Ridge().fit(X, y).predict(np.ma.array(X, mask=mask))


def test_names_are_read_for_frames_only(regression, monkeypatch):
    X, y, _, _ = regression
    model = cusgd.fit(pd.DataFrame(X, columns=["a", "b", "c", "d"]), y, epochs=1)
    monkeypatch.setattr(cusgd.Model, "features", property(lambda self: pytest.fail("names were read")))
    model.predict(X[:1])


@pytest.mark.parametrize(
    ("X", "kind", "message"),
    [
        (np.ones(3), ValueError, "2 dimensions"),
        (np.ones((2, 2, 2)), ValueError, "2 dimensions"),
        (np.ones((3, 2), complex), TypeError, "complex"),
        ([["a", "b"]] * 3, TypeError, "cannot be converted to numbers"),
        (np.array([[1.0, np.nan]] * 3), cusgd.DataError, "not a finite number"),
        (np.ones((4, 2)), ValueError, "X has 4 rows, and y has 3"),
        (np.ones((3, 0)), cusgd.DataError, "X has no columns"),
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


class OnlyDlpack:
    """An array of a library that NumPy does not know."""

    def __init__(self, array, device=(1, 0)):
        self.array, self.device_tuple = array, device

    def __dlpack__(self, stream=None, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.device_tuple


class OnlyArrow:
    """A table of a library that has nothing but Arrow's stream."""

    def __init__(self, frame):
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema=None):
        return self.frame.__arrow_c_stream__()


def test_dlpack_is_read_in_place(regression):
    X, y, _, _ = regression
    trainer = cusgd.Trainer(OnlyDlpack(X), OnlyDlpack(y))
    assert np.shares_memory(trainer._data.arrays[0], X) and np.shares_memory(trainer._data.arrays[1], y)
    expected = fitted(X, y)
    for values in (X, np.asfortranarray(X), strided(X), X[::-1][::-1]):
        assert fitted(OnlyDlpack(values), OnlyDlpack(y)).tobytes() == expected.tobytes()
    assert fitted(OnlyDlpack(X.astype(np.float16)), y).tobytes() == fitted(X.astype(np.float16), y).tobytes()


@pytest.mark.parametrize("device", [(2, 0), (10, 1)], ids=["CUDA", "ROCm"])
def test_dlpack_on_a_gpu_is_refused_by_the_host(device, regression):
    X, y, _, _ = regression
    if device[0] != 2:
        with pytest.raises(TypeError, match="X is on a GPU: pass a copy on the host"):
            cusgd.fit(OnlyDlpack(X, device), y)
    with pytest.raises(TypeError, match="y is on a GPU"):
        cusgd.fit(X, OnlyDlpack(y, device))
    linear_model = pytest.importorskip("cusgd.linear_model")
    model = linear_model.Ridge().fit(OnlyDlpack(X), y)
    assert model.coef_.tobytes() == linear_model.Ridge().fit(X, y).coef_.tobytes()
    for call in (model.fit, lambda X, y: model.predict(X)):
        with pytest.raises(TypeError, match="X is on a GPU"):
            call(OnlyDlpack(X, device), y)
    classes = linear_model.LogisticRegression().fit(OnlyDlpack(X), y > y.mean())
    for call in (classes.predict, classes.decision_function, classes.predict_proba):
        assert call(OnlyDlpack(X)).tobytes() == call(X).tobytes()
        with pytest.raises(TypeError, match="X is on a GPU"):
            call(OnlyDlpack(X, device))


def test_memory_that_the_host_reads_is_not_refused(regression):
    X, _, _, _ = regression
    from cusgd._arrays import readable

    for device in (1, 3, 11, 13):  # pinned and managed memory
        assert np.shares_memory(readable(OnlyDlpack(X, (device, 0)), "X"), X)


def test_polars_frames(regression):
    polars = pytest.importorskip("polars")
    X, y, _, _ = regression
    frame = polars.DataFrame(X, schema=["a", "b", "c", "d"])
    model = cusgd.fit(frame, polars.Series("price", y), epochs=3)
    assert model.features == ["a", "b", "c", "d"]
    assert np.append(model.weight, model.bias).tobytes() == fitted(X, y).tobytes()
    np.testing.assert_array_equal(model.predict(frame.select("d", "c", "b", "a")), model.predict(frame))
    linear_model = pytest.importorskip("cusgd.linear_model")
    ours = linear_model.Ridge().fit(frame, y)
    assert list(ours.feature_names_in_) == ["a", "b", "c", "d"]
    assert fitted(OnlyArrow(frame), y).tobytes() == fitted(X, y).tobytes()
    assert linear_model.Ridge().fit(OnlyArrow(frame), y).coef_.tobytes() == ours.coef_.tobytes()


def test_lazy_frames_are_to_be_collected(regression):
    polars = pytest.importorskip("polars")
    X, y, _, _ = regression
    lazy = polars.DataFrame(X, schema=["a", "b", "c", "d"]).lazy()
    model = cusgd.fit(lazy.collect(), y, epochs=1)
    for use in (lambda: cusgd.fit(lazy, y), lambda: model.predict(lazy)):
        with pytest.raises(TypeError, match=r"X is a LazyFrame.*X\.collect\(\)"):
            use()
    linear_model = pytest.importorskip("cusgd.linear_model")
    with pytest.raises(TypeError, match=r"X is a LazyFrame.*X\.collect\(\)"):
        linear_model.Ridge().fit(lazy, y)


def test_arrow_tables(regression):
    arrow = pytest.importorskip("pyarrow")
    X, y, _, _ = regression
    table = arrow.table({name: X[:, j] for j, name in enumerate("abcd")})
    model = cusgd.fit(table, y, epochs=3)
    assert model.features == ["a", "b", "c", "d"]
    assert np.append(model.weight, model.bias).tobytes() == fitted(X, y).tobytes()
    np.testing.assert_array_equal(model.predict(table.select(["d", "c", "b", "a"])), model.predict(table))
    chunks = arrow.concat_tables([table.slice(0, 7), table.slice(7, 300), table.slice(307)])
    assert fitted(OnlyArrow(chunks), y).tobytes() == fitted(X, y).tobytes()


def test_columns_of_arrow():
    """Every type of number, slices, bits, and what is refused."""
    arrow = pytest.importorskip("pyarrow")
    from cusgd._arrow import read_table

    values = [1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 1]
    names = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "bool_"]
    table = arrow.table({name: arrow.array(values).cast(getattr(arrow, name)()) for name in names})
    for start in (0, 1, 5):
        matrix, found = read_table(table.slice(start), "X")
        assert found == names and matrix.dtype == np.float64
        np.testing.assert_array_equal(matrix, np.array(values[start:], float)[:, None].repeat(len(names), 1))
    assert read_table(table.select(["float32"]), "X")[0].dtype == np.float32
    assert read_table(table.slice(0, 0), "X")[0].shape == (0, len(names))
    with pytest.raises(ValueError, match=r"column 'a' of X has missing values, the first in row 1"):
        read_table(arrow.table({"a": [1.0, None]}), "X")
    with pytest.raises(TypeError, match=r"column 'a' of X is not of numbers"):
        read_table(arrow.table({"a": ["x"]}), "X")
    with pytest.raises(TypeError, match="no table"):
        read_table(arrow.chunked_array([[1.0]]), "X")


class ArrowOfCodes:
    """A table of Arrow with a column of the codes 0 and 1 of a dictionary, made without a library of Arrow."""

    def __init__(self):
        from cusgd import _arrow

        self.kept = []
        schema, chunk, stream = _arrow._Schema, _arrow._Chunk, _arrow._Stream
        types = {kind: dict(kind._fields_) for kind in (schema, chunk, stream)}
        codes = np.array([0, 1, 0, 1], np.int32)
        buffers = (C.c_void_p * 2)(None, codes.ctypes.data)
        free_schema, free_chunk = types[schema]["release"](lambda _: None), types[chunk]["release"](lambda _: None)
        words = schema(format=b"u", release=free_schema)
        field = schema(format=b"i", name=b"color", dictionary=C.pointer(words), release=free_schema)
        column = chunk(length=4, n_buffers=2, buffers=C.cast(buffers, types[chunk]["buffers"]), release=free_chunk)
        fields, columns = (C.POINTER(schema) * 1)(C.pointer(field)), (C.POINTER(chunk) * 1)(C.pointer(column))
        chunks = [1]

        def get_schema(_, out):
            out[0] = schema(format=b"+s", n_children=1, children=C.cast(fields, types[schema]["children"]), release=free_schema)
            return 0

        def get_next(_, out):
            if chunks:
                out[0] = chunk(length=4, n_children=1, children=C.cast(columns, types[chunk]["children"]), release=free_chunk)
                chunks.pop()
            else:
                out[0] = chunk()
            return 0

        functions = {"get_schema": get_schema, "get_next": get_next, "get_last_error": lambda _: None, "release": lambda _: None}
        self.stream = stream(**{name: types[stream][name](function) for name, function in functions.items()})
        self.kept = [codes, buffers, words, field, column, fields, columns, free_schema, free_chunk]

    def __arrow_c_stream__(self, requested_schema=None):
        new = C.pythonapi.PyCapsule_New
        new.restype, new.argtypes = C.py_object, [C.c_void_p, C.c_char_p, C.c_void_p]
        return new(C.addressof(self.stream), b"arrow_array_stream", None)


def test_codes_of_a_dictionary_are_no_numbers():
    with pytest.raises(TypeError, match="column 'color' of X is dictionary-encoded"):
        cusgd.fit(ArrowOfCodes(), np.arange(4.0))


def test_dictionaries_and_dates_of_arrow(regression):
    arrow = pytest.importorskip("pyarrow")
    X, y, _, _ = regression
    numbers = {"a": X[:, 0], "b": X[:, 1]}
    for kind in (arrow.int32(), arrow.float64(), arrow.string()):  # of the categories
        column = arrow.array(np.arange(len(X)) % 3).cast(kind).dictionary_encode()
        with pytest.raises(TypeError, match="column 'c' of X is dictionary-encoded"):
            cusgd.fit(OnlyArrow(arrow.table({**numbers, "c": column})), y)
    kinds = [arrow.timestamp("s"), arrow.timestamp("us", "UTC"), arrow.duration("ms"), arrow.date32(), arrow.date64()]
    for kind in [*kinds, arrow.time32("s"), arrow.time64("us")]:
        table = arrow.table(
            {**numbers, "when": arrow.array([0] * len(X), arrow.int64() if kind.bit_width == 64 else arrow.int32()).cast(kind)}
        )
        for values in (table, OnlyArrow(table)):
            with pytest.raises(TypeError, match=r"column 'when' of X .*convert dates to numbers first"):
                cusgd.fit(values, y)
    chunks = arrow.chunked_array([[1.0, 2.0], [3.0, None]])
    with pytest.raises(ValueError, match="missing values, the first in row 3"):
        cusgd.fit(OnlyArrow(arrow.table({"a": chunks})), np.arange(4.0))


DATES = np.array(["2020-01-01", "2021-05-06", "2022-02-03"], "M8[s]")
DURATIONS = DATES - DATES[0]


@pytest.mark.parametrize(
    "times", [DATES, DURATIONS, DATES.astype("M8[D]"), DURATIONS.astype("m8[ns]")], ids=["M8[s]", "m8[s]", "M8[D]", "m8[ns]"]
)
def test_dates_are_refused(times):
    """In every container, as X, targets or weights; converted to whole numbers of their unit they would be trained on."""
    linear_model = pytest.importorskip("cusgd.linear_model")
    numbers = np.arange(3.0)
    matrix = np.column_stack([times, times])
    model, estimator = cusgd.fit(np.column_stack([numbers, numbers**2]), numbers, epochs=1), linear_model.Ridge()
    estimator.fit(np.column_stack([numbers, numbers**2]), numbers)
    classes = linear_model.LogisticRegression().fit(np.column_stack([numbers, numbers**2]), numbers > 1)
    partial = linear_model.SGDRegressor()
    objects = np.empty((3, 2), object)
    for i in range(3):
        objects[i] = [times[i], 1.0]
    for X in (matrix, [list(row) for row in matrix], objects, objects.tolist()):
        calls = [cusgd.fit, estimator.fit, partial.partial_fit, lambda X, y: model.predict(X)]
        calls += [lambda X, y, one=one: one(X) for one in (estimator.predict, classes.predict, classes.decision_function)]
        for call in calls:
            with pytest.raises(TypeError, match="X has dates or durations: convert dates to numbers first"):
                call(X, numbers)
    ones = np.ones((3, 2))
    for fit in (cusgd.fit, linear_model.Ridge().fit, partial.partial_fit):
        with pytest.raises(TypeError, match="y has dates"):
            fit(ones, times)
    with pytest.raises(TypeError, match="sample_weight has dates"):
        cusgd.fit(ones, numbers, sample_weight=times)
    assert list(linear_model.LogisticRegression().fit(ones, times).classes_) == list(times)  # classes may be dates


def test_dates_in_frames_are_refused(regression):
    linear_model = pytest.importorskip("cusgd.linear_model")
    X, y, _, _ = regression
    when = pd.Series(pd.date_range("2020-01-01", periods=len(X)))
    columns = [when, when.dt.tz_localize("UTC"), when - when[0], when.astype("datetime64[s]")]
    frames = [pd.DataFrame({"a": X[:, 0], "when": column}) for column in columns] + [pd.DataFrame({"when": when})]
    with contextlib.suppress(ImportError):
        import polars

        for column in (when, when - when[0]):
            frames.append(polars.DataFrame({"a": X[:, 0], "when": column.to_numpy()}))
        frames.append(frames[-2].with_columns(polars.col("when").cast(polars.Date)))
    for frame in frames:
        for call in (cusgd.fit, linear_model.Ridge().fit, linear_model.SGDRegressor().partial_fit):
            with pytest.raises(TypeError, match=r"column 'when' of X has dates or durations \(.*\): convert dates to numbers"):
                call(frame, y)
        with pytest.raises(TypeError, match="y has dates"):
            cusgd.fit(X, frame["when"])


@pytest.mark.parametrize(("part", "why"), [("\0", "NUL"), ("\ud800", "surrogate")], ids=["NUL", "surrogate"])
def test_text_that_the_library_cannot_read(part, why, regression, tmp_path):
    """It would be cut at a NUL: two columns could have one name, and a file another one than asked for."""
    linear_model = pytest.importorskip("cusgd.linear_model")
    X, y, _, _ = regression
    name = f"price{part}net"
    frame = pd.DataFrame(X, columns=pd.Index(["a", name, "c", "d"], dtype=object))
    for call in (cusgd.fit, linear_model.Ridge().fit):
        with pytest.raises(ValueError, match=rf"column 'price.*net' .*{why}"):
            call(frame, y)
    with pytest.raises(ValueError, match=rf"target 'price.*net' .*{why}"):
        cusgd.fit(X, pd.DataFrame(y[:, None], columns=pd.Index([name], dtype=object)))
    with pytest.raises(ValueError, match=rf"class 'price.*net' .*{why}"):
        cusgd.fit(X, np.where(y > y.mean(), name, "gross"), loss="logistic")
    for which, what in (("features", "column"), ("targets", "target"), ("classes", "class")):
        names = [name, "b"][: 1 if which == "targets" else 2]
        with pytest.raises(ValueError, match=rf"{what} 'price.*net' .*{why}"):
            cusgd.Model.from_arrays([1.0, 2.0], **{which: names})
    for options in ({"loss": f"squared{part}"}, {"optimizer": f"sgd{part}"}, {f"epochs{part}": 3}):
        with pytest.raises(cusgd.UsageError, match=why):
            cusgd.fit(X, y, **options)
    with pytest.raises(cusgd.UsageError, match=f"loss .*{why}"):
        cusgd.Model.from_arrays([1.0], loss=f"squared{part}")
    model = cusgd.Model.from_arrays([1.0])
    with pytest.raises(ValueError):
        model.save(tmp_path / name)
    with pytest.raises(ValueError):
        cusgd.Model.load(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "int32"])
def test_arrays_of_jax(dtype, regression):
    """Used in place where cuSGD has the type; the others are converted."""
    jax = pytest.importorskip("jax")  # not among the test requirements: a skip says nothing about JAX
    jax.config.update("jax_enable_x64", True)
    X, y, _, _ = regression
    given, targets = jax.numpy.asarray(X).astype(dtype), jax.numpy.asarray(y)
    ours = as_features(given)
    assert (ours.ctypes.data == given.unsafe_buffer_pointer()) == (dtype in ("float32", "float64"))
    expected = np.asarray(given.astype("float32" if dtype == "float32" else "float64"))
    np.testing.assert_array_equal(ours, expected)
    model = cusgd.fit(given, targets, solver="exact")
    np.testing.assert_array_equal(model.weight, cusgd.fit(expected, y, solver="exact").weight)
    np.testing.assert_array_equal(model.predict(given), model.predict(expected))
