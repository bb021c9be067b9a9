"""Divided differences, with repeated nodes read as contact (Hermite).

Milne-Thomson, *The Calculus of Finite Differences*, chapter I; de Boor, *A Practical Guide to Splines*, chapter I.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any


def multiplicities(nodes: Sequence[Any]) -> list[int]:
    """How often each node stood before: 0 asks for the value there, r for the r-th derivative.

    >>> multiplicities([0, 0, 1])
    [0, 1, 0]
    """
    return [list(nodes[:j]).count(c) for j, c in enumerate(nodes)]


def divided_differences(nodes: Sequence[Any], h: Any, values: Sequence[Any]) -> list[Any]:
    """Newton's coefficients f[s_0], f[s_0, s_1], … at the nodes s_j = c_j h.

    ``values`` holds f(s_j), and f^(r)(s_j) where s_j is repeated for the r-th time. Equal nodes must stand together.

    >>> divided_differences([0, 1, 2], 1.0, [0.0, 1.0, 4.0])   # s²: 0 + 1·s + 1·s(s − 1)
    [0.0, 1.0, 1.0]
    >>> divided_differences([0, 0, 1], 2.0, [1.0, 3.0, 15.0])  # value 1 and slope 3 at 0, value 15 at 2
    [1.0, 3.0, 2.0]
    """
    nodes = [Fraction(c) if isinstance(c, int) else c for c in nodes]
    first = [nodes.index(c) for c in nodes]  # where the node's own value stands
    column = [values[j] for j in first]
    out = [column[0]]
    for k in range(1, len(nodes)):
        following = []
        for i in range(len(nodes) - k):
            gap = nodes[i + k] - nodes[i]
            if gap == 0:
                derivative = values[first[i] + k]
                following.append(derivative / math.factorial(k) if k > 1 else derivative)
            else:
                following.append((column[i + 1] - column[i]) / _times(gap, h))
        column = following
        out.append(column[0])
    return out


def _times(gap: Any, h: Any) -> Any:
    if isinstance(gap, Fraction):
        return gap.numerator * h if gap.denominator == 1 else gap.numerator * h / gap.denominator
    return gap * h


def power_coefficients(nodes: Sequence[Any], h: Any, newton: Sequence[Any]) -> list[Any]:
    """Coefficients of 1, s, s², … from Newton's form at the nodes s_j = c_j h.

    >>> power_coefficients([0, 1, 2], 1, [0, 1, 1])
    [0, 0, 1]
    """
    coefficients = [newton[-1]]
    for j in range(len(newton) - 2, -1, -1):  # multiply by (s − s_j) and add the next coefficient
        raised = [newton[j], *coefficients]
        for k, c in enumerate(coefficients):
            raised[k] = raised[k] - c * (nodes[j] * h)
        coefficients = raised
    return coefficients
