#!/usr/bin/env python3
"""Make tests/golden/expressions.json: random formulas and their derivatives in 50-digit arithmetic.

usage: make_expressions.py [FOLDER]     (tests/golden by default)
Needs mpmath and numpy.
"""

import sys
from pathlib import Path

from golden.expressions import expressions
from golden.numbers import write

if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else str(Path(__file__).resolve().parent.parent / "tests" / "golden")
    write(folder, "expressions.json", expressions())
