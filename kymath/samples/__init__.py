"""The transform of data: the parameters of a family along a measured series, with their standard errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import BadSamples, NotApplicable
from ..families import ConnectionFunction
from ..lazy import is_lazy
from .result import SampledTransform
from .series import Series, numbers

SIDES = ("both", "left", "right")


def samples(
    t: Any,
    y: Any = None,
    family: Any = None,
    *,
    bandwidth: Any = "auto",
    at: Any = None,
    side: str = "both",
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
    "right" uses only samples at or after x, "left" at or before. ``robust`` leaves out outliers first.

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
    if is_frame(t) or is_frame(y):
        from .frames import framed

        return framed(t, y, family, bandwidth=bandwidth, at=at, side=side, robust=robust)
    if not isinstance(family, ConnectionFunction):
        raise NotApplicable(f"family must be a family such as Polynomial(2); {family!r} was given.")
    if side not in SIDES:
        raise BadSamples(f'side must be "both", "left" or "right"; {side!r} was given.')
    if is_lazy(t) or is_lazy(y):
        from .lazy import lazily

        return lazily(t, y, family, bandwidth, at, side, bool(robust))
    series = Series.of(t, y, least=family.size)
    points = series.t if at is None else numbers("at", at)
    width = _half_width(bandwidth, series, points)
    fit = _engine(family)
    theta, error, status, widths, noise, message = fit(series, family, width, points.ravel(), side, bool(robust))
    shape = points.shape if series.flat else (*points.shape, series.channels)
    arrays = [np.reshape(np.asarray(a), shape) for a in (*theta, *error, status, widths)]
    size = family.size
    return SampledTransform(
        theta=tuple(arrays[:size]),
        error=tuple(arrays[size : 2 * size]),
        family=family,
        t=points,
        bandwidth=arrays[-1],
        noise=_shaped(np.asarray(noise, dtype=float), series, shape),
        status=arrays[-2],
        side=side,
        message=message,
        series=series,
    )


def is_frame(data: Any) -> bool:
    """Whether this comes from xarray."""
    return type(data).__module__.partition(".")[0] == "xarray"


def _engine(family: ConnectionFunction) -> Any:
    """The fit of a family: every engine takes and gives the same."""
    if family.linear:
        from .linear import fit
    else:
        from .windows import fit
    return fit


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
    if width.size and float(width.min()) < series.spacing:
        raise BadSamples(
            f"the bandwidth {float(width.min()):g} is below the spacing of the samples ({series.spacing:g}): it is a "
            "half-width in units of t, and a window needs several samples."
        )
    return float(width) if width.ndim == 0 else width.ravel()


__all__ = ["SampledTransform", "Series", "samples"]
