"""What may stand for f, as one object: what it can do, how often it was evaluated, and its label."""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from .errors import BadFunction
from .expressions import label as expression_label

X = sp.Symbol("x", real=True)
EPS = float(np.finfo(float).eps)
DOUBLE = np.dtype(float)


class Function:
    """f as kymath uses it: an expression, or a callable evaluated at many points at once where it allows that.

    Calling it with an array gives a float array of the same shape: NaN where f is not finite or raises a domain error
    (``ValueError``, ``ArithmeticError``). Anything that is no real number is a ``BadFunction``. ``nfev`` counts the
    points.
    """

    original: Any  # f as it was given
    nfev: int

    def __init__(self, f: Any) -> None:
        self.original = f
        self.nfev = 0
        self.eps = EPS  # of the type in which f answers
        self._call: Callable[[np.ndarray], np.ndarray] | None = None
        self._tensors = False  # f gives torch tensors, or may want them
        self.expression: sp.Expr | None = None  # in the real symbol X
        if isinstance(f, Function):
            raise TypeError("a Function cannot hold a Function")
        if isinstance(f, sp.Lambda):
            if len(f.variables) != 1:
                raise BadFunction(f"f must have one variable; {f} has {len(f.variables)}.")
            self.expression, self.variable = f.expr.xreplace({f.variables[0]: X}), f.variables[0]
        elif isinstance(f, sp.Expr):
            self.variable = _one_symbol(f)
            self.expression = f.xreplace({self.variable: X})
        elif isinstance(f, numbers.Real) and not isinstance(f, bool):
            self.variable, self.expression = sp.Symbol("x"), sp.sympify(f, strict=True)
        elif isinstance(f, str):
            raise BadFunction(f"text is not a function: write kymath.parse({f!r}) to make it an expression.")
        elif not callable(f):
            raise BadFunction(
                "f must be a SymPy expression, a Lambda or a callable of one real number; "
                f"{type(f).__name__} was given."
            )
        if self.expression is not None:
            self.expression = _exact_numbers(self.expression)
            unknown = (AppliedUndef, sp.Derivative, sp.Integral, sp.Subs, sp.Sum, sp.DiracDelta)
            if self.expression.has(*unknown):
                raise BadFunction(
                    f"{f} is not a formula that has values: do its derivatives, integrals and sums first."
                )
            if self.expression.has(sp.I, sp.zoo, sp.nan, sp.oo, -sp.oo):
                raise BadFunction(f"the expression {f} is not a real function: it holds I or an infinite value.")
            if extra := self.expression.atoms(sp.Symbol) - {X}:
                raise BadFunction(f"f must have one free symbol; {f} also has {sorted(map(str, extra))}.")

    @cached_property
    def label(self) -> str:
        """A short name: the formula, the callable's name, or its type."""
        if self.expression is not None:
            return expression_label(self.expression)
        name = getattr(self.original, "__name__", None)
        return "f" if name in (None, "<lambda>") else str(name)

    @property
    def shown(self) -> sp.Expr:
        """The expression in the user's own variable."""
        assert self.expression is not None
        return self.expression.xreplace({X: self.variable})

    @property
    def symbolic(self) -> bool:
        return self.expression is not None

    # -- evaluation ----------------------------------------------------------------------------------------------

    def __call__(self, points: Any) -> np.ndarray:
        points = np.asarray(points, dtype=float)
        if points.size == 0:
            return np.empty(points.shape)
        flat = points.reshape(-1)
        with np.errstate(all="ignore"):
            values = self._first(flat) if self._call is None else self._evaluated(flat)
        finite = np.isfinite(values)
        if np.count_nonzero(finite) < values.size:
            values[~finite] = np.nan
        return values.reshape(points.shape)

    def __reduce__(self) -> tuple[Any, ...]:
        return Function, (self.original,)  # what it compiled is made again

    def _evaluated(self, points: np.ndarray) -> np.ndarray:
        assert self._call is not None
        self.nfev += points.size
        return self._call(points)

    def _first(self, points: np.ndarray) -> np.ndarray:
        """The values, by the first way of calling that gives one real number for each point, tried on two of them."""
        if self.expression is not None:
            self._call = _lambdified(self.expression)
            return self._evaluated(points)
        probe = points if points.size == 2 else points[[0, -1]]
        if (values := self._tried(self._vectorised, probe)) is None:
            self._call = self._one_by_one
            try:
                first = self._evaluated(points[:1])
                if not self._tensors:
                    return np.concatenate([first, self._evaluated(points[1:])])
            except BadFunction:
                self._tensors = "torch" in sys.modules
                if not self._tensors:
                    raise
            if (values := self._tried(self._torch(), probe)) is None:
                return self._evaluated(points)
        if points.size < 3:
            return values[: points.size]
        return np.concatenate([values[:1], self._evaluated(points[1:-1]), values[1:]])

    def _tried(self, call: Callable[[np.ndarray], np.ndarray], probe: np.ndarray) -> np.ndarray | None:
        """The values at two points, if f can be called so: then it is, from here on."""
        self.nfev += probe.size
        try:
            values = call(probe)
            if not self._agrees(probe, values, call):
                return None
        except Exception:  # whatever it was, the scalar call shows it or does without
            return None
        self._call = call
        return values

    def _vectorised(self, points: np.ndarray) -> np.ndarray:
        out = self.original(points.copy())
        if not isinstance(out, np.ndarray) or out.shape != points.shape or out.dtype.kind not in "fb":
            raise TypeError("not vectorised")  # integers too: np.vectorize cuts floats to the type of its first value
        if out.dtype.kind == "f" and out.dtype != DOUBLE:
            self.eps = max(float(np.finfo(out.dtype).eps), EPS)
        plain = np.array(out, dtype=float)  # of a subclass too
        if isinstance(out, np.ma.MaskedArray):
            plain[np.ma.getmaskarray(out)] = np.nan
        return plain

    def _agrees(self, points: np.ndarray, values: np.ndarray, call: Callable[[np.ndarray], np.ndarray]) -> bool:
        """A callable is vectorised if an element's value does not depend on its neighbours."""
        for k, beside in enumerate(values.tolist()):
            self.nfev += 1
            try:
                alone = self._scalar(float(points[k]))
            except BadFunction:  # works for arrays only: of one point, then
                alone = float(call(points[k : k + 1])[0])
            if math.isfinite(alone) and math.isfinite(beside):
                same = abs(alone - beside) <= 64 * self.eps * max(abs(alone), abs(beside))
            else:
                same = math.isfinite(alone) == math.isfinite(beside)
            if not same:
                return False
        return True

    def _one_by_one(self, points: np.ndarray) -> np.ndarray:
        return np.array([self._scalar(float(t)) for t in points])

    def _scalar(self, t: float) -> float:
        try:
            value = self.original(t)
        except (ValueError, ArithmeticError):
            return np.nan
        except Exception as error:
            raise BadFunction(
                f"f({t:g}) raised {type(error).__name__}: {error}. f must take one real number and return one."
            ) from error
        return self._real(value, t)

    def _real(self, value: Any, t: float) -> float:
        if type(value) is float or type(value) is np.float64:
            return float(value)
        if isinstance(value, np.ma.MaskedArray) and value.shape == () and value.mask:
            return np.nan
        got = None
        if value is None:
            got = "None"
        elif isinstance(value, (str, bytes)):
            got = "text"
        elif isinstance(value, (complex, np.complexfloating)) or (
            isinstance(value, np.ndarray) and value.dtype.kind == "c"
        ):
            got = "a complex number"
        elif isinstance(value, np.ndarray) and value.shape != ():
            got = f"an array of shape {value.shape}"
        elif isinstance(value, (list, tuple, dict, set)):
            got = f"a {type(value).__name__}"
        elif isinstance(value, sp.Basic) and value.is_real is False:
            got = f"{value}"
        if got is None:
            self._tensors = type(value).__module__.partition(".")[0] == "torch"
            if self._tensors and value.is_floating_point():
                self.eps = max(float(sys.modules["torch"].finfo(value.dtype).eps), EPS)
            if isinstance(value, (np.floating, np.ndarray)) and value.dtype.kind == "f":
                self.eps = max(float(np.finfo(value.dtype).eps), EPS)
            try:
                return float(value)
            except OverflowError:
                return np.nan
            except Exception:  # TypeError, ValueError, or whatever a __float__ may raise
                got = f"a {type(value).__name__}"
        raise BadFunction(f"f({t:g}) returned {got}; f must return one real number for each number.")

    def _torch(self) -> Callable[[np.ndarray], np.ndarray]:
        torch = sys.modules["torch"]

        def call(points: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                out = self.original(torch.as_tensor(points.copy()))
            if tuple(out.shape) != points.shape or not out.is_floating_point():
                raise TypeError("not vectorised")
            self.eps = max(float(torch.finfo(out.dtype).eps), EPS)
            return out.detach().cpu().numpy().astype(float)

        return call


def as_function(f: Any) -> Function:
    """f as a :class:`Function` (which stays as it is)."""
    return f if isinstance(f, Function) else Function(f)


def _one_symbol(f: sp.Expr) -> sp.Symbol:
    symbols = sorted(f.free_symbols, key=str)
    if len(symbols) > 1:
        raise BadFunction(
            f"f must have one free symbol; {f} has {', '.join(map(str, symbols))}. Use sympy.Lambda(x, …) after giving "
            "the others their values."
        )
    return symbols[0] if symbols else sp.Symbol("x")


def _exact_numbers(expression: sp.Expr) -> sp.Expr:
    """Floats as the binary fractions that they are, so that symbolic answers are exact."""
    return expression.xreplace(
        {
            number: sp.Rational(*float(number).as_integer_ratio())
            for number in expression.atoms(sp.Float)
            if number.is_finite
        }
    )


def _lambdified(expression: sp.Expr) -> Callable[[np.ndarray], np.ndarray]:
    try:
        raw = sp.lambdify(X, expression, ["scipy", "numpy"] if _needs_scipy(expression) else "numpy", cse=True)
    except Exception as error:  # SymPy's printers fail in many ways
        raise BadFunction(f"{expression_label(expression)} cannot be evaluated numerically: {error}") from error

    def call(points: np.ndarray) -> np.ndarray:
        try:
            values = np.asarray(raw(points))
        except (TypeError, NameError, AttributeError, RecursionError) as error:
            raise BadFunction(f"{expression_label(expression)} cannot be evaluated numerically: {error}") from error
        if values.dtype.kind == "c":
            values = np.where(values.imag == 0, values.real, np.nan)
        if values.dtype == object:
            raise BadFunction(f"{expression_label(expression)} cannot be evaluated numerically.")
        return np.array(np.broadcast_to(values, points.shape), dtype=float)

    return call


def _needs_scipy(expression: sp.Expr) -> bool:
    plain = (
        sp.exp,
        sp.log,
        sp.sin,
        sp.cos,
        sp.tan,
        sp.asin,
        sp.acos,
        sp.atan,
        sp.sinh,
        sp.cosh,
        sp.tanh,
        sp.asinh,
        sp.acosh,
        sp.atanh,
        sp.Abs,
        sp.sign,
        sp.Max,
        sp.Min,
        sp.floor,
        sp.ceiling,
        sp.Heaviside,
        sp.Piecewise,
    )
    return any(not isinstance(f, plain) for f in expression.atoms(sp.Function))


__all__ = ["Function"]
