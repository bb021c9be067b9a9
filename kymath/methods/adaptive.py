"""The paper's numerical scheme: h_k = h0·ρ^k, θ(h_k), and the limit by extrapolation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import NotApplicable
from ..evidence import Evidence
from ..families import ConnectionFunction
from ..function import Function
from ..rules import Rule
from .base import Method
from .black_box import black_box
from .local import Steps


@dataclass(frozen=True)
class Adaptive(Method):
    """h_k = h0·ρ^k and θ(h_k) → θ by extrapolation (Remark 3.1), for any callable, at many points at once.

    ``solver="closed"``: the divided differences of f at the steps are smooth in h (Hermite–Genocchi), tend to the jet
    of f, and determine θ(h); they are extrapolated on each side, the sides are compared, and the rule's limit is
    taken with their errors. ``solver="scipy"``: at each step the rule's objective is minimised under C1 and C2 by
    SciPy from several starts, with the residual verified, and θ(h_k) itself is extrapolated; any family, one point
    after another.

    ``h0``: the first step (None: found from the function's own scale); ``rho``: the ratio of the steps, in (0, 1);
    ``rtol``, ``atol``: a result whose error exceeds ``atol + rtol·|θ|`` is ``NotReached`` (None: an error below a
    tenth of the parameter, or small against what it could be by its nature); ``max_steps``: at most so many steps.
    The error is an estimate, not a bound: it comes from the agreement of neighbouring extrapolants (Ridders 1982) and
    a model of rounding. Raises ``NotApplicable`` for an option out of its range. Source: Condor, Remark 3.1.

    >>> import math
    >>> import kymath as ky
    >>> r = ky.transform(math.exp, 0.0, method=ky.Adaptive())
    >>> [round(c, 9) for c in r.theta], max(r.error) < 1e-9, r.bound
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

    @property
    def steps(self) -> Steps:
        """The steps asked for, as the sampler takes them."""
        return Steps(self.h0, self.rho, self.max_steps)
