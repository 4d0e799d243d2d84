"""Checkpoints, which save the state of a fit while it runs."""

from __future__ import annotations

import os
import re
import time
from typing import Any

from . import _capi
from ._errors import last_error
from ._library import lib
from ._run import is_stopping


class Checkpoints:
    """The checkpoints of one fit.

    Parameters
    ----------
    path : str or path
        The file.
    every : str
        How often the state is saved, such as ``"100steps"``, ``"1epochs"`` or ``"5minutes"``.
    """

    def __init__(self, path: str | os.PathLike[str], every: str) -> None:
        found = re.fullmatch(r"([0-9]+)(steps|epochs|minutes)", every)
        if not found or int(found[1]) < 1:
            raise ValueError(f"every takes a whole number and a unit: '100steps', '1epochs' or '5minutes'; not {every!r}")
        self._path = os.fsencode(path)
        self._count, self._unit = int(found[1]), found[2]
        self._last = (0, 0, time.monotonic())
        self._started = self._saved_end = False
        self.ends = False  # True if the fit ends before its last epoch, which is a reason to save its state
        self.failures: list[str] = []
        self.function = _capi.cusgd_checkpoint_callback(self._on_checkpoint)

    def _is_due(self, now: Any) -> bool:
        step, epoch, seconds = self._last
        if self._unit == "steps":
            return bool(now.step - step >= self._count)
        if self._unit == "epochs":
            return bool(now.epoch - epoch >= self._count)
        return time.monotonic() - seconds >= 60 * self._count

    def _on_checkpoint(self, trainer: Any, pointer: Any, _: Any) -> None:
        now = pointer.contents
        if not self._started:
            self._last, self._started = (now.step, now.epoch, self._last[2]), True
        ends = (self.ends or is_stopping()) and not self._saved_end
        if not (ends or now.epoch == now.epochs or self._is_due(now)):
            return
        self._saved_end = self._saved_end or ends
        self._last = (now.step, now.epoch, time.monotonic())
        status = lib.cusgd_trainer_save_state(trainer, self._path)
        if status:  # the run continues, and the previous checkpoint is kept
            self.failures.append(str(last_error(status)))
