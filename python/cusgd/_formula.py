"""Derivatives, minima and roots of formulas that are given as text."""

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
        The value of the formula at ``x``. For `Formula.solve`, the norm of the values of the formulas.
    gradient : float
        The norm of the gradient at ``x``. For `Formula.solve`, it equals ``value``.
    converged : bool
        Whether the search has converged.
    iterations : int
        The number of iterations.
    order : float
        The order of convergence, estimated from the last three steps; NaN if they do not determine it.
    path : array of shape (iterations + 1, n_variables)
        All iterates, from the start.
    values : array of shape (iterations + 1,)
        ``value`` at each iterate.
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
        The formulas, such as "sin(2*pi*x + x^2)". docs/formulas.md describes the syntax.
    variables : sequence of str, optional
        The names of the variables, in their order. By default, they are all names that are not constants, in the order in which
        they first occur.
    constants : mapping of str to float, optional
        The values of names that are constants.

    Attributes
    ----------
    text : str
        The formulas.
    variables : tuple of str
        The names of the variables.
    results : int
        The number of formulas.

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
        """Return points as a matrix, and their shape without the axis of the variables."""
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
            The points. With one variable, a number is accepted as well.

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
            The mode of differentiation: reverse mode (Linnainmaa 1970), or forward mode by dual numbers (Wengert 1964). If all
            values are finite, both agree up to rounding.

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
        """Search for a minimum of the formula, by a solver or an optimizer of training.

        Parameters
        ----------
        start : array of shape (n_variables,)
            The first iterate.
        solver : str
            The solver: "gd", "bfgs", "dfp", "lbfgs", "cg", "newton", or an optimizer ("momentum", "nesterov", "adagrad",
            "adadelta", "rmsprop", "adam", "amsgrad", "nadam", "radam", "adamax").
        rate : float
            The learning rate of gd and the optimizers. 0 stands for the usual rate of the optimizer. gd, momentum and nesterov
            have no usual rate.
        momentum : float
            The momentum of the optimizers momentum and nesterov. 0 stands for 0.9.
        tolerance : float
            The search has converged if the norm of the gradient is at most this value times max(1, the norm at the start).
            0 stands for 1e-8.
        iterations : int
            The maximum number of iterations. 0 stands for 1000.

        Returns
        -------
        Search
            The result. No error is raised if the search has not converged; see `Search.converged`.
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
        """Search for a point at which all formulas are 0. There must be as many formulas as variables.

        Parameters
        ----------
        start : array of shape (n_variables,)
            The first iterate.
        solver : {"newton", "broyden-good", "broyden-bad"}
            The method.
        tolerance : float
            The search has converged if the norm of the values is at most this value times max(1, the norm at the start).
            0 stands for 1e-10.
        iterations : int
            The maximum number of iterations. 0 stands for 1000.

        Returns
        -------
        Search
            The result. No error is raised if the search has not converged or the matrix of derivatives is singular; see
            `Search.converged`.
        """
        return self._search(lib.cusgd_expression_solve, start, solver=solver, tolerance=tolerance, iterations=iterations)
