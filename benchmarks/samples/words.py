"""Numbers, as they stand on the page."""

from __future__ import annotations

import numpy as np


def percent(share):
    return "–" if share is None or not np.isfinite(share) else f"{100 * share:.1f}".removesuffix(".0") + " %"


def figures(value, count=3):
    """A number with so many figures, and no power of ten where it is of everyday size."""
    if value is None or not np.isfinite(value):
        return "–"
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        digits = count - 1 - int(np.floor(np.log10(abs(value)))) if value else 0
        return f"{value:.{max(0, digits)}f}"
    return f"{value:.{count - 1}e}"
