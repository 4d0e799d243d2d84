"""cusgd.Formula against NumPy, SciPy and analytic derivatives."""

import cusgd
import numpy as np
import pytest
from scipy import optimize


def test_derivatives_are_scipys():
    f = cusgd.Formula("(1-x)^2 + 100*(y-x^2)^2")
    points = np.random.default_rng(0).normal(size=(3, 7, 2))
    assert f.variables == ("x", "y")
    swapped = np.moveaxis(points, -1, 0)
    assert np.allclose(f(points), optimize.rosen(swapped), rtol=1e-13)
    for mode in ("forward", "reverse"):
        assert np.allclose(
            f.gradient(points, mode=mode),
            np.moveaxis(optimize.rosen_der(swapped.reshape(2, -1)), 0, -1).reshape(3, 7, 2),
            rtol=1e-12,
        )
    assert np.allclose(f.hessian([0.3, -2.0]), optimize.rosen_hess(np.array([0.3, -2.0])), rtol=1e-13)


def test_constants_order_and_shapes():
    f = cusgd.Formula("c*y - x; x*y", variables=["x", "y"], constants={"c": 3})
    assert f.variables == ("x", "y") and f.results == 2
    assert f.value([1, 2]).tolist() == [5, 2]
    assert f.gradient(np.ones((4, 2))).shape == (4, 2, 2)
    assert f.gradient([1, 2]).tolist() == [[-1, 3], [2, 1]]
    assert f.hessian([1, 2]).shape == (2, 2, 2)
    one = cusgd.Formula("x^2")
    assert one.value(3) == 9 and one.gradient(3).tolist() == [6] and one.value(np.zeros((0, 1))).shape == (0,)
    assert cusgd.Formula("1/4").value(np.zeros((2, 0))).tolist() == [0.25, 0.25]


def test_minimize_goes_to_scipys_minimum():
    f = cusgd.Formula("(x-1)^4 + exp(x*y) + y^2")
    there = optimize.minimize(f, [0.5, 0.5], jac=f.gradient, tol=1e-12)
    for solver, rate in [("bfgs", 0), ("newton", 0), ("cg", 0), ("lbfgs", 0), ("gd", 0.05), ("adam", 0.01)]:
        found = f.minimize([0.5, 0.5], solver=solver, rate=rate, iterations=20000)
        assert found.converged and np.allclose(found.x, there.x, atol=1e-5), solver
        assert len(found.path) == len(found.values) == found.iterations + 1
        assert found.path[-1].tolist() == found.x.tolist() and found.values[-1] == found.value
    path = cusgd.Formula("x^2").minimize(-0.7, solver="gd", rate=0.1, iterations=30)
    assert not path.converged and np.allclose(path.path[:, 0], -0.7 * 0.8 ** np.arange(31))


def test_solve_finds_scipys_root():
    f = cusgd.Formula("x^2 + y^2 - 4; x*y - 1")
    there = optimize.root(f, [2, 0.5], jac=f.gradient, tol=1e-13).x
    for solver in ("newton", "broyden-good", "broyden-bad"):
        found = f.solve([2, 0.5], solver=solver)
        assert found.converged and np.allclose(found.x, there, atol=1e-9)
    assert not cusgd.Formula("x^2 + 1").solve(1).converged


def test_refusals():
    with pytest.raises(cusgd.UsageError, match="character 2: an operator is missing"):
        cusgd.Formula("2x")
    with pytest.raises(TypeError, match="a formula is text, not bytes"):
        cusgd.Formula(b"x")  # type: ignore[arg-type]
    with pytest.raises(cusgd.UsageError, match="there is no name z"):
        cusgd.Formula("z", variables=["x"])
    f = cusgd.Formula("x*y")
    with pytest.raises(ValueError, match="2 variables x, y"):
        f.value([1, 2, 3])
    with pytest.raises(ValueError, match="mode"):
        f.gradient([1, 2], mode="sideways")
    with pytest.raises(cusgd.UsageError, match="as many formulas"):
        f.solve([1, 2])
    with pytest.raises(cusgd.UsageError, match="no solver"):
        f.minimize([1, 2], solver="magic")
    with pytest.raises(cusgd.DivergedError):
        cusgd.Formula("x^2").minimize(1, solver="gd", rate=2)
