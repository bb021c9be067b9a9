"""What a method learned about f at x0: a jet with errors, and the steps it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import sympy as sp

from .arithmetic import exact_sign
from .errors import Status
from .families.base import number

Side = Literal["both", "right", "left"]  # from where x0 is looked at
PRIMES = ("f(x0)", "f′(x0)", "f″(x0)", "f‴(x0)")


class Step(NamedTuple):
    """One step of the paper's scheme: h, θ(h), and the distance of θ(h) from the limit found.

    >>> import kymath as ky
    >>> step = ky.transform(lambda t: t**2, 1.0, ky.Linear()).steps[0]  # the chord has the slope 2 + h
    >>> isinstance(step, Step), step.theta[0] - step.h, step.error[0] == step.h
    (True, 2.0, True)
    """

    h: float
    theta: tuple[Any, ...]
    error: tuple[Any, ...]


@dataclass(frozen=True)
class Jet:
    """(f, f′, f″, …) at x0 with an error each, and the way f leaves x0 on the two sides.

    ``values`` and ``errors`` hold numbers, arrays over many x0, or SymPy expressions (errors 0). ``left`` and
    ``right`` are the signs of D(h) = f(x0 + h) − f(x0) for small h < 0 and h > 0: −1, 1, 0 where f is locally constant,
    nan (None when exact) where D changes sign for ever or the sign is not known. ``bound`` says that the errors are
    guaranteed.
    """

    values: tuple[Any, ...]
    errors: tuple[Any, ...]
    left: Any = None
    right: Any = None
    bound: bool = False
    settled: bool = False  # left and right are decided and stay, whatever f′ says

    @property
    def exact(self) -> bool:
        return any(isinstance(v, sp.Basic) for v in self.values)

    def sign(self, k: int) -> Any:
        """−1, 0 (zero within the error) or 1 for the k-th derivative; None where it depends on a symbol."""
        if self.exact:
            sign = exact_sign(self.values[k])
            return Unknown() if sign is None else np.int8(sign)
        value, error = np.asarray(self.values[k], float), np.asarray(self.errors[k], float)
        with np.errstate(invalid="ignore"):
            return np.where(np.abs(value) <= error, 0, np.sign(np.nan_to_num(value))).astype(np.int8)

    def words(self, k: int) -> str:
        """The k-th derivative as the messages write it: its value for one point, its name for many."""
        value = self.values[k]
        if np.ndim(value) == 0 and (isinstance(value, sp.Basic) or np.isfinite(float(value))):
            return number(value)
        return prime(k)

    def within(self, *orders: int) -> str:
        """' (within its error 1e-9)' where the value is known only so well; nothing where it is exact."""
        errors = [self.errors[k] for k in orders if np.ndim(self.errors[k]) == 0]
        worst = max((float(e) for e in errors), default=0.0)
        return f" (within the error {worst:.1e})" if worst > 0 else ""

    def truncated(self, count: int) -> Jet:
        return replace(self, values=self.values[:count], errors=self.errors[:count])


class Unknown(int):
    """The sign of something symbolic: equal to no sign, so no obstacle is found."""

    def __new__(cls) -> Unknown:
        return super().__new__(cls, 7)

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


def prime(k: int) -> str:
    """f(x0), f′(x0), …, f^(4)(x0)."""
    return PRIMES[k] if k < len(PRIMES) else f"f^({k})(x0)"


def sides_differ(k: int, left: Any, right: Any) -> str:
    """The sentence that says that the k-th derivative jumps."""
    return f"the two sides differ: {prime(k)} is {left} from the left and {right} from the right."


@dataclass(frozen=True)
class Evidence:
    """What a method brings back from x0.

    ``jet`` for the methods that learn one, ``theta`` with ``error`` for those that take the limit of θ(h) themselves.
    ``status`` (one, or an array of them) and ``message`` tell what stands in the way; ``sides`` keeps the one-sided
    evidence where the sides were looked at apart.
    """

    jet: Jet | None = None
    theta: tuple[Any, ...] | None = None
    error: tuple[Any, ...] | None = None
    status: Any = Status.CONVERGED
    message: str = ""
    nfev: Any = 0
    left: Evidence | None = None
    right: Evidence | None = None
    notes: tuple[Any, ...] = field(default=())
    samples: Any = None  # (h, θ(h)) pairs of the definition, where they were taken


def statuses(shape: Sequence[int] | tuple[int, ...], status: Status = Status.CONVERGED) -> np.ndarray:
    """An array of statuses."""
    out = np.empty(shape, dtype=object)
    out[...] = status
    return out


_CONVERGED = statuses(())  # an array, which other arrays are compared with in a tenth of the time


def alike(shape: Sequence[int] | tuple[int, ...], status: Status = Status.CONVERGED) -> np.ndarray:
    """One status that stands for all points: an array to read, which takes no room."""
    return np.broadcast_to(statuses((), status), shape)


def converged(status: Any) -> Any:
    """Where the limit was reached; of a status that stands for all points only that one is looked at.

    Of a dask array it is one too: nothing is computed.
    """
    if not isinstance(status, np.ndarray):
        return status.map_blocks(lambda block: converged(block).copy(), dtype=bool)
    if status.ndim and status.size and not any(status.strides):
        return np.broadcast_to(status.item(0) is Status.CONVERGED, status.shape)
    return np.asarray(status == _CONVERGED, dtype=bool)


def all_converged(status: np.ndarray) -> bool:
    if status.ndim == 0:
        return status.item() is Status.CONVERGED
    if status.size and not any(status.strides):
        return status.item(0) is Status.CONVERGED
    return np.count_nonzero(status == _CONVERGED) == status.size


def marked(status: np.ndarray, where: Any, new: Any) -> np.ndarray:
    """The statuses with others in some places."""
    out = np.array(status)
    out[where] = new
    return out


__all__ = ["Evidence", "Jet", "Step", "statuses"]
