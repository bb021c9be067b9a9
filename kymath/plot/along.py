"""What the picture of a field is made of: a result, a lazy one or a Dataset, sorted by t and thinned."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from ..errors import KYError, NotApplicable
from ..expressions import latex, parse
from ..samples import SampledTransform, is_frame
from ..samples.lazy import LazySamples
from . import style

MOST = 4000  # points of a curve, and dots of the data; beyond, every k-th is drawn
_NANOSECONDS = 86_400e9  # in a day


class Along(NamedTuple):
    """What is drawn: everything sorted by t, fields (k, m)."""

    t: np.ndarray
    names: tuple[str, ...]
    theta: dict[str, np.ndarray]
    error: dict[str, np.ndarray]
    value: np.ndarray | None  # of the curve at s = 0
    carrier: str | None  # the parameter that is this value
    angle: str | None  # the parameter that is an angle, between 0 and 2π or −π and π
    data: tuple[np.ndarray, np.ndarray] | None
    title: str
    label: str
    channels: tuple[str, ...]
    message: str


def from_result(result: Any, data: Any) -> Along:
    """Of a :class:`SampledTransform`; of a lazy one only what is drawn is computed."""
    if not isinstance(result, SampledTransform):
        raise NotApplicable(f"field draws what ky.samples returned; {type(result).__name__} was given.")
    if isinstance(result, LazySamples):
        result = result.some(MOST)
    t = np.asarray(result.t, dtype=float).ravel()
    columns = [np.asarray(field, dtype=float).reshape(t.size, -1) for field in (*result.theta, *result.error)]
    order = np.argsort(t, kind="stable")
    order = order[np.isfinite(t[order])]
    columns = [column[order] for column in columns]
    family = result.family
    names = family.names
    theta, error = dict(zip(names, columns, strict=False)), dict(zip(names, columns[len(names) :], strict=True))
    with np.errstate(all="ignore"):
        value = np.asarray(family(np.zeros_like(columns[0]), tuple(theta.values())), dtype=float)
    known = bool(np.isfinite(value).any())
    carrier = next((n for n in names if known and np.array_equal(theta[n], value, equal_nan=True)), None)
    series = getattr(result, "series", None)
    samples = None if data is None else _data(data)
    if data is None and series is not None:
        samples = (series.t, series.y)
    place, label = t[order], "$t$"
    times = None if result.times is None else np.ravel(result.times)[order]
    if times is not None and times.dtype.kind == "M":
        label = ""
        if samples is not None and samples[0].dtype.kind != "M" and len(t):
            day = np.rint((samples[0] - place[0]) * _NANOSECONDS).astype("timedelta64[ns]")
            samples = (times[0].astype("datetime64[ns]") + day, samples[1])
        place = times
    elif times is not None:
        label = "days"
    channels = tuple(f"channel {k}" for k in range(columns[0].shape[1]))
    message = result.message
    if not message and result.status.size:
        message = result.status.flat[0].value
    return Along(
        place, names, theta, error, value, carrier, _angle(repr(family)), samples,
        _title(repr(family), latex(family.expression), result.side), label, channels, message,
    )  # fmt: skip


def from_dataset(found: Any, data: Any) -> Along:
    """Of the Dataset that ``samples`` made."""
    names = tuple(str(n) for n in getattr(found, "data_vars", ()) if f"{n}_error" in found)
    if not names:
        raise NotApplicable("field draws what ky.samples returned: this has no variable with a <name>_error beside it.")
    dims = found[names[0]].dims
    along = [dim for dim in dims if dim in found["bandwidth"].dims and dim in found.coords] or list(dims)
    if len(dims) > 2 or not dims:
        raise NotApplicable(f"field draws a series with channels at most; the variables have the dimensions {dims}.")
    dim = along[0] if data is None else next((d for d in getattr(data, "dims", along) if d in dims), along[0])
    rest = [d for d in dims if d != dim]
    found = found[[n for n in found.data_vars if n in names or str(n).removesuffix("_error") in names]]
    found = found.isel({dim: slice(None, None, max(1, found.sizes[dim] // MOST))}).compute()  # all at once, where lazy
    t = np.asarray(found[dim].values)
    columns = {str(n): np.asarray(found[n].transpose(dim, *rest).values, dtype=float).reshape(t.size, -1)
               for n in found.data_vars}  # fmt: skip
    channels = tuple(map(str, found[rest[0]].values)) if rest else ("",)
    error = {n: columns[f"{n}_error"] for n in names}
    samples = None
    if data is not None and is_frame(data):
        data = data.isel({dim: slice(None, None, max(1, data.sizes[dim] // MOST))})
        samples = np.asarray(data[dim].values), np.asarray(data.transpose(dim, *rest).values).reshape(-1, len(channels))
    elif data is not None:
        samples = _data(data)
    kind = str(found.attrs.get("family", ""))
    try:
        tex = latex(parse(str(found.attrs["formula"]), parameters=names, variable="s"))
    except (KeyError, KYError):
        tex = ""
    title = _title(kind, tex, str(found.attrs.get("side", "both")))
    theta = {n: columns[n] for n in names}
    message = str(found.attrs.get("message", ""))
    return Along(t, names, theta, error, None, None, _angle(kind), samples, title, str(dim), channels, message)


def _angle(kind: str) -> str | None:
    return "phi" if kind.startswith("Harmonic(") else None


def _title(kind: str, tex: str, side: str) -> str:
    """The family's formula, where it can be set and read; its name otherwise."""
    short = kind if len(kind) <= 80 else kind[:77] + "…"
    text = f"$y = {tex}$ with $s$ counted from each $t$" if tex and len(tex) <= 100 and style.readable(tex) else short
    return text if side == "both" else f"{text}, from the {side}"


