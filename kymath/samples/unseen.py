"""What a fit inside windows misses: the step to the next order, as part of the standard error."""

from __future__ import annotations

import numpy as np

_REACH = 0.5  # half widths about a point in which its neighbours' steps are counted


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
    variance; where the order was chosen from several (``varied``), what noise alone makes of a step is added: a bias
    below that cannot be seen.
    """
    own = lever**2 * variance
    with np.errstate(all="ignore"):
        share = np.nan_to_num(step**2 / own, posinf=0.0)
        floor = np.where(varied, np.nan_to_num(beyond**2 * variance / own - 1, posinf=0.0), 0.0)
    line = np.argsort(at, kind="stable")
    x, reach = at[line], _REACH * half[line]
    low, high = np.searchsorted(x, x - reach), np.searchsorted(x, x + reach, "right")
    sums = np.concatenate([np.zeros((len(share), 1)), np.cumsum(share[:, line], axis=1)], axis=1)
    mean = np.empty_like(share)
    mean[:, line] = (sums[:, high] - sums[:, low]) / np.maximum(high - low, 1)
    return np.asarray(own * (mean + floor))
