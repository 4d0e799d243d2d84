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

SHORT = 50_000  # values, of which the library reads all in a few milliseconds


def is_few(data: Data | Table) -> bool:
    """Tell whether calls that read the data once are short."""
    return isinstance(data, Data) and data.rows * data.cols * max(data.outputs, 1) <= SHORT


def _is_true(value: Any) -> bool:
    """Tell whether a callback's answer is True; only then does it end a run."""
    return isinstance(value, (bool, np.bool_)) and bool(value)


class Trainer:
    """A training run on data, which can be continued.

    Parameters
    ----------
    X : array of shape (n, columns), or Table
        A table of `cusgd.read_table` has everything: y, sample_weight, offset and exposure are left out. NumPy arrays of float32
        or float64 are used in place, in any memory layout; other numbers are converted to float64. They must not change while the
        trainer exists.
    y : array of shape (n,) or (n, outputs)
        For losses of classes two numbers, names, or more than two whole numbers. More than two classes have an output each, in
        the order of their names or numbers: all together by the loss softmax where the loss is logistic
        (``classes="one-vs-rest"``: each against the rest), else each against the rest. Of two the smaller is class 0.
    sample_weight, offset, exposure : array of shape (n,), optional
    valid : tuple (X, y) or (X, y, sample_weight), optional
        Validation data; the result is the best epoch on it. A data frame's columns are taken by name if X has names.
    world : World, optional
        The processes that train together. ``shards`` is 8 then, unless it is given.
    **options
        Any option of ``cusgd train``, with underscores: ``loss="logistic"``, ``l2=1e-3``, ``solver="auto"``, ``epochs=10``; see
        `cusgd.options`. Unlike the command's, the default precision follows X: float for float32 and double for all else.

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
        self._next: Data | None = None  # rows of which it is not known whether the library has them
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
        """The options as they run, with every choice made."""
        return Options.copy_of(lib.cusgd_trainer_options(self._handle))

    @property
    def device(self) -> str:
        """The device that it runs on."""
        name: bytes = lib.cusgd_trainer_device_name(self._handle)
        return name.decode()

    @property
    def solver_reason(self) -> str:
        """Why ``solver="best"`` became the solver that `options` has; empty where another solver was given."""
        reason: bytes = lib.cusgd_trainer_solver_reason(self._handle)
        return in_python_words(reason.decode(errors="replace"))

    @property
    def notes(self) -> list[str]:
        """What there is to know about the data and the run."""
        found: list[str] = []
        while note := lib.cusgd_trainer_note(self._handle, len(found)):
            found.append(in_python_words(note.decode(errors="replace")))
        return found

    @property
    def stream_times(self) -> StreamTimes | None:
        """What reading and computing took so far where the training rows do not fit into ``memory``; None where they do."""
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
        """Train until a stopping rule is met; a further call continues.

        Parameters
        ----------
        callback : callable or list of callables, optional
            Called after each epoch with a `Progress`, in another thread than the caller's; training ends when it returns True.
            (None and all else go on.) `cusgd.callbacks` has some.
        progress : bool
            Whether to show a progress bar (of tqdm; without it, a line per epoch).
        checkpoint : str or path, optional
            A file in which the fit is saved while it runs, when it is interrupted, and after its last epoch; `load_state` goes on
            from there. The file before it is kept with ``.previous`` behind its name.
        every : str
            How often: ``"100steps"``, ``"1epochs"`` or ``"5minutes"``.

        Returns
        -------
        Result

        Raises
        ------
        DivergedError
            The loss became infinite or NaN with a rate that was set. The trainer has the best parameters so far.

        Warns
        -----
        ConvergenceWarning
            A full-batch solver did not reach the optimum, or the result has a note: it is worse than the intercept-only model, or
            no finite optimum exists.
        RuntimeWarning
            A checkpoint could not be written. The one before stands.
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
        """Train, and return why the result is not converged, where a solver says so.

        Without callbacks and a history no Python code runs between epochs.
        """
        raised: list[BaseException] = []
        callbacks = in_turn(callback)

        def on_epoch(now: Any, _: Any) -> int:
            progress = Progress._read(now.contents)
            self.history.epochs.append(progress)
            try:
                ends = int(any([_is_true(one(progress)) for one in callbacks]))
            except BaseException as error:  # raised below, in the thread that called
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
            raise raised.pop()  # a list that keeps it would be a cycle with its traceback
        return warning

    def _trouble(self) -> str | None:
        """Return the result's note if the result is of no use; notes of full-batch solvers may be mere information."""
        assert self.result is not None
        is_trouble = self.result.separated or self.options["solver"] == "sgd"
        return self.result.note if is_trouble and self.result.note else None

    def step(self, steps: int = 1) -> None:
        """Run minibatch steps, without evaluation or stopping rules.

        Parameters
        ----------
        steps : int
            How many, at least 1.
        """
        is_short = is_few(self._data) and steps * self._data.rows * self._data.cols <= 20 * SHORT  # whatever the batch
        run(lambda: check(lib.cusgd_trainer_step(self._handle, steps)), is_short=is_short)

    def rebind(self, X: Any, y: Any, *, sample_weight: Any = None, offset: Any = None, exposure: Any = None) -> None:
        """Go on with other rows in the place of those that the trainer has.

        The parameters, the optimizer's state, averages, the count of steps, and means and scales of columns stay.

        Parameters
        ----------
        X, y, sample_weight, offset, exposure
            As for `Trainer`, with as many columns and outputs as there are.
        """
        data = self._more_data(X, y, sample_weight, offset, exposure)
        self._bind(data, lambda: int(lib.cusgd_trainer_rebind(self._handle, data.handle)))

    def save_state(self, path: str | os.PathLike[str]) -> None:
        """Save where the trainer stands, to go on from there with the same bits.

        A file that is there is kept with ``.previous`` behind its name. `fit` saves one while it runs (``checkpoint=``).

        Parameters
        ----------
        path : path
            The file.

        Raises
        ------
        DataError
            The file cannot be written; the one before stands.
        """
        run(lambda: check(lib.cusgd_trainer_save_state(self._handle, os.fsencode(path))))

    def state(self) -> bytes:
        """Return what `save_state` writes."""
        size = C.c_size_t()
        run(lambda: check(lib.cusgd_trainer_save_state_memory(self._handle, None, 0, C.byref(size))))
        buffer = C.create_string_buffer(size.value)
        run(lambda: check(lib.cusgd_trainer_save_state_memory(self._handle, buffer, size.value, C.byref(size))))
        return buffer.raw

    def load_state(self, state: str | os.PathLike[str] | bytes) -> None:
        """Go on from a saved state of a trainer of the same data and options, with the bits of that one.

        If it was saved inside of a fit, the next `fit` goes on with that one. `epochs` may have become larger.

        Parameters
        ----------
        state : str, path or bytes
            The name of a file, or what `state` returned.

        Raises
        ------
        DataError
            The data is another, or the file is damaged.
        UsageError
            Options differ; the message lists them.
        """
        if isinstance(state, bytes):
            run(lambda: check(lib.cusgd_trainer_load_state_memory(self._handle, state, len(state), None)))
        else:
            run(lambda: check(lib.cusgd_trainer_load_state(self._handle, os.fsencode(state), None)))

    def partial_fit(self, X: Any, y: Any, *, sample_weight: Any = None, offset: Any = None, exposure: Any = None) -> Progress:
        """Train on further rows: one pass over them, from where the trainer is.

        Making a trainer takes no steps, so its own rows are to be given here as well. Nothing is evaluated, and there is no
        stopping rule. The means and scales of the columns, and a rate that is not given, stay those that were chosen when the
        trainer was made, from 100 rows or more if they are to hold for the others; with fewer `notes` says so.

        Parameters
        ----------
        X, y, sample_weight, offset, exposure
            As for `rebind`.

        Returns
        -------
        Progress
            Its ``loss`` is the mean over these rows of the loss before the step that each had a part in.

        Raises
        ------
        DivergedError, InterruptedCall
            The steps after the first ones were not run. The trainer can go on, and has these rows unless it was interrupted
            before the first step.

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
        """Call what gives the library further rows, and keep the rows that it has then.

        A call that fails may have taken them or not. Both the old and the new rows are kept until this is known, also where an
        exception is raised between the call and the next line, as by a signal's handler.
        """

        def call() -> None:
            self._settle()
            self._next = data
            status = function()
            self._settle()
            check(status)

        run(call, is_short=is_few(data))

    def _settle(self) -> None:
        """Keep the rows that the library has, and no others."""
        if self._next is not None and lib.cusgd_trainer_data(self._handle) == self._next.handle.value:
            self._data = self._next
        self._next = None

    def _more_data(self, X: Any, y: Any, sample_weight: Any, offset: Any, exposure: Any) -> Data:
        """Return further rows with the classes of the first."""
        y = class_numbers(y, self._classes)
        data = make_data(in_order(X, self._features), y, sample_weight=sample_weight, offset=offset, exposure=exposure)
        if self._classes:
            data.set_classes(self._classes) if data.outputs == 1 else data.set_names(None, None, self._classes)
        return data

    def cancel(self) -> None:
        """End the `fit`, `step` or `partial_fit` that runs in another thread, or if there is none, the next `fit`.

        `fit` then returns a result whose ``stop`` is "cancelled"; `step` and `partial_fit` raise `InterruptedCall`, and the
        trainer can go on.
        """
        lib.cusgd_trainer_cancel(self._handle)

    # ---- The parameters ----

    def coefficients(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the coefficients (outputs, columns) and intercepts (outputs,), in the data's units."""
        outputs = lib.cusgd_trainer_outputs(self._handle)
        weight, bias = np.empty((outputs, self._data.cols)), np.empty(outputs)
        # Callbacks ask after each epoch, where the time of arrays' `data_as` would count. It is too short to be interrupted.
        pointers = [C.byref(C.c_double.from_buffer(array.data)) for array in (weight, bias)]
        check(lib.cusgd_trainer_get_coefficients(self._handle, *pointers))
        return weight, bias

    def standardization(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the means and scales (columns,) by which columns are standardized, in the data's units.

        As ``column_means`` and ``column_scales`` they standardize other data equally.
        """
        means, scales = np.empty(self._data.cols), np.empty(self._data.cols)
        pointers = [array.ctypes.data_as(C.POINTER(C.c_double)) for array in (means, scales)]
        check(lib.cusgd_trainer_get_standardization(self._handle, *pointers))
        return means, scales

    def set_coefficients(self, weight: Any, bias: Any) -> None:
        """Set coefficients and intercepts, and restart the optimizer.

        Parameters
        ----------
        weight : array of shape (outputs, columns)
            Coefficients in the units of the data; of one output also of shape (columns,).
        bias : array of shape (outputs,)
            Intercepts; of one output also a number.
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
        """Compare predictions of the current parameters with targets, also in a callback.

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
        """Compare predictions of the current parameters with the targets of the validation rows.

        They are those that ``valid_fraction`` holds out of the training data, or else ``valid``. What metrics compare with, as r2
        with the mean of the targets, is that of these rows.

        Parameters
        ----------
        output : int, optional
            Which target; by default the mean over all.

        Returns
        -------
        Metrics
            Metrics for which rows are sorted (``auc``, ``average_precision``, ``median_absolute_error``, ``d2_absolute_error``,
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
        """Return the least objective over the training rows, or NaN where it is not cheap to compute."""
        objective, seconds = C.c_double(), C.c_double()
        run(lambda: check(lib.cusgd_trainer_optimum(self._handle, C.byref(objective), C.byref(seconds))))
        return objective.value
