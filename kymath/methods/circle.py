"""Taylor coefficients from values on circles: the sums, what they say about f, and the radius to try next."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

UNIT = 0.3  # standard deviation of rounding to nearest, in units of the machine epsilon
RESOLVED = 1e-3  # of the variation of f on the circle: what the coefficients at the end may reach
OCTAVES = 6.0  # the largest change of radius in one prediction, up or down
GRID = 2.0 ** np.arange(-OCTAVES, OCTAVES + 0.01, 0.125)
FAR = 2.0  # |x0| in radii from which the rounding of the nodes is taken out of the values
FEW = 4  # coefficients that are too few to see how they fall
KINKS = 6  # A·|s|·s^n is looked for up to n = 5
BESIDE = np.array([0.0, 0.25, -0.25, 0.59375, -0.59375, 0.84375, -0.84375])  # the real points, in radii: r·s is exact
SHAPES = BESIDE[:, None] ** np.arange(KINKS) * (1 - np.abs(BESIDE))[:, None]  # what A·|s|·s^n leaves at them, over −A·r
SURELY = 0.99  # of the squares
SQUARES = (SHAPES * SHAPES).sum(axis=0)
FIT, SPREAD = SHAPES / SQUARES, 3 / np.sqrt(SQUARES)
POINTWISE = ("r", "values", "a", "size", "floor", "noise", "last", "bad")


def some(mask: Any) -> bool:
    """Whether a mask holds anywhere; at one point, where it is a number, in no time."""
    return bool(mask if mask.ndim == 0 else np.count_nonzero(mask))


def every(mask: Any) -> bool:
    """Whether it holds everywhere."""
    return bool(mask if mask.ndim == 0 else np.count_nonzero(mask) == mask.size)


def choose(mask: Any, a: Any, b: Any) -> Any:
    """a where a mask holds, else b; at one point, where the mask is a number, one of the two."""
    return np.where(mask, a, b) if mask.ndim else a if mask else b


def larger(a: Any, b: Any) -> Any:
    """The larger of two numbers, or of each pair, as :func:`numpy.maximum` has it."""
    return np.maximum(a, b) if a.ndim else a if a > b or a != a else b


def column(v: Any) -> Any:
    """Numbers that belong to points, beside an axis of nodes or orders; one number needs no axis, and costs less."""
    return v if v.ndim == 0 else v[..., None]


class Table(NamedTuple):
    """What belongs to one number of nodes."""

    unit: np.ndarray  # e^{iθ} on the upper half circle, θ = (k+½)π/half
    weights: np.ndarray  # values to coefficients, real and imaginary parts in turn
    long: np.ndarray  # the same in the longest floating type there is, a row for each coefficient
    slopes: np.ndarray  # values to those of r·f′, real and imaginary parts in turn
    beside: np.ndarray  # coefficients to values of f and r·f′ at the real points
    sums: np.ndarray  # squares of coefficients to the squares of what :func:`read` asks of them
    end: int  # where the coefficients begin that an analytic function leaves to noise
    orders: np.ndarray  # 0 … end − 1
    until: np.ndarray  # until[k]: 1 up to the k-th coefficient
    fit: np.ndarray  # fit[k]: level and fall of a line through what lies from k/2 to k, or to the noise beyond few
    middle: np.ndarray  # where the line has that level
    tilt: np.ndarray  # what is added to its fall


def cosines(parts: int) -> np.ndarray:
    """cos(mπ/(2·parts)) around the circle, in the longest floating type: jθ is reduced in whole numbers."""
    m, pi = np.arange(parts + 1), np.longdouble("3.14159265358979323846264338327950288")
    angle: Any = m * pi / (2 * parts)
    quarter = np.where(2 * m <= parts, np.cos(angle), np.sin(pi / 2 - angle))
    quarter[parts] = 0
    half = np.concatenate([quarter, -quarter[parts - 1 :: -1]])  # 0 … π
    return np.concatenate([half, half[2 * parts - 1 : 0 : -1]])


def later_halves(count: int) -> tuple[np.ndarray, ...]:
    """For each number of coefficients up to ``count``: which they are, the weights of the mean of their later half, its
    middle, and the weights of its slope."""
    index = np.arange(count)
    until = (index <= index[:, None]).astype(float)
    level = until * (2 * index >= index[:, None])
    level = level / level.sum(axis=1, keepdims=True)
    middle = level @ index
    fall = (index - middle[:, None]) * (level > 0)
    fall /= np.maximum((fall * fall).sum(axis=1, keepdims=True), 1e-9)
    return until, level, middle, fall


@lru_cache(maxsize=16)
def table(half: int) -> Table:
    """The sums over the circle, with cosines to all digits: an error in them would be one in each sum."""
    count, turn = 2 * half, 4 * half
    cosine, j = cosines(half), np.arange(count)
    at = np.outer(2 * np.arange(half) + 1, j) % turn
    c, s = cosine[at], cosine[(at - half) % turn]
    long = np.empty((2 * half, count), dtype=np.longdouble)
    long[0::2], long[1::2] = c / half, s / half
    powers = (c + 1j * s).astype(complex)
    slopes = np.ascontiguousarray((powers[:, : half - 1] * np.arange(1, half)).T).view(float)
    end, far = count - max(half // 3, 2), count - half // 2 - 1
    beside = BESIDE ** j[:end, None]
    beside = np.hstack([beside, np.vstack([0 * BESIDE, j[1:end, None] * beside[:-1]])])
    sums = np.zeros((count, 7))
    sums[end:, 0] = 1 / (count - end)  # the end,
    sums[-3:, 1] = 1 / 3  # the last three,
    sums[far:-3, 2] = 4 / (count - 3 - far)  # twice those before them,
    sums[1:half, 3] = RESOLVED**2  # what the end may reach,
    sums[:, 4] = 1  # all, and the rounding of f and of its argument
    sums[:, 5] = UNIT**2 / count
    sums[1:half, 6] = j[1:half] ** 2 * (UNIT / 2) ** 2 / count
    index = np.arange(end)
    until, level, middle, fall = later_halves(end)
    fit = np.zeros((end, 2, end + 1))
    fit[:, 0, :end], fit[:, 1, :end] = level, fall
    tilt = 0.5 / (index + 0.5)
    for k in range(FEW):
        fit[k] = middle[k] = tilt[k] = 0.0
        fit[k, 0, 0], fit[k, 1, 0], fit[k, 1, end] = 1.0, -1 / (k + 1), 1 / (k + 1)
    unit, weights = powers[:, 1].copy(), long.astype(float)
    slopes = weights[:, 1:half] @ slopes
    return Table(unit, weights, long.T.copy(), slopes, beside, sums, end, index, until, fit, middle, tilt)


@dataclass
class Circle:
    """A circle about a point, or one about each of many: a[…, j] = c_j·r^j, the noise in them, and whether they can be
    believed. At one point the fields without j are numbers, and no arrays.

    The sums give c_j·r^j for 0 ≤ j < N, and with the opposite sign c_{−m}·r^{−m} at j = N − m. Where f is analytic
    inside, the last third holds rounding and what the circle does not resolve, and nothing else.
    """

    r: np.ndarray
    values: np.ndarray  # of f at the nodes, real and imaginary parts in turn
    a: np.ndarray
    size: np.ndarray  # rms of f
    floor: np.ndarray  # standard deviation in a that rounding of f and of its argument must leave
    noise: np.ndarray  # the one that is there: the rms of the last third
    last: np.ndarray  # the last coefficient above the noise
    bad: np.ndarray
    eps: float

    @property
    def half(self) -> int:
        return self.a.shape[-1] // 2

    @property
    def error(self) -> np.ndarray:
        """That of every a[…, j]."""
        return 6 * self.noise

    def low(self, count: int) -> np.ndarray:
        """The first a in a longer type: the sums' own rounding would be the largest error."""
        return np.inner(self.values, table(self.half).long[:count])

    @property
    def beside(self) -> np.ndarray:
        """f at the real points x + r·BESIDE, then r·f′ there."""
        known = table(self.half)
        return self.a[..., : known.end] @ known.beside

    def where(self, take: np.ndarray, other: Circle) -> Circle:
        """This circle where ``take`` holds, else the other one, of as many nodes."""
        if every(take) or not some(take):
            return self if every(take) else other
        rows: dict[str, Any] = {}
        for name in POINTWISE:
            mine, its = getattr(self, name), getattr(other, name)
            rows[name] = np.where(take if mine.ndim == take.ndim else take[:, None], mine, its)
        return replace(self, **rows)

    def spread(self, on: np.ndarray, r: np.ndarray) -> Circle:
        """The circles of the points of ``on``, among those of all; the others are bad."""
        rows: dict[str, Any] = {}
        for name in POINTWISE:
            part = getattr(self, name)
            rows[name] = np.full((*on.shape, *part.shape[1:]), name == "bad", dtype=part.dtype)
            rows[name][on] = part
        return replace(self, **(rows | {"r": r}))


