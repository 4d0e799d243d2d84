"""The base class of all estimators, and functions that several of them use."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from .._arrays import is_sparse, readable
from .._errors import DivergedError, warn
from .._frames import text_column
from .._pickles import opened, stamped
from .._table import Table
from .._trainer import Trainer
from .._words import words
from ..callbacks import Callback, PrintEpochs, ProgressBar, in_turn

Array = NDArray[Any]


def keep(estimator: Any, parameters: dict[str, Any]) -> None:
    """Store the parameters of a constructor as attributes with the same names.

    Each constructor has an explicit signature, because scikit-learn reads it, and calls ``keep(self, locals())``.
    """
    for name, value in parameters.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)


LOG_LINKS = ("poisson", "gamma", "tweedie")
# The names of the losses in scikit-learn and in the library
LOSSES = {
    "squared_error": "squared",
    "huber": "huber",
    "epsilon_insensitive": "epsilon-insensitive",
    "squared_epsilon_insensitive": "squared-epsilon-insensitive",
    "quantile": "quantile",
    "log_cosh": "log-cosh",
    "poisson": "poisson",
    "gamma": "gamma",
    "tweedie": "tweedie",
    "hinge": "hinge",
    "squared_hinge": "squared-hinge",
    "log_loss": "logistic",
    "modified_huber": "modified-huber",
    "perceptron": "perceptron",
}


# The names of the library's options in estimators, for messages
WORDS = {
    "--l2 (1e-4, for example)": "a penalty (alpha=1e-4, for example)",
    "--l1": "alpha",
    "--l2": "alpha",
    "leave the rate out: the optimizer chooses its own": "eta0=None: the optimizer chooses its own rate",
    "--rate": "eta0",
    "a smaller rate": "a smaller eta0",
    "--optimizer auto without a rate": 'optimizer="auto" with eta0=None',
    "some --l2": "a larger alpha",
    "--epochs": "max_iter",
    "more --epochs": "a larger max_iter",
    "--batch": "batch_size",
    "--tolerance": "tol",
    "--gradient-tolerance": "tol",
    "--patience": "n_iter_no_change",
    "--threads": "n_jobs",
    "--seed": "random_state",
    "valid-fraction": "validation_fraction",
    "choose another share or give --valid": "choose another share",
    "--no-intercept": "fit_intercept=False",
    "--init": "coef_init",
    "--sampling permute": "shuffle=True",
    "--precision double": "X of float64",
    "--sparse-scale rms": "sklearn.preprocessing.MaxAbsScaler",
}
# The same for estimators that run the algorithm of scikit-learn, without standardization
SCHEDULE_WORDS = {
    **WORDS,
    "columns (leave out --no-standardize)": 'columns (sklearn.preprocessing.StandardScaler, or learning_rate="auto")',
    "smaller --t0, which sets the rate": "larger alpha, from which the rate follows",
    "smaller --rate, or leave it out": 'smaller eta0, or learning_rate="auto"',
}

Method = TypeVar("Method", bound=Callable[..., Any])


def in_own_words(method: Method) -> Method:
    """Decorate a method of an estimator so that messages use the names of the estimator's parameters."""

    @wraps(method)
    def named(self: Any, *args: Any, **kwargs: Any) -> Any:
        with words(self._words()):
            return method(self, *args, **kwargs)

    return named  # type: ignore[return-value]


def loss_options(loss: str, epsilon: float) -> dict[str, Any]:
    """Return the options of a loss that is given by its name in scikit-learn and its epsilon."""
    options: dict[str, Any] = {"loss": LOSSES[loss]}
    if loss == "huber":
        options["delta"] = float(epsilon)
    elif loss.endswith("epsilon_insensitive"):
        options["width"] = float(epsilon)
    return options


def penalty_options(l1: float, l2: float) -> dict[str, Any]:
    """Return the options for penalties on the coefficients in the units of the data."""
    if l1 == 0 and l2 == 0:
        return {}
    return {"l1": l1, "l2": l2, "penalty_units": "data"}


def real(value: Any, name: str) -> float:
    """Return a number as a float, or raise an error if it is not one."""
    if not isinstance(value, (int, float, np.number, np.bool_)):
        raise ValueError(f"{name}={value!r} must be a number")
    return float(value)


def nonnegative(value: Any, name: str) -> float:
    """Return a finite number of at least 0, or raise an error if it is not one."""
    if not 0 <= real(value, name) < math.inf:
        raise ValueError(f"{name} == {value}, must be {'finite' if float(value) == math.inf else '>= 0'}")
    return float(value)


