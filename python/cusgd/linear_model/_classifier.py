"""What all classifiers share."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.linear_model._base import LinearClassifierMixin
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from ._base import Array, Estimator


class Classifier(LinearClassifierMixin, ClassifierMixin, Estimator):  # type: ignore[misc]
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


class ProbabilityMixin:
    """Probabilities of classes by the logistic function, normalized to a sum of 1 for more than two classes."""

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
        found: Array = self._predict_proba_lr(X)  # type: ignore[attr-defined]
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
