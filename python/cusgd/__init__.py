"""cuSGD: stochastic gradient descent for linear models, on CPUs and NVIDIA GPUs.

>>> import numpy as np
>>> import cusgd
>>> X = np.random.default_rng(0).normal(size=(500, 3))
>>> y = X @ [1.0, -2.0, 0.5] + 10
>>> model = cusgd.fit(X, y)
>>> bool(np.allclose(model.predict(X), y, atol=0.01))
True
"""

import importlib

from . import callbacks
from ._errors import (
    ConvergenceWarning,
    CusgdError,
    DataError,
    DeviceError,
    DivergedError,
    HostMemoryError,
    InterruptedCall,
    MismatchError,
    NotConvergedError,
    UsageError,
)
from ._formula import Formula, Search
from ._library import __version__
from ._model import Model
from ._options import Options
from ._options import option_table as options
from ._path import Path, path
from ._results import History, Metrics, Progress, Result
from ._sweep import Outcome, Sweep, sweep
from ._table import Table, read_table
from ._tools import CheckLine, Device, Report, check, devices, generate
from ._trainer import Trainer, fit

# Loaded when they are used: they need scikit-learn and matplotlib.
_MODULES = ("compat", "linear_model", "plot")

__all__ = [
    "CheckLine",
    "ConvergenceWarning",
    "CusgdError",
    "DataError",
    "Device",
    "DeviceError",
    "DivergedError",
    "Formula",
    "History",
    "HostMemoryError",
    "InterruptedCall",
    "Metrics",
    "MismatchError",
    "Model",
    "NotConvergedError",
    "Options",
    "Outcome",
    "Path",
    "Progress",
    "Report",
    "Result",
    "Search",
    "Sweep",
    "Table",
    "Trainer",
    "UsageError",
    "__version__",
    "callbacks",
    "check",
    "devices",
    "fit",
    "generate",
    "options",
    "path",
    "read_table",
    "sweep",
]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
