"""Degree and width of the local fits, chosen from the data: by the half-product risk, first globally, then locally.

The samples are dealt to two halves in the pattern 0110 (of blocks, where the noise hangs together). With d_A and d_B
the differences between the fits of degree p and p + 2 in the same window, each half alone, the noises of d_A and d_B
are independent, so the mean of d_A d_B over the windows is the mean squared bias that degree p has against p + 2,
whatever the noise is. It joins cross-validation by halves (Nason, J. R. Statist. Soc. B 58, 1996) to the bias measured
by higher degrees (Fan and Gijbels, J. R. Statist. Soc. B 57, 1995). The risk of (p, h) is

    2 max(bias², 0) + variance + its own uncertainty,

each derivative in units of the best risk that any candidate has for it. Limits: bias common to p and p + 2 is not seen
at one width, so the risk of a narrower window whose bias is beyond doubt counts for all wider ones; features shorter
than the noise lets see are smoothed away; what is periodic is left to :mod:`kymath.samples.periodic`. The errors hold
the bias² of the choice (doubled, for what p and p + 2 share) and a fifth of the standard deviation of its estimate.

Locally, a binary tree over t: a part takes a choice of its own only where it gains more than two standard deviations.

Beside an end all windows stand at the end and tell almost the same, so each end has a choice of its own, and there the
noise is spared: the step to p + 1 stands for the bias (from a window's end both parities matter, and the step to p + 2
has several times the noise), the square of all samples' d less σ² times its variance for the product, and a degree is
refused where the next four coefficients are together larger than noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import hidden, local
from .pyramid import Level

HALVES = (12, 14, 17, 20)
TOP = 17  # the highest degree, a reference only
PLACES = 256
LEAST = 8  # places in the smallest part of the tree
GAIN = 2.0
SLOW, UNSEEN = 2.0, 0.2  # what the errors hold of the bias² that is seen, and of its standard deviation
UNSEEN_END = 0.5  # and of that beside an end, where one window is all there is
ZONE = 0.5  # of a half-width beside an end
SPOTS = 9  # places in it
GUARD = 0.35  # standard deviations of the bias² that count against a choice there
SHRUNK = 0.5  # and by how many the bias² itself is reduced: among many candidates some are unlucky
REST = 4  # coefficients beyond the degree, together a test of what the degree leaves
ASIDE = 0.3  # of a half-window from its middle to its point, beyond which the next degree shows the bias


class Candidate(NamedTuple):
    """Degree, level of the pyramid, and half-width in its bins."""

    degree: int
    level: int
    half: int


class Part(NamedTuple):
    """A stretch of the series with one choice; there the bias² and the variance of each derivative (K,)."""

    low: float
    high: float
    candidate: Candidate
    bias: np.ndarray
    spread: np.ndarray


class _Risks(NamedTuple):
    """At the places: bias² (product of the halves), the variance of either factor, the variance of the fit."""

    product: np.ndarray  # (K, places, m)
    scatter: np.ndarray  # (d_A - d_B)²/2
    doubt: np.ndarray  # (K, places), its expectation for σ = 1
    variance: np.ndarray
    rest: np.ndarray  # (places, m), the mean square of the next coefficients, each in units of its variance for σ = 1
    width: float
    step: float
    hidden: np.ndarray | None  # (K, places, m), beside an end: what the next coefficients may hide


class Basis(NamedTuple):
    """What the choice looks at: the pyramid, those of its halves, how many derivatives, and the block of the noise."""

    whole: list[Level]
    halves: list[list[Level]]
    orders: int
    block: float
    widest: float = np.inf  # half-width allowed


def choose(basis: Basis, sigma: np.ndarray, side: str) -> list[list[Part]]:
    """For each channel the parts of the series, from the left, with their choices; ``sigma`` (m,) is the noise."""
    start, bins = basis.whole[0].start, basis.whole[0].bins
    places = np.linspace(start, float(basis.whole[0].edges(np.array(bins))), PLACES)
    main = _look(basis, [(level, 14, places) for level in range(len(basis.whole))], side)
    if not main:
        return [[] for _ in sigma]
    count = len(basis.whole)
    near = [
        {
            n
            for part in _tree(main, places, float(s), j)
            for n in range(part.candidate.level - 1, part.candidate.level + 2)
        }
        & set(range(count))
        for j, s in enumerate(sigma)
    ]
    levels = sorted(set().union(*near))
    main |= _look(basis, [(level, half, places) for level in levels for half in HALVES if half != 14], side)
    # each channel chooses among what it would have seen alone
    seen = [{c: r for c, r in main.items() if c.half == 14 or c.level in levels} for levels in near]
    parts = [_tree(seen[j], places, float(s), j) for j, s in enumerate(sigma)]
    if side == "both":
        _ends(parts, basis, sigma)
    return parts


def _ends(parts: list[list[Part]], basis: Basis, sigma: np.ndarray) -> None:
    """Give both ends a choice of their own, of any width, from the windows that are used there."""
    for first in (True, False):
        for j, channel in enumerate(parts):
            if not channel:
                continue
            own = channel[0 if first else -1].candidate
            low, high = channel[0].low, channel[-1].high
            length = min(ZONE * own.half * basis.whole[own.level].width, (high - low) / 8)
            some = np.linspace(low, low + length, SPOTS) if first else np.linspace(high - length, high, SPOTS)
            levels = range(max(0, own.level - 2), len(basis.whole))
            seen = _look(basis, [(level, half, some) for level in levels for half in HALVES[::2]], "both", sigma)
            names, table = _table(seen, j, float(sigma[j]), slice(0, SPOTS), length / SPOTS, few=True)
            total, sd = (v[:, 0] for v in table.risks(slice(0, SPOTS)))
            mine = int(np.argmin(total + GUARD * sd))
            if not np.isfinite(total[mine]):
                continue
            end = low + length if first else high - length
            told = _told(
                seen[names[mine]], slice(None), j, float(sigma[j]), names[mine].degree, table.spacing, UNSEEN_END
            )
            rest = [p for p in channel if (p.high > end if first else p.low < end)]
            if first:
                channel[:] = [Part(low, end, names[mine], *told), rest[0]._replace(low=end), *rest[1:]]
            else:
                channel[:] = [*rest[:-1], rest[-1]._replace(high=end), Part(end, high, names[mine], *told)]


def windows(level: Level, half: int, nodes: np.ndarray, side: str) -> list[local.Windows]:
    """The windows of the choice at some nodes."""
    if side == "both":
        return local.both_sides(level.bins, half, nodes, widen=True)
    return local.one_side(level.bins, 2 * half, nodes, side == "right")


def reading(
    whole: list[Level], chosen: Candidate, side: str
) -> tuple[Level, Callable[[np.ndarray], list[local.Windows]]]:
    """The level to read a choice from, and its windows: those of one side leave out the bin that a point lies in."""
    if side == "both":
        level = whole[chosen.level]
        return level, lambda nodes: windows(level, chosen.half, nodes, side)
    finer = min(chosen.level, 1)
    level, half = whole[chosen.level - finer], 2 * chosen.half * 2**finer
    return level, lambda nodes: local.beyond(level.bins, half, nodes, side == "right")


class _Spot(NamedTuple):
    """A width to look at: level, half-width in bins, the places, the nodes' points and their order in the windows."""

    number: int
    half: int
    places: np.ndarray
    x: np.ndarray
    rank: np.ndarray
    aside: np.ndarray


