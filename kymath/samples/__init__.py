"""The transform of data: the parameters of a family along a measured series, with their standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal, NamedTuple, overload

import numpy as np

from ..errors import BadSamples, NotApplicable, Status
from ..evidence import alike, converged, marked
from ..families import ConnectionFunction
from ..lazy import is_lazy
from .frames import as_family, framed, in_days, is_pandas, unlabelled
from .result import SampledTransform, sentences
from .series import Series, numbers

SIDES = ("both", "left", "right")
Bandwidth = Literal["auto"] | float | np.ndarray | np.timedelta64 | timedelta | Sequence[float]


@overload
def samples(
    t: np.ndarray | Sequence[float],
    y: Any,
    family: ConnectionFunction | str,
    *,
    bandwidth: Bandwidth = ...,
    at: Any = ...,
    side: Literal["both", "right", "left"] = ...,
    robust: bool = ...,
) -> SampledTransform: ...
@overload
def samples(
    t: Any,
    y: Any = ...,
    family: Any = ...,
    *,
    bandwidth: Bandwidth = ...,
    at: Any = ...,
    side: Literal["both", "right", "left"] = ...,
    robust: bool = ...,
) -> Any: ...
def samples(
    t: Any,
    y: Any = None,
    family: Any = None,
    *,
    bandwidth: Bandwidth = "auto",
    at: Any = None,
    side: Literal["both", "right", "left"] = "both",
    robust: bool = False,
) -> Any:
    """θ of a family along a measured series y(t) = f(t) + noise, with standard errors.

    At every point x the transform ∇_KY[f](x) is estimated from the samples near x. Families linear in θ: the jet
    (f, f′, …) of the local polynomial Σ_k β_k (t − x)^k that makes Σ_i K_i (y_i − β(t_i))² least, with the weights
    K_i = 1 − ((t_i − x)/h)² for |t_i − x| < h, and from the jet θ. Other families: variable projection in the windows.

    ``t`` (n,) increasing, any spacing; ``y`` (n,) or (n, m), in which NaN is a gap. ``bandwidth`` is the half-width h
    in units of t (a number, or one for each point of ``at``): then the local polynomial has the family's own degree
    N − 1, and the errors hold the noise alone. "auto" chooses h and the degree from the data, along the series, and
    the errors hold the bias that was measured too. ``at``: the points x, in any order; None for t itself. ``side``:
    "right" uses only samples at or after x, "left" at or before: for a series with a jump give a point just before it.
    ``robust`` leaves out outliers first. ``family`` may be the word for one, as at the command line: "exponential".
    Times (datetime64, dates) count in days, and so do the rates and the bandwidth. A pandas Series or DataFrame goes
    along its index: ``samples(series, family)``.

    Returns a :class:`SampledTransform` of arrays: (k,) for y (n,), (k, m) for (n, m). A point outside the data, or
    with too few samples near it, is NaN with its status. For an xarray ``DataArray`` y it returns a ``Dataset``, and
    ``t`` is a coordinate, its name, or None where y has one dimension (see :mod:`kymath.samples.frames`); dask arrays
    stay lazy (see :mod:`kymath.samples.lazy`). Raises ``BadSamples`` for data that cannot be used, and
    ``NotApplicable`` for what is no family. Source: Condor, Section 4.1; Fan and Gijbels, *Local Polynomial Modelling
    and Its Applications* (1996); the choice is described in :mod:`kymath.samples.choice`.

    >>> import numpy as np
    >>> import kymath as ky
    >>> t = np.linspace(0, 2, 200)
    >>> r = ky.samples(t, 3 * t**2 - t + 1, ky.Polynomial(2), at=[0.5, 1.5, 9.0])
    >>> r.a1.round(6).tolist()  # the slope 6 t - 1; 9 is outside
    [2.0, 8.0, nan]
    >>> [s.name for s in r.status]
    ['CONVERGED', 'CONVERGED', 'NOT_FINITE']
    """
    _checked(side, robust, bandwidth)
    if is_frame(t) or is_frame(y):
        return framed(t, y, family, bandwidth=bandwidth, at=at, side=side, robust=robust)
    if is_pandas(t) or is_pandas(y):
        t, y, family = unlabelled(t, y, family)
    family = as_family(family)
    t, at, bandwidth, times, said = in_days(t, at, bandwidth)
    if is_lazy(t) or is_lazy(y):
        from .lazy import lazily

        lazy = lazily(t, y, family, bandwidth, at, side, bool(robust))
        return lazy if times is None else replace(lazy, times=times, message=sentences(said, lazy.message))
    series = Series.of(t, y, least=family.size)
    points = series.t if at is None else numbers("at", at)
    width = _half_width(bandwidth, series, points)
    found = fitted(series, family, width, points.ravel(), side, bool(robust))
    shape = points.shape if series.flat else (*points.shape, series.channels)
    arrays = [np.reshape(a, shape) for a in (*found.theta, *found.error, found.status, found.widths)]
    size = family.size
    return SampledTransform(
        theta=tuple(arrays[:size]),
        error=tuple(arrays[size : 2 * size]),
        family=family,
        t=points,
        bandwidth=arrays[-1],
        noise=_shaped(found.noise, series, shape),
        status=arrays[-2],
        side=side,
        message=sentences(said, found.message),
        series=series,
        times=times,
    )


def _checked(side: Any, robust: Any, bandwidth: Any) -> None:
    """Refuse what would be taken for something else, or for nothing that can be said."""
    if not isinstance(side, str) or side not in SIDES:
        raise BadSamples(f'side must be "both", "left" or "right"; {side!r} was given.')
    if not isinstance(robust, (bool, np.bool_)):
        raise BadSamples(f"robust must be True or False; {robust!r} was given.")
    if isinstance(bandwidth, bool) or getattr(getattr(bandwidth, "dtype", None), "kind", "") == "b":
        raise BadSamples(f'bandwidth must be "auto" or a half-width in units of t; {bandwidth!r} was given.')


def is_frame(data: Any) -> bool:
    """Whether this comes from xarray."""
    return type(data).__module__.partition(".")[0] == "xarray"


class Fitted(NamedTuple):
    """θ and errors (N of (k, m)), status and half-widths (k, m), the noise, and a message."""

    theta: tuple[np.ndarray, ...]
    error: tuple[np.ndarray, ...]
    status: np.ndarray
    widths: np.ndarray
    noise: np.ndarray
    message: str


def fitted(series: Series, family: ConnectionFunction, width: Any, x: np.ndarray, side: str, robust: bool) -> Fitted:
    """The fit at points (k,), with a half-width or one for each (None: chosen); of a series or a part of one."""
    shape = (x.size, series.channels)
    if not x.size:
        return _nothing(family, shape, Status.CONVERGED, "")
    if family.linear and _undecided(family):
        return _nothing(family, shape, Status.NOT_UNIQUE, f"Several parameters of {family!r} do equally well.")
    if family.linear:
        from .linear import fit
    else:
        from .windows import fit
    with np.errstate(all="ignore"):  # data as large as doubles can be have no answer there, and no warning
        found = Fitted(*fit(series, family, width, x, side, robust))
        found = found._replace(noise=np.asarray(found.noise, dtype=float))
        return found if width is None else _inside(found, series, width, x)


def _inside(found: Fitted, series: Series, width: Any, x: np.ndarray) -> Fitted:
    """With a width given, nothing is told of a gap beyond its sides: a window that reaches only one would extrapolate.

    With a width chosen, :mod:`kymath.samples.pieces` says what reaches over a gap.
    """
    beyond = converged(found.status) & ~series.between(x, width)
    if not beyond.any():
        return found
    count = int(beyond.sum())
    many = "points lie in gaps" if count > 1 else "point lies in a gap"
    said = f"{count} {many} that the bandwidth does not reach across, and {'have' if count > 1 else 'has'} no answer."
    return found._replace(
        theta=tuple(np.where(beyond, np.nan, v) for v in found.theta),
        error=tuple(np.where(beyond, np.nan, v) for v in found.error),
        status=marked(found.status, beyond, Status.NOT_FINITE),
        message=sentences(found.message, said),
    )


def _nothing(family: ConnectionFunction, shape: tuple[int, int], status: Status, message: str) -> Fitted:
    none = tuple(np.full(shape, np.nan) for _ in range(family.size))
    widths = np.full(shape, np.nan)
    return Fitted(none, none, alike(shape, status), widths, np.full(shape[1], np.nan), message)


def _undecided(family: ConnectionFunction) -> bool:
    """Whether no jet tells the parameters of a linear family apart, as in A + B."""
    try:
        return any(np.isnan(float(c)) for c in family.from_jet([0.0] * family.size))
    except OverflowError as error:
        raise NotApplicable(
            f"{repr(family)[:60]} … has coefficients beyond what 64-bit floats hold: scale t, or take fewer."
        ) from error
    except TypeError:  # symbols beside the parameters: the fit says so
        return False


def _shaped(noise: np.ndarray, series: Series, shape: tuple[int, ...]) -> np.ndarray:
    """One σ per channel, or one per point and channel."""
    if noise.size == series.channels:
        return noise.reshape(()) if series.flat else noise.reshape(-1)
    return noise.reshape(shape)


def _half_width(bandwidth: Any, series: Series, points: np.ndarray) -> Any:
    """None for "auto", else the half-width at every point."""
    if isinstance(bandwidth, str):
        if bandwidth == "auto":
            return None
        raise BadSamples(f'bandwidth must be "auto" or a half-width in units of t; {bandwidth!r} was given.')
    width = numbers("bandwidth", bandwidth)
    if width.ndim and width.shape != points.shape:
        raise BadSamples(
            f"bandwidth has the shape {width.shape} and the points {points.shape}: give one number, or one for each."
        )
    if not np.isfinite(width).all():
        raise BadSamples(f'bandwidth must be finite; {bandwidth!r} was given. Use "auto" to have it chosen.')
    if width.size and float(width.min()) <= 0:
        raise BadSamples(
            f"the bandwidth must be positive; {float(width.min()):g} was given, and even what is below the spacing of "
            f"the samples ({series.spacing:g}) is too narrow."
        )
    if width.size and float(width.min()) < series.spacing:
        raise BadSamples(
            f"the bandwidth {float(width.min()):g} is below the spacing of the samples ({series.spacing:g}): it is a "
            "half-width in units of t, and a window needs several samples."
        )
    return float(width) if width.ndim == 0 else width.ravel()


__all__ = ["SampledTransform", "Series", "fitted", "samples"]
