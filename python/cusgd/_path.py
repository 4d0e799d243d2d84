"""Regularization paths."""

from __future__ import annotations

import ctypes as C
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _capi
from ._arrays import as_vector
from ._errors import ConvergenceWarning, check, warn
from ._library import lib
from ._model import Model
from ._options import make_options
from ._results import sized
from ._run import run
from ._sweep import _set_folds
from ._training_data import training_data


@dataclass(frozen=True, repr=False)
class Path:
    """The result of `path`, with the penalties in descending order.

    Attributes
    ----------
    alphas_ : array of shape (n_alphas,)
        The penalties.
    coef_path_ : array of shape (n_features, n_alphas)
        The coefficients of the models that are trained on all rows, as in `sklearn.linear_model.lasso_path`.
    intercept_path_ : array of shape (n_alphas,)
        The intercepts of these models.
    mse_path_ : array of shape (n_alphas, n_folds)
        The mean squared error on each fold of the model that is trained on the other folds, as in `sklearn.linear_model.LassoCV`.
        For losses other than squared and mse, it is the mean loss.
    losses_ : array of shape (n_alphas,)
        The mean squared error, or the mean of another loss, on the training rows.
    dual_gaps_ : array of shape (n_alphas,)
        The duality gaps, relative to the loss of the intercept-only model. They are NaN for ridge regression, for other losses
        and for sparse X.
    converged_ : array of shape (n_alphas,)
        Whether the duality gap is within the tolerance, or within 1e-8 if rounding errors exceed the tolerance. For sparse X,
        whether the norm of the gradient is at most sqrt(tolerance) times its largest element for the intercept-only model.
    nonzeros_ : array of shape (n_alphas,)
        The numbers of nonzero coefficients.
    chosen : int
        The index of the chosen penalty; without folds, the last index.
    model : Model
        The model with the chosen penalty, trained on all rows.
    """

    alphas_: NDArray[np.float64]
    coef_path_: NDArray[np.float64]
    intercept_path_: NDArray[np.float64]
    mse_path_: NDArray[np.float64]
    losses_: NDArray[np.float64]
    dual_gaps_: NDArray[np.float64]
    converged_: NDArray[np.bool_]
    nonzeros_: NDArray[np.int64]
    chosen: int
    model: Model

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickle. Pickles of earlier versions do not contain `converged_`."""
        self.__dict__.update({"converged_": ~(state["dual_gaps_"] > 1e-8), **state})

    def __repr__(self) -> str:
        count = len(self.alphas_)
        return f"<cusgd.Path: {count} penalties, chosen {self.alpha_:.6g} with {self.nonzeros_[self.chosen]} coefficients not 0>"

    @property
    def alpha_(self) -> float:
        """The chosen penalty."""
        return float(self.alphas_[self.chosen])

    @property
    def coef_(self) -> NDArray[np.float64]:
        """The coefficients of the chosen model."""
        return self.coef_path_[:, self.chosen]

    @property
    def intercept_(self) -> float:
        """The intercept of the chosen model."""
        return float(self.intercept_path_[self.chosen])


def _read(handle: C.c_void_p, count: int, folds: int, cols: int) -> dict[str, Any]:
    """Copy the arrays of a path."""
    points = [sized(_capi.cusgd_path_point) for _ in range(count)]
    theta = np.empty((count, cols + 1))
    losses = np.empty((count, folds))
    for i, point in enumerate(points):
        lib.cusgd_path_at(handle, i, C.byref(point))
        theta[i] = np.ctypeslib.as_array(lib.cusgd_path_coefficients(handle, i), (cols + 1,))
        if folds:
            losses[i] = np.ctypeslib.as_array(lib.cusgd_path_losses(handle, i), (folds,))
    return {
        "alphas_": np.array([p.alpha for p in points]),
        "coef_path_": np.ascontiguousarray(theta[:, :-1].T),
        "intercept_path_": theta[:, -1].copy(),
        "mse_path_": losses,
        "losses_": np.array([p.loss for p in points]),
        "dual_gaps_": np.array([p.gap for p in points]),
        "converged_": np.array([bool(p.converged) for p in points]),
        "nonzeros_": np.array([p.nonzeros for p in points], dtype=np.int64),
    }


def path(
    X: Any,
    y: Any,
    *,
    l1_ratio: float = 1.0,
    count: int = 100,
    ratio: float = 1e-4,
    alphas: Any = None,
    folds: int | Any = 5,
    select: str = "best",
    tolerance: float = 1e-12,
    sample_weight: Any = None,
    offset: Any = None,
    **options: Any,
) -> Path:
    """Compute models for a sequence of penalties: the lasso, the elastic net or ridge regression.

    The objective is ``mean((y - X b)**2) / 2 + alpha * (l1_ratio * abs(b).sum() + (1 - l1_ratio) / 2 * (b**2).sum())``. With
    another loss, the mean of that loss replaces the first term. The penalties apply to the coefficients of standardized columns,
    unless ``standardize=False`` is given.

    For least squares, the rows are read once to compute the products of all columns. The time of the other computations does not
    depend on the number of rows. Other losses with second derivatives (logistic, poisson, ...) are minimized by Newton's method.
    For sparse X, coordinate descent minimizes any of these losses. It uses a copy by columns, which takes 12 bytes per stored
    value.

    Parameters
    ----------
    X, y, sample_weight, offset
        As for `Trainer`, with one output.
    l1_ratio : float
        The share of the l1 penalty, from 0 (ridge regression) to 1 (the lasso).
    count : int
        The number of penalties.
    ratio : float
        The ratio of the last penalty to the first one, which is the smallest penalty with which all coefficients are 0.
    alphas : array of shape (n_alphas,), optional
        The penalties, which replace ``count`` and ``ratio``.
    folds : int or array of shape (n,)
        The number of folds of cross-validation, from 2 to 63, which are drawn at random by the seed, or the fold of each row,
        numbered from 0. 0 stands for no cross-validation.
    select : {"best", "1se"}
        "best" chooses the penalty with the minimum mean loss, and "1se" the largest penalty whose mean loss is within one
        standard error of the minimum.
    tolerance : float
        A model has converged if its duality gap, relative to the loss of the intercept-only model, is at most this value. With
        losses other than squared and mse, it has converged if the violation of its optimality conditions is at most the square
        root of ``tolerance`` times the first penalty. With sparse X, the limit is a hundredth of that.
    **options
        As for `Trainer`, as far as they apply: ``loss``, ``standardize``, ``intercept``, ``seed`` and ``device``.

    Returns
    -------
    Path

    Warns
    -----
    ConvergenceWarning
        Some models have not converged; see `Path.converged_`.

    Raises
    ------
    NotConvergedError
        No minimum was found. This can happen with log-cosh if the targets are far from all predictions, in the units of the loss.

    Examples
    --------
    >>> import numpy as np
    >>> import cusgd
    >>> X = np.random.default_rng(0).normal(size=(400, 5))
    >>> y = X @ [1.0, -2.0, 0.0, 0.5, 0.0] + np.random.default_rng(1).normal(size=400)
    >>> found = cusgd.path(X, y)
    >>> found.coef_path_.shape, found.mse_path_.shape
    ((5, 100), (100, 5))
    >>> int(found.nonzeros_[0])
    0
    """
    if select not in ("best", "1se"):
        raise ValueError(f"select must be 'best' or '1se', not {select!r}")
    data, _, _ = training_data(X, y, options.get("loss", "squared"), sample_weight=sample_weight, offset=offset)
    given = make_options({**options, "precision": "double"})
    plan = sized(_capi.cusgd_path_plan)
    plan.l1_ratio, plan.count, plan.ratio, plan.tolerance = float(l1_ratio), int(count), float(ratio), float(tolerance)
    penalties = None
    if alphas is not None:
        if np.ndim(alphas) != 1:
            raise ValueError("alphas must be an array of penalties; how many there are is count")
        penalties = np.ascontiguousarray(as_vector(alphas, len(alphas), "alphas"), dtype=np.float64)
        plan.count = penalties.size
        plan.alphas = penalties.ctypes.data_as(C.POINTER(C.c_double))
    of_rows = _set_folds(plan, folds, data.rows)
    plan.select = _capi.CUSGD_SELECT_ONE_SE if select == "1se" else _capi.CUSGD_SELECT_BEST
    handle = C.c_void_p()
    run(lambda: check(lib.cusgd_path_create(given.handle, data.handle, C.byref(plan), C.byref(handle))))
    del of_rows, penalties  # needed until here, because ctypes does not keep the arrays of the plan alive
    try:
        model = C.c_void_p()
        chosen = lib.cusgd_path_chosen(handle)
        check(lib.cusgd_path_create_model(handle, chosen, C.byref(model)))
        found = Path(**_read(handle, plan.count, plan.folds, data.cols), chosen=chosen, model=Model(model))
    finally:
        lib.cusgd_path_free(handle)
    if not found.converged_.all():
        warn(_unconverged(found), ConvergenceWarning)
    return found


def _unconverged(found: Path) -> str:
    """Return a warning about the models that have not converged."""
    gaps = np.where(found.converged_, 0.0, found.dual_gaps_)
    if np.isnan(gaps).any():  # no duality gaps are computed for sparse rows
        return (
            f"{np.sum(~found.converged_)} of the {len(gaps)} models have not converged, the first at alpha "
            f"{found.alphas_[found.converged_.argmin()]:g}: more than rounding is left of the gradient. Columns nearly depend on "
            "each other, or classes are nearly separate, for which an l1_ratio below 1 helps."
        )
    return (
        f"{np.sum(~found.converged_)} of the {len(gaps)} models have not converged: the largest duality gap is {gaps.max():.2g} "
        f"of the loss without columns, at alpha {found.alphas_[gaps.argmax()]:g}. Columns nearly depend on each other, for which "
        "an l1_ratio below 1 helps."
    )
