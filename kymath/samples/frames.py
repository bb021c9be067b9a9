"""What arrives with labels or times: xarray's arrays, pandas' series and tables, dates.

xarray in, xarray out: a ``DataArray`` along a coordinate becomes a ``Dataset`` of parameters.

``ky.samples("time", y, family)`` names the coordinate; ``ky.samples(y.time, y, family)`` gives it, or numbers in its
place; ``ky.samples(y, family=family)`` is enough where y has one dimension. The answer has a variable for each
parameter and its ``<name>_error``, and ``status``, ``bandwidth`` and ``noise``, on the dimensions of y with its
coordinates. Its attributes are those of y and what was asked.

Times (datetime64, timedelta64) count in **days**: a rate is per day, ``bandwidth`` is in days or a timedelta, ``at``
may hold times. For another unit give numbers: ``ky.samples((y.time - y.time[0]) / np.timedelta64(1, "h"), y, family)``.

A pandas ``Series`` or ``DataFrame`` goes along its index and becomes arrays; its times count in days too.

``status`` holds small integers with the attributes ``flag_values`` and ``flag_meanings`` of the CF conventions; 0 is
success. A y of dask arrays gives a Dataset of dask arrays (see :mod:`kymath.samples.lazy`).
"""

from __future__ import annotations

import importlib
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from ..errors import BadSamples, NotApplicable, Status
from ..evidence import converged
from ..families import FAMILIES, ConnectionFunction
from ..lazy import is_lazy

UNIT = "day"
_DAY = np.timedelta64(1, "D")
_CODES = {status: code for code, status in enumerate(Status)}
_ZONED = re.compile(r"T.*(Z|[+-]\d\d(:?\d\d)?)$")
_OWN = ("status", "bandwidth", "noise")


class Axis(NamedTuple):
    """Along which dimension, with which numbers, and their unit ('' where it is not known)."""

    dim: Any
    t: Any
    unit: str
    origin: Any  # the first time, where t counts days from it; None for numbers


def framed(t: Any, y: Any, family: Any, *, bandwidth: Any, at: Any, side: Any, robust: bool) -> Any:
    """The Dataset for a DataArray y; see :func:`kymath.samples`.

    >>> import numpy as np, xarray as xr, kymath as ky
    >>> day = np.datetime64("2020-01-01") + np.arange(60)
    >>> y = xr.DataArray(2.0 ** np.arange(60), coords={"day": day}, name="cases")
    >>> ds = ky.samples(y, family=ky.Exponential(), bandwidth=10)
    >>> list(ds.data_vars)
    ['A', 'B', 'C', 'A_error', 'B_error', 'C_error', 'status', 'bandwidth', 'noise']
    >>> round(float(ds.B.sel(day="2020-02-01")), 6), ds.B.units  # the rate of doubling each day: ln 2
    (0.693147, 'day-1')
    """
    from . import is_frame, samples

    t, y, family = _sorted_out(t, y, family, is_frame)
    axis = _axis(t, y)
    rest = [dim for dim in y.dims if dim != axis.dim]
    taken = sorted({*map(str, y.coords), *map(str, y.dims)} & set(_names(family)))
    if taken:
        raise NotApplicable(
            f"the answer has a variable named {taken[0]!r}, and so is a coordinate of y: rename that one, "
            f"y.rename({taken[0]!r}: …)."
        )
    values = y.transpose(axis.dim, *rest).data
    shape = values.shape[1:]
    if len(rest) != 1:
        values = values.reshape(len(values), -1) if rest else values
    if np.ndim(at) > 1:
        raise BadSamples(f"at has the shape {np.shape(at)}: along a DataArray give one point, or a row of them.")
    points, place = _points(at, axis.origin, axis.dim)
    width = _days(bandwidth) if axis.origin is not None else bandwidth
    result = samples(axis.t, values, family, bandwidth=width, at=points, side=side, robust=robust)
    xarray = importlib.import_module("xarray")
    dims = [axis.dim, *rest] if np.ndim(points) or points is None else rest
    made: dict[str, Any] = {}
    size = family.size
    for k, field in enumerate((*result.theta, *result.error)):
        name = family.names[k % size]
        word = f"standard error of {name}" if k >= size else f"{name} of {family!r}"
        made[name + "_error" * (k >= size)] = (dims, _unfolded(field, rest, shape), {"long_name": word})
    made["status"] = (dims, _unfolded(_numbered(result.status), rest, shape), _flags())
    made["bandwidth"] = (dims, _unfolded(result.bandwidth, rest, shape), {"long_name": "half-width of the window"})
    noise = _unfolded(result.noise, rest, shape)
    per_point = np.ndim(noise) == len(dims) and np.ndim(result.noise) == np.ndim(result.status)
    made["noise"] = (dims if per_point else rest, noise, {"long_name": "standard deviation of the noise"})
    for name, unit in _units(family, str(y.attrs.get("units", "")), axis.unit).items():
        made[name][2]["units"] = unit
    attributes = {**y.attrs, "family": repr(family), "formula": str(family.expression)}
    attributes |= {"side": side, "message": result.message}
    if axis.origin is not None:
        attributes["t_unit"] = UNIT
    if y.name is not None:
        attributes["source"] = str(y.name)
    found = xarray.Dataset(made, coords=_coordinates(y, axis, place), attrs=attributes)
    order = [dim for dim in y.dims if dim in dims]
    return found.transpose(*order)


