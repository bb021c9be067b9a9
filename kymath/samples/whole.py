"""An oscillation whose phase, amplitude and level are polynomials along the whole series, fitted to all samples.

Where a wave varies smoothly over the series, this is the surest answer there is: no turn is taken for itself, and no
window is shorter than the series. Gauss–Newton's steps begin at the curves through the turns
(:mod:`kymath.samples.turns`), with many degrees. In coordinates that are orthonormal, nested by degree, each beyond the
degrees that are needed holds noise alone: the degrees with the least sum of squares beyond them, less what noise and a
choice among many make of it, are fitted. The errors hold what the next degree might have seen. Fields that need more
degrees, or leave turns that hang together, are not of this kind, and stay with the local curves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import correlation
from .compress import legendre

_TOP = (32, 20, 8)  # degrees of phase, amplitude and level, at most
_PER_TURN = (1.5, 1.2, 0.35)  # and for every turn in the series
_SAMPLES = 6  # for every coefficient
_GROUPS = 3000  # groups of samples, in each of which the polynomials are one number for the normal equations
_STEPS = 12
_WORSE = 5.0  # times the noise that more degrees leave
_DONE = 1e-3  # of a standard deviation
_ROUGH = 0.1  # of a squared deviation, by which groups may point past the least sum of squares
_PENALTY = 4.0  # squared deviations, by which a degree more must gain
_PLAIN, _LEAVE = 2, 6.0  # degree of a phase whose frequency is a line, and what leaving it must gain besides
_FIRST = 5.0  # and what a second degree must gain besides the penalty
_CLEAR, _LOST = 20.0, 3.0  # deviations of a coefficient, from and to which its fall by degree is judged
_ODDS = (5.0, 10.0)  # against a next degree, and one more, where a line holds and nothing is seen beyond
_FEW = 2  # degrees
_SEEN, _SMALL = 8.0, 2.0  # deviations of a coefficient that tells how they fall, and to which they are followed
_FALL = 1.6  # e-folds until nothing is missed
_MISSED = 0.5  # deviations, that a coefficient beyond those fitted may have
_UNSEEN, _SLOW = 2, 4  # degrees beyond that the errors hold: at least, and the most before a curve is no polynomial
_ABOVE = 3  # degrees above the chosen ones, which must hold noise alone
_NODES = 1500
_LENT = 20.0  # degrees of freedom of the noise's power from its spectrum, beside those of the turns
_TIED, _FAR = 4.0, 5.5  # standard deviations: of the turns' correlation, and of one turn


@dataclass(frozen=True)
class Whole:
    """Coefficients of phase, amplitude and level in Legendre polynomials of the series' span, the inverse Cholesky
    factor of their covariance times the noise's deviation, and what is left."""

    begin: float
    span: float
    terms: tuple[np.ndarray, np.ndarray, np.ndarray]
    factor: np.ndarray
    rest: np.ndarray
    said: correlation.Correlation | None

    def value(self, which: int, t: np.ndarray) -> np.ndarray:
        return np.asarray(np.polynomial.legendre.legval(self._place(t), self.terms[which]))

    def slope(self, t: np.ndarray) -> np.ndarray:
        """ω."""
        terms = np.polynomial.legendre.legder(self.terms[0])
        return np.asarray(np.polynomial.legendre.legval(self._place(t), terms) * 2 / self.span)

    def errors(self, t: np.ndarray) -> np.ndarray:
        """(4, k): of phase, amplitude, level and ω, read between nodes that are close at the ends."""
        nodes = -np.cos(np.pi * np.arange(_NODES + 1) / _NODES)
        out, first = [], 0
        for which, terms in enumerate(self.terms):
            basis = np.polynomial.legendre.legvander(nodes, terms.size - 1)
            rows = [basis]
            if which == 0:
                rows.append(np.polynomial.legendre.legval(nodes, _slopes(terms.size)).T * 2 / self.span)
            out += [np.sqrt(((row @ self.factor[first : first + terms.size]) ** 2).sum(axis=1)) for row in rows]
            first += terms.size
        out = [out[0], out[2], out[3], out[1]]
        place = self._place(t)
        return np.array([np.interp(place, nodes, one) for one in out])

    def _place(self, t: np.ndarray) -> np.ndarray:
        return 2 * (t - self.begin) / self.span - 1


def _slopes(count: int) -> np.ndarray:
    """(count − 1, count): the Legendre coefficients of every Legendre polynomial's slope."""
    return np.asarray(np.polynomial.legendre.legder(np.eye(count)))