def nodes(x: np.ndarray, r: np.ndarray, half: int) -> np.ndarray:
    """Points x + r·e^{iθ} as they can be represented."""
    return column(x) + column(r) * table(half).unit


def read(values: np.ndarray, z: np.ndarray, x: np.ndarray, r: np.ndarray, eps: float) -> Circle:
    """The circle from the values of f at its nodes (…, half)."""
    half = values.shape[-1]
    known = table(half)
    pairs, finite = values.view(float), None
    if not math.isfinite(np.vdot(pairs, pairs)):
        finite = np.isfinite(pairs).all(axis=-1)
        pairs = np.where(finite[..., None], pairs, 0.0)
    distance = abs(x) / r
    if some(distance > FAR):  # the nodes were rounded: one step with the slope of what is found
        shift = (z - column(x)) / column(r) - known.unit
        pairs = pairs - (shift * (pairs @ known.slopes).view(complex)).view(float)
    a = pairs @ known.weights
    square = a * a
    tail, near, beyond, resolved, size, own, moved = np.sqrt(square @ known.sums).T
    floor = eps * (own + distance * moved)
    above = 30 * floor
    bad = (tail > resolved) & (tail > above)
    if half > 8:
        bad = bad | (near > beyond + above)  # they fall: no noise, but what a singularity or a jump leaves
    if finite is not None:
        bad = bad | ~finite
    noise = larger(tail, floor)
    seen = square[..., : known.end] > column(25 * noise * noise)
    return Circle(r, pairs, a, size, floor, noise, np.maximum.reduce(seen * known.orders, axis=-1), bad, eps)


