"""What the estimates mean: reached, or what stands in the way, on one side and on both together."""

from __future__ import annotations

import math

import numpy as np

from ..errors import Status
from ..evidence import prime, sides_differ
from .geometric import window_weights
from .samples import Samples, SideJet

FIRM = (Status.NOT_FINITE, Status.NO_LIMIT, Status.DIVERGES)


def natural_size(values: np.ndarray, s: Samples, h: np.ndarray, n: int) -> np.ndarray:
    """n! max |D(h)| / h^n over the steps from the best one to x0's own scale: the n-th derivative's size by nature."""
    with np.errstate(all="ignore"):
        moved = np.abs(values - s.f0) / s.h**n
        near = (s.h >= h / 4) & (s.h <= np.maximum(64 * h, s.own)) & np.isfinite(moved)
        most = np.max(np.where(near, moved, 0.0), axis=0)
        return math.factorial(n) * np.maximum(most, 1e-6 * np.abs(s.f0) / h**n)  # a constant moves by nothing


def accepted(jet: SideJet, values: np.ndarray, s: Samples, tolerance: float, natural: float = 1e-2) -> np.ndarray:
    """(order + 1, P): the error is small against the derivative, or against what it could naturally be."""
    ok = np.isfinite(jet.value) & np.isfinite(jet.error)
    for n in range(1, len(jet.value)):
        small = jet.error[n] <= tolerance * np.abs(jet.value[n])
        ok[n] &= small | (jet.error[n] <= natural * tolerance * natural_size(values, s, jet.h[n], n))
    return ok


def judge(jet: SideJet, g: np.ndarray, noise: np.ndarray, s: Samples, rho: float, tolerance: float, sign: int) -> None:
    """Give each point its status: what stands in the way of the first order that was not reached."""
    word = "right" if sign > 0 else "left"
    near_nan = _nan_beside(g)
    bad0 = ~np.isfinite(s.f0)
    ok = accepted(jet, g + s.f0, s, tolerance)
    open_points = ~bad0 & ~near_nan & ~np.all(ok, axis=0)
    jet.status[bad0] = Status.NOT_FINITE
    jet.why[bad0] = "f(x0) is not a finite real number."
    jet.status[near_nan & ~bad0] = Status.NOT_FINITE
    jet.why[near_nan & ~bad0] = (
        f"f is not a finite real number at x0 {'+' if sign > 0 else '−'} h for small h (on the {word})."
    )
    jump = ~bad0 & ~near_nan & _jumps(g, noise + s.noise0)
    jet.status[jump] = Status.DIVERGES
    for p in np.flatnonzero(jump):
        jet.why[p] = f"f jumps at x0 on the {word}: the slope D(h)/h grows like 1/h."
    for p in np.flatnonzero(open_points & ~jump):
        n = max(int(np.argmin(ok[:, p])), 1)
        status, why = _diagnose(g[:, p], noise[:, p], s.h[:, p], rho, n, word)
        jet.status[p], jet.why[p] = status, why


