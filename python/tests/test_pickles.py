"""Pickles of earlier versions are read, and of later ones refused where they cannot be."""

import copy
import dataclasses
import json
import pickle
import pickletools
from pathlib import Path

import cusgd
import numpy as np
import pytest
from cusgd import _pickles

pytest.importorskip("sklearn")
from cusgd import linear_model
from pickles import predictions

FOLDERS = sorted((Path(__file__).resolve().parent / "data").glob("pickles-*"))
FILES = [path for folder in FOLDERS for path in sorted(folder.glob("*.pickle"))]


def is_complete(found):
    """Tell whether a dataclass has all of its fields."""
    return all(hasattr(found, one.name) for one in dataclasses.fields(found))


def test_this_version_has_pickles():
    assert f"pickles-{cusgd.__version__}" in [folder.name for folder in FOLDERS]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name[8:]}-{path.stem}")
def test_pickles_of_all_versions_are_read(path):
    found = pickle.loads(path.read_bytes())
    expected = json.loads((path.parent / "predictions.json").read_text())[path.stem]
    assert expected
    for name, values in expected.items():
        got = predictions(found)[name]
        if np.asarray(values).dtype.kind == "U":
            assert got == values
        else:
            np.testing.assert_allclose(got, values, rtol=1e-12)
    assert repr(found)
    for name in ("result_", "result"):
        result = getattr(found, name, None)
        assert result is None or is_complete(result)
    history = getattr(found, "history_", getattr(found, "history", None))
    assert history is None or all(map(is_complete, history))
    assert not dataclasses.is_dataclass(found) or is_complete(found)
    if hasattr(found, "get_params"):
        assert found.get_params().keys() == type(found)().get_params().keys()
        assert not [name for name in vars(found) if name.startswith("_cusgd")]
    again = pickle.loads(pickle.dumps(found))
    assert predictions(again) == predictions(found)


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.stem.endswith("_partial")], ids=lambda path: f"{path.parent.name[8:]}-{path.stem}"
)
def test_partial_fit_goes_on_from_a_pickle(path):
    found = pickle.loads(path.read_bytes())
    seen, before = found.t_, found.coef_.copy()
    X = np.random.default_rng(1).normal(size=(200, 3))
    targets = found.classes_[np.arange(200) % len(found.classes_)] if hasattr(found, "classes_") else X @ [1.0, 2.0, 3.0]
    found.partial_fit(X, targets)
    assert found.t_ == seen + 200
    assert (found.coef_ != before).any()


@pytest.mark.parametrize("name", ["sgd_regressor", "model", "sweep"])
def test_a_newer_format_is_refused(monkeypatch, name):
    found = pickle.loads((FOLDERS[-1] / f"{name}.pickle").read_bytes())
    with monkeypatch.context() as newer:
        newer.setattr(_pickles, "FORMAT", _pickles.FORMAT + 1)
        newer.setattr(_pickles, "__version__", "99.1")
        state = pickle.dumps(found)
    message = rf"pickled by cusgd 99\.1, in format {_pickles.FORMAT + 1} .* install cusgd 99\.1 or later"
    with pytest.raises(cusgd.DataError, match=message):
        pickle.loads(state)


def test_parameters_that_a_version_did_not_have_get_their_defaults():
    model = linear_model.SGDRegressor(alpha=2.0)
    state = model.__getstate__()
    del state["link"], state["power_t"]
    again = linear_model.SGDRegressor.__new__(linear_model.SGDRegressor)
    again.__setstate__(state)
    assert again.get_params() == model.get_params()
    assert "SGDRegressor" in repr(again)


def test_what_a_newer_version_adds_is_kept():
    model = linear_model.SGDRegressor(alpha=2.0)
    model.invented_ = 5
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert again.invented_ == 5


def test_a_pickle_names_its_format_and_version():
    path = FOLDERS[-1] / "sgd_regressor.pickle"
    texts = [arg for _, arg, _ in pickletools.genops(path.read_bytes()) if isinstance(arg, str)]
    assert "_cusgd_format" in texts
    assert texts[texts.index("_cusgd_version") + 1] == path.parent.name.removeprefix("pickles-")
