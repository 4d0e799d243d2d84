"""Docstrings name the parameters that there are, and no others."""

import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import cusgd
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

MODULES = ["cusgd", "cusgd.linear_model", "cusgd.compat.cuml", "cusgd.convert", "cusgd.callbacks", "cusgd.plot"]
# Made by the library alone: their constructors are no part of the interface
MADE = {"Model", "Table", "History", "Options"}
PARTS = [path.stem for path in Path(cusgd.__file__).parent.rglob("_*.py")]


def public_objects():
    """Return names and objects: functions, classes with a constructor of their own, and methods."""
    found = {}
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        names = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
        for name in names:
            of = getattr(module, name)
            if getattr(of, "__module__", None) not in (module_name, *(f"{module_name}.{part}" for part in PARTS)):
                continue  # imported from elsewhere
            if inspect.isfunction(of):
                found[f"{module_name}.{name}"] = of
            if not inspect.isclass(of):
                continue
            if not (dataclasses.is_dataclass(of) or issubclass(of, Exception) or of.__name__ in MADE):
                found[f"{module_name}.{name}"] = of
            for key, value in vars(of).items():
                function = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
                if inspect.isfunction(function) and not key.startswith("_"):
                    found[f"{module_name}.{name}.{key}"] = function
    return found


OBJECTS = public_objects()


def documented(text):
    """Return the names in a docstring's section of parameters."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^[A-Z][A-Za-z ]+\n-+$|\Z)", text, re.DOTALL | re.MULTILINE)
    lines = [line for line in (section[1] if section else "").splitlines() if line and not line.startswith(" ")]
    return {name.strip().lstrip("*") for line in lines for name in line.split(" : ")[0].split(",")}


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_parameters_are_documented(name):
    text = inspect.getdoc(OBJECTS[name])
    assert text
    wanted = {of for of in inspect.signature(OBJECTS[name]).parameters if of not in ("self", "cls") and not of.startswith("_")}
    assert documented(text) == wanted


def test_all_kinds_are_looked_at():
    assert {"cusgd.fit", "cusgd.Trainer", "cusgd.Model.load", "cusgd.linear_model.Ridge", "cusgd.convert.Writer"} <= set(OBJECTS)
    assert documented("One.\n\nParameters\n----------\nX, y\n    Rows.\nc : int\n    It.\n\nReturns\n-------\nint\n") == {
        "X",
        "y",
        "c",
    }
