"""What a run may call after each epoch.

A callback is a function of a `cusgd.Progress`; the run ends when it returns True. `cusgd.fit`, `Trainer.fit` and the estimators
SGDRegressor and SGDClassifier take one, or a list. It is called in another thread than the caller's. Where it has a method
``close``, that is called when the run has ended, however it ends.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from ._results import Progress

Callback = Callable[[Progress], Any]

__all__ = ["JsonLines", "PrintEpochs", "ProgressBar", "in_turn"]


class PrintEpochs:
    """Prints a line per epoch.

    Parameters
    ----------
    file : text file, optional
        By default standard output.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self.file = file

    def __call__(self, now: Progress) -> None:
        """Print the epoch, its losses, rate and time."""
        valid = "" if math.isnan(now.valid_loss) else f", valid_loss {now.valid_loss:.6g}"
        print(
            f"epoch {now.epoch}: loss {now.loss:.6g}{valid}, rate {now.rate:.4g}, {now.seconds:.3g} s",
            file=self.file or sys.stdout,
        )


class ProgressBar:
    """Shows a progress bar of tqdm; without tqdm, prints a line per epoch.

    Parameters
    ----------
    **options
        Of ``tqdm.auto.tqdm``.
    """

    def __init__(self, **options: Any) -> None:
        self.options = {"unit": "epoch", **options}
        self.bar: Any = None
        self.lines: PrintEpochs | None = None

    def __call__(self, now: Progress) -> None:
        """Move the bar to the epoch."""
        if self.bar is None and self.lines is None:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                self.lines = PrintEpochs()
            else:
                self.bar = tqdm(total=now.epochs, **self.options)
        if self.lines is not None:
            self.lines(now)
        else:
            self.bar.update(now.epoch - self.bar.n)
            self.bar.set_postfix(loss=f"{now.loss:.6g}", refresh=False)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self.bar is not None:
            self.bar.close()
        self.bar = self.lines = None


class JsonLines:
    """Appends an object per epoch to a file, one a line: `cusgd.Progress` by the names of its fields.

    Numbers that are not finite, which JSON lacks, are null.

    Parameters
    ----------
    path : str or path
        The file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self.file: TextIO | None = None

    def __call__(self, now: Progress) -> None:
        """Write the epoch."""
        import json  # here, as few need it: the import of the package is shorter without

        if self.file is None:
            self.file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115 - closed by close
        entry = {name: value if math.isfinite(value) else None for name, value in vars(now).items()}
        self.file.write(json.dumps(entry, allow_nan=False) + "\n")
        self.file.flush()

    def close(self) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()
        self.file = None


def in_turn(callbacks: Callback | Sequence[Callback] | None) -> list[Callback]:
    """Return one callback or several as a list.

    Parameters
    ----------
    callbacks : callable, sequence of callables or None
        What `cusgd.fit` takes as ``callback``.

    Returns
    -------
    list of callables
    """
    if callbacks is None:
        return []
    return [callbacks] if callable(callbacks) else list(callbacks)