def share(value: Any, name: str) -> float:
    """Return a number from 0 to 1, or raise an error if it is not one."""
    if not (isinstance(value, (int, float, np.number)) and 0 <= value <= 1):
        raise ValueError(f"{name} == {value}, must be in [0, 1]")
    return float(value)


def solver_options(estimator: Any, max_iter: int | None, tol: float | None) -> dict[str, Any]:
    """Return the options of estimators that use a full-batch solver."""
    options: dict[str, Any] = {"intercept": bool(estimator.fit_intercept)}
    if max_iter is not None:
        options["epochs"] = max_iter
    if tol is not None:
        options["gradient_tolerance"] = float(tol)
    return options


def threads(n_jobs: int | None) -> int | None:
    """Return the number of threads for the library. None, for all, replaces the negative numbers of scikit-learn."""
    return n_jobs if n_jobs is not None and n_jobs >= 1 else None


def stacked(*parts: Any) -> Any:
    """Return the rows of all parts, in a sparse matrix if one of them is sparse."""
    return scipy.sparse.vstack(parts, "csr") if any(map(is_sparse, parts)) else np.concatenate(parts)


def sparse_options(X: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options. For sparse rows, replace solvers and orders of the rows that need dense rows."""
    changed: dict[str, Any] = {}
    if not is_sparse(X):
        return options
    if options.get("solver") == "exact":
        changed.update(solver="cg")
    if options.get("solver") == "lbfgs" and options.get("l1", 0.0) > 0:
        changed.update(solver="auto")
    if options.get("sampling") == "permute":
        changed.update(sampling="batches")
    return {**options, **changed}


class Estimator(BaseEstimator):  # type: ignore[misc]
    """The base class of all estimators, which validates data and weights, trains, and stores the results."""

    # Parameters of several estimators
    alpha: float
    l1_ratio: float
    fit_intercept: bool
    max_iter: int | None
    warm_start: bool
    verbose: int
    random_state: Any
    n_jobs: int | None

    _takes_sparse = True

    # Results of a fit
    coef_: Any
    intercept_: Any

    def __getstate__(self) -> dict[str, Any]:
        return stamped(super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        parameters = inspect.signature(type(self)).parameters.values()
        # Parameters that did not exist when the state was saved get their defaults
        defaults = {of.name: of.default for of in parameters if of.default is not of.empty}
        super().__setstate__({**defaults, **opened(state, type(self))})

    def _words(self) -> dict[str, str]:
        """Return replacements for parts of the library's messages, such as the names of options."""
        return WORDS

    def _features(self, X: Any, y: Any, **checks: Any) -> tuple[Any, Array]:
        """Validate rows and targets. ``checks`` are passed to `validate_data`. The rows are of float32 or float64."""
        return self._validated(X, readable(y, "y", are_classes=is_classifier(self)), **checks)  # type: ignore[no-any-return]

    def _validated(self, X: Any, *y: Any, **checks: Any) -> Any:
        """Call `validate_data` with rows that may be sparse. The error message names a column that contains text."""
        try:
            return validate_data(
                self,
                readable(X, "X", may_be_sparse=True),
                *y,
                accept_sparse="csr" if self._takes_sparse else False,
                dtype=[np.float64, np.float32],
                **checks,
            )
        except ValueError as error:
            reason = text_column(X, "X") if str(error).startswith("could not convert") else None
            if reason is None:
                raise
            raise ValueError(reason) from None

    def _check_weights(self, sample_weight: Any, X: Any) -> Array | None:
        """Return the weights of the rows as an array of the same type as X."""
        if sample_weight is None:
            return None
        sample_weight = readable(sample_weight, "sample_weight")
        weights: Array = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
        if not weights.any():
            raise ValueError("All sample weights are zero")
        return weights

    def _rows_with_weight(self, weights: Array | None, X: Any, *others: Array) -> tuple[Array | None, Any, tuple[Array, ...]]:
        """Return weights and rows without the rows of weight 0, which are ignored."""
        if weights is None:
            return None, X, others
        kept = weights > 0
        if kept.all():
            return weights, X, others
        return weights[kept], X[kept], tuple(values[kept] for values in others)

    def _starting_point(self, init: tuple[Any, Any], outputs: int, columns: int) -> tuple[Array, Array] | None:
        """Return the initial coefficients (k, d) and intercepts (k,), or None for the defaults of the library."""
        weight, bias = init
        if getattr(self, "warm_start", False) and getattr(self, "coef_", None) is not None:
            weight = self.coef_ if weight is None else weight
            bias = self.intercept_ if bias is None else bias
        if weight is None and bias is None:
            return None
        if not self.fit_intercept or (bias is not None and np.ndim(bias) == 0 and bias == 0):
            bias = None  # start at 0
        start = []
        for values, shape, name in ((weight, (outputs, columns), "coef_init"), (bias, (outputs,), "intercept_init")):
            values = values.toarray() if hasattr(values, "toarray") else values
            array = np.zeros(shape) if values is None else np.array(values, dtype=np.float64)
            if array.shape != shape and not (outputs == 1 and array.size == math.prod(shape)):
                raise ValueError(f"Provided {name} does not match dataset: it has the shape {array.shape}, not {shape}")
            start.append(array.reshape(shape))
        return start[0], start[1]

    def _seed(self) -> int:
        """Return a seed for the library. Without a random_state it is 0, so that equal fits have equal results."""
        state = getattr(self, "random_state", None)
        return 0 if state is None else int(check_random_state(state).randint(np.iinfo(np.int32).max))

    def _train(
        self,
        X: Any,
        y: Array,
        weights: Array | None,
        options: dict[str, Any],
        *,
        start: tuple[Array, Array] | None = None,
        warns: bool = True,
    ) -> tuple[Array, Array]:
        """Run a trainer, store its results, and return the coefficients (k, d) and intercepts (k,)."""
        options = sparse_options(X, {"threads": threads(getattr(self, "n_jobs", None)), "seed": self._seed(), **options})
        count = self._class_count() if y.ndim == 1 else None
        trainer = Trainer(X, y, sample_weight=weights, _class_count=count, **options)
        names = getattr(self, "feature_names_in_", None)
        if names is not None:
            assert not isinstance(trainer._data, Table)
            trainer._data.set_names(list(names))  # for messages
        if start is not None:
            trainer.set_coefficients(*start)
        warning: str | None
        try:
            warning = trainer._run([*self._stopping_rules(trainer), *self._callbacks()])
        except DivergedError as error:
            warning = str(error)
        result = trainer.result
        assert result is not None
        weight, bias = trainer.coefficients()
        self.n_iter_ = max(int(result.epochs), 1)
        self.result_ = result
        self.history_ = trainer.history
        self.options_ = dict(trainer.options)
        self.converged_ = warning is None and result.stop != "epochs"
        model = trainer.model() if np.isfinite(weight).all() and np.isfinite(bias).all() else None
        self.stderr_ = model.standard_errors if model else None
        self.p_values_ = model.p_values if model else None
        warning = warning or trainer._trouble()
        if warning is None and result.stop == "epochs" and not self._runs_all_epochs():
            given = getattr(self, "max_iter", None)
            limit = f"max_iter={given}" if given is not None else f"{result.epochs} epochs, the limit for max_iter=None"
            warning = f"Maximum number of iterations reached before convergence ({limit}). Consider {self._advice()}."
        if warning and warns:
            warn(warning, ConvergenceWarning)
        return weight, bias

    def _class_count(self) -> int | None:
        """Return the number of classes if the targets are the numbers of classes, or None."""
        return None

    def _minimize(
        self, X: Any, y: Array, weights: Array | None, options: dict[str, Any], start: tuple[Array, Array] | None
    ) -> tuple[Array, Array]:
        """Return the coefficients (k, d) and intercepts (k,) that minimize the objective."""
        return self._train(X, y, weights, options, start=start)

    def _runs_all_epochs(self) -> bool:
        """Tell whether the user has disabled the stopping rule, so that reaching the limit of epochs is no reason to warn."""
        return getattr(self, "tol", None) == 0

    def _advice(self) -> str:
        """Return advice for a run that has reached its limit of epochs, for a message."""
        return "increasing max_iter"

    def _stopping_rules(self, trainer: Trainer) -> list[Callback]:
        """Return further stopping rules, in addition to those of the library."""
        return []

    def _callbacks(self) -> list[Callback]:
        """Return the callbacks of a run."""
        verbose = getattr(self, "verbose", 0)
        shown: list[Callback] = [] if not verbose else [ProgressBar()] if verbose == 1 else [PrintEpochs()]
        return [*shown, *in_turn(getattr(self, "callback", None))]

    def _linear_predictor(self, X: Any) -> Array:
        """Return X coef_ + intercept_."""
        if "coef_" not in vars(self):  # check first, because check_is_fitted() is slow compared with predicting one row
            check_is_fitted(self)
        X = self._validated(X, reset=False)
        weight = self.coef_.toarray() if is_sparse(self.coef_) else self.coef_
        found: Array = X @ weight.T + self.intercept_
        return found

    def __sklearn_tags__(self) -> Any:
        """Return the properties of the estimator that scikit-learn's tools use."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._takes_sparse
        return tags