def _sorted_out(t: Any, y: Any, family: Any, is_frame: Any) -> tuple[Any, Any, ConnectionFunction]:
    """samples(y, family=…), samples(y, family) and samples(t, y, family) all mean the same."""
    t, y, family = _shifted(t, y, family)
    if type(y).__name__ == "Dataset" and is_frame(y):
        known = ", ".join(repr(name) for name in y.data_vars)
        raise BadSamples(f"y is a Dataset: give one of its variables, such as ds[name] with a name of {known}.")
    if not is_frame(y):  # t is a DataArray, y an array
        return t, type(t)(y, dims=t.dims, coords=t.coords) if np.shape(y) == t.shape else _unlike(t, y), family
    return t, y, family


def _shifted(t: Any, y: Any, family: Any) -> tuple[Any, Any, ConnectionFunction]:
    """(t, y, family) where t, and so the places of the others, may have been left out."""
    if family is None and (isinstance(y, ConnectionFunction | str | type)):
        y, family = None, y
    if y is None:
        t, y = None, t
    return t, y, as_family(family)


def as_family(family: Any) -> ConnectionFunction:
    """A family, or the word for one with its defaults, as the command line has them."""
    if isinstance(family, ConnectionFunction):
        return family
    if isinstance(family, str):
        if family in FAMILIES:
            return FAMILIES[family]()
        words = ", ".join(repr(word) for word in FAMILIES)
        raise NotApplicable(
            f"family takes one of {words}, or a family such as Polynomial(3) or Family('A*exp(-s/tau)', 'A tau'); "
            f"{family[:60]!r} was given."
        )
    if isinstance(family, type) and issubclass(family, ConnectionFunction):
        raise NotApplicable(f"family is the class {family.__name__}: did you forget ()? Give {family.__name__}(…).")
    raise NotApplicable(f"family must be a family such as Polynomial(2); {family!r} was given.")


def _unlike(t: Any, y: Any) -> Any:
    raise BadSamples(f"t is a DataArray of the shape {t.shape} and y has the shape {np.shape(y)}: make y one too.")


def _axis(t: Any, y: Any) -> Axis:
    dims = ", ".join(repr(dim) for dim in y.dims)
    if y.ndim == 0:
        raise BadSamples("y is a single number: a series has a dimension to go along.")
    label: Any = None
    if t is None:
        if y.ndim != 1:
            raise BadSamples(f"y has the dimensions {dims}: say along which, ky.samples({y.dims[0]!r}, y, …).")
        t = y.dims[0]
    if isinstance(t, str) or (not hasattr(t, "dtype") and not isinstance(t, (list, range)) and t in y.dims):
        label = t
        if t in y.coords:
            t = y.coords[t]
        elif t in y.dims:
            return Axis(t, _counted(y, t), "", None)
        else:
            known = ", ".join(repr(name) for name in y.coords) or "none"
            raise BadSamples(f"y has no coordinate {t!r}; its coordinates are {known}, its dimensions {dims}.")
    if hasattr(t, "dims"):
        if t.ndim != 1 or t.dims[0] not in y.dims:
            raise BadSamples(f"t has the dimensions {t.dims}: it must have one, a dimension of y ({dims}).")
        dim, values, unit = t.dims[0], t.data, str(t.attrs.get("units", "")).partition(" since ")[0]
        label = t.name if label is None else label
    else:
        values, unit = np.asarray(t), ""
        fitting = [dim for dim in y.dims if values.shape == (y.sizes[dim],)]
        if len(fitting) != 1:
            raise BadSamples(f"t has the shape {values.shape}, and y {dict(y.sizes)}: name a coordinate instead.")
        dim = fitting[0]
    if values.shape[0] != y.sizes[dim]:
        raise BadSamples(f"t has {values.shape[0]} points and y has {y.sizes[dim]} along {dim!r}.")
    origin = None
    if values.dtype.kind in "mM":
        values = np.asarray(values)
        if not values.size:
            raise BadSamples("y has no points.")
        origin, unit = values[0], UNIT
        values = _elapsed(values, origin)
    if not is_lazy(values) and values.dtype.kind in "iuf" and bool((np.diff(values) < 0).any()):
        name = label if label is not None else dim
        raise BadSamples(f"t is not increasing: sort the data first, y.sortby({name!r}).")
    return Axis(dim, values, unit, origin)


