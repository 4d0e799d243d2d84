"""The programs in the documentation run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import python_docs  # noqa: E402


@pytest.fixture
def pictures():
    """Let matplotlib, where it is installed, draw as in a new process and without a screen."""
    try:
        from matplotlib import pyplot
    except ModuleNotFoundError:
        yield
        return
    with pyplot.rc_context():
        pyplot.rcdefaults()
        pyplot.switch_backend("agg")
        yield
        pyplot.close("all")


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("page", python_docs.PAGES)
def test_programs_run(page, pictures, tmp_path, monkeypatch):
    """In this process: another would spend more time on importing scikit-learn, pandas and matplotlib than on the programs."""
    monkeypatch.chdir(tmp_path)
    missing = python_docs.run(page, tmp_path)
    if missing and missing != ["torch"]:
        pytest.skip(f"not run to its end without {', '.join(missing)}")
    shown = re.findall(r"\]\(python/(\w+\.png)\)", (ROOT / "docs" / page).read_text())
    assert sorted(path.name for path in tmp_path.glob("*.png")) == sorted(shown)
    for picture in shown:
        assert (ROOT / "docs" / "python" / picture).exists()


def test_example_of_the_readme(tmp_path):
    text = (ROOT / "README.md").read_text()
    (program,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
