"""Conversion of models to estimators of scikit-learn, for tools that need these and for machines without cuSGD."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._classes import class_labels
from ._errors import UsageError

# Losses of the library whose predictions are X coef + intercept
_LINEAR = ("squared", "mse", "huber", "epsilon-insensitive", "squared-epsilon-insensitive", "quantile", "log-cosh")
_MARGINS = ("hinge", "squared-hinge", "modified-huber", "perceptron")
_LOG_LINKS = {"poisson": "PoissonRegressor", "gamma": "GammaRegressor", "tweedie": "TweedieRegressor"}


def _has_an_output_for_each_class(model: Any, outputs: int) -> bool:
    """Tell whether each class has an output.

    Several targets of two classes each return False. Two outputs are those of two classes only with the loss softmax.
    """
    return len(model.classes or ()) == outputs and (outputs > 2 or model.loss == "softmax")


def make_estimator(model: Any) -> Any:
    """Return a fitted estimator of scikit-learn that makes the same predictions as a model.

    Parameters
    ----------
    model : Model
        The model. Its loss must not be a formula.

    Raises
    ------
    UsageError
        scikit-learn has no such estimator.
    """
    from sklearn import linear_model

    loss, weight, bias = model.loss, model.weight, model.bias
    outputs, columns = weight.shape
    if loss in _LINEAR:
        estimator = linear_model.LinearRegression()
        estimator.coef_, estimator.intercept_ = (weight[0], bias[0]) if outputs == 1 else (weight, bias)
    elif loss in _LOG_LINKS and outputs == 1:
        settings = {"power": 1.5, "link": "log"} if loss == "tweedie" else {}  # predictions do not depend on the power
        estimator = getattr(linear_model, _LOG_LINKS[loss])(**settings)
        estimator.coef_, estimator.intercept_ = weight[0], bias[0]
        estimator._base_loss = estimator._get_loss()  # its predict uses the link of this loss
    elif (loss in ("logistic", "softmax", *_MARGINS)) and (outputs == 1 or _has_an_output_for_each_class(model, outputs)):
        # The loss is logistic for several classes that were trained by one-vs-rest, and softmax if they were trained together
        is_joint = loss == "softmax" or (loss == "logistic" and outputs == 1)
        name = "log_loss" if loss == "logistic" else loss.replace("-", "_")
        estimator = linear_model.LogisticRegression() if is_joint else linear_model.SGDClassifier(name)
        if outputs == 2:  # scikit-learn has one row of coefficients for two classes
            weight, bias = weight[1:] - weight[:1], bias[1:] - bias[:1]
        estimator.coef_, estimator.intercept_ = weight, bias
        estimator.classes_ = class_labels(model.classes)
    else:
        raise UsageError(f"scikit-learn has no estimator of a model of {outputs} outputs with the loss {loss}")
    estimator.n_features_in_ = columns
    if model.features:
        estimator.feature_names_in_ = np.array(model.features, dtype=object)
    return estimator
