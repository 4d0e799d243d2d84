"""Training."""

from __future__ import annotations

import ctypes as C
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _capi
from ._arrays import Data, in_order, make_data
from ._checkpoints import Checkpoints
from ._classes import class_numbers
from ._errors import ConvergenceWarning, check, last_error, warn
from ._library import lib
from ._model import Model
from ._options import Options, make_options
from ._results import History, Metrics, Progress, Result, StreamTimes, sized
from ._run import run
from ._table import Table
from ._training_data import precision_of, training_data, validation_data
from ._words import in_python_words
from ._world import World
from .callbacks import Callback, ProgressBar, in_turn

SHORT = 50_000  # number of values that the library reads in a few milliseconds


def is_few(data: Data | Table) -> bool:
    """Tell whether the data is so small that a call which reads it once takes a few milliseconds."""
    return isinstance(data, Data) and data.rows * data.cols * max(data.outputs, 1) <= SHORT


def _is_true(value: Any) -> bool:
    """Tell whether a callback returned True, which ends the run. Other values that count as true in Python do not."""
    return isinstance(value, (bool, np.bool_)) and bool(value)


class Trainer:
    """Trains a linear model on data, and can continue after each call.

    Parameters
    ----------
    X : array of shape (n, columns), or Table
        The rows. A `Table` of `cusgd.read_table` also contains the targets and weights, so leave out y, sample_weight, offset and
        exposure. NumPy arrays of float32 or float64 are used in place, in any memory layout; other types are converted to
        float64. The arrays must not change while the trainer exists.
    y : array of shape (n,) or (n, outputs)
        The targets. For a loss of classes, the classes: two different numbers, strings, or more than two different integers. They
        are sorted, and the smaller of two classes is class 0. With more than two classes, each class has an output. The loss
        logistic then trains all outputs together by softmax, unless ``classes="one-vs-rest"`` is given; the other losses train
        each class against the rest.
    sample_weight : array of shape (n,), optional
        The weights of the rows, at least 0. By default all weights are 1.
    offset, exposure : array of shape (n,), optional
        A term that is added to the linear predictor of each row. ``exposure`` gives it as a positive factor on the mean of losses
        with a logarithmic link, and its logarithm is added. Give at most one of them.
    valid : tuple (X, y) or (X, y, sample_weight), optional
        Validation data. The result of a run is the epoch with the smallest loss on it. If X has column names, the columns of a
        data frame are matched by name.
    world : World, optional
        The processes that train together. The default of ``shards`` is then 8.
    **options
        Any option of ``cusgd train``, with underscores in place of hyphens, such as ``loss="logistic"``, ``l2=1e-3``,
        ``solver="auto"`` or ``epochs=10``; see `cusgd.options`. Unlike in the command, the default precision depends on X: it is
        float for float32 and double for all other types.

    Examples
    --------
    >>> import numpy as np
    >>> import cusgd
    >>> X = np.arange(20.0).reshape(10, 2)
    >>> trainer = cusgd.Trainer(X, X @ [1.0, 2.0] + 3, solver="exact")
    >>> trainer.fit().converged
    True
    >>> trainer.predict(X[:1]).round(6).tolist()
    [5.0]
    """

    def __init__(
        self,
        X: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        offset: Any = None,
        exposure: Any = None,
        valid: tuple[Any, ...] | None = None,
        world: World | None = None,
        _class_count: int | None = None,
        **options: Any,
    ) -> None:
        self._data, self._classes, self._features = training_data(
            X,
            y,
            options.get("loss", "squared"),
            _class_count,
            sample_weight=sample_weight,
            offset=offset,
            exposure=exposure,
        )
        self._valid = validation_data(valid, options.get("loss", "squared"), self._classes, self._features)
        options["precision"] = precision_of(self._data, options)
        self._handle = C.c_void_p()
        self._next: Data | None = None  # rows that the library may or may not have taken over, see _bind
        self.history = History()
        self.result: Result | None = None
        self._world = world
        if world is not None:
            options["shards"] = 8 if options.get("shards") is None else options["shards"]
        given = make_options(options)
        valid_handle = self._valid.handle if self._valid else None
        here = (given.handle, self._data.handle, valid_handle, C.byref(self._handle))
        if world is None:
            run(lambda: check(lib.cusgd_trainer_create(*here)))
        else:
            run(lambda: check(lib.cusgd_trainer_create_shared(world._open(), *here)))
            world._trainers.add(self)

    def _free(self) -> None:
        handle, self._handle = self._handle, C.c_void_p()
        if handle:
            lib.cusgd_trainer_free(handle)

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._free()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a Trainer can be neither copied nor pickled: trainer.model() can")

    @property
    def options(self) -> Options:
        """The options of the run, with the values that were chosen for those left open."""
        return Options.copy_of(lib.cusgd_trainer_options(self._handle))

    @property
    def device(self) -> str:
        """The name of the device on which the trainer runs."""
        name: bytes = lib.cusgd_trainer_device_name(self._handle)
        return name.decode()

    @property
    def solver_reason(self) -> str:
        """The reason for the solver that ``solver="best"`` chose; empty if ``solver`` has another value."""
        reason: bytes = lib.cusgd_trainer_solver_reason(self._handle)
        return in_python_words(reason.decode(errors="replace"))

    @property
    def notes(self) -> list[str]:
        """Notes about the data and the run, one sentence each."""
        found: list[str] = []
        while note := lib.cusgd_trainer_note(self._handle, len(found)):
            found.append(in_python_words(note.decode(errors="replace")))
        return found

    @property
    def stream_times(self) -> StreamTimes | None:
        """The times of reading and computing so far, or None if the training rows fit into ``memory``."""
        times = sized(_capi.cusgd_stream_times)
        return StreamTimes._read(times) if lib.cusgd_trainer_stream_times(self._handle, C.byref(times)) else None

    # ---- Running ----

    def fit(
        self,
        callback: Callback | Sequence[Callback] | None = None,
        *,
        progress: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        every: str = "5minutes",
    ) -> Result:
        """Train until a stopping rule is met. A further call continues from there.

        Parameters
        ----------
        callback : callable or list of callables, optional
            Called after each epoch with a `Progress`, in a different thread from the caller's. Training ends if a callback
            returns True, and continues after any other value. `cusgd.callbacks` contains some callbacks.
        progress : bool
            Whether to show a progress bar, which needs tqdm. Without tqdm, a line per epoch is printed.
        checkpoint : str or path, optional
            A file in which the state of the fit is saved while it runs, when it is interrupted, and after its last epoch.
            `load_state` continues from it. The previous file is kept, with ``.previous`` appended to its name.
        every : str
            How often the checkpoint is saved, such as ``"100steps"``, ``"1epochs"`` or ``"5minutes"``.

        Returns
        -------
        Result

        Raises
        ------
        DivergedError
            The loss became infinite or NaN with a rate that was given. The trainer has the best parameters so far.

        Warns
        -----
        ConvergenceWarning
            A full-batch solver did not reach the optimum, the result is worse than the intercept-only model, or no finite optimum
            exists.
        RuntimeWarning
            A checkpoint could not be written. The previous checkpoint is kept.
        """
        saves = Checkpoints(checkpoint, every) if checkpoint is not None else None
        try:
            warning = self._run([*in_turn(callback), *([ProgressBar()] if progress else [])], saves)
        finally:
            for failure in saves.failures if saves else []:
                warn(f"a checkpoint is not written: {failure}", RuntimeWarning)
        assert self.result is not None
        warning = warning or self._trouble()
        if warning:
            warn(warning, ConvergenceWarning)
        return self.result

    def _run(
        self, callback: Callback | Sequence[Callback] | None, saves: Checkpoints | None = None, *, has_history: bool = True
    ) -> str | None:
        """Train, and return the message of a solver that did not converge, or None.

        If there are neither callbacks nor a history, no Python code runs between epochs.
        """
        raised: list[BaseException] = []
        callbacks = in_turn(callback)

        def on_epoch(now: Any, _: Any) -> int:
            progress = Progress._read(now.contents)
            self.history.epochs.append(progress)
            try:
                ends = int(any([_is_true(one(progress)) for one in callbacks]))
            except BaseException as error:  # raised again below, in the thread of the caller
                raised.append(error)
                ends = 1
            if saves and ends:
                saves.ends = True
            return ends

        found = sized(_capi.cusgd_result)
        function = _capi.cusgd_callback(on_epoch) if has_history or callbacks or saves else _capi.cusgd_callback()

        def call() -> str | None:
            status = lib.cusgd_trainer_fit(self._handle, function, None, C.byref(found))
            if status == _capi.CUSGD_ERROR_NOT_CONVERGED:
                return str(last_error(status))
            check(status)
            return None

        if saves:
            lib.cusgd_trainer_set_checkpoint_callback(self._handle, saves.function, None)
        try:
            warning = run(call)
        finally:
            if saves:
                lib.cusgd_trainer_set_checkpoint_callback(self._handle, _capi.cusgd_checkpoint_callback(), None)
            self.result = Result._read(found, self.stream_times)
            for one in callbacks:
                if hasattr(one, "close"):
                    one.close()
        if raised:
            raise raised.pop()  # removed from the list, which would otherwise form a reference cycle with its traceback
        return warning

    def _trouble(self) -> str | None:
        """Return the note of the result if it says that the result is of no use, or None.

        A note of a full-batch solver may be only information.
        """
        assert self.result is not None
        is_trouble = self.result.separated or self.options["solver"] == "sgd"
        return self.result.note if is_trouble and self.result.note else None

    def step(self, steps: int = 1) -> None:
        """Run minibatch steps, without evaluation or stopping rules.

        Parameters
        ----------
        steps : int
            The number of steps, at least 1.
        """
        is_short = is_few(self._data) and steps * self._data.rows * self._data.cols <= 20 * SHORT  # for any size of the batch
        run(lambda: check(lib.cusgd_trainer_step(self._handle, steps)), is_short=is_short)

    def rebind(self, X: Any, y: Any, *, sample_weight: Any = None, offset: Any = None, exposure: Any = None) -> None:
        """Replace the rows of the trainer.

        The parameters, the optimizer's state, the averages, the number of steps, and the means and scales of the columns do not
        change.

        Parameters
        ----------
        X, y, sample_weight, offset, exposure
            As for `Trainer`. The numbers of columns and outputs must be those of the trainer.
        """
        data = self._more_data(X, y, sample_weight, offset, exposure)
        self._bind(data, lambda: int(lib.cusgd_trainer_rebind(self._handle, data.handle)))

    def save_state(self, path: str | os.PathLike[str]) -> None:
        """Save the state of the trainer. A run that continues from it has the same results, bit by bit.

        An existing file is kept, with ``.previous`` appended to its name. `fit` saves the state while it runs if it is called
        with ``checkpoint``.

        Parameters
        ----------
        path : str or path
            The file.

        Raises
        ------
        DataError
            The file cannot be written. An existing file does not change.
        """
        run(lambda: check(lib.cusgd_trainer_save_state(self._handle, os.fsencode(path))))

    def state(self) -> bytes:
        """Return the state of the trainer as bytes, which are the content of the file that `save_state` writes."""
        size = C.c_size_t()
        run(lambda: check(lib.cusgd_trainer_save_state_memory(self._handle, None, 0, C.byref(size))))
        buffer = C.create_string_buffer(size.value)
        run(lambda: check(lib.cusgd_trainer_save_state_memory(self._handle, buffer, size.value, C.byref(size))))
        return buffer.raw

    def load_state(self, state: str | os.PathLike[str] | bytes) -> None:
        """Restore a state that a trainer with the same data and options has saved.

        The run continues with the same results, bit by bit. If the state was saved during a fit, the next call of `fit` completes
        that fit. The options ``epochs``, ``threads``, ``memory`` and the number of the device may differ; ``epochs`` must not be
        less than the number of epochs that have been run.

        Parameters
        ----------
        state : str, path or bytes
            The name of a file, or the bytes that `state` returned.

        Raises
        ------
        DataError
            The state belongs to different data, or the file is damaged.
        UsageError
            The options differ. The message lists them.
        """
        if isinstance(state, bytes):
            run(lambda: check(lib.cusgd_trainer_load_state_memory(self._handle, state, len(state), None)))
        else:
            run(lambda: check(lib.cusgd_trainer_load_state(self._handle, os.fsencode(state), None)))

    def partial_fit(self, X: Any, y: Any, *, sample_weight: Any = None, offset: Any = None, exposure: Any = None) -> Progress:
        """Continue training with one pass over further rows.

        The constructor of the trainer takes no steps, so pass its rows to this method as well. There is no evaluation and no
        stopping rule. The means and scales of the columns, and a rate that is not given, are computed once from the rows that the
        constructor receives. Give it at least 100 rows that represent the others; if there are fewer, `notes` says so.

        Parameters
        ----------
        X, y, sample_weight, offset, exposure
            As for `rebind`.

        Returns
        -------
        Progress
            Its ``loss`` is the mean over these rows. The loss of each row is that before the step in which the row was used.

        Raises
        ------
        DivergedError, InterruptedCall
            Only some of the steps were run. The trainer can continue. It has the new rows, unless the call was interrupted before
            the first step.

        Examples
        --------
        >>> import numpy as np
        >>> import cusgd
        >>> X = np.random.default_rng(0).normal(size=(4000, 2))
        >>> y = X @ [1.0, 2.0] + 3
        >>> trainer = cusgd.Trainer(X[:1000], y[:1000])
        >>> losses = [trainer.partial_fit(X[i : i + 1000], y[i : i + 1000]).loss for i in range(0, 4000, 1000)]
        >>> losses[-1] < losses[0]
        True
        """
        data = self._more_data(X, y, sample_weight, offset, exposure)
        found = sized(_capi.cusgd_progress)
        self._bind(data, lambda: int(lib.cusgd_trainer_partial_fit(self._handle, data.handle, C.byref(found))))
        return Progress._read(found)

    def _bind(self, data: Data, function: Callable[[], int]) -> None:
        """Call a function that passes further rows to the library, and keep a reference to the rows that the library then uses.

        If the call fails, the library may use the old or the new rows. References to both are kept until this is known, even if a
        signal handler raises an exception between the call and the next line.
        """

        def call() -> None:
            self._settle()
            self._next = data
            status = function()
            self._settle()
            check(status)

        run(call, is_short=is_few(data))

    def _settle(self) -> None:
        """Keep a reference to the rows that the library uses, and to no others."""
        if self._next is not None and lib.cusgd_trainer_data(self._handle) == self._next.handle.value:
            self._data = self._next
        self._next = None

    def _more_data(self, X: Any, y: Any, sample_weight: Any, offset: Any, exposure: Any) -> Data:
        """Return further rows, with targets encoded by the classes of the trainer."""
        y = class_numbers(y, self._classes)
        data = make_data(in_order(X, self._features), y, sample_weight=sample_weight, offset=offset, exposure=exposure)
        if self._classes:
            data.set_classes(self._classes) if data.outputs == 1 else data.set_names(None, None, self._classes)
        return data

    def cancel(self) -> None:
        """Cancel the `fit`, `step` or `partial_fit` that runs in another thread, or the next `fit` if none of them runs.

        `fit` then returns a result whose ``stop`` is "cancelled", and `step` and `partial_fit` raise `InterruptedCall`. The
        trainer can continue afterward.
        """
        lib.cusgd_trainer_cancel(self._handle)

    # ---- The parameters ----

    def coefficients(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the coefficients (outputs, columns) and the intercepts (outputs,), in the units of the data."""
        outputs = lib.cusgd_trainer_outputs(self._handle)
        weight, bias = np.empty((outputs, self._data.cols)), np.empty(outputs)
        # Callbacks call this after each epoch, so it avoids `data_as` of the arrays, which is slow. The call is too short to need
        # `run`, which makes calls interruptible.
        pointers = [C.byref(C.c_double.from_buffer(array.data)) for array in (weight, bias)]
        check(lib.cusgd_trainer_get_coefficients(self._handle, *pointers))
        return weight, bias

    def standardization(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the means and the scales (columns,) by which the columns are standardized, in the units of the data.

        Pass them as the options ``column_means`` and ``column_scales`` to standardize other data in the same way.
        """
        means, scales = np.empty(self._data.cols), np.empty(self._data.cols)
        pointers = [array.ctypes.data_as(C.POINTER(C.c_double)) for array in (means, scales)]
        check(lib.cusgd_trainer_get_standardization(self._handle, *pointers))
        return means, scales

    def set_coefficients(self, weight: Any, bias: Any) -> None:
        """Set the coefficients and intercepts, and restart the optimizer.

        Parameters
        ----------
        weight : array of shape (outputs, columns)
            The coefficients in the units of the data. With one output, the shape may also be (columns,).
        bias : array of shape (outputs,)
            The intercepts. With one output, a number is accepted as well.
        """
        shape = (lib.cusgd_trainer_outputs(self._handle), self._data.cols)
        arrays = [
            np.ascontiguousarray(np.asarray(weight, dtype=np.float64).reshape(shape)),
            np.ascontiguousarray(np.asarray(bias, dtype=np.float64).reshape(shape[:1])),
        ]
        pointers = [array.ctypes.data_as(C.POINTER(C.c_double)) for array in arrays]
        run(lambda: check(lib.cusgd_trainer_set_coefficients(self._handle, *pointers)), is_short=is_few(self._data))

    def model(self) -> Model:
        """Return the trained model."""
        handle = C.c_void_p()
        run(lambda: check(lib.cusgd_trainer_create_model(self._handle, C.byref(handle))))
        model = Model(handle)
        model.history, model.result, model.options = self.history, self.result, self.options
        return model

    def predict(self, X: Any, kind: str = "mean", *, offset: Any = None, exposure: Any = None) -> NDArray[Any]:
        """Predict with the current parameters.

        Parameters
        ----------
        X, kind, offset, exposure
            As for `Model.predict`.

        Returns
        -------
        ndarray of shape (n,), or (n, outputs) for several outputs
        """
        return self.model().predict(X, kind, offset=offset, exposure=exposure)

    def evaluate(
        self, X: Any, y: Any, *, sample_weight: Any = None, offset: Any = None, exposure: Any = None, output: int | None = None
    ) -> Metrics:
        """Compare the predictions of the current parameters with targets. This method may be called in a callback.

        Parameters
        ----------
        X, y, sample_weight, offset, exposure, output
            As for `Model.evaluate`.

        Returns
        -------
        Metrics
        """
        return self.model().evaluate(X, y, sample_weight=sample_weight, offset=offset, exposure=exposure, output=output)

    def evaluate_valid(self, *, output: int | None = None) -> Metrics:
        """Compare the predictions of the current parameters with the targets of the validation rows.

        The validation rows are those that ``valid_fraction`` holds out of the training data, or those given as ``valid``. Metrics
        that compare with a baseline, such as r2 with the mean of the targets, compute the baseline from these rows.

        Parameters
        ----------
        output : int, optional
            The index of a target. By default, the metrics are means over all targets.

        Returns
        -------
        Metrics
            The metrics that need sorted rows (``auc``, ``average_precision``, ``median_absolute_error``, ``d2_absolute_error``,
            ``d2_pinball``) are NaN.

        Raises
        ------
        UsageError
            There are no validation rows.

        Examples
        --------
        >>> import numpy as np
        >>> import cusgd
        >>> X = np.random.default_rng(0).normal(size=(1000, 2))
        >>> trainer = cusgd.Trainer(X, X @ [1.0, 2.0] + 3, valid_fraction=0.2)
        >>> result = trainer.fit()
        >>> trainer.evaluate_valid().rows
        200
        """
        found = sized(_capi.cusgd_metrics)
        which = -1 if output is None else output
        run(lambda: check(lib.cusgd_trainer_evaluate_valid(self._handle, which, C.byref(found))))
        return Metrics._read(found)

    def optimum(self) -> float:
        """Return the minimum of the objective over the training rows, or NaN if it is expensive to compute."""
        objective, seconds = C.c_double(), C.c_double()
        run(lambda: check(lib.cusgd_trainer_optimum(self._handle, C.byref(objective), C.byref(seconds))))
        return objective.value
