"""Which width, and which order inside the window: the half-product risk, over all the series and then in parts.

Each window's samples are dealt to two interleaved halves. What a fit of order q misses shows as its difference from
order q + 2 on the same samples; the two halves' differences share that bias and no noise, so the mean of their product
over some hundred windows is the squared bias, whatever σ is. The choice has the least risk (bias² + variance) up to
what the risk's own scatter cannot tell apart, and a higher order is fitted. What that still misses is told with its
standard error: see :mod:`kymath.samples.unseen`. Windows whose residual exceeds the noise are no candidates, and no
exponential's in which the next orders explain more than noise does; where none explains more than noise beyond the
plain family on all of the series, that is the choice. Parts of the series choose for themselves where that gains four
standard deviations. Limits: the two halves must not share noise (autocorrelated noise reads as bias: the windows come
out narrow), and a feature between two nodes is not seen. An oscillation of many turns is followed another way: see
:mod:`kymath.samples.turns`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .compress import blocks, frames

_NODES = 192
_RATIO = 1.5
_SPLIT = 4.0  # standard deviations by which a part must gain to leave the whole's choice
_ENOUGH = 400  # samples that a window needs for the choice; more are averaged in groups
_FREEDOM = 4
_ONE, _SEVERAL = 0.75, 3.0  # free windows in a part that chooses for itself; that leaves the plain family on all
_CHANCE = 1.0  # standard deviations of the bias that an end's candidate may show
_COHERENT = 0.9  # of the neighbours must see one wave
_REST, _SURE = 4, 3.0  # coefficients beyond an order, and the standard deviations by which they may exceed noise
_CERTAIN = 5.0  # the same on all of the series, which is one draw for all windows
_PLAIN = 2.0  # and those beyond the plain family on all of the series, where it is taken for the truth
_LEAF = 16  # nodes in the smallest part that chooses for itself


@dataclass(frozen=True)
class Span:
    """One choice: half-width in units of t, and order; ``whole``: the plain family, on all of the series."""

    half: float
    order: int
    whole: bool = False


@dataclass(frozen=True)
class Choices:
    """Choices along the series: ``spans[which[j]]`` is the one of node ``nodes[j]``. No spans: no wave. ``share``: of
    the nodes that have an answer so; where few have one, chance has picked them."""

    nodes: np.ndarray
    spans: tuple[Span, ...]
    which: np.ndarray
    share: float = 1.0

    def __call__(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(half-width, order) at every point: those of the nearest node."""
        middles = (self.nodes[1:] + self.nodes[:-1]) / 2
        pick = self.which[np.searchsorted(middles, at)]
        return np.array([s.half for s in self.spans])[pick], np.array([s.order for s in self.spans])[pick]


