"""Callbacks, which a run calls after each epoch.

A callback is a function with a `cusgd.Progress` as its argument. If it returns True, the run ends. `cusgd.fit`, `Trainer.fit` and
the estimators SGDRegressor and SGDClassifier accept one callback or a list. Callbacks are called in a different thread from the
caller's. If a callback has a method ``close``, it is called when the run has ended, even if the run failed.
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
        The file to print to; by default standard output.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self.file = file

    def __call__(self, now: Progress) -> None:
        """Print the number of the epoch, the losses, the rate and the time.

        Parameters
        ----------
        now : Progress
            The state of the run.
        """
        valid = "" if math.isnan(now.valid_loss) else f", valid_loss {now.valid_loss:.6g}"
        print(
            f"epoch {now.epoch}: loss {now.loss:.6g}{valid}, rate {now.rate:.4g}, {now.seconds:.3g} s",
            file=self.file or sys.stdout,
        )


class ProgressBar:
    """Shows a progress bar of tqdm, or prints a line per epoch if tqdm is not installed.

    Parameters
    ----------
    **options
        Keyword arguments of ``tqdm.auto.tqdm``.
    """

    def __init__(self, **options: Any) -> None:
        self.options = {"unit": "epoch", **options}
        self.bar: Any = None
        self.lines: PrintEpochs | None = None

    def __call__(self, now: Progress) -> None:
        """Advance the progress bar to the current epoch.

        Parameters
        ----------
        now : Progress
            The state of the run.
        """
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
        """Close the progress bar, which stays visible."""
        if self.bar is not None:
            self.bar.close()
        self.bar = self.lines = None


class JsonLines:
    """Appends a JSON object per epoch to a file, one object per line.

    The names in the object are the fields of `cusgd.Progress`. Numbers that are not finite are written as null, because JSON has
    no form for them.

    Parameters
    ----------
    path : str or path
        The file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self.file: TextIO | None = None

    def __call__(self, now: Progress) -> None:
        """Append the state of the run to the file.

        Parameters
        ----------
        now : Progress
            The state of the run.
        """
        import json  # imported here to keep `import cusgd` fast

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
    """Return a list of callbacks.

    Parameters
    ----------
    callbacks : callable, sequence of callables or None
        The argument ``callback`` of `cusgd.fit`.

    Returns
    -------
    list of callables
    """
    if callbacks is None:
        return []
    return [callbacks] if callable(callbacks) else list(callbacks)
