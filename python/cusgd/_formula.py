"""Formulas given as text: derivatives, minima and roots."""

from __future__ import annotations

import ctypes as C
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _capi
from ._errors import check
from ._library import lib
from ._results import sized
from ._run import run

_MODES = {"forward": _capi.CUSGD_FORWARD, "reverse": _capi.CUSGD_REVERSE}


@dataclass(frozen=True)
class Search:
    """The result of `Formula.minimize` and `Formula.solve`.

    Attributes
    ----------
    x : array of shape (n_variables,)
        The last iterate.
    value : float
        The formula there; of `solve` the norm of the formulas' values.
    gradient : float
        The norm of the gradient; of `solve` the same as `value`.
    converged : bool
    iterations : int
    order : float
        The order of convergence by the last three steps; NaN if they do not tell.
    path : array of shape (iterations + 1, n_variables)
        All iterates, the start first.
    values : array of shape (iterations + 1,)
        `value` at each of them.
    """

    x: NDArray[np.float64]
    value: float
    gradient: float
    converged: bool
    iterations: int
    order: float
    path: NDArray[np.float64]
    values: NDArray[np.float64]


def _doubles(array: NDArray[np.float64]) -> Any:
    return array.ctypes.data_as(C.POINTER(C.c_double))


def _texts(names: Sequence[str]) -> Any:
    return (C.c_char_p * max(len(names), 1))(*[name.encode() for name in names])


