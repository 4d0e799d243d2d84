"""Estimators with the interface of scikit-learn's.

What defines the objective (loss, penalty, alpha, C) has scikit-learn's names, defaults and meaning. How it is minimized is
cuSGD's choice: columns are standardized inside, and solver, learning rate and stopping rule are chosen from the data. Results are
in the data's units.

Every fitted estimator has, besides scikit-learn's attributes: ``result_`` (`cusgd.Result`), ``history_`` (`cusgd.History`),
``options_`` (dict), ``converged_`` (bool), and ``stderr_`` (standard errors, the intercept's last, or None).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.linear_model._base import LinearClassifierMixin
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from ._estimator import Array, Estimator, penalty_options
from ._schedules import SCHEDULES, ScheduledMixin

__all__ = [
    "ElasticNet",
    "GammaRegressor",
    "Lasso",
    "LinearRegression",
    "LogisticRegression",
    "PoissonRegressor",
    "QuantileRegressor",
    "Ridge",
    "SGDClassifier",
    "SGDRegressor",
    "TweedieRegressor",
]

# scikit-learn's names of losses, and the library's
_LOSSES = {
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
}
_CLASS_LOSSES = ("hinge", "squared_hinge", "log_loss")
_LOG_LINKS = ("poisson", "gamma", "tweedie")


# ---- Regression ----


class _Regressor(RegressorMixin, Estimator):  # type: ignore[misc]
    """A regressor whose objective is given by `_objective`."""

    _multi_output = True

    def _loss(self) -> str:
        """Return scikit-learn's name of the loss."""
        return "squared_error"

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        """Return the options of the objective."""
        raise NotImplementedError

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Fit the model.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Dense; float32 is trained on in single precision, everything else in double precision.
        y : array of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        sample_weight : array of shape (n_samples,), optional
            Rows of weight 0 count as absent.

        Returns
        -------
        self
        """
        X, y = self._features(X, y, self._multi_output)
        y = np.asarray(y, dtype=X.dtype)
        _check_range(y, self._loss())
        weights, X, (y,) = self._rows_with_weight(sample_weight, X, y)
        weight_sum = float(len(X)) if weights is None else float(weights.sum())
        start = None
        if getattr(self, "warm_start", False) and hasattr(self, "coef_"):
            start = np.atleast_2d(self.coef_), np.atleast_1d(self.intercept_)
        weight, bias = self._minimize(X, y, weights, self._objective(weight_sum, len(X)), start)
        self.coef_ = (weight[0] if y.ndim == 1 else weight).astype(X.dtype)
        self.intercept_ = _intercept(bias, y.ndim == 1, X.dtype)
        return self

    def predict(self, X: Any) -> Array:
        """Predict the targets.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        linear = self._linear_predictor(X)
        return np.exp(linear) if self._loss() in _LOG_LINKS else linear

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn's tools need to know."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = self._multi_output
        tags.target_tags.positive_only = self._loss() in _LOG_LINKS
        return tags


def _check_range(y: Array, loss: str) -> None:
    """Refuse targets that the loss does not take."""
    if (loss in ("poisson", "tweedie") and (y < 0).any()) or (loss == "gamma" and (y <= 0).any()):
        raise ValueError(f"Some value(s) of y are out of the valid range of the loss {loss!r}.")


def _intercept(bias: Array, single: bool, dtype: Any) -> Any:
    """Return the intercept as scikit-learn's linear models have it: a number for one target."""
    return dtype.type(bias[0]) if single else bias.astype(dtype)


def _common(estimator: Any, max_iter: int | None, tol: float | None) -> dict[str, Any]:
    """Return the options of full-batch estimators."""
    options: dict[str, Any] = {"intercept": bool(estimator.fit_intercept)}
    if max_iter is not None:
        options["epochs"] = max_iter
    if tol is not None:
        options["gradient_tolerance"] = float(tol)
    return options


