"""Random formulas with their values, gradients and Hessians by mpmath's 50-digit differentiation."""

import random

import mpmath as mp

from .numbers import exact

FUNCTIONS = {
    "exp": mp.exp, "log": mp.log, "log1p": mp.log1p, "expm1": mp.expm1, "sin": mp.sin, "cos": mp.cos, "tan": mp.tan,
    "tanh": mp.tanh, "sinh": mp.sinh, "cosh": mp.cosh, "asin": mp.asin, "acos": mp.acos, "atan": mp.atan, "erf": mp.erf,
    "sqrt": mp.sqrt, "abs": abs, "sigmoid": lambda x: 1 / (1 + mp.exp(-x)), "softplus": lambda x: mp.log(1 + mp.exp(x)),
    "logcosh": lambda x: mp.log(mp.cosh(x)),
}  # fmt: skip
COMPARISONS = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip
NEAR = mp.mpf("0.02")  # nearer than this to a jump of a derivative no formula is taken


class Near(Exception):
    """A point too near to where a derivative jumps, or outside of a function's domain."""


def apart(a, b):
    if abs(a - b) < NEAR:
        raise Near
    return a, b


def real(value):
    if isinstance(value, mp.mpc) or not mp.isfinite(value):
        raise Near
    return value


def binary(op):
    def power(a, b):
        if a <= NEAR:
            raise Near
        return a**b

    def divide(a, b):
        if abs(b) < NEAR:
            raise Near
        return a / b

    return {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": divide, "^": power}[op]


def unary(name):
    def apply(x):
        if name in ("log", "sqrt", "abs"):
            apart(x, mp.mpf(0))
        return real(FUNCTIONS[name](x))

    return apply


def leaf(source):
    kind = source.random()
    if kind < 0.4:
        return "x", lambda x, y: x
    if kind < 0.75:
        return "y", lambda x, y: y
    number = source.randint(1, 40) / 8
    return "%g" % number, lambda x, y: mp.mpf(number)


def formula(source, depth):
    """Return a text, fully bracketed but for products in sums, and the function that it means."""
    if depth == 0 or source.random() < 0.1:
        return leaf(source)
    kind = source.random()
    at, a = formula(source, depth - 1)
    if kind < 0.35:
        name = source.choice(list(FUNCTIONS))
        f = unary(name)
        return f"{name}({at})", lambda x, y: f(a(x, y))
    bt, b = formula(source, depth - 1)
    if kind < 0.8:
        op = source.choice("++--**//^")
        f = binary(op)
        return f"({at}) {op} ({bt})", lambda x, y: f(a(x, y), b(x, y))
    if kind < 0.9:
        name, f = source.choice([("min", min), ("max", max)])
        return f"{name}({at}, {bt})", lambda x, y: f(*apart(a(x, y), b(x, y)))
    ct, c = formula(source, depth - 1)
    op = source.choice(list(COMPARISONS))
    return (
        f"(x {op} {bt} ? {at} : {ct})",
        lambda x, y: (a if COMPARISONS[op](*apart(x, b(x, y))) else c)(x, y),
    )


def derivatives(f, x, y):
    """Return the value, the gradient and the Hessian (xx, xy, yy)."""
    value = real(f(x, y))
    first = [real(mp.diff(f, (x, y), n)) for n in ((1, 0), (0, 1))]
    second = [real(mp.diff(f, (x, y), n)) for n in ((2, 0), (1, 1), (0, 2))]
    return value, first, second


def expressions(count=200):
    source = random.Random(25)
    rows = []
    while len(rows) < count:
        text, f = formula(source, 4)
        x, y = source.randint(-200, 200) / 64, source.randint(-200, 200) / 64
        if "x" not in text.replace("exp", "").replace("max", "") or "y" not in text or len(text) > 200:
            continue
        try:
            value, first, second = derivatives(f, exact(x), exact(y))
        except (Near, ZeroDivisionError, ValueError, OverflowError):
            continue
        numbers = [value, *first, *second]
        if max(map(abs, numbers)) > 1e4 or not any(first):
            continue
        rows.append(dict(text=text, x=x, y=y, value=float(value), gradient=list(map(float, first)), hessian=list(map(float, second))))
    return dict(source="mpmath %s, 50 digits, rounded to double" % mp.__version__, formulas=rows)
