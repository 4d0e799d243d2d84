"""Loss tables: value and derivative by the prediction."""
import math

import mpmath as mp
import torch
import torch.nn.functional as F
from mpmath import mpf
from sklearn.linear_model._sgd_fast import Hinge, ModifiedHuber

from .numbers import exact

torch.set_default_dtype(torch.float64)


def loss_table(name, formula, params, points, function, by_torch=None, by_sklearn=None):
    """function(y, p): value, derivative and, where there is none, the ends of the set of subgradients; by_torch, by_sklearn: witnesses"""
    rows = []
    for y, p in points:
        value, derivative, *ends = function(exact(y), exact(p))
        row = dict(y=float(y), p=float(p), value=float(value), dldp=float(derivative))
        if ends and ends[0] != ends[1]:
            row.update(not_differentiable=True, sub_lo=float(ends[0]), sub_hi=float(ends[1]))
        if by_torch is not None and not math.isinf(float(value)):
            prediction = torch.tensor(float(p), requires_grad=True)
            loss = by_torch(prediction, torch.tensor(float(y)))
            loss.backward()
            row["torch_value"], row["torch_dldp"] = float(loss), float(prediction.grad)
        if by_sklearn is not None:
            row["sklearn_value"], row["sklearn_dldp"] = by_sklearn.py_loss(p, y), by_sklearn.py_dloss(p, y)
        rows.append(row)
    print("%-28s %d points" % (name, len(rows)))
    return dict(loss=name, formula=formula, params=params, source="mpmath 50 digits, rounded to double",
                torch_crosscheck=by_torch is not None, points=rows)


def sigmoid(z):
    return 1 / (1 + mp.exp(-z))


def huber(delta):
    def function(y, p):
        r = p - y
        return (r * r / 2, r) if abs(r) <= delta else (delta * (abs(r) - delta / 2), delta * mp.sign(r))
    return function


def insensitive(width):
    def function(y, p):
        r = p - y
        m = abs(r) - width
        if m > 0:
            return m, mp.sign(r)
        if m < 0:
            return mpf(0), mpf(0)
        return mpf(0), mpf(0), mpf(-1 if width == 0 or r < 0 else 0), mpf(1 if width == 0 or r > 0 else 0)
    return function


def insensitive_squared(width):
    def function(y, p):
        m = max(mpf(0), abs(p - y) - width)
        return m * m, 2 * m * mp.sign(p - y)
    return function


def hinge(y, p):
    m = 1 - y * p
    if m > 0:
        return m, -y
    if m < 0:
        return mpf(0), mpf(0)
    return mpf(0), mpf(0), min(-y, mpf(0)), max(-y, mpf(0))


def hinge_squared(y, p):
    m = max(mpf(0), 1 - y * p)
    return m ** 2, -2 * y * m


def modified_huber(y, p):
    m = max(mpf(0), 1 - y * p)
    return (m ** 2, -2 * y * m) if y * p >= -1 else (-4 * y * p, -4 * y)


def perceptron(y, p):
    if y * p != 0:
        return max(mpf(0), -y * p), -y if y * p < 0 else mpf(0)
    return mpf(0), -y, min(-y, mpf(0)), max(-y, mpf(0))


def quantile(tau):
    def function(y, p):
        r = y - p
        if r > 0:
            return tau * r, -tau
        if r < 0:
            return (tau - 1) * r, 1 - tau
        return mpf(0), mpf(0), -tau, 1 - tau
    return function


def tweedie(q):
    def function(y, p):
        up, down = mp.exp((2 - q) * p), mp.exp((1 - q) * p)
        return up / (2 - q) - y * down / (1 - q), up - y * down
    return function


