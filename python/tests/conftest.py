"""What the tests share. They run against the installed package, or with CUSGD_LIBRARY against a library that was built."""

import gc

import numpy as np
import pytest


@pytest.fixture(autouse=True, scope="module")
def few_objects():
    """Let the garbage collector pass over what modules and earlier tests have loaded, more than 100,000 objects."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def regression(rng):
    """Rows, targets, coefficients and intercept of a regression."""
    X = rng.normal(size=(600, 4)) * [1.0, 10.0, 0.1, 1.0] + [0.0, 5.0, 0.0, -3.0]
    weight = np.array([1.0, -0.2, 30.0, 0.0])
    return X, X @ weight + 7 + 0.1 * rng.normal(size=600), weight, 7.0


@pytest.fixture
def classes(rng):
    """Rows, and classes 0 and 1 that overlap."""
    X = rng.normal(size=(500, 3))
    return X, (X @ [1.0, -1.0, 0.5] + rng.logistic(size=500) > 0).astype(float)


@pytest.fixture
def scales(rng):
    """Columns whose scales differ by a factor of 100, and a linear predictor."""
    X = rng.normal(size=(300, 4)) * [1.0, 10.0, 0.1, 3.0] + [0.0, 5.0, 1.0, 0.0]
    return X, X @ [0.5, 0.05, 3.0, -0.2] - 3
