#!/usr/bin/env python3
"""Run scikit-learn's own tests of its SGD estimators with those of cuSGD in their place.

usage: sklearn_sgd.py [PYTEST ARGUMENTS]

The tests are those of the installed scikit-learn. Left out are those of SGDOneClassSVM, which cuSGD does not have, and three that
take a minute each (for_all_backends). As the tests rely on scikit-learn's defaults, the estimators have these (`with_defaults`);
all else is their own.
"""

from __future__ import annotations

import re
import sys
import types

import joblib
import pytest
import sklearn.linear_model
from cusgd import linear_model
from sklearn.linear_model import _stochastic_gradient

MODULE = "sklearn.linear_model.tests.test_sgd"
COMMON = {"max_iter": 1000, "tol": 1e-3, "n_iter_no_change": 5, "average": False, "eta0": 0.01}


def with_defaults(kind, **defaults):
    """Return a subclass whose constructor has other defaults."""
    old = kind.__init__
    new = types.FunctionType(old.__code__, old.__globals__, old.__name__, old.__defaults__, old.__closure__)
    new.__kwdefaults__ = {**old.__kwdefaults__, **COMMON, **defaults}
    new.__annotations__ = old.__annotations__
    return type(kind.__name__, (kind,), {"__init__": new, "__module__": __name__, "__doc__": kind.__doc__})


SGDClassifier = with_defaults(linear_model.SGDClassifier, learning_rate="optimal")
SGDRegressor = with_defaults(linear_model.SGDRegressor, learning_rate="invscaling")


class Plugin:
    """Chooses the tests, and keeps their outcomes."""

    def __init__(self):
        self.outcomes = {}

    def pytest_collection_modifyitems(self, config, items):
        """Leave out the tests of other estimators."""
        kept = [item for item in items if not re.search("one_?class|ocsvm|for_all_backends", item.nodeid, re.IGNORECASE)]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept

    def pytest_runtest_logreport(self, report):
        """Keep what became of a test."""
        name = report.nodeid.split("::", 1)[1]
        if report.when == "call" or report.failed:
            self.outcomes[name] = report.outcome


def run(*arguments):
    """Return the outcome of each test ("passed" or "failed") by its name."""
    sys.modules.setdefault("sklearn_sgd", sys.modules[__name__])
    for module in (sklearn.linear_model, _stochastic_gradient):
        module.SGDClassifier, module.SGDRegressor = SGDClassifier, SGDRegressor
    plugin = Plugin()
    # Where a test asks for processes they are forked, so that they need not import scikit-learn again.
    with joblib.parallel_config(backend="multiprocessing"):
        pytest.main(["--pyargs", MODULE, "-p", "no:cacheprovider", "-W", "ignore", *arguments], plugins=[plugin])
    return plugin.outcomes


if __name__ == "__main__":
    found = run("-q", "--tb=short", *sys.argv[1:])
    failed = sorted(name for name, outcome in found.items() if outcome != "passed")
    print("\n".join(["", *failed, f"{len(found) - len(failed)} of {len(found)} tests passed"]))
