"""Plots of models and runs with matplotlib, which is imported when the first plot is drawn.

Each function draws into ``ax``, or into a new figure if ``ax`` is None, and returns the Axes. The argument ``fitted`` is a
`cusgd.Model` or a fitted estimator of `cusgd.linear_model`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import as_vector
from ._model import Model
from ._results import History

__all__ = ["calibration", "coefficients", "history", "residuals"]


def _axes(ax: Any) -> Any:
    """Return the Axes to draw into."""
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("cusgd.plot needs matplotlib: pip install matplotlib") from error
    return pyplot.subplots(layout="constrained")[1]


def _history_of(fitted: Any) -> History | None:
    """Return the history of a model or estimator, or None if it has none."""
    if isinstance(fitted, History):
        return fitted
    found: History | None = getattr(fitted, "history" if isinstance(fitted, Model) else "history_", None)
    return found


def history(fitted: Any, *, ax: Any = None) -> Any:
    """Plot the loss by epoch on the training rows, and on the validation rows if there are any.

    Parameters
    ----------
    fitted : Model, estimator or History
        A trained model or estimator, or its history.
    ax : matplotlib Axes, optional
        The Axes to draw into; by default those of a new figure.

    Returns
    -------
    matplotlib Axes
    """
    found = _history_of(fitted)
    if not found:
        raise ValueError("there is no epoch to draw: the model was not trained here, or by one step or partial_fit alone")
    ax = _axes(ax)
    epoch = found["epoch"]
    for name, label in (("loss", "training"), ("valid_loss", "validation")):
        values = found[name]
        known = np.isfinite(values)
        if known.any():
            ax.plot(epoch[known], values[known], label=label, marker="." if known.sum() < 30 else None)
    shown = np.concatenate([line.get_ydata() for line in ax.lines])
    if shown.min() > 0 and shown.max() > 10 * shown.min():
        ax.set_yscale("log")
    else:
        ax.ticklabel_format(axis="y", useOffset=False)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel="epoch", ylabel="loss")
    ax.legend()
    return ax


def _coefficients_of(fitted: Any, output: int) -> tuple[NDArray[Any], NDArray[Any] | None, list[str]]:
    """Return the coefficients of one output, their standard errors and the names of the columns."""
    if isinstance(fitted, Model):
        weight, errors, names = fitted.weight, fitted.standard_errors, fitted.features
    else:
        if getattr(fitted, "coef_", None) is None:
            raise ValueError("there are no coefficients to draw: the estimator has no coef_, as it was not fitted")
        weight, errors = np.atleast_2d(fitted.coef_), getattr(fitted, "stderr_", None)  # partial_fit computes no stderr_
        names = getattr(fitted, "feature_names_in_", None)
    columns = weight.shape[1]
    labels = [f"column {j}" for j in range(columns)] if names is None else list(names)
    return weight[output], None if errors is None else errors[output][:columns], labels


def coefficients(fitted: Any, *, output: int = 0, largest: int | None = 30, level: float = 0.95, ax: Any = None) -> Any:
    """Plot the coefficients, with confidence intervals if the model has standard errors.

    Models that a full-batch solver has trained without a penalty have standard errors.

    Parameters
    ----------
    fitted : Model or estimator
        A trained model or estimator.
    output : int
        The index of the target or class.
    largest : int, optional
        The maximum number of coefficients to plot. Those with the largest absolute values are plotted. None plots all.
    level : float
        The level of the confidence intervals, between 0 and 1. They assume a normal distribution.
    ax : matplotlib Axes, optional
        The Axes to draw into; by default those of a new figure.

    Returns
    -------
    matplotlib Axes
    """
    from statistics import NormalDist

    weight, errors, names = _coefficients_of(fitted, output)
    order = np.argsort(-np.abs(weight), kind="stable")[:largest]
    if largest is None or len(weight) <= largest:
        order = np.arange(len(weight))
    ax = _axes(ax)
    place = np.arange(len(order))[::-1]
    width = None if errors is None else NormalDist().inv_cdf((1 + level) / 2) * errors[order]
    ax.errorbar(weight[order], place, xerr=width, fmt="o", capsize=3)
    ax.axvline(0, color="gray", linewidth=0.8)
    ax.set_yticks(place, [names[j] for j in order])
    ax.set(xlabel="coefficient" if width is None else f"coefficient, with its {100 * level:g} % interval")
    return ax


def residuals(fitted: Any, X: Any, y: Any, *, ax: Any = None) -> Any:
    """Plot the residuals (targets minus predictions) against the predictions.

    The residuals of a good model show no pattern.

    Parameters
    ----------
    fitted : Model or estimator
        A regression model with one target.
    X : array of shape (n, columns)
        Rows.
    y : array of shape (n,)
        Targets.
    ax : matplotlib Axes, optional
        The Axes to draw into; by default those of a new figure.

    Returns
    -------
    matplotlib Axes
    """
    predicted = np.asarray(fitted.predict(X))
    targets = as_vector(y, len(predicted), "y")
    ax = _axes(ax)
    ax.plot(predicted, targets - predicted, ".", markersize=3, alpha=0.5, rasterized=len(predicted) > 10000)
    ax.axhline(0, color="gray", linewidth=0.8)
    ax.set(xlabel="prediction", ylabel="target - prediction")
    return ax


def calibration(fitted: Any, X: Any, y: Any, *, bins: int = 10, ax: Any = None) -> Any:
    """Plot the observed frequency of the second class against its predicted probability, as a calibration curve.

    For a regression model, plot the mean of the targets against the mean of the predictions. The rows are grouped by quantiles of
    the prediction, with one point per group. The points of a well calibrated model lie on the diagonal.

    Parameters
    ----------
    fitted : Model or estimator
        A classifier of two classes that predicts probabilities, or a regression model, for example of counts.
    X : array of shape (n, columns)
        Rows.
    y : array of shape (n,)
        Classes or targets.
    bins : int
        The number of groups.
    ax : matplotlib Axes, optional
        The Axes to draw into; by default those of a new figure.

    Returns
    -------
    matplotlib Axes
    """
    predicted, targets, label = _predictions(fitted, X, y)
    groups = [group for group in np.array_split(np.argsort(predicted, kind="stable"), bins) if len(group)]
    x = np.array([predicted[group].mean() for group in groups])
    mean = np.array([targets[group].mean() for group in groups])
    error = np.array([targets[group].std() / np.sqrt(len(group)) for group in groups])
    ax = _axes(ax)
    ends = [min(x.min(), mean.min()), max(x.max(), mean.max())]
    ax.plot(ends, ends, color="gray", linewidth=0.8)
    ax.errorbar(x, mean, yerr=2 * error, fmt="o", capsize=3)
    ax.set(xlabel=f"predicted {label}", ylabel=f"observed {label}, with 2 standard errors")
    return ax


def _predictions(fitted: Any, X: Any, y: Any) -> tuple[NDArray[Any], NDArray[Any], str]:
    """Return the predictions, the values to compare them with, and a label for the axes."""
    classes = fitted.classes if isinstance(fitted, Model) else getattr(fitted, "classes_", None)
    if isinstance(fitted, Model):
        predicted = fitted.predict(X)
        if classes is not None:
            return predicted, (np.asarray(y) == classes[1]).astype(float), f"share of {classes[1]}"
        return predicted, as_vector(y, len(predicted), "y"), "mean"
    if classes is None:
        predicted = np.asarray(fitted.predict(X))
        return predicted, as_vector(y, len(predicted), "y"), "mean"
    if len(classes) != 2:
        raise ValueError(f"calibration is drawn for two classes, and there are {len(classes)}")
    if not hasattr(fitted, "predict_proba"):
        raise ValueError("there are no probabilities to draw: the estimator has no predict_proba (loss='log_loss' gives it one)")
    return fitted.predict_proba(X)[:, 1], (np.asarray(y) == classes[1]).astype(float), f"share of {classes[1]}"