class LinearRegression(_Regressor):
    """Ordinary least squares.

    Parameters
    ----------
    fit_intercept : bool
        Whether to fit an intercept.
    positive : bool
        Whether coefficients must not be negative; trained by minibatch steps then.
    n_jobs : int, optional
        Threads; the result does not depend on it.

    Examples
    --------
    >>> import numpy as np
    >>> from cusgd.linear_model import LinearRegression
    >>> X = np.array([[1.0, 1], [1, 2], [2, 2], [2, 3]])
    >>> LinearRegression().fit(X, X @ [1.0, 2.0] + 3).coef_.round(6).tolist()
    [1.0, 2.0]
    """

    def __init__(self, *, fit_intercept: bool = True, positive: bool = False, n_jobs: int | None = None) -> None:
        self.fit_intercept = fit_intercept
        self.positive = positive
        self.n_jobs = n_jobs

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        options = {"loss": "squared", **_common(self, None, None)}
        if self.positive:
            return {**options, "lower": 0.0}
        return {**options, "solver": "exact"}


class Ridge(_Regressor):
    """Least squares with a penalty ``alpha * |coef|^2`` on the sum of squared errors.

    Parameters
    ----------
    alpha : float
        Strength of the penalty.
    fit_intercept : bool
        Whether to fit an intercept, which is not penalized.
    n_jobs : int, optional
        Threads; the result does not depend on it.
    """

    def __init__(self, alpha: float = 1.0, *, fit_intercept: bool = True, n_jobs: int | None = None) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.n_jobs = n_jobs

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        return {
            "loss": "squared",
            "solver": "exact",
            **_common(self, None, None),
            **penalty_options(0.0, _nonnegative(self.alpha, "alpha") / weight_sum),
        }


def _nonnegative(value: Any, name: str) -> float:
    """Return a number of at least 0."""
    if not value >= 0:
        raise ValueError(f"{name} == {value}, must be >= 0")
    return float(value)


class ElasticNet(_Regressor):
    """Least squares with penalties on the absolute values and squares of the coefficients.

    Minimizes ``|y - X coef|^2 / (2 n) + alpha * l1_ratio * |coef|_1 + alpha * (1 - l1_ratio) / 2 * |coef|^2``.

    Parameters
    ----------
    alpha : float
        Strength of the penalty.
    l1_ratio : float
        Share of the penalty on absolute values, from 0 to 1.
    fit_intercept : bool
        Whether to fit an intercept.
    max_iter : int
        Limit of iterations.
    tol : float
        The run ends when the gradient's norm is at most this share of the intercept-only model's.
    warm_start : bool
        Whether to start from the coefficients of the last fit.
    n_jobs : int, optional
        Threads; the result does not depend on it.
    """

    _multi_output = False

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        fit_intercept: bool = True,
        max_iter: int = 10000,
        tol: float | None = None,
        warm_start: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.n_jobs = n_jobs

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        alpha, share = _nonnegative(self.alpha, "alpha"), float(self.l1_ratio)
        if not 0 <= share <= 1:
            raise ValueError(f"l1_ratio == {share}, must be in [0, 1]")
        return {
            "loss": "squared",
            "solver": "lbfgs",
            **_common(self, self.max_iter, self.tol),
            **penalty_options(alpha * share, alpha * (1 - share)),
        }


