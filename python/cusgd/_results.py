"""What became of a run."""

from __future__ import annotations

import ctypes as C
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _capi
from ._words import in_python_words

_STOPS = {value: name[len("CUSGD_STOP_") :].lower() for name, value in vars(_capi).items() if name.startswith("CUSGD_STOP_")}


def _taken(kind: type, *found: Any) -> dict[str, Any]:
    """Return the fields of a dataclass, each from the first C structure that has a member of its name."""
    taken = {}
    for of in fields(kind):
        holder = next((one for one in found if hasattr(one, of.name)), None)
        if holder is not None:
            value = getattr(holder, of.name)
            taken[of.name] = bool(value) if of.type == "bool" else value
    return taken


@dataclass(frozen=True)
class Progress:
    """A run after an epoch, or an iteration of a full-batch solver.

    Losses are means over rows and outputs: the squared error itself for the losses squared and mse. NaN: not computed.
    """

    epoch: int
    epochs: int
    step: int
    loss: float
    evaluated: bool
    valid_loss: float
    rate: float
    seconds: float
    rows_per_second: float
    seconds_left: float

    @classmethod
    def _read(cls, now: Any) -> Progress:
        # Member by member: it is called after each epoch, and `_taken` takes longer than an epoch of few rows.
        return cls(
            now.epoch,
            now.epochs,
            now.step,
            now.loss,
            bool(now.evaluated),
            now.valid_loss,
            now.rate,
            now.seconds,
            now.rows_per_second,
            now.seconds_left,
        )


@dataclass(frozen=True)
class StreamTimes:
    """What reading, copying and computing took where the training rows do not fit into the option ``memory``.

    A thread of its own reads ahead while the steps compute, so ``read_seconds`` and ``compute_seconds`` are of the same time;
    ``wait_seconds``, ``copy_seconds`` and ``compute_seconds`` add up to all of it. Counted are steps and full passes since the
    trainer was created or given other rows.

    Attributes
    ----------
    read_bytes : float
        Bytes of X that were read from files or copied from memory, ahead of their use.
    present_bytes : float
        Bytes of X that needed no reading, since their pages were in memory; on a GPU, since they were on the device.
    read_seconds : float
        Of the thread that reads.
    wait_seconds : float
        In which training waited for that thread.
    copy_seconds : float
        In which the host copied rows to the device, or on the CPU for second derivatives.
    compute_seconds : float
        All else of the steps and passes.
    """

    read_bytes: float
    present_bytes: float
    read_seconds: float
    wait_seconds: float
    copy_seconds: float
    compute_seconds: float

    @classmethod
    def _read(cls, found: Any) -> StreamTimes:
        return cls(**_taken(cls, found))


@dataclass(frozen=True)
class Result:
    """What became of a run.

    Attributes
    ----------
    stop : str
        Why it ended: "epochs", "tolerance", "gradient", "cancelled", "diverged", "solved", "device" or "data".
    converged : bool
        Whether a stopping rule was met before the limit of epochs, and the result is not worse than the intercept-only model.
    epochs, steps : int
        Run in all.
    epoch : int
        The epoch whose parameters are the result.
    loss, valid_loss, objective : float
        Of these parameters; NaN where there is no validation data.
    gradient : float
        The gradient's norm relative to the one of the intercept-only model; NaN unless ``gradient_tolerance`` was set.
    relative_gap : float
        The estimated relative distance of the objective to the minimum; NaN where it is not known.
    rate : float
        The learning rate of the last step.
    rollbacks : int
        How often the run returned to better parameters and divided the rate by 4.
    separated : bool
        Whether it is known that no finite optimum exists.
    note : str
        What else there is to know.
    null_loss : float
        The loss of the intercept-only model on the training rows; NaN where it is not known.
    worse : bool
        Whether `loss` is above that.
    stream_times : StreamTimes or None
        What reading and computing took where the training rows did not fit into ``memory``; else None.
    """

    stop: str
    converged: bool
    epochs: int
    steps: int
    epoch: int
    loss: float
    valid_loss: float
    objective: float
    gradient: float
    relative_gap: float
    rate: float
    seconds: float
    rows_per_second: float
    rollbacks: int
    separated: bool
    note: str
    null_loss: float
    worse: bool
    stream_times: StreamTimes | None = None

    @classmethod
    def _read(cls, found: Any, times: StreamTimes | None) -> Result:
        read = _taken(cls, found)
        read["stop"] = _STOPS[found.stop]
        read["note"] = in_python_words(found.note.decode(errors="replace"))
        return cls(**read, stream_times=times)


