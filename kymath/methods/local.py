"""The jet of a black box at many points: geometric steps on both sides, extrapolated, with the sides compared."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ..errors import Status
from ..evidence import prime, statuses
from ..function import Function
from .geometric import Estimates, coefficient, pick

BLOCK = 4096  # points at a time
FIRST_LEVELS = 28
ROUNDS = 14


@dataclass
class SideJet:
    """Estimates of (f, f′, …) at P points from one side or from both: (order + 1, P)."""

    value: np.ndarray
    error: np.ndarray
    h: np.ndarray  # the step of the window that was best
    noisy: np.ndarray  # whether rounding limits it
    status: np.ndarray  # (P,) of Status
    why: np.ndarray  # (P,) of str
    direction: np.ndarray  # sgn D(h) for small h, nan where unknown
    floor: np.ndarray  # noise beyond rounding, as the smallest steps show it


@dataclass
class LocalJet:
    """What was learned at P points: both sides together, and each alone (None where it was not asked for)."""

    both: SideJet | None
    left: SideJet | None
    right: SideJet | None


@dataclass
class _Samples:
    """f at x0 and at x0 ± h_k: (K, P) each; a side that is not asked for is None."""

    x0: np.ndarray
    h: np.ndarray
    f0: np.ndarray
    right: np.ndarray | None
    left: np.ndarray | None
    noise0: np.ndarray
    right_noise: np.ndarray | None
    left_noise: np.ndarray | None
    own: np.ndarray  # the scale that x0 suggests


@dataclass(frozen=True)
class Steps:
    """Which steps to take: h0 (None: found from the function's scale), the ratio, and how many at most."""

    h0: float | None
    rho: float
    most: int


def local_jet(function: Function, x0: np.ndarray, order: int, side: str, steps: Steps, tolerance: float) -> LocalJet:
    """The jets of f at the points x0 (P,), block by block."""
    parts = [
        _block(function, x0[i : i + BLOCK], order, side, steps, tolerance) for i in range(0, max(len(x0), 1), BLOCK)
    ]
    return LocalJet(*(_join([getattr(p, name) for p in parts]) for name in ("both", "left", "right")))


def _join(parts: list[SideJet | None]) -> SideJet | None:
    if parts[0] is None:
        return None
    names = [field.name for field in fields(SideJet)]
    return SideJet(*(np.concatenate([getattr(p, n) for p in parts], axis=-1) for n in names))


def _block(function: Function, x0: np.ndarray, order: int, side: str, steps: Steps, tolerance: float) -> LocalJet:
    h0 = np.full(x0.shape, steps.h0) if steps.h0 is not None else start_step(x0)
    levels = min(FIRST_LEVELS, steps.most)
    answer = _answer(_sample(function, x0, h0, levels, side, steps.rho), order, side, steps.rho, tolerance)
    for _ in range(ROUNDS):  # move the window of steps to where the error is least
        if steps.h0 is not None and levels >= steps.most:
            break
        up, down = _moves(answer, h0, levels, steps.rho)
        if steps.h0 is not None:
            up[:] = False
        levels_next = min(levels + 12, steps.most) if down.any() else levels
        if levels_next == levels:
            down[:] = False
        again = up | down
        if not again.any():
            break
        h0 = np.where(up & (h0 < 1e290), h0 * steps.rho**-9, h0)
        levels = levels_next
        fresh = _answer(
            _sample(function, x0[again], h0[again], levels, side, steps.rho), order, side, steps.rho, tolerance
        )
        _merge(answer, fresh, again)
    return answer


def start_step(x0: np.ndarray) -> np.ndarray:
    """A power of two near |x0| / 2 (1/2 at 0), so that x0 ± h is exact; the search goes on from there."""
    size = np.where(x0 == 0, 1.0, np.abs(x0))
    return 2.0 ** (np.floor(np.log2(np.clip(size, 1e-290, 1e290))) - 1)


def _sample(function: Function, x0: np.ndarray, h0: np.ndarray, levels: int, side: str, rho: float) -> _Samples:
    h = h0 * rho ** np.arange(levels)[:, None]
    signs = {"both": (1, -1), "right": (1,), "left": (-1,)}[side]
    points = np.concatenate([x0[None], *(x0 + sign * h for sign in signs)])
    values = function(points)
    f0, rows = values[0], values[1:]
    unit = function.eps / 2
    noise0 = unit * np.abs(f0)
    out: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for j, sign in enumerate(signs):
        g = rows[j * levels : (j + 1) * levels]
        t = x0 + sign * h
        with np.errstate(all="ignore"):
            moved = np.abs((t - x0) * sign - h)  # the abscissa that was really used
            slope = np.abs(g - f0) / h
            moved = moved + unit * np.abs(t)  # and the rounding of t inside f
            noise = unit * np.abs(g) + np.where(np.isfinite(slope), moved * slope, 0.0)
            noise = np.where(t == x0, np.nan, noise)
            g = np.where(t == x0, np.nan, g)  # below the spacing of floats nothing is seen
        out[sign] = (g, noise)
    right, left = out.get(1), out.get(-1)
    none = (None, None)
    return _Samples(
        x0, h, f0, (right or none)[0], (left or none)[0], noise0, (right or none)[1], (left or none)[1], start_step(x0)
    )


def _answer(s: _Samples, order: int, side: str, rho: float, tolerance: float) -> LocalJet:
    right = left = both = None
    if s.right is not None and s.right_noise is not None:
        right = _one_side(s.right, s.right_noise, s, order, 1, rho, tolerance)
    if s.left is not None and s.left_noise is not None:
        left = _one_side(s.left, s.left_noise, s, order, -1, rho, tolerance)
    if side == "both":
        assert right is not None and left is not None
        both = _both(s, left, right, order, rho, tolerance)
    return LocalJet(both, left, right)


def _one_side(
    values: np.ndarray, noise: np.ndarray, s: _Samples, order: int, sign: int, rho: float, tolerance: float
) -> SideJet:
    with np.errstate(all="ignore"):
        g = values - s.f0
        spread = noise + s.noise0 + np.finfo(float).eps / 2 * np.abs(g)
        exponents = range(1, order + 10)
        extra = noise_floor(g, s.h, spread)
        floor = spread + extra
        fits = [coefficient(g, floor, s.h, rho, exponents, n) for n in range(1, order + 1)]
        jet = _empty(order, s)
        for n, fit in enumerate(fits, start=1):
            value, error, h, noisy = pick(fit)
            error = _flat_tail(g, floor, s.h, rho, exponents, n, value, error)
            scale = float(_factorial(n))
            jet.value[n], jet.error[n] = value * scale * sign**n, error * scale
            jet.h[n], jet.noisy[n] = h, noisy
        jet.floor[:] = extra
        jet.error[0] += np.finfo(float).eps / 2 * np.abs(s.x0 * jet.value[1]) + 2 * extra
        jet.direction[:] = _direction(g, spread)
        _judge(jet, g, spread, s, rho, tolerance, sign)
    return jet


def noise_floor(g: np.ndarray, h: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The size of noise beyond rounding: what the smallest steps leave over of a fit a h + b h², (P,).

    At the smallest eight steps a smooth f is a parabola to rounding; what is not is noise, or structure below the steps.
    """
    floor = np.zeros(g.shape[1])
    finite = np.isfinite(g)
    depth = np.cumsum(finite[::-1], axis=0)[::-1]
    for p in np.flatnonzero(finite.sum(axis=0) >= 12):
        rows = np.flatnonzero(finite[:, p] & (depth[:, p] <= 8))
        y, t = g[rows, p], h[rows, p] / h[rows[0], p]
        fit = np.column_stack([t, t * t])
        left = y - fit @ np.linalg.lstsq(fit, y, rcond=None)[0]
        size = float(np.sqrt(np.mean(left**2) * 8 / 6))
        if size > 3 * float(np.max(spread[rows, p])):
            floor[p] = 2 * size
    return floor


def _factorial(n: int) -> int:
    return 1 if n < 2 else n * _factorial(n - 1)


def _empty(order: int, s: _Samples) -> SideJet:
    points = s.f0.shape[0]
    value, error = np.full((order + 1, points), np.nan), np.full((order + 1, points), np.inf)
    value[0], error[0] = s.f0, 2 * s.noise0
    h = np.broadcast_to(s.h[0], value.shape).copy()
    noisy = np.zeros(value.shape, dtype=bool)
    return SideJet(value, error, h, noisy, statuses((points,)), np.full(points, "", dtype=object), np.full(points, np.nan),
                   np.zeros(points))  # fmt: skip


def _flat_tail(
    g: np.ndarray,
    noise: np.ndarray,
    h: np.ndarray,
    rho: float,
    exponents: range,
    n: int,
    value: np.ndarray,
    error: np.ndarray,
) -> np.ndarray:
    """Where f stops moving at small h (rounded values), the trend above must agree, or the error says so."""
    finite = np.isfinite(g)
    last = finite & (np.cumsum(finite[::-1], axis=0)[::-1] <= 3)
    flat = np.all(np.where(last, g == 0, True), axis=0) & np.any(finite & (g != 0), axis=0)
    if not flat.any():
        return error
    tail = np.cumsum((g[::-1] != 0) & finite[::-1], axis=0)[::-1] == 0
    trend = coefficient(np.where(tail, np.nan, g)[:, flat], noise[:, flat], h[:, flat], rho, exponents, n)
    other, other_error = pick(trend)[:2]
    apart = np.abs(other - value[flat])
    conflict = np.isfinite(apart) & (apart > 1.5 * (error[flat] + other_error))
    out = error.copy()
    out[flat] += np.where(conflict, 2 * apart, 0.0)
    return out


def _direction(g: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """sgn D(h) at the smallest steps that show it; 0 where f stays constant, nan where the sign keeps changing."""
    seen = np.isfinite(g) & (np.abs(g) > 4 * noise)
    levels = np.arange(len(g))[:, None]
    deepest = np.max(np.where(seen, levels, -1), axis=0)
    near = seen & (levels > deepest - 4)
    plus, minus = np.any(near & (g > 0), axis=0), np.any(near & (g < 0), axis=0)
    biggest = np.max(np.where(np.isfinite(g), np.abs(g), 0.0), axis=0)
    at = np.abs(g[np.maximum(deepest, 0), np.arange(g.shape[1])])
    jumped = (deepest >= 0) & (deepest < len(g) - 4) & (at > 1e-3 * biggest)  # from a step straight to nothing
    sign = np.where(plus & minus, np.nan, np.where(plus, 1.0, -1.0))
    return np.where((deepest < 0) | jumped, 0.0, sign)


def _natural(values: np.ndarray, s: _Samples, h: np.ndarray, n: int) -> np.ndarray:
    """n! max |D(h)| / h^n: the size that the n-th derivative has by nature, over steps from the best one to x0's own scale."""
    with np.errstate(all="ignore"):
        moved = np.abs(values - s.f0) / s.h**n
        near = (s.h >= h / 4) & (s.h <= np.maximum(64 * h, s.own)) & np.isfinite(moved)
        most = np.max(np.where(near, moved, 0.0), axis=0)
        return _factorial(n) * np.maximum(most, 1e-6 * np.abs(s.f0) / h**n)  # a constant moves by nothing


def _accept(jet: SideJet, values: np.ndarray, s: _Samples, tolerance: float, natural: float = 1e-2) -> np.ndarray:
    """(order + 1, P): the error is small against the derivative, or against what it could naturally be."""
    ok = np.isfinite(jet.value) & np.isfinite(jet.error)
    for n in range(1, len(jet.value)):
        small = jet.error[n] <= tolerance * np.abs(jet.value[n])
        ok[n] &= small | (jet.error[n] <= natural * tolerance * _natural(values, s, jet.h[n], n))
    return ok


def _judge(
    jet: SideJet, g: np.ndarray, noise: np.ndarray, s: _Samples, rho: float, tolerance: float, sign: int
) -> None:
    """Give each point its status: what stands in the way of the first order that was not reached."""
    word = "right" if sign > 0 else "left"
    smallest = np.isfinite(g)
    near_nan = ~np.any(smallest[-3:], axis=0) & ~np.any(smallest[len(g) // 2 :], axis=0)
    bad0 = ~np.isfinite(s.f0)
    ok = _accept(jet, g + s.f0, s, tolerance)
    open_points = ~bad0 & ~near_nan & ~np.all(ok, axis=0)
    jet.status[bad0] = Status.NOT_FINITE
    jet.why[bad0] = "f(x0) is not a finite real number."
    jet.status[near_nan & ~bad0] = Status.NOT_FINITE
    jet.why[near_nan & ~bad0] = (
        f"f is not a finite real number at x0 {'+' if sign > 0 else '−'} h for small h (on the {word})."
    )
    for p in np.flatnonzero(open_points):
        n = int(np.argmin(ok[:, p]))
        status, why = _diagnose(g[:, p], noise[:, p], s.h[:, p], rho, n, word)
        jet.status[p], jet.why[p] = status, why


def _diagnose(g: np.ndarray, noise: np.ndarray, h: np.ndarray, rho: float, n: int, word: str) -> tuple[Status, str]:
    """Unbounded, oscillating, or merely not reached: from the plain divided differences, order n, as h falls."""
    from .geometric import window_weights

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
        early, late = d[-16:-8], d[-8:]
        turns = np.sum(np.diff(np.sign(np.diff(late))) != 0)
        alike = 0.3 * np.ptp(early) < np.ptp(late) < 3 * np.ptp(early)
        if turns >= 2 and alike and np.ptp(late) > 0.05 * np.max(np.abs(late)):
            return Status.NO_LIMIT, f"{name} oscillates as h → 0, between {np.min(late):.3g} and {np.max(late):.3g}."
    return (
        Status.NOT_REACHED,
        f"{prime(n)} was not reached to the tolerance on the {word}: f is too noisy or too rough there.",
    )


def _both(s: _Samples, left: SideJet, right: SideJet, order: int, rho: float, tolerance: float) -> SideJet:
    assert s.left is not None and s.right is not None and s.left_noise is not None and s.right_noise is not None
    jet = _empty(order, s)
    with np.errstate(all="ignore"):
        noise = (s.left_noise + s.right_noise) / 2
        odd, even = (s.right - s.left) / 2, (s.right - s.f0 + (s.left - s.f0)) / 2
        extra = np.maximum(*(noise_floor(g - s.f0, s.h, noise + s.noise0) for g in (s.left, s.right)))
        for n in range(1, order + 1):
            part, first = (odd, 1) if n % 2 else (even, 2)
            spread = noise + extra + (0 if n % 2 else s.noise0) + np.finfo(float).eps / 2 * np.abs(part)
            fit: Estimates = coefficient(part, spread, s.h, rho, range(first, first + 2 * order + 18, 2), n)
            value, error, h, noisy = pick(fit)
            error = _flat_tail(part, spread, s.h, rho, range(first, first + 2 * order + 18, 2), n, value, error)
            jet.value[n], jet.error[n] = value * _factorial(n), error * _factorial(n)
            jet.h[n], jet.noisy[n] = h, noisy
        worst = np.where(np.abs(s.left - s.f0) > np.abs(s.right - s.f0), s.left, s.right)
        ok = np.all(_accept(jet, worst, s, tolerance), axis=0)
        calm = np.ones(len(ok), dtype=bool)
        for one, values in ((left, s.left), (right, s.right)):  # parity must not hide a side that does not settle
            calm &= np.all(_accept(one, values, s, tolerance, 0.5), axis=0)
    _compare(jet, left, right, ok, calm)
    jet.direction[:] = right.direction
    jet.floor[:] = extra
    jet.error[0] = np.fmin(left.error[0], right.error[0])
    return jet


def _compare(jet: SideJet, left: SideJet, right: SideJet, ok: np.ndarray, calm: np.ndarray) -> None:
    """What the two sides say together; ``calm`` is False where one of them does not settle at all."""
    firm = (Status.NOT_FINITE, Status.NO_LIMIT, Status.DIVERGES)
    for p in range(len(ok)):
        sides = (left.status[p], right.status[p])
        whys = [one.why[p] for one in (left, right) if one.status[p] in firm]
        if Status.NOT_FINITE in sides:
            jet.status[p], jet.why[p] = Status.NOT_FINITE, " ".join(dict.fromkeys(whys))
            continue
        if any(status in firm for status in sides):
            jumps = any("jumps" in why for why in whys)
            both_diverge = sides == (Status.DIVERGES, Status.DIVERGES)
            jet.status[p] = Status.DIVERGES if both_diverge and not jumps else Status.NO_LIMIT
            jet.why[p] = " ".join(dict.fromkeys(whys))
            continue
        apart = _apart(left.value[:, p], left.error[:, p], right.value[:, p], right.error[:, p])
        if apart is not None:
            jet.status[p] = Status.NO_LIMIT
            jet.why[p] = (
                f"the two sides differ: {prime(apart)} is {left.value[apart, p]:.6g} from the left and "
                f"{right.value[apart, p]:.6g} from the right."
            )
        elif not (ok[p] and calm[p]):
            jet.status[p] = Status.NOT_REACHED
            jet.why[p] = (
                left.why[p] or right.why[p] or "the tolerance was not reached: f is too noisy or too rough there."
            )


def _apart(left: np.ndarray, left_error: np.ndarray, right: np.ndarray, right_error: np.ndarray) -> int | None:
    """The first order at which the sides differ by more than their errors."""
    with np.errstate(invalid="ignore"):
        differ = np.abs(left - right) > 3 * (left_error + right_error)
    return int(np.argmax(differ)) if differ.any() else None


def _moves(answer: LocalJet, h0: np.ndarray, levels: int, rho: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the best step lies at the upper or at the lower end of those taken."""
    jets = [j for j in (answer.both, answer.left, answer.right) if j is not None]
    main = jets[0]
    top = h0 * rho**1.5
    hardest = main.h[1:]
    with np.errstate(invalid="ignore"):
        up = np.any((hardest >= top) & (main.error[1:] > 1e-14 * np.abs(main.value[1:])) & main.noisy[1:], axis=0)
    rough = np.array([status is Status.NOT_REACHED for status in main.status])
    bottom = np.any((hardest <= h0 * rho ** (levels - 12)) & ~main.noisy[1:], axis=0)
    down = rough | bottom | ((main.floor > 0) & (levels < 64))
    known = np.isfinite(main.value[0])
    return up & known, down & known


def _merge(answer: LocalJet, fresh: LocalJet, where: np.ndarray) -> None:
    """Take what the fresh steps tell better and without contradiction; what was found for certain stays."""
    index = np.flatnonzero(where)
    firm = (Status.NOT_FINITE, Status.NO_LIMIT, Status.DIVERGES)
    for name in ("both", "left", "right"):
        target, source = getattr(answer, name), getattr(fresh, name)
        if target is None:
            continue
        with np.errstate(invalid="ignore"):
            gap = np.abs(target.value[:, index] - source.value)
            agree = ~(gap > 4 * (target.error[:, index] + source.error))
            better = (source.error < target.error[:, index]) & agree
        keep = np.array([status in firm for status in target.status[index]])
        reached = np.array([status is Status.CONVERGED for status in target.status[index]])
        now = np.array([status is Status.CONVERGED for status in source.status])
        for field in ("value", "error", "h", "noisy"):
            rows = getattr(target, field)
            rows[:, index] = np.where(better & ~keep, getattr(source, field), rows[:, index])
        take = ~keep & np.all(agree, axis=0) & (now | ~reached)
        for field in ("status", "why", "direction", "floor"):
            getattr(target, field)[index[take]] = getattr(source, field)[take]
