"""Derivatives of a black box from real values: three intervals where it is smooth, the paper's steps where not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import NotApplicable, Status, error_for
from ..evidence import Evidence
from ..families import ConnectionFunction
from ..function import Function, as_function
from ..rules import Rule
from .base import Method
from .black_box import black_box, steps_for
from .local import Steps


class StepChoice(NamedTuple):
    """A step, the error that is to be expected of the derivative with it, and the noise in one value of f."""

    h: Any
    accuracy: Any
    noise: Any


@dataclass(frozen=True)
class Adaptive(Method):
    """Real values of any callable, at one point or at very many, on steps that the function itself suggests.

    f is read at Chebyshev nodes on three intervals about x0, of 8, 16 and 28 nodes, each as wide as the coefficients
    seen so far predict to be best; all derivatives come from the same 59 values. Coefficients in the noise are shrunk
    by how far they may be noise (Wiener). What the fit leaves over tells whether f is smooth, noisy, or has a kink at
    x0, which is taken off and told. What that does not explain is left to the paper's steps h_k = h0·ρ^k: D(h_k) is
    extrapolated on each side (Richardson), and the sides are compared. A one-sided limit, and ``h0``, ``rho`` or
    ``max_steps`` of your own, go that way at once. ``solver="scipy"``: at each step the rule's objective is minimised
    under C1 and C2 by SciPy from several starts, with the residual verified, and θ(h_k) itself is extrapolated; any
    family, one point after another.

    ``h0``: the first step (None: found from the function's own scale); ``rho``: the ratio of the steps, from 0.05 to
    0.95; ``rtol``, ``atol``: a result whose error exceeds ``atol + rtol·|θ|`` is ``NotReached`` (None: an error below
    half the derivative, or a hundredth of what f's variation lets it be); ``max_steps``: at most so many steps.
    The error is an estimate, not a bound: four standard deviations of the noise as the last coefficients show it,
    truncation, and what a kink too small to be seen could do. Raises ``NotApplicable`` for an option out of its range.
    Sources: Condor, Remark 3.1; Trefethen, Approximation Theory and Practice (2013), ch. 3 and 8; Ridders, Adv. Eng.
    Softw. 4 (1982) 75.

    >>> import math
    >>> import kymath as ky
    >>> r = ky.transform(math.exp, 0.0, method=ky.Adaptive())
    >>> [round(c, 12) for c in r.theta], max(r.error) < 1e-11, r.bound
    ([0.5, 1.0, 1.0], True, False)
    """

    h0: float | None = None
    rho: float = 0.5
    rtol: float | None = None
    atol: float | None = None
    max_steps: int = 60
    solver: str = "closed"

    name = "adaptive"

    def __post_init__(self) -> None:
        if self.h0 is not None and not (np.isfinite(self.h0) and self.h0 > 0):
            raise NotApplicable(f"Adaptive(h0=…) takes a positive step; {self.h0!r} was given.")
        if not 0.05 <= self.rho <= 0.95:
            raise NotApplicable(f"Adaptive(rho=…) takes a ratio from 0.05 to 0.95; {self.rho!r} was given.")
        for name in ("rtol", "atol"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise NotApplicable(f"Adaptive({name}=…) takes a tolerance ≥ 0; {value!r} was given.")
        if isinstance(self.max_steps, bool) or not isinstance(self.max_steps, int) or self.max_steps < 4:
            raise NotApplicable(
                f"Adaptive(max_steps=…) takes a whole number of at least 4; {self.max_steps!r} was given."
            )
        if self.solver not in ("closed", "scipy"):
            raise NotApplicable(f'Adaptive(solver=…) is "closed" or "scipy"; {self.solver!r} was given.')

    def why_not(self, function: Function, family: ConnectionFunction, rule: Rule) -> str:
        return ""

    def evidence(
        self, function: Function, x0: np.ndarray, family: ConnectionFunction, rule: Rule, side: str
    ) -> Evidence:
        if self.solver == "scipy" or not rule.closed(family):
            from .minimised import minimised

            return minimised(self, function, x0, family, rule, side)
        order = max(rule.entries(family) - 1, 1)
        own_steps = (self.h0, self.rho, self.max_steps) != (None, 0.5, 60)
        return black_box(function, x0, order, side, self.steps, own_steps)

    def choose_step(self, f: Any, x0: Any, order: int = 1) -> StepChoice:
        """The step for f at x0, the error to be expected of f^(order)(x0), and the noise level: (h, accuracy, noise).

        h is the half-width of the widest interval on which f is read (no step for a difference formula), or the largest
        geometric step where f is not smooth; accuracy is the error of the derivative, not of a Taylor coefficient;
        noise is the standard deviation of one value of f. Floats for a number x0, arrays for an array. Raises as
        ``transform`` does where there is no derivative.
        Source: Gill, Murray, Saunders & Wright, SIAM J. Sci. Stat. Comput. 4 (1983) 310, for the question.

        >>> import numpy as np
        >>> h, accuracy, noise = Adaptive().choose_step(lambda t: np.cos(1e6 * t), 3e-7)
        >>> 1e-7 < h < 1e-5, accuracy < 1e-6, noise < 1e-15
        (True, True, True)
        """
        if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= 20:
            raise NotApplicable(f"choose_step(order=…) takes a whole number from 1 to 20; {order!r} was given.")
        points = np.asarray(x0, dtype=float)
        found = steps_for(as_function(f), points.reshape(-1), order, self.steps)
        for status, why in zip(found.status, found.why, strict=True):
            if status is not Status.CONVERGED:
                raise error_for(status, why)
        rows = (found.h[order], found.error[order], found.floor)
        return StepChoice(*(float(r[0]) if points.ndim == 0 else r.reshape(points.shape) for r in rows))

    @property
    def steps(self) -> Steps:
        """The steps asked for, as the sampler takes them."""
        return Steps(self.h0, self.rho, self.max_steps)
