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
from .exponential import Answer
from .spans import Choices, Span, Trial, settle

_SAMPLES = 512  # of a window; more are averaged in groups, at least half as many
_CELLS = 400_000
_STARTS = 96
_SEEDS = 8  # windows that are searched from many starts
_ROUNDS = 60
_QUICK, _GLANCE, _BEST = 15, 32, 6  # steps from every start, samples for them, and starts that are followed further


class CustomWindows:
    """Any connection function, θ by least squares in every window.

    Some windows are searched from many starts; the others begin from the two nearest windows that are done, in rounds
    that halve the distance between them. Source: Marquardt, SIAM J. Appl. Math. 11 (1963) 431.
    """

    plain = 0
    rate = None
    wave = False
    flags = ((Status.NOT_REACHED, "no θ was found: give Family(…, start=…) near it, or another width"),)
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
        self, t: np.ndarray, y: np.ndarray, at: np.ndarray, windows: Frames, part: int | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """s, y and weights (k, w): samples, or means of neighbours in long windows."""
        most = int(windows.count.max())
        group = 1 if most <= _SAMPLES else -(-2 * most // _SAMPLES)
        index = windows.lo[:, None] + np.arange(-(-most // group) * group)
        weight = (index < windows.hi[:, None]).astype(float)
        if part is not None:
            place = index - windows.lo[:, None]
            weight *= ((place % 4 == 1) | (place % 4 == 2)) == bool(part)
        index = np.minimum(index, t.size - 1)
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
        self,
        t: np.ndarray,
        y: np.ndarray,
        at: np.ndarray,
        windows: Frames,
        order: int,
        part: int | None = None,
        begin: np.ndarray | None = None,
    ) -> Iterator[tuple[np.ndarray, Answer]]:
        """Places and answers; windows must hold samples. From θ (p, k) to begin with where they are given."""
        line = np.argsort(at, kind="stable")
        k = line.size
        rows = max(16, _CELLS // min(int(windows.count.max()), _SAMPLES))
        if begin is not None:
            for start in range(0, k, rows):
                now = line[start : start + rows]
                data = self._pack(t, y, at[now], windows[now], part)
                yield now, self._answer(data, *self._descend(data, begin[:, now]))
            return
        theta, cost = np.full((len(self.names), k), np.nan), np.full(k, np.inf)
        seeds = np.unique(np.linspace(0, k - 1, min(k, _SEEDS)).astype(int))
        some = line[seeds]
        data = self._pack(t, y, at[some], windows[some], part)
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
                data = self._pack(t, y, at[now], windows[now], part)
                for beside in (left, right):
                    found, reached = self._descend(data, theta[:, line[beside[part_of]]])
                    better = reached < cost[now]
                    theta[:, now[better]], cost[now[better]] = found[:, better], reached[better]
            done = np.union1d(done, new)
        for start in range(0, k, rows):
            now = line[start : start + rows]
            yield now, self._answer(self._pack(t, y, at[now], windows[now], part), theta[:, now], cost[now])

    def _answer(self, data: tuple[np.ndarray, np.ndarray, np.ndarray], theta: np.ndarray, cost: np.ndarray) -> Answer:
        s, _, w = data
        slopes = self._model(s, theta)[1]
        bend = np.nan_to_num(np.einsum("pkw,qkw->kpq", slopes, slopes * w), nan=0.0, posinf=0.0, neginf=0.0)
        scale = np.sqrt(np.maximum(np.einsum("kpp->kp", bend), 1e-300))
        values, vectors = np.linalg.eigh(bend / scale[:, :, None] / scale[:, None, :])
        singular = values[:, 0] < 1e-12 * values[:, -1]
        spread = (vectors**2 / np.maximum(values, 1e-300)[:, None, :]).sum(axis=2)
        lever = (np.sqrt(spread) / scale).T
        freedom = np.maximum((w > 0).sum(axis=1) - len(theta), 0)
        signal = np.where(singular, 0.0, np.inf)
        return Answer(theta, lever, cost, freedom, signal, ~np.isfinite(cost)[:, None])

    # -- the width -----------------------------------------------------------------------------------------------

    def choose(self, t: np.ndarray, y: np.ndarray, side: str) -> Choices | None:
        """The width by the half-product risk against windows half as wide, all parameters together."""
        nodes = t[np.unique(np.round(np.linspace(0, t.size - 1, min(t.size, 34))[1:-1]).astype(int))]
        reach = (t[-1] - t[0]) / 2 * (1 if side == "both" else 2)
        halves = [reach]
        spacing = float(np.median(np.diff(t)))
        while halves[-1] / 2 > spacing * (len(self.names) + 2):
            halves.append(halves[-1] / 2)
        size = len(self.names)
        full, parts = [], []
        for half in halves:
            windows = frames(t, nodes, np.full(nodes.size, half), side)
            if windows.count.min() < 2 * (size + 2):
                break
            both: list[Any] = []
            for part in (None, 0, 1):
                theta, variance = np.full((2, size, nodes.size), np.nan)
                scale, freedom = np.full((2, nodes.size), np.nan)
                # the halves begin from the whole's θ: they hold the same curve
                for places, one in self.fits(t, y, nodes, windows, 0, part, both[0] if both else None):
                    theta[:, places], freedom[places] = one.theta, one.freedom
                    scale[places] = one.rest / one.freedom
                    usable = (one.signal > 0) & (one.freedom > 0)
                    variance[:, places] = np.where(usable, scale[places] * one.lever**2, np.nan)
                both.append(theta)
                if part is None:
                    full.append((variance, scale, freedom))
            parts.append(both[1:])
        if len(parts) < 2:
            return Choices(nodes, (Span(float(halves[0]), 0),), np.zeros(nodes.size, dtype=int)) if parts else None
        unit = np.exp(np.nanmean([np.log(np.maximum(one[0], 1e-300)) for one in full], axis=0))
        spans, trials = [], []
        for j in range(len(parts) - 1):
            gap = [self.family.difference(parts[j][i], parts[j + 1][i]) for i in (0, 1)]
            bias = sum((a * b / u for a, b, u in zip(*gap, unit, strict=True)), start=np.zeros(nodes.size))
            variance = (full[j][0] / unit).sum(axis=0)
            chance = 2 * (np.maximum(full[j + 1][0] - full[j][0], 0) / unit).sum(axis=0)
            spans.append(Span(float(halves[j]), 0))
            trials.append(Trial(bias, chance, variance, variance, full[j][1], full[j][2]))
        return settle(nodes, spans, trials)
