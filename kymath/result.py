"""The answer: θ with its error, and how it shows itself."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, overload

import mpmath
import numpy as np
import sympy as sp

from .errors import NotApplicable, Status, error_for
from .evidence import Side, Step, converged
from .expressions import latex
from .families import ConnectionFunction
from .families.base import number
from .function import Function
from .rules import Rule

T = sp.Symbol("t")
_LONG = (sp.Basic, mpmath.mpf)  # numbers that NumPy's functions do not take
_SYMBOLS = {"Linear": "L", "Polynomial": "P", "Exponential": "E", "Trigonometric": "T", "Harmonic": "H"}


class Parameters:
    """The parameters of a result by their names, at one point or along many."""

    theta: tuple[Any, ...]
    error: tuple[Any, ...]
    family: ConnectionFunction

    @property
    def parameters(self) -> dict[str, Any]:
        """Name → value."""
        return dict(zip(self.family.names, self.theta, strict=True))

    @property
    def errors(self) -> dict[str, Any]:
        """Name → error."""
        return dict(zip(self.family.names, self.error, strict=True))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        family = self.__dict__.get("family")
        if family is not None and name in family.names:
            return self.theta[family.index(name)]
        known = ", ".join(family.names) if family is not None else ""
        raise AttributeError(f"a result of {family!r} has no {name!r}; its parameters are {known}.")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.family.names]

    def coefficient(self, k: int) -> Any:
        """[∇_Pⁿ[f](x0)]_k, the coefficient of s^k (Eq. 12); polynomials only."""
        degree = getattr(self.family, "degree", None)
        if degree is None:
            raise NotApplicable(f"coefficient(k) is for polynomials; this is a result of {self.family!r}.")
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 0 <= k <= degree:
            raise NotApplicable(f"coefficient(k) takes k from 0 to {degree}; {k!r} was given.")
        return self.theta[degree - k]


@dataclass(frozen=True, repr=False)
class KYTransform(Parameters):
    """∇_KY[f](x0): the limit θ of the connection parameters, how sure it is, and the connection curve.

    ``theta`` and ``error`` are tuples in the family's order, of numbers (scalar x0), of arrays (array x0) or of SymPy
    expressions; ``error`` is 0 where exact, a guarantee where ``bound`` is True, an estimate otherwise. Every
    parameter is also an attribute (``r.a2``, ``r.B``), and the result is callable: ``r(t)`` is the connection curve
    at t. ``coefficient`` and ``expression`` raise ``NotApplicable`` where the family or the points have none. Source:
    Condor, Definition 3.7.

    >>> import sympy as sp
    >>> from kymath import nabla
    >>> r = nabla.P(2)[sp.symbols("x") ** 3](1)
    >>> r.theta, r.a2, r.exact
    ((3, 3, 1), 3, True)
    >>> r(2)  # 3 s² + 3 s + 1 with s = 1
    7
    >>> r.symbol, r.coefficient(2), r.raise_for_status() is r
    ('∇_P²', 3, True)
    """

    theta: tuple[Any, ...]
    error: tuple[Any, ...]
    family: ConnectionFunction
    rule: Rule
    method: str
    side: Side
    x0: Any
    status: Status | Any  # an array of them for an array of points
    message: str
    bound: bool = False
    exact: bool = False
    nfev: int = 0
    left: KYTransform | None = field(default=None, compare=False)
    right: KYTransform | None = field(default=None, compare=False)
    best: KYTransform | None = field(default=None, compare=False)
    function: Function | None = field(default=None, compare=False)
    _take_steps: Callable[[], tuple[Step, ...]] | None = field(default=None, compare=False)

    # -- reading -------------------------------------------------------------------------------------------------

    @property
    def success(self) -> Any:
        """Whether the limit was reached: a bool, or an array of them."""
        if isinstance(self.status, np.ndarray):
            return converged(self.status).copy()
        return self.status is Status.CONVERGED if isinstance(self.status, Status) else converged(self.status)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps (h_k, θ(h_k), distance from the limit) of the paper's scheme, where numbers were taken."""
        return self._take_steps() if self._take_steps is not None else ()

    @cached_property
    def order(self) -> float:
        """The order α with which θ(h) approaches the limit, fitted to the steps; nan where there are none."""
        from .fit import fitted_order

        if len(self.steps) < 3:
            return float("nan")
        noise = 1e-13 * max(abs(float(c)) for c in self.theta)  # f in the family: all error is rounding
        order = fitted_order([s.h for s in self.steps], [max(map(float, s.error)) for s in self.steps], noise).order
        return order if order > 0 else float("nan")  # errors that grow as h falls are rounding

    # -- the connection curve ------------------------------------------------------------------------------------

    @overload
    def __call__(self, t: np.ndarray) -> np.ndarray: ...
    @overload
    def __call__(self, t: Any) -> Any: ...
    def __call__(self, t: Any) -> Any:
        """g(t; θ), the connection curve at t (numbers, arrays or SymPy)."""
        theta, x0 = self.theta, self.x0
        if isinstance(t, (float, np.ndarray, np.floating)) and any(isinstance(c, _LONG) for c in (*theta, x0)):
            theta, x0 = tuple(float(c) for c in theta), float(x0)
        return self.family(t - x0, theta)

    @cached_property
    def expression(self) -> sp.Expr:
        """The connection curve as a SymPy expression in the symbol ``t``."""
        if not isinstance(self.status, Status):
            raise NotApplicable("expression is for one point; this result holds many. Index the parameters instead.")
        names = dict(zip(self.family.symbols, (sp.sympify(c, strict=True) for c in self.theta), strict=True))
        s = sp.Symbol("s")
        return self.family.expression.xreplace(names).xreplace({s: T - sp.sympify(self.x0, strict=True)})

    # -- equality ------------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        """Whether all that was found and asked is the same, NaN like NaN; arrays by their values, one bool for all."""
        if not isinstance(other, KYTransform):
            return NotImplemented
        return all(_same(a, b) for a, b in zip(self._compared(), other._compared(), strict=True))

    def __hash__(self) -> int:
        own = (self.family, self.rule, self.method, self.side, self.message, self.bound, self.exact)
        if not isinstance(self.status, Status) or not self.success:
            return hash((own, len(self.theta)))  # arrays and NaN have no hash by value
        return hash((own, self.theta, self.x0))

    def _compared(self) -> list[Any]:
        return [getattr(self, f.name) for f in fields(self) if f.compare]

    # -- operators -----------------------------------------------------------------------------------------------

    __array_ufunc__ = None  # a NumPy number on the left leaves the operation to the result

    def __matmul__(self, other: Any) -> KYTransform:
        """F @ G = ∇[f∘g](x0) for F at u0 = g(x0) and G at x0; see :func:`kymath.compose`."""
        from .chain import compose

        return compose(self, other) if isinstance(other, KYTransform) else NotImplemented

    def __add__(self, other: Any) -> KYTransform:
        from .chain import operate

        return operate("sum", self, other)

    def __radd__(self, other: Any) -> KYTransform:
        from .chain import operate

        return operate("sum", other, self)

    def __sub__(self, other: Any) -> KYTransform:
        from .chain import operate

        return operate("difference", self, other)

    def __rsub__(self, other: Any) -> KYTransform:
        from .chain import operate

        return operate("difference", other, self)

    def __mul__(self, other: Any) -> KYTransform:
        from .chain import operate

        return operate("product", self, other)

    def __rmul__(self, other: Any) -> KYTransform:
        from .chain import operate

        return operate("product", other, self)

    def __truediv__(self, other: Any) -> KYTransform:
        from .chain import operate

        return operate("quotient", self, other)

    def __rtruediv__(self, other: Any) -> KYTransform:
        from .chain import operate

        return operate("quotient", other, self)

    def __neg__(self) -> KYTransform:
        from .chain import operate

        return operate("product", -1, self)

    # -- failing -------------------------------------------------------------------------------------------------

    def raise_for_status(self) -> KYTransform:
        """The result itself, or the exception of its status (for arrays, of the first failing point)."""
        if not isinstance(self.status, (Status, np.ndarray)):
            raise NotApplicable("this result is of a dask array and not computed yet: look at status.compute().")
        if np.all(self.success):
            return self
        if isinstance(self.status, np.ndarray):
            failed = np.argwhere(~self.success)
            first = tuple(int(i) for i in failed[0])
            status = self.status[first]
            text = f"{len(failed)} of {self.status.size} points failed, the first at index {first}: {status.value}"
            raise error_for(status, text)
        if self.status in (Status.NO_LIMIT, Status.DIVERGES):
            raise error_for(self.status, self.message + sides_to_ask(self), left=self.left, right=self.right)
        if self.status is Status.NOT_REACHED:
            raise error_for(self.status, self.message, best=self.best)
        hint = sides_to_ask(self) if self.status is Status.NOT_FINITE else ""
        raise error_for(self.status, self.message + hint)

    # -- showing -------------------------------------------------------------------------------------------------

    @property
    def symbol(self) -> str:
        """∇_P², ∇_E, …"""
        letter = _SYMBOLS.get(type(self.family).__name__, "KY")
        degree = getattr(self.family, "degree", None)
        power = str(degree).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")) if letter == "P" else ""
        return f"∇_{letter}{power}"

    def __repr__(self) -> str:
        label = self.function.label if self.function is not None else "f"
        head = f"{self.symbol}[{label}]"
        if not isinstance(self.status, (Status, np.ndarray)):
            return f"{head}(dask array of shape {self.x0.shape}): not computed yet, {', '.join(self.family.names)}"
        if isinstance(self.status, np.ndarray):
            return f"{head}({self.x0.size} points): {int(np.sum(self.success))} reached, {', '.join(self.family.names)}"
        head += f"({_short(self.x0)})"
        if not self.success:
            return f"{head}: {self.status.name}: {self.message.splitlines()[0]}"
        values = []
        for name, value, error in zip(self.family.names, self.theta, self.error, strict=True):
            sure = "" if self.exact else f" ± {float(error):.1g}"
            values.append(f"{name} = {_short(value)}{sure}")
        return f"{head}: {', '.join(values)}{' (exact)' if self.exact else ''}"

    def _latex(self) -> str:
        letter = _SYMBOLS.get(type(self.family).__name__, "KY")
        power = f"^{{{self.family.size - 1}}}" if letter == "P" else ""
        inner = latex(self.function.shown) if self.function is not None and self.function.symbolic else "f"
        values = ", ".join(_tex(value) for value in self.theta)
        return rf"\nabla_{{{letter}}}{power}\left[{inner}\right]\!\left({_tex(self.x0)}\right) = \left({values}\right)"

    def _repr_latex_(self) -> str | None:
        if not isinstance(self.status, Status) or not self.success:
            return None
        return f"$\\displaystyle {self._latex()}$"

    def _repr_html_(self) -> str:
        if not isinstance(self.status, Status):
            return f"<p>{html.escape(repr(self))}</p>"
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{html.escape(_short(value))}</td>"
            f"<td>{'exact' if self.exact else html.escape(f'{float(error):.2g}')}</td></tr>"
            for name, value, error in zip(self.family.names, self.theta, self.error, strict=True)
        )
        caption = html.escape(repr(self).split(":", 1)[0])
        return (
            f"<table><caption>{caption}</caption><tr><th>parameter</th><th>value</th><th>error</th></tr>{rows}</table>"
            f"<p>{html.escape(self.message)}</p>"
        )


def sides_to_ask(result: KYTransform) -> str:
    """Where a limit is missing that one side has: how to ask for that side."""
    found = [f'side="{word}"' for word, one in (("left", result.left), ("right", result.right)) if one is not None]
    return f" Ask for one side: {' or '.join(found)}." if found and "side=" not in result.message else ""


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if hasattr(a, "dask") or hasattr(b, "dask"):  # not computed: the same graph
        return bool(getattr(a, "name", None) == getattr(b, "name", a))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        if np.shape(a) != np.shape(b) or isinstance(a, np.ndarray) != isinstance(b, np.ndarray):
            return False
        return bool(np.all((a == b) | ((a != a) & (b != b))))
    return bool(a == b) or bool(a != a and b != b)


def _short(value: Any) -> str:
    if isinstance(value, sp.Basic):
        return number(value)
    return f"{float(value):.10g}" if not isinstance(value, (int, np.integer)) else str(value)


def _tex(value: Any) -> str:
    if isinstance(value, sp.Basic):
        return latex(value)
    text = _short(value)
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
