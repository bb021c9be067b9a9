"""Add, multiply, divide, raise, compose and revert truncated power series."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add as _add
from operator import mul as _mul
from typing import Any

import numpy as np

from .numbers import functions

Series = Sequence[Any]


def term(a: Series, b: Series, k: int) -> Any:
    """The coefficient Σ a_j b_{k−j} of s^k in a product; the integer 0 where there is nothing to add."""
    low = k - len(b) + 1
    if low > 0:
        if low >= len(a):
            return 0
        products = map(_mul, a[low:], b[::-1])
    elif k < 0 or not a:
        return 0
    else:
        low, products = 0, map(_mul, a, b[k::-1])  # map ends with the shorter
    if type(a[low]) is float and type(b[k - low]) is float:
        return sum(products)
    total = next(products)
    for product in products:
        if type(total) is np.ndarray and (type(product) is float or product.shape == total.shape):
            total += product  # a product is fresh, and in the cache
        else:
            total = total + product
    return total


def over(x: Any, k: int) -> Any:
    """x / k, where the integer 0 stands for nothing and stays exact."""
    return x if k == 1 or type(x) is int else x / k


def add(a: Series, b: Series) -> list[Any]:
    """a + b, coefficient by coefficient.

    >>> add([1, 2], [0, 0, 5])
    [1, 2, 5]
    """
    if len(a) < len(b):
        a, b = b, a
    return [*map(_add, a, b), *a[len(b) :]]


def subtract(a: Series, b: Series) -> list[Any]:
    """a − b, coefficient by coefficient."""
    return [*(x - y for x, y in zip(a, b, strict=False)), *a[len(b) :], *(-y for y in b[len(a) :])]


def scale(a: Series, factor: Any) -> list[Any]:
    """factor · a."""
    return [x * factor for x in a]


def multiply(a: Series, b: Series, n: int | None = None) -> list[Any]:
    """The first n coefficients of a·b (default: as many as the longer has), fewer where the rest vanish.

    >>> multiply([1, 1], [1, -1], 5)
    [1, 0, -1]
    """
    n = max(len(a), len(b)) if n is None else n
    return [term(a, b, k) for k in range(min(n, len(a) + len(b) - 1))]


def divide(a: Series, b: Series, n: int | None = None) -> list[Any]:
    """The first n coefficients of a/b, for b_0 ≠ 0: q_k = (a_k − Σ_{j≥1} b_j q_{k−j}) / b_0.

    >>> divide([1.0], [1.0, -1.0], 4)
    [1.0, 1.0, 1.0, 1.0]
    """
    n = max(len(a), len(b)) if n is None else n
    first, rest = b[0], b[1:]
    if not rest:
        return [x / first for x in a[:n]]
    q: list[Any] = []
    for k in range(n):
        known = term(rest, q, k - 1) if k else 0
        top = a[k] - known if k < len(a) else -known
        q.append(top / first if type(top) is not int or top else 0)
    return q


def power(u: Series, p: Any, n: int | None = None) -> list[Any]:
    """The first n coefficients of u^p for u_0 ≠ 0: k u_0 c_k = Σ_{j≥1} (p j − (k − j)) u_j c_{k−j} (J. C. P. Miller).

    >>> power([1.0, 1.0], 0.5, 4)
    [1.0, 0.5, -0.125, 0.0625]
    """
    n = len(u) if n is None else n
    c = [functions(u[0]).power(u[0], p)]
    if len(u) == 1:
        return c
    for k in range(1, n):
        parts = [u[j] * (p * j - (k - j)) * c[k - j] for j in range(1, min(k, len(u) - 1) + 1)]
        c.append(reduce(_add, parts) / (k * u[0]))
    return c


def derivative(u: Series) -> list[Any]:
    """u′, one coefficient shorter.

    >>> derivative([5, 1, 2, 3])
    [1, 4, 9]
    """
    return [u[k] if k == 1 else u[k] * k for k in range(1, len(u))]


def integral(u: Series, constant: Any) -> list[Any]:
    """constant + ∫ u, one coefficient longer.

    >>> integral([1.0, 4.0], 7.0)
    [7.0, 1.0, 2.0]
    """
    return [constant, *(over(x, k) for k, x in enumerate(u, 1))]


def compose(outer: Series, u: Series, n: int | None = None) -> list[Any]:
    """Σ outer_j (u − u_0)^j: ``outer`` are Taylor coefficients of g at u_0, the answer those of g(u).

    >>> compose([1, 1, 1, 1], [0, 1, 1], 4)  # 1/(1 − s − s²): Fibonacci
    [1, 1, 2, 3]
    """
    n = max(len(outer), len(u)) if n is None else n
    rise = [0, *u[1:]]
    top = min(n, len(outer)) if len(u) > 1 else 1
    c = [outer[top - 1]]
    for j in range(top - 2, -1, -1):
        c = add([outer[j]], multiply(c, rise, n))
    return c


def revert(u: Series, n: int | None = None) -> list[Any]:
    """The series v with u(v(s)) = u_0 + s, for u_1 ≠ 0: v_k = [t^{k−1}] (t/(u(t) − u_0))^k / k (Lagrange).

    ``v`` starts with 0: it is the rise of the argument.

    >>> revert([0.0, 1.0, -1.0], 5)  # s = t − t²: Catalan numbers
    [0.0, 1.0, 1.0, 2.0, 5.0]
    """
    n = len(u) if n is None else n
    one = u[1] / u[1]
    quotient = divide([one], u[1:], n)
    v, raised = [one - one], [one]
    for k in range(1, n):
        raised = multiply(raised, quotient, n)
        v.append(over(raised[k - 1] if k - 1 < len(raised) else 0, k))
    return v


def value(a: Series, s: Any) -> Any:
    """a_0 + a_1 s + a_2 s² + … by Horner's rule.

    >>> value([1, 2, 3], 10)
    321
    """
    total = a[-1]
    for x in reversed(a[:-1]):
        total = total * s + x
    return total
