"""Arrays in the memory of a GPU: how they are read, and, on the emulated GPU, what is trained on them."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from cusgd._device import device_array, is_on_gpu


class Described:
    """An array of CuPy's kind that is nothing but its description."""

    def __init__(self, **description):
        self.__cuda_array_interface__ = {"shape": (3, 2), "typestr": "<f4", "data": (4096, False), "version": 3, **description}


def test_descriptions():
    whole = device_array(Described(), "X")
    assert (whole.address, whole.shape, whole.strides, whole.dtype, whole.stream) == (4096, (3, 2), (2, 1), np.float32, 0)
    assert device_array(Described(strides=(4, 12)), "X").strides == (1, 3)
    assert device_array(Described(shape=(3,), typestr="<f8"), "y").strides == (1,)
    assert [device_array(Described(stream=s), "X").stream for s in (None, 1, 2, 4711)] == [0, 0, 2, 4711]


@pytest.mark.parametrize(
    "description, kind, message",
    [
        ({"typestr": "<i4"}, TypeError, "has the type int32"),
        ({"typestr": ">f4"}, TypeError, "has the type >f4"),
        ({"strides": (9, 4)}, TypeError, "no multiples"),
        ({"mask": object()}, TypeError, "has a mask"),
        ({"shape": (1, 2, 3)}, ValueError, "and has 3"),
    ],
)
def test_descriptions_that_are_refused(description, kind, message):
    with pytest.raises(kind, match=message):
        device_array(Described(**description), "X")


@pytest.fixture
def sparse_problem(rng, tmp_path):
    """The path of a file with sparse rows, labels, and the coefficients that scikit-learn finds for an l2 of 0.01.

    The process that trains then need not import scikit-learn, which takes longer than all that it does.
    """
    scipy_sparse, sklearn_models = pytest.importorskip("scipy.sparse"), pytest.importorskip("sklearn.linear_model")
    S = scipy_sparse.random(400, 30, density=0.1, random_state=1, format="csr")
    labels = (S @ rng.normal(size=30) + 0.1 * rng.normal(size=400) > 0).astype(float)
    peer = sklearn_models.LogisticRegression(C=1 / (400 * 0.01), tol=1e-10, max_iter=10000).fit(S, labels)
    path = tmp_path / "sparse.npz"
    np.savez(path, data=S.data, indices=S.indices, indptr=S.indptr, shape=S.shape, labels=labels, optimum=peer.coef_)
    return path


def test_training_on_the_emulated_gpu(sparse_problem):
    folder = os.environ.get("CUSGD_TEST_EMULATED", "")
    if not os.path.exists(os.path.join(folder, "libcusgd-cuda.so")):
        pytest.skip("CUSGD_TEST_EMULATED names no folder with the emulated module")
    script = Path(__file__).with_name("on_emulated_gpu.py")
    environment = {**os.environ, "CUSGD_MODULE_DIR": folder}
    ended = subprocess.run(
        [sys.executable, str(script), str(sparse_problem)], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0 and ended.stdout == "the same bits\n", ended.stderr


class Tensor:
    """A tensor of PyTorch on a GPU that requires a gradient, as far as it is looked at."""

    __module__ = "torch"
    device = SimpleNamespace(type="cuda")

    def detach(self):
        described = {"typestr": "<f4", "shape": (3, 2), "strides": None, "data": (4096, False), "version": 2}
        return SimpleNamespace(__cuda_array_interface__=described)

    @property
    def __cuda_array_interface__(self):
        raise RuntimeError("Can't get __cuda_array_interface__ on Variable that requires grad")


def test_tensors_that_require_a_gradient():
    assert is_on_gpu(Tensor())
    array = device_array(Tensor(), "X")
    assert (array.address, array.shape, array.strides) == (4096, (3, 2), (2, 1))
