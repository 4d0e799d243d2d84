"""Several processes by MPI: one model, whatever their number."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cusgd
import numpy as np
import pytest
from cusgd._library import lib

PROGRAM = """
import sys
import numpy as np
import cusgd
if sys.argv[2] == "mpi4py":
    from mpi4py import MPI
    comm = MPI.COMM_WORLD
else:
    comm = "mpi"
rng = np.random.default_rng(0)
X = rng.normal(size=(300, 4))
y = (X @ [1.0, -2.0, 0.5, 0.0] + rng.normal(size=300) > 0).astype(int)
world = cusgd.World(comm, timeout=20)
assert world.size == 2
model = cusgd.fit(X, y, loss="logistic", epochs=3, tolerance=0, world=world)
trainer = cusgd.Trainer(X, y, loss="logistic", solver="newton", l2=0.01, world=world)
trainer.fit()
other = trainer.model()
if world.rank == 0:
    np.savez(sys.argv[1], sgd=model.weight, newton=other.weight)
for solver in ("exact", "auto"):
    try:
        cusgd.fit(X, X[:, 0], loss="quantile", solver=solver, world=world)
    except cusgd.UsageError as error:
        assert "needs all rows in this process's memory" in str(error), error
    else:
        raise AssertionError("two ranks computed the optimum of a quantile")
try:
    cusgd.fit(X, y + world.rank, world=world)
except cusgd.CusgdError as error:
    assert world.rank or "different data" in str(error), error
else:
    raise AssertionError("two ranks trained on different data")
world.close()
try:
    world.rank
except cusgd.UsageError:
    pass
else:
    raise AssertionError("a world that was closed has a rank")
"""


def environment() -> dict[str, str]:
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    shared = {"OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_mpi_yield_when_idle": "1", "OMP_WAIT_POLICY": "passive"}
    return {**os.environ, **root, **shared}


def world_here() -> bool:
    """Tell whether there is an mpirun, and a module for its MPI."""
    script = "import cusgd; cusgd.World().close()"
    found = shutil.which("mpirun")
    if found is None:
        return False
    command = [found, "-n", "1", sys.executable, "-W", "ignore", "-c", script]
    return subprocess.run(command, env=environment(), capture_output=True, timeout=60, check=False).returncode == 0


def alone(**options: object) -> np.ndarray:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    y = (X @ [1.0, -2.0, 0.5, 0.0] + rng.normal(size=300) > 0).astype(int)
    return cusgd.fit(X, y, loss="logistic", shards=8, **options).weight


@pytest.mark.filterwarnings("ignore::cusgd.ConvergenceWarning")
@pytest.mark.parametrize("comm", ["mpi", "mpi4py"])
def test_two_ranks_have_the_model_of_one(comm: str, tmp_path: Path) -> None:
    if not world_here():
        pytest.skip("no mpirun, or no cuSGD module for its MPI")
    if comm == "mpi4py" and importlib.util.find_spec("mpi4py") is None:
        pytest.skip("mpi4py is not installed")
    out = tmp_path / "weights.npz"
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = ["mpirun", "-n", "2", sys.executable, "-W", "ignore", str(program), str(out), comm]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    weights = np.load(out)
    assert np.array_equal(weights["sgd"], alone(epochs=3, tolerance=0))
    assert np.array_equal(weights["newton"], alone(solver="newton", l2=0.01))


def test_what_is_no_world() -> None:
    with pytest.raises(cusgd.UsageError, match="communicator of mpi4py"):
        cusgd.World(3)
    with pytest.raises(cusgd.UsageError, match="no world"):
        cusgd.World("tcp")
    assert lib.cusgd_world_ranks(None) == 1
