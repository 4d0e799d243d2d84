"""Linear models of any loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call
from sklearn.utils.validation import column_or_1d

from .._trainer import Trainer
from ..callbacks import Callback
from ._base import LOG_LINKS, LOSSES, Array, in_own_words, keep
from ._classifier import Classifier, ProbabilityMixin
from ._own_loss import OwnLossMixin
from ._partial import takes_steps
from ._regressor import Regressor, check_range
from ._sgd_base import CLASS_LOSSES, FlatLoss, Sgd, loss_functions_of


class SGDRegressor(OwnLossMixin, Sgd, Regressor):  # type: ignore[misc]
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
        1: show a progress bar (of tqdm; without it, lines); 2: print a line per epoch.
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
        Exponent of "invscaling"; of less than 0 it is deprecated, as in scikit-learn.
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
        "sgd", "auto" (a full-batch method chosen by the data), "best" (sgd or a full-batch method, by the options and the shape),
        or the name of one.
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
    callback : callable or list of callables, optional
        Called after each epoch, as by `cusgd.fit`.
    loss_expr : str, optional
        A loss of your own, in the place of ``loss``: a formula of the prediction p and the target y such as
        ``"log(cosh(p - y))"``, which is differentiated automatically.
    constants : dict of str to float, optional
        Names in ``loss_expr`` and ``link`` that stand for numbers: ``{"c": 1.35}``.
    link : str, optional
        With ``loss_expr``: the mean of the target as a formula of p, which `predict` returns: ``"exp(p)"``. None: p.

    Examples
    --------
    >>> import numpy as np
    >>> from cusgd.linear_model import SGDRegressor
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> y = X @ [1.0, 2.0] + 3
    >>> y[0] = 1e3
    >>> robust = SGDRegressor(loss_expr="c^2*(sqrt(1 + ((p - y)/c)^2) - 1)", constants={"c": 0.1}, alpha=0)
    >>> robust.fit(X, y).coef_.round(2).tolist()
    [1.0, 2.0]
    """

    loss_functions = loss_functions_of(name for name in LOSSES if name not in CLASS_LOSSES)

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
        callback: Any = None,
        loss_expr: str | None = None,
        constants: Mapping[str, float] | None = None,
        link: str | None = None,
    ) -> None:
        keep(self, locals())

    def _features(self, X: Any, y: Any, **checks: Any) -> tuple[Any, Array]:
        X, y = super()._features(X, y, **checks)
        return X, column_or_1d(y, warn=True) if np.shape(y)[1:] == (1,) else y

    def _keep_coefficients(self, weight: Array, bias: Array, single: bool, dtype: Any) -> None:
        super()._keep_coefficients(weight, bias, single, dtype)
        self.intercept_ = np.atleast_1d(self.intercept_)  # as scikit-learn's SGDRegressor, and no other of its regressors

    @available_if(takes_steps)  # type: ignore[untyped-decorator]
    @in_own_words
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train on more rows: one epoch over them, from where the last call of `fit` or `partial_fit` ended.

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
        self
        """
        self._check_partial()
        first = getattr(self, "coef_", None) is None
        X, y, weights = self._partial_rows(X, y, sample_weight, first)
        y = np.asarray(y, dtype=X.dtype)
        check_range(y, self._loss())
        weight, bias = self._advance(X, y[:, None], weights)
        self._keep_coefficients(weight, bias, True, X.dtype)
        return self


def _has_probabilities(estimator: SGDClassifier) -> bool:
    """Tell whether the loss has probabilities, or say why not."""
    if estimator.loss not in ("log_loss", "modified_huber"):
        raise AttributeError(f"probability estimates are not available for loss={estimator.loss!r}")
    return True


class SGDClassifier(Sgd, Classifier):  # type: ignore[misc]
    """A linear classifier of any loss, by minibatch steps.

    Several classes are trained in one run, "log_loss" by softmax and others each against the rest. The schedules of
    ``learning_rate`` run scikit-learn's algorithm, class after class against the rest.

    Parameters
    ----------
    loss : str
        "hinge" (a support vector machine), "squared_hinge", "log_loss" (logistic regression), "modified_huber", "perceptron" or
        a loss of `SGDRegressor` for real numbers, of targets -1 and 1.
    class_weight : dict or "balanced", optional
        Weights of the classes.
    tol : float, None or "auto"
        As for `SGDRegressor`; "auto" also ends a run whose loss, in ``n_iter_no_change`` epochs, fell by less than 1e-3 of the
        loss after the first epoch.
    penalty, alpha, l1_ratio, fit_intercept, max_iter, shuffle, verbose, epsilon, random_state, learning_rate, eta0, power_t
        As for `SGDRegressor`.
    early_stopping, validation_fraction, n_iter_no_change, warm_start, average
        As for `SGDRegressor`.
    solver, optimizer, batch_size, standardize, device, n_jobs, callback
        As for `SGDRegressor`.
    """

    class_weight: Any
    _own_weights: Any
    _balances_with_weights = False

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
        epsilon: float = 0.1,
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
        callback: Any = None,
    ) -> None:
        keep(self, locals())

    loss_functions = loss_functions_of(name for name in LOSSES if name not in LOG_LINKS)

    def _targets(self, index: Array, dtype: Any) -> Array:
        wanted = super()._targets(index, dtype)
        return wanted if self.loss in CLASS_LOSSES else 2 * wanted - 1

    def _is_joint(self) -> bool:
        return self.loss in CLASS_LOSSES and not self._runs_schedule()

    def _stopping_rules(self, trainer: Trainer) -> list[Callback]:
        is_auto = self.tol == "auto" and self.solver == "sgd" and not self.early_stopping
        return [FlatLoss(int(trainer.options["patience"]))] if is_auto else []

    def _has_softmax(self) -> bool:
        return self.loss == "log_loss"

    def _class_weights(self, weights: Array | None, X: Any, index: Array, by_class: Array) -> Array:
        if self.early_stopping and self._runs_schedule():
            self._own_weights = weights
        if len(by_class) == 2 or not self._runs_schedule():
            return super()._class_weights(weights, X, index, by_class)
        # scikit-learn weighs the rows of the class in question, and not the rest: a column per class
        of_class: Array = np.where(index[:, None] == np.arange(len(by_class)), by_class, 1.0).astype(X.dtype)
        return of_class if weights is None else of_class * weights[:, None]

    def _is_first_part(self, classes: Any) -> bool:
        """Tell whether `partial_fit` was not called before; its classes are kept then, and else are those of the first call."""
        known = getattr(self, "classes_", None)
        if known is not None and classes is not None and np.array_equal(known, classes):
            return False  # without scikit-learn's check, which takes longer than steps on few rows
        return bool(_check_partial_fit_first_call(self, classes))

    @available_if(takes_steps)  # type: ignore[untyped-decorator]
    @in_own_words
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        """Train on more rows: one epoch over them, from where the last call of `fit` or `partial_fit` ended.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Rows.
        y : array of shape (n_samples,)
            Classes.
        classes : array of shape (n_classes,)
            All classes that there will be; must be given in the first call.
        sample_weight : array of shape (n_samples,), optional
            Weights.

        Returns
        -------
        self
        """
        self._check_partial()
        first = self._is_first_part(classes)
        X, y, weights = self._partial_rows(X, y, sample_weight, first)
        index = np.searchsorted(self.classes_, y)
        known = self.classes_[np.minimum(index, len(self.classes_) - 1)] == y
        if not known.all():
            unknown = np.unique(y[~known])
            raise ValueError(f"y has classes that the first call's `classes` lacks: {unknown[:5].tolist()}")
        if len(self.classes_) < 2:
            raise ValueError(f"The number of classes has to be greater than one; got {len(self.classes_)} class")
        if self.class_weight is not None:
            by_class = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
            weights = self._class_weights(weights, X, index, by_class)
        targets = self._targets(index, X.dtype)
        weight, bias = self._advance(X, targets[:, None] if targets.ndim == 1 else targets, weights)
        self._keep_coefficients(weight, bias, X.dtype)
        return self

    def _check_partial(self) -> None:
        super()._check_partial()
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight '{self.class_weight}' is not supported for partial_fit. In order to use 'balanced' weights, use "
                f"compute_class_weight('{self.class_weight}', classes=classes, y=y). In place of y you can use a large enough "
                "sample of the full training set target to properly estimate the class frequency distributions. Pass the "
                "resulting weights as the class_weight parameter."
            )

    def _predict_proba_lr(self, X: Any) -> Array:
        if self.loss != "modified_huber":
            found: Array = super()._predict_proba_lr(X)
            return found
        share = (np.clip(self.decision_function(X), -1, 1) + 1) / 2
        if share.ndim == 1:
            return np.column_stack([1 - share, share])
        share[share.sum(axis=1) == 0] = 1  # no class claims the row
        normalized: Array = share / share.sum(axis=1, keepdims=True)
        return normalized

    predict_proba = available_if(_has_probabilities)(ProbabilityMixin.predict_proba)
    predict_log_proba = available_if(_has_probabilities)(ProbabilityMixin.predict_log_proba)
