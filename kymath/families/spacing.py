"""Equally spaced nodes, for which Prony's closed forms hold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any


def equal_spacing(nodes: Sequence[Any]) -> tuple[list[int], Any, Any] | None:
    """(order of the nodes from left to right, the leftmost node, the spacing), or None where they are unequal.

    >>> equal_spacing((0, 1, -1)), equal_spacing((0, 1, 3))
    (([2, 0, 1], -1, 1), None)
    """
    order = sorted(range(len(nodes)), key=lambda j: nodes[j])
    ordered = [nodes[j] for j in order]
    gaps = {b - a for a, b in pairwise(ordered)}
    if len(gaps) != 1 or 0 in gaps:
        return None
    return order, ordered[0], gaps.pop()
