"""Plots of models and runs, by matplotlib, which is loaded when the first one is drawn.

Each function draws into ``ax``, or into a new figure, and returns the Axes. ``fitted`` is a `cusgd.Model` or a fitted estimator
of `cusgd.linear_model`.
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
    """Return the epochs of what was trained; None: it has none."""
    if isinstance(fitted, History):
        return fitted
    found: History | None = getattr(fitted, "history" if isinstance(fitted, Model) else "history_", None)
    return found


def history(fitted: Any, *, ax: Any = None) -> Any:
    """Draw the loss by epoch, on the training rows and, where there are some, on the validation rows.

    Parameters
    ----------
    fitted : Model, estimator or History
        What was trained.
    ax : matplotlib Axes, optional
        Where to draw.

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
    """Return the coefficients of one output, their standard errors and the columns' names."""
    if isinstance(fitted, Model):
        weight, errors, names = fitted.weight, fitted.standard_errors, fitted.features
    else:
        if getattr(fitted, "coef_", None) is None:
            raise ValueError("there are no coefficients to draw: the estimator has no coef_, as it was not fitted")
        weight, errors = np.atleast_2d(fitted.coef_), getattr(fitted, "stderr_", None)  # which partial_fit does not compute
        names = getattr(fitted, "feature_names_in_", None)
    columns = weight.shape[1]
    labels = [f"column {j}" for j in range(columns)] if names is None else list(names)
    return weight[output], None if errors is None else errors[output][:columns], labels


def coefficients(fitted: Any, *, output: int = 0, largest: int | None = 30, level: float = 0.95, ax: Any = None) -> Any:
    """Draw the coefficients, with intervals where there are standard errors (full-batch solvers without a penalty).

    Parameters
    ----------
    fitted : Model or estimator
        What was trained.
    output : int
        Which target or class.
    largest : int, optional
        Draw no more than so many, those of the largest absolute value; None: all.
    level : float
        Of the intervals, by the normal distribution.
    ax : matplotlib Axes, optional
        Where to draw.

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
    """Draw targets minus predictions against predictions; what is left of a good model has no pattern.

    Parameters
    ----------
    fitted : Model or estimator
        A regression of one target.
    X : array of shape (n, columns)
        Rows.
    y : array of shape (n,)
        Targets.
    ax : matplotlib Axes, optional
        Where to draw.

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
    """Draw how often a class was observed against its predicted probability, or the mean target against the prediction.

    The rows are grouped by quantiles of the prediction; points of a good model lie on the diagonal.

    Parameters
    ----------
    fitted : Model or estimator
        A classifier of two classes with probabilities, or a regression, as of counts.
    X : array of shape (n, columns)
        Rows.
    y : array of shape (n,)
        Classes or targets.
    bins : int
        Number of groups.
    ax : matplotlib Axes, optional
        Where to draw.

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
    """Return predictions, what they are to be compared with, and what they are."""
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
