"""Windows of a series, each squeezed into a dozen orthonormal coefficients.

A window is the samples lo … hi − 1; inside it u = (t − middle) / half runs from −1 to 1. A smooth curve on a window is
held by few functions of a basis, so their orthonormal coefficients are practically sufficient statistics: what is
fitted afterwards costs the same for 50 samples as for 50,000.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.polynomial import legendre as leg

from .between import chebyshev
from .convolved import convolved
from .orthonormal import from_gram, orthonormal

Basis = Callable[[np.ndarray, Any], np.ndarray]

_CELLS = 1_500_000  # samples held at a time
_FEW = 256  # windows of one kind below this number are handled together with others
_BATCH = 8192  # windows of one kind in a block at most
_LONG, _PIECE = 16384, 8192  # samples of long windows, and of the pieces that they are read in, a multiple of four
_LEVEL = 64  # samples of a long window that its level is read from
_WIDE = 768  # from here on a convolution by FFT is cheaper than a matrix product
_ALONE = 16  # so few windows of several lengths have a basis each
_TOGETHER = 2048  # windows that an end cuts off are handled so many at a time
_SMOOTH, _TURNS = 12, 0.25  # points that hold what changes over a sixteenth of a window; more for every radian
_EXACT = 1e-11  # below this share of the energy, what is left outside the coefficients is rounding


@dataclass(frozen=True)
class Frames:
    """Windows: sample ranges lo … hi − 1, middle and half length for u, and where s = 0 lies in u; arrays (k,).

    ``begin`` … ``end`` − 1 are the samples from u = −1 to 1: those of the window, or some more, which many share.
    """

    lo: np.ndarray
    hi: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    middle: np.ndarray
    half: np.ndarray
    origin: np.ndarray

    @property
    def count(self) -> np.ndarray:
        return self.hi - self.lo

    def __getitem__(self, pick: Any) -> Frames:
        return Frames(*(getattr(self, one.name)[pick] for one in fields(self)))


@dataclass(frozen=True)
class Block:
    """Some windows in coefficients.

    ``c`` (k, K): orthonormal coefficients of y − level, the constant's first; ``matrix`` (R, K) or (k, R, K): those of
    the R basis functions; ``outside`` (k,): the energy of y that they leave out; ``count`` (k,): samples;
    ``middle`` (k,): of the window, in samples.
    """

    c: np.ndarray
    matrix: np.ndarray
    level: np.ndarray
    outside: np.ndarray
    count: np.ndarray
    middle: np.ndarray

    @property
    def way(self) -> np.ndarray:
        """How far windows have moved from one to the next, all together, in their lengths."""
        return np.concatenate([[0.0], np.cumsum(np.abs(np.diff(self.middle)) / self.count[1:])])


def moved(t: np.ndarray, at: np.ndarray, width: np.ndarray) -> np.ndarray:
    """How far the windows |t − at| ≤ width must move to lie in the data."""
    return np.asarray(np.maximum(t[0] - at + width, 0) - np.maximum(at + width - t[-1], 0))


def frames(t: np.ndarray, at: np.ndarray, width: np.ndarray, side: str, whole: bool = True) -> Frames:
    """The windows |t − at| ≤ width. At an end of the data those for both sides move in and keep their length; with
    ``whole`` False the end cuts them off."""
    slack = 1e-9 * width + 4 * np.finfo(float).eps * np.max(np.abs(t))
    left, right = at - width * (side != "right"), at + width * (side != "left")
    if side == "both" and whole:
        move = moved(t, at, width)
        left, right = left + move, right + move
    lo = np.searchsorted(t, left - slack, "left")
    hi = np.maximum(np.searchsorted(t, right + slack, "right"), lo)
    begin, end = lo, hi
    if not whole:
        more = _rounded(hi - lo)
        cut = (lo == 0) | (hi == t.size)
        begin = np.where(cut & (lo > 0), np.maximum(hi - more, 0), lo)
        end = np.where(cut & (hi < t.size), np.minimum(lo + more, t.size), hi)
    first, last = t[np.minimum(begin, t.size - 1)], t[np.maximum(end - 1, 0)]
    middle, half = (first + last) / 2, (last - first) / 2
    with np.errstate(all="ignore"):
        origin = np.where(half > 0, (at - middle) / half, 0.0)
    return Frames(lo, hi, begin, end, middle, np.where(half > 0, half, 1.0), origin)


def _rounded(count: np.ndarray) -> np.ndarray:
    """Counts rounded up by a sixteenth at most: few different ones."""
    unit = np.maximum(2 ** np.floor(np.log2(np.maximum(count, 1))).astype(int) // 16, 1)
    return np.asarray(-(-count // unit) * unit)


def legendre(u: np.ndarray, degree: int) -> np.ndarray:
    """Legendre polynomials 0 … degree at u, along a new last axis."""
    out = np.empty((*u.shape[:-1], degree + 1, u.shape[-1]))  # along u in memory: what follows are sums over it
    out[..., 0, :] = 1
    if degree:
        out[..., 1, :] = u
    for k in range(2, degree + 1):
        out[..., k, :] = (2 - 1 / k) * u * out[..., k - 1, :] - (1 - 1 / k) * out[..., k - 2, :]
    return out.swapaxes(-1, -2)


@lru_cache(maxsize=8)
def power_to_legendre(powers: int, degree: int) -> np.ndarray:
    """Legendre coefficients 0 … degree of u^r, r < powers: shape (powers, degree + 1)."""
    out = np.zeros((powers, degree + 1))
    for r in range(powers):
        one = leg.poly2leg(np.eye(powers)[r])
        out[r, : min(one.size, degree + 1)] = one[: degree + 1]
    return out


def uniform(t: np.ndarray, windows: Frames) -> np.ndarray:
    """Which windows hold equally spaced samples: a bool each."""
    gaps = np.diff(t)
    usual = float(np.median(gaps))
    odd = np.abs(gaps - usual) > 1e-8 * usual + 4 * np.finfo(float).eps * np.max(np.abs(t))
    before = np.concatenate([[0], np.cumsum(odd)])
    return before[np.maximum(windows.end - 1, 0)] == before[np.minimum(windows.begin, t.size - 1)]


def blocks(
    t: np.ndarray,
    y: np.ndarray,
    windows: Frames,
    basis: Basis,
    size: int,
    carrier: np.ndarray,
    part: int | None = None,
) -> Iterator[tuple[np.ndarray, Block]]:
    """The windows in coefficients, some thousand at a time, with their places.

    ``basis(u, carrier)`` gives the R functions along the last axis, the first ``size`` of which span the coefficients;
    ``carrier`` (k,) is handed to it. ``part`` 0 or 1 takes one of two interleaved halves of every window (0110…).
    """
    even, held = uniform(t, windows), windows.count > (0 if part is None else 3)
    length = windows.end - windows.begin
    short = windows.count < length
    short = np.isin(windows.begin, windows.begin[short]) & np.isin(windows.end, windows.end[short])
    even &= not 0 < (short & even).sum() <= _ALONE or ~short
    places = np.flatnonzero(even & held & short)
    order = places[np.lexsort((carrier[places], length[places]))]
    few: list[tuple[np.ndarray, Block]] = []
    for group in _groups(order, length, carrier):
        few += _nested(y, windows, basis, size, carrier[group[0]], group)
        if sum(now.size for now, _ in few) >= _TOGETHER:
            yield from _packed(few)
            few = []
    yield from _packed(few)
    places = np.flatnonzero(even & held & ~short)
    if places.size:
        order = places[np.lexsort((windows.lo[places], carrier[places], windows.count[places]))]
        few = []
        for group in _groups(order, windows.count, carrier):
            found = _alike(y, windows, basis, size, carrier[group[0]], part, group)
            if group.size >= _FEW:
                yield from found
                continue
            few += found
            if sum(now.size for now, _ in few) >= _FEW:
                yield from _packed(few)
                few = []
        yield from _packed(few)
    places = np.flatnonzero(~even & held)
    order = places[np.argsort(windows.count[places], kind="stable")]
    while order.size:
        rows = max(1, _CELLS // (4 * max(int(windows.count[order[0]]), 8)))
        now = order[:rows]
        now = now[windows.count[now] <= 2 * windows.count[now[0]]]
        yield now, _unlike(t, y, windows[now], basis, size, carrier[now], part)
        order = order[now.size :]


def _groups(order: np.ndarray, *keys: np.ndarray) -> list[np.ndarray]:
    """Runs of places that agree in all keys."""
    changes = np.zeros(max(order.size - 1, 0), dtype=bool)
    for key in keys:
        changes |= np.diff(key[order]) != 0
    return np.split(order, np.flatnonzero(changes) + 1) if order.size else []


def _packed(few: list[tuple[np.ndarray, Block]]) -> Iterator[tuple[np.ndarray, Block]]:
    """Small blocks as one, each window with its own matrix; where it has fewer coefficients, with zeros."""
    if len(few) < 2:
        yield from few
        return
    few = sorted(few, key=lambda one: float(one[1].middle[0]))  # what lies side by side begins near each other
    ends = np.cumsum([now.size for now, _ in few])
    first = few[0][1].matrix
    c = np.zeros((ends[-1], max(block.c.shape[1] for _, block in few)))
    matrix = np.zeros((ends[-1], first.shape[-2], c.shape[1]))
    for (now, block), end in zip(few, ends, strict=True):
        c[end - now.size : end, : block.c.shape[1]] = block.c
        matrix[end - now.size : end, :, : block.c.shape[1]] = block.matrix
    level, outside, count, middle = (
        np.concatenate([getattr(block, name) for _, block in few]) for name in ("level", "outside", "count", "middle")
    )
    yield np.concatenate([now for now, _ in few]), Block(c, matrix, level, outside, count, middle)


def _half(index: np.ndarray, part: int) -> np.ndarray:
    """0110…: neighbours go to different halves, and neither half leads."""
    return ((index % 4 == 1) | (index % 4 == 2)) == bool(part)


def _alike(
    y: np.ndarray,
    windows: Frames,
    basis: Basis,
    size: int,
    carrier: float,
    part: int | None,
    group: np.ndarray,
) -> Iterator[tuple[np.ndarray, Block]]:
    """Windows of one length on equally spaced samples share one basis."""
    count = int(windows.count[group[0]])
    lo = windows.lo[group]
    wide = part is None and count > _WIDE and group.size * 16 > lo[-1] - lo[0] + count
    if not wide and count >= _LONG:
        parts = np.split(group, np.arange(_BATCH, group.size, _BATCH))
        summed = [(now, _summed(y, windows.lo[now], count, basis, size, carrier, part)) for now in parts]
        if known := [(now, block) for now, block in summed if block is not None]:
            yield from known
            return
    functions = basis(np.linspace(-1, 1, count) if count > 1 else np.zeros(1), carrier)
    pick = slice(None) if part is None else np.flatnonzero(_half(np.arange(count), part))
    functions = functions[pick]
    q = orthonormal(functions[:, :size])
    matrix = functions.T @ q
    rows = max(2 * count, 4096) if wide else max(4, min(_BATCH, _CELLS // count))
    for start in range(0, group.size, rows):
        now, first = group[start : start + rows], lo[start : start + rows]
        if wide and first[-1] - first[0] < 16 * rows:
            c, level, energy = convolved(y, first, q)
        else:
            piece = sliding_window_view(y, count)[first]
            piece = piece[:, pick].copy() if part is not None else piece
            level = piece.mean(axis=1)
            piece -= level[:, None]
            c, energy = piece @ q, np.vecdot(piece, piece)
        for begin in range(0, now.size, _BATCH):
            few = slice(begin, begin + _BATCH)
            held = np.full(now[few].size, q.shape[0])
            yield now[few], _block(c[few], matrix, level[few], energy[few], held, first[few] + count / 2)


def _summed(
    y: np.ndarray, first: np.ndarray, count: int, basis: Basis, size: int, carrier: float, part: int | None
) -> Block | None:
    """Long windows of one length, whose basis is never held on all their samples; None where it is badly spanned."""
    u = np.linspace(-1, 1, count)
    level = y[first[:, None] + np.linspace(0, count - 1, _LEVEL).astype(int)].mean(axis=1)
    gram, held = np.zeros(()), 0
    c, energy, rows = np.zeros((first.size, size)), np.zeros(first.size), _CELLS // _PIECE
    for begin in range(0, count, _PIECE):
        here = np.arange(begin, min(begin + _PIECE, count))
        pick = slice(None) if part is None else _half(here, part)
        functions = basis(u[here], carrier)[pick]
        gram = gram + functions.T @ functions[:, :size]
        held += len(functions)
        for start in range(0, first.size, rows):
            some = slice(start, start + rows)
            piece = sliding_window_view(y, here.size)[first[some] + begin][:, pick]
            piece -= level[some, None]
            c[some] += piece @ functions[:, :size]
            energy[some] += np.vecdot(piece, piece)
    to = from_gram(gram[:size])
    if to is None:
        return None
    return _block(c @ to.T, gram @ to.T, level, energy, np.full(first.size, held), first + count / 2)


def _nested(
    y: np.ndarray, windows: Frames, basis: Basis, size: int, carrier: float, group: np.ndarray
) -> list[tuple[np.ndarray, Block]]:
    """Windows that the end of the series cuts off, in the coordinates of one that is a little longer: from its sums
    goes what lies beyond each. The sums of y are those of every window; what the basis becomes changes smoothly with
    the samples that lack, so it is found for some of their numbers and interpolated."""
    begin, end = windows.begin[group], windows.end[group]
    count = int(end[0] - begin[0])
    functions = basis(np.linspace(-1, 1, count), carrier)
    gram = functions[:, :size].T @ functions
    to = from_gram(gram[:, :size])
    if to is None:
        q = orthonormal(functions[:, :size]).T
        whole = q @ np.concatenate([q.T, functions], axis=1)
    else:
        q = to @ functions[:, :size].T
        whole = np.concatenate([np.eye(size), to @ gram], axis=1)
    kept, found = len(q), []
    left = (windows.lo[group] == 0) & (begin == 0)
    for pick in (left, ~left):
        if not pick.any():
            continue
        now = group[pick][np.argsort((windows.lo + windows.hi)[group[pick]], kind="stable")]
        lacking = count - windows.count[now]
        most = int(lacking.max())
        # the samples beyond, the outermost first
        ends, way = (slice(count - most, count), -1) if pick is left else (slice(0, most), 1)
        value = y[begin[pick][0] : end[pick][0]]
        level = float(value.mean())
        value = value - level
        own = np.concatenate([q, value[None]])
        gone = np.zeros((kept + 1, most + 1))
        np.cumsum((own[:, ends] * value[ends])[:, ::way], axis=1, out=gone[:, 1:])
        sums = (own @ value)[:, None] - gone[:, lacking]
        nodes, weights = chebyshev(lacking, _SMOOTH + int(_TURNS * carrier))
        beyond = np.concatenate([q[:, ends], functions[ends].T])[:, ::way]
        held = np.empty((nodes.size, *whole.shape))
        for k, (i, j) in enumerate(pairwise([0, *nodes.tolist()])):
            np.subtract(held[k - 1] if k else whole, beyond[:kept, i:j] @ beyond[:, i:j].T, out=held[k])
        back = np.linalg.inv(np.linalg.cholesky(held[..., :kept] + 1e-14 * np.eye(kept)))
        c = np.einsum("kn,nik->ki", weights, np.matmul(back, sums[:-1]))
        maps = np.matmul(held[..., kept:].swapaxes(1, 2), back.swapaxes(1, 2)).reshape(nodes.size, -1)
        maps = (weights @ maps).reshape(now.size, -1, kept)
        middle = (windows.lo[now] + windows.hi[now]) / 2
        found.append((now, _block(c, maps, np.full(now.size, level), sums[-1], windows.count[now], middle)))
    return found


def _unlike(
    t: np.ndarray,
    y: np.ndarray,
    windows: Frames,
    basis: Basis,
    size: int,
    carrier: np.ndarray,
    part: int | None,
) -> Block:
    """Windows with a basis each: unequal spacing, gaps."""
    index = windows.lo[:, None] + np.arange(int(windows.count.max()))
    inside = index < windows.hi[:, None]
    if part is not None:
        inside &= _half(index - windows.lo[:, None], part)
    index = np.minimum(index, t.size - 1)
    count = inside.sum(axis=1)
    u = np.where(inside, (t[index] - windows.middle[:, None]) / windows.half[:, None], 0.0)
    values = np.where(inside, y[index], 0.0)
    level = values.sum(axis=1) / np.maximum(count, 1)
    values = np.where(inside, values - level[:, None], 0.0)
    functions = basis(u, carrier[:, None]) * inside[..., None]
    size = min(size, max(1, int(count.min())))
    spanning = functions[..., :size]
    if u.shape[1] <= 96 or len(u) <= _ALONE:  # few samples hold a high degree badly: the safe way
        q = np.linalg.qr(spanning)[0]
        matrix = np.matmul(functions.swapaxes(1, 2), q)
        c = np.matmul(values[:, None, :], q)[:, 0, :]
    else:
        gram = np.matmul(spanning.swapaxes(1, 2), functions)
        square = gram[..., :size]
        size_of = np.einsum("kii->ki", square)
        lower = np.linalg.cholesky(square + 1e-13 * size_of[..., None] * np.eye(size))
        both = np.concatenate([gram, np.matmul(values[:, None, :], spanning).swapaxes(1, 2)], axis=2)
        both = np.linalg.solve(lower, both)
        matrix, c = both[..., :-1].swapaxes(1, 2), both[..., -1]
    middle = (windows.lo + windows.hi) / 2
    return _block(c, matrix, level, np.einsum("ij,ij->i", values, values), count, middle)


def _block(
    c: np.ndarray, matrix: np.ndarray, level: np.ndarray, energy: np.ndarray, count: np.ndarray, middle: np.ndarray
) -> Block:
    outside = energy - np.einsum("ij,ij->i", c, c)
    return Block(c, matrix, level, np.where(outside > _EXACT * energy, outside, 0.0), count, middle)


def unreached(t: np.ndarray, at: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Where the samples t do not reach: beyond them, and in gaps wider than the window on either side."""
    if not t.size:
        return np.ones(at.shape, dtype=bool)
    after = np.searchsorted(t, at)
    near = np.fmin(at - t[np.maximum(after - 1, 0)], t[np.minimum(after, t.size - 1)] - at)
    return (at < t[0]) | (at > t[-1]) | ~np.isfinite(at) | (near > half)
