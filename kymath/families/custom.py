"""The user's own connection function, from a formula."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from ..arithmetic import elementary, exact_sign
from ..errors import NotApplicable, Status
from ..expressions import parse
from .base import ConnectionFunction, Obstacle, S
from .newton import solve_jet

_SINGULAR = 1e10  # condition, beyond which a search says whether there are several ways


@dataclass(frozen=True, repr=False, eq=False)
class Family(ConnectionFunction):
    """A connection function of your own: a formula in ``s`` (text or SymPy) and its parameters' names in order.

    The osculating limit solves J(θ) = jet. Where the formula has several θ with one jet (signs that cancel, say),
    ``positive`` names the parameters that must be positive, and ``start`` gives a θ to begin from.

    >>> from kymath import Family
    >>> decay = Family("A*exp(-s/tau) + C", "A tau C", positive="tau")
    >>> float(decay(0, (2, 1, 5)))
    7.0

    Raises ``ParseError`` for text that is no formula of s and the parameters, ``NotApplicable`` for names that do not
    fit.
    """

    formula: Any = None
    parameters: Any = ""
    positive: Any = ""
    start: Any = None

    def __post_init__(self) -> None:
        names = _names(self.parameters)
        positive = _names(self.positive) if self.positive else ()
        if not names or len(set(names)) != len(names):
            raise NotApplicable(f"Family needs distinct parameter names, such as 'A tau C'; got {self.parameters!r}.")
        for name in (*names, *positive):
            if not name.isidentifier() or name == "s":
                raise NotApplicable(f"{name!r} cannot be a parameter's name: use an identifier other than s.")
        if unknown := set(positive) - set(names):
            raise NotApplicable(f"positive names {sorted(unknown)}, which are not among the parameters {names}.")
        if isinstance(self.formula, str):
            formula = parse(self.formula, parameters=names, variable="s")
        elif isinstance(self.formula, sp.Expr):
            formula = self.formula.xreplace({v: sp.Symbol(v.name) for v in self.formula.free_symbols})
        else:
            raise NotApplicable(f"Family takes a formula as text or SymPy; {type(self.formula).__name__} was given.")
        found = {v.name for v in formula.free_symbols}
        if extra := found - {"s", *names}:
            raise NotApplicable(f"the formula {formula} uses {sorted(extra)}, which are neither s nor parameters.")
        if missing := set(names) - found:
            raise NotApplicable(f"the parameters {sorted(missing)} do not occur in the formula {formula}.")
        object.__setattr__(self, "formula", formula)
        object.__setattr__(self, "parameters", " ".join(names))
        object.__setattr__(self, "positive", " ".join(positive))
        object.__setattr__(self, "start", None if self.start is None else _start(self.start, names))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Family) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Any, ...]:
        return self.formula, self.parameters, self.positive, self.start

    def __repr__(self) -> str:
        more = f", positive={self.positive!r}" if self.positive else ""
        more += f", start={self.start!r}" if self.start is not None else ""
        return f"Family({str(self.formula)!r}, {self.parameters!r}{more})"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.parameters.split())

    @cached_property
    def expression(self) -> sp.Expr:
        return self.formula

    @cached_property
    def linear(self) -> bool:  # type: ignore[override]
        return all(not sp.diff(self.formula, p).free_symbols & set(self.symbols) for p in self.symbols)

    @cached_property
    def _shift(self) -> sp.Expr:
        return self.formula.subs(dict.fromkeys(self.symbols, 0))

    def shift(self, s: Any) -> Any:
        return self._shift.subs(S, s) if isinstance(s, sp.Basic) else sp.lambdify(S, self._shift, ["numpy", "scipy"])(s)

    def shift_jet(self, k: int) -> Any:
        return (sp.diff(self._shift, S, k) if k else self._shift).subs(S, 0)

    def basis_jet(self, k: int) -> tuple[Any, ...]:
        """The k-th derivatives of ∂g/∂θ_j at s = 0, for a formula linear in its parameters."""
        return tuple(
            sp.diff(self.formula, p, S, k).subs(S, 0) if k else sp.diff(self.formula, p).subs(S, 0)
            for p in self.symbols
        )

    def basis(self, s: Any) -> tuple[Any, ...]:
        """(∂g/∂θ_1, …) at s, for a formula linear in its parameters."""
        columns = [sp.diff(self.formula, p) for p in self.symbols]
        if isinstance(s, sp.Basic):
            return tuple(c.subs(S, s) for c in columns)
        return tuple(f(s) + 0 * s for f in (sp.lambdify(S, c, ["numpy", "scipy"]) for c in columns))

    @cached_property
    def _numeric(self) -> Any:
        return sp.lambdify((S, *self.symbols), self.formula, ["numpy", "scipy"])

    def box(self) -> list[tuple[float, float]]:
        positive = self.positive.split()
        return [(1e-12, np.inf) if name in positive else (-np.inf, np.inf) for name in self.names]

    def __call__(self, s: Any, theta: Sequence[Any]) -> Any:
        theta = self._check(theta)
        if elementary(s, *theta) is elementary(0.0):
            return self._numeric(s, *theta)
        return self.formula.subs(dict(zip((S, *self.symbols), (s, *theta), strict=True)), simultaneous=True)

    def jet(self, theta: Sequence[Any], order: int) -> tuple[Any, ...]:
        theta = self._check(theta)
        formulas = [sp.diff(self.formula, S, k).subs(S, 0) if k else self.formula.subs(S, 0) for k in range(order + 1)]
        if elementary(*theta) is elementary(0.0):
            return tuple(sp.lambdify(self.symbols, formulas, ["numpy", "scipy"])(*theta))
        return tuple(f.subs(dict(zip(self.symbols, theta, strict=True)), simultaneous=True) for f in formulas)

    # -- from a jet ----------------------------------------------------------------------------------------------

    def from_jet(self, values: Sequence[Any]) -> tuple[Any, ...]:
        values = tuple(values[: self.size])
        if elementary(*values) is not elementary(0.0):
            return self._symbolic(values)[0]
        return self._solve(values)[0]

    def obstacles(self, jet: Any) -> Iterator[Obstacle]:
        values = jet.values[: self.size]
        if elementary(*values) is elementary(0.0):
            ways = self._solve(values)[1]
        else:
            ways = len(self._symbolic_all(values))
        shown = ", ".join(jet.words(k) for k in range(self.size))
        yield Obstacle(
            ways == 0,
            Status.NO_CONTACT,
            f"no member of {self!r} was found with the jet ({shown}) of f at x0. If one exists, give "
            "Family(…, start=…) near it.",
        )
        yield Obstacle(
            ways > 1,
            Status.NOT_UNIQUE,
            f"several members of {self!r} have the jet ({shown}) of f at x0. Say which is meant with "
            "Family(…, positive='…') or Family(…, start=…).",
        )

    def _solve(self, values: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        shape = np.broadcast_shapes(*(np.shape(v) for v in values))
        flat = np.array([np.broadcast_to(np.asarray(v, float), shape).reshape(-1) for v in values])
        if self._inverse is not None:
            back, constant = self._inverse
            with np.errstate(all="ignore"):
                theta = back @ (flat - constant[:, None])
            known = np.isfinite(theta).all(axis=0)
            theta = np.where(known, theta, np.nan)
            return tuple(row.reshape(shape) for row in theta), known.astype(int).reshape(shape)
        positive = [self.index(name) for name in self.positive.split()]
        if self.start is not None:
            starts = np.broadcast_to(np.asarray(self.start, float)[None, :, None], (1, *flat.shape))
        else:
            starts = _starts(flat, positive)
        theta, ways = solve_jet(self, tuple(flat), starts, lambda t: np.all(t[positive] > 0, axis=0))
        theta = np.where(ways == 1, theta, np.nan)
        return tuple(row.reshape(shape) for row in theta), ways.reshape(shape)

    @cached_property
    def _inverse(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Where the family is linear and any θ will do: θ = matrix @ (jet − constant). A search depends on scale."""
        if not self.linear or self.positive:
            return None
        try:
            with np.errstate(all="ignore"):
                jets = np.array([[float(c) for c in self.basis_jet(k)] for k in range(self.size)])
                constant = np.array([float(self.shift_jet(k)) for k in range(self.size)])
                rows = np.abs(jets).max(axis=1, keepdims=True)
                columns = np.abs(jets / rows).max(axis=0)
                even = jets / rows / columns
                sound = np.isfinite(even).all() and np.isfinite(constant).all() and np.linalg.cond(even) < _SINGULAR
                return (np.linalg.inv(even) / columns[:, None] / rows.T, constant) if sound else None
        except (TypeError, ValueError, OverflowError):  # no number at s = 0, or symbols
            return None

    def _symbolic_all(self, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Every θ with this exact jet; one twice where a parameter stays free."""
        jet = dict(zip(self._general[0], values, strict=True))
        found = [tuple(c.xreplace(jet) for c in theta) for theta in self._general[1]]
        found = [theta for theta in found if self._fits(theta, values)]
        if not found:  # not a generic jet: solve for this one
            unknowns = tuple(sp.Symbol(n, real=True) for n in self.names)
            found = _solutions(self, unknowns, values)
            if any(c.has(*unknowns) for theta in found for c in theta):
                return found[:1] * 2
            found = [theta for theta in found if self._fits(theta, values)]
        if self.start is not None and len(found) > 1 and not any(c.free_symbols for t in found for c in t):
            found.sort(key=lambda t: float(sum(abs(sp.N(c) - s) ** 2 for c, s in zip(t, self.start, strict=True))))
            return found[:1]
        return found

    @cached_property
    def _general(self) -> tuple[tuple[sp.Symbol, ...], list[tuple[Any, ...]]]:
        """θ for a jet of symbols, solved once: the closed form of the family where SymPy finds one."""
        jet = tuple(sp.Dummy(f"f{k}", real=True) for k in range(self.size))
        unknowns = tuple(sp.Symbol(n, real=True) for n in self.names)
        try:
            found = _solutions(self, unknowns, jet)
        except Exception:  # SymPy gives up in many ways
            found = []
        return jet, [theta for theta in found if not any(c.has(*unknowns) for c in theta)]

    def _fits(self, theta: Sequence[Any], values: Sequence[Any]) -> bool:
        """Whether a solution is real, finite, of the right signs, and has the jet."""
        if any(c.has(sp.nan, sp.zoo, sp.oo, -sp.oo) or c.is_real is False for c in theta):
            return False
        if any(exact_sign(theta[self.index(name)]) in (0, -1) for name in self.positive.split()):
            return False
        if any(c.free_symbols for c in (*theta, *values)):
            return True
        got = [sp.N(g, 30) for g in self.jet(tuple(theta), self.size - 1)]
        want = [sp.N(v, 30) for v in values]
        size = max(abs(v) for v in want) + sp.Float("1e-30")
        return all(g.is_real and abs(g - v) < sp.Float("1e-18") * size for g, v in zip(got, want, strict=True))

    def _symbolic(self, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        found = self._symbolic_all(values)
        return found or [tuple(sp.nan for _ in self.names)]


def _solutions(family: Family, unknowns: tuple[sp.Symbol, ...], values: Sequence[Any]) -> list[tuple[Any, ...]]:
    equations = [g - v for g, v in zip(family.jet(unknowns, family.size - 1), values, strict=True)]
    return [tuple(one.get(u, u) for u in unknowns) for one in sp.solve(equations, unknowns, dict=True)]


def _names(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return tuple(part for part in re.split(r"[\s,]+", given) if part)
    return tuple(str(one) for one in given)


def _start(given: Any, names: tuple[str, ...]) -> tuple[float, ...]:
    try:
        numbers = tuple(float(c) for c in given) if not isinstance(given, str) else ()
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != len(names) or not np.all(np.isfinite(numbers)):
        raise NotApplicable(f"start needs {len(names)} numbers, finite, one for each of {names}; {given!r} was given.")
    return numbers


def _starts(jet: np.ndarray, positive: list[int]) -> np.ndarray:
    """A few dozen signs and sizes, scaled by the jet's own rates: (K, N, P)."""
    size = jet.shape[0]
    with np.errstate(all="ignore"):
        rate = np.abs(jet[2] / jet[1]) if size > 2 else np.ones(jet.shape[1])
    rate = np.where(np.isfinite(rate) & (rate > 0), rate, 1.0)
    level = np.maximum(np.max(np.abs(jet), axis=0), 1e-300)
    scales = [np.ones_like(level), rate, 1 / rate, level, np.minimum(level, 1.0)]
    rng = np.random.default_rng(20250801)  # fixed: the same question gets the same answer
    out = []
    for signs in itertools.islice(itertools.product((1.0, -1.0), repeat=size), 16):
        for scale in scales[:3]:
            out.append(np.array([sign * scale for sign in signs]))
    for _ in range(24):
        pick = rng.integers(0, len(scales), size)
        factor = rng.uniform(0.3, 3.0, size) * rng.choice([-1.0, 1.0], size)
        out.append(np.array([f * scales[int(k)] for f, k in zip(factor, np.atleast_1d(pick), strict=True)]))
    starts = np.array(out)
    starts[:, positive] = np.abs(starts[:, positive])
    return starts
