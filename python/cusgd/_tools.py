"""Devices, synthetic data and checks."""

from __future__ import annotations

import ctypes as C
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _capi
from ._arrays import make_data
from ._classes import encode
from ._errors import MismatchError, UsageError, last_error
from ._errors import check as check_status
from ._library import lib
from ._model import Model
from ._options import make_options
from ._results import sized
from ._run import run
from ._training_data import precision_of


@dataclass(frozen=True)
class Device:
    """A device for training.

    Attributes
    ----------
    id : str
        The value of the option ``device`` for this device.
    name : str
        The name of the device.
    memory, cache : int
        The sizes of the memory and the cache in bytes; 0 if they are not known.
    usable : bool
        Whether the device can be used.
    note : str
        The instruction set or compute capability, or the reason why the device cannot be used.
    compiles : bool
        Whether the driver must compile the library's code for this GPU at its first use, which takes minutes.
    """

    id: str
    name: str
    memory: int
    cache: int
    usable: bool
    note: str
    compiles: bool


def devices() -> list[Device]:
    """Return the CPU and all GPUs, including GPUs that cannot be used.

    Examples
    --------
    >>> import cusgd
    >>> cusgd.devices()[0].id
    'cpu'
    """
    found: list[Device] = []
    entry = sized(_capi.cusgd_device)
    while lib.cusgd_device_at(len(found), C.byref(entry)):
        texts = [getattr(entry, name).decode(errors="replace") for name in ("id", "name", "note")]
        found.append(Device(texts[0], texts[1], entry.memory, entry.cache, bool(entry.usable), texts[2], bool(entry.compiles)))
    return found


_TARGETS = {
    "linear": _capi.CUSGD_SYNTHETIC_LINEAR,
    "logistic": _capi.CUSGD_SYNTHETIC_LOGISTIC,
    "positive": _capi.CUSGD_SYNTHETIC_POSITIVE,
}


def generate(
    rows: int,
    cols: int,
    *,
    outputs: int = 1,
    informative: int = 0,
    noise: float = 1.0,
    targets: str = "linear",
    correlation: float = 0.0,
    condition: float = 1.0,
    seed: int = 0,
    dtype: Any = np.float32,
    device: str = "cpu",
) -> tuple[NDArray[Any], NDArray[Any], Model]:
    """Generate synthetic data. The data is the same as that of ``cusgd generate`` with equal arguments.

    Parameters
    ----------
    rows, cols, outputs : int
        The numbers of rows, columns and targets.
    informative : int
        The number of columns with a nonzero coefficient; 0 stands for all columns.
    noise : float
        The standard deviation of the targets about the predictions of the true model.
    targets : {"linear", "logistic", "positive"}
        The kind of the targets: real numbers, the classes 0 and 1, or positive numbers.
    correlation : float
        The correlation of neighboring columns, between -1 and 1.
    condition : float
        The condition number of the covariance of the columns, at least 1. It cannot be combined with ``correlation``.
    seed : int
        The seed, from 0 to 2**64 - 1. Equal seeds give equal data.
    dtype : numpy.float32 or numpy.float64
        The type of X and y.
    device : str
        The device that computes the rows: "cpu", "cuda", "cuda:1" or "auto". The data does not depend on it.

    Returns
    -------
    X : ndarray of shape (rows, cols)
        The rows.
    y : ndarray of shape (rows,) or (rows, outputs)
        The targets.
    truth : Model
        The model from which the targets were generated.
    """
    if targets not in _TARGETS:
        raise UsageError(f"targets must be one of {', '.join(_TARGETS)}, not {targets!r}")
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise TypeError(f"dtype must be float32 or float64, not {np.dtype(dtype)}")
    import tempfile  # imported here to keep `import cusgd` fast

    if not 0 <= seed < 2**64:
        raise ValueError(f"seed must be from 0 to 2**64 - 1, not {seed}")
    generator = sized(_capi.cusgd_generator)
    check_status(lib.cusgd_generator_init(C.byref(generator)))
    generator.rows, generator.cols, generator.outputs, generator.informative = rows, cols, outputs, informative
    generator.noise, generator.targets = noise, _TARGETS[targets]
    generator.correlation, generator.condition, generator.seed = correlation, condition, seed
    generator.device = device.encode()
    generator.type = _capi.CUSGD_TYPE_FLOAT64 if np.dtype(dtype) == np.float64 else _capi.CUSGD_TYPE_FLOAT32
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "data")
        run(lambda: check_status(lib.cusgd_generate(C.byref(generator), os.fsencode(path), 0)))
        x, y = np.load(os.path.join(path, "x.npy")), np.load(os.path.join(path, "y.npy"))
        truth = Model.load(os.path.join(path, "true.safetensors"))
    return x, y.reshape(rows) if outputs == 1 else y, truth


@dataclass(frozen=True)
class CheckLine:
    """The comparison of one quantity by `check`.

    Attributes
    ----------
    what : str
        The name of the quantity.
    device, cpu : float
        The largest relative difference from the CPU in double precision: that of the device, and that of the CPU in the precision
        of the device.
    share : float
        The difference of the device, divided by the difference that rounding can explain. The check fails if it is above 1. It is
        NaN if the quantity does not decide.
    step : int
        The number of the step in which the difference is largest.
    """

    what: str
    device: float
    cpu: float
    share: float
    step: int


@dataclass(frozen=True)
class Report:
    """The comparison of a device with the CPU by `check`.

    Attributes
    ----------
    passed : bool
        Whether all quantities agree within the limits of rounding.
    steps : int
        The number of steps that were compared.
    device : str
        The name of the device.
    lines : list of CheckLine
        The comparison of each quantity.
    """

    passed: bool
    steps: int
    device: str
    lines: list[CheckLine]


def check(X: Any, y: Any, *, steps: int = 32, sample_weight: Any = None, **options: Any) -> Report:
    """Run the same steps on a device and on the CPU, and compare the results.

    Parameters
    ----------
    X, y, sample_weight, **options
        As for `Trainer`. The option ``device`` selects the device.
    steps : int
        The number of steps to compare.

    Returns
    -------
    Report
    """
    y, classes = encode(y, options.get("loss", "squared"))
    data = make_data(X, y, sample_weight=sample_weight)
    if classes:
        data.set_names(None, None, classes)
    options["precision"] = precision_of(data, options)
    given = make_options(options)
    found = sized(_capi.cusgd_check_report)

    def call() -> None:
        status = lib.cusgd_check(given.handle, data.handle, steps, C.byref(found))
        if status not in (_capi.CUSGD_OK, _capi.CUSGD_ERROR_MISMATCH):
            raise last_error(status)

    run(call)
    lines = [
        CheckLine(line.what.decode(), line.device, line.cpu, line.share, line.step) for line in found.lines[: found.line_count]
    ]
    return Report(bool(found.passed), found.steps, found.device.decode(errors="replace"), lines)


__all__ = ["CheckLine", "Device", "MismatchError", "Report", "check", "devices", "generate"]
