"""Whether what a fit leaves over is noise: seen again, as large and patternless, on a small part of the interval."""

from __future__ import annotations

import numpy as np

from ..function import Function

# irregular, so that no wave is seen in step with itself
_AT = np.array([-0.97, -0.83, -0.52, -0.31, -0.17, 0.11, 0.37, 0.58, 0.79, 1.0])
_DEGREE = 4
_FIT = _AT[:, None] ** np.arange(_DEGREE + 1)
_LEFT_OVER = np.eye(10) - _FIT @ np.linalg.pinv(_FIT)
_SIDES = _LEFT_OVER @ np.sign(_AT)
NEAR = 2.0**-9  # where a smooth f is a polynomial of that degree to rounding
ALIKE = (0.2, 4.0)  # times the noise to be confirmed
_STEPS = np.concatenate([10.0 ** -np.arange(13), 2.0 ** -np.arange(1, 40)])
LEVELS = 4  # from which on a staircase may be a rounded curve
JUMP = 4.0  # standard deviations by which the two sides may differ


def on_stairs(f: np.ndarray) -> np.ndarray:
    """Whether values of f (…, k) are whole multiples of a power of ten or two, and more than a few: a staircase."""
    ordered = np.sort(f, axis=-1)
    levels = (np.diff(ordered, axis=-1) > 0).sum(axis=-1) + 1
    size = np.abs(f).max(axis=-1)
    found = np.zeros(size.shape, dtype=bool)
    for step in _STEPS:  # a step that rounding would hide is none
        count = f / step
        whole = (np.abs(count - np.rint(count)) < 1e-4).all(axis=-1)
        found |= whole & (step > 1e-11 * size)
    return found & (levels >= LEVELS)


def is_noise(function: Function, x: np.ndarray, radius: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Whether ten values near each of the points x (P,) scatter about a curve as ``noise`` (P,) says.

    Structure that only looks like noise from far away is smaller there, smooth, or different on the two sides.
    """
    f = function(x[:, None] + NEAR * radius[:, None] * _AT)
    with np.errstate(all="ignore"):
        left = f @ _LEFT_OVER
        size = np.sqrt((left * left).sum(axis=1) / (_AT.size - _DEGREE - 1))
        jump = np.abs(left @ _SIDES) / np.sqrt(_SIDES @ _SIDES)
        return (size > ALIKE[0] * noise) & (size < ALIKE[1] * noise) & (jump < JUMP * np.maximum(noise, size))
