"""Models."""

from __future__ import annotations

import ctypes as C
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _capi
from ._arrays import Data, column_names, in_order, make_data, text_array
from ._classes import class_labels, class_numbers, has_columns
from ._errors import DataError, UsageError, check, warn
from ._library import lib
from ._options import Options
from ._pickles import opened, stamped
from ._results import History, Metrics, Result, sized
from ._run import run
from ._summary import coefficients, summary
from ._table import Table, open_table
from ._text import c_path, c_text
from ._torch import layer_arrays, make_layer

_PREDICTIONS = {
    "mean": _capi.CUSGD_PREDICT_MEAN,
    "link": _capi.CUSGD_PREDICT_LINK,
    "class": _capi.CUSGD_PREDICT_CLASS,
    "probability": _capi.CUSGD_PREDICT_PROBABILITY,
}


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")


class Model:
    """A linear model, whose predictions are a function of ``X @ weight.T + bias``.

    Models are created by `cusgd.fit`, `Trainer.model`, `Model.load`, `Model.from_arrays` and `Model.from_torch`. They can be
    pickled.

    Attributes
    ----------
    weight : ndarray of shape (outputs, columns)
        The coefficients in the units of the data.
    bias : ndarray of shape (outputs,)
        The intercepts in the units of the data.
    loss : str
        The loss that the model was trained with.
    features, targets, classes : list of str, or None
        The names of the columns, targets and classes.
    standard_errors : ndarray of shape (outputs, columns + 1), or None
        The standard errors of the coefficients and, last, of the intercept. They are None unless the solver exact or newton
        (which auto may choose) trained the model without a penalty.
    p_values : ndarray of shape (outputs, columns + 1), or None
        The p-values of the coefficients and, last, of the intercept.
    metadata : dict of str
        The other entries of the model's file, such as the options it was trained with.
    history : History
        The epochs of the run that trained the model.
    result : Result or None
        The result of that run.
    options : Options or None
        The options of that run, which files do not contain.
    """

    def __init__(self, handle: C.c_void_p) -> None:
        self._handle = handle
        self.history = History()
        self.result: Result | None = None
        self.options: Options | None = None
        d, k = lib.cusgd_model_cols(handle), lib.cusgd_model_outputs(handle)
        self.weight: NDArray[np.float64] = np.ctypeslib.as_array(lib.cusgd_model_weight(handle), (k, d)).copy()
        self.bias: NDArray[np.float64] = np.ctypeslib.as_array(lib.cusgd_model_bias(handle), (k,)).copy()
        self.weight.flags.writeable = self.bias.flags.writeable = False
        errors = lib.cusgd_model_standard_errors(handle, None)
        self.standard_errors = np.ctypeslib.as_array(errors, (k, d + 1)).copy() if errors else None

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            lib.cusgd_model_free(self._handle)

    def __repr__(self) -> str:
        k, d = self.weight.shape
        return f"<cusgd.Model: loss {self.loss}, {d} column{'s' * (d != 1)}, {k} output{'s' * (k != 1)}>"

    # ---- Description ----

    @property
    def loss(self) -> str:
        """The loss that the model was trained with."""
        name: bytes = lib.cusgd_model_loss(self._handle, None).contents.name
        return name.decode()

    def _names(self, function: Any, count: int) -> list[str] | None:
        if function(self._handle, 0) is None:
            return None  # a model has either all names or none
        names = [_text(function(self._handle, j)) for j in range(count)]
        return None if None in names else names  # type: ignore[return-value]

    @property
    def features(self) -> list[str] | None:
        """Names of the columns."""
        return self._names(lib.cusgd_model_feature, self.weight.shape[1])

    @property
    def targets(self) -> list[str] | None:
        """Names of the targets."""
        return self._names(lib.cusgd_model_target, lib.cusgd_model_targets(self._handle))

    @property
    def quantiles(self) -> NDArray[np.float64] | None:
        """The quantiles that the outputs predict, in ascending order; None unless the model predicts several quantiles."""
        found = lib.cusgd_model_quantiles(self._handle)
        return np.ctypeslib.as_array(found, self.bias.shape).copy() if found else None

    @property
    def classes(self) -> list[str] | None:
        """The names of the classes 0, 1, ..."""
        return self._names(lib.cusgd_model_class, lib.cusgd_model_classes(self._handle))

    def _has_class_outputs(self) -> bool:
        """Tell whether the model has one target, and an output for each of its classes."""
        several = lib.cusgd_model_outputs(self._handle) > lib.cusgd_model_targets(self._handle)
        return bool(several) and self.quantiles is None

    @property
    def metadata(self) -> dict[str, str]:
        """The entries of the model's file other than its arrays."""
        found: dict[str, str] = {}
        name, value = C.c_char_p(), C.c_char_p()
        while lib.cusgd_model_metadata(self._handle, len(found), C.byref(name), C.byref(value)):
            found[(name.value or b"").decode(errors="replace")] = (value.value or b"").decode(errors="replace")
        return found

    # ---- Inference ----

    @property
    def p_values(self) -> NDArray[np.float64] | None:
        """The p-values of the coefficients and, last, the intercepts, of shape (outputs, columns + 1), or None.

        As in ``lm`` and ``glm`` of R, the losses squared and mse use Student's t-distribution with the residual degrees of
        freedom, and the other losses use the normal distribution. A model without standard errors has no p-values.
        """
        return None if self.standard_errors is None else coefficients(self._handle, self.weight.shape, 0.95)[:, :, 3]

    def intervals(self, level: float = 0.95) -> NDArray[np.float64] | None:
        """Return the confidence intervals of the coefficients and, last, the intercepts.

        Parameters
        ----------
        level : float
            The confidence level, between 0 and 1.

        Returns
        -------
        ndarray of shape (outputs, columns + 1, 2), or None
            The lower and upper bounds; None if the model has no standard errors.
        """
        return None if self.standard_errors is None else coefficients(self._handle, self.weight.shape, level)[:, :, 4:]

    def summary(self, level: float = 0.95) -> str:
        """Return a table of the coefficients.

        If the model has standard errors, the table also contains the standard errors, t or z statistics, p-values and confidence
        intervals.

        Parameters
        ----------
        level : float
            The confidence level of the intervals, between 0 and 1.

        Returns
        -------
        str

        Examples
        --------
        >>> import cusgd
        >>> model = cusgd.fit([[1.0], [2.0], [3.0], [4.0]], [2.0, 4.0, 3.0, 6.0], solver="exact", precision="double")
        >>> print(model.summary())
                                    value        error         t         p    95 % from           to
        x1                            1.1     0.519615    2.1170     0.168     -1.13572      3.33572
        intercept                       1      1.42302    0.7027     0.555     -5.12278      7.12278
        t of 2 degrees of freedom
        """
        k, d = self.weight.shape
        names = [*(self.features or [f"x{j + 1}" for j in range(d)]), "intercept"]
        outputs = self._names(lib.cusgd_model_output, k) or [f"output {output + 1}" for output in range(k)]
        return summary(self._handle, names, outputs, level)

    # ---- Predictions ----

    def _data(self, X: Any, y: Any, sample_weight: Any, offset: Any, exposure: Any) -> Data:
        if column_names(X) is not None:
            X = in_order(X, self.features)
        if y is not None and not (self._has_class_outputs() and has_columns(y)):  # several columns are shares of the classes
            y = class_numbers(y, self.classes)
        data = make_data(X, y, sample_weight=sample_weight, offset=offset, exposure=exposure)
        if data.cols != self.weight.shape[1]:
            raise DataError(f"X has {data.cols} columns, and the model was trained on {self.weight.shape[1]}")
        return data

    def predict(self, X: Any, kind: str = "mean", *, offset: Any = None, exposure: Any = None) -> NDArray[Any]:
        """Predict a value for each row.

        Parameters
        ----------
        X : array of shape (n, columns)
            The rows. If the model has column names, the columns of a data frame are matched by name.
        kind : {"mean", "link", "class", "probability"}
            What to predict: "mean" is the expected target, "link" the linear predictor, "class" the label of the class (a number
            if all labels are numbers, and otherwise text), and "probability" the probability of the second class. With more than
            two classes, all kinds except "class" have a column for each class.
        offset, exposure : array of shape (n,), optional
            As for `cusgd.fit`, for models that were trained with them.

        Returns
        -------
        ndarray of shape (n,), or (n, outputs) for several outputs
        """
        if kind not in _PREDICTIONS:
            raise UsageError(f"kind must be one of {', '.join(_PREDICTIONS)}, not {kind!r}")
        data = self._data(X, None, None, offset, exposure)
        out = np.empty((data.rows, lib.cusgd_model_prediction_cols(self._handle, _PREDICTIONS[kind])))
        pointer = out.ctypes.data_as(C.POINTER(C.c_double))
        run(lambda: check(lib.cusgd_model_predict(self._handle, data.handle, _PREDICTIONS[kind], pointer)))
        result = out[:, 0] if out.shape[1] == 1 else out
        if kind == "class":
            return class_labels(self.classes)[result.astype(np.int64)]
        return result

    def confusion(self, X: Any, y: Any, *, sample_weight: Any = None, offset: Any = None, exposure: Any = None) -> NDArray[Any]:
        """Return the confusion matrix.

        Parameters
        ----------
        X, y, sample_weight, offset, exposure
            As for `cusgd.fit`.

        Returns
        -------
        ndarray of shape (classes, classes)
            The element (i, j) is the sum of the weights of the rows of class i that are predicted as class j.
        """
        data = self._data(X, y, sample_weight, offset, exposure)
        count = self.weight.shape[0] if self._has_class_outputs() else 2
        matrix = np.zeros((count, count))
        pointer = matrix.ctypes.data_as(C.POINTER(C.c_double))
        run(lambda: check(lib.cusgd_model_confusion(self._handle, data.handle, pointer)))
        return matrix

    def evaluate(
        self, X: Any, y: Any, *, sample_weight: Any = None, offset: Any = None, exposure: Any = None, output: int | None = None
    ) -> Metrics:
        """Compare predictions with targets.

        Parameters
        ----------
        X, y, sample_weight, offset, exposure
            As for `cusgd.fit`.
        output : int, optional
            The index of a target or of one of several quantiles. By default, the metrics are means over all of them.

        Returns
        -------
        Metrics
        """
        return self._metrics(self._data_to_measure(X, y, sample_weight, offset, exposure), output)

    def evaluate_outputs(
        self, X: Any, y: Any, *, sample_weight: Any = None, offset: Any = None, exposure: Any = None
    ) -> list[Metrics]:
        """Compare the predictions of each output with the targets, in one pass over the data.

        Parameters
        ----------
        X, y, sample_weight, offset, exposure
            As for `cusgd.fit`.

        Returns
        -------
        list of Metrics
            The metrics of each target or quantile, as `evaluate` returns them.

        Examples
        --------
        >>> import numpy as np
        >>> import cusgd
        >>> X = np.random.default_rng(0).normal(size=(1000, 2))
        >>> y = X @ [1.0, 2.0] + 3
        >>> model = cusgd.fit(X, np.column_stack([y, -y]), solver="exact")
        >>> [round(of.r2, 6) for of in model.evaluate_outputs(X, np.column_stack([y, -y]))]
        [1.0, 1.0]
        """
        data = self._data_to_measure(X, y, sample_weight, offset, exposure)
        quantiles = self.quantiles
        count = lib.cusgd_model_targets(self._handle) if quantiles is None else len(quantiles)
        kinds = (_capi.cusgd_metrics, _capi.cusgd_ranking, _capi.cusgd_order_metrics)
        found: list[Any] = [(kind * (count + 1))() for kind in kinds]
        for kind, array in zip(kinds, found, strict=True):
            array[0].size = C.sizeof(kind)
        run(lambda: check(lib.cusgd_model_evaluate_outputs(self._handle, data.handle, *found)))
        return [Metrics._read(*of) for of in list(zip(*found, strict=True))[:count]]

    def _data_to_measure(self, X: Any, y: Any, sample_weight: Any, offset: Any, exposure: Any) -> Data:
        """Return data with targets in the form that the model uses."""
        data = self._data(X, y, sample_weight, offset, exposure)
        of_classes = lib.cusgd_model_loss(self._handle, None).contents.targets == _capi.CUSGD_TARGET_CLASS
        if (of_classes and not self.classes and data.outputs == 1) or (self._has_class_outputs() and data.outputs > 1):
            data.split_shares()
        return data

    def _metrics(self, data: Data | Table, output: int | None) -> Metrics:
        found = sized(_capi.cusgd_metrics)
        which = -1 if output is None else output
        run(lambda: check(lib.cusgd_model_evaluate(self._handle, data.handle, which, C.byref(found))))
        of_classes = not np.isnan(found.accuracy)
        further = sized(_capi.cusgd_ranking if of_classes else _capi.cusgd_order_metrics)
        if of_classes and np.isnan(found.confusion[0]):  # more than two classes have no ranking
            further.auc = further.average_precision = np.nan
            return Metrics._read(found, further)
        function = lib.cusgd_model_rank if of_classes else lib.cusgd_model_order_metrics
        run(lambda: check(function(self._handle, data.handle, which, C.byref(further))))
        return Metrics._read(found, further)

    def _table(self, path: str | os.PathLike[str], predicts: bool, strict: bool) -> Table:
        """Read a raw table with the columns of the model, and issue a warning for each note."""
        reader = sized(_capi.cusgd_reader)
        check(lib.cusgd_model_reader(self._handle, C.byref(reader)))
        reader.roles.x_only, reader.encode.strict = predicts, strict
        keeps = predicts and not strict
        reader.encode.missing = (
            _capi.CUSGD_MISSING_KEEP if keeps else _capi.CUSGD_MISSING_ERROR if strict else _capi.CUSGD_MISSING_DEFAULT
        )
        table = open_table(path, reader)
        for note in table.notes:
            warn(note, UserWarning)
        return table

    def predict_table(self, path: str | os.PathLike[str], kind: str = "mean", *, strict: bool = False) -> NDArray[Any]:
        """Predict a value for each row of a raw table that has the columns of the training table.

        Parameters
        ----------
        path : str or path
            A table that `cusgd.read_table` can read. It need not contain the targets.
        kind
            As for `predict`.
        strict : bool
            Whether unknown categories and missing values are errors.

        Returns
        -------
        ndarray of shape (n,), or (n, outputs) for several outputs
            The predictions. They are NaN, or None for classes, in rows with a missing value that the model does not replace.

        Warns
        -----
        UserWarning
            Some rows have no prediction, or a category is unknown. All indicator columns of an unknown category are 0.
        """
        if kind not in _PREDICTIONS:
            raise UsageError(f"kind must be one of {', '.join(_PREDICTIONS)}, not {kind!r}")
        table = self._table(path, True, strict)
        out = np.empty((table.rows, lib.cusgd_model_prediction_cols(self._handle, _PREDICTIONS[kind])))
        pointer = out.ctypes.data_as(C.POINTER(C.c_double))
        run(lambda: check(lib.cusgd_model_predict(self._handle, table.handle, _PREDICTIONS[kind], pointer)))
        result = out[:, 0] if out.shape[1] == 1 else out
        if kind != "class":
            return result
        names: list[Any] = list(self.classes or (0, 1))
        found = [None if np.isnan(number) else names[int(number)] for number in out.ravel()]
        return np.array(found, dtype=object).reshape(result.shape)

    def evaluate_table(self, path: str | os.PathLike[str], *, output: int | None = None) -> Metrics:
        """Compare predictions with the targets of a raw table.

        Parameters
        ----------
        path : str or path
            A table that `cusgd.read_table` can read, with the columns of the targets. Rows with missing values are omitted.
        output : int, optional
            As for `evaluate`.

        Returns
        -------
        Metrics
        """
        return self._metrics(self._table(path, False, False), output)

    # ---- Files and other libraries ----

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """Read a model from a safetensors file that cuSGD has written, or that contains one linear layer of PyTorch.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        Model

        Raises
        ------
        DataError
            The file cannot be read, or does not contain a model.
        """
        handle = C.c_void_p()
        lib.cusgd_handle_faults()
        check(lib.cusgd_model_load(c_path(path), C.byref(handle)))
        return cls(handle)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a safetensors file.

        An existing file is replaced only after the new one has been written completely.

        Parameters
        ----------
        path : str or path
            The file.

        Raises
        ------
        DataError
            The file cannot be written. An existing file does not change.
        """
        check(lib.cusgd_model_save(self._handle, c_path(path)))

    def to_bytes(self) -> bytes:
        """Return the model as bytes, which are the content of the file that `save` writes."""
        count = C.c_size_t()
        check(lib.cusgd_model_save_memory(self._handle, None, 0, C.byref(count)))
        buffer = C.create_string_buffer(count.value)
        check(lib.cusgd_model_save_memory(self._handle, buffer, count, C.byref(count)))
        return buffer.raw

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Model:
        """Create a model from the bytes of its file.

        Parameters
        ----------
        data : bytes
            The bytes that `to_bytes` returned, or the content of a model's file.

        Returns
        -------
        Model

        Raises
        ------
        DataError
            The bytes do not contain a model.
        """
        data = bytes(data)
        handle = C.c_void_p()
        check(lib.cusgd_model_load_memory(data, len(data), C.byref(handle)))
        return cls(handle)

    def __getstate__(self) -> dict[str, Any]:
        return stamped({"file": self.to_bytes(), "history": self.history, "result": self.result})

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = opened(state, type(self))
        handle = C.c_void_p()
        check(lib.cusgd_model_load_memory(state["file"], len(state["file"]), C.byref(handle)))
        self.__init__(handle)  # type: ignore[misc]
        self.history, self.result = state["history"], state["result"]

    @classmethod
    def from_arrays(
        cls,
        weight: Any,
        bias: Any = None,
        *,
        loss: str = "squared",
        features: Sequence[str] | None = None,
        targets: Sequence[str] | None = None,
        classes: Sequence[str] | None = None,
    ) -> Model:
        """Create a model with given coefficients.

        Parameters
        ----------
        weight : array of shape (columns,) or (outputs, columns)
            The coefficients in the units of the data.
        bias : float or array of shape (outputs,), optional
            The intercepts; by default 0.
        loss : str
            The loss, which determines the link function and the metrics that `evaluate` computes.
        features, targets, classes : sequence of str, optional
            The names of the columns, targets and classes.

        Returns
        -------
        Model
        """
        coefficients = np.ascontiguousarray(np.atleast_2d(np.asarray(weight, dtype=np.float64)))
        k, d = coefficients.shape
        intercepts = np.ascontiguousarray(np.broadcast_to(np.asarray(0 if bias is None else bias, dtype=np.float64), (k,)))
        several = (classes is not None and len(classes) > 2) or loss == "softmax"
        wanted = ((features, d, "features"), (targets, 1 if several else k, "targets"), (classes, k if several else 2, "classes"))
        for names, count, what in wanted:
            if names is not None and len(names) != count:
                raise ValueError(f"{what} must have {count} names, and has {len(names)}")
        arrays = sized(_capi.cusgd_model_arrays)
        arrays.cols, arrays.outputs = d, k
        arrays.weight = coefficients.ctypes.data_as(C.POINTER(C.c_double))
        arrays.bias = intercepts.ctypes.data_as(C.POINTER(C.c_double))
        arrays.loss = c_text(loss.replace("_", "-"), "loss")
        arrays.class_count = 0 if classes is None else len(classes)
        kept = [text_array(features, "column"), text_array(targets, "target"), text_array(classes, "class")]
        pointer = C.POINTER(C.c_char_p)
        arrays.features, arrays.targets, arrays.classes = [C.cast(names, pointer) if names else None for names in kept]
        handle = C.c_void_p()
        check(lib.cusgd_model_create(C.byref(arrays), C.byref(handle)))
        return cls(handle)

    @classmethod
    def from_torch(cls, layer: Any, *, loss: str = "squared") -> Model:
        """Create a model with the parameters of a ``torch.nn.Linear``.

        Parameters
        ----------
        layer : torch.nn.Linear
            The layer, with or without a bias.
        loss : str
            As for `from_arrays`.

        Returns
        -------
        Model
        """
        weight, bias = layer_arrays(layer)
        return cls.from_arrays(weight, bias, loss=loss)

    def to_torch(self, dtype: Any = None) -> Any:
        """Create a ``torch.nn.Linear`` with the parameters of the model.

        The layer computes the linear predictor, which is the logit for the loss logistic.

        Parameters
        ----------
        dtype : torch.dtype, optional
            The type of the parameters; by default float64.

        Returns
        -------
        torch.nn.Linear
        """
        return make_layer(self.weight, self.bias, dtype)

    def to_sklearn(self) -> Any:
        """Create a fitted estimator of scikit-learn that makes the same predictions as the model.

        The estimator can be used and unpickled without cuSGD, and works with tools that export or explain models of scikit-learn.
        A regression model becomes a LinearRegression, PoissonRegressor, GammaRegressor or TweedieRegressor. A classifier becomes
        a LogisticRegression, or an SGDClassifier if it has a loss of support vector machines or was trained by one-vs-rest. The
        parameters of the training are not transferred.

        Returns
        -------
        estimator of scikit-learn

        Raises
        ------
        UsageError
            scikit-learn has no such estimator. This is so for an own loss, and for several outputs with a logarithmic link.

        Examples
        --------
        >>> import cusgd
        >>> model = cusgd.fit([[1.0], [2.0], [3.0]], [3.0, 5.0, 7.0], solver="exact")
        >>> model.to_sklearn().predict([[10.0]]).round(6).tolist()
        [21.0]
        """
        from ._to_sklearn import make_estimator  # imported here to keep `import cusgd` fast

        return make_estimator(self)
