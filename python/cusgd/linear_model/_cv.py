"""Linear models whose penalties are chosen by cross-validation. All models are trained in one pass over the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ParameterGrid, check_cv
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, column_or_1d

from .._arrays import is_sparse
from .._errors import warn
from .._sweep import Sweep, sweep
from ._base import LOSSES, Array, Estimator, keep, loss_options, nonnegative, share, threads
from ._classifier import Classifier, ProbabilityMixin
from ._one_by_one import Rows, cross_validate
from ._own_loss import OwnLossMixin
from ._regressor import Regressor
from ._sgd_base import CLASS_LOSSES

_NUMBERS = ("alpha", "l1_ratio", "eta0", "momentum")
_MOST_FOLDS = 63


def _class_weight(weight: Any, classes: Array) -> Any:
    """Convert the weights of two classes to the library's form, which is a factor on the weight of the second class."""
    if not isinstance(weight, Mapping):
        if weight is None or weight == "balanced":
            return weight
        raise ValueError(f"class_weight in param_grid must be a dict, 'balanced' or None, not {weight!r}")
    unknown = set(weight) - set(classes.tolist())
    if unknown:
        raise ValueError(f"class_weight in param_grid has {sorted(map(str, unknown))}, which are no classes of y")
    of = [float(weight.get(label, 1)) for label in classes.tolist()]
    if not min(of) > 0:
        raise ValueError(f"class_weight in param_grid must have numbers above 0, not {weight!r}")
    return of[1] / of[0]


def _configuration(candidate: Mapping[str, Any], l1_ratio: float, classes: Array | None) -> dict[str, Any]:
    """Convert a candidate of the grid to a configuration of the library. ``classes`` is None for regressors."""
    names = _NUMBERS if classes is None else (*_NUMBERS, "class_weight")
    unknown = set(candidate) - set(names)
    if unknown:
        raise ValueError(f"param_grid varies {', '.join(names)}, not {', '.join(sorted(map(str, unknown)))}")
    alpha = nonnegative(candidate.get("alpha", 1e-4), "alpha")
    of_l1 = share(candidate.get("l1_ratio", l1_ratio), "l1_ratio")
    numbers: dict[str, Any] = {"l1": alpha * of_l1, "l2": alpha * (1 - of_l1)}
    numbers.update({to: float(candidate[name]) for name, to in (("eta0", "rate"), ("momentum", "momentum")) if name in candidate})
    if classes is not None and "class_weight" in candidate:
        numbers["class_weight"] = _class_weight(candidate["class_weight"], classes)
    return numbers


