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
    """A device that can train.

    Attributes
    ----------
    id : str
        What the option ``device`` takes.
    name : str
    memory, cache : int
        Bytes; 0 if unknown.
    usable : bool
    note : str
        The instruction set or compute capability, or why the device cannot be used.
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
    """Return the CPU and all GPUs, usable or not.

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
    """Make synthetic data, the same as the command's for equal arguments.

    Parameters
    ----------
    rows, cols, outputs : int
        Numbers of rows, of columns, and of targets.
    informative : int
        Columns with a nonzero coefficient; 0: all.
    noise : float
        Standard deviation of the targets about the model.
    targets : {"linear", "logistic", "positive"}
        Real numbers, classes 0 and 1, or positive numbers.
    correlation : float
        Of neighboring columns, in (-1, 1).
    condition : float
        Condition number of the columns' covariance, at least 1; not together with ``correlation``.
    seed : int
        Equal seeds give equal data.
    dtype : numpy.float32 or numpy.float64
        Of X and y.
    device : str
        Device that computes the rows, as of a trainer: "cpu", "cuda", "cuda:1", "auto". They do not depend on it.

    Returns
    -------
    X : ndarray of shape (rows, cols)
    y : ndarray of shape (rows,) or (rows, outputs)
    truth : Model
        The model behind the targets.
    """
    if targets not in _TARGETS:
        raise UsageError(f"targets must be one of {', '.join(_TARGETS)}, not {targets!r}")
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise TypeError(f"dtype must be float32 or float64, not {np.dtype(dtype)}")
    import tempfile  # here, as few need it: the import of the package is shorter without

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
    """What was compared of one quantity.

    Attributes
    ----------
    what : str
    device, cpu : float
        The largest relative difference to the CPU in double: the device's, and the CPU's in the device's precision.
    share : float
        The device's difference in units of what rounding explains; above 1 fails. NaN: not judged.
    step : int
    """

    what: str
    device: float
    cpu: float
    share: float
    step: int


@dataclass(frozen=True)
class Report:
    """A comparison of a device with the CPU."""

    passed: bool
    steps: int
    device: str
    lines: list[CheckLine]


def check(X: Any, y: Any, *, steps: int = 32, sample_weight: Any = None, **options: Any) -> Report:
    """Run a device and the CPU side by side for some steps, and compare them.

    Parameters
    ----------
    X, y, sample_weight, **options
        As for `Trainer`; ``device`` names the device.
    steps : int
        Steps to compare.
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
