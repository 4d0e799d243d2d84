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
    """A linear model: predictions are a function of ``X @ weight.T + bias``.

    Models come from `cusgd.fit`, `Trainer.model`, `Model.load`, `Model.from_arrays` and `Model.from_torch`. They can be pickled.

    Attributes
    ----------
    weight : ndarray of shape (outputs, columns)
        Coefficients in the data's units.
    bias : ndarray of shape (outputs,)
    loss : str
    features, targets, classes : list of str, or None
    standard_errors : ndarray of shape (outputs, columns + 1), or None
        The intercept's are last. None unless solver exact or newton (auto) trained the model without a penalty.
    p_values : ndarray of shape (outputs, columns + 1), or None
    metadata : dict of str
        What the model's file says besides: the options it was trained with.
    history : History
    result : Result or None
    options : Options or None
        Of the run that made it; not kept in files.
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

    # ---- What it is ----

    @property
    def loss(self) -> str:
        """The loss it was trained with."""
        name: bytes = lib.cusgd_model_loss(self._handle, None).contents.name
        return name.decode()

    def _names(self, function: Any, count: int) -> list[str] | None:
        if function(self._handle, 0) is None:
            return None  # a model has all names or none
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
        """The quantiles that the outputs predict, ascending; None of a model that does not have several."""
        found = lib.cusgd_model_quantiles(self._handle)
        return np.ctypeslib.as_array(found, self.bias.shape).copy() if found else None

    @property
    def classes(self) -> list[str] | None:
        """What a target of 0, 1, ... stands for."""
        return self._names(lib.cusgd_model_class, lib.cusgd_model_classes(self._handle))

    def _has_class_outputs(self) -> bool:
        """Tell whether each class of the only target has an output."""
        several = lib.cusgd_model_outputs(self._handle) > lib.cusgd_model_targets(self._handle)
        return bool(several) and self.quantiles is None

    @property
    def metadata(self) -> dict[str, str]:
        """The entries of the model's file besides its numbers."""
        found: dict[str, str] = {}
        name, value = C.c_char_p(), C.c_char_p()
        while lib.cusgd_model_metadata(self._handle, len(found), C.byref(name), C.byref(value)):
            found[(name.value or b"").decode(errors="replace")] = (value.value or b"").decode(errors="replace")
        return found

    # ---- Inference ----

    @property
    def p_values(self) -> NDArray[np.float64] | None:
        """The p-value of each coefficient, of shape (outputs, columns + 1), the intercepts' last; None without standard errors.

        By Student's t for the losses squared and mse, with the residual degrees of freedom, and by a normal distribution for the
        others, as R's ``lm`` and ``glm`` have it.
        """
        return None if self.standard_errors is None else coefficients(self._handle, self.weight.shape, 0.95)[:, :, 3]

    def intervals(self, level: float = 0.95) -> NDArray[np.float64] | None:
        """Return the confidence interval of each coefficient, of shape (outputs, columns + 1, 2); None without standard errors.

        Parameters
        ----------
        level : float
            The probability with which an interval holds the true coefficient, in (0, 1).
        """
        return None if self.standard_errors is None else coefficients(self._handle, self.weight.shape, level)[:, :, 4:]

    def summary(self, level: float = 0.95) -> str:
        """Return a table of the coefficients: value, standard error, t or z, p-value and interval, as far as they are known.

        Parameters
        ----------
        level : float
            The probability of the intervals, between 0 and 1.

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
        if y is not None and not (self._has_class_outputs() and has_columns(y)):  # which are shares
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
            A data frame's columns are taken by name if the model has names.
        kind : {"mean", "link", "class", "probability"}
            The expected target, the linear predictor, the class (as it is called: a number if all classes are, else text), or the
            probability of the second class. A model of more than two classes has a column for each class in all but "class".
        offset, exposure : array of shape (n,), optional
            For models that were trained with them.

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
        """Return the weights of the rows of each class (rows of the matrix) that are predicted as each class (columns).

        Parameters
        ----------
        X, y, sample_weight, offset, exposure
            As for `cusgd.fit`.
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
            Which target, or which of several quantiles; by default the mean over all.
        """
        return self._metrics(self._data_to_measure(X, y, sample_weight, offset, exposure), output)

    def evaluate_outputs(
        self, X: Any, y: Any, *, sample_weight: Any = None, offset: Any = None, exposure: Any = None
    ) -> list[Metrics]:
        """Compare the predictions of each output with the targets, all in one pass over the data.

        Parameters
        ----------
        X, y, sample_weight, offset, exposure
            As for `cusgd.fit`.

        Returns
        -------
        list of Metrics
            What `evaluate` returns for each target, or for each of several quantiles.

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
        """Return data whose targets are as the model has them."""
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
        """Read a raw table by the model's columns, with a warning for each note."""
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
        """Predict a value for each row of a raw table, with the columns that the model was trained on.

        Parameters
        ----------
        path : path
            A table as `cusgd.read_table` takes it; targets are not needed.
        kind
            As for `predict`.
        strict : bool
            Whether an unknown category, or a row that lacks a value, is an error.

        Returns
        -------
        ndarray of shape (n,), or (n, outputs) for several outputs
            NaN (of classes None) for rows that lack a value which the model does not fill in.

        Warns
        -----
        UserWarning
            Rows that have no prediction, and unknown categories, which are none of the known ones.
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
        path : path
            A table as `cusgd.read_table` takes it, with the columns of the targets; rows that lack a value are left out.
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
        """Read a model from a safetensors file of cuSGD, or of one layer of PyTorch.

        Parameters
        ----------
        path : path
            The file.

        Returns
        -------
        Model

        Raises
        ------
        DataError
            The file cannot be read, or is no model.
        """
        handle = C.c_void_p()
        lib.cusgd_handle_faults()
        check(lib.cusgd_model_load(c_path(path), C.byref(handle)))
        return cls(handle)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a safetensors file, which replaces an old one only when it is complete.

        Parameters
        ----------
        path : path
            The file.

        Raises
        ------
        DataError
            It cannot be written; an old one stays.
        """
        check(lib.cusgd_model_save(self._handle, c_path(path)))

    def to_bytes(self) -> bytes:
        """Return the bytes of the model's file."""
        count = C.c_size_t()
        check(lib.cusgd_model_save_memory(self._handle, None, 0, C.byref(count)))
        buffer = C.create_string_buffer(count.value)
        check(lib.cusgd_model_save_memory(self._handle, buffer, count, C.byref(count)))
        return buffer.raw

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Model:
        """Return the model that `to_bytes` or a file of it describes.

        Parameters
        ----------
        data : bytes
            What `to_bytes` returned, or the bytes of a model's file.

        Returns
        -------
        Model

        Raises
        ------
        DataError
            They are no model.
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
        """Return a model with given coefficients.

        Parameters
        ----------
        weight : array of shape (columns,) or (outputs, columns)
            Coefficients in the data's units.
        bias : float or array of shape (outputs,), optional
            Intercepts; by default 0.
        loss : str
            Decides the link, and what `evaluate` computes.
        features, targets, classes : sequence of str, optional
            Names.
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
        """Return the model of a ``torch.nn.Linear``.

        Parameters
        ----------
        layer : torch.nn.Linear
            A layer, with or without a bias.
        loss : str
            As for `from_arrays`.

        Returns
        -------
        Model
        """
        weight, bias = layer_arrays(layer)
        return cls.from_arrays(weight, bias, loss=loss)

    def to_torch(self, dtype: Any = None) -> Any:
        """Return a ``torch.nn.Linear`` with the model's coefficients.

        It computes the linear predictor (for logistic loss, logits).

        Parameters
        ----------
        dtype : torch.dtype, optional
            By default float64.
        """
        return make_layer(self.weight, self.bias, dtype)

    def to_sklearn(self) -> Any:
        """Return a fitted estimator of scikit-learn itself that predicts as the model does.

        It needs no cuSGD where it is used or unpickled, and is what exporters and explainers of scikit-learn's models take. A
        regression is a LinearRegression, or a PoissonRegressor, GammaRegressor or TweedieRegressor; classes are those of a
        LogisticRegression, or of an SGDClassifier with the losses of support vector machines and with one-vs-rest. The
        parameters that it was trained with are not in it.

        Raises
        ------
        UsageError
            scikit-learn has no such estimator: for a loss of your own, and several outputs with a logarithmic link.

        Examples
        --------
        >>> import cusgd
        >>> model = cusgd.fit([[1.0], [2.0], [3.0]], [3.0, 5.0, 7.0], solver="exact")
        >>> model.to_sklearn().predict([[10.0]]).round(6).tolist()
        [21.0]
        """
        from ._to_sklearn import make_estimator  # with what few need

        return make_estimator(self)
