"""What every connection function g(t; θ) knows: its formula, its parameters, and three maps."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

from ..arithmetic import TWO_PI, elementary, fitting
from ..errors import NotApplicable, Status

S = sp.Symbol("s")


class Obstacle(NamedTuple):
    """Why some jets have no θ: where (a bool, or an array of them), the status, and the sentence."""

    where: Any
    status: Status
    message: str


class ConnectionFunction(abc.ABC):
    """A family of functions g(t; θ) = G(t − x0; θ), written in s = t − x0.

    A family is a frozen, hashable value. It gives its formula (:attr:`expression`), its parameters in the paper's order
    (:attr:`names`), and three maps: θ → jet (:meth:`jet`), jet → θ (:meth:`from_jet`, with :meth:`obstacles` naming why
    not) and node values → θ (:meth:`through`). A *jet* is the tuple of derivatives (g, g′, g″, …) at s = 0.
    """

    #: parameters whose value is an angle: they are compared modulo 2π
    angles: frozenset[str] = frozenset()
    #: True where g is linear in θ, but for a :meth:`shift` without parameters
    linear: bool = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if overridden_alone(cls, "from_jet", "spread"):  # another map, of which no spread is known
            cls.spread = ConnectionFunction.spread  # type: ignore[method-assign]

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in the order of θ."""

    @abc.abstractmethod
    def __call__(self, s: Any, theta: Sequence[Any]) -> Any:
        """g at s = t − x0 for the parameters θ; numbers, arrays and SymPy alike."""

    @abc.abstractmethod
    def jet(self, theta: Sequence[Any], order: int) -> tuple[Any, ...]:
        """(g, g′, …, g^(order)) at s = 0."""

    @abc.abstractmethod
    def from_jet(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """θ with the jet (f, f′, …, f^(N−1)); numbers, arrays and SymPy alike."""

    def spread(self, errors: Sequence[Any]) -> tuple[Any, ...] | None:
        """How far θ moves at most when the jet moves by these errors, where :meth:`from_jet` is linear: |J⁻¹| errors.

        None where it is not, or not known to be: the jet is then moved to see it. A class that overrides
        :meth:`from_jet` does not inherit it.
        """
        return None

    def obstacles(self, jet: Any) -> Iterator[Obstacle]:
        """Where a jet has no θ, in order of precedence; nothing for a family that reaches every jet."""
        return iter(())

    def through(
        self, nodes: Sequence[Any], h: Any, values: Sequence[Any], start: Sequence[Any] | None = None
    ) -> tuple[Any, ...]:
        """θ of the member with g(c_j h) = y_j at N nodes c_j; NaN where there is none.

        Where a node is repeated for the r-th time, its value is the r-th derivative there (contact).

        The general way is Newton's iteration on divided differences from ``start``; families with a closed form
        override it.
        """
        from .newton import interpolate

        return interpolate(self, nodes, h, values, start)

    # -- the same for every family -------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """N, the number of parameters."""
        return len(self.names)

    @property
    def symbols(self) -> tuple[sp.Symbol, ...]:
        """The parameters as SymPy symbols."""
        return tuple(sp.Symbol(name) for name in self.names)

    @cached_property
    def expression(self) -> sp.Expr:
        """g as a SymPy expression in ``s`` and the parameters.

        >>> from kymath import Exponential
        >>> Exponential().expression
        A*exp(B*s) + C
        """
        return self(S, self.symbols)

    def index(self, name: str) -> int:
        """Where a parameter stands in θ."""
        return self.names.index(name)

    def difference(self, theta: Sequence[Any], other: Sequence[Any]) -> tuple[Any, ...]:
        """θ − θ′ for floats, angles by the shorter way round."""
        out = []
        for name, a, b in zip(self.names, theta, other, strict=True):
            d = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
            out.append(np.mod(d + np.pi, TWO_PI) - np.pi if name in self.angles else d)
        return tuple(out)

    def shift(self, s: Any) -> Any:
        """The part of g that holds no parameter, for a family linear in the others."""
        return 0 * s

    def shift_jet(self, k: int) -> Any:
        """Its k-th derivative at s = 0."""
        return 0

    def canonical(self, theta: Sequence[Any]) -> tuple[Any, ...]:
        """The θ of the same function inside the family's ranges, for numbers."""
        return tuple(theta)

    def box(self) -> list[tuple[float, float]]:
        """The ranges of the parameters."""
        return [(-np.inf, np.inf)] * self.size

    def differing(self, left: Sequence[Any], right: Sequence[Any]) -> str:
        """The sentence for one-sided limits that differ."""

        def listed(theta: Sequence[Any]) -> str:
            return ", ".join(f"{name} = {number(c)}" for name, c in zip(self.names, theta, strict=True))

        return (
            f"the one-sided limits differ: from the left {listed(left)}; from the right {listed(right)}. "
            'Ask for one side: side="left" or side="right".'
        )

    def jacobian(self, theta: Sequence[Any], order: int | None = None) -> np.ndarray:
        """DJ, the derivatives of the jet (g, …, g^(order)) by the parameters: shape (order + 1, N, …).

        ``order`` defaults to N − 1, the square matrix of the osculating limit.
        """
        rows = _jacobian(self, self.size - 1 if order is None else order)(*theta)
        shape = np.broadcast_shapes(*(np.shape(c) for c in theta), *(np.shape(entry) for row in rows for entry in row))
        return np.array([[np.broadcast_to(np.asarray(e, dtype=float), shape) for e in row] for row in rows])

    def _check(self, theta: Sequence[Any]) -> tuple[Any, ...]:
        if len(theta) != self.size:
            raise NotApplicable(f"{self!r} has {self.size} parameters {self.names}; {len(theta)} were given.")
        return tuple(theta)


@lru_cache(maxsize=256)
def _jacobian(family: ConnectionFunction, order: int) -> Any:
    entries = family.jet(family.symbols, order)
    matrix = [[sp.diff(entry, symbol) for symbol in family.symbols] for entry in entries]
    return compiled(family, family.symbols, matrix)


def compiled(family: ConnectionFunction, arguments: Sequence[Any], formula: Any) -> Any:
    """A NumPy function of a formula; a formula that NumPy cannot evaluate is named."""
    try:
        return sp.lambdify(arguments, formula, ["numpy", "scipy"])
    except Exception as error:  # SymPy's printers fail in many ways
        raise NotApplicable(
            f"{family!r} has a derivative by its parameters that cannot be evaluated in numbers ({formula}): "
            "use a formula that is smooth in its parameters."
        ) from error


def overridden_alone(cls: type, name: str, other: str) -> bool:
    """Whether a class has ``name`` from nearer in its line than ``other``, which then no longer speaks for it."""
    nearest = {n: next(i for i, c in enumerate(cls.__mro__) if n in vars(c)) for n in (name, other)}
    return nearest[name] < nearest[other]


class LinearFamily(ConnectionFunction):
    """A family linear in θ: g = Σ θ_k b_k(s). The subclass gives the basis and its jets."""

    linear = True

    @abc.abstractmethod
    def basis(self, s: Any) -> tuple[Any, ...]:
        """(b_1(s), …, b_N(s)) in the order of θ."""

    @abc.abstractmethod
    def basis_jet(self, k: int) -> tuple[Any, ...]:
        """The k-th derivatives of the basis at s = 0."""

    def __call__(self, s: Any, theta: Sequence[Any]) -> Any:
        return sum((c * b for c, b in zip(self._check(theta), self.basis(s), strict=True)), start=0)

    def jet(self, theta: Sequence[Any], order: int) -> tuple[Any, ...]:
        theta = self._check(theta)
        return tuple(
            sum((c * fitting(b, *theta) for c, b in zip(theta, self.basis_jet(k), strict=True)), start=0)
            for k in range(order + 1)
        )


def sign_words(values: Mapping[str, Any]) -> str:
    """'f′(x0) = 1, f″(x0) = 0' for scalars, the bare names for arrays."""
    pieces = []
    for name, value in values.items():
        pieces.append(f"{name} = {number(value)}" if np.ndim(value) == 0 else name)
    return ", ".join(pieces)


def number(value: Any) -> str:
    """A number as a person writes it."""
    if isinstance(value, sp.Basic):
        if value.is_Float:
            return f"{float(value):.10g}"
        try:
            text = str(value)
        except ValueError:  # Python writes no integer of more than some thousand digits
            return f"≈ {sp.N(value, 10)}"
        if len(text) < 60:
            return text
        return text[:57] + "…" if value.free_symbols else f"≈ {sp.N(value, 10)}"
    return f"{float(value):.6g}"


__all__ = ["ConnectionFunction", "LinearFamily", "Obstacle", "S", "elementary", "number", "sign_words"]