@dataclass
class History:
    """The epochs of a run. Indexing by a field's name gives an array with one value per epoch.

    Examples
    --------
    >>> import cusgd
    >>> model = cusgd.fit([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0], epochs=2)
    >>> len(model.history), model.history["epoch"].tolist()
    (2, [1, 2])
    """

    epochs: list[Progress] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Progress]:
        return iter(self.epochs)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return np.array([getattr(epoch, name) for epoch in self.epochs])


@dataclass(frozen=True)
class Metrics:
    """How well a model predicts, weighted, as scikit-learn computes it. What does not apply to the loss is NaN.

    Attributes
    ----------
    rows : int
    loss : float
        Mean loss per row: the squared error itself for the losses squared and mse.
    mse, rmse, mae, r2 : float
        Of regressions.
    log_loss, accuracy : float
        Of classes.
    balanced_accuracy, precision, recall, f1, f1_weighted, top3, top5 : float
        Of classes, as scikit-learn has them: of two classes those of the second, of more the means over the classes; the mean by
        the classes' weights; and the share of the rows whose class is among the 3, 5 most probable, of more classes than that.
    deviance, d2 : float
        Of losses with a log link: mean deviance, and the share of the intercept-only model's deviance that is explained.
    explained_variance, max_error, median_absolute_error, d2_absolute_error : float
        Of regressions.
    pinball_loss, d2_pinball : float
        Of the loss quantile.
    crossing : float
        Of a model of several quantiles: the share of the rows in which one is predicted to be less than a smaller one.
    balanced_accuracy, precision, recall, f1, f1_macro, f1_weighted : float
        Of classes; precision, recall and f1 are those of the second class.
    auc, average_precision : float
        How well the predictions rank the rows of the second class before those of the first.
    confusion : tuple of tuples of float, or None
        Of classes: the weights of the rows by class and predicted class.
    """

    rows: int
    loss: float
    mse: float
    rmse: float
    mae: float
    r2: float
    log_loss: float
    accuracy: float
    deviance: float
    d2: float
    explained_variance: float
    max_error: float
    median_absolute_error: float
    d2_absolute_error: float
    pinball_loss: float
    d2_pinball: float
    crossing: float
    balanced_accuracy: float
    precision: float
    recall: float
    f1: float
    f1_macro: float
    f1_weighted: float
    top3: float
    top5: float
    auc: float
    average_precision: float
    confusion: tuple[tuple[float, float], tuple[float, float]] | None

    def known(self) -> dict[str, float]:
        """Return the metrics that apply, by name; without the confusion matrix."""
        return {name: value for name, value in vars(self).items() if isinstance(value, (int, float)) and not math.isnan(value)}

    @classmethod
    def _read(cls, *found: Any) -> Metrics:
        """Take each field from the first structure that has it; NaN where none has."""
        values: dict[str, Any] = dict.fromkeys(cls.__dataclass_fields__, math.nan)
        values.update(_taken(cls, *found))
        counts = list(values["confusion"])
        values["confusion"] = None if math.isnan(counts[0]) else ((counts[0], counts[1]), (counts[2], counts[3]))
        return cls(**values)


def sized(kind: type[C.Structure]) -> Any:
    """Return a structure whose first member, its size, is set."""
    made: Any = kind()
    made.size = C.sizeof(kind)
    return made