def _jumps(g: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Whether D(h) keeps one value, not 0, at the six smallest steps: (P,)."""
    seen = np.isfinite(g)
    last = seen & (np.cumsum(seen[::-1], axis=0)[::-1] <= 6)
    low = np.min(np.where(last, g, np.inf), axis=0)
    high = np.max(np.where(last, g, -np.inf), axis=0)
    doubt = np.max(np.where(last, noise, 0.0), axis=0)
    size = np.maximum(np.abs(low), np.abs(high))
    return (last.sum(axis=0) == 6) & (high - low <= 1e-3 * size + 4 * doubt) & (size > 40 * doubt)


def _nan_beside(g: np.ndarray) -> np.ndarray:
    """Whether f is nan at the three smallest steps at which it was asked: (P,)."""
    asked = ~np.isinf(g)
    last = asked & (np.cumsum(asked[::-1], axis=0)[::-1] <= 3)
    return np.any(last, axis=0) & ~np.any(last & np.isfinite(g), axis=0)


def _diagnose(g: np.ndarray, noise: np.ndarray, h: np.ndarray, rho: float, n: int, word: str) -> tuple[Status, str]:
    """Unbounded, oscillating, or merely not reached: from the plain divided differences, order n, as h falls."""
    row = window_weights(rho, tuple(range(1, n + 1)))[n - 1]
    count = len(g) - n + 1
    d = sum(row[i] * g[i : i + count] for i in range(n)) * h[:count] ** -n
    r = sum(abs(row[i]) * noise[i : i + count] for i in range(n)) * h[:count] ** -n
    clear = np.isfinite(d) & (np.abs(d) > 20 * r)
    d = d[clear]
    name = f"the divided difference of order {n} on the {word}" if n > 1 else f"the slope D(h)/h on the {word}"
    if len(d) >= 9:
        tail = np.diff(d[-9:])
        size = np.abs(tail)
        if (np.all(tail > 0) or np.all(tail < 0)) and np.all(size[1:] >= 0.995 * size[:-1]):
            if n == 1 and np.all(np.abs(d[-8:] / d[-9:-1] * rho - 1) < 0.05):
                return Status.DIVERGES, f"f jumps at x0 on the {word}: {name} grows like 1/h."
            deepest = h[:count][clear][-1]
            return Status.DIVERGES, f"{name} grows without bound: it is {d[-1]:.3g} at h = {deepest:.1e}, and growing."
    if len(d) >= 16:
        beside = g[np.isfinite(g)][-6:]  # f(x0 + h) − f(x0) at the smallest steps
        if np.min(beside) < 0 < np.max(beside) and np.max(np.abs(beside)) > 0.05 * np.nanmax(np.abs(g)):
            low, high = np.min(beside), np.max(beside)
            return Status.NO_LIMIT, f"f oscillates beside x0 on the {word}: D(h) is between {low:.3g} and {high:.3g}."
        early, late = d[-16:-8], d[-8:]
        turns = np.sum(np.diff(np.sign(np.diff(late))) != 0)
        alike = 0.3 * np.ptp(early) < np.ptp(late) < 3 * np.ptp(early)
        if turns >= 2 and alike and np.ptp(late) > 0.05 * np.max(np.abs(late)):
            return Status.NO_LIMIT, f"{name} oscillates as h → 0, between {np.min(late):.3g} and {np.max(late):.3g}."
    return (
        Status.NOT_REACHED,
        f"{prime(n)} was not reached to the tolerance on the {word}: f is too noisy or too rough there.",
    )


def compare(jet: SideJet, left: SideJet, right: SideJet, ok: np.ndarray, calm: np.ndarray) -> None:
    """What the two sides say together; ``calm`` is False where one of them does not settle at all."""
    with np.errstate(invalid="ignore"):
        differ = np.abs(left.value - right.value) > 3 * (left.error + right.error)
    troubled = np.array([a in FIRM or b in FIRM for a, b in zip(left.status, right.status, strict=True)], dtype=bool)
    for p in np.flatnonzero(troubled | differ.any(axis=0) | ~(ok & calm)):
        jet.status[p], jet.why[p] = _together(left, right, int(p), differ[:, p])


def _together(left: SideJet, right: SideJet, p: int, differ: np.ndarray) -> tuple[Status, str]:
    sides = (left.status[p], right.status[p])
    why = " ".join(dict.fromkeys(one.why[p] for one in (left, right) if one.status[p] in FIRM))
    if Status.NOT_FINITE in sides:
        return Status.NOT_FINITE, why
    if why:
        both_diverge = sides == (Status.DIVERGES, Status.DIVERGES) and "jumps" not in why
        return (Status.DIVERGES if both_diverge else Status.NO_LIMIT), why
    if differ.any():
        k = int(np.argmax(differ))
        return Status.NO_LIMIT, differing(k, left.value[k, p], right.value[k, p])
    rough = "the tolerance was not reached: f is too noisy or too rough there."
    return Status.NOT_REACHED, left.why[p] or right.why[p] or rough


def differing(k: int, left: float, right: float) -> str:
    """The sentence that says that the k-th derivative jumps, in as many digits as show it."""
    left, right = left + 0.0, right + 0.0  # −0 is 0
    apart, size = abs(right - left), max(abs(left), abs(right))
    digits = min(max(6, math.ceil(math.log10(size / apart)) + 2), 17) if apart > 0 and math.isfinite(size) else 6
    return sides_differ(k, f"{left:.{digits}g}", f"{right:.{digits}g}")
