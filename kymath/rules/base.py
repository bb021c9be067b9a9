"""What a selection rule knows: which θ it takes among those that join f at x0 and x0 + h."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import sympy as sp

from ..arithmetic import exact_sign
from ..errors import NotApplicable, Status
from ..evidence import Jet, Unknown
from ..families import ConnectionFunction, Obstacle
from ..families.base import overridden_alone


class Rule(abc.ABC):
    """A selection rule: what makes θ(h) unique among the solutions of C1(h) and C2(h).

    It works at finite h (:meth:`solve`, or :meth:`at` for rules that read more nodes) and in the limit
    (:meth:`limit`, :meth:`obstacles`, which read the first :meth:`entries` entries of the jet).
    """

    #: True where the limit may depend on the side from which h → 0
    sided: bool = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if overridden_alone(cls, "limit", "spread"):  # another limit, of which no spread is known
            cls.spread = Rule.spread  # type: ignore[method-assign]

    @abc.abstractmethod
    def check(self, family: ConnectionFunction) -> None:
        """Raise ``NotApplicable`` where the rule has no meaning for the family."""

    def closed(self, family: ConnectionFunction) -> bool:
        """Whether θ(h) and the limit have a closed form, so that no minimisation is needed."""
        return True

    def entries(self, family: ConnectionFunction) -> int:
        """How many entries of the jet the limit reads."""
        return 2

    def nodes(self, family: ConnectionFunction, side: str = "both") -> tuple[Any, ...]:
        """The multiples c_j of h at which f is read."""
        return (0, 1)

    @abc.abstractmethod
    def solve(self, family: ConnectionFunction, f0: Any, f1: Any, h: Any) -> tuple[Any, ...]:
        """θ(h) from f0 = f(x0) and f1 = f(x0 + h)."""

    def at(self, family: ConnectionFunction, nodes: Sequence[Any], h: Any, values: Sequence[Any]) -> tuple[Any, ...]:
        """θ(h) from the values at the nodes."""
        return self.solve(family, values[0], values[1], h)

    @abc.abstractmethod
    def limit(self, family: ConnectionFunction, jet: Jet, side: str) -> tuple[Any, ...]:
        """lim θ(h) from the jet on one side, "left" or "right"; for :meth:`closed` families."""

    def spread(self, family: ConnectionFunction, jet: Jet, side: str) -> tuple[Any, ...] | None:
        """How far the limit moves with the errors of the jet, for a limit linear in the jet; None where it is not.

        A class that overrides :meth:`limit` does not inherit it.
        """
        return None

    def obstacles(self, family: ConnectionFunction, jet: Jet, side: str) -> Iterator[Obstacle]:
        """Where there is no limit on that side, and why."""
        return iter(())

    def objective(self, family: ConnectionFunction, theta: Sequence[Any]) -> Any:
        """What the rule makes least, for SciPy's minimisers; smooth in θ."""
        raise NotApplicable(f"{self!r} minimises nothing.")

    def box(self, family: ConnectionFunction) -> list[tuple[float, float]]:
        """The rule's bounds on the parameters, for SciPy's minimisers."""
        return [(-np.inf, np.inf)] * family.size


def positive_bound(rule: str, bound: Any, why: str) -> Any:
    """The amplitude bound M, which has no default."""
    if bound is None:
        raise NotApplicable(f"{rule} needs a bound: {rule}(bound=M) with M > 0. {why}")
    try:
        exact = isinstance(bound, sp.Basic)
        good = (exact_sign(bound) == 1 and bound.is_finite) if exact else bool(0 < bound < float("inf"))
        good = bool(good) and not isinstance(bound, bool)
    except TypeError:
        good = False
    if not good:
        raise NotApplicable(f"{rule}(bound=M) needs a finite number M > 0; {bound!r} was given.")
    return bound


def leaving(jet: Jet, side: str) -> Any:
    """sgn D(h) for small h on one side: as the method saw it, else as the sign of f′ says."""
    seen = jet.right if side == "right" else jet.left
    if jet.settled:
        return jet.right if side == "right" else jet.left
    slope = jet.sign(1)
    forward = 1 if side == "right" else -1
    if jet.exact:
        if isinstance(slope, Unknown):
            return sp.sign(jet.values[1]) * forward
        return int(slope) * forward if slope in (-1, 1) else seen
    seen = np.full(np.shape(slope), np.nan) if seen is None else np.asarray(seen, float)
    return np.where(slope != 0, slope * forward, seen)


def sign_obstacles(jet: Jet, side: str, constant: str) -> Iterator[Obstacle]:
    """The two ways in which sgn D(h) can fail to settle."""
    sign = leaving(jet, side)
    unknown = sign is None if jet.exact else np.isnan(np.asarray(sign, float))
    yield Obstacle(sign == 0, Status.NOT_UNIQUE, constant)
    yield Obstacle(
        unknown,
        Status.NO_LIMIT,
        f"f′(x0) = 0{jet.within(1)} and the sign of f(x0 + h) − f(x0) does not settle as h → 0, so θ(h) has no limit.",
    )
