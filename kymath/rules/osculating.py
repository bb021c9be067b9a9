"""The osculating rule: as many contacts as parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import NotApplicable
from ..evidence import Jet
from ..families import ConnectionFunction, Obstacle
from .base import Rule


@dataclass(frozen=True, repr=False)
class Osculating(Rule):
    """g meets f at N nodes x0 + c_j h, 0 and 1 among the c_j; in the limit g has contact of order N − 1 with f at x0.

    ``nodes`` are the c_j; a repeated node means contact (Hermite).
    The default is the first N of 0, 1, −1, 2, −2, … (0, 1, 2, … when the limit is taken from one side). Nodes matter at
    finite h and for the order of convergence, which is 2 where their mean is 0, not for the limit θ* = J⁻¹(f, f′, …).

    Raises ``NotApplicable`` for nodes that are no finite numbers, lack 0 or 1, or are not N. Source: Condor, Eq. 20, 30
    and 35, which state its limits.

    >>> from kymath import Osculating, Polynomial
    >>> Osculating().nodes(Polynomial(2))
    (0, 1, -1)
    """

    node_choice: tuple[Any, ...] | None = None
    sided = False

    def __init__(self, nodes: Sequence[Any] | None = None) -> None:
        chosen = None
        if nodes is not None:
            given = _numbers(nodes)
            if not {0, 1} <= set(given):
                raise NotApplicable(f"the nodes must contain 0 and 1 (that is C1 and C2); {given} do not.")
            distinct = list(dict.fromkeys(given))
            chosen = tuple(c for c in distinct for _ in range(given.count(c)))  # equal nodes side by side
        object.__setattr__(self, "node_choice", chosen)

    def __repr__(self) -> str:
        return "Osculating()" if self.node_choice is None else f"Osculating(nodes={self.node_choice})"

    def check(self, family: ConnectionFunction) -> None:
        if self.node_choice is not None and len(self.node_choice) != family.size:
            raise NotApplicable(
                f"{family!r} has {family.size} parameters, so the osculating rule needs {family.size} nodes; "
                f"{self.node_choice} are {len(self.node_choice)}."
            )

    def entries(self, family: ConnectionFunction) -> int:
        return family.size

    def nodes(self, family: ConnectionFunction, side: str = "both") -> tuple[Any, ...]:
        if self.node_choice is not None:
            return self.node_choice
        if side != "both":
            return tuple(range(family.size))
        return tuple((k + 1) // 2 * (1 if k % 2 else -1) for k in range(family.size))

    def solve(self, family: ConnectionFunction, f0: Any, f1: Any, h: Any) -> tuple[Any, ...]:
        if family.size != 2:
            raise NotApplicable(
                f"the osculating rule reads {family.size} nodes for {family!r}, not two values: use "
                "rule.at(family, nodes, h, values)."
            )
        return self.at(family, self.nodes(family), h, (f0, f1))

    def at(self, family: ConnectionFunction, nodes: Sequence[Any], h: Any, values: Sequence[Any]) -> tuple[Any, ...]:
        return family.through(nodes, h, values)

    def limit(self, family: ConnectionFunction, jet: Jet, side: str) -> tuple[Any, ...]:
        return family.from_jet(jet.values[: family.size])

    def spread(self, family: ConnectionFunction, jet: Jet, side: str) -> tuple[Any, ...] | None:
        return family.spread(jet.errors[: family.size])

    def obstacles(self, family: ConnectionFunction, jet: Jet, side: str) -> Iterator[Obstacle]:
        return family.obstacles(jet)


def _numbers(nodes: Any) -> tuple[Any, ...]:
    try:
        given = tuple(nodes)
        if any(isinstance(c, (str, bytes, bool)) for c in given):  # float() would read text
            raise TypeError
        floats = [float(c) for c in given]
    except (TypeError, ValueError) as error:
        raise NotApplicable(f"nodes must be finite real numbers such as (0, 1, -1); {nodes!r} was given.") from error
    if not all(map(math.isfinite, floats)):
        raise NotApplicable(f"nodes must be finite real numbers such as (0, 1, -1); {nodes!r} was given.")
    return tuple(int(x) if x.is_integer() else c for c, x in zip(given, floats, strict=True))
