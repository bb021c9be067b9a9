"""What a function is handed to be evaluated in ball arithmetic: enclosures that NumPy code takes for a number.

A :class:`Ball` holds the germ of a quantity left of x0, at x0 and right of x0 (:mod:`.germs`); as long as nothing
happens at x0 the three are one. A kink or a step there makes them three, and they are joined again where they are
equal for certain, so that |x|³ is smooth to second order and sign(x)·0 is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from flint import arb, arb_series, ctx

from . import germ_functions, germs
from .ball_context import Stop, escape, running
from .germs import Fault, Pole, Tie

SIDES = (-1, 0, 1)
# -- the triple ------------------------------------------------------------------------------------------------------


class Ball:
    """A quantity near x0 as enclosures: a constant (``arb``), one germ, or germs on the two sides and a value at x0."""

    __slots__ = ("continuous", "parts")
    __hash__ = None  # type: ignore[assignment]
    shape: tuple[int, ...] = ()
    ndim = 0
    size = 1

    def __init__(self, left: Any, at: Any = None, right: Any = None, *, continuous: bool = True) -> None:
        self.parts = (left, left, left) if at is None else (left, at, right)
        self.continuous = continuous  # the value at x0 is the limit of the germs

    @property
    def single(self) -> bool:
        return self.parts[0] is self.parts[1] is self.parts[2]

    @property
    def constant(self) -> bool:
        return self.single and isinstance(self.parts[0], arb)

    def __repr__(self) -> str:
        return f"Ball({self.parts[0]})" if self.single else f"Ball{self.parts}"

    def __float__(self) -> float:
        raise escape("it turns its argument into a Python float (math.exp(t), float(t), …); use NumPy's functions")

    def __int__(self) -> int:
        raise escape("it turns its argument into an int")

    def __complex__(self) -> complex:
        raise escape("it turns its argument into a complex number")

    __index__ = __int__
    __round__ = __trunc__ = __int__

    def __floor__(self) -> Any:
        return floor(self)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        if args and args[0] is not None and np.dtype(args[0]).kind != "O":
            self.__float__()
        out = np.empty((), dtype=object)
        out[()] = self
        return out

    def __bool__(self) -> bool:
        return bool(compare(self, 0, (-1, 1)))

    def __iter__(self) -> Iterator[Any]:
        raise escape("it iterates over its argument")

    def __pow__(self, other: Any) -> Any:
        from .ball_powers import power

        return element_by_element(power, self, other)

    def __rpow__(self, other: Any) -> Any:
        from .ball_powers import power

        return element_by_element(power, other, self)

    def __floordiv__(self, other: Any) -> Any:
        return element_by_element(floor_divide, self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return element_by_element(floor_divide, other, self)

    def __mod__(self, other: Any) -> Any:
        return element_by_element(remainder, self, other)

    def __rmod__(self, other: Any) -> Any:
        return element_by_element(remainder, other, self)

    def __abs__(self) -> Ball:
        return apply(germ_functions.absolute, self)

    def __neg__(self) -> Ball:
        return apply(germs.subtract, 0, self)

    def __pos__(self) -> Ball:
        return self

    def __lt__(self, other: Any) -> Any:
        return compare(self, other, (-1,))

    def __le__(self, other: Any) -> Any:
        return compare(self, other, (-1, 0))

    def __gt__(self, other: Any) -> Any:
        return compare(self, other, (1,))

    def __ge__(self, other: Any) -> Any:
        return compare(self, other, (0, 1))

    def __eq__(self, other: object) -> Any:
        return compare(self, other, (0,))

    def __ne__(self, other: object) -> Any:
        return compare(self, other, (-1, 1))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise escape(f"it asks its argument for .{name}")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        from .ball_numpy import call_ufunc

        return call_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        from .ball_numpy import call_function

        return call_function(function, args, options)


def _operator(op: Callable[..., Any], swapped: bool) -> Any:
    def call(self: Any, other: Any) -> Any:
        return element_by_element(lambda a, b: apply(op, a, b), *((other, self) if swapped else (self, other)))

    return call


def floor_divide(a: Any, b: Any) -> Ball:
    return floor(apply(germs.divide, a, b))


def remainder(a: Any, b: Any) -> Any:
    return apply(germs.subtract, a, apply(germs.multiply, b, floor_divide(a, b)))


for _name, _op in {"add": germs.add, "sub": germs.subtract, "mul": germs.multiply, "truediv": germs.divide}.items():
    for _prefix in ("", "r"):
        setattr(Ball, f"__{_prefix}{_name}__", _operator(_op, bool(_prefix)))


def element_by_element(op: Callable[..., Any], *inputs: Any) -> Any:
    """The operation, element by element where an array takes part."""
    if not any(isinstance(v, np.ndarray) and v.ndim for v in inputs):
        return op(*inputs)
    boxed = [v if isinstance(v, np.ndarray) else Ball.__array__(as_ball(v)) for v in inputs]
    return np.frompyfunc(op, len(boxed), 1)(*boxed)


def variable(x0: Any) -> Ball:
    """The argument of f: x0 (an enclosure) plus a small step."""
    return Ball(arb_series([x0, 1], prec=ctx.cap))


def as_ball(value: Any) -> Ball:
    """A number as a constant: Python's and NumPy's numbers exactly as they are stored."""
    if isinstance(value, Ball):
        return value
    if isinstance(value, Condition):
        return value.number
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return as_ball(value.item())
    if isinstance(value, (bool, np.bool_)):
        return Ball(arb(int(value)))
    if isinstance(value, (complex, np.complexfloating)):
        raise escape("it computes with complex numbers")
    try:
        return Ball(germs.ball(value.item() if isinstance(value, np.generic) else value))
    except (OverflowError, ValueError):
        return Ball(germs.outside(f"a constant in f is {value}"))
    except (AttributeError, TypeError):
        raise escape(f"it mixes its argument with a {type(value).__name__}") from None


def apply(op: Callable[..., Any], *inputs: Any) -> Ball:
    """An operation on germs, done to balls: once where nothing happens at x0, else left, at and right of it."""
    balls = [as_ball(v) for v in inputs]
    if all(b.single for b in balls):
        parts = [b.parts[0] for b in balls]
        if all(isinstance(p, arb) for p in parts):
            return Ball(_component(op, 0, parts))
        if not any(isinstance(p, Fault) for p in parts):
            try:
                return Ball(op(None, *map(_lifted, parts)))
            except Tie:
                pass
    at = _component(op, 0, [b.parts[1] for b in balls])
    left = _component(op, -1, [b.parts[0] for b in balls])
    if op in _EVEN_HANDED and all(b.parts[0] is b.parts[2] for b in balls) and not isinstance(left, Fault):
        right = left
    else:
        right = _component(op, 1, [b.parts[2] for b in balls])
    if isinstance(at, Fault) and isinstance(left, Pole) and isinstance(right, Pole) and left.sign == right.sign:
        at = left  # as IEEE has it: 1/0² is ∞
    steady = op not in (germ_functions.signum, germ_functions.floor) and all(b.single or b.continuous for b in balls)
    return joined(left, at, right, steady)


#: operations that do the same on both sides, as long as there are power series
_EVEN_HANDED = (germs.add, germs.subtract, germs.multiply, germs.divide, germs.exponential)


def _component(op: Callable[..., Any], side: int, parts: list[Any]) -> Any:
    if any(isinstance(p, Fault) for p in parts):
        return _infinite(op, parts)
    if side == 0 or all(isinstance(p, arb) for p in parts):
        out = op(0, *(arb_series([p if isinstance(p, arb) else p[0]], prec=1) for p in parts))
        return out if isinstance(out, Fault) else out[0]
    return op(side, *map(_lifted, parts))


def _lifted(part: Any) -> Any:
    return arb_series([part], prec=ctx.cap) if isinstance(part, arb) else part


def _head(part: Any) -> Any:
    return part if isinstance(part, arb) else part[0]


def joined(left: Any, at: Any, right: Any, continuous: bool) -> Ball:
    """The three parts, as one where they are equal for certain."""
    if any(isinstance(p, Fault) for p in (left, at, right)):
        return Ball(left) if left is at is right else Ball(left, at, right, continuous=continuous)
    a, b = _lifted(left), _lifted(right)
    if germs.same(a, b) and _head(at).is_exact() and a.prec and _head(at) == a[0]:
        return Ball(left)
    return Ball(left, at, right, continuous=continuous)


def _infinite(op: Callable[..., Any], parts: list[Any]) -> Any:
    """What is left of a fault: a pole keeps its sign through products and sums, and exp(−∞) is 0 to every order."""
    bad = [p for p in parts if isinstance(p, Fault)]
    if not all(isinstance(p, Pole) for p in bad):
        return next(p for p in bad if not isinstance(p, Pole))
    if op is germs.exponential and parts[0].sign < 0:
        return arb(0) if ctx.cap == 1 else arb_series([0], prec=ctx.cap)
    signs = [p.sign if isinstance(p, Pole) else (germs.certain_sign(_head(p)) or 0) for p in parts]
    if op is germs.multiply and all(signs):
        return germs.pole(signs[0] * signs[1])
    if op is germs.divide and isinstance(parts[0], Pole) and not isinstance(parts[1], Pole) and signs[1]:
        return germs.pole(signs[0] * signs[1])
    if op in (germs.add, germs.subtract):
        flip = -1 if op is germs.subtract else 1
        found = {p.sign * (flip if i else 1) for i, p in enumerate(parts) if isinstance(p, Pole)}
        if len(found) == 1:
            return germs.pole(found.pop())
    return bad[0]


# -- floors, choices -------------------------------------------------------------------------------------------


def floor(value: Any) -> Ball:
    return apply(germ_functions.floor, value)


class Condition:
    """The truth of a comparison left of x0, at x0 and right of it."""

    __slots__ = ("parts",)

    def __init__(self, left: Any, at: Any, right: Any) -> None:
        self.parts = (left, at, right)

    @property
    def certain(self) -> bool | None:
        """The one answer where there is one."""
        left, at, right = self.parts
        return left if isinstance(left, bool) and left is at is right else None

    @property
    def number(self) -> Ball:
        return as_ball(choose(self, 1, 0))

    def __bool__(self) -> bool:
        if self.certain is not None:
            return self.certain
        run = running()
        if run is None:
            raise escape("it branches on its argument")
        answer = self.parts[run.side + 1]
        if isinstance(answer, Fault):
            raise Stop(answer)
        run.trace.append(answer)
        return bool(answer)

    def _with(self, other: Any, both: Callable[[bool, bool], bool]) -> Any:
        if isinstance(other, np.ndarray):
            return np.frompyfunc(lambda b: self._with(b, both), 1, 1)(other)
        if isinstance(other, Ball):
            other = compare(other, 0, (-1, 1))
        other = other.parts if isinstance(other, Condition) else (bool(other),) * 3
        pairs = zip(self.parts, other, strict=True)
        return Condition(*(next((v for v in p if isinstance(v, Fault)), None) or both(*p) for p in pairs))

    def __and__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a and b)

    def __or__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a or b)

    def __xor__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a is not b)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __invert__(self) -> Condition:
        return self._with(True, lambda a, b: not a)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        from .ball_numpy import call_ufunc

        return call_ufunc(ufunc, method, inputs, options)

    __array_function__ = Ball.__array_function__
    __array__ = Ball.__array__

    def __float__(self) -> float:
        raise escape("it turns a comparison into a Python number")

    __int__ = __index__ = __float__

    def astype(self, kind: Any) -> Ball:
        return self.number


for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow", "rpow", "neg", "abs"):

    def _forward(self: Any, *other: Any, _name: str = f"__{_name}__") -> Any:
        return getattr(self.number, _name)(*other)

    setattr(Condition, f"__{_name}__", _forward)


def compare(a: Any, b: Any, wanted: tuple[int, ...]) -> Any:
    """Whether sgn(a − b) is among the signs wanted, decided for certain on each side."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return element_by_element(lambda u, v: compare(u, v, wanted), a, b)
    if isinstance(b, (float, np.floating)) and not np.isfinite(b):
        if np.isnan(b):
            return False
        return (-1 if b > 0 else 1) in wanted
    difference = apply(germs.subtract, a, b)
    out: list[Any] = []
    for side, part in zip(SIDES, difference.parts, strict=True):
        if isinstance(part, Fault):
            out.append(part.sign in wanted if isinstance(part, Pole) else part)
        elif isinstance(part, arb):
            out.append(germs.decided(part, "a difference that f compares with 0") in wanted)
        else:
            out.append(germs.sign(side, part, "a difference that f compares with 0") in wanted)
    return Condition(*out)


def choose(condition: Any, yes: Any, no: Any) -> Any:
    """yes where the condition holds, else no."""
    if not isinstance(condition, Condition):
        if isinstance(condition, Ball):
            condition = compare(condition, 0, (-1, 1))
        else:
            return yes if condition else no
    if condition.certain is not None:
        return yes if condition.certain else no
    a, b = (Ball(v).parts if isinstance(v, Fault) else as_ball(v).parts for v in (yes, no))
    picked = [c if isinstance(c, Fault) else (a[i] if c else b[i]) for i, c in enumerate(condition.parts)]
    picked[1] = picked[1] if isinstance(picked[1], Fault) else _head(picked[1])
    return joined(picked[0], picked[1], picked[2], False)
