"""dask arrays: each chunk is fitted with what it needs of its neighbours, when it is computed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import BadSamples, Status
from ..evidence import converged
from ..families import ConnectionFunction
from ..lazy import is_lazy
from .result import SampledTransform, sentences
from .series import Series, equal, numbers

__all__ = ["LazySamples", "is_lazy", "lazily"]

LEAST = 2**16  # samples in a chunk that is to choose its own bandwidth
_COARSE = 2**20  # points of t that are looked at to lay out the chunks

_NONE = "No point has an answer: y, or the windows, hold too few samples."

_STATUSES = np.array(list(Status), dtype=object)
_CODES = {status: code for code, status in enumerate(Status)}


@dataclass(frozen=True, repr=False, eq=False)
class LazySamples(SampledTransform):
    """A :class:`SampledTransform` of dask arrays: nothing is computed before it is asked for.

    ``noise`` is per point here: the scale in the chunk that the point lies in. ``compute()`` gives the arrays.
    """

    again: Callable[[Any], LazySamples] | None = None  # the same question at other points

    @property
    def success(self) -> Any:
        """Where there is an answer, as a dask array."""
        return converged(self.status)

    def raise_for_status(self) -> SampledTransform:
        raise BadSamples("the parameters are not computed yet: call .compute().raise_for_status().")

    def some(self, most: int) -> SampledTransform:
        """The answer at some of its points, at most ``most``, computed at no others: for pictures."""
        if self.again is None or self.t.ndim != 1 or self.t.size <= most:
            return self.compute()
        step = -(-self.t.size // most)
        part = self.again(np.asarray(self.t[::step], dtype=float)).compute()
        return replace(part, times=None if self.times is None else self.times[::step])

    def compute(self, **options: Any) -> SampledTransform:
        """The same with NumPy arrays: everything is computed, once. The options are those of ``dask.compute``."""
        lazy = (self.theta, self.error, self.t, self.bandwidth, self.noise, self.status)
        theta, error, t, bandwidth, noise, status = importlib.import_module("dask").compute(*lazy, **options)
        none = "" if converged(status).any() or not status.size else _NONE
        return SampledTransform(
            theta=theta, error=error, family=self.family, t=np.asarray(t, dtype=float), bandwidth=bandwidth,
            noise=noise, status=status, side=self.side, times=self.times, message=sentences(self.message, none),
        )  # fmt: skip

    def to_frame(self) -> Any:
        return self.compute().to_frame()

    def __repr__(self) -> str:
        status: Any = self.status
        chunks = len(status.chunks[0]) if status.ndim else 1
        channels = f" × {status.shape[-1]} channels" if status.ndim > 1 else ""
        names = ", ".join(self.family.names)
        size = status.shape[0] if status.ndim else 1
        return f"samples of {self.family!r} ({size} points{channels}): {names} in {chunks} chunks, not computed yet"

    def _repr_html_(self) -> str:
        import html

        return f"<p>{html.escape(repr(self))}</p><p>{html.escape(self.message)}</p>"


def lazily(t: Any, y: Any, family: ConnectionFunction, bandwidth: Any, at: Any, side: Any, robust: bool) -> LazySamples:
    """The result for a dask array y (or t): every field a dask array, chunk by chunk.

    With a number for ``bandwidth`` a chunk is given the samples of its neighbours within that half-width, and θ is what
    the whole series in memory would give. With "auto" a chunk of at least 2¹⁶ samples, with a quarter of that from
    each neighbour, is a series of its own that chooses for itself. The noise is that of the chunk in either case. Only
    t is looked at beforehand, and of a lazy t some million points. Raises ``BadSamples`` for what can be seen there;
    what only the samples show is raised when they are computed.
    """

    def again(points: Any) -> LazySamples:
        return lazily(t, y, family, bandwidth, points, side, robust)

    return replace(_asked(t, y, family, bandwidth, at, side, robust), again=again)


def _asked(t: Any, y: Any, family: ConnectionFunction, bandwidth: Any, at: Any, side: Any, robust: bool) -> LazySamples:
    da = importlib.import_module("dask.array")
    given = t
    t, y = (a if is_lazy(a) else numbers(name, a) for name, a in (("t", t), ("y", y)))
    _plain(t, y)
    if not is_lazy(y):
        y = da.from_array(y, chunks=(t.chunks[0], *(-1,) * (y.ndim - 1)))
    n = y.shape[0]
    step, coarse, last = _looked_at(t, n, given)
    width = _number(bandwidth, (last - float(coarse[0])) / (n - 1))
    chunks, depth = _layout(y.chunks[0], step, coarse, width)
    y = y.rechunk({0: chunks})
    t = t.rechunk((chunks,)) if is_lazy(t) else da.from_array(t, chunks=(chunks,))
    starts = np.concatenate([[0], np.cumsum(chunks)])
    points, order = None, None
    if at is not None:
        at = numbers("at", at)
        order = np.argsort(at.ravel(), kind="stable")
        inner = np.asarray(t[starts[1:-1]].compute(), dtype=float) if len(chunks) > 1 else np.empty(0)
        points = np.split(at.ravel()[order], np.searchsorted(at.ravel()[order], inner))
    work = _Work(family, width, side, robust, depth, tuple(int(s) for s in starts), y.ndim == 1, points)
    fields = _fields(da, work, t, y)
    if order is not None:
        back = np.argsort(order, kind="stable")
        fields = [f[back].reshape((*at.shape, *f.shape[1:])) if at.ndim else f[0] for f in fields]
    size = family.size
    status = fields[-1].map_blocks(_named, dtype=object)
    return LazySamples(
        theta=tuple(fields[:size]),
        error=tuple(fields[size : 2 * size]),
        family=family,
        t=t if at is None else at,
        bandwidth=fields[-3],
        noise=fields[-2],
        status=status,
        side=side,
        message=_message(len(chunks), depth, width),
    )


def _named(codes: np.ndarray) -> np.ndarray:
    """Numbers back to statuses, a single one too."""
    out = np.empty(np.shape(codes), dtype=object)
    out[...] = _STATUSES[np.asarray(codes).astype(int)]
    return out


def _message(count: int, depth: int, width: float | None) -> str:
    own = "each chooses its own bandwidth; " if width is None else ""
    return (
        f"{count} chunk{'s' * (count > 1)}, computed when asked for, with {depth} samples of each neighbour; "
        f"{own}each has its own noise."
    )


def _plain(t: Any, y: Any) -> None:
    """Refuse what can be seen without computing."""
    for name, array in (("t", t), ("y", y)):
        if getattr(array, "dtype", np.dtype(float)).kind not in "iufb":
            raise BadSamples(f"{name} is an array of {array.dtype} and not of real numbers: convert it first.")
        if any(s != s for s in np.shape(array)):
            raise BadSamples(f"the length of {name} is not known yet: call {name}.compute_chunk_sizes() first.")
    if y.ndim not in (1, 2) or 0 in y.shape:
        raise BadSamples(f"y has the shape {y.shape}: give (n,), or (n, m) for m channels measured together.")
    if np.ndim(t) != 1 or np.shape(t)[0] != y.shape[0]:
        raise BadSamples(f"t has the shape {np.shape(t)} and y {y.shape}: t needs one point for each row of y.")
    if y.shape[0] < 2:
        raise BadSamples("one sample is too few.")


def _looked_at(t: Any, n: int, given: Any) -> tuple[int, np.ndarray, float]:
    """Every step-th point of t, and the last; checked as far as they go."""
    step = max(1, n // _COARSE)
    if is_lazy(t):
        compute = importlib.import_module("dask").compute
        some, end = (np.asarray(part, dtype=float) for part in compute(t[::step], t[-1:]))
    else:
        some, end = np.asarray(t[::step], dtype=float), np.asarray(t[-1:], dtype=float)
    wrong = np.flatnonzero(~np.isfinite(some))
    if wrong.size or not np.isfinite(end[0]):
        raise BadSamples("t is not finite everywhere: every point needs a finite place; only y may have gaps.")
    wrong = np.flatnonzero(np.diff(some) <= 0)
    if wrong.size:
        k = int(wrong[0])
        if step == 1 and some[k] == some[k + 1]:
            pair = np.asarray(given[k : k + 2])
            raise BadSamples(f"t[{k}] and t[{k + 1}] are {equal(pair, some[k])}")
        raise BadSamples(
            f"t is not increasing: t[{k * step}] = {some[k]:.17g} comes before "
            f"t[{(k + 1) * step}] = {some[k + 1]:.17g}."
        )
    return step, some, float(end[0])


def _number(bandwidth: Any, spacing: float) -> float | None:
    if isinstance(bandwidth, str):
        if bandwidth == "auto":
            return None
        raise BadSamples(f'bandwidth must be "auto" or a half-width in units of t; {bandwidth!r} was given.')
    width = numbers("bandwidth", bandwidth)
    if width.ndim:
        raise BadSamples('for a dask array the bandwidth is one number, or "auto": an array of them was given.')
    if not np.isfinite(width):
        raise BadSamples(f'bandwidth must be finite; {bandwidth!r} was given. Use "auto" to have it chosen.')
    if width <= 0:
        raise BadSamples(f"the bandwidth must be positive; {float(width):g} was given.")
    if width < spacing:
        raise BadSamples(
            f"the bandwidth {float(width):g} is below the spacing of the samples ({spacing:g}): it is a half-width in "
            "units of t, and a window needs several samples."
        )
    return float(width)


def _layout(chunks: tuple[int, ...], step: int, coarse: np.ndarray, width: float | None) -> tuple[tuple[int, ...], int]:
    """Chunks along t that are long enough, and how many samples of its neighbours each one needs."""
    n = sum(chunks)
    chunks = _merged(chunks, LEAST if width is None else 1)
    while len(chunks) > 1:
        if width is None:
            depth = min(chunks) // 4
        else:
            seams = np.cumsum(chunks)[:-1]
            before = np.searchsorted(coarse, coarse[seams // step] - width, "right") - 1
            top = np.minimum((seams - 1) // step + 1, len(coarse) - 1)
            after = np.minimum((np.searchsorted(coarse, coarse[top] + width, "left") + 1) * step, n)
            depth = int(max((seams - np.maximum(before, 0) * step).max(), (after - seams).max()))
        if depth <= min(chunks):
            return chunks, depth
        chunks = _merged(chunks, depth)
    return (n,), 0


def _merged(chunks: tuple[int, ...], least: int) -> tuple[int, ...]:
    """Neighbouring chunks joined until each holds so many samples; 0 only where the series is that short."""
    out: list[int] = []
    held = 0
    for size in chunks:
        held += size
        if held >= least:
            out.append(held)
            held = 0
    if held:
        if out:
            out[-1] += held
        else:
            out = [held]
    return tuple(out)


@dataclass(frozen=True)
class _Work:
    """What is done with one chunk and its surroundings."""

    family: ConnectionFunction
    width: float | None
    side: str
    robust: bool
    depth: int
    starts: tuple[int, ...]
    flat: bool
    points: list[np.ndarray] | None

    @property
    def rows(self) -> int:
        return 2 * self.family.size + 3

    @property
    def sizes(self) -> tuple[int, ...]:
        """The points that each chunk answers for."""
        if self.points is None:
            return tuple(int(s) for s in np.diff(self.starts))
        return tuple(len(p) for p in self.points)

    def __call__(self, t: np.ndarray, y: np.ndarray, block_id: Any = None) -> np.ndarray:
        """(rows, k, m): θ, errors, half-widths, noise and the status's number at the chunk's own points."""
        k = int(block_id[1])
        begin, end = self.starts[k], self.starts[k + 1]
        low = max(0, begin - self.depth)
        own = slice(begin - low, end - low)
        points = None if self.points is None else self.points[k]
        count = self.sizes[k]
        out = np.full((self.rows, count, y.shape[1]), np.nan)
        out[-1] = _CODES[Status.NOT_FINITE]
        y = np.ma.filled(y, np.nan)
        if not count or np.isfinite(y).sum(axis=0).max() < self.family.size:
            return out
        try:
            series = Series.of(t[:, 0], y[:, 0] if self.flat else y, least=self.family.size, first=low)
        except BadSamples as error:
            raise BadSamples(f"in the samples from {low} on: {error}") from None
        if points is None:
            answer, keep = self._fit(series, series.t), own
        else:
            answer, keep = self._fit(series, points), slice(None)
        for row, field in zip(out, answer, strict=True):
            row[...] = field[keep]
        return out

    def _fit(self, series: Series, points: np.ndarray) -> list[np.ndarray]:
        from . import fitted

        found = fitted(series, self.family, self.width, points, self.side, self.robust)
        shape = (points.size, series.channels)
        status = np.asarray(found.status).reshape(shape)
        codes = np.zeros(shape)
        failed = ~converged(status)
        codes[failed] = [_CODES[s] for s in status[failed]]
        scale = found.noise
        scale = np.broadcast_to(scale if scale.size == series.channels else scale.reshape(shape), shape)
        return [np.reshape(a, shape) for a in (*found.theta, *found.error, found.widths, scale, codes)]


def _fields(da: Any, work: _Work, t: Any, y: Any) -> list[Any]:
    """θ, errors, half-widths, noise and status numbers as dask arrays, (k,) or (k, m)."""
    flat = y.ndim == 1
    y = (y[:, None] if flat else y).astype(float)
    t = t.astype(float)[:, None]
    if work.depth:
        overlap = importlib.import_module("dask.array.overlap").overlap
        t, y = (overlap(a, depth={0: work.depth, 1: 0}, boundary="none", allow_rechunk=False) for a in (t, y))
    stacked = da.map_blocks(
        work,
        t,
        y,
        dtype=float,
        new_axis=0,
        chunks=((work.rows,), work.sizes, y.chunks[1]),
        meta=np.empty((0, 0, 0)),
    )
    return [stacked[k, :, 0] if flat else stacked[k] for k in range(work.rows)]