class _Cv(Estimator):
    """The base class of `SGDRegressorCV` and `SGDClassifierCV`."""

    loss: str
    param_grid: Any
    cv: Any
    select: str
    halving: int
    memory: float | str
    epsilon: float
    tol: float | None
    optimizer: str
    batch_size: int | str
    standardize: bool
    device: str

    _losses: tuple[str, ...] = ()
    _of_classes = False

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        """Return the options of the sweep."""
        self._check_loss()
        if self.loss not in self._losses:
            raise ValueError(f"loss={self.loss!r} must be one of {', '.join(self._losses)}")
        if self.select not in ("best", "1se"):
            raise ValueError(f"select={self.select!r} must be 'best' or '1se'")
        return {
            **self._loss_options(),
            "penalty_units": "data",
            "intercept": bool(self.fit_intercept),
            "standardize": bool(self.standardize),
            "optimizer": self.optimizer,
            "batch": None if self.batch_size == "auto" else self.batch_size,
            "tolerance": 1e-5 if self.tol is None else float(self.tol),
            "epochs": self.max_iter,
            "device": self.device,
            "seed": self._seed(),
            "threads": threads(self.n_jobs),
        }

    def _check_loss(self) -> None:
        """Raise an error if parameters of the loss are invalid."""

    def _loss_options(self) -> dict[str, Any]:
        """Return the options of the loss."""
        return loss_options(self.loss, self.epsilon)

    _groups: Any = None  # the groups of the rows, during a fit

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Any:
        """Choose the parameters by cross-validation, and fit the model of all rows.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            Rows. With sparse rows, each model is trained in a separate run, for all combinations of candidates and folds.
        y : array of shape (n_samples,)
            Targets.
        sample_weight : array of shape (n_samples,), optional
            Weights, at least 0. Rows with weight 0 are ignored. Scores are weighted means over the held-out rows, whereas those
            of `GridSearchCV` are not weighted.
        groups : array of shape (n_samples,), optional
            The groups of the rows, if ``cv`` is a splitter that keeps the rows of a group together, such as
            `sklearn.model_selection.GroupKFold`.

        Returns
        -------
        self
        """
        self._groups = None if groups is None else self._groups_with_weight(groups, sample_weight)
        try:
            return super().fit(X, y, sample_weight)
        finally:
            self._groups = None

    def _groups_with_weight(self, groups: Any, sample_weight: Any) -> Array:
        """Return the groups of the rows whose weight is not 0."""
        found: Array = column_or_1d(groups)
        if sample_weight is None or np.ndim(sample_weight) == 0:
            return found
        check_consistent_length(found, sample_weight)
        kept: Array = found[np.asarray(sample_weight) > 0]
        return kept

    def _folds(self, X: Array, y: Array) -> Array:
        """Return the fold of each row according to scikit-learn's splitter."""
        splitter = check_cv(self.cv, y, classifier=self._of_classes)
        folds = np.full(X.shape[0], -1)
        count = 0
        for count, (_, test) in enumerate(splitter.split(X, y, self._groups), start=1):
            if (folds[test] >= 0).any():
                raise ValueError("cv must put each row into one fold: trained in one pass, folds cannot overlap")
            folds[test] = count - 1
        if (folds < 0).any() or not 2 <= count <= _MOST_FOLDS:
            raise ValueError(f"cv must put each row into one of 2 to {_MOST_FOLDS} folds")
        return folds

    def _minimize(self, X: Array, y: Array, weights: Array | None, options: dict[str, Any], start: Any) -> tuple[Array, Array]:
        grid = {"alpha": np.logspace(-6, 0, 13)} if self.param_grid is None else self.param_grid
        candidates = list(ParameterGrid(grid))
        classes = self.classes_ if self._of_classes else None
        numbers = [_configuration(candidate, self.l1_ratio, classes) for candidate in candidates]
        if is_sparse(X):
            found = self._one_by_one(X, y, numbers, weights, options)
            self._keep_results(candidates, found)
            return found.model.weight, found.model.bias
        found = sweep(
            X,
            y,
            numbers,
            folds=self._folds(X, y),
            select=self.select,
            halving=self.halving,
            memory=self.memory,
            sample_weight=weights,
            **options,
        )
        self._keep_results(candidates, found)
        model = found.model
        return model.weight, model.bias

    def _one_by_one(
        self, X: Any, y: Array, numbers: list[dict[str, Any]], weights: Array | None, options: dict[str, Any]
    ) -> Sweep:
        """Return the outcomes on sparse rows, which a sweep does not support."""
        if self.halving:
            raise ValueError("halving=0 is needed with sparse X, of which each model is trained by itself")
        if any("class_weight" in of for of in numbers):
            raise ValueError("class_weight cannot be in param_grid with sparse X, of which each model is trained by itself")
        return cross_validate(Rows(X, y, weights, self._folds(X, y)), numbers, self.select, options)

    def _keep_results(self, candidates: list[dict[str, Any]], found: Sweep) -> None:
        """Set the attributes of `sklearn.model_selection.GridSearchCV`. The scores are negated losses."""
        outcomes = found.outcomes
        losses = np.array([outcome.losses for outcome in outcomes])
        self.cv_results_ = {
            "params": candidates,
            **{f"split{f}_test_score": -losses[:, f] for f in range(losses.shape[1])},
            "mean_test_score": -np.array([outcome.mean for outcome in outcomes]),
            "std_test_score": losses.std(axis=1),
            "rank_test_score": np.array([outcome.rank for outcome in outcomes], dtype=np.int32),
            "epochs": np.array([outcome.epochs for outcome in outcomes]),
            "stop": [outcome.stop for outcome in outcomes],
        }
        for name in sorted({name for candidate in candidates for name in candidate}):
            values = [candidate.get(name) for candidate in candidates]
            self.cv_results_[f"param_{name}"] = np.ma.masked_array(
                np.array([0.0 if value is None else value for value in values], dtype=object if name == "class_weight" else None),
                mask=[value is None for value in values],
            )
        self.best_index_ = found.chosen
        self.best_params_ = candidates[found.chosen]
        self.best_score_ = -outcomes[found.chosen].mean
        self.n_splits_ = losses.shape[1]
        self.n_iter_ = max(outcomes[found.chosen].epochs, 1)
        self.sweep_ = found
        if outcomes[found.chosen].stop == "epochs" and self.tol != 0:
            limit = f"max_iter={self.max_iter}" if self.max_iter else f"{self.n_iter_} epochs, the limit for max_iter=None"
            warn(f"A model of the chosen parameters reached the maximum number of iterations ({limit})", ConvergenceWarning)


