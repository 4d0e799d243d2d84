"""Cross-validation on data that sweeps do not support, by training each model separately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import DivergedError
from .._model import Model
from .._sweep import Outcome, Sweep
from .._trainer import Trainer
from ._base import Array, sparse_options


@dataclass(frozen=True)
class Rows:
    """Rows with their targets, weights (or None) and folds."""

    X: Any
    y: Array
    weights: Array | None
    folds: Array

    def part(self, kept: Any) -> tuple[Any, Array, Array | None]:
        """Return X, y and weights of the rows that a mask selects."""
        return self.X[kept], self.y[kept], None if self.weights is None else self.weights[kept]


def _train(rows: tuple[Any, Array, Array | None], options: dict[str, Any]) -> tuple[Model | None, int, str]:
    """Return a model (None if it diverged), the number of its epochs, and the reason why training ended."""
    X, y, weights = rows
    trainer = Trainer(X, y, sample_weight=weights, **options)
    try:
        trainer._run([], has_history=False)
    except DivergedError:
        return None, 0, "diverged"
    assert trainer.result is not None
    return trainer.model(), int(trainer.result.epochs), "epochs" if trainer.result.stop == "epochs" else "converged"


def _loss(model: Model | None, rows: tuple[Any, Array, Array | None]) -> float:
    return np.nan if model is None else model.evaluate(rows[0], rows[1], sample_weight=rows[2]).loss


def _outcome(rows: Rows, numbers: dict[str, float], options: dict[str, Any]) -> tuple[Outcome, Model | None]:
    """Return the outcome of a configuration, without its rank, and the model that is trained on all rows."""
    options = sparse_options(rows.X, {**options, **numbers})
    fits, losses = [], []
    for fold in range(int(rows.folds.max()) + 1):
        fits.append(_train(rows.part(rows.folds != fold), options))
        losses.append(_loss(fits[-1][0], rows.part(rows.folds == fold)))
    everything = rows.part(np.full(len(rows.folds), True))
    fits.append(_train(everything, options))
    model, stops = fits[-1][0], {stop for _, _, stop in fits}
    outcome = Outcome(
        parameters=numbers,
        losses=np.array(losses),
        mean=float(np.mean(losses)),
        standard_error=float(np.std(losses, ddof=1) / np.sqrt(len(losses))),
        loss=_loss(model, everything),
        rank=0,
        epochs=max(epochs for _, epochs, _ in fits),
        nonzeros=0 if model is None else int(np.count_nonzero(model.weight)),
        stop="diverged" if "diverged" in stops else "epochs" if "epochs" in stops else "converged",
    )
    return outcome, model


def _choose(outcomes: Sequence[Outcome], best: int, select: str) -> int:
    """Return the index of the best outcome or, as in `cusgd.sweep`, of the largest penalties within one standard error of it."""
    if select == "best":
        return best
    limit = outcomes[best].mean + outcomes[best].standard_error
    near = [i for i, outcome in enumerate(outcomes) if outcome.mean <= limit]
    return max(near, key=lambda i: (outcomes[i].parameters["l1"], outcomes[i].parameters["l2"], i == best, -i))


def cross_validate(rows: Rows, configurations: Sequence[dict[str, float]], select: str, options: dict[str, Any]) -> Sweep:
    """Train and compare the models of several configurations, and return the result in the form of `cusgd.sweep`.

    Raises
    ------
    DivergedError
        All configurations have diverged.
    """
    found = [_outcome(rows, numbers, options) for numbers in configurations]
    order = sorted(range(len(found)), key=lambda i: (np.isnan(found[i][0].mean), found[i][0].mean, i))
    ranks = {i: rank for rank, i in enumerate(order, start=1)}
    outcomes = [Outcome(**{**vars(outcome), "rank": ranks[i]}) for i, (outcome, _) in enumerate(found)]
    if np.isnan(outcomes[order[0]].mean):
        which = "the only configuration has" if len(outcomes) == 1 else f"all {len(outcomes)} configurations have"
        raise DivergedError(f"{which} diverged; try lower rates")
    chosen = _choose(outcomes, order[0], select)
    model = found[chosen][1]
    assert model is not None
    return Sweep(outcomes, chosen, [chosen], model)