class _Fit:
    """The series, and its groups of neighbouring samples."""

    def __init__(self, t: np.ndarray, y: np.ndarray) -> None:
        self.t, self.y = t, y
        self.x = 2 * (t - t[0]) / (t[-1] - t[0]) - 1
        size = -(-t.size // _GROUPS)
        self.begin = np.arange(0, t.size, size)
        centre = np.add.reduceat(self.x, self.begin) / np.diff(self.begin, append=t.size)
        self.basis = legendre(centre, max(_TOP))

    def sums(self, values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, self.begin) if self.begin.size < self.x.size else values

    def curves(self, terms: list[np.ndarray]) -> list[np.ndarray]:
        return [np.polynomial.legendre.legval(self.x, one) for one in terms]

    def step(self, terms: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gram matrix and right side of Gauss–Newton's equations, and the residuals."""
        phase, size, level = self.curves(terms)
        cosine = np.cos(phase)
        rest = self.y - level - size * cosine
        columns = (-size * np.sin(phase), cosine, None)
        sizes = [one.size for one in terms]
        ends = np.cumsum([0, *sizes])
        gram, right = np.empty((ends[-1], ends[-1])), np.empty(ends[-1])
        for i, a in enumerate(columns):
            here = slice(ends[i], ends[i + 1])
            left = self.basis[:, : sizes[i]].T
            right[here] = left @ self.sums(rest if a is None else a * rest)
            for j in range(i, 3):
                b = columns[j]
                both = a if b is None else a * b if a is not None else None
                weight = self.sums(np.ones(self.x.size) if both is None else both)
                block = (left * weight) @ self.basis[:, : sizes[j]]
                gram[here, ends[j] : ends[j + 1]] = block
                gram[ends[j] : ends[j + 1], here] = block.T
        return gram, right, rest

    def settle(self, terms: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray, np.ndarray] | None:
        """Gauss–Newton until its steps are lost in the noise: coefficients, Gram matrix, residuals."""
        ends = np.cumsum([0, *(one.size for one in terms)])
        least, move = np.inf, np.zeros(ends[-1])
        for _ in range(_STEPS):
            ahead = [one + move[ends[j] : ends[j + 1]] for j, one in enumerate(terms)]
            gram, right, rest = self.step(ahead)
            noise = float(rest @ rest) / max(1, rest.size - right.size)
            if not noise < least * (1 + max(1e-9, _ROUGH / rest.size)) and float(move @ move) > 0:
                move = move / 4
                continue
            try:
                low = np.linalg.cholesky(gram)
            except np.linalg.LinAlgError:
                return None
            terms, least = ahead, noise
            z = np.linalg.solve(low, right)
            move = np.linalg.solve(low.T, z)
            if float(z @ z) < _DONE**2 * noise * z.size or float(z @ z) < 1e-22 * float(self.y @ self.y):
                return [one + move[ends[j] : ends[j + 1]] for j, one in enumerate(terms)], gram, rest
        return None


def fit(t: np.ndarray, y: np.ndarray, phase: np.ndarray, size: np.ndarray, level: np.ndarray) -> Whole | None:
    """The wave near the one given at the samples; None where it is none of this kind."""
    count = (phase[-1] - phase[0]) / (2 * np.pi)
    top = [int(min(most, count * per)) for most, per in zip(_TOP, _PER_TURN, strict=True)]
    while sum(top) + 3 > t.size / _SAMPLES:
        top = [int(0.8 * one) for one in top]
    work = _Fit(t, y)
    nodes = -np.cos(np.pi * (np.arange(400) + 0.5) / 400)
    rough = [np.interp(nodes, work.x, one) for one in (phase, size, level)]
    noise = np.inf
    while top[0] >= 1 + _ABOVE and top[1] >= _ABOVE:  # with fewer degrees, where so many take the noise for a wave
        q = legendre(nodes, max(top))
        terms = [np.linalg.lstsq(q[:, : d + 1], one, rcond=None)[0] for d, one in zip(top, rough, strict=True)]
        full = work.settle(terms)
        if full is not None:
            noise = min(noise, float(np.mean(full[2] ** 2)))
            found = _near(work, *full)
            if found is not None and float(np.mean(found.rest**2)) < _WORSE * noise:  # else it wants more degrees
                return found
        if top[0] == _TOP[0]:
            return None
        top = [int(0.8 * one) for one in top]
    return None


def _near(work: _Fit, terms: list[np.ndarray], gram: np.ndarray, rest: np.ndarray) -> Whole | None:
    """The wave near one of many degrees, with no more than it needs."""
    t, top = work.t, [one.size - 1 for one in terms]
    power, _, _ = _power(work, terms, rest, t.size - gram.shape[0])
    waves = [_nested(gram, terms, j) for j in range(3)]
    tail = np.concatenate([one[-(one.size // 3) :] for one in waves[:2]]) ** 2 / power
    if tail.mean() > 1 + 2 * np.sqrt(2 / tail.size):  # noise that hangs together, which a fit so close hides
        power *= tail.mean()
    degrees, hidden = zip(*(_needed(one / np.sqrt(power)) for one in waves), strict=True)
    if max(one.size for one in hidden) > _SLOW or any(
        d > most - _ABOVE for d, most in zip(degrees[:2], top[:2], strict=True)
    ):
        return None
    found = work.settle([one[: d + 1] for one, d in zip(terms, degrees, strict=True)])
    if found is None:
        return None
    terms, gram, rest = found
    power, said, apart = _power(work, terms, rest, t.size - gram.shape[0])
    if not apart or (work.curves(terms)[1] <= 0).any():
        return None
    weights = np.concatenate([part for one, w in zip(terms, hidden, strict=True) for part in (np.ones(one.size), w)])
    terms = [np.append(one, np.zeros(w.size)) for one, w in zip(terms, hidden, strict=True)]
    try:
        factor = np.linalg.inv(np.linalg.cholesky(work.step(terms)[0])).T * (np.sqrt(power) * weights)
    except np.linalg.LinAlgError:
        return None
    return Whole(t[0], t[-1] - t[0], (terms[0], terms[1], terms[2]), factor, rest, said)


def _nested(gram: np.ndarray, terms: list[np.ndarray], which: int) -> np.ndarray:
    """The coefficients of one of the three curves, each beyond all before and those of the others: of noise's size."""
    ends = np.cumsum([0, *(one.size for one in terms)])
    mine = np.arange(ends[which], ends[which + 1])
    order = np.concatenate([np.setdiff1d(np.arange(ends[-1]), mine), mine])
    low = np.linalg.cholesky(gram[np.ix_(order, order)])
    return np.asarray((low.T @ np.concatenate(terms)[order])[-mine.size :])


def _needed(z: np.ndarray) -> tuple[int, np.ndarray]:
    """The degree beyond which coefficients (in deviations) are noise, and the size of the next that may hide in it."""
    beyond = np.cumsum((z**2 - _PENALTY)[::-1])[::-1]
    cost = np.append(beyond[1:], 0.0)
    cost[: _PLAIN + 1] -= _LEAVE  # many degrees have a chance to look needed
    cost[:_PLAIN] -= _FIRST
    degree = int(np.argmin(cost))
    if degree <= _PLAIN:  # nothing beyond is likely, and the less so the less is seen
        square = z[degree + 1 : degree + 1 + len(_ODDS)] ** 2
        return degree, np.sqrt((1 + square) / (1 + np.array(_ODDS[: square.size]) * np.exp(-square / 2)))
    size = np.abs(z[_PLAIN + 1 : degree + 1])
    high = min(_CLEAR, size.max() / 2)
    if high <= _LOST:
        return degree, np.ones(_UNSEEN if degree <= _PLAIN + _FEW else _SLOW + 1)
    clear, lost = (int(np.flatnonzero(size > limit)[-1]) for limit in (high, _LOST))
    fall = np.log(high / _LOST) / max(1, lost + 1 - clear)
    reach, last = _reach(size), degree + int(np.ceil(_FALL / fall))
    degree = max(degree, min(reach, degree + _FEW, z.size - 1 - _ABOVE))
    least = int(degree >= reach) if reach else _UNSEEN
    return degree, np.full(max(least, last - degree), _MISSED)


def _reach(size: np.ndarray) -> int:
    """The degree to which sizes that fall go on above two deviations, by the fall of the last that are clear.

    Those of even and odd degree may differ much: the larger of two neighbours counts.
    """
    pair = np.maximum(size, np.append(0.0, size[:-1]))
    clear = np.flatnonzero(size > _SEEN)
    if clear.size == 0 or clear[-1] < 2:
        return 0
    last = int(clear[-1])
    fall = float(np.log(pair[last - 2] / pair[last])) / 2
    return _PLAIN + 1 + last + int(np.log(pair[last] / _SMALL) / fall) if fall > 0 else 0


def _power(
    work: _Fit, terms: list[np.ndarray], rest: np.ndarray, free: int
) -> tuple[float, correlation.Correlation | None, bool]:
    """The noise's power at the wave's frequency, its correlation if any, and whether the turns are independent."""
    phase, size, _ = work.curves(terms)
    rounding = 4 * np.finfo(float).eps * (size.max() * np.abs(phase).max() + np.abs(work.y).max())
    white = max(float(rest @ rest) / free, rounding**2)
    said = correlation.hangs(rest[None], float(sum(one.size for one in terms)))
    turn = float((phase[-1] - phase[0]) / (work.x.size - 1))
    lent = white * (float(said.spectrum(turn)) if said is not None else 1.0)
    number = ((phase - phase[0]) / (2 * np.pi)).astype(int)
    begin = np.flatnonzero(np.diff(number, prepend=-1))
    rows = []
    for wave in (size * np.sin(phase), size * np.cos(phase)):
        rows.append(np.add.reduceat(wave * rest, begin) / np.sqrt(np.add.reduceat(wave * wave, begin)))
    v = np.array(rows)[:, :-1]
    dof = v.size - terms[0].size - terms[1].size
    power = (float((v * v).sum()) + _LENT * lent) / (max(dof, 0) + _LENT) if dof > 0 else lent
    power = max(power, rounding**2)
    tied = (v[:, 1:] * v[:, :-1]).sum(axis=1) / power
    apart = bool((tied < _TIED * np.sqrt(v.shape[1])).all() and (np.abs(v) < _FAR * np.sqrt(power)).all())
    return power, said, apart
