"""What all regressors share."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from ._base import Array, Estimator

_LOG_LINKS = ("poisson", "gamma", "tweedie")


def _check_range(y: Array, loss: str) -> None:
    """Refuse targets that the loss does not take."""
    if (loss in ("poisson", "tweedie") and (y < 0).any()) or (loss == "gamma" and (y <= 0).any()):
        raise ValueError(f"Some value(s) of y are out of the valid range of the loss {loss!r}.")


def _intercept(bias: Array, single: bool, dtype: Any) -> Any:
    """Return the intercept as scikit-learn's linear models have it: a number for one target."""
    return dtype.type(bias[0]) if single else bias.astype(dtype)


class Regressor(RegressorMixin, Estimator):  # type: ignore[misc]
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