@lru_cache(maxsize=64)
def _grid(end: int, following: int, order: float) -> tuple[np.ndarray, np.ndarray]:
    """λ^{2j−2·order} for the coefficients, and twice λ^{N−order} for the first one beyond."""
    weight = GRID**-order
    return GRID ** (2 * np.arange(end))[:, None] * weight**2, 2 * GRID**following * weight


def predicted(circle: Circle, half: int, order: float) -> np.ndarray:
    """The radius at which ``half`` nodes give the coefficient of this order best, from how the present ones fall.

    error(λr) = (noise·M(λr) + 2·|c_N|(λr)^N)/(λr)^order, with |c_j| beyond those seen on a line of logarithms.
    """
    known, last, following = table(circle.half), circle.last, 2 * half
    end = known.end
    seen = np.empty((*last.shape, end + 1))
    a = np.multiply(np.abs(circle.a[..., :end]), known.until[last], out=seen[..., :end])
    seen[..., end] = 5 * circle.floor
    envelope = np.log(np.maximum.accumulate(seen[..., ::-1], axis=-1)[..., ::-1] + 1e-300)
    level, fall = (known.fit[last] @ envelope[..., None])[..., 0].T
    quiet = 2 * circle.floor
    plateau = choose(last < end - 4, circle.noise, quiet)  # else the end is not noise
    noise = larger(plateau * math.sqrt(circle.half / half) / (circle.size + 1e-300), np.float64(circle.eps / following))
    squares, power = _grid(end, following, order)
    fall = -larger(-fall - known.tilt[last], 1e-3)
    beyond = np.exp(level + fall * (following - known.middle[last]))
    cost = column(noise) * np.sqrt((a * a) @ squares) + column(beyond) * power
    return rounded(circle.r * GRID[cost.argmin(axis=-1)])


def rounded(r: np.ndarray) -> np.ndarray:
    """r in five binary digits, so that its powers are exact: what is left of a sum that has no room for more."""
    large = r * (2.0**48 + 1)
    return large - (large - r)


class Pair:
    """Two circles about each point, side by side: what there is one of for a circle has the shape (2, …, 1)."""

    def __init__(self, one: Circle, other: Circle) -> None:
        self.circles = (one, other)
        self.gap = column(abs(other.r - one.r))
        self.r, self.error = np.array([(c.r, c.error) for c in self.circles]).swapaxes(0, 1)[..., None]

    def low(self, count: int) -> np.ndarray:
        """The first coefficients of both."""
        return np.array([c.low(count) for c in self.circles])

    def misfit(self, x: np.ndarray, at: np.ndarray, value: np.ndarray, eps: float) -> tuple[np.ndarray, ...]:
        """What real values beside x0 say about them: how large a·|u|·u^n may be, with u = s/r, whether they refute the
        circles, and by how much these miss.

        A·|s|·s^n is A·r·s^n for the circle, and seen by the misfit −A·(r − |s|)·s^n at real s: its part in the misfit
        by least squares, with its standard deviation.
        """
        look = np.array([c.beside for c in self.circles])
        saw, slope = look[..., : BESIDE.size], look[..., BESIDE.size :]
        missed = value - saw
        far, rows = False, []
        for c in self.circles:  # one number each at one point: the cheapest arithmetic there is
            place = abs(x) / c.r
            each = larger(c.noise * math.sqrt(2 * c.half), 0.5 * eps * c.size)
            most = 8 * each + 12 * c.noise
            rows.append((each, most, most / (c.size + 1e-300), 2 * eps * place))
            far = far or some(place > FAR)
        each, most, share, moved = np.array(rows).swapaxes(0, 1)[..., None]
        if far:  # the points were rounded
            missed -= ((at - column(x)) / self.r - BESIDE) * slope
        allowed = np.maximum(most, share * np.abs(value)) + moved * np.abs(slope)
        off = (np.abs(missed) > allowed).any(axis=-1)
        return 1.5 * np.abs(missed @ FIT) + each * SPREAD, off[0] | off[1], missed


def kinked(missed: np.ndarray) -> bool:
    """Whether A·|s|·s^n with one n explains on both circles what was missed about some point."""
    explained = ((missed @ SHAPES) ** 2 / SQUARES).max(axis=-1)
    return bool((explained > SURELY * (missed * missed).sum(axis=-1)).all(axis=0).any())
