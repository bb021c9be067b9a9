"""What the next degrees may hide beside an end, where one window is all there is.

A coefficient beyond the degree is seen with its noise only, and is chosen for being small there: others, whose part of
a slope or a curvature at the window's end is many times that of the noise in the fit, may hide in theirs. What is to
be expected of each follows from two hypotheses, that nothing is there, and that anything of the size of noise is: the
odds between them are the likelihood's, times odds beforehand that rise with every degree, and sink where the
coefficients before it are large and fall slowly.
"""

from __future__ import annotations

import numpy as np

_ODDS = np.array([20.0, 60.0, 180.0, 540.0])  # that nothing is there, where the fall lets expect the noise's size
MANY = len(_ODDS)
_LEAST, _MOST = 0.05, 20.0  # of the square that the fall lets expect, over the noise's
_QUICK, _USUAL, _SLOW = 0.05, 0.3, 0.81  # the fall in two degrees: at least, where it is not seen, at most


def squares(z: np.ndarray, part: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """(degrees, K, k, m) squared errors for σ = 1, from squared coefficients z (D+1, k, m), over their variances, and
    the variance (K, D+1, k) that each brings to the derivatives."""
    size = np.sqrt(z)
    last, before, third, fourth = (  # degree 0 is the level, which tells nothing
        np.where((degrees > i)[:, None, None], size[np.maximum(degrees - i, 0)], 0.0) for i in range(4)
    )
    fall = np.clip(np.maximum(last, before) / np.maximum(np.maximum(third, fourth), 1), _QUICK, _SLOW)
    fall[degrees < 3] = _USUAL
    first = np.maximum(last**2 * fall, before**2 * fall**2)
    out = np.zeros((len(degrees), len(part), *z.shape[1:]))
    for j, odds in enumerate(_ODDS):
        beyond = degrees + 1 + j
        some = np.minimum(beyond, len(z) - 1)
        nothing = odds / np.clip(first * fall**j, _LEAST, _MOST) * np.exp(-z[some] / 2)
        expected = np.where((beyond < len(z))[:, None, None], (1 + z[some]) / (1 + nothing), 0.0)
        out += np.nan_to_num(expected[:, None] * part[:, some].swapaxes(0, 1)[..., None])
    return out