def _look(
    basis: Basis, widths: list[tuple[int, int, np.ndarray]], side: str, sigma: np.ndarray | None = None
) -> dict[Candidate, _Risks]:
    """The risks of all degrees at some widths: (level, half-width in bins, places). Beside an end with ``sigma``."""
    spots, sums = [], []
    for number, half, places in widths:
        level = basis.whole[number]
        width = half * level.width
        if half > 2 * level.bins or width < 2 * basis.block or width > basis.widest:
            continue
        nodes = _nodes(level, half, places, side)
        if len(nodes) < 2:
            continue
        shapes = windows(level, half, nodes, side)
        order = np.concatenate([w.nodes for w in shapes])
        rank = np.argsort(order)
        away = [abs(2 * w.shape.point / w.shape.bins - 1) > ASIDE and side == "both" for w in shapes]
        aside = np.repeat(away, [len(w.nodes) for w in shapes])[rank]
        spots.append(_Spot(number, half, places, level.edges(order[rank]), rank, aside))
        sums += [local.sums(h[number], shapes, TOP, basis.orders) for h in basis.halves]
    found = local.together(sums)
    seen: dict[Candidate, _Risks] = {}
    for spot, one, two in zip(spots, found[::2], found[1::2], strict=True):
        _judge(seen, basis, spot, one, two, sigma)
    return seen


