"""The CUDA module is found where its wheel puts it, in a folder of the package."""

import os
import shutil
import subprocess
import sys

import pytest
from cusgd import _library


@pytest.mark.parametrize("has_module", [True, False])
def test_the_module_is_found_in_the_package(has_module, tmp_path):
    """What is found is no module, so that a machine with a driver says that it does not open."""
    package = tmp_path / "cusgd" / "lib"
    (package / "cusgd").mkdir(parents=True)
    shutil.copy(_library._path(), package / "libcusgd.so")
    if has_module:
        (package / "cusgd" / "libcusgd-cuda.so").write_text("no module")
    code = "import cusgd; cusgd.fit([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.5], device='cuda')"
    environment = {name: value for name, value in os.environ.items() if name != "CUSGD_MODULE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "CUSGD_LIBRARY": str(package / "libcusgd.so")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = done.stderr.splitlines()[-1]
    assert "DeviceError" in said
    if has_module:
        assert "no NVIDIA driver" in said or "the CUDA module does not open" in said
    else:
        assert "is not installed" in said
