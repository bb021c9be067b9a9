"""A user's family in windows: Levenberg–Marquardt in all windows at once, each started from its neighbours' answers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from ..errors import Status
from ..families import ConnectionFunction
from ..families.base import S, compiled
from .compress import Frames, frames
from .curves import Seen
from .exponential import Answer
from .spans import Choices, Span, Trial, fits_noise, known_mean

_SAMPLES = 512  # of a window; more are averaged in groups, at least half as many
_CELLS = 400_000
_NODES = 96  # at which widths are tried
_RATIO = 1.5
_SPARE = 4  # samples of a window beyond the parameters: two for the order above, two for the noise
_POOLED = 8.0  # degrees of freedom with which the series' noise steadies that of a window
_REFUSED = 1e6  # the risk of a window that leaves more than noise
_CLEAR, _STRAYS = 9.0, 0.15  # what the family misses: beyond the noise in variance, and of the data's size
_STARTS = 96
_SEEDS = 8  # windows that are searched from many starts
_ROUNDS = 60
_QUICK, _GLANCE, _BEST = 15, 32, 6  # steps from every start, samples for them, and starts that are followed further


class CustomWindows:
    """Any connection function, θ by least squares in every window.

    Some windows are searched from many starts; the others begin from the two nearest windows that are done, in rounds
    that halve the distance between them. Source: Marquardt, SIAM J. Appl. Math. 11 (1963) 431.
    """

    plain = 0  # the order where the whole series is one window, else 1
    rate = None
    wave = False
    flags = (
        (Status.NOT_REACHED, "no θ was found: give Family(…, start=…) near it, or another width"),
        (Status.NO_CONTACT, "the family does not hold in any window wide enough to fit it and to tell"),
    )
    weak = (Status.NOT_UNIQUE, "several parameters do equally well in the window")
    vague = (Status.NOT_UNIQUE, "the samples do not determine the parameters")

    def __init__(self, family: ConnectionFunction) -> None:
        self.family = family
        self.names = family.names
        self.least = family.size + 1
        positive = getattr(family, "positive", "").split()
        self.positive = np.array([name in positive for name in self.names])

    @cached_property
    def _curve(self) -> Any:
        """(s, θ…) → g and its derivatives by θ, as one NumPy function."""
        formula, symbols = self.family.expression, self.family.symbols
        return compiled(self.family, (S, *symbols), [formula, *(sp.diff(formula, one) for one in symbols)])

    def _model(self, s: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """g (k, w) and J (p, k, w)."""
        parts = self._curve(s, *(one[:, None] for one in theta))
        rows = np.empty((len(parts), *s.shape))
        for row, one in zip(rows, parts, strict=True):
            row[...] = one
        return rows[0], rows[1:]

    def value(self, theta: np.ndarray) -> np.ndarray:
        """The curve at s = 0."""
        return self._model(np.zeros((theta.shape[1], 1)), theta)[0][:, 0]

    def unfold(self, theta: np.ndarray, step: float) -> np.ndarray:
        return theta

    def fold(self, smooth: np.ndarray) -> np.ndarray:
        return smooth

    def units(self, theta: np.ndarray) -> np.ndarray:
        """Times these the errors of θ are smooth: they are so already."""
        return np.ones(theta.shape)

    def unsure(self, theta: np.ndarray, error: np.ndarray) -> np.ndarray:
        """Nothing is known of what a user's parameters mean: only a singular fit is none (see the flags)."""
        return np.zeros(theta.shape[1])

    def waived(self, flag: int) -> bool:
        return False

    # -- the samples of a window ---------------------------------------------------------------------------------

    def _pack(
        self, t: np.ndarray, y: np.ndarray, at: np.ndarray, windows: Frames
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """s, y and weights (k, w): samples, or means of neighbours in long windows."""
        most = max(int(windows.count.max()), len(self.names) + 2)  # rows for the two orders above, empty if need be
        group = 1 if most <= _SAMPLES else -(-2 * most // _SAMPLES)
        index = windows.lo[:, None] + np.arange(-(-most // group) * group)
        weight = (index < windows.hi[:, None]).astype(float)
        index = np.minimum(index, windows.hi[:, None] - 1)
        s, value = t[index] - at[:, None], y[index]
        if group > 1:
            shape = (windows.lo.size, -1, group)
            total = weight.reshape(shape).sum(axis=2)
            safe = np.maximum(total, 1)
            s = (s * weight).reshape(shape).sum(axis=2) / safe
            value = (value * weight).reshape(shape).sum(axis=2) / safe
            weight = total
        return s, value, weight

    # -- one descent ---------------------------------------------------------------------------------------------

    def _descend(
        self, data: tuple[np.ndarray, np.ndarray, np.ndarray], theta: np.ndarray, rounds: int = _ROUNDS
    ) -> tuple[np.ndarray, np.ndarray]:
        """θ (p, k) and the weighted sum of squares (k,) where the descent stops."""
        s, y, w = data
        theta = theta.copy()
        model, slopes = self._model(s, theta)
        rest = y - model
        cost = np.einsum("kw,kw->k", w * rest, rest)
        cost[~np.isfinite(cost)] = np.inf
        damp = np.full(cost.size, 1e-3)
        active = np.flatnonzero(np.isfinite(cost))
        for _ in range(rounds):
            if not active.size:
                break
            steep, weight = slopes[:, active], w[active]
            pull = np.einsum("pkw,kw->kp", steep, weight * rest[active])
            bend = np.matmul(steep.swapaxes(0, 1), (steep * weight).transpose(1, 2, 0))
            size = np.einsum("kpp->kp", bend)
            size = np.maximum(size, 1e-30 * size.max(axis=1, keepdims=True) + 1e-300)
            bend = bend + (damp[active, None] * size)[:, :, None] * np.eye(len(theta))
            sound = np.isfinite(bend).all(axis=(1, 2)) & np.isfinite(pull).all(axis=1)
            active, pull, bend, size = active[sound], pull[sound], bend[sound], size[sound]
            scale = np.sqrt(size)
            scaled = bend / scale[:, :, None] / scale[:, None, :] + 1e-15 * np.eye(len(theta))
            try:
                step = (np.linalg.solve(scaled, (pull / scale)[:, :, None])[:, :, 0] / scale).T
            except np.linalg.LinAlgError:
                break
            ahead = theta[:, active] + step
            ahead[self.positive] = np.maximum(ahead[self.positive], theta[self.positive][:, active] / 10)
            model, steep = self._model(s[active], ahead)
            left = y[active] - model
            reached = np.einsum("kw,kw->k", w[active] * left, left)
            won = reached <= cost[active]
            still = np.all(np.abs(step) <= 1e-11 * (np.abs(theta[:, active]) + 1e-30), axis=0)
            still |= won & (cost[active] - reached <= 1e-15 * cost[active]) & (damp[active] < 1e-6)
            theta[:, active[won]], cost[active[won]] = ahead[:, won], reached[won]
            rest[active[won]], slopes[:, active[won]] = left[won], steep[:, won]
            damp[active] = np.where(won, damp[active] / 8, damp[active] * 6)
            active = active[~still & (damp[active] < 1e12)]
        return theta, cost

    # -- starts --------------------------------------------------------------------------------------------------

    def _guesses(self, y: np.ndarray, half: float) -> np.ndarray:
        """Signs and sizes from the data's own scales: (starts, p), the same for the same data."""
        given = getattr(self.family, "start", None)
        level = max(float(np.max(np.abs(y))), 1e-300)
        sizes = np.array([level, max(float(np.ptp(y)), 1e-300), 1.0, 1 / half, 3 / half, half, half / 3])
        rng = np.random.default_rng(20250801)  # fixed: the same question gets the same answer
        shape = (_STARTS, len(self.names))
        out = rng.choice(sizes, shape) * rng.uniform(0.3, 2.0, shape) * rng.choice([-1.0, 1.0], shape)
        out[:, self.positive] = np.abs(out[:, self.positive])
        return out if given is None else np.concatenate([np.asarray(given, float)[None], out[:8]])

    def _searched(self, data: tuple[np.ndarray, np.ndarray, np.ndarray], half: float) -> tuple[np.ndarray, np.ndarray]:
        """Windows from many starts: a few steps on some of the samples, then the best of these on all."""
        guesses = self._guesses(data[1], half)
        k, step = data[0].shape[0], max(1, data[0].shape[1] // max(_GLANCE, 4 * len(self.names)))
        theta, cost = self._from(tuple(one[:, ::step] for one in data), np.tile(guesses, (k, 1)).T, _QUICK)
        best = np.argsort(cost.reshape(k, -1), axis=1, kind="stable")[:, :_BEST]
        best += guesses.shape[0] * np.arange(k)[:, None]
        theta, cost = self._from(data, theta[:, best.ravel()], _ROUNDS)
        best = np.argmin(cost.reshape(k, -1), axis=1) + cost.size // k * np.arange(k)
        return theta[:, best], cost[best]

    def _from(self, data: tuple[np.ndarray, ...], starts: np.ndarray, rounds: int) -> tuple[np.ndarray, np.ndarray]:
        """As many descents in every window, one window's after another's."""
        s, y, w = (np.repeat(one, starts.shape[1] // one.shape[0], axis=0) for one in data)
        return self._descend((s, y, w), starts, rounds)

    # -- all windows ---------------------------------------------------------------------------------------------

    def fits(
        self, t: np.ndarray, y: np.ndarray, at: np.ndarray, windows: Frames, judged: bool = False
    ) -> Iterator[tuple[np.ndarray, Answer, Answer]]:
        """Places, answers, and those of the order above; windows must hold samples. ``judged``: flag what strays."""
        line = np.argsort(at, kind="stable")
        k = line.size
        rows = max(16, _CELLS // min(int(windows.count.max()), _SAMPLES))
        theta, cost = np.full((len(self.names), k), np.nan), np.full(k, np.inf)
        seeds = np.unique(np.linspace(0, k - 1, min(k, _SEEDS)).astype(int))
        some = line[seeds]
        data = self._pack(t, y, at[some], windows[some])
        theta[:, some], cost[some] = self._searched(data, float(np.median(windows.half[some])))
        done = seeds
        while done.size < k:
            new = np.unique((done[1:] + done[:-1]) // 2)
            new = np.setdiff1d(new, done)
            left = done[np.searchsorted(done, new) - 1]
            right = done[np.minimum(np.searchsorted(done, new), done.size - 1)]
            for start in range(0, new.size, rows):
                part_of = slice(start, start + rows)
                now = line[new[part_of]]
                data = self._pack(t, y, at[now], windows[now])
                for beside in (left, right):
                    found, reached = self._descend(data, theta[:, line[beside[part_of]]])
                    better = reached < cost[now]
                    theta[:, now[better]], cost[now[better]] = found[:, better], reached[better]
            done = np.union1d(done, new)
        for start in range(0, k, rows):
            now = line[start : start + rows]
            yield now, *self._answers(self._pack(t, y, at[now], windows[now]), theta[:, now], cost[now], judged)

    def _answers(
        self, data: tuple[np.ndarray, np.ndarray, np.ndarray], theta: np.ndarray, cost: np.ndarray, judged: bool
    ) -> tuple[Answer, Answer]:
        """θ, and θ with the next two powers of s beside the family, to first order."""
        s, y, w = data
        model, slopes = self._model(s, theta)
        p, root = len(theta), np.sqrt(w)
        v = s / np.max(np.abs(s) * (w > 0), axis=1, keepdims=True)
        columns = np.moveaxis(np.concatenate([slopes, v[None] ** p, v[None] ** (p + 1)]), 0, -1) * root[..., None]
        columns = np.nan_to_num(columns, nan=0.0, posinf=0.0, neginf=0.0)
        scale = np.maximum(np.sqrt(np.einsum("kwp,kwp->kp", columns, columns)), 1e-150)
        q, r = np.linalg.qr(columns / scale[:, None])
        diagonal = np.einsum("kii->ki", r)
        singular = (np.abs(diagonal[:, :p]) < 1e-7).any(axis=1)
        diagonal[np.abs(diagonal) < 1e-9] = 1e100
        found = np.matmul(q.swapaxes(1, 2), np.nan_to_num(root * (y - model))[..., None])[..., 0]
        inverse, plain = np.linalg.inv(r), np.linalg.inv(r[:, :p, :p])
        lever = np.sqrt((plain**2).sum(axis=2)) / scale[:, :p]
        beyond = np.sqrt((inverse[:, :p] ** 2).sum(axis=2)) / scale[:, :p]
        step = np.matmul(inverse[:, :p, p:], found[:, p:, None])[..., 0] / scale[:, :p]
        gained = (found[:, p:] ** 2).sum(axis=1)
        left, freedom = cost - gained, (w > 0).sum(axis=1) - p
        signal = np.where(singular, 0.0, np.inf)
        strays = (gained / 2 > _CLEAR * left / np.maximum(freedom - 2, 1)) & judged
        strays &= gained > _STRAYS**2 * (w * y**2).sum(axis=1)
        doubt = np.array([~np.isfinite(cost), strays]).T
        return (
            Answer(theta, lever.T, cost, np.maximum(freedom, 0), signal, doubt),
            Answer(theta + step.T, beyond.T, left, np.maximum(freedom - 2, 0), signal, doubt),
        )

    # -- the width -----------------------------------------------------------------------------------------------

    def choose(self, t: np.ndarray, y: np.ndarray, side: str) -> Choices:
        """The width, all parameters together, by how far two orders more would move them; see :mod:`.curves`."""
        nodes = t[np.unique(np.round(np.linspace(0, t.size - 1, min(t.size, _NODES + 2))[1:-1]).astype(int))]
        size, reach = len(self.names), (t[-1] - t[0]) / 2 * (1 if side == "both" else 2)
        found = []
        half = float(reach)
        while True:
            windows = frames(t, nodes, np.full(nodes.size, half), side)
            if np.median(windows.count) < size + _SPARE:
                break
            rows = np.full((3, size, nodes.size), np.nan)
            rest, freedom = np.full((2, nodes.size), np.nan)
            enough = np.flatnonzero(windows.count >= size + _SPARE)
            for places, one, above in self.fits(t, y, nodes[enough], windows[enough]):
                now = enough[places]
                step = np.array(self.family.difference(list(above.theta), list(one.theta)))
                rows[:, :, now] = np.where(one.signal > 0, [step**2, one.lever**2, above.lever**2], np.nan)
                rest[now], freedom[now] = above.rest, above.freedom
            found.append((half, *rows, rest, freedom))
            half /= _RATIO
        if not found:
            return Choices(nodes, (), np.zeros(nodes.size, dtype=int))
        halves, square, lever, beyond, rest, freedom = (np.array(one) for one in zip(*found[::-1], strict=True))
        own = rest / freedom
        pooled = min((np.median(row[np.isfinite(row)]) for row in own if np.isfinite(row).any()), default=np.nan)
        noise = (rest + _POOLED * pooled) / (freedom + _POOLED)
        lever, beyond = lever * noise[:, None], beyond * noise[:, None]
        unit = np.exp(known_mean(np.log(np.maximum(lever, 1e-300)).transpose(1, 2, 0)))
        chance = np.maximum(beyond - lever, 0)
        bias, chance, variance = (one.sum(axis=1) for one in ((square - chance) / unit, chance / unit, lever / unit))
        trials = [
            Trial(*one, noise[j], own[j], freedom[j]) for j, one in enumerate(zip(bias, chance, variance, strict=True))
        ]
        good = np.isfinite(bias + chance + variance) & fits_noise(trials)
        bias, chance, variance = (np.where(good, one, _REFUSED) for one in (bias, chance, variance))
        apart = np.minimum((t[-1] - t[0]) / halves / nodes.size, 1.0)
        which = Seen(halves, np.zeros(halves.size, dtype=int), bias, np.sqrt(2) * chance, variance, apart).tree()
        used, which = np.unique(which, return_inverse=True)
        spans = tuple(Span(float(halves[j]), int(halves[j] < reach), bool(halves[j] >= reach)) for j in used)
        return Choices(nodes, spans, which)
