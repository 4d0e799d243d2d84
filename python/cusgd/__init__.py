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
from typing import TYPE_CHECKING

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
from ._fit import fit
from ._formula import Formula, Search
from ._library import __version__
from ._model import Model
from ._options import Options
from ._options import option_table as options
from ._results import History, Metrics, Progress, Result, StreamTimes
from ._table import Table, read_table
from ._trainer import Trainer
from ._world import World

if TYPE_CHECKING:
    from ._path import Path, path
    from ._sweep import Outcome, Sweep, sweep
    from ._tools import CheckLine, Device, Report, check, devices, generate

# These are imported when they are first used. The modules need scikit-learn or matplotlib, or would slow down the import, as
# would the modules of these names.
_MODULES = ("compat", "convert", "linear_model", "plot")
_NAMES = {
    **dict.fromkeys(("Path", "path"), "_path"),
    **dict.fromkeys(("Outcome", "Sweep", "sweep"), "_sweep"),
    **dict.fromkeys(("CheckLine", "Device", "Report", "check", "devices", "generate"), "_tools"),
}

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
    "StreamTimes",
    "Sweep",
    "Table",
    "Trainer",
    "UsageError",
    "World",
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
    if name in _NAMES:
        found: object = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_NAMES})
