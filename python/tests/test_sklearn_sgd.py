"""scikit-learn's own tests of its SGD estimators: those that fail are those that the documentation lists with a reason."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "python-sklearn-tests.md"


def test_the_tests_that_fail_are_documented(tmp_path):
    code = f"""
import json, sys
sys.path.insert(0, {str(HERE)!r})
import sklearn_sgd
open("outcomes.json", "w").write(json.dumps(sklearn_sgd.run("-q", "--tb=no")))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    outcomes = json.loads((tmp_path / "outcomes.json").read_text())
    text = PAGE.read_text()
    listed = set(re.findall(r"^\| `(test_[^`]*)` \|", text, re.MULTILINE))
    failed = {name for name, outcome in outcomes.items() if outcome != "passed"}
    assert failed - listed == set()
    version = re.search(r"scikit-learn ([\d.]+),", text).group(1)
    if version == __import__("sklearn").__version__:  # other versions have other tests
        assert failed == listed
        total, passed = map(int, re.search(r"Of the remaining (\d+) tests of .*?, (\d+) pass", text).groups())
        assert (len(outcomes), len(outcomes) - len(failed)) == (total, passed)
