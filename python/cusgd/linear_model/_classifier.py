"""The base class of all classifiers."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.linear_model._base import LinearClassifierMixin
from sklearn.utils import compute_class_weight
from sklearn.utils.extmath import softmax
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from .._arrays import readable
from .._classes import is_missing
from ._base import Array, Estimator, in_own_words


class Classifier(LinearClassifierMixin, ClassifierMixin, Estimator):  # type: ignore[misc]
    """The base class of classifiers. Several classes are trained together if the library has a loss for that."""

    class_weight: Any
    # Whether "balanced" uses the weights of the rows. In scikit-learn, LogisticRegression does, and SGDClassifier does not.
    _balances_with_weights = "sample_weight" in inspect.signature(compute_class_weight).parameters

    def _objective(self, weight_sum: float, rows: int) -> dict[str, Any]:
        """Return the options of the objective."""
        raise NotImplementedError

    def _features(self, X: Any, y: Any, **checks: Any) -> tuple[Any, Array]:
        if y is not None:
            names = np.asarray(readable(y, "y", are_classes=True))
            if names.dtype.kind == "O" and any(map(is_missing, names.ravel())):
                raise ValueError("y has missing values: leave these rows out")
        return super()._features(X, y, **checks)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Fit the model.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            Rows. Training uses single precision for float32 and double precision for all other types. Columns of a sparse matrix
            are not standardized.
        y : array of shape (n_samples,)
            Classes.
        sample_weight : array of shape (n_samples,), optional
            Weights, at least 0. Rows with weight 0 are ignored.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight)

    @in_own_words
    def _fit(self, X: Any, y: Any, sample_weight: Any, init: tuple[Any, Any] = (None, None)) -> Any:
        """Fit the model, starting from given coefficients and intercepts, or from the library's defaults if they are None."""
        X, y = self._features(X, y)
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        count = len(self.classes_)
        if count < 2:
            raise ValueError(f"The number of classes has to be greater than one; got {count} class")
        index = np.searchsorted(self.classes_, y)
        weights = self._check_weights(sample_weight, X)
        if self.class_weight is not None:
            given = {"sample_weight": weights} if self._balances_with_weights and weights is not None else {}
            by_class = compute_class_weight(self.class_weight, classes=self.classes_, y=y, **given)
            weights = self._class_weights(weights, X, index, by_class)
        weights, X, (index,) = self._rows_with_weight(weights, X, index)
        weight_sum = float(X.shape[0]) if weights is None else float(weights.sum())
        options = self._objective(weight_sum, X.shape[0])
        start = self._starting_point(init, 1 if count == 2 else count, X.shape[1])
        self._keep_coefficients(*self._minimize(X, self._targets(index, X.dtype), weights, options, start), X.dtype)
        return self

    def _is_joint(self) -> bool:
        """Tell whether several classes are trained in one run, in which the targets are the numbers of the classes."""
        return True

    def _class_count(self) -> int | None:
        """Return the number of classes that are trained in one run, or None if there are two or each has a separate target."""
        count = len(self.classes_)
        return count if count > 2 and self._is_joint() else None

    def decision_function(self, X: Any) -> Array:
        """Return the values of the decision function (the linear predictor) for each row.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,) for two classes, or (n_samples, n_classes) for more
            With two classes, positive values predict the second class. With more, the largest value predicts the class.
        """
        found: Array = super().decision_function(readable(X, "X", may_be_sparse=self._takes_sparse))
        return found

    def predict(self, X: Any) -> Array:
        """Predict the class of each row.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        found: Array = super().predict(readable(X, "X", may_be_sparse=self._takes_sparse))
        return found

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy, which is the share of the rows whose class is predicted correctly.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Rows.
        y : array of shape (n_samples,)
            Classes.
        sample_weight : array of shape (n_samples,), optional
            Weights.

        Returns
        -------
        float
        """
        return float(super().score(X, readable(y, "y", are_classes=True), readable(sample_weight, "sample_weight")))

    def _targets(self, index: Array, dtype: Any) -> Array:
        """Return the targets of training.

        If several classes are trained together, the targets are the numbers of the classes. Otherwise they are 1 for the rows of
        a class and 0 for the other rows, with a column per class, or a vector of the second class if there are two.
        """
        count = len(self.classes_)
        if self._class_count() is not None:
            return index.astype(dtype)
        wanted = index[:, None] == np.arange(count)
        numbers: Array = (wanted[:, 1] if count == 2 else wanted).astype(dtype)
        return numbers

    def _class_weights(self, weights: Array | None, X: Any, index: Array, by_class: Array) -> Array:
        """Return the weights of the rows, each multiplied by the weight of its class."""
        rows: Array = by_class[index].astype(X.dtype)
        return rows if weights is None else rows * weights

    def _keep_coefficients(self, weight: Array, bias: Array, dtype: Any) -> None:
        """Store coefficients and intercepts."""
        self.coef_, self.intercept_ = weight.astype(dtype), bias.astype(dtype)


class ProbabilityMixin:
    """Computes probabilities by the logistic function, or by softmax for several classes that were trained together."""

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
        estimator: Any = self
        if estimator._class_count() is not None and estimator._has_softmax():
            together: Array = softmax(estimator.decision_function(X), copy=True)
            return together
        found: Array = estimator._predict_proba_lr(X)
        return found

    def _has_softmax(self) -> bool:
        """Tell whether several classes that are trained together use softmax."""
        return True

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
