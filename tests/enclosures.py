"""Enclosures by Certified, and whether they hold the truth."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import sympy as sp

import kymath as ky
from kymath.function import Function
from kymath.methods.certified import Certified


def certify(f, x0, family=None, rule=None, side="both", digits=15):
    at = x0 if isinstance(x0, sp.Basic) else np.asarray(x0, dtype=float)
    return Certified(digits).evidence(Function(f), at, family or ky.Polynomial(2), rule or ky.Osculating(), side)


def text(ball):
    """A ball's midpoint and radius as mpmath numbers (exact)."""
    (m, e), (r, d) = ball.mid().man_exp(), ball.rad().man_exp()
    return mp.ldexp(mp.mpf(int(m)), int(e)), mp.ldexp(mp.mpf(int(r)), int(d))


def holds(ball, truth, slack):
    middle, radius = text(ball)
    return abs(middle - truth) <= radius + slack
