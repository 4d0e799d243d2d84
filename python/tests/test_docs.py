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


@pytest.mark.parametrize("page", python_docs.PAGES)
def test_programs_run(page, tmp_path):
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); import python_docs, pathlib\n"
    code += f"print('missing:', *python_docs.run({page!r}, pathlib.Path({str(tmp_path)!r})))"
    done = subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    missing = done.stdout.rsplit("missing:", 1)[1].split()
    if missing and missing != ["torch"]:
        pytest.skip(f"not run to its end without {', '.join(missing)}")
    pictures = re.findall(r"\]\(python/(\w+\.png)\)", (ROOT / "docs" / page).read_text())
    assert sorted(path.name for path in tmp_path.glob("*.png")) == sorted(pictures)
    for picture in pictures:
        assert (ROOT / "docs" / "python" / picture).exists()


def test_example_of_the_readme(tmp_path):
    text = (ROOT / "README.md").read_text()
    (program,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