def losses():
    real = [(0, 0), (1, 1), (1, 0.25), (-2, 3.5), (0.3, 0.30000001), (5, -5), (1e3, -1e3), (0, 800), (0, -800), (1e-8, 0),
            (2.5, 1.5), (1.5, 2.5), (1e6, 1)]
    odds = [0, 1e-10, -1e-10, .5, -.5, 3, -3, 18, -18, 37, -37, 100, -100, 709.9, -709.9, 800, -800]
    margins = [(y, p) for y in (-1, 1) for p in (0, .25, -.25, .999999, 1, 1.000001, -1, 2, -2, 800, -800, 1e-12)]
    counts = [(0, 0), (1, 0), (3, 1.0986122886681098), (2, -1), (0, -800), (5, -800), (7, 2), (0, 30), (100, 4.6), (1, 1e-10),
              (0, 88), (1, 700), (3, 709), (0, 800), (5, 800), (2.5, -.3)]
    positives = [(1, 0), (3, 1.0986122886681098), (2, -1), (7, 2), (.001, -7), (100, 4.6), (1e6, 1), (1e-6, 3), (2.5, -.3),
                 (1, 1e-10), (5, -20), (5, 20)]
    cosh = [(0, 0), (0, 1e-10), (0, -1e-10), (0, 1e-4), (1, .25), (-2, 3.5), (0, 20), (0, -20), (0, 400), (0, 711), (0, 800),
            (0, -800), (2.5, 1.5)]
    tables = [
        loss_table("squared_half", "0.5*(p-y)^2 ; d=(p-y)", {}, real, lambda y, p: ((p - y) ** 2 / 2, p - y),
                   lambda p, y: 0.5 * F.mse_loss(p, y)),
        loss_table("squared", "(p-y)^2 ; d=2(p-y)", {}, real, lambda y, p: ((p - y) ** 2, 2 * (p - y)), F.mse_loss),
        loss_table("logistic01", "log(1+exp(p)) - y*p ; d = sigmoid(p) - y ; y in {0,1}", {},
                   [(y, p) for y in (0, 1) for p in odds],
                   lambda y, p: (mp.log1p(mp.exp(p)), sigmoid(p)) if y == 0 else (mp.log1p(mp.exp(-p)), -sigmoid(-p)),
                   F.binary_cross_entropy_with_logits),
        loss_table("logistic_pm1", "log(1+exp(-y*p)) ; d = -y*sigmoid(-y*p) ; y in {-1,+1}", {},
                   [(y, p) for y in (-1, 1) for p in odds],
                   lambda y, p: (mp.log1p(mp.exp(-y * p)), -y * sigmoid(-y * p)), lambda p, y: -F.logsigmoid(y * p)),
    ]
    for delta in (1.0, 1.35):
        tables.append(loss_table(
            "huber", "r=p-y: 0.5 r^2 if |r|<=delta else delta*(|r|-delta/2)", dict(delta=delta),
            real + [(0, delta), (0, -delta), (0, 1.3500001)], huber(exact(delta)), lambda p, y: F.huber_loss(p, y, delta=delta)))
    for width in (0.0, 0.1):
        points = real + [(0, width), (0, -width)]
        tube = lambda p, y: torch.clamp((p - y).abs() - width, min=0)
        tables.append(loss_table("epsilon_insensitive", "max(0,|p-y|-eps) ; d=sign(p-y) outside the tube, 0 inside",
                                 dict(epsilon=width), points, insensitive(exact(width)), tube))
        tables.append(loss_table("squared_epsilon_insensitive", "max(0,|p-y|-eps)^2 ; d=2*max(0,|r|-eps)*sign(r)",
                                 dict(epsilon=width), points, insensitive_squared(exact(width)), lambda p, y: tube(p, y) ** 2))
    tables += [
        loss_table("hinge", "max(0,1-y*p) ; d=-y if y*p<1 else 0", {}, margins, hinge, lambda p, y: torch.relu(1 - y * p)),
        loss_table("squared_hinge", "max(0,1-y*p)^2 ; d=-2*y*max(0,1-y*p)", {}, margins, hinge_squared,
                   lambda p, y: torch.relu(1 - y * p) ** 2),
    ]
    for tau in (0.1, 0.5, 0.9):
        tables.append(loss_table(
            "quantile", "r=y-p: tau*r if r>=0 else (tau-1)*r ; d=-tau if r>0, 1-tau if r<0", dict(tau=tau), real,
            quantile(exact(tau)), lambda p, y: torch.maximum(tau * (y - p), (tau - 1) * (y - p))))
    tables += [
        loss_table("poisson_log", "exp(p) - y*p ; d = exp(p) - y (log link, constant log(y!) left out). p=800 is genuinely "
                   "+inf in "
                   "double: value/dldp \"inf\"; must be inf or clipped, never nan", {}, counts,
                   lambda y, p: (mp.exp(p) - y * p, mp.exp(p) - y),
                   lambda p, y: F.poisson_nll_loss(p, y, log_input=True, full=False)),
        loss_table("gamma_log", "p + y*exp(-p) ; d = 1 - y*exp(-p) (log link)", {}, positives,
                   lambda y, p: (p + y * mp.exp(-p), 1 - y * mp.exp(-p)), lambda p, y: p + y * torch.exp(-p)),
    ]
    for power in (1.25, 1.5, 1.875):
        tables.append(loss_table(
            "tweedie_log", "exp((2-q)p)/(2-q) - y*exp((1-q)p)/(1-q) ; d = exp((2-q)p) - y*exp((1-q)p) (log link)",
            dict(power=power), positives + [(0, 0), (0, -3), (0, 20), (0, 1.5)], tweedie(exact(power)),
            lambda p, y: torch.exp((2 - power) * p) / (2 - power) - y * torch.exp((1 - power) * p) / (1 - power)))
    tables += [
        loss_table("log_cosh", "log(cosh(p-y)) ; d=tanh(p-y). stable: |r| + log1p(exp(-2|r|)) - log 2; for tiny r that form "
                   "cancels "
                   "(absolute error ~1e-16), r^2/2 is the answer", {}, cosh,
                   lambda y, p: (mp.log(mp.cosh(p - y)), mp.tanh(p - y)),
                   lambda p, y: (p - y).abs() + F.softplus(-2 * (p - y).abs()) - math.log(2)),
    ]
    tables += [
        loss_table("modified_huber", "max(0,1-y*p)^2 if y*p>=-1 else -4*y*p", {}, margins, modified_huber,
                   by_sklearn=ModifiedHuber()),
        loss_table("perceptron", "max(0,-y*p) ; d=-y if y*p<=0 else 0", {}, margins, perceptron, by_sklearn=Hinge(0.0)),
    ]
    meta = dict(what="loss value and derivative w.r.t. the prediction p; at points without a derivative 'dldp' is 0 (perceptron: -y) and [sub_lo,sub_hi] is the set "
                     "of valid "
                     "subgradients; torch_* = torch float64 autograd cross-check", inf="written as the string \"inf\"",
                torch=torch.__version__, mpmath=mp.__version__)
    return dict(meta=meta, losses=tables)
