"""Linear models of any loss."""

from __future__ import annotations

from typing import Any

from sklearn.utils.metaestimators import available_if

from ._base import LOSSES, Estimator, keep, nonnegative, penalty_options
from ._classifier import Classifier, ProbabilityMixin
from ._regressor import Regressor
from ._schedules import SCHEDULES, ScheduledMixin

_CLASS_LOSSES = ("hinge", "squared_hinge", "log_loss")


class _SgdObjective(Estimator):
    """The parameters that `SGDRegressor` and `SGDClassifier` have in common."""

    loss: str
    penalty: str | None
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
        if self.loss not in LOSSES:
            raise ValueError(f"loss={self.loss!r} must be one of {', '.join(LOSSES)}")
        if self.learning_rate not in ("auto", *SCHEDULES):
            raise ValueError(f"learning_rate={self.learning_rate!r} must be one of auto, {', '.join(SCHEDULES)}")
        alpha = nonnegative(self.alpha, "alpha")
        shares = {"l2": 0.0, "l1": 1.0, "elasticnet": self.l1_ratio, None: None}
        if self.penalty not in shares:
            raise ValueError(f"penalty={self.penalty!r} must be 'l2', 'l1', 'elasticnet' or None")
        share = shares[self.penalty]
        options: dict[str, Any] = {
            "loss": LOSSES[self.loss],
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


class SGDRegressor(_SgdObjective, ScheduledMixin, Regressor):
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
        keep(self, locals())

    def _loss(self) -> str:
        return self.loss

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        if self.loss in _CLASS_LOSSES:
            raise ValueError(f"loss={self.loss!r} is for classes: use SGDClassifier")
        return self._sgd_options()


def _has_probabilities(estimator: SGDClassifier) -> bool:
    """Tell whether the loss has probabilities, or say why not."""
    if estimator.loss != "log_loss":
        raise AttributeError(f"probability estimates are not available for loss={estimator.loss!r}")
    return True


class SGDClassifier(_SgdObjective, ScheduledMixin, Classifier):
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
        keep(self, locals())

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        if self.loss not in _CLASS_LOSSES:
            raise ValueError(f"loss={self.loss!r} must be one of {', '.join(_CLASS_LOSSES)}")
        return self._sgd_options()

    predict_proba = available_if(_has_probabilities)(ProbabilityMixin.predict_proba)
    predict_log_proba = available_if(_has_probabilities)(ProbabilityMixin.predict_log_proba)
