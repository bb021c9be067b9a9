"""Which known kind of curve a bias is nearest to, and what that kind leaves unexplained.

Kinds of the bias over the lag x, each up to the constants A and C of A b(x) + C, by least squares over the window:

- ``flat``: it spans less than 0.01 nats, so all weights are equal within 1 %;
- ``linear``: a x (ALiBi);
- ``log``: A log(1 + s x), s > 0, x counted from the newest slot (KERPLE);
- ``exponential``: A exp(±r x), r > 0;
- ``periodic``: a cos 2πfx + b sin 2πfx with one period in the window at least;
- ``peak``: one lag inside the window, a slot or more from its ends, is looked at most: A exp(−(x − c)²/2w²), or its
  limits −A (x − c)² and −A |x − c|, with A > 0;
- ``other``: none of them.

The residual is the rms of what is left over the rms of the bias about its mean: 0 is perfect. A kind explains a curve
if

1. white noise comes that near less than once in 1000 curves (Beta distribution of the share of energy, times the
   number of curves of the kind that can be told apart), and
2. it leaves at most 10 % (one number beside C: linear), 7 % (two) or 5 % (three), or, in windows of 48 slots and more,
   20 % that look like white noise (von Neumann ratio of at least 1.5): random walks come nearer in less than 1 % of all
   cases, of 13 slots and more.

Of the kinds that explain it the one with the fewest numbers is taken; one with more only where it leaves less than a
third of that, and that was above 0.1 %. The residual of ``other`` is the least that any kind leaves, and ``nearest``
that kind (elsewhere the kind itself); the residual of ``flat`` is the rms of the bias about its mean itself, in nats.
``line`` is what a straight line leaves, whatever the kind: how far from ALiBi a curve is. A flat curve has none, nor
has a window of two slots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .batches import Batch, batches
from .curve import ConnectionCurve
from .fits import Fit, bump, exponential, fit, logarithm, nearest_entry, polynomial, refine, tent
from .waves import spacing, waves

KINDS = ("flat", "linear", "log", "exponential", "periodic", "peak", "other")
FLAT = 0.01  # nats
_LIMIT = {1: 0.10, 2: 0.07, 3: 0.05}  # by the numbers of a kind beside C
_CHANCE = 1e-3
_NOISY, _LONG, _JUMPS = 0.20, 48, 1.5
_CLEARLY = 1 / 3
_PERFECT = 1e-3
_NARROW = 0.15  # of a slot: such a peak is one slot
_COARSE = 512  # slots over which a peak is looked for


@dataclass(frozen=True)
class Candidate:
    """A kind fitted to all rows: how many numbers it has beside C, and how many different curves it could be."""

    kind: str
    numbers: int
    trials: float
    fit: Fit

    def explains(self, n: int) -> np.ndarray:
        """Which of the rows over n lags it explains."""
        near = self.fit.residual <= _LIMIT[self.numbers]
        if n >= _LONG:
            near |= (self.fit.residual <= _NOISY) & (self.fit.jumps >= _JUMPS)
        return near & (chance(self.fit.residual, n, self.numbers, self.trials) <= _CHANCE)


@dataclass(frozen=True)
class Sorted:
    """Kinds and residuals of the rows of a batch, and the frequency of the wave in each, NaN where there is none.

    ``nearest``: of the kind ``other`` the one that came closest, "" where too few slots are seen to try any; elsewhere
    the kind. ``line``: what a straight line leaves.
    """

    kind: np.ndarray
    residual: np.ndarray
    frequency: np.ndarray
    nearest: np.ndarray
    line: np.ndarray


def nearest(curve: ConnectionCurve) -> tuple[str, float]:
    """The kind nearest to one curve, and what it leaves; ("other", NaN) for a curve with NaN in it.

    >>> lags = np.arange(16.0)
    >>> kind, residual = nearest(ConnectionCurve(0, 0, "by hand", lags, -0.25 * lags))
    >>> kind, round(residual, 9)
    ('linear', 0.0)
    """
    for batch in batches([curve]):
        found = kinds(batch)
        return str(found.kind[0]), float(found.residual[0])
    return "other", float("nan")


def kinds(batch: Batch) -> Sorted:
    """The kind, the residual and the frequency of every row."""
    x, y, n = batch.lags, batch.shape, batch.lags.size
    flat = batch.spread <= FLAT
    rms = batch.in_nats(np.sqrt(np.mean(y**2, axis=1)))
    candidates = _candidates(x, np.where(flat[:, None], 0.0, y))
    kind, residual = np.full(len(y), "other", dtype="<U12"), np.full(len(y), np.inf)
    for numbers in (1, 2, 3):
        taken = residual.copy()
        for one in candidates:
            if one.numbers != numbers:
                continue
            clear = (kind == "other") | ((taken > _PERFECT) & (one.fit.residual < _CLEARLY * taken))
            # within a level the nearest
            wins = one.explains(n) & clear & (one.fit.residual < residual)
            kind[wins], residual[wins] = one.kind, one.fit.residual[wins]
    least, closest, line = np.full(len(y), np.nan), np.full(len(y), "", dtype="<U12"), np.full(len(y), np.nan)
    if candidates:
        left = np.array([one.fit.residual for one in candidates])
        least, closest = left.min(axis=0), np.array([one.kind for one in candidates])[left.argmin(axis=0)]
        line = left[[one.kind for one in candidates].index("linear")]
    residual = np.where(flat, rms, np.where(kind == "other", least, residual))
    closest = np.where(flat, "flat", np.where(kind == "other", closest, kind))
    frequency = np.where(flat, np.nan, _frequency(x, y, candidates))
    return Sorted(np.where(flat, "flat", kind), residual, frequency, closest, np.where(flat, np.nan, line))


def chance(residual: np.ndarray, n: int, numbers: int, trials: float) -> np.ndarray:
    """At most how often one of so many fits of so many numbers beside C leaves no more of n white values than this."""
    from scipy.special import betainc

    free = n - 1 - numbers
    if free < 1:
        return np.ones_like(residual)
    return np.asarray(np.minimum(1, trials * betainc(free / 2, numbers / 2, np.minimum(residual, 1) ** 2)))


def rates(x: np.ndarray) -> np.ndarray:
    """Rates to start from, from one that no window of these lags shows to one over within a slot."""
    return np.geomspace(1e-3 / np.ptp(x), 25 / spacing(x), 96)


def _candidates(x: np.ndarray, y: np.ndarray) -> list[Candidate]:
    """Every kind that has fewer numbers than there are lags, fitted to the rows."""
    n, u = x.size, x - x[0]
    out = []
    if n >= 3:
        out.append(Candidate("linear", 1, 1, polynomial(x, y, 1)))
    if n >= 4:
        log_rates = np.log(rates(x))[:, None]
        scales = np.log(np.geomspace(0.02 / np.ptp(x), 1e8 / spacing(x), 96))[:, None]
        back, turned = np.ascontiguousarray((x[-1] - x)[::-1]), np.ascontiguousarray(y[:, ::-1])
        out.append(Candidate("log", 2, 4, fit(u, y, logarithm, scales)))
        out.append(Candidate("exponential", 2, 4, fit(u, y, exponential, log_rates)))
        out.append(Candidate("exponential", 2, 4, fit(back, turned, exponential, log_rates)))
        out.append(Candidate("peak", 2, 4, _parabola(x, y)))
    if n >= 5:
        out.append(Candidate("peak", 2, n, _peaked(x, y, sharp=True)))
        out.append(Candidate("peak", 3, n, _peaked(x, y, sharp=False)))
        out.append(Candidate("periodic", 3, n, waves(x, y)))
    return out


def _frequency(x: np.ndarray, y: np.ndarray, candidates: list[Candidate]) -> np.ndarray:
    """Where the wave explains three quarters of the energy, that is no chance, half of what a cubic leaves and all that
    any other kind explains; elsewhere NaN."""
    waved = [one.fit for one in candidates if one.kind == "periodic"]
    if not waved:
        return np.full(len(y), np.nan)
    found, others = waved[0], [one.fit.residual for one in candidates if one.kind != "periodic"]
    cubic = polynomial(x, y, 3).residual
    good = found.residual <= np.minimum(0.5, np.maximum(cubic / 2, 1e-12))
    good &= (found.residual <= np.maximum(np.min(others, axis=0), 1e-12)) & np.any(y, axis=1)
    good &= chance(found.residual, x.size, 3, x.size) <= _CHANCE
    return np.where(good, found.p[:, 0], np.nan)


def _parabola(x: np.ndarray, y: np.ndarray) -> Fit:
    """−A (x − c)², nothing explained where A < 0 or c is no lag inside."""
    found = polynomial(x, y, 2)
    _, slope, bend = found.constants.T
    down = bend < 0
    inside = down & (np.abs(slope / np.where(down, 2 * bend, 1.0)) <= 0.5 - spacing(x) / np.ptp(x))
    return found._replace(residual=np.where(inside, found.residual, 1.0))


def _peaked(x: np.ndarray, y: np.ndarray, *, sharp: bool) -> Fit:
    """−A |x − c| (sharp) or A exp(−(x − c)²/2w²), A > 0."""
    step, span = spacing(x), np.ptp(x)
    block = -(-x.size // _COARSE)
    edges = np.arange(0, x.size, block)
    count = np.diff(np.append(edges, x.size))
    rough_x, rough_y = np.add.reduceat(x, edges) / count, np.add.reduceat(y, edges, axis=1) / count
    low, high = x[0] + step, x[-1] - step
    if sharp:
        entries = np.linspace(low, high, 2 * edges.size)[:, None]
        shape, bounds = tent, (np.array([low]), np.array([high]))
    else:
        narrow = _NARROW * step
        widths = np.geomspace(2 * narrow * block, 2 * span, int(np.log(span / (narrow * block)) / 0.4) + 2)
        entries = np.array([(c, np.log(w)) for w in widths for c in _centres(low, high, max(w, step * block / 2))])
        shape, bounds = bump, (np.array([low, np.log(narrow)]), np.array([high, np.log(2 * span)]))
    start = nearest_entry(rough_x, rough_y, shape, entries, positive=True)
    found = refine(x, y, shape, start, *bounds)
    return found._replace(residual=np.where(found.constants[:, 0] > 0, found.residual, 1.0))


def _centres(low: float, high: float, width: float) -> np.ndarray:
    """Two for every width of a peak, so that one lies near."""
    return np.linspace(low, high, int(2 * (high - low) / width) + 2)