def choose(kind: Any, t: np.ndarray, y: np.ndarray, side: str) -> Choices | None:
    """The choices for one channel without gaps; None where no width gives an answer anywhere."""
    index = np.unique(np.round(np.linspace(0, t.size - 1, min(t.size, _NODES) + 2)[1:-1]).astype(int))
    nodes = t[index]
    spans: list[Span] = []
    trials: list[Trial] = []
    reach = (t[-1] - t[0]) / 2 * (1 if side == "both" else 2)
    spacing = float(np.median(np.diff(t)))
    half = (kind.least + 2) / 2 * spacing
    best, worse = np.inf, 0
    thin, t_thin, y_thin = 1, t, y
    while True:
        half = min(half, reach)
        step = max(1, int(nodes.size / np.clip(3 * (t[-1] - t[0]) / half, 12, _NODES)))
        coarse = max(1, int(2 * half / spacing / _ENOUGH))
        if coarse > thin:
            wanted = min(coarse, kind.thinning(t, y, thin, coarse))
            if wanted > thin:
                thin, t_thin, y_thin = wanted, _means(t, wanted), _means(y, wanted)
        found = _trial(kind, t_thin, y_thin, nodes[::step], half, side, half >= reach)
        near = np.minimum((np.arange(nodes.size) + step // 2) // step, nodes[::step].size - 1)
        level = np.inf
        for order, trial in found.items():
            # orders beyond the best leave no bias to speak of; a family that holds throughout needs none
            holds = half >= reach and order == kind.orders_auto[0]
            spans.append(Span(float(half), order + kind.more * (not holds), bool(holds)))
            trials.append(trial[near])
            if holds and trial.plain is not None and trial.plain.mean() > 0.9:
                return Choices(nodes, (spans[-1],), np.zeros(nodes.size, dtype=int))
            level = min(level, trials[-1].level)
        worse = worse + 1 if level > 9 * best else 0
        best = min(best, level)
        if half >= reach or worse >= 4:
            break
        half *= _RATIO
    if not trials:
        return None
    chosen = settle(nodes, spans, trials)
    if chosen is not None and kind.wave and not _coherent(nodes, trials, chosen, spans):
        return Choices(nodes, (), chosen.which)
    return chosen


def _coherent(nodes: np.ndarray, trials: list[Trial], found: Choices, spans: list[Span]) -> bool:
    """Whether neighbours see one wave: their turns in a half-width differ by less than a quarter. Noise that wanders,
    and a curve without waves, hold some turn in every window, each another."""
    index = [spans.index(one) for one in found.spans]
    rate = np.array([trials[index[j]].rate[k] for k, j in enumerate(found.which)])
    half = np.array([one.half for one in found.spans])[found.which]
    step = int(np.clip(np.median(half) / np.median(np.diff(nodes)), 1, nodes.size // 4))  # windows a half-width apart
    apart = np.abs(rate[step:] - rate[:-step]) * np.minimum(half[step:], half[:-step])
    known = np.isfinite(apart)
    if np.isfinite(rate).mean() < 0.5:
        return False
    return bool(known.sum() < 8 or np.mean(apart[known] < np.pi / 2) > _COHERENT)


def _means(values: np.ndarray, group: int) -> np.ndarray:
    """Means of neighbours: they change the amplitude of an exponential or a wave, never its rate."""
    whole = values.size // group * group
    return values[:whole].reshape(-1, group).mean(axis=1)


@dataclass(frozen=True)
class Trial:
    """One candidate at the nodes: the product of the halves' differences and its standard deviation by noise alone,
    the variance, the rate, the residual variance and its degrees of freedom; NaN where there is no answer."""

    bias: np.ndarray
    chance: np.ndarray
    variance: np.ndarray
    rate: np.ndarray
    scale: np.ndarray
    freedom: np.ndarray
    reported: np.ndarray | None = None  # the squared error that would be reported: no less than the variance two above
    plain: np.ndarray | None = None  # whether no order explains more than noise beyond this one

    def __getitem__(self, pick: Any) -> Trial:
        return Trial(
            self.bias[pick],
            self.chance[pick],
            self.variance[pick],
            self.rate[pick],
            self.scale[pick],
            self.freedom[pick],
            None if self.reported is None else self.reported[pick],
            None if self.plain is None else self.plain[pick],
        )

    @property
    def level(self) -> float:
        """A rough relative risk; infinite where most windows have no answer."""
        good = np.isfinite(self.variance)
        if good.mean() < 0.5:
            return np.inf
        return float(np.median((np.abs(self.bias) + self.variance)[good] / self.rate[good] ** 2))


def _trial(
    kind: Any, t: np.ndarray, y: np.ndarray, nodes: np.ndarray, half: float, side: str, whole: bool
) -> dict[int, Trial]:
    """Every order at one width; ``whole``: that of all the series."""
    windows = frames(t, nodes, np.full(nodes.size, half), side)
    orders = kind.orders_auto
    carrier = kind.carriers(t, y, windows, orders[-1])
    out = {q: Trial(*(np.full(nodes.size, np.nan) for _ in range(6 + 2 * kind.ends))) for q in orders}
    ends: list[dict[int, np.ndarray]] = []
    start = np.full(nodes.size, np.nan)
    floor = (1e-9 * np.ptp(y)) ** 2  # the rate is sought to 1e-10: residuals below tell no order from another
    for places, block in blocks(t, y, windows, kind.basis, kind.size, carrier):
        start[places] = kind.locate(block, carrier[places], orders[-1])
        levers = {}
        top = orders[-1] + 2 + kind.ends
        all_orders = range(top, orders[0] - 1, -1)
        answers = kind.answers(block, windows[places], start[places], carrier[places], all_orders)
        for q, answer in answers.items():
            levers[q] = answer.lever[kind.rate] ** 2
            if q not in orders:
                continue
            scale = np.maximum(answer.rest / answer.freedom, floor)
            usual = np.median(scale[answer.freedom >= _FREEDOM]) if (answer.freedom >= _FREEDOM).any() else np.inf
            scale = np.maximum(scale, usual / 2)  # few degrees of freedom are sometimes lucky
            variance = scale * answer.lever[kind.rate] ** 2
            rate = answer.theta[kind.rate]
            good = (answer.signal**2 > 25 * scale) & ~answer.doubt.any(axis=1) & (variance < rate**2 / 4)
            good &= answer.freedom >= _FREEDOM
            if kind.ends:
                plain = whole and q == orders[0]
                held = q if plain else q + 1  # the order that would be fitted
                rests = [answers[j].rest for j in range(held, min(held + _REST, top) + 1)]
                good &= _within(np.array(rests), answers[top], floor, _CERTAIN if plain else _SURE)[-1]
            if kind.wave:  # noise that wanders has half a turn of some wave in every window
                good &= rate * windows.half[places] >= np.pi
            one = out[q]
            # nested fits: the variance of the difference is the difference of variances; a half has twice it
            one.chance[places] = 2 * scale * np.maximum(levers[q + 2] - levers[q], 0)
            one.variance[places] = np.where(good, variance, np.nan)
            one.rate[places] = np.where(good, rate, np.nan)
            if one.reported is not None and one.plain is not None:
                one.reported[places] = scale * levers[q + 2]
                rests = [answers[j].rest for j in range(q, top + 1)]
                one.plain[places] = good & _within(np.array(rests), answers[top], floor, _PLAIN).all(axis=0)
            one.scale[places], one.freedom[places] = scale, answer.freedom
    for part in (0, 1):
        rates = {q: np.full(nodes.size, np.nan) for q in range(orders[0], orders[-1] + 3)}
        for places, block in blocks(t, y, windows, kind.basis, kind.size, carrier, part):
            for q, answer in kind.answers(block, windows[places], start[places], carrier[places], list(rates)).items():
                rates[q][places] = np.where(answer.freedom > 0, answer.theta[kind.rate], np.nan)
        ends.append(rates)
    for q in orders:
        out[q].bias[:] = (ends[0][q] - ends[0][q + 2]) * (ends[1][q] - ends[1][q + 2])
        out[q].variance[~np.isfinite(out[q].bias)] = np.nan
    return {q: one for q, one in out.items() if np.isfinite(one.variance).any()}


def _within(rests: np.ndarray, top: Any, floor: float, sure: float) -> np.ndarray:
    """Whether 1, 2, … coefficients more explain no more than noise does: (m, k) from the energies left (m + 1, k)."""
    count = np.arange(1, len(rests))[:, None]
    noise = np.maximum(top.rest / np.maximum(top.freedom, 1), floor)
    rounding = floor * top.freedom  # a rate sought to 1e-10 leaves as much in one coefficient
    within = rests[0] - rests[1:] <= (count + sure * np.sqrt(2 * count)) * noise + rounding
    return np.asarray(within | (top.freedom <= 2 * _FREEDOM))


def settle(nodes: np.ndarray, spans: list[Span], trials: list[Trial]) -> Choices | None:
    bias, chance, variance = (
        np.array([getattr(one, name) for one in trials]) for name in ("bias", "chance", "variance")
    )
    good = np.isfinite(variance + bias + chance) & fits_noise(trials)
    if not good.any():
        return None
    # every node in units of its own difficulty: the geometric mean of the variances there
    often = good.sum(axis=1) >= 0.9 * good.sum(axis=1).max()
    logs = np.log(np.maximum(variance, 1e-300))
    size = np.array(
        [np.mean(logs[keep, j]) if keep.any() else np.nan for j, keep in enumerate((good & often[:, None]).T)]
    )
    size = np.exp(np.where(np.isfinite(size), size, np.nanmedian(size)))
    # the variance that counts is the one that would be told
    told = np.array([one.variance if one.reported is None else one.reported for one in trials])
    bias, chance, variance = bias / size, chance / size, told / size
    apart = 0.75 * (nodes[-1] - nodes[0]) / np.array([one.half for one in spans]) / nodes.size  # free windows per node
    which = np.zeros(nodes.size, dtype=int)

    def best(low: int, high: int, held: int) -> int:
        part = slice(low, high)
        if not good[:, part].any():
            return held
        return _best(bias[:, part], chance[:, part], variance[:, part], good[:, part], apart)

    def split(low: int, high: int, held: int) -> None:
        which[low:high] = held
        middle = (low + high) // 2
        if middle - low < _LEAF:
            return
        for a, b in ((low, middle), (middle, high)):
            mine = best(a, b, held)
            both = good[held, a:b] & good[mine, a:b]
            gain = _tamed((bias + variance)[held, a:b][both] - (bias + variance)[mine, a:b][both])
            alone = good[mine, a:b].sum() - good[held, a:b].sum()
            free = max(1.0, gain.size * min(1.0, apart[held], apart[mine]))
            won = gain.size > 3 and bool(gain.mean() > _SPLIT * gain.std() / np.sqrt(free))
            # windows that hold the same samples are one draw: they do not tell parts from each other, and against
            # the whole series only several beside each other do
            won &= gain.size * apart[mine] >= (_SEVERAL if spans[held].whole else _ONE)
            split(a, b, mine if mine != held and (alone > (b - a) / 2 or (won and alone >= -2)) else held)

    split(0, nodes.size, best(0, nodes.size, 0))
    _ends(nodes, spans, trials, good, bias, chance, size, which)
    share = float(good[which, np.arange(nodes.size)].mean())
    used, which = np.unique(which, return_inverse=True)
    return Choices(nodes, tuple(spans[j] for j in used), which, share)


def _ends(
    nodes: np.ndarray,
    spans: list[Span],
    trials: list[Trial],
    good: np.ndarray,
    bias: np.ndarray,
    chance: np.ndarray,
    size: np.ndarray,
    which: np.ndarray,
) -> None:
    """At the ends, where windows are one-sided and high orders dear: the least variance that shows no bias.

    All windows of an end hold the same samples, so that there is one draw of the bias and nothing to average: a
    candidate stands unless its bias is beyond chance, and replaces the choice where it halves the variance.
    """
    if any(one.reported is None for one in trials):
        return
    reported = np.array([one.reported for one in trials]) / size
    for zone in (nodes - nodes[0] < spans[which[0]].half, nodes[-1] - nodes < spans[which[-1]].half):
        place, some = np.flatnonzero(zone), max(1, int(zone.sum()) // 4)
        place = place[:some] if zone[0] else place[-some:]
        held = which[place[0 if zone[0] else -1]]
        if spans[held].whole:
            continue
        stands = good[:, place].mean(axis=1) >= 0.9
        stands &= known_mean(bias[:, place]) <= _CHANCE * known_mean(chance[:, place])
        cost = np.where(stands, known_mean(reported[:, place]), np.inf)
        mine = int(np.argmin(cost))
        if cost[mine] < 0.5 * known_mean(reported[held, place]):
            which[place] = mine


def known_mean(values: np.ndarray) -> np.ndarray:
    """Means of the known values along the last axis; NaN where none is."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.asarray(np.where(known.any(axis=-1), total / np.maximum(known.sum(axis=-1), 1), np.nan))


def fits_noise(trials: list[Trial]) -> np.ndarray:
    """Where the residual is no more than noise: within what chance allows of the least seen at the node."""
    scale = np.array([one.scale for one in trials])
    freedom = np.array([one.freedom for one in trials])
    spread = np.sqrt(2 / np.maximum(freedom, 1))
    upper = np.where(freedom >= 12, scale * (1 + 4 * spread), np.inf)  # chance may have made it small
    upper = np.where(np.isfinite(upper), upper, np.inf)
    if not np.isfinite(upper).any():
        return np.ones(scale.shape, dtype=bool)
    usual = min(np.median(row[np.isfinite(row)]) for row in upper if np.isfinite(row).any())
    least = upper.min(axis=0)
    least = np.where(np.isfinite(least), np.maximum(least, usual / 2), usual)
    return scale * (1 - np.minimum(3 * spread, 0.9)) <= 1.2 * least


def _tamed(values: np.ndarray) -> np.ndarray:
    """Products of noises have heavy tails: held within 25 medians."""
    limit = 25 * np.median(np.abs(values)) if values.size else 0.0
    return np.clip(values, -limit, limit)


def _best(bias: np.ndarray, chance: np.ndarray, variance: np.ndarray, good: np.ndarray, apart: np.ndarray) -> int:
    """The candidate of least risk; among those that the scatter cannot tell apart, of least variance."""
    answered = good.sum(axis=1)
    allowed = np.flatnonzero(answered >= max(1.0, 0.9 * answered.max()))
    risk, scatter, plain = (np.empty(allowed.size) for _ in range(3))
    for j, row in enumerate(allowed):
        keep = good[row]
        plain[j] = _tamed(variance[row, keep]).mean()
        free = max(1.0, keep.sum() * min(1.0, apart[row]))  # windows that overlap say one thing
        scatter[j] = _tamed(chance[row, keep]).mean() / np.sqrt(free)
        risk[j] = plain[j] + max(_tamed(bias[row, keep]).mean() - scatter[j], 0.0)
    first = int(np.argmin(risk))
    alike = (risk <= risk[first] + scatter[first]) & (risk <= 1.5 * risk[first])
    return int(allowed[np.flatnonzero(alike)[np.argmin(plain[alike])]])
