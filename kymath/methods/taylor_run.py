"""One run of f on a jet: what it is given, and what is met on the way."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

UNIT = 2.0**-53


class Escaped(TypeError):
    """f left NumPy arithmetic: what it did with the jet cannot be followed."""


class Pass:
    """One run of f on a jet: how many coefficients, on which side, and what was met on the way."""

    __slots__ = ("flagged", "lost", "mask", "n", "points", "side", "single", "why", "x")

    def __init__(self, n: int, side: int = 1, points: int | None = None, x: Any = 0.0) -> None:
        self.n, self.side, self.points = n, side, points  # points: length of the block, None for one point
        self.x = x  # x0
        self.flagged = False  # a tie or a removable point: the sides may differ
        self.mask: np.ndarray | None = None  # the same for each point of a block
        self.lost = 0  # coefficients that divisions by s took away
        self.single = False  # f computes in float32 or less
        self.why = ""  # why the jet escaped, where f went on all the same

    def escape(self, why: str) -> NoReturn:
        self.why = self.why or why
        raise Escaped(why)

    def mark(self, where: Any) -> None:
        """Points at which the sides may differ."""
        where = np.asarray(where)
        if not where.any():
            return
        self.flagged = True
        if self.points is None:
            return
        if self.mask is None:
            self.mask = np.zeros(self.points, dtype=bool)
        if where.ndim and where.shape[0] == self.points:
            self.mask |= where.reshape(self.points, -1).any(axis=1)
        else:
            self.mask |= bool(where.any())