def _data(data: Any) -> tuple[np.ndarray, np.ndarray]:
    try:
        t, y = (_array(part) for part in data)
    except (TypeError, ValueError):
        raise NotApplicable("data must be the pair (t, y) of the samples.") from None
    if t.ndim != 1 or y.shape[:1] != t.shape or y.ndim > 2:
        raise NotApplicable(f"data must be (t, y) of one length; the shapes {t.shape} and {y.shape} were given.")
    return t, y.reshape(t.size, -1)


def _array(part: Any) -> np.ndarray:
    """An array of it, dates of the standard library included; of a lazy one only what is drawn."""
    if len(part) > MOST and hasattr(part, "dask"):
        part = part[:: len(part) // MOST]
    array = np.asarray(part)
    dates = array.dtype == object and array.size and isinstance(array.flat[0], datetime)
    return array.astype("datetime64[us]") if dates else array


# -- what the eye is spared --------------------------------------------------------------------------------------------


def outliers(y: np.ndarray) -> np.ndarray:
    """Which values of y (n, m) stand far from their neighbours, and would set the picture's height alone."""
    far = np.zeros(y.shape, dtype=bool)
    if len(y) < 20:
        return far
    for k in range(y.shape[1]):
        known = np.flatnonzero(np.isfinite(y[:, k]))
        if len(known) < 20:
            continue
        values = y[known, k]
        nearby = np.lib.stride_tricks.sliding_window_view(np.pad(values, 5, mode="reflect"), 11)
        away = np.abs(values - np.median(nearby, axis=1))
        wild = away > 12 * max(float(np.median(away)), 1e-12 * float(np.ptp(values)))
        if wild.mean() > 0.2:
            continue
        low, high = np.quantile(values[~wild], [0.0, 1.0])
        if np.ptp(values) > 1.4 * (high - low):
            far[known, k] = wild & ((values < low) | (values > high))
    return far


def broken(t: np.ndarray, fields: tuple[np.ndarray, ...]) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """The same with a gap wherever the angle in the first field wraps round."""
    wraps = np.flatnonzero(np.abs(np.diff(fields[0])) > np.pi) + 1
    return np.insert(t, wraps, t[wraps]), tuple(np.insert(field, wraps, np.nan) for field in fields)


def turns(value: np.ndarray) -> int:
    """How often a curve turns round by more than a tenth of its height."""
    known = value[np.isfinite(value)]
    if len(known) < 3 or not np.ptp(known) > 0:
        return 0
    high = known > np.quantile(known, 0.6)
    low = known < np.quantile(known, 0.4)
    sides = (high.astype(int) - low.astype(int))[high | low]
    return int(np.count_nonzero(np.diff(sides)))
