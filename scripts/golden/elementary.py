"""Values of the elementary functions, as two doubles whose sum has twice the digits: 0.1 ulp of a double can be distinguished from 0.2."""
import mpmath as mp
import numpy as np
from mpmath import mpf

from .numbers import exact

FUNCTIONS = dict(exp=mp.exp, expm1=mp.expm1, log=mp.log, log1p=mp.log1p, tanh=mp.tanh, sinh=mp.sinh, cosh=mp.cosh, erf=mp.erf,
                 asin=mp.asin, acos=mp.acos, atan=mp.atan, sin=mp.sin, cos=mp.cos, tan=mp.tan)  # fmt: skip
COUNT = 24


def both_signs(values):
    return [float(v) for value in values for v in (value, -value)]


def close_to(points, eps):
    return [p * (1 + k * eps) for p in points for k in (-1, 0, 1)]


def domain(name, single):
    """Numbers that the function is tried at: where its formula changes, near its limits, and of every size."""
    draw = np.random.default_rng(1)
    eps = 2.0 ** (-23 if single else -52)
    largest, smallest = (88.7, -103.9) if single else (709.7, -745.1)
    sizes = 2.0 ** draw.uniform(-12, 4, COUNT)
    if name == "log":
        exponents = draw.uniform(-148, 127, COUNT) if single else draw.uniform(-1073, 1023, COUNT)
        return [*(2.0**exponents), *draw.uniform(0.5, 2, COUNT), *close_to([1, 0.5**0.5, 2**0.5], eps)]
    if name == "log1p":
        return [*sizes, *(-draw.uniform(0, 1, COUNT)), -1 + eps, 2.0**100, *close_to([2**0.5 - 1, 0.5**0.5 - 1, 1e-3], eps)]
    if name in ("asin", "acos"):
        return both_signs([*draw.uniform(0, 1, COUNT), 1 - eps, 1e-5, *close_to([0.5], eps)])
    if name in ("sin", "cos", "tan"):
        far = 2.0 ** draw.uniform(5, 127 if single else 1023, COUNT)
        zeros = np.round(draw.uniform(0, 1e5, COUNT // 2)) * (np.pi / 2)
        return both_signs([*sizes, *far, *zeros, *close_to([np.pi / 4, 0.78], eps)])
    far = [] if name in ("tanh", "erf", "atan") else [largest, *draw.uniform(20, largest, 8)]
    if name in ("exp", "expm1"):
        far += [v for v in (smallest, smallest * 0.9)]
    return [*far, *both_signs([*sizes, *close_to([0.625, 1, 1.5, 0.346, 0.416, 0.28, 20, 2.414], eps)])]


def powers(single):
    draw = np.random.default_rng(2)
    reach = 80 if single else 700
    bases = [*(2.0 ** draw.uniform(-100, 100, COUNT)), *draw.uniform(0.5, 2, COUNT), 1 + 2.0**-20, 1 - 2.0**-20]
    points = [(b, draw.uniform(-reach, reach) / np.log(b)) for b in bases]
    return [*points, (-3.0, 3.0), (-2.5, -2.0), (2.0, -148.0 if single else -1073.0), (10.0, 38.0), (1e-38, 0.5), (0.1, 2.0)]


def as_stored(value, single):
    return float(np.float32(value)) if single else float(value)


def row(single, value, *arguments):
    high = mpf(float(value))
    return [*arguments, float(high), float(value - high)]


def table(single):
    """Rows of x, or x and y, and the value's two parts."""
    out = {}
    for name, function in FUNCTIONS.items():
        points = sorted({as_stored(x, single) for x in domain(name, single)})
        with mp.workdps(400 if name in ("sin", "cos", "tan") else 60):
            out[name] = [row(single, function(exact(x)), x) for x in points if not (name == "log1p" and x <= -1)]
    stored = [tuple(as_stored(v, single) for v in point) for point in powers(single)]
    out["pow"] = [row(single, mp.power(exact(x), exact(y)), x, y) for x, y in stored]
    return out


def elementary():
    return dict(float=table(True), double=table(False))
