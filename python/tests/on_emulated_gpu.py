"""Trains on arrays in the memory of the emulated GPU, and on sparse matrices; test_device.py runs it in a process of its own.

usage: on_emulated_gpu.py SPARSE.npz     a problem of sparse rows, with its optimum
"""

import ctypes as C
import os
import sys

import cusgd
import numpy as np
import scipy.sparse

emulator = C.CDLL(os.path.join(os.environ["CUSGD_MODULE_DIR"], "libcusgd-cuda.so"))
emulator.emulator_user_memory.restype = C.c_void_p
emulator.emulator_user_memory.argtypes = [C.c_size_t]
emulator.emulator_user_copy.argtypes = [C.c_void_p, C.c_void_p, C.c_size_t, C.c_void_p]
CUDA = 2


class OnGpu:
    """An array of CuPy's kind: a copy of a NumPy array in the GPU's memory."""

    def __init__(self, array, stream=None):
        self.array, self.address = array, emulator.emulator_user_memory(array.nbytes)
        whole = np.asfortranarray(array) if array.flags.f_contiguous else np.ascontiguousarray(array)
        assert emulator.emulator_user_copy(self.address, whole.ctypes.data, whole.nbytes, None) == 0
        self.strides, self.stream = whole.strides, stream

    @property
    def __cuda_array_interface__(self):
        strides = None if len(self.strides) == 1 else self.strides
        data = (self.address, False)
        return {
            "shape": self.array.shape,
            "typestr": self.array.dtype.str,
            "data": data,
            "strides": strides,
            "version": 3,
            "stream": self.stream,
        }


class Tensor(C.Structure):
    """DLPack's DLManagedTensor."""

    _fields_ = [
        ("data", C.c_void_p),
        ("device", C.c_int32 * 2),
        ("ndim", C.c_int32),
        ("dtype", C.c_uint8 * 4),
        ("shape", C.c_void_p),
        ("strides", C.c_void_p),
        ("offset", C.c_uint64),
        ("rest", C.c_void_p * 2),
    ]


class OnlyDlpack:
    """An array in the GPU's memory that has nothing but DLPack."""

    def __init__(self, array):
        self.held = OnGpu(array)
        self.shape = (C.c_int64 * array.ndim)(*array.shape)
        self.tensor = Tensor(self.held.address, (CUDA, 0), array.ndim, (2, 8 * array.itemsize, 1, 0), C.addressof(self.shape))

    def __dlpack_device__(self):
        return (CUDA, 0)

    def __dlpack__(self, stream=None):
        assert stream == 1
        make = C.pythonapi.PyCapsule_New
        make.restype, make.argtypes = C.py_object, [C.c_void_p, C.c_char_p, C.c_void_p]
        return make(C.addressof(self.tensor), b"dltensor", None)


def bits(X, y, weights=None, **options):
    trainer = cusgd.Trainer(X, y, sample_weight=weights, device="cuda", epochs=2, **options)
    trainer.fit()
    return b"".join(part.tobytes() for part in trainer.coefficients())


rng = np.random.default_rng(5)
for dtype in (np.float32, np.float64):
    X = rng.normal(size=(200, 6)).astype(dtype)
    y = (X @ np.arange(6) + rng.normal(size=200)).astype(dtype)
    w = rng.uniform(0, 2, size=200).astype(dtype)
    expected = bits(X, y, w)
    assert bits(OnGpu(X), OnGpu(y), OnGpu(w)) == expected
    assert bits(OnGpu(np.asfortranarray(X), stream=1), y, w) == expected
    assert bits(OnlyDlpack(X), OnlyDlpack(y), OnlyDlpack(w)) == expected
    labels = (y > 0).astype(dtype)
    assert bits(OnGpu(X), OnGpu(labels), loss="logistic") == bits(X, labels, loss="logistic")
    assert bits(OnlyDlpack(X), y, standardize=False) == bits(X, y, standardize=False)
    assert bits(OnGpu(X), y, w, solver="exact") == bits(X, y, w, solver="exact")
    twice = np.hstack([X, X[:, :1]])  # dependent columns: solved by rows on the host
    assert bits(OnGpu(twice), y, solver="exact") == bits(twice, y, solver="exact")
try:
    cusgd.Trainer(OnGpu(X), OnGpu(y), device="cpu")
except cusgd.UsageError as error:
    assert "memory of GPU 0" in str(error), error
else:
    raise AssertionError("the CPU takes what lies on a GPU")
# Sparse rows: the optimum is scikit-learn's, and two runs by minibatches have the same bits.
problem = np.load(sys.argv[1])
S = scipy.sparse.csr_matrix((problem["data"], problem["indices"], problem["indptr"]), problem["shape"])
labels = problem["labels"]
model = cusgd.fit(S, labels, loss="logistic", l2=0.01, solver="lbfgs", precision="double", device="cuda")
assert np.abs(model.weight - problem["optimum"]).max() < 1e-5, np.abs(model.weight - problem["optimum"]).max()
assert bits(S, labels, loss="logistic") == bits(S, labels, loss="logistic")
print("the same bits")
