"""Own losses, which are given as formulas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._formula import Formula
from ._base import Array, loss_options

OWN_LOSS = "expression"


class OwnLossMixin:
    """A mixin for regressors whose loss is given by name (``loss``) or as a formula (``loss_expr``)."""

    loss: str
    epsilon: float
    loss_expr: str | None
    constants: Mapping[str, float] | None
    link: str | None

    def _loss(self) -> str:
        return self.loss if self.loss_expr is None else OWN_LOSS

    def _check_loss(self) -> None:
        """Raise an error if both a formula and the name of another loss are given, or parameters of a formula without one."""
        if self.loss_expr is not None:
            if self.loss != "squared_error":
                raise ValueError(f"loss={self.loss!r} and loss_expr are one choice: leave loss as it is, or loss_expr=None")
            return
        for name in ("constants", "link"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name} belongs to loss_expr, which is None")

    def _loss_options(self) -> dict[str, Any]:
        """Return the options of the loss."""
        if self.loss_expr is None:
            return loss_options(self.loss, self.epsilon)
        return {"loss_expr": self.loss_expr, "constants": self.constants, "link": self.link}

    def _mean(self, linear: Array) -> Array:
        if self.loss_expr is None or self.link is None:
            named: Array = super()._mean(linear)  # type: ignore[misc]
            return named
        names = re.findall(r"\w+", self.link)  # pass only constants that occur in the link; others may belong to the loss
        own = {name: value for name, value in (self.constants or {}).items() if name in names}
        mean = Formula(self.link, variables=["p"], constants=own).value(np.expand_dims(linear, -1))
        return np.asarray(mean, dtype=linear.dtype)
