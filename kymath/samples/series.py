"""The input: a measured series, checked once and never changed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import BadSamples


@dataclass(frozen=True, eq=False)
class Series:
    """m channels measured at the same n increasing points t; NaN in y is a gap.

    ``t`` is (n,), ``y`` is (n, m), both of floats; ``flat`` says that y was given as (n,).
    """

    t: np.ndarray
    y: np.ndarray
    flat: bool = True

    @classmethod
    def of(cls, t: Any, y: Any, least: int = 2, first: int = 0) -> Series:
        """The series of two array-likes; ``BadSamples`` says what is wrong with them and what to do.

        ``first`` is the place of the first sample, where these are a part of a longer series.
        """
        given = t
        t, y = _times(t), _values(y)
        flat = y.ndim == 1
        if y.ndim not in (1, 2):
            raise BadSamples(f"y has the shape {y.shape}: give (n,), or (n, m) for m channels measured together.")
        if len(t) != len(y):
            hint = " y holds one row per point of t: transpose it." if y.ndim == 2 and len(t) == y.shape[1] else ""
            raise BadSamples(f"t has {len(t)} points and y has {len(y)}: they must be of one length.{hint}")
        if y.ndim == 2 and y.shape[1] == 0:
            raise BadSamples(f"y has the shape {y.shape}: there is no channel in it.")
        y = y[:, None] if flat else y
        if len(t) < least:
            raise BadSamples(f"{len(t)} points are too few: this family needs at least {least}.")
        _increasing(t, given, first)
        if np.isinf(y).any():
            where = np.argwhere(np.isinf(y))[0]
            place = f"y[{first + where[0]}]" if flat else f"y[{first + where[0]}, {where[1]}]"
            raise BadSamples(f"{place} is infinite: mark what was not measured with NaN, which is a gap.")
        filled = np.isfinite(y).sum(axis=0)
        if filled.max() < least:
            raise BadSamples(
                f"only {int(filled.max())} of {len(t)} values of y are not NaN: this family needs at least {least}."
            )
        for array in (t, y):
            array.flags.writeable = False
        return cls(t, y, flat)

    @property
    def channels(self) -> int:
        return self.y.shape[1]

    @property
    def span(self) -> float:
        """The length of the series in units of t."""
        return float(self.t[-1] - self.t[0])

    @cached_property
    def spacing(self) -> float:
        """The median step of t."""
        return float(np.median(np.diff(self.t)))

    def gapless(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """(channels, t, y) for each set of channels with the same gaps, the gaps left out."""
        present = np.isfinite(self.y)
        if present.all():
            yield np.arange(self.channels), self.t, self.y
            return
        patterns, member = np.unique(np.packbits(present, axis=0), axis=1, return_inverse=True)
        member = np.reshape(member, -1)
        for k in range(patterns.shape[1]):
            channels = np.flatnonzero(member == k)
            rows = present[:, channels[0]]
            yield channels, self.t[rows], self.y[np.ix_(rows, channels)]

    def between(self, x: np.ndarray, reach: Any) -> np.ndarray:
        """(k, m): whether a point lies between two samples of the channel, neither further than ``reach`` from it.

        What only the samples within reach can tell: a part of the series that holds them says the same.
        """
        out = np.ones((x.size, self.channels), dtype=bool)
        if np.array_equal(x, self.t) and np.isfinite(self.y).all():
            return out
        for channels, t, _ in self.gapless():
            if not len(t):
                out[:, channels] = False
                continue
            before, after = np.searchsorted(t, x, side="right") - 1, np.searchsorted(t, x)
            near = (before >= 0) & (x - t[np.maximum(before, 0)] <= reach)
            near &= (after < len(t)) & (t[np.minimum(after, len(t) - 1)] - x <= reach)
            out[:, channels] = near[:, None]
        return out

    def without(self, outliers: np.ndarray) -> Series:
        """The same series with more gaps."""
        return Series(self.t, np.where(outliers, np.nan, self.y), self.flat)


def numbers(name: str, values: Any) -> np.ndarray:
    """A new float array of real numbers, NaN for what is masked, or ``BadSamples``."""
    mask = None
    if "numpy.ma" in sys.modules and np.ma.isMaskedArray(values):  # who has a masked array has loaded them
        mask, values = np.ma.getmaskarray(values), np.ma.getdata(values)
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise BadSamples(f"{name} is no array of numbers; are its rows of one length? NumPy says: {error}.") from error
    kind = array.dtype.kind
    if kind == "c" or (kind == "O" and any(isinstance(v, (complex, np.complexfloating)) for v in array.flat)):
        raise BadSamples(f"{name} is complex: the transform of data is for real numbers; give its parts apart.")
    if kind in "mM":
        raise BadSamples(
            f"{name} holds times ({array.dtype}): give numbers in the unit that the parameters are to have, for "
            f"instance ({name} - {name}[0]) / np.timedelta64(1, 's') for seconds."
        )
    try:
        if kind not in "iufbO" or (kind == "O" and any(isinstance(v, _NO_NUMBERS) for v in array.flat)):
            raise TypeError
        with np.errstate(over="ignore"):  # a long double may be infinite as a double
            array = np.array(array, dtype=float)
    except OverflowError as error:
        raise BadSamples(f"{name} holds an integer that is too large for a 64-bit float: scale it first.") from error
    except (TypeError, ValueError) as error:
        raise BadSamples(f"{name} holds {array.dtype} and not numbers: convert it first.") from error
    if mask is not None:
        array[mask] = np.nan
    return array


_NO_NUMBERS = (str, bytes, np.datetime64, np.timedelta64)


def _times(t: Any) -> np.ndarray:
    t = numbers("t", t)
    if t.ndim != 1:
        raise BadSamples(f"t has the shape {t.shape}: give the points as one row of numbers, (n,).")
    return t


def _values(y: Any) -> np.ndarray:
    return numbers("y", y)


def _increasing(t: np.ndarray, given: Any, first: int) -> None:
    """Refuse points that are not finite and strictly increasing, with their places as they were given."""
    if not np.isfinite(t).all():
        at = int(np.flatnonzero(~np.isfinite(t))[0])
        raise BadSamples(f"t[{first + at}] is {t[at]}: every point needs a finite place; only y may have gaps.")
    with np.errstate(over="ignore"):
        steps = np.diff(t)
        if not np.isfinite(t[-1] - t[0]):
            raise BadSamples(f"t goes from {t[0]:g} to {t[-1]:g}, further than 64-bit floats hold: scale it first.")
    if (steps > 0).all():
        return
    at = int(np.flatnonzero(steps <= 0)[0])
    places = f"t[{first + at}] and t[{first + at + 1}]"
    if steps[at] == 0:
        raise BadSamples(f"{places} are {equal(np.asarray(given)[at : at + 2], t[at])}")
    raise BadSamples(
        f"t is not increasing: t[{first + at}] = {t[at]:.17g} is followed by {t[at + 1]:.17g}. "
        "Sort both by np.argsort(t)."
    )


def equal(given: np.ndarray, value: float) -> str:
    """What two points have in common that are one float: that they repeat, or what floats lose of integers."""
    if given[0] == given[1]:
        return f"both {value:.17g}: join repeated points (their mean) first."
    return f"{given[0]} and {given[1]}, equal as 64-bit floats: count t from its first point, t - t[0]."
