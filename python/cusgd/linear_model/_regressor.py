"""The base class of all regressors."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from .._arrays import readable
from ._base import LOG_LINKS, Array, Estimator, in_own_words


def check_range(y: Array, loss: str) -> None:
    """Raise an error if targets are outside the range of the loss."""
    if (loss in ("poisson", "tweedie") and (y < 0).any()) or (loss == "gamma" and (y <= 0).any()):
        raise ValueError(f"Some value(s) of y are out of the valid range of the loss {loss!r}.")


class Regressor(RegressorMixin, Estimator):  # type: ignore[misc]
    """The base class of regressors. A subclass defines its objective in `_objective`."""

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
        X : array or sparse matrix of shape (n_samples, n_features)
            Rows. Training uses single precision for float32 and double precision for all other types. Columns of a sparse matrix
            are not standardized.
        y : array of shape (n_samples,) or (n_samples, n_targets)
            Targets.
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
        X, y = self._features(X, y, multi_output=self._multi_output)
        y = np.asarray(y, dtype=X.dtype)
        check_range(y, self._loss())
        weights, X, (y,) = self._rows_with_weight(self._check_weights(sample_weight, X), X, y)
        weight_sum = float(X.shape[0]) if weights is None else float(weights.sum())
        options = self._objective(weight_sum, X.shape[0])
        start = self._starting_point(init, 1 if y.ndim == 1 else y.shape[1], X.shape[1])
        self._keep_coefficients(*self._minimize(X, y, weights, options, start), y.ndim == 1, X.dtype)
        return self

    def _keep_coefficients(self, weight: Array, bias: Array, single: bool, dtype: Any) -> None:
        """Store coefficients (k, d) and intercepts (k,) in the shapes that the regressors of scikit-learn have."""
        self.coef_ = (weight[0] if single else weight).astype(dtype)
        self.intercept_ = dtype.type(bias[0]) if single else bias.astype(dtype)
        if not self.fit_intercept:
            self.intercept_ = 0.0

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
        return self._mean(self._linear_predictor(X))

    def _mean(self, linear: Array) -> Array:
        """Return the mean of the targets for values of the linear predictor X coef_ + intercept_."""
        return np.exp(linear) if self._loss() in LOG_LINKS else linear

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R^2, the share of the variance of the targets that the predictions explain.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Rows.
        y : array of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        sample_weight : array of shape (n_samples,), optional
            Weights.

        Returns
        -------
        float
        """
        return float(super().score(X, readable(y, "y"), readable(sample_weight, "sample_weight")))

    def __sklearn_tags__(self) -> Any:
        """Return the properties of the estimator that scikit-learn's tools use."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = self._multi_output
        tags.target_tags.positive_only = self._loss() in LOG_LINKS
        return tags
