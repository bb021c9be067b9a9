"""The numbers of a curve: what its bias does at the middle of the window, and what its weights look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import series
from ..bias.swiglu import Curve
from ..errors import BadFunction, KYError, NotFinite
from ..families import Linear, Polynomial
from ..samples import samples
from ..transform import transform
from .batches import Batch, batches
from .curve import ConnectionCurve
from .fits import exponential, fit, polynomial
from .kinds import chance, kinds, rates

NUMBERS = (
    "value", "slope", "curvature", "decay_rate", "half_life", "fall", "frequency", "period", "mean_lag", "entropy",
    "effective_window",
)  # fmt: skip
SAID = (*NUMBERS, "kind", "residual", "nearest", "line")
COLUMNS = ("layer", "head", "axis", "layout", *SAID)
_WIDTH = 10  # a table is read over a tenth of its window to each side of the middle
_LEAST = 2  # slots, at least
_EXPLAINED = 0.3  # of the rms of the weights: more than that is no exponential
_BENT = 0.5  # of what a line leaves: an exponential that leaves more has no rate that could be told
_CELLS = 2**21

Row = dict[str, Any]


def readings(curve: ConnectionCurve) -> Row:
    """What one curve says, by name; a number that the curve does not have is NaN.

    ``value``, ``slope``, ``curvature``: a0, a1, a2 of ∇_P² of the bias less its mean, over the lag x in tokens, at the
    middle of the window (nats, nats per token, nats per token²): by ``ky.transform`` of the function that the model
    computes its bias with (so a2 is half the second derivative), else by ``ky.samples`` over a tenth of the window to
    each side, two tokens at least. A bias that falls by m nats per token has the slope −m. Where the function bends in
    the middle the curvature is NaN, and at a kink the slope, too.

    ``decay_rate`` r per token and ``half_life`` log 2 / r in tokens: the weights are nearest to C + A e^{−r x}, by
    least squares over the window. NaN where they do not fall (A ≤ 0), where that leaves more than 30 % of their rms
    about the mean, where a straight line leaves less than twice as much, where white noise would come as near once in
    1000 curves, or in windows of less than four visible slots. They are of the weights, whatever ``kind`` the bias has:
    weights that decay exponentially to 0 have a ``linear`` bias.

    ``fall``: 1 − the smallest over the largest weight of the visible slots. A ``half_life`` of three tokens says little
    where the weights span a hundredth of the largest, and one beyond the window much where they lose half.

    ``frequency`` in cycles per token and ``period`` in tokens, of A cos(2πfx + φ) + C nearest to the bias: NaN where
    less than one period is in the window, the wave leaves more than half of the rms, or more than half of what a cubic
    leaves, or more than another kind; see :mod:`kymath.inspector.kinds` for those, and for ``kind``, ``residual`` (a
    ratio of rms, but in nats where the kind is ``flat``), ``nearest`` and ``line``.

    ``mean_lag`` Σ w x in tokens, ``entropy`` −Σ w log w in nats, ``effective_window`` exp(entropy) in tokens.

    Nothing changes with a constant added to the bias. Masked slots (−inf) have no part in the fits. Source: Condor, 4.1
    and 5.4.

    >>> lags = np.arange(32.0)
    >>> row = readings(ConnectionCurve(0, 0, "ALiBi", lags, -0.25 * lags))
    >>> round(row["slope"], 6), round(row["decay_rate"], 6), round(row["half_life"], 4), row["kind"]
    (-0.25, 0.25, 2.7726, 'linear')
    >>> round(row["fall"], 6), row["nearest"]  # 1 - exp(-0.25 * 31)
    (0.999569, 'linear')
    """
    return table([curve])[0]


def table(curves: Sequence[ConnectionCurve]) -> list[Row]:
    """:func:`readings` of all curves, in their order, those of one window together."""
    columns = {name: np.full(len(curves), np.nan) for name in (*NUMBERS, "residual", "line")}
    names = {"kind": ["other"] * len(curves), "nearest": [""] * len(curves)}
    for batch in batches(curves):
        here = batch.index
        found = kinds(batch)
        decay = decays(batch)
        numbers = {**_looked_at(batch), "frequency": found.frequency, "decay_rate": decay}
        numbers |= {"residual": found.residual, "line": found.line}
        with np.errstate(over="ignore"):
            numbers |= {"half_life": np.log(2) / decay, "period": 1 / found.frequency}
            jets = zip(("value", "slope", "curvature"), jets_of([curves[i] for i in here], batch), strict=True)
            numbers |= dict(jets)
        for name, values in numbers.items():
            columns[name][here] = values
        for i, kind, near in zip(here, found.kind, found.nearest, strict=True):
            names["kind"][i], names["nearest"][i] = str(kind), str(near)
    plain = {name: values.tolist() for name, values in columns.items()} | names
    return [
        {"layer": curve.layer, "head": curve.head, "axis": curve.axis, "layout": curve.layout}
        | {name: plain[name][i] for name in SAID}
        for i, curve in enumerate(curves)
    ]


def _looked_at(batch: Batch) -> dict[str, np.ndarray]:
    from scipy.special import entr

    w, entropy = batch.weights, np.sum(entr(batch.weights), axis=1)
    fall = 1 - w.min(axis=1) / w.max(axis=1)
    return {"fall": fall, "mean_lag": w @ batch.lags, "entropy": entropy, "effective_window": np.exp(entropy)}


def decays(batch: Batch) -> np.ndarray:
    """The rate of C + A e^{−r x} nearest to the weights of each row; NaN where they do not tell one."""
    x, n = batch.lags, batch.lags.size
    out = np.full(len(batch.weights), np.nan)
    y = batch.weights - batch.weights.mean(axis=1, keepdims=True)
    moving = np.flatnonzero(np.ptp(batch.weights, axis=1) > 1e-12 / n)
    if n < 4 or not moving.size:
        return out
    y = y[moving] / np.max(np.abs(y[moving]), axis=1, keepdims=True)
    entries = np.log(rates(x))[:, None]
    found = fit(x - x[0], y, exponential, entries, positive=True)
    good = (found.constants[:, 0] > 0) & (found.residual <= _EXPLAINED)
    good &= found.residual <= _BENT * polynomial(x, y, 1).residual
    good &= chance(found.residual, n, 2, 4) <= 1e-3
    within = (found.p[:, 0] > entries[0, 0] + 1e-6) & (found.p[:, 0] < entries[-1, 0] - 1e-6)
    out[moving] = np.where(good & within, np.exp(found.p[:, 0]), np.nan)
    return out


# -- value, slope and curvature ----------------------------------------------------------------------------------------


def jets_of(curves: Sequence[ConnectionCurve], batch: Batch) -> np.ndarray:
    """a0, a1, a2 (3, rows) of the centred bias over the lag, at the middle of the window."""
    n = batch.lags.size
    if n < 2:  # a single slot has a value, and no slope
        return np.array([np.zeros(len(curves)), *np.full((2, len(curves)), np.nan)])
    closed = [i for i, curve in enumerate(curves) if isinstance(curve.function, Curve)]
    exact = [i for i, curve in enumerate(curves) if curve.exact and not isinstance(curve.function, Curve)]
    tables = [i for i, curve in enumerate(curves) if not curve.exact]
    out = np.full((3, len(curves)), np.nan)
    span = np.array([curve.lags[-1] - curve.lags[0] for curve in curves])
    mean = batch.in_nats(batch.level)
    out[:, closed] = swiglu_jets([curves[i].function for i in closed])
    for i in exact:
        out[:, i] = _transformed(curves[i])
    over_lag = [*closed, *exact]
    out[0, over_lag] -= mean[over_lag]
    out[1, over_lag] /= -span[over_lag]  # t falls from 1 to 0 as the lag grows
    out[2, over_lag] /= span[over_lag] ** 2
    if tables:
        out[:, tables] = _sampled(batch)[:, tables]
    return out


def swiglu_jets(nets: Sequence[Any]) -> np.ndarray:
    """a0, a1, a2 (3, nets) of connection nets at t = ½, from the series of their closed form, many at once."""
    out = np.empty((3, len(nets)))
    sizes = np.array([net.up.size for net in nets], dtype=int)
    for hidden in np.unique(sizes):
        members = np.flatnonzero(sizes == hidden)
        step = max(1, _CELLS // max(int(hidden), 1))
        for first in range(0, members.size, step):
            some = members[first : first + step]
            out[:, some] = _closed([nets[i] for i in some])
    return out


def _closed(nets: Sequence[Curve]) -> np.ndarray:
    weight, up, shift = (np.stack([getattr(net, name) for net in nets]) for name in ("weight", "up", "shift"))
    with np.errstate(all="ignore"):  # weights beyond reason give NaN
        inner = [up * 0.5 + shift, up]
        units = series.multiply(inner, series.expit(inner, 3)[0], 3)  # silu
        total = [np.sum(weight * unit, axis=1) for unit in units]
        jet = series.multiply([np.full(len(nets), 0.5), np.ones(len(nets))], total, 3)
    jet[0] = jet[0] + np.array([net.out for net in nets])
    return np.array(jet)


def _transformed(curve: ConnectionCurve) -> tuple[float, float, float]:
    """a0, a1, a2 of an exact curve at t = ½; NaN for those that have no limit there: a2 at a bend, a1 too at a kink."""
    f = curve.function
    assert f is not None
    with np.errstate(all="ignore"):
        try:
            found = transform(f, 0.5, Polynomial(2))
            return found.a0, found.a1, found.a2
        except (NotFinite, BadFunction):  # no value to speak of
            return (np.nan,) * 3
        except KYError:
            pass
        try:
            found = transform(f, 0.5, Linear())
            return found.b, found.a, np.nan
        except KYError:
            return float(f(0.5)), np.nan, np.nan


def _sampled(batch: Batch) -> np.ndarray:
    """a0, a1, a2 (3, rows) of tables; NaN where the middle of the window is masked away."""
    x, y = batch.lags, batch.shape
    step, span, at = float(np.diff(x).min()), float(np.ptp(x)), batch.middle
    if not x[0] <= at <= x[-1]:
        return np.full((3, len(y)), np.nan)
    if x.size <= 3:  # nothing to choose: the polynomial through them
        level, *bends = polynomial(x, y, 2).constants.T
        slope, bend = bends[0] / span, bends[1] / span**2 if x.size == 3 else np.zeros(len(y))
        s = at - x.mean()
        out = np.array([level + s * (slope + s * bend), slope + 2 * s * bend, bend])
        out[x.size :] = np.nan
    else:
        found = samples(x, y.T, Polynomial(2), bandwidth=max(span / _WIDTH, _LEAST * step), at=[at])
        out = np.array([found.a0[0], found.a1[0], found.a2[0]])
    return batch.in_nats(out)
