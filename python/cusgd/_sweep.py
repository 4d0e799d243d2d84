"""Sweeps: many models in one pass over the data."""

from __future__ import annotations

import ctypes as C
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _capi
from ._arrays import as_vector
from ._errors import UsageError, check
from ._library import lib
from ._model import Model
from ._options import make_options
from ._results import sized
from ._run import run
from ._trainer import precision_of, training_data, validation_data

_NUMBERS = ("l1", "l2", "rate", "momentum")
_STOPS = {
    _capi.CUSGD_STOP_EPOCHS: "epochs",
    _capi.CUSGD_STOP_TOLERANCE: "converged",
    _capi.CUSGD_STOP_DIVERGED: "diverged",
    _capi.CUSGD_STOP_DROPPED: "dropped",
}


@dataclass(frozen=True)
class Outcome:
    """What came of a configuration.

    Attributes
    ----------
    parameters : dict
        ``l1``, ``l2``, ``rate`` and ``momentum`` as they ran.
    losses : array
        The loss of each fold, or the validation loss.
    mean, standard_error : float
        Of the losses. NaN: one of the models diverged; without folds there is no standard error.
    loss : float
        The training loss of the model of all rows.
    rank : int
        From 1.
    epochs : int
        The most that one of the models took.
    nonzeros : int
        Coefficients of the model of all rows that are not 0.
    stop : str
        ``"converged"``, ``"epochs"``, ``"dropped"`` (by halving) or ``"diverged"``.
    """

    parameters: dict[str, float]
    losses: NDArray[np.float64]
    mean: float
    standard_error: float
    loss: float
    rank: int
    epochs: int
    nonzeros: int
    stop: str


@dataclass(frozen=True)
class Sweep:
    """The result of `sweep`.

    Attributes
    ----------
    outcomes : list of Outcome
        In the order of the configurations.
    chosen : int
        The index of the chosen one.
    model : Model
        The chosen configuration's model, trained on all rows.
    """

    outcomes: list[Outcome]
    chosen: int
    model: Model

    @property
    def parameters(self) -> dict[str, float]:
        """The chosen configuration."""
        return self.outcomes[self.chosen].parameters


def _configurations(grid: Mapping[str, Any] | Sequence[Mapping[str, float]]) -> Any:
    """Return an array of the C library's configurations: all combinations of a mapping's values, or those listed."""
    if isinstance(grid, Mapping):
        axes = [np.atleast_1d(np.asarray(values, dtype=np.float64)).tolist() for values in grid.values()]
        listed: list[Mapping[str, float]] = [dict(zip(grid, values, strict=True)) for values in itertools.product(*axes)]
    else:
        listed = list(grid)
    made = (_capi.cusgd_configuration * max(len(listed), 1))()
    for numbers, to in zip(listed, made, strict=False):  # an empty array of C has a member
        unknown = set(numbers) - set(_NUMBERS)
        if unknown:
            raise ValueError(f"a sweep varies {', '.join(_NUMBERS)}, not {', '.join(sorted(map(str, unknown)))}")
        for name in _NUMBERS:
            setattr(to, name, float(numbers.get(name, np.nan)))
    return made, len(listed)


def _set_folds(plan: Any, folds: Any, rows: int) -> NDArray[np.uint8] | None:
    """Set a plan's folds: their number, or each row's, in an array that must live as long as the plan and is returned."""
    if np.ndim(folds) == 0:
        plan.folds = int(folds)
        return None
    numbers = as_vector(folds, rows, "folds")
    if not np.all((numbers >= 0) & (numbers < 63) & (numbers == np.floor(numbers))):
        raise ValueError("folds must be whole numbers from 0 to 62")
    of_rows = np.ascontiguousarray(numbers, dtype=np.uint8)
    plan.folds = int(of_rows.max()) + 1
    plan.fold = of_rows.ctypes.data_as(C.POINTER(C.c_uint8))
    return of_rows


def _outcome(handle: C.c_void_p, i: int, folds: int) -> Outcome:
    found = sized(_capi.cusgd_outcome)
    lib.cusgd_sweep_outcome(handle, i, C.byref(found))
    losses = np.ctypeslib.as_array(lib.cusgd_sweep_losses(handle, i), (max(folds, 1),)).copy()
    return Outcome(
        parameters={name: getattr(found.numbers, name) for name in _NUMBERS},
        losses=losses,
        mean=found.mean,
        standard_error=found.standard_error,
        loss=found.loss,
        rank=found.rank,
        epochs=found.epochs,
        nonzeros=found.nonzeros,
        stop=_STOPS.get(found.stop, "stopped"),
    )


