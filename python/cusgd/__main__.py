"""``python -m cusgd`` is the command ``cusgd``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

COMMAND = Path(__file__).resolve().parent / "bin" / "cusgd"


def main() -> None:
    """Run the command of the package with the arguments of this process."""
    if not COMMAND.exists():
        sys.exit(f"cusgd: {COMMAND} does not exist: the package was not installed by pip")
    os.execv(COMMAND, ["cusgd", *sys.argv[1:]])


if __name__ == "__main__":
    main()
