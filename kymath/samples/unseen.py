"""What a fit inside windows misses: the step to the next order, as part of the standard error."""

from __future__ import annotations

import numpy as np

_REACH = 0.5  # half widths about a point in which its neighbours' steps are counted
_SLOW, _UNSEEN = 2.0, 0.3  # what the errors hold of the squared bias that is seen, and of its standard deviation
_CHOSEN = 0.7  # of what noise makes of a step, where the order was chosen
_ODDS = 2.0  # against a next order, where one curve holds throughout
_CHANCE = 6.0  # standard deviations that are no chance


def unseen(
    at: np.ndarray,
    half: np.ndarray,
    step: np.ndarray,
    lever: np.ndarray,
    beyond: np.ndarray,
    variance: np.ndarray,
    varied: np.ndarray,
) -> np.ndarray:
    """Squared errors (p, k) beside those of the noise.

    ``step`` (p, k) is how far θ moves with the next order; ``lever`` and ``beyond`` its standard errors before and
    after for σ² = 1, ``variance`` (k,) σ². The mean square of neighbours' steps counts, in units of each one's own
    variance, and what noise alone makes of a step: a bias below that cannot be seen. Where the order was chosen from
    several (``varied``), many windows were judged, and a part of it does. Else the step is noise or it is not, by the
    odds against a next order and by what the step itself says (Hoeting et al., Statist. Sci. 14, 1999).
    """
    own = lever**2 * variance
    with np.errstate(all="ignore"):
        share = np.nan_to_num(step**2 / own, posinf=0.0)
        noise = np.maximum(np.nan_to_num(beyond**2 * variance / own - 1, posinf=0.0), 0.0)
    excess = np.maximum(_near(at, half, share - noise), 0.0)
    square = _near(at, half, share) / np.maximum(noise, 1e-300)
    whole = noise * (1 + square) / (1 + _ODDS * np.exp(-np.minimum(square, 1400) / 2))
    return np.asarray(own * np.where(varied, excess + _CHOSEN * noise, whole))


def clear(
    at: np.ndarray,
    half: np.ndarray,
    step: np.ndarray,
    lever: np.ndarray,
    beyond: np.ndarray,
    variance: np.ndarray,
    varied: np.ndarray,
) -> np.ndarray:
    """The same where the order above has much more noise: of the steps' mean square, twice what noise alone does not
    make, and a part of what noise makes; where nothing was chosen (not ``varied``), only what is beyond all chance."""
    own = lever**2 * variance
    with np.errstate(all="ignore"):
        noise = np.nan_to_num(np.maximum(beyond**2 - lever**2, 0) / lever**2, posinf=0.0)
        excess = np.nan_to_num(step**2 / own, posinf=0.0) - noise
    seen = _near(at, half, excess)
    kept = np.where(varied, _UNSEEN * noise, np.where(seen > _CHANCE * noise, 0.0, -np.inf))
    return np.asarray(own * np.maximum(_SLOW * np.maximum(seen, 0) + kept, 0))


def _near(at: np.ndarray, half: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Means over the points within half a half-width."""
    line = np.argsort(at, kind="stable")
    x, reach = at[line], _REACH * half[line]
    low, high = np.searchsorted(x, x - reach), np.searchsorted(x, x + reach, "right")
    sums = np.concatenate([np.zeros((len(share), 1)), np.cumsum(share[:, line], axis=1)], axis=1)
    mean = np.empty_like(share)
    mean[:, line] = (sums[:, high] - sums[:, low]) / np.maximum(high - low, 1)
    return mean