class Lasso(ElasticNet):
    """Least squares with a penalty on the absolute values of the coefficients: `ElasticNet` with ``l1_ratio=1``.

    Parameters
    ----------
    alpha : float
        Strength of the penalty.
    fit_intercept : bool
        Whether to fit an intercept.
    max_iter : int
        Limit of iterations.
    tol : float
        The run ends when the gradient's norm is at most this share of the intercept-only model's.
    warm_start : bool
        Whether to start from the coefficients of the last fit.
    n_jobs : int, optional
        Threads; the result does not depend on it.
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        max_iter: int = 10000,
        tol: float | None = None,
        warm_start: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(alpha, fit_intercept=fit_intercept, max_iter=max_iter, tol=tol, warm_start=warm_start, n_jobs=n_jobs)

    @property
    def l1_ratio(self) -> float:
        """The share of the penalty on absolute values."""
        return 1.0

    @l1_ratio.setter
    def l1_ratio(self, value: float) -> None:
        pass


class QuantileRegressor(_Regressor):
    """Linear regression of a quantile, with a penalty ``alpha * |coef|_1``; by minibatch steps.

    Parameters
    ----------
    quantile : float
        Which one, between 0 and 1.
    alpha : float
        Strength of the penalty.
    fit_intercept : bool
        Whether to fit an intercept.
    max_iter : int, optional
        Limit of epochs.
    n_jobs : int, optional
        Threads; the result does not depend on it.
    random_state : int, RandomState or None
        None is seed 0.
    """

    _multi_output = False

    def __init__(
        self,
        *,
        quantile: float = 0.5,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        max_iter: int | None = None,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.quantile = quantile
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _loss(self) -> str:
        return "quantile"

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        options = {"loss": "quantile", "quantile": float(self.quantile), **_common(self, self.max_iter, None)}
        return {**options, **penalty_options(_nonnegative(self.alpha, "alpha"), 0.0)}


class _Glm(_Regressor):
    """A generalized linear model with a logarithmic link."""

    _multi_output = False

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.verbose = verbose
        self.n_jobs = n_jobs

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        return {
            "loss": _LOSSES[self._loss()],
            "solver": "auto",
            **_common(self, self.max_iter, self.tol),
            **penalty_options(0.0, _nonnegative(self.alpha, "alpha")),
        }

    def _power(self) -> float:
        """Return the power of the Tweedie family."""
        return 1.0

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return D^2, the share of the intercept-only model's deviance that is explained.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Rows.
        y : array of shape (n_samples,)
            Targets.
        sample_weight : array of shape (n_samples,), optional
            Weights.

        Returns
        -------
        float
        """
        from sklearn.metrics import d2_tweedie_score

        return float(d2_tweedie_score(y, self.predict(X), sample_weight=sample_weight, power=self._power()))


class PoissonRegressor(_Glm):
    """Poisson regression: counts whose logarithm of the mean is linear.

    Parameters
    ----------
    alpha : float
        Strength of the penalty ``alpha / 2 * |coef|^2`` on the mean of half the deviance.
    fit_intercept : bool
        Whether to fit an intercept.
    max_iter : int
        Limit of iterations.
    tol : float, optional
        The run ends when the gradient's norm is at most this share of the intercept-only model's; None: 1e-9, for float32 1e-5.
    warm_start : bool
        Whether to start from the coefficients of the last fit.
    verbose : int
        1: print a line per iteration.
    n_jobs : int, optional
        Threads; the result does not depend on it.
    """

    def _loss(self) -> str:
        return "poisson"


class GammaRegressor(_Glm):
    """Gamma regression: positive targets whose logarithm of the mean is linear. Parameters as for `PoissonRegressor`."""

    def _loss(self) -> str:
        return "gamma"

    def _power(self) -> float:
        return 2.0


