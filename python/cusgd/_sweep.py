"""Sweeps, which train many models in one pass over the data."""

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
from ._errors import ConvergenceWarning, UsageError, check, warn
from ._library import lib
from ._model import Model
from ._options import make_options
from ._results import sized
from ._run import run
from ._training_data import precision_of, training_data, validation_data

_NUMBERS = ("l1", "l2", "rate", "momentum")
_LOSS_NUMBERS = {
    "quantile": "quantile",
    "huber": "delta",
    "epsilon-insensitive": "width",
    "squared-epsilon-insensitive": "width",
}
_STOPS = {
    _capi.CUSGD_STOP_EPOCHS: "epochs",
    _capi.CUSGD_STOP_TOLERANCE: "converged",
    _capi.CUSGD_STOP_DIVERGED: "diverged",
    _capi.CUSGD_STOP_DROPPED: "dropped",
}


@dataclass(frozen=True)
class Outcome:
    """The result of one configuration of a sweep.

    Attributes
    ----------
    parameters : dict
        The values that were used of ``l1``, ``l2``, ``rate`` and ``momentum``, of ``quantile``, ``delta`` or ``width`` if the
        loss has this parameter, and of ``class_weight`` if it is in the grid.
    losses : array
        The loss of each fold, or the validation loss. To be comparable, the losses of configurations with different deltas or
        widths are computed with the delta or width of the options.
    mean, standard_error : float
        The mean and the standard error of the losses. They are NaN if one of the models diverged. Without folds, the standard
        error is NaN.
    loss : float
        The training loss of the model that is trained on all rows.
    rank : int
        The rank, from 1. With several quantiles, it is the rank among the configurations of the same quantile.
    epochs : int
        The maximum number of epochs of its models.
    nonzeros : int
        The number of nonzero coefficients of the model that is trained on all rows.
    stop : str
        The reason why training ended: ``"converged"``, ``"epochs"``, ``"dropped"`` (by halving) or ``"diverged"``.
    """

    parameters: dict[str, Any]
    losses: NDArray[np.float64]
    mean: float
    standard_error: float
    loss: float
    rank: int
    epochs: int
    nonzeros: int
    stop: str


@dataclass(frozen=True, repr=False)
class Sweep:
    """The result of `sweep`.

    Attributes
    ----------
    outcomes : list of Outcome
        The result of each configuration, in the order of the configurations.
    chosen : int
        The index of the chosen configuration. With several quantiles, it belongs to the smallest one.
    all_chosen : list of int
        The index of the chosen configuration for each quantile, in ascending order of the quantiles.
    model : Model
        The model of the chosen configuration, trained on all rows. With several quantiles, it has an output for each.
    """

    outcomes: list[Outcome]
    chosen: int
    all_chosen: list[int]
    model: Model

    def __repr__(self) -> str:
        best = self.outcomes[self.chosen]
        return f"<cusgd.Sweep: {len(self.outcomes)} configurations, chosen {best.parameters} with a mean loss of {best.mean:.6g}>"

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the chosen configuration."""
        return self.outcomes[self.chosen].parameters


_BALANCED = -1.0  # CUSGD_CLASS_BALANCED


def _class_weight(value: Any) -> float:
    """Return the library's number for a factor on the second class, "balanced" or None."""
    if value is None:
        return 1.0
    if isinstance(value, str) and value != "balanced":
        raise ValueError(f"class_weight must be 'balanced', None or a number above 0, not {value!r}")
    return _BALANCED if isinstance(value, str) else float(value)