def _counted(y: Any, dim: Any) -> Any:
    """0, 1, 2, …: where a dimension has no coordinate."""
    if not is_lazy(y.data):
        return np.arange(float(y.sizes[dim]))
    return importlib.import_module("dask.array").arange(
        float(y.sizes[dim]), chunks=(y.data.chunks[y.get_axis_num(dim)],)
    )


def _elapsed(times: Any, origin: Any) -> np.ndarray:
    """Days since the origin; NaN for NaT. Years and months have no length of their own."""
    times, origin = np.asarray(times), np.asarray(origin)
    if times.dtype.kind == "M":
        times, origin = times + np.timedelta64(0, "D"), origin + np.timedelta64(0, "D")
    return np.asarray((times - origin) / _DAY, dtype=float)


def _days(bandwidth: Any) -> Any:
    """A half-width that is a timedelta, of NumPy, pandas or the standard library, in days."""
    if hasattr(bandwidth, "total_seconds"):
        return bandwidth.total_seconds() / 86400
    if np.asarray(bandwidth).dtype.kind == "m":
        return np.asarray(bandwidth) / _DAY
    return bandwidth


def _points(at: Any, origin: Any, name: Any) -> tuple[Any, Any]:
    """``at`` as numbers, and as the coordinate of the answer."""
    if at is None:
        return None, None
    times = moments(at)
    place = np.asarray(getattr(at, "values", at)) if times is None else times
    if place.dtype.kind in "UO" and origin is not None:
        try:
            place = np.array([_moment(word) for word in place.flat], dtype="datetime64").reshape(place.shape)
        except (TypeError, ValueError):
            raise BadSamples(f"at holds {place.dtype}, and {name!r} times: give times, such as 2020-12-31.") from None
    if place.dtype.kind in "mM":
        kind = "numbers" if origin is None else np.asarray(origin).dtype
        if origin is None or place.dtype.kind != np.asarray(origin).dtype.kind:
            raise BadSamples(f"at holds {place.dtype}, and {name!r} holds {kind}: give the same kind.")
        return _elapsed(place, origin), place
    if origin is not None:
        raise BadSamples(f"at holds numbers and {name!r} holds times: give times.")
    return place.astype(float) if place.dtype.kind in "iub" else place, place


def _moment(word: Any) -> np.datetime64:
    """A time from text; one with a time zone becomes UTC."""
    if isinstance(word, str) and _ZONED.search(word):
        word = datetime.fromisoformat(word).astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(word)


def _coordinates(y: Any, axis: Axis, place: Any) -> Any:
    """Those of y; where other points were asked for, these in place of all that hang on the dimension."""
    if place is None:
        return y.coords
    kept = {name: coordinate for name, coordinate in y.coords.items() if axis.dim not in coordinate.dims}
    attributes = y.coords[axis.dim].attrs if axis.dim in y.coords else {}
    kept[axis.dim] = ((axis.dim,) if place.ndim else (), place, attributes)
    return kept


def _names(family: ConnectionFunction) -> tuple[str, ...]:
    return (*family.names, *(f"{name}_error" for name in family.names), *_OWN)


def _unfolded(field: Any, rest: list[Any], shape: tuple[int, ...]) -> Any:
    """The channels back to the dimensions that they were."""
    return field.reshape((*np.shape(field)[:-1], *shape)) if len(rest) > 1 else field


def _numbered(status: Any) -> Any:
    """The statuses as int8; 0 is success."""
    if is_lazy(status):
        return status.map_blocks(_numbered, dtype=np.int8)
    codes = np.zeros(status.shape, dtype=np.int8)
    failed = ~converged(status)
    codes[failed] = [_CODES[s] for s in status[failed]]
    return codes


def _flags() -> dict[str, Any]:
    return {
        "long_name": "what came of each point",
        "flag_values": np.arange(len(Status), dtype=np.int8),
        "flag_meanings": " ".join(status.name for status in Status),
    }