class SGDRegressorCV(OwnLossMixin, _Cv, Regressor):
    """Linear regression whose penalty is chosen by cross-validation. The models of all folds are trained in one pass.

    The results correspond to those of `sklearn.model_selection.GridSearchCV` with `SGDRegressor`, with losses as the scores.

    Parameters
    ----------
    loss : str
        A loss of `SGDRegressor`.
    param_grid : dict or list of dict, optional
        The values of ``alpha``, ``l1_ratio``, ``eta0`` and ``momentum`` (with the optimizers momentum, nesterov and rmsprop). All
        combinations are trained. None stands for 13 values of ``alpha`` from 1e-6 to 1.
    cv : int, splitter or iterable of splits
        The folds, as in scikit-learn. Each row must be in exactly one fold.
    select : {"best", "1se"}
        "best" chooses the model with the minimum mean loss, and "1se" that with the largest penalty whose mean loss is within one
        standard error of the minimum.
    halving : int
        With a value of at least 2, successive halving is used: after 1, ``halving``, ``halving**2``, ... epochs, only one of
        ``halving`` candidates continues, namely those with the smallest losses. The other candidates keep the losses that they
        had then. With 0, all candidates are trained to the end.
    memory : float or str
        The maximum memory of the models, in bytes or as a string such as ``"2G"``. If it does not hold all models, there are
        several passes over the data. 0 stands for half of the machine's memory.
    l1_ratio : float
        The share of the l1 penalty if ``param_grid`` does not contain it, from 0 to 1.
    fit_intercept, max_iter, epsilon, random_state, optimizer, batch_size, standardize, device, n_jobs
        As for `SGDRegressor`.
    loss_expr, constants, link
        As for `SGDRegressor`.
    tol : float, optional
        The smallest relative improvement of a model's objective per epoch that counts. None stands for 1e-5.

    Attributes
    ----------
    cv_results_ : dict
        The results, as in `GridSearchCV`: ``params``, ``split0_test_score``, ..., ``mean_test_score``, ``rank_test_score``. The
        scores are negated losses.
    best_params_, best_index_, best_score_, n_splits_
        As in `GridSearchCV`.
    coef_, intercept_
        The coefficients and the intercept of the chosen model, which is trained on all rows.
    sweep_ : cusgd.Sweep
        The sweep.
    """

    _losses = tuple(name for name in LOSSES if name not in CLASS_LOSSES)
    _multi_output = False

    def __init__(
        self,
        loss: str = "squared_error",
        *,
        param_grid: Any = None,
        cv: Any = 5,
        select: str = "best",
        halving: int = 0,
        memory: float | str = 0,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        max_iter: int | None = None,
        tol: float | None = None,
        epsilon: float = 0.1,
        random_state: Any = None,
        optimizer: str = "auto",
        batch_size: int | str = "auto",
        standardize: bool = True,
        device: str = "auto",
        n_jobs: int | None = None,
        loss_expr: str | None = None,
        constants: Mapping[str, float] | None = None,
        link: str | None = None,
    ) -> None:
        keep(self, locals())


def _has_probabilities(estimator: SGDClassifierCV) -> bool:
    """Tell whether the loss has probabilities, or say why not."""
    if estimator.loss != "log_loss":
        raise AttributeError(f"probability estimates are not available for loss={estimator.loss!r}")
    return True


class SGDClassifierCV(ProbabilityMixin, _Cv, Classifier):
    """Linear classification of two classes. The penalty is chosen by cross-validation, as in `SGDRegressorCV`.

    Parameters
    ----------
    loss : {"log_loss", "hinge", "squared_hinge", "modified_huber"}
        The loss. Probabilities are available only for "log_loss".
    class_weight : dict or "balanced", optional
        The weights of the classes, which are also used in the losses that compare the models.
    param_grid : dict or list of dict, optional
        As for `SGDRegressorCV`. If X is dense, the grid may also contain ``class_weight``, whose values are dicts, "balanced" (by
        the rows that a model is trained on) or None. These weights are used in training, but not in the losses that compare the
        models.
    cv, select, halving, memory, l1_ratio
        As for `SGDRegressorCV`. The folds are stratified.
    fit_intercept, max_iter, tol, epsilon, random_state, optimizer, batch_size, standardize, device, n_jobs
        As for `SGDRegressorCV`.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The classes.
    cv_results_, best_params_, best_index_, best_score_, n_splits_, coef_, intercept_, sweep_
        As for `SGDRegressorCV`.
    """

    _losses = ("log_loss", "hinge", "squared_hinge", "modified_huber")
    _of_classes = True

    def __init__(
        self,
        loss: str = "log_loss",
        *,
        class_weight: Any = None,
        param_grid: Any = None,
        cv: Any = 5,
        select: str = "best",
        halving: int = 0,
        memory: float | str = 0,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        max_iter: int | None = None,
        tol: float | None = None,
        epsilon: float = 0.1,
        random_state: Any = None,
        optimizer: str = "auto",
        batch_size: int | str = "auto",
        standardize: bool = True,
        device: str = "auto",
        n_jobs: int | None = None,
    ) -> None:
        keep(self, locals())

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        if len(self.classes_) > 2:
            raise ValueError("Only binary classification is supported. The type of the target is multiclass.")
        return super()._objective(weight_sum, rows)

    predict_proba = available_if(_has_probabilities)(ProbabilityMixin.predict_proba)
    predict_log_proba = available_if(_has_probabilities)(ProbabilityMixin.predict_log_proba)

    def __sklearn_tags__(self) -> Any:
        """Return the properties of the estimator that scikit-learn's tools use."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags
