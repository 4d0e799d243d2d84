#!/usr/bin/env python3
"""Steps per second of several processes: cuSGD's by MPI, and those of torch's DistributedDataParallel by gloo.

usage: bench_ddp.py CUSGD [--python PYTHON] [--processes N] [--rows N] [--cols N] [--batch N] [--seconds S] [--repeats N]

Both train one linear model by squared loss and plain SGD, in float, with one thread a process, on the same rows, of which each
process holds its share. torch takes its batches as they lie in memory, one behind the other, which spares it gathering rows;
cuSGD takes them in a random order, as it does by default. The two take turns; the best of all turns is given. PYTHON is an
interpreter that has torch, by default this one.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORKER = """
import os, sys, time
import numpy as np
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

folder, batch, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
torch.set_num_threads(1)
dist.init_process_group("gloo")
rank, size = dist.get_rank(), dist.get_world_size()
x, y = np.load(folder + "/x.npy", mmap_mode="r"), np.load(folder + "/y.npy", mmap_mode="r")
share = len(x) // size
x = torch.from_numpy(np.array(x[rank * share : (rank + 1) * share], dtype=np.float32))
y = torch.from_numpy(np.array(y[rank * share : (rank + 1) * share], dtype=np.float32)).reshape(share, 1)
model = DistributedDataParallel(torch.nn.Linear(x.shape[1], 1), gradient_as_bucket_view=True)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
local = batch // size

def epoch():
    for first in range(0, share - local + 1, local):
        optimizer.zero_grad(set_to_none=False)
        torch.nn.functional.mse_loss(model(x[first : first + local]), y[first : first + local]).backward()
        optimizer.step()
    return share // local

epoch()
steps, begun = 0, time.perf_counter()
end = torch.zeros(1)
while end.item() == 0:
    steps += epoch()
    end[0] = time.perf_counter() - begun > seconds
    dist.broadcast(end, 0)
if rank == 0:
    print(steps / (time.perf_counter() - begun))
dist.destroy_process_group()
"""


def torch_steps(a: argparse.Namespace, folder: Path) -> float:
    """Return the steps per second of torch, in the processes that this starts."""
    script = folder / "worker.py"
    script.write_text(WORKER)
    processes = []
    for rank in range(a.processes):
        environment = dict(os.environ, RANK=str(rank), WORLD_SIZE=str(a.processes), LOCAL_RANK=str(rank), OMP_NUM_THREADS="1")
        environment |= {"GLOO_SOCKET_IFNAME": "lo", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(20000 + os.getpid() % 20000)}
        command = [a.python, str(script), str(folder / "data"), str(a.batch), str(a.seconds)]
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    try:
        said = [process.communicate(timeout=60 + 20 * a.seconds)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    if any(process.returncode for process in processes):
        raise SystemExit("torch has failed")
    return float(said[0])


def train(a: argparse.Namespace, folder: Path, epochs: int) -> float:
    """Return the seconds of a run of cuSGD, with all that it does before and after."""
    run = ["mpirun", "-n", str(a.processes), "--oversubscribe", "--allow-run-as-root", a.cusgd, "train", str(folder / "data")]
    run += ["--model", str(folder / "model"), "--epochs", str(epochs), "--batch", str(a.batch), "--optimizer", "sgd"]
    run += ["--rate", "1e-3", "--tolerance", "0", "--device", "cpu", "--threads", "1", "--shards", str(a.processes), "--quiet"]
    begun = time.perf_counter()
    subprocess.run(run, check=True, timeout=60 + 20 * a.seconds)
    return time.perf_counter() - begun


def cusgd_steps(a: argparse.Namespace, folder: Path) -> float:
    """Return those of cuSGD: of a long run beyond a short one, so that reading the data does not count."""
    few, epochs = 4, 8
    short = train(a, folder, few)
    while True:
        seconds = train(a, folder, few + epochs) - short
        if seconds > a.seconds / 2:
            return epochs * (a.rows // a.batch) / seconds
        epochs *= 2 if seconds <= 0 else max(2, min(16, round(a.seconds / seconds)))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cusgd")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rows", type=int, default=131072)
    parser.add_argument("--cols", type=int, default=256)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate = [a.cusgd, "generate", str(folder / "data"), "--rows", str(a.rows), "--cols", str(a.cols)]
        subprocess.run(generate, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ours, theirs = [], []
        for _ in range(a.repeats):
            theirs.append(torch_steps(a, folder))
            ours.append(cusgd_steps(a, folder))
            print(f"torch {theirs[-1]:8.1f}  cuSGD {ours[-1]:8.1f} steps/s", flush=True)
        print(f"best: torch {max(theirs):.1f}, cuSGD {max(ours):.1f} steps/s: {max(ours) / max(theirs):.2f} times as many")


if __name__ == "__main__":
    main()
