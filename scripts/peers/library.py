"""libcusgd by ctypes: what is timed is training in this process, on the caller's arrays, as with the other peers."""
import ctypes as c
import os

import numpy as np


class Matrix(c.Structure):
    _fields_ = [("at", c.c_void_p), ("type", c.c_int), ("row_stride", c.c_int64), ("col_stride", c.c_int64)]


def library_of(command):
    """Next to the command in a build's tree, or where an installation has it."""
    for below in ("../lib", "../lib/x86_64-linux-gnu", "../lib64"):
        path = os.path.join(os.path.dirname(os.path.realpath(command)), below, "libcusgd.so")
        if os.path.exists(path):
            return path
    raise SystemExit("there is no libcusgd.so next to %s; build with BUILD_SHARED_LIBS=ON" % command)


class Library:
    def __init__(self, path):
        self.of = c.CDLL(path)
        self.of.cusgd_last_error.restype = self.of.cusgd_version.restype = self.of.cusgd_trainer_device_name.restype = c.c_char_p
        self.of.cusgd_trainer_device_name.argtypes = self.of.cusgd_trainer_options.argtypes = [c.c_void_p]
        self.of.cusgd_trainer_options.restype = c.c_void_p
        for name in ("cusgd_trainer_free", "cusgd_data_free", "cusgd_options_free"):
            getattr(self.of, name).argtypes = [c.c_void_p]
            getattr(self.of, name).restype = None
        self.version = self.of.cusgd_version().decode()

    def check(self, status):
        if status:
            raise RuntimeError(self.of.cusgd_last_error().decode())

    def read_bandwidth(self, device, size):
        rate = c.c_double()
        self.check(self.of.cusgd_read_bandwidth(device.encode(), 0, c.c_int64(size), c.byref(rate)))
        return rate.value

    def data(self, x, y):
        types = {"float32": 0, "float64": 1}
        out, none = c.c_void_p(), Matrix(None, 0, 0, 0)
        (n, d), k = x.shape, y.shape[1] if y.ndim > 1 else 1
        self.check(self.of.cusgd_data_wrap(c.c_int64(n), c.c_int64(d), c.c_int64(k),
                                           Matrix(x.ctypes.data, types[str(x.dtype)], x.strides[0] // x.itemsize, 1),
                                           Matrix(y.ctypes.data, types[str(y.dtype)], k, 1), none, c.byref(out)))
        return out

    def data_free(self, data):
        self.of.cusgd_data_free(data)


class Trainer:
    """Options by their words on the command line: Trainer(library, data, d, batch=256, no_standardize=None)."""

    def __init__(self, library, data, d, **options):
        self.library, self.d, self.at = library, d, c.c_void_p()
        kept = c.c_void_p()
        library.check(library.of.cusgd_options_new(c.byref(kept)))
        for name, value in options.items():
            word = None if value is None else str(value).encode()
            library.check(library.of.cusgd_options_set(kept, name.replace("_", "-").encode(), word))
        library.check(library.of.cusgd_trainer_create(kept, data, None, c.byref(self.at)))
        chosen = c.create_string_buffer(64)
        library.of.cusgd_options_free(kept)
        library.check(library.of.cusgd_options_get(c.c_void_p(library.of.cusgd_trainer_options(self.at)), b"batch", chosen))
        self.batch = int(chosen.value)
        self.device = library.of.cusgd_trainer_device_name(self.at).decode()

    def step(self, steps):
        self.library.check(self.library.of.cusgd_trainer_step(self.at, c.c_int64(steps)))

    def fit(self):
        self.library.check(self.library.of.cusgd_trainer_fit(self.at, None, None, None))

    def get(self):
        weight, bias = np.empty(self.d), np.empty(1)
        places = (c.c_void_p(a.ctypes.data) for a in (weight, bias))
        self.library.check(self.library.of.cusgd_trainer_get_coefficients(self.at, *places))
        return weight, float(bias[0])

    def free(self):
        self.library.of.cusgd_trainer_free(self.at)
