"""Real data and their exact solutions."""
import math
import os

import mpmath as mp
import numpy as np
import scipy
import scipy.linalg
import sklearn
from scipy.optimize import linprog
from sklearn.datasets import load_breast_cancer, load_diabetes, load_linnerud
from sklearn.linear_model import LogisticRegression

from .numbers import exact, exact_array


def write_csv(folder, name, values, columns):
    np.savetxt(os.path.join(folder, "datasets", name), values, delimiter=",", fmt="%.17g",
               header=",".join(column.replace(" ", "_") for column in columns), comments="")


def exact_ridge(x, y, alpha):
    """Centred normal equations in 50 digits; the intercept is not penalized."""
    x, y = exact_array(x), exact_array(y)
    means = x.sum(axis=0) / len(x)
    x = x - means
    gram = mp.matrix((x.T @ x).tolist()) + exact(alpha) * mp.eye(x.shape[1])
    coefficients, intercepts = [], []
    for target in y.T:
        mean = target.sum() / len(target)
        w = mp.lu_solve(gram, mp.matrix((x.T @ (target - mean)).tolist()))
        coefficients.append([float(v) for v in w])
        intercepts.append(float(mean - mp.fdot(zip(w, means))))
    return np.array(coefficients), np.array(intercepts)


def scipy_ridge(x, y, alpha):
    """gelsd on the augmented system"""
    n, d = x.shape
    design = np.hstack([x, np.ones((n, 1))])
    penalty = np.hstack([math.sqrt(alpha) * np.eye(d), np.zeros((d, 1))])
    return scipy.linalg.lstsq(np.vstack([design, penalty]), np.vstack([y, np.zeros((d, y.shape[1]))]))[0]


def linear_solutions(folder, name, x, y, features, targets, description):
    y = y.reshape(len(y), -1)
    write_csv(folder, name + ".csv", np.hstack([x, y]), list(features) + list(targets))
    solutions = []
    for scaling in ("raw", "standardized"):
        scaled = x if scaling == "raw" else (x - x.mean(0)) / x.std(0)
        for alpha in (0.0, 1.0, 10.0):
            w, b = exact_ridge(scaled, y, alpha)
            other = scipy_ridge(scaled, y, alpha)
            difference = max(np.abs(other[:-1].T - w).max(), np.abs(other[-1] - b).max()) / max(np.abs(w).max(), np.abs(b).max())
            residual = scaled @ w.T + b - y
            total = ((y - y.mean(0)) ** 2).sum(0)
            solution = dict(scaling=scaling, method="ols" if alpha == 0 else "ridge", alpha=alpha, coef=w, intercept=b,
                            mse=(residual ** 2).mean(0), r2=1 - (residual ** 2).sum(0) / total, scipy_coef=other[:-1].T,
                            scipy_intercept=other[-1], rel_diff_scipy_vs_mpmath=float("%.2g" % difference))
            if scaling == "standardized":
                solution.update(x_mean=x.mean(0), x_std=x.std(0))
            solutions.append(solution)
            print("%-28s %s, alpha %g: scipy against exact %.1e" % (name, scaling, alpha, difference))
    return dict(file=name + ".csv", n=x.shape[0], d=x.shape[1], n_targets=y.shape[1], features=list(features),
                targets=list(targets),
                description=description,
                convention="y ~ X w + b; intercept b never penalized; ridge minimizes ||Xw+b-y||^2 + alpha||w||^2 (SUM form; "
                           "mean "
                           "form: lambda=alpha/n). coef[target][feature]",
                solutions=solutions)


def newton_polish(design, y, penalty, w):
    for _ in range(50):
        p = 1 / (1 + np.exp(-(design @ w)))
        hessian = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(hessian, design.T @ (p - y) + penalty * w)
        w = w - step
        if np.abs(step).max() < 1e-15:
            break
    return w


def logistic_solutions(folder):
    data = load_breast_cancer()
    write_csv(folder, "breast_cancer.csv", np.hstack([data.data, data.target[:, None]]), list(data.feature_names) + ["target"])
    mean, deviation, y = data.data.mean(0), data.data.std(0), data.target.astype(float)
    x = (data.data - mean) / deviation
    n, d = x.shape
    design = np.hstack([x, np.ones((n, 1))])
    # unpenalized, the classes are separable if sign_i (x_i w + b) >= 1 can be met
    feasible = linprog(np.zeros(d + 1), A_ub=-(2 * y - 1)[:, None] * design, b_ub=-np.ones(n), bounds=[(None, None)] * (d + 1),
                       method="highs")
    solutions = []
    for C in (1.0, 0.01, 100.0):
        fit = LogisticRegression(C=C, solver="lbfgs", tol=1e-12, max_iter=100000).fit(x, y)
        start, penalty = np.append(fit.coef_[0], fit.intercept_[0]), np.append(np.ones(d) / C, 0)
        w = newton_polish(design, y, penalty, start)
        z = design @ w
        loss, derivative = np.logaddexp(0, z) - y * z, design.T @ (1 / (1 + np.exp(-z)) - y) + penalty * w
        solutions.append(dict(C=C, lambda_mean=1 / (C * n), coef=w[:-1], intercept=w[-1],
                              objective_sum=float(loss.sum() + .5 * (penalty * w * w).sum()), mean_logloss=float(loss.mean()),
                              train_accuracy=float(((z > 0) == (y > .5)).mean()), grad_inf_norm=float(np.abs(derivative).max()),
                              sklearn_lbfgs_coef=start[:-1], sklearn_lbfgs_intercept=start[-1],
                              max_abs_diff_sklearn_vs_newton=float("%.2g" % np.abs(start - w).max())))
        print("%-28s C %g: |gradient| %.1e" % ("breast_cancer", C, np.abs(derivative).max()))
    return dict(file="breast_cancer.csv", n=n, d=d, target="0/1 last column",
                scaling="standardized (x-mean)/std, std with ddof=0",
                x_mean=mean, x_std=deviation,
                convention="minimize sum_i logloss(y_i, x_i.w+b) + (1/(2C))||w||^2, intercept unpenalized; mean form: "
                           "(1/n)sum logloss "
                           "+ (lambda/2)||w||^2 with lambda=1/(C n)",
                note="unpenalized logistic regression is NOT given: the 30 standardized features separate the classes, so "
                     "the optimum "
                     "does not exist (checked by an LP below)",
                solutions=solutions, separable_by_LP=bool(feasible.status == 0))


def datasets(folder):
    diabetes, linnerud = load_diabetes(), load_linnerud()
    return dict(
        meta=dict(sklearn=sklearn.__version__, scipy=scipy.__version__,
                  exact="coef/intercept of linear fits: 50-digit normal equations (mpmath), scipy_* = scipy.linalg.lstsq "
                        "float64"),
        diabetes=linear_solutions(folder, "diabetes", diabetes.data, diabetes.target, diabetes.feature_names, ["target"],
                                  "sklearn load_diabetes() (its own scaling: centered, unit column norm)"),
        linnerud=linear_solutions(folder, "linnerud", linnerud.data, linnerud.target, linnerud.feature_names,
                                  linnerud.target_names,
                                  "sklearn load_linnerud(), 3 outputs"),
        breast_cancer=logistic_solutions(folder))