def _nodes(level: Level, half: int, places: np.ndarray, side: str) -> np.ndarray:
    low, high = (places[[0, -1]] - level.start) / level.width
    first, last = int(low + 1e-9), int(np.ceil(high - 1e-9))
    nodes = np.arange(first, last + 1, max(1, (last - first) // len(places)))
    if side == "both" and len(places) > SPOTS and 10 * half <= level.bins:  # other windows are chosen beside the ends
        nodes = nodes[(nodes >= half) & (nodes <= level.bins - half)]
    return nodes


def _judge(
    seen: dict[Candidate, _Risks], basis: Basis, spot: _Spot, one: local.Fits, two: local.Fits, sigma: Any
) -> None:
    """Add the risks of all degrees at one width, from the fits of both halves."""
    number, half, places, x, rank, aside = spot
    least = max(1, basis.orders - 1)  # in the middle of a window an even degree adds little to the odd one below
    degrees = range(least, TOP - 1) if aside.all() else [least, *range((least + 1) | 1, TOP - 1, 2)]
    p = np.array(degrees)
    right = np.clip(np.searchsorted(x, places), 1, len(x) - 1)
    share = np.clip((places - x[right - 1]) / (x[right] - x[right - 1]), 0, 1)

    def read(values: np.ndarray, axis: int) -> np.ndarray:
        """At the places, between two nodes."""
        a, b = (np.take(values, rank[i], axis=axis) for i in (right - 1, right))
        weight = share.reshape(-1, *([1] * (values.ndim - 1 - axis % values.ndim)))
        return a * (1 - weight) + b * weight

    beside = np.empty(len(rank), dtype=bool)
    beside[rank] = aside
    d = []
    for fits in (one, two):
        jets = fits.jets()
        d.append(np.where(beside[:, None], jets[p] - jets[p + 1], jets[p] - jets[p + 2]))
    product, scatter = read(d[0] * d[1], 2), read((d[0] - d[1]) ** 2 / 2, 2)
    spread = read((one.variances()[p] + two.variances()[p]) / 4, 2)
    rises = [np.sqrt(a[p] * b[p]) for a, b in zip(one.rises(), two.rises(), strict=True)]
    doubt = read(np.where(beside, *rises), 2)
    squares, own = _squares(one, two)
    below = None
    if sigma is not None:
        part = np.abs(one.derivatives * two.derivatives) * own
        below = read(hidden.squares(squares / np.maximum(sigma**2, 1e-300), part, p) * sigma**2, 2)
    squares = read(squares, 1)
    width, step = half * basis.whole[number].width, float(x[1] - x[0])
    for i, degree in enumerate(degrees):
        if np.isfinite(product[i]).any():
            rest = squares[degree + 1 : degree + 1 + REST].mean(axis=0)
            under = None if below is None else below[i]
            risks = _Risks(product[i], scatter[i], doubt[i], spread[i], rest, width, step, under)
            seen[Candidate(degree, number, half)] = risks


def _squares(one: local.Fits, two: local.Fits) -> tuple[np.ndarray, np.ndarray]:
    """The squared coefficients (D+1, k, m), from those of the halves, over their variances for σ = 1 (D+1, k)."""
    variance = sum(np.einsum("aak->ak", half.noise) for half in (one, two))
    return (one.coefficients + two.coefficients) ** 2 / variance[..., None], variance / 4


class _Table(NamedTuple):
    """The candidates of one channel over the places, all derivatives in one number."""

    product: np.ndarray  # (candidates, places)
    doubt: np.ndarray
    variance: np.ndarray
    hidden: np.ndarray
    width: np.ndarray  # (candidates,)
    step: np.ndarray
    degree: np.ndarray
    before: np.ndarray  # the candidate two degrees below at the same width, or −1
    spacing: float

    def risks(self, stretch: slice, parts: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """(candidates, parts): the risk over each of so many equal parts of a stretch, and its standard deviation."""
        cut = [v[:, stretch].reshape(len(v), parts, -1) for v in self[:4]]
        product, doubt, variance, under = cut
        count = product.shape[-1]
        bias, spread = _mean(product), _mean(variance)
        independent = _independent(self.spacing * count, self.step, self.degree, self.width, count)[:, None]
        sd = np.sqrt(_mean(doubt**2 + 2 * np.maximum(product, 0) * doubt) / independent)
        total = _slowness(self, bias, sd) * np.maximum(bias, 0) + spread
        sure = (bias > (4 + 4 / independent) * sd) & (bias > spread)  # few products have long tails
        for p in np.unique(self.degree):  # by degree the widths ascend: what is biased is no better when wider
            of = self.degree == p
            total[of] = np.fmax(total[of], np.fmax.accumulate(np.where(sure, total, -np.inf)[of]))
        total += _mean(under)  # narrower windows hide more
        return np.where(np.isfinite(total), total, np.inf), np.where(np.isfinite(sd), sd, np.inf)


def _slowness(table: _Table, bias: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """By how much the bias exceeds the step to p + 2: (1 − r)⁻², where the steps fall by r per two degrees.

    At least 2; r is read off two steps that are both beyond doubt.
    """
    sure = bias > 3 * sd
    both = (table.before >= 0)[:, None] & sure & sure[table.before]
    ratio = np.sqrt(np.divide(bias, bias[table.before], out=np.zeros_like(bias), where=both))
    return np.maximum(2.0, (1 - np.clip(ratio, 0, 0.9)) ** -2)


def _independent(length: float, step: Any, degree: Any, width: Any, count: int) -> Any:
    """How many independent windows a stretch holds."""
    return np.clip(np.minimum(length / step, length * (degree + 1) / (2 * width)), 1.0, count)


def _table(
    seen: dict[Candidate, _Risks], channel: int, sigma: float, inner: slice, spacing: float, few: bool = False
) -> tuple[list[Candidate], _Table]:
    names = sorted(seen, key=lambda c: (c.degree, seen[c].width))
    product = np.stack([seen[c].product[..., channel] for c in names])  # (candidates, K, places)
    scatter = np.stack([seen[c].scatter[..., channel] for c in names])
    doubt = sigma**2 * np.stack([seen[c].doubt for c in names])
    with np.errstate(divide="ignore", invalid="ignore"):  # noise that is larger than σ in places
        if few:  # σ tells the noise of d² better than the difference of two halves does
            product, doubt = product + (scatter - doubt) / 2, doubt / np.sqrt(2)
            rest = np.stack([seen[c].rest[..., channel] for c in names])[:, None] / max(sigma**2, 1e-300)
            product = np.fmax(product - SHRUNK * doubt, (rest - 1 - 1.5 * np.sqrt(2 / REST)) * doubt / np.sqrt(2))
        else:
            doubt *= np.fmax(1, _mean(scatter[..., inner]) / _mean(doubt[..., inner]))[..., None]
    variance = sigma**2 * np.stack([seen[c].variance for c in names])
    means = np.maximum(_mean(product[..., inner]), 0) + _mean(variance[..., inner])
    best = np.where(np.isfinite(means), means, np.inf).min(axis=0)
    unit = 1 / np.where((best > 1e-100) & (best < 1e100), best, 1.0)
    under = np.stack([_hidden(seen[c], channel) for c in names]) if few else 0 * variance
    product, doubt, variance, under = (np.einsum("k,ckp->cp", unit, a) for a in (product, doubt, variance, under))
    width = np.array([seen[c].width for c in names])
    step = np.array([seen[c].step for c in names])
    degree = np.array([c.degree for c in names])
    place = {(c.degree, w): i for i, (c, w) in enumerate(zip(names, width, strict=True))}
    before = np.array([place.get((c.degree - 2, w), -1) for c, w in zip(names, width, strict=True)])
    return names, _Table(product, doubt, variance, under, width, step, degree, before, spacing)


def _tree(seen: dict[Candidate, _Risks], places: np.ndarray, sigma: float, channel: int) -> list[Part]:
    """The choices of one channel."""
    inner = slice(len(places) // 10, len(places) - len(places) // 10)
    names, table = _table(seen, channel, sigma, inner, float(places[1] - places[0]))
    total, sd = (v[:, 0] for v in table.risks(inner))
    depth = int(np.log2(len(places) // LEAST))
    levels = [table.risks(slice(0, len(places)), 2**k) for k in range(depth + 1)]
    whole = int(np.argmin(total + sd))
    edges = np.concatenate([[places[0]], (places[1:] + places[:-1]) / 2, [places[-1]]])
    parts: list[Part] = []

    def descend(low: int, high: int, choice: int) -> None:
        k = int(np.log2(len(places) // (high - low)))
        total, sd = (v[:, low // (high - low)] for v in levels[k])
        margin = table.width[choice] / 2
        ends = edges[low] < edges[0] + margin or edges[high] > edges[-1] - margin
        if not (ends and high - low < len(places)):
            allowed = np.where(table.width <= 2 * table.width[choice], total + sd, np.inf)
            mine = int(np.argmin(allowed))
            doubt = np.hypot(sd[mine], min(sd[choice], total[choice]))
            if total[choice] > total[mine] + GAIN * doubt or not np.isfinite(total[choice]):
                choice = mine
        if high - low >= 2 * LEAST:
            middle = (low + high) // 2
            descend(low, middle, choice)
            descend(middle, high, choice)
            return
        # a bias is read off at least a window, or it is mostly noise
        reach = int(table.width[choice] / table.spacing)
        around = slice(max(0, low - reach), min(len(places), high + reach))
        told = _told(seen[names[choice]], around, channel, sigma, names[choice].degree, table.spacing)
        parts.append(Part(float(edges[low]), float(edges[high]), names[choice], *told))

    descend(0, len(places), whole)
    return parts


def _told(
    risks: _Risks, part: slice, channel: int, sigma: float, degree: int, spacing: float, unseen: float = UNSEEN
) -> tuple[np.ndarray, np.ndarray]:
    """Bias² and variance of each derivative over a stretch of places; what the bias² may be beyond what is seen of it.

    Few independent windows show little of the bias: a part of the standard deviation of its estimate is added.
    """
    product, doubt = risks.product[..., part, channel], sigma**2 * risks.doubt[..., part]
    count = product.shape[-1]
    independent = _independent(spacing * count, risks.step, degree, risks.width, count)
    sd = np.sqrt(np.nan_to_num(_mean(doubt**2 + 2 * np.maximum(product, 0) * doubt)) / independent)
    bias = SLOW * np.maximum(np.nan_to_num(_mean(product)), 0) + unseen * sd + _mean(_hidden(risks, channel))
    return bias, sigma**2 * np.nan_to_num(_mean(risks.variance[..., part]))


def _hidden(risks: _Risks, channel: int) -> np.ndarray:
    """(K, places); zeros away from the ends, where the halves of many windows show the bias."""
    return np.zeros_like(risks.doubt) if risks.hidden is None else risks.hidden[..., channel]


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis; NaN where more than a quarter of it has no value."""
    known = np.isfinite(values)
    if known.all():
        return values.mean(axis=-1)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0).sum(axis=-1)
    return np.where(count >= 0.75 * values.shape[-1], total / np.maximum(count, 1), np.nan)
