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


def opened(path):
    """Return the data of a file without targets."""
    reader = _capi.cusgd_reader(size=C.sizeof(_capi.cusgd_reader), x_only=1)
    handle = C.c_void_p()
    check(lib.cusgd_data_open(str(path).encode(), C.byref(reader), C.byref(handle)))
    return handle


@pytest.mark.parametrize("compressed", [True, False])
def test_archives_of_scipy_are_read(problem, tmp_path, compressed):
    X, y = problem
    model = cusgd.fit(X, y, loss="logistic", l2=0.01, device="cpu")
    scipy.sparse.save_npz(tmp_path / "rows.npz", X, compressed)
    scipy.sparse.save_npz(tmp_path / "columns.npz", X.tocsc(), compressed)
    data = opened(tmp_path / "rows.npz")
    found = np.empty(400)
    check(lib.cusgd_model_predict(model._handle, data, _capi.CUSGD_PREDICT_MEAN, found.ctypes.data_as(C.POINTER(C.c_double))))
    lib.cusgd_data_free(data)
    np.testing.assert_array_equal(found, model.predict(X))
    with pytest.raises(cusgd.DataError, match="not csr"):
        opened(tmp_path / "columns.npz")
