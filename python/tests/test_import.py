"""What the import of the package loads, and what only its use does."""

import subprocess
import sys

import cusgd
import pytest


def loaded(code):
    """Return the modules that a process has loaded after some code."""
    command = [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_the_import_loads_little_beyond_numpy():
    """50 ms above NumPy's are allowed, of which large modules of others would take most."""
    more = loaded("import cusgd") - loaded("import numpy")
    others = {name.split(".")[0] for name in more} - {"cusgd", "numpy"}
    large = {
        "sklearn",
        "scipy",
        "pandas",
        "matplotlib",
        "tqdm",
        "torch",
        "json",
        "tempfile",
        "pathlib",
        "asyncio",
        "inspect",
        "importlib",
    }
    assert others & large == set()
    assert {"cusgd._sweep", "cusgd._path", "cusgd._tools"} & more == set()


@pytest.mark.parametrize("module", ["cusgd.linear_model", "cusgd.compat.cuml"])
def test_estimators_say_that_they_need_scikit_learn(module):
    code = f"import sys; sys.modules['sklearn'] = None; import {module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.endswith("ModuleNotFoundError: cusgd.linear_model needs scikit-learn: pip install scikit-learn\n")


@pytest.mark.parametrize("name", cusgd.__all__)
def test_every_name_is_there(name):
    assert getattr(cusgd, name) is not None
    assert name in dir(cusgd)


def test_others_are_not():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        cusgd.nothing  # noqa: B018
