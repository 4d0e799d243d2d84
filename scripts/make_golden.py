#!/usr/bin/python3
"""Makes what the tests compare against: tests/golden/losses.json, optimizers.json, schedules.json, separation.json, penalties.json, classes.json, elementary.json, datasets/*.csv and datasets/solutions.json.

Three witnesses: torch.optim in float64; the written formula in 50-digit arithmetic (mpmath), which is exact for our purpose; and
SciPy's or scikit-learn's solvers. Where two of them give the same quantity the difference is stored next to it.

usage: make_golden.py [FOLDER]     (tests/golden by default)
Needs torch, scikit-learn, scipy, numpy, mpmath (Debian: python3-torch python3-sklearn python3-mpmath).
"""
import os
import sys

from golden.classes import classes, iris
from golden.datasets import datasets
from golden.elementary import elementary
from golden.losses import losses
from golden.numbers import write
from golden.optimizers import optimizers
from golden.penalties import penalties
from golden.schedules import schedules
from golden.separation import separation


def main():
    golden = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "golden")
    folder = sys.argv[1] if len(sys.argv) > 1 else golden
    os.makedirs(os.path.join(folder, "datasets"), exist_ok=True)
    write(folder, "optimizers.json", optimizers())
    write(folder, "losses.json", losses())
    write(folder, "schedules.json", schedules())
    write(folder, "separation.json", separation())
    write(folder, "penalties.json", penalties())
    write(folder, "classes.json", classes())
    write(folder, "elementary.json", elementary())
    iris(folder)
    write(folder, os.path.join("datasets", "solutions.json"), datasets(folder))


if __name__ == "__main__":
    main()
