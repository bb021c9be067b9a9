"""The jet that is handed to f in place of x: Taylor coefficients that follow NumPy code, with their rounding errors.

An entry of a jet is a Python float (one point) or an array (a block of points, or an array that f makes of one point).
Beside each coefficient runs a first-order estimate of its rounding error, in units of 2^−53: |g′(u)| times the error
of u, and what the operation itself rounds (Higham, *Accuracy and Stability*, 3.3; the recursions are Griewank &
Walther, ch. 13). Where a comparison meets a tie it is decided by the coefficients, on the side on which the pass
runs, and the pass is flagged: the method then looks at the other side too.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import series
from .taylor_run import UNIT, Pass

SPECIAL = {"gamma": 8.0, "gammaln": 8.0, "digamma": 8.0, "besselj": 24.0}  # units of rounding of SciPy's functions
PLAIN = ("exp", "log", "sin", "cos", "sinh", "cosh", "sqrt")  # one recursion, one unit
SQUARED = ("tan", "tanh", "expit")  # slopes 1 ± c² and c − c², whose coefficients may be less than their terms


class Jet:
    """Coefficients ``c`` (trailing zeros left off) and their errors ``e`` in units of 2^−53 (None: exact)."""

    __slots__ = ("_sizes", "c", "e", "run")
    __hash__ = None  # type: ignore[assignment]
    __iter__ = None

    def __init__(self, c: list[Any], e: list[Any] | None, run: Pass) -> None:
        self.c, self.e, self.run = c, e, run
        self._sizes: list[Any] | None = None

    def sizes(self) -> list[Any]:
        """|c_k|, taken once."""
        if self._sizes is None:
            self._sizes = [abs(x) for x in self.c]
        return self._sizes

    # -- arithmetic ----------------------------------------------------------------------------------------------

    def lift(self, other: Any) -> Jet | None:
        """Another operand as a jet; None where it is none."""
        if isinstance(other, Jet):
            return other
        entry = self.entry(other)
        return None if entry is None else Jet([entry], None, self.run)

    def entry(self, other: Any) -> Any:
        """A real constant as an entry of a jet: a float, or an array of floats; None where it is none."""
        kind = type(other)
        if kind is float:
            return other
        if kind is int or isinstance(other, (numbers.Real, np.bool_)):
            return float(other)
        if isinstance(other, np.ndarray) and other.dtype.kind in "fiub":
            return float(other) if other.ndim == 0 else other.astype(float, copy=False)
        if isinstance(other, (list, tuple)) and not any(isinstance(x, Jet) for x in other):
            return self.entry(np.asarray(other))
        return None

    def errors(self) -> list[Any]:
        return [0.0] * len(self.c) if self.e is None else self.e

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, Jet):
            entry = self.entry(other)
            if entry is None:
                return NotImplemented
            first = self.c[0] + entry
            if type(first) is not float and type(first) is not np.ndarray:
                first = float(first)
            e0 = abs(first) if self.e is None else self.e[0] + abs(first)
            if type(entry) is float and entry == 0.0:
                return self
            return Jet([first, *self.c[1:]], [e0, *self.errors()[1:]], self.run)
        c = series.add(self.c, other.c)
        both = min(len(self.c), len(other.c))
        return Jet(c, self._summed(other, c, both), self.run)

    __radd__ = __add__

    def _summed(self, other: Jet, c: list[Any], both: int) -> list[Any] | None:
        if self.e is None and other.e is None:
            return [*(abs(x) for x in c[:both]), *[0.0] * (len(c) - both)]
        e = series.add(self.errors(), other.errors())
        return [*(x + abs(y) for x, y in zip(e[:both], c, strict=False)), *e[both:]]

    def __sub__(self, other: Any) -> Any:
        if not isinstance(other, Jet):
            entry = self.entry(other)
            return NotImplemented if entry is None else self.__add__(-entry)
        c = series.subtract(self.c, other.c)
        return Jet(c, self._summed(other, c, min(len(self.c), len(other.c))), self.run)

    def __rsub__(self, other: Any) -> Any:
        entry = self.entry(other)
        return NotImplemented if entry is None else (-self).__add__(entry)

    def __neg__(self) -> Jet:
        out = Jet([-x for x in self.c], self.e, self.run)
        out._sizes = self._sizes
        return out

    def __pos__(self) -> Jet:
        return self

    def scaled(self, factor: Any, own: float = 1.0) -> Jet:
        """The product with a constant whose own relative error is own − 1 units."""
        c = [x * factor for x in self.c]
        if own != 1.0:
            return self._scaled_roughly(c, factor, own)
        if type(factor) is float and _power_of_two(factor):
            return Jet(c, None if self.e is None else [x * abs(factor) for x in self.e], self.run)
        out = Jet(c, None, self.run)
        if self.e is None:
            out.e = out.sizes()
        else:
            size = abs(factor)
            out.e = [x * size + y for x, y in zip(self.e, out.sizes(), strict=True)]
        return out

    def _scaled_roughly(self, c: list[Any], factor: Any, own: float) -> Jet:
        return Jet(c, [x * abs(factor) + own * abs(y) for x, y in zip(self.errors(), c, strict=True)], self.run)

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, Jet):
            entry = self.entry(other)
            return NotImplemented if entry is None else self.scaled(entry)
        if len(other.c) == 1 and other.e is None:
            return self.scaled(other.c[0])
        n = min(self.run.n, len(self.c) + len(other.c) - 1)
        term, a, b = series.term, self.sizes(), other.sizes()
        c = [term(self.c, other.c, k) for k in range(n)]
        rough = a if self.e is None else [x + y for x, y in zip(a, self.e, strict=True)]
        e = [term(rough, b, k) for k in range(n)]
        if other.e is not None:
            e = [x + term(a, other.e, k) for k, x in enumerate(e)]
        return Jet(c, e, self.run)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        from .taylor_edges import divided

        if isinstance(other, Jet):
            return divided(self, other)
        entry = self.entry(other)
        if entry is None:
            return NotImplemented
        if type(entry) is float and entry != 0.0:
            if _power_of_two(entry):
                return self.scaled(1 / entry)
            c = [x / entry for x in self.c]
            return Jet(c, [x / abs(entry) + abs(y) for x, y in zip(self.errors(), c, strict=True)], self.run)
        return divided(self, Jet([entry], None, self.run))

    def __rtruediv__(self, other: Any) -> Any:
        from .taylor_edges import divided

        top = self.lift(other)
        return NotImplemented if top is None else divided(top, self)

    def __pow__(self, other: Any) -> Any:
        from .taylor_edges import raised

        exponent = self.lift(other)
        return NotImplemented if exponent is None else raised(self, exponent)

    def __rpow__(self, other: Any) -> Any:
        from .taylor_edges import raised

        base = self.lift(other)
        return NotImplemented if base is None else raised(base, self)

    def __abs__(self) -> Jet:
        return self.times_sign(self.sign())

    def __matmul__(self, other: Any) -> Any:
        return np.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return np.matmul(other, self)

    def __floordiv__(self, other: Any) -> Any:
        return np.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return np.floor_divide(other, self)

    def __mod__(self, other: Any) -> Any:
        return np.remainder(self, other)

    def __rmod__(self, other: Any) -> Any:
        return np.remainder(other, self)

    # -- functions -----------------------------------------------------------------------------------------------

    def through(self, name: str, *parameters: Any) -> Jet:
        """g(self) for a function g of :mod:`kymath.series`, with the error |g′|·error(u) and g's own rounding."""
        run, u = self.run, self.c
        if name == "exp" and type(u[0]) is float and u[0] == -np.inf:
            return Jet([0.0], None, run)  # exp of a pole: flat, every derivative is 0 beside x0 and in the limit
        try:
            c, slope = getattr(series, name)(*parameters, u, run.n)
        except (ZeroDivisionError, OverflowError, ValueError):
            from .taylor_edges import unknown

            run.flagged = True
            return unknown(self)
        if type(c[0]) is np.ndarray and name in ("log", "sqrt", "cbrt"):
            run.mark(~np.isfinite(slope[0]) & ~np.isnan(u[0]))
        out = Jet(c, None, run)
        size = out.sizes() if slope is c else [abs(x) for x in slope]
        if name in SQUARED:
            own, last = out.sizes(), len(c) - (self.e is None)
            if name == "expit":
                size[1:last] = [series.term(own, own, k) + own[k] for k in range(1, last)]
            else:  # a single product at s
                size[2:last] = [series.term(own, own, k) for k in range(2, last)]
        moved = self.sizes()[1:]
        if self.e is not None:
            moved = [self.e[0], *(x + y for x, y in zip(moved, self.e[1:], strict=True))]
            e = [series.term(size, moved, k) for k in range(len(c))]
        else:
            e = [0.0, *(series.term(size, moved, k - 1) for k in range(1, len(c)))]
        if units := SPECIAL.get(name):  # their errors are small beside the amplitude, not beside the value near a zero
            e = [x + units * y for x, y in zip(e, size, strict=False)] + e[len(size) :]
            out.e = [x + units * y for x, y in zip(e, out.sizes(), strict=True)]
        elif name not in PLAIN:
            out.e = [x + 4.0 * y for x, y in zip(e, out.sizes(), strict=True)]
        else:
            out.e = [x + y for x, y in zip(e, out.sizes(), strict=True)]
        return out

    # -- comparisons: by value, and at a tie by the coefficients -------------------------------------------------

    def sign(self) -> Any:
        """−1, 0 or 1 beside x0, on the side on which the pass runs; 0 where all coefficients vanish."""
        v = self.c[0]
        room = 0.0 if self.e is None else 2 * UNIT * self.e[0]
        if len(self.c) > 1:  # closer to x0 than its own rounding a kink is at x0
            room = room + 2 * UNIT * abs(self.run.x * self.c[1])
        if type(v) is float:
            if abs(v) > room or v != v:
                return 1.0 if v > 0 else -1.0
            for k in range(1, len(self.c)):
                rise = self.c[k]
                if abs(rise) > (0.0 if self.e is None else 2 * UNIT * self.e[k]):
                    self.run.flagged = True
                    return (1.0 if rise > 0 else -1.0) * (self.run.side if k % 2 else 1)
            return float(np.sign(v))
        tie = np.abs(v) <= room
        if not tie.any():
            return np.sign(v)
        moves = np.zeros(np.shape(v), dtype=bool)
        for x in self.c[1:]:
            moves |= np.asarray(x) != 0
        self.run.mark(tie & moves)
        if self.run.points is not None:
            return np.sign(v)
        sign = np.where(tie, 0.0, np.sign(v))
        for k in range(1, len(self.c)):
            sign = np.where(tie & (sign == 0), np.sign(self.c[k]) * (self.run.side if k % 2 else 1), sign)
        return sign

    def times_sign(self, sign: Any) -> Jet:
        if type(sign) is float:
            return self if sign >= 0 else -self
        return Jet([x * sign for x in self.c], self.e, self.run)

    def _against(self, other: Any) -> Any:
        out = self - other if isinstance(other, Jet) or self.entry(other) is not None else None
        return None if out is None else out.sign()

    def __lt__(self, other: Any) -> Any:
        sign = self._against(other)
        return NotImplemented if sign is None else sign < 0

    def __le__(self, other: Any) -> Any:
        sign = self._against(other)
        return NotImplemented if sign is None else sign <= 0

    def __gt__(self, other: Any) -> Any:
        sign = self._against(other)
        return NotImplemented if sign is None else sign > 0

    def __ge__(self, other: Any) -> Any:
        sign = self._against(other)
        return NotImplemented if sign is None else sign >= 0

    def __eq__(self, other: object) -> Any:
        sign = self._against(other)
        return NotImplemented if sign is None else sign == 0

    def __ne__(self, other: object) -> Any:
        sign = self._against(other)
        return NotImplemented if sign is None else sign != 0

    def __bool__(self) -> bool:
        return bool(self.sign() != 0)

    # -- ways out ------------------------------------------------------------------------------------------------

    def __float__(self) -> float:
        self.run.escape("f makes a plain float of x (float(x) or a function of the math module)")

    def __int__(self) -> int:
        self.run.escape("f makes a plain int of x")

    __index__ = __int__
    __round__ = __complex__ = __trunc__ = __floor__ = __ceil__ = __float__

    # -- what arrays have ----------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(*(np.shape(x) for x in self.c))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(float)

    @property
    def real(self) -> Jet:
        return self

    def conjugate(self) -> Jet:
        return self

    def copy(self) -> Jet:
        return self

    __copy__ = copy

    def astype(self, dtype: Any, **_: Any) -> Jet:
        """The jet itself; float32 and float16 are noted, and the errors grow accordingly."""
        kind = np.dtype(dtype)
        if kind.kind != "f":
            self.run.escape(f"f turns x into {kind}")
        self.run.single |= kind.itemsize < 8
        return self

    def mapped(self, change: Callable[[Any], Any]) -> Jet:
        """A linear rearrangement of the entries, after each was given the jet's full shape."""
        shape = self.shape

        def of(x: Any) -> Any:
            out = change(np.broadcast_to(x, shape))
            return float(out) if np.ndim(out) == 0 else np.asarray(out)

        return Jet([of(x) for x in self.c], None if self.e is None else [of(x) for x in self.e], self.run)

    def __getitem__(self, index: Any) -> Jet:
        if isinstance(index, Jet) or (self.ndim == 0 and index not in ((), Ellipsis, None, (..., None), (None,))):
            self.run.escape("f indexes x")
        out = self.mapped(lambda x: x[index])
        if self.run.points is not None:
            place = np.broadcast_to(np.arange(self.run.points).reshape(-1, *[1] * (self.ndim - 1)), self.shape)[index]
            own = np.arange(self.run.points).reshape(-1, *[1] * (np.ndim(place) - 1))
            if np.ndim(place) == 0 or place.shape[0] != self.run.points or np.any(place != own):
                self.run.escape("f mixes the points of x")
        return out

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        from .taylor_numpy import apply_ufunc

        return apply_ufunc(self, ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
        from .taylor_numpy import apply_function

        return apply_function(self, function, inputs, options)

    def __getattr__(self, name: str) -> Any:
        from .taylor_numpy import method

        if name.startswith("__"):
            raise AttributeError(name)
        return method(self, name)


def _power_of_two(x: float) -> bool:
    return x in (1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 4.0, 0.25)
