"""What the page of a report holds: its numbers, rounded and thinned so that thousands of heads stay a small file."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import KYError
from .checkpoint import shown
from .curve import ConnectionCurve
from .draw import LOOKS, Group, evenly, groups
from .kinds import KINDS
from .readings import NUMBERS
from .similarity import similarity

if TYPE_CHECKING:
    from .report import ConnectionReport

MOST = 20_000  # curves; more is no page that a browser opens in seconds
_POINTS = 1_400_000  # of all curves together
_SLOTS = 256  # of one curve, beyond which two numbers stand for several slots
_FEWEST = 32
_ALIKE = 384  # heads in the map of all
_CELLS = 2_000_000  # of all maps of layers, and of all images
_TINY = 1e-12
_LEAST = 0.01  # what a map's colours reach at least, so that rounding looks like nothing
_NOTHING = 255  # a byte that stands for no distance

#: name, what the header says, its unit, and what it is
COLUMNS = (
    ("kind", "kind", "", "the nearest known kind of curve"),
    ("residual", "residual", "", "rms of what the kind leaves over the rms of the bias about its mean (flat: in nats)"),
    ("line", "line", "", "what a straight line leaves, as residual does: 0 for ALiBi, whatever the kind"),
    ("value", "value", "nats", "a0: the bias less its mean, at the middle of the window"),
    ("slope", "slope", "nats/token", "a1 of the bias over the lag, at the middle of the window"),
    ("curvature", "curvature", "nats/token²", "a2: half the second derivative, at the middle of the window"),
    ("decay_rate", "decay rate", "1/token", "r of C + A exp(−r lag) nearest to the weights"),
    ("half_life", "half-life", "tokens", "log 2 / r"),
    ("fall", "fall", "", "1 − smallest / largest weight: how much of the largest weight is lost in the window"),
    ("frequency", "frequency", "1/token", "cycles per token of the wave nearest to the bias"),
    ("period", "period", "tokens", "1 / frequency"),
    ("mean_lag", "mean lag", "tokens", "sum of weight times lag"),
    ("entropy", "entropy", "nats", "of the weights"),
    ("effective_window", "effective window", "tokens", "exp(entropy): how many tokens are looked at"),
)


def data(report: ConnectionReport) -> dict[str, Any]:
    """Everything that the page shows, of JSON's types. Raises ``KYError`` for none, and for more curves than a
    page takes."""
    curves = report.curves
    if not curves:
        raise KYError("the report has no curves: there is nothing to show.")
    if len(curves) > MOST:
        raise KYError(
            f"the report has {len(curves)} curves, and a page takes {MOST}: write them with to_json or to_csv."
        )
    layers = groups(curves)
    rows = report.table()
    windows: dict[bytes, int] = {}
    lags: list[list[float]] = []
    most = _most(len(curves))
    which, drawn = [], []
    for curve in curves:
        key = curve.lags.tobytes()
        if key not in windows:
            windows[key] = len(lags)
            lags.append(thinned(curve.lags, curve.lags, most)[0].tolist())
        which.append(windows[key])
        drawn.append(_points(curve, most))
    return {
        "source": shown(report.source, 300),
        "layouts": [shown(name) for name in report.layouts],
        "broken": len(report.broken),
        "kinds": [{"name": kind, "colour": LOOKS[kind][0]} for kind in KINDS],
        "columns": _columns(curves),
        "groups": [_group(curves, group) for group in layers],
        "lags": lags,
        "heads": [curve.head for curve in curves],
        "axes": [shown(curve.axis) for curve in curves] if any(curve.axis for curve in curves) else None,
        "windows": which,
        "bias": drawn,
        "kind": [KINDS.index(row["kind"]) for row in rows],
        "numbers": {name: [rounded(row[name]) for row in rows] for name in (*NUMBERS, "residual", "line")},
        "alike": _alike(report, layers),
        "images": _images(curves),
    }


def rounded(value: float, digits: int = 4) -> float | None:
    """To so many digits, what is next to nothing as 0; None for what is no finite number."""
    if abs(value) < _TINY:
        return 0.0
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def thinned(lags: np.ndarray, bias: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """At most about ``most`` points of a curve: of each stretch of lags its least and its largest, so no peak is lost.

    >>> lags = np.arange(1000.0)
    >>> x, y = thinned(lags, np.where(lags == 500, 7.0, 0.0), 100)
    >>> x.size, float(y.max())
    (100, 7.0)
    """
    if lags.size <= most:
        return lags, bias
    size = -(-lags.size // max(most // 2, 1))
    first = np.arange(0, lags.size, size)
    ends = np.minimum(first + size, lags.size) - 1
    low, high = np.fmin.reduceat(bias, first), np.fmax.reduceat(bias, first)
    falls = bias[first] > bias[ends]
    y = np.stack([np.where(falls, high, low), np.where(falls, low, high)], axis=1)
    return np.stack([lags[first], lags[ends]], axis=1).ravel(), y.ravel()


def _most(curves: int) -> int:
    return max(_FEWEST, min(_SLOTS, _POINTS // max(curves, 1)))


def _points(curve: ConnectionCurve, most: int) -> list[float | None]:
    """The bias less its mean, to a ten-thousandth of its range; None where it is masked or no number."""
    bias = np.where(curve.visible, curve.centred, np.nan)
    _, y = thinned(curve.lags, bias, most)
    good = y[np.isfinite(y)]
    spread = float(np.max(np.abs(good))) if good.size else 0.0
    decimals = 4 - math.floor(math.log10(spread)) if spread > 0 else 0
    return [round(one, decimals) + 0.0 if math.isfinite(one) else None for one in y.tolist()]


def _columns(curves: Sequence[ConnectionCurve]) -> list[dict[str, str]]:
    """The columns of the table; of images the unit of length is the patch."""
    patches = all(curve.image is not None for curve in curves)
    rename = (lambda unit: unit.replace("tokens", "patches").replace("token", "patch")) if patches else str
    return [
        {"name": name, "label": label, "unit": rename(unit), "about": rename(about)}
        for name, label, unit, about in COLUMNS
    ]


def _group(curves: Sequence[ConnectionCurve], group: Group) -> dict[str, Any]:
    unit = "patches" if curves[group.index[0]].image is not None else "tokens"
    return {"layer": shown(group.layer), "layout": shown(group.layout), "curves": group.index, "unit": unit}


# -- how alike ---------------------------------------------------------------------------------------------------------


def _alike(report: ConnectionReport, layers: Sequence[Group]) -> dict[str, Any]:
    """Maps of distances: of some heads of all layers, and of those of each."""
    curves = report.curves
    chosen = evenly(len(curves), _ALIKE)
    side = max(2, math.isqrt(_CELLS // max(len(layers), 1)))
    maps = []
    for group in layers:
        some = [group.index[k] for k in evenly(len(group.index), min(side, _ALIKE))]
        maps.append(_map(curves, some))
    return {"all": _map(curves, chosen), "layers": maps}


def _map(curves: Sequence[ConnectionCurve], chosen: list[int]) -> dict[str, Any]:
    """Distances as bytes, 254 for the largest, which is ``most``."""
    distances = np.clip(similarity([curves[i] for i in chosen]), 0, 1)
    good = distances[~np.isnan(distances)]
    most = max(float(f"{good.max():.2g}") if good.size else 0.0, _LEAST)
    cells = np.rint(np.minimum(np.where(np.isnan(distances), 0, distances) / most, 1) * (_NOTHING - 1))
    return {"curves": chosen, "most": most, "cells": _text(np.where(np.isnan(distances), _NOTHING, cells))}


def _text(cells: np.ndarray) -> str:
    return base64.b64encode(np.nan_to_num(cells).astype(np.uint8).tobytes()).decode()


# -- images ------------------------------------------------------------------------------------------------------------


def _images(curves: Sequence[ConnectionCurve]) -> dict[str, Any] | None:
    """The tables of two axes by the first curve of their head: bytes about the mean, 128 for it, and the range."""
    first: dict[tuple[Any, int, str], int] = {}
    for i, curve in enumerate(curves):
        if curve.image is not None:
            first.setdefault((curve.layer, curve.head, curve.layout), i)
    if not first:
        return None
    side = max(7, math.isqrt(_CELLS // len(first)))
    return {str(i): _image(curves[i].image, side) for i in first.values()}


def _image(image: Any, side: int) -> dict[str, Any]:
    table = np.asarray(image, dtype=float)
    for axis in (0, 1):
        table = np.take(table, evenly(table.shape[axis], side), axis=axis)
    with np.errstate(all="ignore"):
        table = table - table[np.isfinite(table)].mean() if np.isfinite(table).any() else table
        size = float(np.max(np.abs(table), where=np.isfinite(table), initial=0.0))
        cells = 128 + np.rint(127 * table / size) if size > 0 else np.full(table.shape, 128.0)
    return {"rows": table.shape[0], "cells": _text(np.clip(cells, 1, 255)), "range": rounded(size)}
