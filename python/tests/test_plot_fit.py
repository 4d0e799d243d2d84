"""The script that draws how well a model fits."""

import importlib.util
import os
import sys
from pathlib import Path

import cusgd
import pytest
from cusgd.__main__ import COMMAND

pytest.importorskip("matplotlib")


def find_command():
    """Return the path of the command that belongs to the library."""
    library = os.environ.get("CUSGD_LIBRARY")
    command = Path(library).resolve().parents[1] / "bin" / "cusgd" if library else COMMAND
    if not command.exists():
        pytest.skip("the command is not installed")
    return str(command)


def load_script():
    """Return the script as a module."""
    path = Path(__file__).resolve().parents[2] / "scripts" / "plot_fit.py"
    spec = importlib.util.spec_from_file_location("plot_fit", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_rows_without_a_prediction_are_left_out(monkeypatch, tmp_path):
    script = load_script()
    (tmp_path / "d.csv").write_text("a,y\n1,2\n,3\n4,\n5,6\n")
    drawn = []
    monkeypatch.setattr(script, "run", lambda command: 'prediction\n1.5\n""\n3\n6.5\n' if "predict" in command else "")
    monkeypatch.setattr(script, "coefficients", lambda *_: [{"feature": "a", "coefficient": 1.0, "lower": None}])
    monkeypatch.setattr(script, "draw_agreement", lambda axes, *values: drawn.append(values))
    monkeypatch.setattr(sys, "argv", ["plot_fit.py", str(tmp_path / "p.png"), "m", str(tmp_path / "d.csv")])
    script.main()
    assert drawn == [([2.0, 6.0], [1.5, 6.5])]
    assert (tmp_path / "p.png").exists()


@pytest.mark.parametrize("solver", ["exact", "sgd"])
def test_intervals_are_those_of_the_model(solver, rng, tmp_path):
    """The bars and their ends, as they are drawn; without standard errors there are no ends."""
    from matplotlib import pyplot

    script = load_script()
    X = rng.normal(size=(60, 2))
    lines = [f"{a!r},{b!r},{0.3 * a - 2 * b + e!r}" for (a, b), e in zip(X.tolist(), rng.normal(size=60).tolist(), strict=True)]
    (tmp_path / "d.csv").write_text("\n".join(["first,an other 1.5 2.5,y", *lines]) + "\n")
    model = cusgd.fit(cusgd.read_table(tmp_path / "d.csv"), solver=solver)
    model.save(tmp_path / "m.safetensors")
    found = script.coefficients(find_command(), str(tmp_path / "m.safetensors"))
    axes = pyplot.figure().subplots()
    script.draw_coefficients(axes, found)
    names = [label.get_text() for label in axes.get_yticklabels()]
    widths = dict(zip(names, [bar.get_width() for bar in axes.patches], strict=True))
    assert widths == {"first": model.weight[0, 0], "an other 1.5 2.5": model.weight[0, 1]}
    ends = [segment for drawn in axes.collections for segment in drawn.get_segments()]
    if solver == "sgd":
        assert not ends
    else:
        expected = dict(zip(["first", "an other 1.5 2.5"], model.intervals(0.95)[0, :2].tolist(), strict=True))
        drawn = {names[round(segment[0][1])]: segment[:, 0].tolist() for segment in ends}
        assert drawn == {name: pytest.approx(expected[name]) for name in names}


def test_calibration_is_that_of_scikit_learn(rng):
    calibration_curve = pytest.importorskip("sklearn.calibration").calibration_curve
    script = load_script()
    p = rng.uniform(size=300)
    hit = rng.uniform(size=300) < p
    points = script.calibration([str(int(one)) for one in hit], [[1 - one, one] for one in p], ["0", "1"])
    shares, means = calibration_curve(hit, p, n_bins=script.BINS)
    assert [point[:2] for point in points] == [pytest.approx(pair) for pair in zip(means, shares, strict=True)]
    assert sum(count for _, _, count in points) == 300
    # Of three classes a row counts for the class that is predicted; a row without a prediction does not count.
    rows = [[0.75, 0.2, 0.05], [0.1, 0.1, 0.8], [float("nan")] * 3]
    assert script.calibration(["u", "u", "u"], rows, ["u", "v", "w"]) == [(0.75, 1.0, 1), (0.8, 0.0, 1)]


@pytest.mark.parametrize("loss", ["logistic", "hinge"])
def test_classes_are_drawn(loss, monkeypatch, rng, tmp_path):
    script = load_script()
    X = rng.normal(size=(90, 2))
    names = [("u", "v", "w")[c] for c in (X @ rng.normal(size=(2, 3))).argmax(axis=1)]
    lines = [f"{a!r},{b!r},{name}" for (a, b), name in zip(X.tolist(), names, strict=True)]
    (tmp_path / "d.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    model = cusgd.fit(cusgd.read_table(tmp_path / "d.csv", classes=True), loss=loss, l2=1e-2)
    model.save(tmp_path / "m.safetensors")
    drawn = {}
    monkeypatch.setattr(script, "draw_confusion", lambda axes, *given: drawn.update(confusion=given))
    monkeypatch.setattr(script, "draw_calibration", lambda axes, *given: drawn.update(calibration=given))
    paths = [str(tmp_path / name) for name in ("p.png", "m.safetensors", "d.csv")]
    monkeypatch.setattr(sys, "argv", ["plot_fit.py", *paths, "--cusgd", find_command()])
    script.main()
    classes, matrix = drawn["confusion"]
    assert classes == ["u", "v", "w"] and matrix == model.confusion(X, names).tolist()
    assert ("calibration" in drawn) == (loss == "logistic")
    assert (tmp_path / "p.png").exists()
