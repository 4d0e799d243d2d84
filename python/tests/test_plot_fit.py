"""The script that draws how well a model fits."""

import importlib.util
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")


def test_rows_without_a_prediction_are_left_out(monkeypatch, tmp_path):
    path = Path(__file__).resolve().parents[2] / "scripts" / "plot_fit.py"
    spec = importlib.util.spec_from_file_location("plot_fit", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    (tmp_path / "d.csv").write_text("a,y\n1,2\n,3\n4,\n5,6\n")
    drawn = []
    monkeypatch.setattr(script, "run", lambda command: 'prediction\n1.5\n""\n3\n6.5\n' if "predict" in command else "")
    monkeypatch.setattr(script, "coefficients", lambda *_: [("a", 1.0, None)])
    monkeypatch.setattr(script, "draw_agreement", lambda axes, *values: drawn.append(values))
    monkeypatch.setattr(sys, "argv", ["plot_fit.py", str(tmp_path / "p.png"), "m", str(tmp_path / "d.csv")])
    script.main()
    assert drawn == [([2.0, 6.0], [1.5, 6.5])]
    assert (tmp_path / "p.png").exists()
