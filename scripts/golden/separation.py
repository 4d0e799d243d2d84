"""Small tables, and whether a model of their targets has a finite optimum: by a linear program (SciPy, HiGHS).

There is none where some v has s z'v >= 0 for all rows and > 0 for one (logistic, s the class as 1 or -1), or z'v = 0 where y > 0
and z'v <= 0 where y = 0, < 0 for one (poisson); z is x with a 1 at its end where there is an intercept.
"""
import numpy as np
from scipy.optimize import linprog


def is_separated(x, y, logistic, intercept):
    z = np.column_stack([x, np.ones(len(x))]) if intercept else x
    gains = z * np.where(y > 0, 1, -1)[:, None] if logistic else -z[y == 0]
    held = None if logistic or not (y > 0).any() else z[y > 0]
    if len(gains) == 0:
        return False
    program = linprog(-gains.sum(0), A_ub=np.vstack([-gains, gains]), b_ub=np.r_[np.zeros(len(gains)), np.ones(len(gains))],
                      A_eq=held, b_eq=None if held is None else np.zeros(len(held)), bounds=[(-1e6, 1e6)] * z.shape[1])
    assert program.status == 0
    return bool(-program.fun > 1e-6)


def table(random, logistic):
    n, d = int(random.choice([6, 10, 16, 30])), int(random.choice([1, 2, 3, 4]))
    kind = random.integers(3)
    if kind == 0:
        x = random.integers(-9, 10, (n, d))
    elif kind == 1:
        x = (random.uniform(size=(n, d)) < 0.3).astype(int)
    else:
        x = (random.integers(0, d + 1, n)[:, None] == np.arange(d)).astype(int)
    scores = x @ random.normal(size=d) * random.choice([0, 1, 5]) + random.normal(size=n)
    y = (scores > np.median(scores)).astype(int) if logistic else random.poisson(np.exp(np.clip(scores, -4, 1)))
    return x, y


def separation():
    random = np.random.default_rng(20)
    out, wanted = [], {(l, s): 20 for l in (True, False) for s in (True, False)}
    while any(wanted.values()):
        logistic, intercept = bool(random.integers(2)), bool(random.uniform() < 0.8)
        x, y = table(random, logistic)
        if y.min() == y.max():
            continue
        separated = is_separated(x.astype(float), y.astype(float), logistic, intercept)
        if wanted[logistic, separated] == 0:
            continue
        wanted[logistic, separated] -= 1
        out.append(dict(loss="logistic" if logistic else "poisson", intercept=intercept, separated=separated, rows=len(x),
                        cols=x.shape[1], x=x.ravel().tolist(), y=y.tolist()))
    return out
