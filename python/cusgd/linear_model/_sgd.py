"""Linear models with any loss, trained by minibatch steps."""

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
    """Linear regression with any loss, trained by minibatch steps.

    Parameters
    ----------
    loss : str
        The loss: "squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive", "quantile", "log_cosh",
        "poisson", "gamma" or "tweedie".
    penalty : {"l2", "l1", "elasticnet"} or None
        The penalty on the coefficients, in the units of the data.
    alpha : float
        The strength of the penalty, which is added to the mean loss. With sample weights, the mean is a weighted mean, so the
        scale of the weights does not matter.
    l1_ratio : float
        The share of the l1 penalty in "elasticnet", from 0 to 1.
    fit_intercept : bool
        Whether to fit an intercept.
    max_iter : int, optional
        The maximum number of epochs. None stands for 2,000,000 divided by the number of rows, but from 20 to 1000.
    tol : float, None or "auto"
        The smallest relative improvement between evaluations that counts; "auto" stands for 1e-5. If ``learning_rate`` names a
        schedule, it has the meaning that it has in scikit-learn, and "auto" stands for 1e-3. With None, all epochs are run.
    shuffle : bool
        Whether each epoch uses the rows in a new random order.
    verbose : int
        1 shows a progress bar if tqdm is installed, and otherwise a line per epoch. 2 prints a line per epoch.
    epsilon : float
        The parameter of the losses "huber", "epsilon_insensitive" and "squared_epsilon_insensitive".
    random_state : int, RandomState or None
        The seed. None stands for the seed 0, so that equal fits have equal results.
    learning_rate : {"auto", "constant", "optimal", "invscaling", "adaptive"}
        "auto" chooses the optimizer and the rate from the data. The other values name schedules of scikit-learn and run its
        algorithm and stopping rule, with one row per step and without standardization. ``optimizer``, ``batch_size`` and
        ``standardize`` then have no effect.
    eta0 : float, optional
        The learning rate. None chooses it from the data, or stands for 0.01 if ``learning_rate`` names a schedule.
    power_t : float
        The exponent of "invscaling". As in scikit-learn, negative values are deprecated.
    early_stopping : bool
        Whether to hold out ``validation_fraction`` of the rows and keep the parameters of the best epoch on them.
    validation_fraction : float
        The share of the rows to hold out, between 0 and 1.
    n_iter_no_change : int, optional
        The number of evaluations without improvement after which the run ends.
    warm_start : bool
        Whether to start from the coefficients of the previous fit.
    average : bool or int, optional
        Whether the result is an average of the iterates, or the step at which averaging starts. None uses the default of the
        optimizer.
    solver : str
        "sgd", "auto" (a full-batch solver chosen from the data), "best" (sgd or a full-batch solver, chosen from the options and
        the shape of the data), or the name of a solver.
    optimizer : str
        "auto", "sgd", "momentum", "adam" or another optimizer; see `cusgd.options`.
    batch_size : int or "auto"
        The number of rows per step.
    standardize : bool
        Whether to standardize the columns internally.
    device : str
        The device: "auto", "cpu", "cuda" or "cuda:0".
    n_jobs : int, optional
        The number of threads. The result does not depend on it.
    callback : callable or list of callables, optional
        Functions that are called after each epoch, as for `cusgd.fit`.
    loss_expr : str, optional
        An own loss, which replaces ``loss``. It is a formula of the prediction p and the target y, such as
        ``"log(cosh(p - y))"``, which is differentiated automatically.
    constants : dict of str to float, optional
        The values of names in ``loss_expr`` and ``link``, such as ``{"c": 1.35}``.
    link : str, optional
        The mean of the target as a formula of p, such as ``"exp(p)"``, for use with ``loss_expr``. `predict` returns the mean.
        None stands for p.

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
        self.intercept_ = np.atleast_1d(self.intercept_)  # the shape in SGDRegressor of scikit-learn, unlike other regressors

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
    """Linear classification with any loss, trained by minibatch steps.

    More than two classes are trained in one run: "log_loss" uses softmax, and the other losses train each class against the rest.
    If ``learning_rate`` names a schedule, the algorithm of scikit-learn trains one class after the other against the rest.

    Parameters
    ----------
    loss : str
        The loss: "hinge" (a support vector machine), "squared_hinge", "log_loss" (logistic regression), "modified_huber",
        "perceptron", or a loss of `SGDRegressor` for real targets, which is then used with the targets -1 and 1.
    class_weight : dict or "balanced", optional
        The weights of the classes.
    tol : float, None or "auto"
        As for `SGDRegressor`. In addition, "auto" ends a run if the loss fell by less than 1e-3 of the loss after the first epoch
        during the last ``n_iter_no_change`` epochs.
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
        # When scikit-learn trains a class against the rest, only the rows of that class have its weight. So there is a column of
        # weights per class.
        of_class: Array = np.where(index[:, None] == np.arange(len(by_class)), by_class, 1.0).astype(X.dtype)
        return of_class if weights is None else of_class * weights[:, None]

    def _is_first_part(self, classes: Any) -> bool:
        """Tell whether this is the first call of `partial_fit`, which determines the classes."""
        known = getattr(self, "classes_", None)
        if known is not None and classes is not None and np.array_equal(known, classes):
            return False  # skip the check of scikit-learn, which takes longer than steps on few rows
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
            All classes that may occur in any call. It must be given in the first call.
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
        share[share.sum(axis=1) == 0] = 1  # all classes are equally probable if each has the share 0
        normalized: Array = share / share.sum(axis=1, keepdims=True)
        return normalized

    predict_proba = available_if(_has_probabilities)(ProbabilityMixin.predict_proba)
    predict_log_proba = available_if(_has_probabilities)(ProbabilityMixin.predict_log_proba)
