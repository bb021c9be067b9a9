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
    def of(cls, t: Any, y: Any, least: int = 2) -> Series:
        """The series of two array-likes; ``BadSamples`` says what is wrong with them and what to do."""
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
        _increasing(t)
        if np.isinf(y).any():
            where = np.argwhere(np.isinf(y))[0]
            place = f"y[{where[0]}]" if flat else f"y[{where[0]}, {where[1]}]"
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

    def without(self, outliers: np.ndarray) -> Series:
        """The same series with more gaps."""
        return Series(self.t, np.where(outliers, np.nan, self.y), self.flat)


def numbers(name: str, values: Any) -> np.ndarray:
    """A new float array of real numbers, or ``BadSamples``."""
    array = np.asarray(values)
    kind = array.dtype.kind
    if "numpy.ma" in sys.modules and np.ma.isMaskedArray(values):  # who has a masked array has loaded them
        array = np.ma.filled(np.ma.asarray(values).astype(float), np.nan)
    elif kind == "c":
        raise BadSamples(f"{name} is complex: the transform of data is for real numbers; give its parts apart.")
    elif kind in "mM":
        raise BadSamples(
            f"{name} holds times ({array.dtype}): give numbers in the unit that the parameters are to have, for "
            f"instance ({name} - {name}[0]) / np.timedelta64(1, 's') for seconds."
        )
    elif kind not in "iufb":
        try:
            if kind != "O" or any(isinstance(v, (str, bytes, complex)) for v in array.flat):
                raise TypeError
            array = array.astype(float)
        except (TypeError, ValueError) as error:
            raise BadSamples(f"{name} holds {array.dtype} and not numbers: convert it first.") from error
    return np.array(array, dtype=float)


def _times(t: Any) -> np.ndarray:
    t = numbers("t", t)
    if t.ndim != 1:
        raise BadSamples(f"t has the shape {t.shape}: give the points as one row of numbers, (n,).")
    return t


def _values(y: Any) -> np.ndarray:
    return numbers("y", y)


def _increasing(t: np.ndarray) -> None:
    """Refuse points that are not finite and strictly increasing."""
    if not np.isfinite(t).all():
        at = int(np.flatnonzero(~np.isfinite(t))[0])
        raise BadSamples(f"t[{at}] is {t[at]}: every point needs a finite place; only y may have gaps.")
    steps = np.diff(t)
    if (steps > 0).all():
        return
    at = int(np.flatnonzero(steps <= 0)[0])
    if steps[at] == 0:
        raise BadSamples(f"t[{at}] and t[{at + 1}] are both {t[at]:.17g}: join repeated points (their mean) first.")
    raise BadSamples(
        f"t is not increasing: t[{at}] = {t[at]:.17g} is followed by {t[at + 1]:.17g}. Sort both by np.argsort(t)."
    )