def sweep(
    X: Any,
    y: Any,
    grid: Mapping[str, Any] | Sequence[Mapping[str, float]],
    *,
    folds: int | Any = None,
    valid: tuple[Any, ...] | None = None,
    select: str = "best",
    halving: int = 0,
    memory: float = 0,
    sample_weight: Any = None,
    offset: Any = None,
    exposure: Any = None,
    **options: Any,
) -> Sweep:
    """Train many models in one pass over the data, and choose the one that does best on rows held out.

    Parameters
    ----------
    X, y, sample_weight, offset, exposure
        As for `Trainer`, with one output; y is None beside a table.
    grid : mapping or list of mappings
        Values of ``l1``, ``l2``, ``rate`` and ``momentum``, of which all combinations are trained; or the configurations
        themselves.
    folds : int or array of shape (n,)
        How many folds of cross-validation the seed draws, from 2 to 63; or each row's fold, numbered from 0. By default 5, if no
        other rows judge.
    valid : tuple (X, y) or (X, y, sample_weight), optional
        Validation data, which judges in place of folds.
    select : {"best", "1se"}
        The least mean loss; or the largest ``l1``, then ``l2``, of those within a standard error of it.
    halving : int
        At least 2: after 1, ``halving``, ``halving**2``, ... epochs one of ``halving`` configurations goes on, those of the least
        losses (successive halving). 0: all are trained to their end.
    memory : float
        The bytes that the models may take, in as many passes over the data as that needs. 0: half of the machine's memory, or
        90 % of what the GPU has free.
    **options
        As for `Trainer`; they hold for all models.

    Returns
    -------
    Sweep

    Raises
    ------
    DivergedError
        All configurations have diverged.

    Examples
    --------
    >>> import numpy as np
    >>> import cusgd
    >>> X = np.random.default_rng(0).normal(size=(400, 5))
    >>> y = X @ [1.0, -2.0, 0.0, 0.5, 0.0] + np.random.default_rng(1).normal(size=400)
    >>> found = cusgd.sweep(X, y, {"l2": [1e-3, 1e-1, 10.0]})
    >>> len(found.outcomes), found.outcomes[found.chosen].rank
    (3, 1)
    >>> found.model.predict(X).shape
    (400,)
    """
    if select not in ("best", "1se"):
        raise ValueError(f"select must be 'best' or '1se', not {select!r}")
    judged = valid is not None or bool(options.get("valid_fraction"))
    if folds is not None and judged:
        raise UsageError("folds and validation rows exclude each other; give one")
    data, classes, features = training_data(
        X, y, options.get("loss", "squared"), sample_weight=sample_weight, offset=offset, exposure=exposure
    )
    judge = validation_data(valid, options.get("loss", "squared"), classes, features)
    options["precision"] = precision_of(data, options)
    given = make_options(options)
    configurations, count = _configurations(grid)
    plan = sized(_capi.cusgd_sweep_plan)
    plan.configurations, plan.count = configurations, count
    of_rows = None  # kept until the call has ended, as ctypes does not keep it for the plan
    if not judged:
        of_rows = _set_folds(plan, 5 if folds is None else folds, data.rows)
    plan.halving, plan.memory = int(halving), float(memory)
    plan.select = _capi.CUSGD_SELECT_ONE_SE if select == "1se" else _capi.CUSGD_SELECT_BEST
    handle = C.c_void_p()
    valid_handle = judge.handle if judge else None
    run(lambda: check(lib.cusgd_sweep_create(given.handle, data.handle, valid_handle, C.byref(plan), C.byref(handle))))
    del of_rows
    try:
        model = C.c_void_p()
        check(lib.cusgd_sweep_create_model(handle, C.byref(model)))
        outcomes = [_outcome(handle, i, plan.folds) for i in range(count)]
        return Sweep(outcomes, lib.cusgd_sweep_chosen(handle), Model(model))
    finally:
        lib.cusgd_sweep_free(handle)