class TweedieRegressor(_Glm):
    """Tweedie regression with a logarithmic link. Other parameters as for `PoissonRegressor`.

    Parameters
    ----------
    power : float
        From 1 (Poisson) to 2 (gamma), both included. (scikit-learn's default of 0, least squares, is `Ridge` here.)
    """

    def __init__(
        self,
        *,
        power: float = 1.5,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(
            alpha=alpha,
            fit_intercept=fit_intercept,
            max_iter=max_iter,
            tol=tol,
            warm_start=warm_start,
            verbose=verbose,
            n_jobs=n_jobs,
        )
        self.power = power

    def _loss(self) -> str:
        return {1.0: "poisson", 2.0: "gamma"}.get(float(self.power), "tweedie")

    def _power(self) -> float:
        return float(self.power)

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        if not 1 <= self.power <= 2:
            raise ValueError(f"power == {self.power}, must be in [1, 2]")
        options = super()._objective(weight_sum, rows)
        return {**options, "power": float(self.power)} if self._loss() == "tweedie" else options


class _SgdObjective:
    """The parameters that `SGDRegressor` and `SGDClassifier` have in common."""

    loss: str
    penalty: str | None
    alpha: float
    l1_ratio: float
    fit_intercept: bool
    max_iter: int | None
    tol: float | str | None
    shuffle: bool
    epsilon: float
    learning_rate: str
    eta0: float | None
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: int | None
    average: bool | int | None
    power_t: float
    solver: str
    optimizer: str
    batch_size: int | str
    standardize: bool
    device: str

    def _runs_schedule(self) -> bool:
        """Tell whether scikit-learn's algorithm runs."""
        return self.learning_rate != "auto" and self.solver == "sgd"

    def _sgd_options(self) -> dict[str, Any]:
        """Return the options of a run by minibatch steps or a full-batch solver."""
        if self.loss not in _LOSSES:
            raise ValueError(f"loss={self.loss!r} must be one of {', '.join(_LOSSES)}")
        if self.learning_rate not in ("auto", *SCHEDULES):
            raise ValueError(f"learning_rate={self.learning_rate!r} must be one of auto, {', '.join(SCHEDULES)}")
        alpha = _nonnegative(self.alpha, "alpha")
        shares = {"l2": 0.0, "l1": 1.0, "elasticnet": self.l1_ratio, None: None}
        if self.penalty not in shares:
            raise ValueError(f"penalty={self.penalty!r} must be 'l2', 'l1', 'elasticnet' or None")
        share = shares[self.penalty]
        options: dict[str, Any] = {
            "loss": _LOSSES[self.loss],
            "solver": self.solver,
            "intercept": bool(self.fit_intercept),
            "device": self.device,
            "standardize": bool(self.standardize),
        }
        if share is not None and not self._runs_schedule():
            options.update(penalty_options(alpha * share, alpha * (1 - share)))
        if self.loss == "huber":
            options["delta"] = float(self.epsilon)
        elif self.loss.endswith("epsilon_insensitive"):
            options["width"] = float(self.epsilon)
        if self.max_iter is not None:
            options["epochs"] = int(self.max_iter)
        if self.solver != "sgd":
            return options
        if self._runs_schedule():
            return {**options, "sampling": "permute" if self.shuffle else "none"}
        options.update(
            optimizer=self.optimizer,
            rate=None if self.eta0 is None else float(self.eta0),
            batch=None if self.batch_size == "auto" else self.batch_size,
            sampling="permute" if self.shuffle else "none",
            tolerance=1e-5 if self.tol == "auto" else float(self.tol or 0.0),
            patience=self.n_iter_no_change,
            average=None if self.average is None else bool(self.average),
            valid_fraction=float(self.validation_fraction) if self.early_stopping else None,
        )
        return options


class SGDRegressor(_SgdObjective, ScheduledMixin, _Regressor):
    """A linear regression of any loss, by minibatch steps.

    Parameters
    ----------
    loss : str
        "squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive", "quantile", "log_cosh", "poisson", "gamma"
        or "tweedie".
    penalty : {"l2", "l1", "elasticnet"} or None
        On the coefficients in the data's units.
    alpha : float
        Strength of the penalty, which is added to the mean loss. With sample weights the mean is weighted: their scale does not
        matter.
    l1_ratio : float
        Share of l1 in "elasticnet".
    fit_intercept : bool
        Whether to fit an intercept.
    max_iter : int, optional
        Limit of epochs; None: 2,000,000 / rows, from 20 to 1000.
    tol : float, None or "auto"
        Relative improvement per evaluation that counts; "auto": 1e-5. With a schedule, scikit-learn's meaning; "auto": 1e-3.
        None: all epochs run.
    shuffle : bool
        Whether rows are in random order.
    verbose : int
        1: print a line per epoch.
    epsilon : float
        Of the losses huber, epsilon_insensitive and squared_epsilon_insensitive.
    random_state : int, RandomState or None
        None is seed 0: equal fits give equal results.
    learning_rate : {"auto", "constant", "optimal", "invscaling", "adaptive"}
        "auto" chooses optimizer and rate from the data. The others run scikit-learn's algorithm: one row per step on the
        columns as they are, with its stopping rule; ``optimizer``, ``batch_size`` and ``standardize`` then have no effect.
    eta0 : float, optional
        The learning rate; None: chosen from the data, with a schedule 0.01.
    power_t : float
        Exponent of "invscaling".
    early_stopping : bool
        Whether to hold out ``validation_fraction`` of the rows and keep the epoch that does best on them.
    validation_fraction : float
        Share of the rows to hold out.
    n_iter_no_change : int, optional
        Evaluations without improvement that end the run.
    warm_start : bool
        Whether to start from the coefficients of the last fit.
    average : bool or int, optional
        Whether the result is an average of the iterates, or the step at which averaging starts; None: the optimizer's default.
    solver : str
        "sgd", "auto" (a full-batch method chosen by the data), or the name of one.
    optimizer : str
        "auto", "sgd", "momentum", "adam", ...; see `cusgd.options`.
    batch_size : int or "auto"
        Rows per step.
    standardize : bool
        Whether columns are standardized inside.
    device : str
        "auto", "cpu", "cuda" or "cuda:0".
    n_jobs : int, optional
        Threads; the result does not depend on it.
    """

    def __init__(
        self,
        loss: str = "squared_error",
        *,
        penalty: str | None = "l2",
        alpha: float = 0.0001,
        l1_ratio: float = 0.15,
        fit_intercept: bool = True,
        max_iter: int | None = None,
        tol: float | str | None = "auto",
        shuffle: bool = True,
        verbose: int = 0,
        epsilon: float = 0.1,
        random_state: Any = None,
        learning_rate: str = "auto",
        eta0: float | None = None,
        power_t: float = 0.25,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = None,
        warm_start: bool = False,
        average: bool | int | None = None,
        solver: str = "sgd",
        optimizer: str = "auto",
        batch_size: int | str = "auto",
        standardize: bool = True,
        device: str = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.epsilon = epsilon
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.average = average
        self.solver = solver
        self.optimizer = optimizer
        self.batch_size = batch_size
        self.standardize = standardize
        self.device = device
        self.n_jobs = n_jobs

    def _loss(self) -> str:
        return self.loss

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        if self.loss in _CLASS_LOSSES:
            raise ValueError(f"loss={self.loss!r} is for classes: use SGDClassifier")
        return self._sgd_options()


# ---- Classification ----


class _Classifier(LinearClassifierMixin, ClassifierMixin, Estimator):  # type: ignore[misc]
    """A classifier of two classes, or one against the rest for several."""

    class_weight: Any

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        """Return the options of the objective."""
        raise NotImplementedError

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Fit the model.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Dense; float32 is trained on in single precision, everything else in double precision.
        y : array of shape (n_samples,)
            Classes; with more than two, each is separated from the rest.
        sample_weight : array of shape (n_samples,), optional
            Rows of weight 0 count as absent.

        Returns
        -------
        self
        """
        X, y = self._features(X, y, False)
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        count = len(self.classes_)
        if count < 2:
            raise ValueError(f"The number of classes has to be greater than one; got {count} class")
        index = np.searchsorted(self.classes_, y)
        weights = self._class_weights(sample_weight, X, y, index)
        weights, X, (index,) = self._rows_with_weight(weights, X, index)
        weight_sum = float(len(X)) if weights is None else float(weights.sum())
        wanted = index[:, None] == np.arange(count)
        targets = (wanted[:, 1] if count == 2 else wanted).astype(X.dtype)
        start = None
        if getattr(self, "warm_start", False) and hasattr(self, "coef_"):
            start = self.coef_, self.intercept_
        weight, bias = self._minimize(X, targets, weights, self._objective(weight_sum, len(X)), start)
        self.coef_, self.intercept_ = weight.astype(X.dtype), bias.astype(X.dtype)
        return self

    def _class_weights(self, sample_weight: Any, X: Array, y: Array, index: Array) -> Any:
        """Return the product of sample weights and the weights of the classes."""
        if self.class_weight is None:
            return sample_weight
        by_class = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        return by_class[index].astype(X.dtype) * (1 if sample_weight is None else np.asarray(sample_weight, dtype=X.dtype))


class LogisticRegression(_Classifier):
    """Logistic regression, with a penalty ``|coef|^2 / (2 C)`` on the sum of the losses; several classes by one against the rest.

    Parameters
    ----------
    penalty : {"l2"} or None
        None: no penalty.
    C : float
        Inverse strength of the penalty.
    tol : float, optional
        The run ends when the gradient's norm is at most this share of the intercept-only model's; None: 1e-9, for float32 1e-5.
    fit_intercept : bool
        Whether to fit an intercept.
    class_weight : dict or "balanced", optional
        Weights of the classes.
    max_iter : int
        Limit of iterations.
    verbose : int
        1: print a line per iteration.
    warm_start : bool
        Whether to start from the coefficients of the last fit.
    n_jobs : int, optional
        Threads; the result does not depend on it.
    """

    def __init__(
        self,
        *,
        penalty: str | None = "l2",
        C: float = 1.0,
        tol: float | None = None,
        fit_intercept: bool = True,
        class_weight: Any = None,
        max_iter: int = 1000,
        verbose: int = 0,
        warm_start: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.penalty = penalty
        self.C = C
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        if self.penalty not in ("l2", None):
            raise ValueError(f"penalty={self.penalty!r} must be 'l2' or None; SGDClassifier has others")
        if not self.C > 0:
            raise ValueError(f"C == {self.C}, must be > 0")
        options = {"loss": "logistic", "solver": "auto", **_common(self, self.max_iter, self.tol)}
        return {**options, **penalty_options(0.0, 1 / (self.C * weight_sum))} if self.penalty else options

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        check_is_fitted(self)
        found: Array = self._predict_proba_lr(X)
        return found

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of the probability of each class.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        return np.log(self.predict_proba(X))


class SGDClassifier(_SgdObjective, ScheduledMixin, _Classifier):
    """A linear classifier of any loss, by minibatch steps; several classes by one against the rest.

    Parameters
    ----------
    loss : str
        "hinge" (a support vector machine), "squared_hinge" or "log_loss" (logistic regression).
    class_weight : dict or "balanced", optional
        Weights of the classes.
    penalty, alpha, l1_ratio, fit_intercept, max_iter, tol, shuffle, verbose, random_state, learning_rate, eta0, power_t
        As for `SGDRegressor`.
    early_stopping, validation_fraction, n_iter_no_change, warm_start, average, solver, optimizer, batch_size, standardize, device
        As for `SGDRegressor`.
    """

    epsilon = 0.1

    def __init__(
        self,
        loss: str = "hinge",
        *,
        penalty: str | None = "l2",
        alpha: float = 0.0001,
        l1_ratio: float = 0.15,
        fit_intercept: bool = True,
        max_iter: int | None = None,
        tol: float | str | None = "auto",
        shuffle: bool = True,
        verbose: int = 0,
        n_jobs: int | None = None,
        random_state: Any = None,
        learning_rate: str = "auto",
        eta0: float | None = None,
        power_t: float = 0.5,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = None,
        class_weight: Any = None,
        warm_start: bool = False,
        average: bool | int | None = None,
        solver: str = "sgd",
        optimizer: str = "auto",
        batch_size: int | str = "auto",
        standardize: bool = True,
        device: str = "auto",
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.average = average
        self.solver = solver
        self.optimizer = optimizer
        self.batch_size = batch_size
        self.standardize = standardize
        self.device = device

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        if self.loss not in _CLASS_LOSSES:
            raise ValueError(f"loss={self.loss!r} must be one of {', '.join(_CLASS_LOSSES)}")
        return self._sgd_options()

    def __getattr__(self, name: str) -> Any:
        """Offer probabilities with the logistic loss alone."""
        if name in ("predict_proba", "predict_log_proba") and self.__dict__.get("loss") == "log_loss":
            return {"predict_proba": self._probabilities, "predict_log_proba": self._log_probabilities}[name]
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def _probabilities(self, X: Any) -> Array:
        """Return the probability of each class."""
        check_is_fitted(self)
        found: Array = self._predict_proba_lr(X)
        return found

    def _log_probabilities(self, X: Any) -> Array:
        """Return the logarithm of the probability of each class."""
        return np.log(self._probabilities(X))