def _units(family: ConnectionFunction, value: str, t: str) -> dict[str, str]:
    """Those that are simple: of the built-in families, where y and t have one word each."""
    kind = type(family).__name__
    found: dict[str, str] = {}
    if " " in t:
        t = ""
    if kind in ("Polynomial", "Linear"):
        for name, k in zip(family.names, range(family.size - 1, -1, -1), strict=True):
            if value and (t or k == 0):
                found[name] = value + (f" {t}-{k}" if k else "")
    elif kind in ("Exponential", "Harmonic", "Trigonometric"):
        angular = {"B": "", "omega": "rad ", "phi": "rad"}
        for name in family.names:
            if name == "phi":
                found[name] = "rad"
            elif name in angular:
                found |= {name: f"{angular[name]}{t}-1"} if t else {}
            elif value:
                found[name] = value
    found |= {f"{name}_error": unit for name, unit in found.items()}
    if value:
        found["noise"] = value
    if t:
        found["bandwidth"] = t
    return found


# -- times and pandas --------------------------------------------------------------------------------------------------


def moments(values: Any) -> np.ndarray | None:
    """The values as datetime64 (in UTC) or timedelta64, where they are times of whatever library; None for others."""
    if type(values).__name__ == "PeriodIndex":
        values = values.to_timestamp()
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    if isinstance(values, np.ndarray) and kind in ("m", "M"):
        masked: Any = values
        return masked.filled(np.array("NaT", masked.dtype)) if hasattr(masked, "filled") else values
    if kind in ("m", "M"):  # of pandas, with a time zone too
        return np.asarray(values, dtype="datetime64[ns]" if kind == "M" else "timedelta64[ns]")
    if kind not in ("", "O") or isinstance(values, (str, bytes)) or is_lazy(values):
        return None
    first = values
    try:
        while np.ndim(first) and len(first):
            first = np.asarray(first, dtype=object)[0] if kind else first[0]
    except ValueError:  # rows of several lengths
        return None
    if not isinstance(first, (date, timedelta, np.datetime64, np.timedelta64)):
        return None
    array = np.asarray(values, dtype=object)
    try:
        plain = [v.astimezone(UTC).replace(tzinfo=None) if getattr(v, "tzinfo", None) else v for v in array.flat]
        fine = [np.datetime64(v) if isinstance(v, datetime) else v for v in plain]  # to the microsecond
        return np.array(fine, dtype="timedelta64" if isinstance(first, (timedelta, np.timedelta64)) else "datetime64") \
            .reshape(array.shape)  # fmt: skip
    except (TypeError, ValueError) as error:
        raise BadSamples(f"times and other things are mixed: {error}.") from None


def in_days(t: Any, at: Any, bandwidth: Any) -> tuple[Any, Any, Any, np.ndarray | None, str]:
    """t, at and the bandwidth with times counted in days, the points as times, and a sentence on it; or as they are."""
    times = moments(t)
    if times is None or times.ndim != 1:
        return t, at, bandwidth, None, ""
    if not times.size:
        raise BadSamples("t has no points.")
    if times.dtype.kind == "M":
        origin = times[0]
        said = f"Time counts in days from {np.datetime_as_string(origin, unit='auto')}."
    else:
        origin, said = times[0] - times[0], "Time counts in days."
    points, place = _points(at, origin, "t")
    return _elapsed(times, origin), points, _days(bandwidth), times if at is None else place, said


def unlabelled(t: Any, y: Any, family: Any) -> tuple[Any, Any, ConnectionFunction]:
    """(t, y, family) as arrays from pandas: a Series or DataFrame y goes along its index, or along its column t."""
    t, y, family = _shifted(t, y, family)
    if isinstance(t, str):
        if t in getattr(y, "columns", ()):
            t, y = y[t], y.drop(columns=t)
        elif t in getattr(getattr(y, "index", None), "names", ()):
            t = y.index.get_level_values(t)
        else:
            known = ", ".join(repr(c) for c in getattr(y, "columns", ())) or "none"
            raise BadSamples(f"y has no column {t!r}; its columns are {known}.")
    if t is None:
        t = y.index
    if type(t).__name__ == "MultiIndex":
        raise BadSamples(f"the index of y has the levels {list(t.names)}: name one, or make it plain with reset_index.")
    return _filled("t", t), _filled("y", y), family


def _filled(name: str, values: Any) -> Any:
    """Numbers of pandas as floats, what is missing as NaN; anything else as it is."""
    if not is_pandas(values) or not hasattr(values, "to_numpy"):
        return values
    columns = getattr(values, "columns", None)
    if columns is None:
        return values.to_numpy(dtype=float, na_value=np.nan) if values.dtype.kind in "iufb" else values
    text = [str(c) for c, kind in zip(columns, values.dtypes, strict=True) if kind.kind not in "iufb"]
    if text:
        raise BadSamples(f"the column {text[0]!r} of {name} holds no numbers: drop it, y.drop(columns={text!r}).")
    return values.to_numpy(dtype=float, na_value=np.nan)


def is_pandas(data: Any) -> bool:
    """Whether this comes from pandas."""
    return type(data).__module__.partition(".")[0] == "pandas"
