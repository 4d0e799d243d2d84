"""Training in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._errors import ConvergenceWarning, DivergedError, UsageError, warn
from ._model import Model
from ._trainer import Trainer
from .callbacks import Callback, ProgressBar, in_turn


def fit(
    X: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    offset: Any = None,
    exposure: Any = None,
    valid: tuple[Any, ...] | None = None,
    callback: Callback | Sequence[Callback] | None = None,
    progress: bool = False,
    **options: Any,
) -> Model:
    """Train a linear model.

    Parameters
    ----------
    X, y, sample_weight, offset, exposure, valid, **options
        As for `Trainer`. With the loss quantile, ``quantile`` may be a list. The model then has an output for each quantile, in
        ascending order, and all outputs are trained in one pass over the data. ``valid``, ``callback`` and ``progress`` cannot be
        used with a list.
    callback, progress
        As for `Trainer.fit`.

    Returns
    -------
    Model

    Warns
    -----
    ConvergenceWarning
        The run ended at its limit of epochs before a stopping rule was met, a full-batch solver did not reach the optimum, the
        result is worse than the intercept-only model, or no finite optimum exists.

    Examples
    --------
    >>> import numpy as np
    >>> import cusgd
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 3))
    >>> model = cusgd.fit(X, X @ [1.0, 2.0, 3.0] + 4)
    >>> model.weight.round(3).tolist(), model.bias.round(3).tolist()
    ([[1.0, 2.0, 3.0]], [4.0])
    """
    quantile = options.get("quantile")
    if isinstance(quantile, str) and "," in quantile:
        options["quantile"] = quantile.split(",")
    if np.ndim(options.get("quantile", 0)) == 1:
        if valid is not None or callback is not None or progress or options.get("valid_fraction"):
            raise UsageError("several quantiles are trained in one pass, to its end: leave out valid, callback and progress")
        from ._sweep import fit_quantiles  # imported here because `import cusgd` does not load this module

        given = {"sample_weight": sample_weight, "offset": offset, "exposure": exposure, **options}
        return fit_quantiles(X, y, given.pop("quantile"), **given).model
    trainer = Trainer(X, y, sample_weight=sample_weight, offset=offset, exposure=exposure, valid=valid, **options)
    try:
        warning = trainer._run([*in_turn(callback), *([ProgressBar()] if progress else [])])
    except DivergedError as error:
        if trainer.result is not None and trainer.result.epoch > 0:
            error.model = trainer.model()
        raise
    model = trainer.model()
    warning = warning or trainer._trouble()
    if warning is None and model.result is not None and model.result.stop == "epochs" and options.get("epochs") is None:
        warning = (
            f"cuSGD stopped at its limit of {model.result.epochs} epochs before its stopping rule was met; set epochs to a "
            'larger number, or solver="auto"'
        )
    if warning:
        warn(warning, ConvergenceWarning)
    return model