def _configurations(grid: Mapping[str, Any] | Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> Any:
    """Return an array of the library's configurations: all combinations of the values of a mapping, or those of a list.

    ``names`` maps the names of the parameters to the members of the library's structure.
    """
    if isinstance(grid, Mapping):
        axes = [
            [_class_weight(value) for value in ([values] if values is None or isinstance(values, str) else values)]
            if name == "class_weight"
            else np.atleast_1d(np.asarray(values, dtype=np.float64)).tolist()
            for name, values in grid.items()
        ]
        listed: list[Mapping[str, Any]] = [dict(zip(grid, values, strict=True)) for values in itertools.product(*axes)]
    else:
        listed = list(grid)
    made = (_capi.cusgd_configuration * max(len(listed), 1))()
    for numbers, to in zip(listed, made, strict=False):  # an empty array of C has a member
        unknown = set(numbers) - set(names)
        if unknown:
            raise ValueError(f"a sweep varies {', '.join(names)}, not {', '.join(sorted(map(str, unknown)))}")
        for name, member in names.items():
            value = numbers.get(name, np.nan)
            setattr(to, member, _class_weight(value) if name == "class_weight" else float(value))
        if "loss_number" not in names.values():
            to.loss_number = np.nan
    return made, len(listed)


def _set_folds(plan: Any, folds: Any, rows: int) -> NDArray[np.uint8] | None:
    """Set the folds of a plan, given as their number or as the fold of each row.

    In the second case the plan points to the array that is returned, which must live as long as the plan.
    """
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


def _shown(name: str, value: float) -> Any:
    return "balanced" if name == "class_weight" and value == _BALANCED else value


def _outcome(handle: C.c_void_p, i: int, folds: int, names: Mapping[str, str]) -> Outcome:
    found = sized(_capi.cusgd_outcome)
    lib.cusgd_sweep_outcome(handle, i, C.byref(found))
    losses = np.ctypeslib.as_array(lib.cusgd_sweep_losses(handle, i), (max(folds, 1),)).copy()
    return Outcome(
        parameters={name: _shown(name, getattr(found.numbers, member)) for name, member in names.items()},
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
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    folds: int | Any = None,
    valid: tuple[Any, ...] | None = None,
    select: str = "best",
    halving: int = 0,
    memory: float | str = 0,
    sample_weight: Any = None,
    offset: Any = None,
    exposure: Any = None,
    **options: Any,
) -> Sweep:
    """Train many models in one pass over the data, and choose the model with the smallest loss on held-out rows.

    Parameters
    ----------
    X, y, sample_weight, offset, exposure
        As for `Trainer`, with one output. If X is a table, y is None.
    grid : mapping or list of mappings
        A mapping contains values of ``l1``, ``l2``, ``rate``, ``momentum`` and, if the loss has it, ``quantile``, ``delta`` or
        ``width``. All combinations are trained. A list contains the configurations themselves. With several quantiles, the model
        predicts each of them, by the best configuration of that quantile. With a loss of two classes, ``class_weight`` may be
        ``"balanced"``, None, or the factor on the weights of the rows of the second class. The losses that compare the models do
        not use these weights.
    folds : int or array of shape (n,)
        The number of folds of cross-validation, from 2 to 63, which are drawn at random by the seed, or the fold of each row,
        numbered from 0. The default is 5 if there is no validation data. 0 trains on all rows only, and is allowed with one
        configuration, or with one for each quantile.
    valid : tuple (X, y) or (X, y, sample_weight), optional
        Validation data, which is used in place of folds.
    select : {"best", "1se"}
        "best" chooses the configuration with the minimum mean loss. "1se" chooses the configuration with the largest ``l1``, and
        then the largest ``l2``, among those whose mean loss is within one standard error of the minimum.
    halving : int
        With a value of at least 2, successive halving is used: after 1, ``halving``, ``halving**2``, ... epochs, only one of
        ``halving`` configurations continues, namely those with the smallest losses. With 0, all are trained to the end.
    memory : float or str
        The maximum memory of the models, in bytes or as a string such as ``"2G"``. If it does not hold all models, there are
        several passes over the data. 0 stands for half of the machine's memory, or for 90 % of the free memory of the GPU.
    **options
        As for `Trainer`. The options apply to all models.

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
    loss = str(options.get("loss", "squared")).replace("_", "-")
    names = {name: name for name in _NUMBERS} | ({_LOSS_NUMBERS[loss]: "loss_number"} if loss in _LOSS_NUMBERS else {})
    if any("class_weight" in of for of in ([grid] if isinstance(grid, Mapping) else grid)):
        names["class_weight"] = "class_weight"
    configurations, count = _configurations(grid, names)
    plan = sized(_capi.cusgd_sweep_plan)
    plan.configurations, plan.count = configurations, count
    of_rows = None  # a reference until the call has ended, because ctypes does not keep the array alive
    if not judged:
        of_rows = _set_folds(plan, 5 if folds is None else folds, data.rows)
    plan.halving = int(halving)
    plan.memory = float(make_options({"memory": memory})["memory"] if isinstance(memory, str) else memory)
    plan.select = _capi.CUSGD_SELECT_ONE_SE if select == "1se" else _capi.CUSGD_SELECT_BEST
    handle = C.c_void_p()
    valid_handle = judge.handle if judge else None
    run(lambda: check(lib.cusgd_sweep_create(given.handle, data.handle, valid_handle, C.byref(plan), C.byref(handle))))
    del of_rows
    try:
        model = C.c_void_p()
        check(lib.cusgd_sweep_create_model(handle, C.byref(model)))
        outcomes = [_outcome(handle, i, plan.folds, names) for i in range(count)]
        every = [lib.cusgd_sweep_chosen_for(handle, j) for j in range(lib.cusgd_sweep_outputs(handle))]
        return Sweep(outcomes, every[0], every, Model(model))
    finally:
        lib.cusgd_sweep_free(handle)


def _levels(quantiles: Any) -> list[float]:
    """Return quantiles as numbers, or raise an error if they are invalid."""
    try:
        levels = [float(level) for level in quantiles]
    except (TypeError, ValueError):
        raise UsageError(f"quantile must be a number or a list of numbers, not {quantiles!r}") from None
    if not levels:
        raise UsageError("quantile is an empty list: give a number between 0 and 1, or several")
    for i, level in enumerate(levels):
        if not 0 < level < 1:
            raise UsageError(f"quantile must be between 0 and 1, both excluded, not {level:g}")
        if level in levels[:i]:
            raise UsageError(f"quantile has {level:g} twice")
    return levels


def fit_quantiles(X: Any, y: Any, quantiles: Any, **options: Any) -> Sweep:
    """Train a model with an output for each of several quantiles, in ascending order. The options are those of `sweep`."""
    if str(options.get("loss", "squared")) != "quantile":
        raise UsageError("several quantiles need loss='quantile'")
    levels = _levels(quantiles)
    try:
        found = sweep(X, y, {"quantile": levels}, folds=0, **options)
    except UsageError as error:
        raise UsageError(f"several quantiles are trained as a sweep is: {error}") from None
    late = [outcome.parameters["quantile"] for outcome in found.outcomes if outcome.stop == "epochs"]
    if late and options.get("epochs") is None:
        epochs = max(outcome.epochs for outcome in found.outcomes)
        numbers = ", ".join(f"{number:g}" for number in late)
        warn(
            f"cuSGD stopped at its limit of {epochs} epochs before its stopping rule was met for the quantiles {numbers}; set "
            "epochs to a larger number",
            ConvergenceWarning,
        )
    return found
