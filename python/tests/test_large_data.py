"""Training within a budget of memory: the bits of a run whose rows are all in memory, and the words of a refusal."""

from __future__ import annotations

from pathlib import Path

import cusgd
import numpy as np
import pytest


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with x.npy, 100000 x 64 in float32, and y.npy."""
    folder = tmp_path_factory.mktemp("large")
    random = np.random.default_rng(3)
    x = random.standard_normal((100_000, 64), dtype=np.float32)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", x[:, :3].sum(axis=1) + random.standard_normal(len(x), dtype=np.float32))
    return folder


def test_mapped_rows_are_trained_on_within_a_budget(files: Path) -> None:
    x, y = np.load(files / "x.npy", mmap_mode="r"), np.load(files / "y.npy")
    given = {"sampling": "pages", "epochs": 2, "batch": 1000, "device": "cpu"}
    streamed, resident = cusgd.fit(x, y, memory="24M", **given), cusgd.fit(x, y, **given)
    assert np.array_equal(streamed.weight, resident.weight)
    assert np.array_equal(streamed.bias, resident.bias)
    assert resident.result is not None
    assert streamed.result is not None
    assert resident.result.stream_times is None
    times = streamed.result.stream_times
    assert times is not None
    assert times.read_bytes + times.present_bytes >= 2 * x.nbytes
    assert min(times.compute_seconds, times.read_seconds) > 0
    assert times.copy_seconds == 0


def test_a_table_larger_than_memory_lies_in_a_file(tmp_path: Path) -> None:
    rows, path = 1_100_000, tmp_path / "table.csv"
    block = "".join(f"{i % 7},1,2,3,4,5,6,{i % 5},{i % 3}\n" for i in range(1000))
    path.write_text("a,b,c,d,e,f,g,h,y\n" + block * (rows // 1000))
    folder = tmp_path / "spill"
    folder.mkdir()
    table = cusgd.read_table(path, spill=folder)
    assert str(folder) in Path("/proc/self/maps").read_text()
    assert not list(folder.iterdir())
    del table
    assert str(folder) not in Path("/proc/self/maps").read_text()


def test_an_order_that_needs_all_rows_is_refused(files: Path) -> None:
    x, y = np.load(files / "x.npy", mmap_mode="r"), np.load(files / "y.npy")
    with pytest.raises(ValueError, match='give sampling="pages"'):
        cusgd.fit(x, y, memory=24_000_000, device="cpu")
    with pytest.raises(ValueError, match="too little"):
        cusgd.fit(x, y, memory="5M", sampling="pages", device="cpu")
    for solver in ("exact", "auto"):
        with pytest.raises(cusgd.UsageError, match='the loss quantile needs all rows at hand: give solver="sgd"'):
            cusgd.fit(x, y, loss="quantile", solver=solver, memory="24M", sampling="pages", device="cpu")
    with pytest.raises(cusgd.UsageError, match="memory 2 bytes is too little"):
        cusgd.fit(x, y, memory=2, sampling="pages", device="cpu")


@pytest.mark.parametrize("given", [{"loss": "squared"}, {"loss": "logistic", "l2": 1e-3}, {"loss": "squared", "l1": 0.1}])
def test_solver_auto_chooses_the_same_within_a_budget(files: Path, given: dict[str, float | str]) -> None:
    x, y = np.load(files / "x.npy", mmap_mode="r"), np.load(files / "y.npy")
    if given["loss"] == "logistic":
        y = y > 0
    streamed, resident = (cusgd.fit(x, y, solver="auto", device="cpu", memory=memory, **given) for memory in ("22M", "auto"))
    assert streamed.result is not None
    assert streamed.result.stream_times is not None
    assert np.array_equal(streamed.weight, resident.weight)
    assert np.array_equal(streamed.bias, resident.bias)


def test_solver_auto_of_more_columns_than_rows_is_refused_within_a_budget(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((1000, 2000), dtype=np.float32)
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(cusgd.UsageError, match='give solver="cg"'):
        cusgd.fit(np.load(tmp_path / "x.npy", mmap_mode="r"), x[:, 0], solver="auto", memory="1M", device="cpu")