class Formula:
    """One or more formulas, separated by semicolons, and their derivatives.

    Parameters
    ----------
    text : str
        What a formula may contain is in docs/formulas.md: "sin(2*pi*x + x^2)".
    variables : sequence of str, optional
        The names of the variables, in their order. By default each name that is no constant, in the order of the text.
    constants : mapping of str to float, optional
        Names that stand for numbers.

    Attributes
    ----------
    text : str
    variables : tuple of str
    results : int
        How many formulas there are.

    Examples
    --------
    >>> f = cusgd.Formula("x^2 + 3*x*y")
    >>> f.variables
    ('x', 'y')
    >>> f.gradient([1.0, 2.0]).tolist()
    [8.0, 3.0]
    """

    def __init__(
        self, text: str, *, variables: Sequence[str] | None = None, constants: Mapping[str, float] | None = None
    ) -> None:
        names = sized(_capi.cusgd_expression_names)
        if not isinstance(text, str):
            raise TypeError(f"a formula is text, not {type(text).__name__}")
        if "\0" in text:
            raise ValueError("a formula cannot contain the character 0")
        if variables is not None:
            names.variables, names.variable_count = _texts(variables), len(variables)
        known = dict(constants or {})
        values = np.array(list(known.values()), dtype=np.float64)
        names.constants, names.values, names.constant_count = _texts(list(known)), _doubles(values), len(known)
        self._handle = C.c_void_p()
        check(lib.cusgd_expression_compile(text.encode(), C.byref(names), C.byref(self._handle)))
        self.text = text
        self.results = int(lib.cusgd_expression_results(self._handle))
        count = lib.cusgd_expression_variables(self._handle)
        self.variables = tuple(lib.cusgd_expression_variable(self._handle, i).decode() for i in range(count))

    def __del__(self) -> None:
        handle = self.__dict__.get("_handle")
        if handle:
            lib.cusgd_expression_free(handle)

    def __repr__(self) -> str:
        return f"Formula({self.text!r})"

    def __reduce__(self) -> Any:
        raise TypeError("a Formula cannot be pickled: pickle its text and its constants")

    def _points(self, x: ArrayLike) -> tuple[NDArray[np.float64], tuple[int, ...]]:
        """Return points as a matrix, and the shape that they have without the variables' axis."""
        points = np.ascontiguousarray(x, dtype=np.float64)
        count = len(self.variables)
        if points.ndim == 0 and count == 1:
            points = points.reshape(1)
        if points.ndim == 0 or points.shape[-1] != count:
            raise ValueError(
                f"the last axis of x has the {count} variables {', '.join(self.variables)}; its shape is {points.shape}"
            )
        shape = points.shape[:-1]
        return points.reshape(int(np.prod(shape)), count), shape

    def _shaped(self, out: NDArray[np.float64], shape: tuple[int, ...], inner: tuple[int, ...]) -> Any:
        of_each = () if self.results == 1 else (self.results,)
        return out.reshape(shape + of_each + inner)[()]

    def value(self, x: ArrayLike) -> Any:
        """Evaluate the formula.

        Parameters
        ----------
        x : array of shape (..., n_variables)
            Points. Of a formula with one variable, also a number.

        Returns
        -------
        array of shape (...) or, with several formulas, (..., n_formulas)
        """
        points, shape = self._points(x)
        out = np.empty((len(points), self.results))
        check(lib.cusgd_expression_evaluate(self._handle, len(points), _doubles(points), _doubles(out)))
        return self._shaped(out, shape, ())

    __call__ = value

    def gradient(self, x: ArrayLike, *, mode: str = "reverse") -> Any:
        """Compute the first derivatives.

        Parameters
        ----------
        x : array of shape (..., n_variables)
            Points.
        mode : {"reverse", "forward"}
            Reverse mode (Linnainmaa 1970) or dual numbers (Wengert 1964). Where all values are finite, both agree to rounding.

        Returns
        -------
        array of shape (..., n_variables) or, with several formulas, (..., n_formulas, n_variables)
        """
        points, shape = self._points(x)
        if mode not in _MODES:
            raise ValueError(f"mode is {mode!r}: it must be 'reverse' or 'forward'")
        count = len(self.variables)
        out = np.empty((len(points), self.results, count))
        check(lib.cusgd_expression_gradient(self._handle, _MODES[mode], len(points), _doubles(points), _doubles(out)))
        return self._shaped(out, shape, (count,))

    def hessian(self, x: ArrayLike) -> Any:
        """Compute the second derivatives by hyper-dual numbers (Fike and Alonso 2011).

        Parameters
        ----------
        x : array of shape (..., n_variables)
            Points.

        Returns
        -------
        array of shape (..., n_variables, n_variables) or, with several formulas, (..., n_formulas, n_variables, n_variables)
        """
        points, shape = self._points(x)
        count = len(self.variables)
        out = np.empty((len(points), self.results, count, count))
        check(lib.cusgd_expression_hessian(self._handle, len(points), _doubles(points), _doubles(out)))
        return self._shaped(out, shape, (count, count))

    def _search(self, function: Any, start: ArrayLike, **settings: Any) -> Search:
        points, _ = self._points(start)
        if len(points) != 1:
            raise ValueError("a search has one start")
        x = points[0].copy()
        search, result = sized(_capi.cusgd_search), sized(_capi.cusgd_search_result)
        for name, value in settings.items():
            setattr(search, name, value.encode() if isinstance(value, str) else value)
        path: list[list[float]] = []
        values: list[float] = []

        def keep(iterate: Any, user: Any) -> int:
            path.append(iterate.contents.x[: len(x)])
            values.append(iterate.contents.value)
            return 0

        callback = _capi.cusgd_iterate_callback(keep)

        def call() -> None:
            status = function(self._handle, C.byref(search), _doubles(x), callback, None, C.byref(result))
            if status != _capi.CUSGD_ERROR_NOT_CONVERGED:
                check(status)

        run(call)
        return Search(
            x,
            result.value,
            result.gradient,
            bool(result.converged),
            int(result.iterations),
            result.order,
            np.array(path).reshape(-1, len(x)),
            np.array(values),
        )

    def minimize(
        self,
        start: ArrayLike,
        *,
        solver: str = "bfgs",
        rate: float = 0.0,
        momentum: float = 0.0,
        tolerance: float = 0.0,
        iterations: int = 0,
    ) -> Search:
        """Search a minimum by the steps that training takes.

        Parameters
        ----------
        start : array of shape (n_variables,)
            The first iterate.
        solver : str
            "gd", an optimizer ("momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "amsgrad", "nadam", "radam",
            "adamax"), "bfgs", "dfp", "lbfgs", "cg" or "newton".
        rate : float
            The learning rate of gd and the optimizers. 0: the optimizer's usual one, which gd, momentum and nesterov do not have.
        momentum : float
            Of momentum and nesterov. 0: 0.9.
        tolerance : float
            Converged: the norm of the gradient is at most this times max(1, its value at the start). 0: 1e-8.
        iterations : int
            The maximum number of iterations. 0: 1000.

        Returns
        -------
        Search
            Also if it has not converged (`Search.converged`).
        """
        return self._search(
            lib.cusgd_expression_minimize,
            start,
            solver=solver,
            rate=rate,
            momentum=momentum,
            tolerance=tolerance,
            iterations=iterations,
        )

    def solve(self, start: ArrayLike, *, solver: str = "newton", tolerance: float = 0.0, iterations: int = 0) -> Search:
        """Search a point where all formulas are 0; there are as many as variables.

        Parameters
        ----------
        start : array of shape (n_variables,)
            The first iterate.
        solver : {"newton", "broyden-good", "broyden-bad"}
            The method.
        tolerance : float
            Converged: the norm of the values is at most this times max(1, its value at the start). 0: 1e-10.
        iterations : int
            The maximum number of iterations. 0: 1000.

        Returns
        -------
        Search
            Also if it has not converged (`Search.converged`), or the matrix of derivatives is singular.
        """
        return self._search(lib.cusgd_expression_solve, start, solver=solver, tolerance=tolerance, iterations=iterations)
