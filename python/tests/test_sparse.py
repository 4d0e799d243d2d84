"""Sparse matrices of SciPy: the numbers are those of the dense matrix."""

import ctypes as C

import cusgd
import numpy as np
import pytest
import scipy.sparse
from cusgd import _capi
from cusgd._errors import check
from cusgd._library import lib
from sklearn.linear_model import LogisticRegression


@pytest.fixture
def problem(rng):
    """A sparse matrix with an empty row and an empty column, and classes."""
    X = scipy.sparse.random(400, 60, density=0.1, random_state=np.random.RandomState(3), format="lil")
    X[5] = 0
    X[:, 7] = 0
    X = X.tocsr()
    return X, (X @ rng.normal(size=60) + 0.1 * rng.normal(size=400) > 0).astype(float)


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_sparse_is_dense(problem, form, dtype, index):
    X, y = problem
    X = X.ceil().astype(dtype) if dtype == np.int64 else X.astype(dtype)
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    options = {"loss": "logistic", "l2": 0.01, "epochs": 5, "optimizer": "adagrad", "precision": "double", "device": "cpu"}
    options |= {"sampling": "batches"}
    sparse = cusgd.fit(X.asformat(form), y, update="dense", **options)
    dense = cusgd.fit(X.toarray(), y, standardize=False, **options)
    np.testing.assert_allclose(sparse.weight, dense.weight, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(sparse.predict(X.asformat(form)), dense.predict(X.toarray()), rtol=1e-9)


def test_optimum_is_scikit_learns(problem):
    X, y = problem
    found = cusgd.fit(X, y, loss="logistic", l2=0.01, solver="lbfgs", gradient_tolerance=1e-9, precision="double", device="cpu")
    theirs = LogisticRegression(C=1 / (0.01 * len(y)), tol=1e-12, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(found.weight.ravel(), theirs.coef_.ravel(), atol=1e-6)
    np.testing.assert_allclose(found.bias, theirs.intercept_, atol=1e-6)


def test_lazy_penalties_have_scikit_learns_optimum(problem):
    X, y = problem
    options = {"loss": "logistic", "l2": 0.01, "optimizer": "adagrad", "rate": 0.5, "batch": len(y), "epochs": 4000}
    found = cusgd.fit(X, y, update="lazy", precision="double", device="cpu", evaluate_every="end", **options)
    theirs = LogisticRegression(C=1 / (0.01 * len(y)), tol=1e-12, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(found.weight.ravel(), theirs.coef_.ravel(), atol=1e-6)


def test_duplicates_are_added(problem):
    X, y = problem
    twice = scipy.sparse.csr_matrix((np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), X.indptr * 2), shape=X.shape)
    options = {"loss": "logistic", "l2": 0.01, "epochs": 2, "device": "cpu"}
    np.testing.assert_array_equal(cusgd.fit(twice, y, **options).weight, cusgd.fit(X, y, **options).weight)
    assert twice.nnz == 2 * X.nnz


def test_values_that_are_not_finite_are_refused(problem):
    X, y = problem
    X.data[40] = np.nan
    with pytest.raises(cusgd.DataError, match="not a finite number"):
        cusgd.fit(X, y, device="cpu")


def test_optimum_is_liblinears(problem):
    """LIBLINEAR penalizes the intercept, so there is none."""
    X, y = problem
    options = {"loss": "logistic", "l2": 0.01, "intercept": False, "precision": "double", "device": "cpu"}
    found = cusgd.fit(X, y, solver="lbfgs", gradient_tolerance=1e-10, **options)
    theirs = LogisticRegression(C=1 / (0.01 * len(y)), tol=1e-12, max_iter=10000, solver="liblinear", fit_intercept=False)
    np.testing.assert_allclose(found.weight.ravel(), theirs.fit(X, y).coef_.ravel(), atol=1e-6)


@pytest.mark.parametrize("l1", [0, 0.002])
def test_lazy_ftrl_has_the_optimum_of_scikit_learn(problem, l1):
    X, y = problem
    options = {"loss": "logistic", "l1": l1, "l2": 0.01, "optimizer": "ftrl", "rate": 2, "batch": len(y), "epochs": 4000}
    found = cusgd.fit(X, y, update="lazy", precision="double", device="cpu", evaluate_every="end", **options)
    ratio = l1 / (l1 + 0.01)
    theirs = LogisticRegression(C=1 / ((l1 + 0.01) * len(y)), l1_ratio=ratio, solver="saga", tol=1e-12, max_iter=20000)
    np.testing.assert_allclose(found.weight.ravel(), theirs.fit(X, y).coef_.ravel(), atol=1e-4)


def test_scaled_columns_have_root_mean_square_1(problem):
    X, y = problem
    rms = np.sqrt(np.asarray(X.multiply(X).mean(axis=0)).ravel())
    scale = np.where(rms > 0, rms, 1)
    options = {"loss": "logistic", "l1": 0.001, "l2": 0.01, "precision": "double", "device": "cpu", "gradient_tolerance": 1e-9}
    found = cusgd.fit(X, y, sparse_scale="rms", solver="lbfgs", **options)
    by_hand = cusgd.fit(X.multiply(1 / scale).tocsr(), y, solver="lbfgs", **options)
    np.testing.assert_allclose(found.weight.ravel() * scale, by_hand.weight.ravel(), atol=1e-7)
    steps = {"loss": "logistic", "l2": 0.01, "optimizer": "adagrad", "epochs": 5, "precision": "double", "device": "cpu"}
    found = cusgd.fit(X, y, sparse_scale="rms", update="lazy", **steps)
    by_hand = cusgd.fit(X.multiply(1 / scale).tocsr(), y, update="lazy", **steps)
    np.testing.assert_allclose(found.weight.ravel() * scale, by_hand.weight.ravel(), rtol=1e-9, atol=1e-12)
    with pytest.raises(cusgd.UsageError, match="sparse_scale"):
        cusgd.fit(X.toarray(), y, sparse_scale="rms", device="cpu")


def test_standardized_columns_have_the_optimum_of_scikit_learn(problem):
    X, y = problem
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    options = {
        "loss": "logistic",
        "l2": 0.01,
        "precision": "double",
        "device": "cpu",
        "solver": "lbfgs",
        "gradient_tolerance": 1e-10,
    }
    found = cusgd.fit(X, y, sparse_scale="full", **options)
    scaler = preprocessing.StandardScaler()
    theirs = LogisticRegression(C=1 / (0.01 * len(y)), tol=1e-12, max_iter=10000).fit(scaler.fit_transform(X.toarray()), y)
    np.testing.assert_allclose(found.weight.ravel() * scaler.scale_, theirs.coef_.ravel(), atol=1e-6)
    np.testing.assert_allclose(found.predict(X), theirs.predict_proba(scaler.transform(X.toarray()))[:, 1], atol=1e-6)
    with pytest.raises(cusgd.UsageError, match="centered"):
        cusgd.fit(X, y, sparse_scale="full", update="lazy", optimizer="adagrad", device="cpu")


def opened(path, x_only=1):
    """Return the data of a file, without targets by default."""
    reader = _capi.cusgd_reader(size=C.sizeof(_capi.cusgd_reader), roles=_capi.cusgd_roles(x_only=x_only))
    handle = C.c_void_p()
    check(lib.cusgd_data_open(str(path).encode(), C.byref(reader), C.byref(handle)))
    return handle


def predictions(model, data, rows):
    """Return what the model predicts for data, which is freed."""
    found = np.empty(rows)
    check(lib.cusgd_model_predict(model._handle, data, _capi.CUSGD_PREDICT_MEAN, found.ctypes.data_as(C.POINTER(C.c_double))))
    lib.cusgd_data_free(data)
    return found


@pytest.fixture
def fitted(problem):
    X, y = problem
    return cusgd.fit(X, y, loss="logistic", l2=0.01, device="cpu")


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_archives_of_scipy_are_read(problem, fitted, tmp_path, form, compressed):
    X, y = problem
    scipy.sparse.save_npz(tmp_path / "x.npz", X.asformat(form), compressed)
    np.testing.assert_array_equal(predictions(fitted, opened(tmp_path / "x.npz"), 400), fitted.predict(X))
    with pytest.raises(cusgd.DataError, match="no targets"):
        opened(tmp_path / "x.npz", 0)
    np.save(tmp_path / "y.npy", y)
    data = opened(tmp_path, 0)
    assert (lib.cusgd_data_rows(data), lib.cusgd_data_outputs(data), lib.cusgd_data_stored(data)) == (400, 1, X.nnz)
    np.testing.assert_array_equal(predictions(fitted, data, 400), fitted.predict(X))


def test_other_archives_are_refused(problem, tmp_path):
    X, _ = problem
    scipy.sparse.save_npz(tmp_path / "x.npz", X.tobsr((1, 1)))
    with pytest.raises(cusgd.DataError, match="not csr, csc or coo"):
        opened(tmp_path / "x.npz")
    scipy.sparse.save_npz(tmp_path / "twice.npz", scipy.sparse.coo_matrix(([1.0, 1.0], ([0, 0], [1, 1])), shape=(2, 3)))
    with pytest.raises(cusgd.DataError, match="row 1: column 1 is stored twice"):
        opened(tmp_path / "twice.npz")
    fields = {"format": np.array(b"coo"), "shape": [2, 3], "row": [0, 5], "col": [0, 1], "data": [1.0, 2.0]}
    np.savez(tmp_path / "beyond.npz", **fields)
    with pytest.raises(cusgd.DataError, match="row 6 and column 1"):
        opened(tmp_path / "beyond.npz")
    np.savez(tmp_path / "short.npz", **(fields | {"col": [0]}))
    with pytest.raises(cusgd.DataError, match="do not belong together"):
        opened(tmp_path / "short.npz")
    fields = {"format": np.array(b"csc"), "shape": [2, 3], "indptr": [0, 9, 1, 2], "indices": [0, 1], "data": [1.0, 2.0]}
    np.savez(tmp_path / "back.npz", **fields)
    with pytest.raises(cusgd.DataError, match="do not belong together"):
        opened(tmp_path / "back.npz")


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("value", [np.float32, np.float64, np.int16])
def test_folders_of_arrays_are_read(problem, tmp_path, index, value):
    X, y = problem
    X.data = np.ceil(10 * X.data)
    model = cusgd.fit(X, y, loss="logistic", l2=0.01, device="cpu")
    for name, array in {
        "indptr": X.indptr.astype(index),
        "indices": X.indices.astype(index),
        "data": X.data.astype(value),
    }.items():
        np.save(tmp_path / f"{name}.npy", array)
    np.save(tmp_path / "y.npy", y)
    data = opened(tmp_path, 0)
    assert (lib.cusgd_data_outputs(data), lib.cusgd_data_stored(data)) == (1, X.nnz)
    np.testing.assert_array_equal(predictions(model, data, 400), model.predict(X))
    np.save(tmp_path / "indices.npy", X.indices[:-1].astype(index))
    with pytest.raises(cusgd.DataError, match="do not belong together"):
        opened(tmp_path, 0)
    np.save(tmp_path / "indices.npy", X.indices.astype(float))
    with pytest.raises(cusgd.DataError, match="int32 or int64"):
        opened(tmp_path, 0)


@pytest.mark.parametrize(
    ("text", "sparse"),
    [
        ("# note\n\n+1 1:2 7:0.5 # x\n-1\n", True),
        ("1 3:1", True),
        ("1 1:2 1:3\n", False),
        ("a 1:2\n", False),
        ("1 12:30:10\n", False),
        ("1,2\n3,4\n", False),
        ("1 " + " ".join(f"{i}:1" for i in range(9000)) + "\n", True),
    ],
)
def test_libsvm_text_is_known_by_its_content(tmp_path, text, sparse):
    for name in ["train", "train.txt", "train.csv"]:
        (tmp_path / name).write_text(text)
        assert lib.cusgd_file_is_libsvm(str(tmp_path / name).encode()) == (sparse and name != "train.csv")
    if sparse:
        data = opened(tmp_path / "train", 0)
        assert lib.cusgd_data_stored(data) > 0
        lib.cusgd_data_free(data)
