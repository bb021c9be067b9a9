"""g(u) for a truncated power series u, with g′(u) beside it.

Each function returns two lists of at most n coefficients, g(u) and g′(u): the recursion k c_k = Σ j u_j d_{k−j} needs
the second to give the first, and whoever follows an error through g needs it too. Griewank & Walther, *Evaluating
Derivatives*, tables 13.1 and 13.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .algebra import Series, add, compose, derivative, divide, multiply, over, power, scale, subtract, term
from .numbers import functions

Pair = tuple[list[Any], list[Any]]


def chain(first: Any, slope: Series, u: Series, n: int) -> list[Any]:
    """c with c_0 given and c′ = slope · u′."""
    du = derivative(u)
    return (
        [first, *(_next(du, slope, k) if k <= len(slope) else over(term(du, slope, k - 1), k) for k in range(1, n))]
        if du
        else [first]
    )


def _next(du: Series, d: Series, k: int) -> Any:
    """(Σ du_j d_{k−1−j}) / k; of a straight line the factor is divided, not the array."""
    if len(du) == 1 and type(du[0]) is float:
        return du[0] / k * d[k - 1]
    return over(term(du, d, k - 1), k)


def exp(u: Series, n: int) -> Pair:
    """exp(u).

    >>> exp([0.0, 1.0], 4)[0]
    [1.0, 1.0, 0.5, 0.16666666666666666]
    """
    c, du = [functions(u[0]).exp(u[0])], derivative(u)
    for k in range(1, n if du else 1):
        c.append(_next(du, c, k))
    return c, c


def expm1(u: Series, n: int) -> Pair:
    """exp(u) − 1."""
    c, _ = exp(u, n)
    return [functions(u[0]).expm1(u[0]), *c[1:]], c


def log(u: Series, n: int) -> Pair:
    """log(u)."""
    slope = divide([_one(u)], u, n)
    return chain(functions(u[0]).log(u[0]), slope, u, n), slope


def log1p(u: Series, n: int) -> Pair:
    """log(1 + u)."""
    slope = divide([_one(u)], [1 + u[0], *u[1:]], n)
    return chain(functions(u[0]).log1p(u[0]), slope, u, n), slope


def _waves(first: Any, second: Any, u: Series, n: int, sign: int) -> Pair:
    """(a, b) with a′ = b u′ and b′ = sign · a u′."""
    a, b, du = [first], [second], derivative(u)
    back = du if sign == 1 else [-x for x in du]
    for k in range(1, n if du else 1):
        up, down = _next(du, b, k), _next(back, a, k)
        a.append(up)
        b.append(down)
    return a, b


def sin(u: Series, n: int) -> Pair:
    """sin(u).

    >>> sin([0.0, 1.0], 4)
    ([0.0, 1.0, -0.0, -0.16666666666666666], [1.0, -0.0, -0.5, 0.0])
    """
    f = functions(u[0])
    return _waves(f.sin(u[0]), f.cos(u[0]), u, n, -1)


def cos(u: Series, n: int) -> Pair:
    """cos(u)."""
    s, c = sin(u, n)
    return c, [-x for x in s]


def sinh(u: Series, n: int) -> Pair:
    """sinh(u)."""
    f = functions(u[0])
    return _waves(f.sinh(u[0]), f.cosh(u[0]), u, n, 1)


def cosh(u: Series, n: int) -> Pair:
    """cosh(u)."""
    s, c = sinh(u, n)
    return c, s


def _tangent(first: Any, slope: Any, u: Series, n: int, sign: int) -> Pair:
    """(t, d) with t′ = d u′ and d′ = 2·sign·t d u′; d is followed by itself, so that sech² keeps all its digits."""
    t, d, product, du = [first], [slope], [], derivative(u)
    twice = [2 * sign * x for x in du]
    for k in range(1, n if du else 1):
        product.append(term(t, d, k - 1))
        t.append(_next(du, d, k))
        d.append(_next(twice, product, k))
    return t, d


def tan(u: Series, n: int) -> Pair:
    """tan(u)."""
    t = functions(u[0]).tan(u[0])
    return _tangent(t, 1 + t * t, u, n, 1)


def tanh(u: Series, n: int) -> Pair:
    """tanh(u)."""
    f = functions(u[0])
    c = f.cosh(u[0])
    return _tangent(f.tanh(u[0]), 1 / c / c, u, n, -1)


def expit(u: Series, n: int) -> Pair:
    """1 / (1 + exp(−u)), the logistic function."""
    f = functions(u[0])
    s, r, du = [f.expit(u[0])], [f.expit(-u[0])], derivative(u)
    d = [s[0] * r[0]]
    for k in range(1, n if du else 1):
        s.append(_next(du, d, k))
        r.append(-s[k])
        d.append(term(s, r, k))
    return s, d


def _root(a: Series, b: Series, n: int) -> list[Any]:
    """(a·b)^(−1/2)."""
    return power(multiply(a, b, n), _half(a) * -1, n)


def arcsin(u: Series, n: int) -> Pair:
    """arcsin(u); the slope is ((1 − u)(1 + u))^(−1/2), which keeps its digits near ±1."""
    slope = _root(subtract([_one(u)], u), add([_one(u)], u), n)
    return chain(functions(u[0]).asin(u[0]), slope, u, n), slope


def arccos(u: Series, n: int) -> Pair:
    """arccos(u)."""
    slope = scale(_root(subtract([_one(u)], u), add([_one(u)], u), n), -1)
    return chain(functions(u[0]).acos(u[0]), slope, u, n), slope


def arctan(u: Series, n: int) -> Pair:
    """arctan(u)."""
    slope = divide([_one(u)], add([_one(u)], multiply(u, u, n)), n)
    return chain(functions(u[0]).atan(u[0]), slope, u, n), slope


def arcsinh(u: Series, n: int) -> Pair:
    """arsinh(u)."""
    slope = power(add([_one(u)], multiply(u, u, n)), _half(u) * -1, n)
    return chain(functions(u[0]).asinh(u[0]), slope, u, n), slope


def arccosh(u: Series, n: int) -> Pair:
    """arcosh(u)."""
    slope = _root(subtract(u, [_one(u)]), add(u, [_one(u)]), n)
    return chain(functions(u[0]).acosh(u[0]), slope, u, n), slope


def arctanh(u: Series, n: int) -> Pair:
    """artanh(u)."""
    slope = divide([_one(u)], multiply(subtract([_one(u)], u), add([_one(u)], u), n), n)
    return chain(functions(u[0]).atanh(u[0]), slope, u, n), slope


def sqrt(u: Series, n: int) -> Pair:
    """√u for u_0 > 0: c_k = (u_k − Σ_{0<j<k} c_j c_{k−j}) / (2 c_0)."""
    c = [functions(u[0]).sqrt(u[0])]
    twice = c[0] * 2
    for k in range(1, n if len(u) > 1 else 1):
        inner = term(c[1:], c[1:], k - 2) if k > 1 else 0
        top = u[k] - inner if k < len(u) else -inner
        c.append(top / twice if type(top) is not int or top else 0)
    return c, divide([_half(u)], c, n)


def cbrt(u: Series, n: int) -> Pair:
    """The real cube root, for u_0 ≠ 0."""
    third = _one(u) / 3
    root = functions(u[0]).cbrt(u[0])
    ratio = power([x / u[0] for x in u], third, n)
    c = [x * root for x in ratio]
    c[0] = root
    return c, scale(divide(c, u, n), third)


def erf(u: Series, n: int) -> Pair:
    """erf(u)."""
    f = functions(u[0])
    bell, _ = exp([-x for x in multiply(u, u, n)], n)
    slope = scale(bell, 2 / f.sqrt(f.pi * _one(u)))
    return chain(f.erf(u[0]), slope, u, n), slope


def erfc(u: Series, n: int) -> Pair:
    """1 − erf(u)."""
    f = functions(u[0])
    bell, _ = exp([-x for x in multiply(u, u, n)], n)
    slope = scale(bell, -2 / f.sqrt(f.pi * _one(u)))
    return chain(f.erfc(u[0]), slope, u, n), slope


def _from_outer(outer: Callable[[int], Any], u: Series, n: int) -> Pair:
    """g(u) and g′(u) from the Taylor coefficients of g at u_0, ``outer(j)``."""
    g = [outer(j) for j in range(n + 1 if len(u) > 1 else 2)]
    return compose(g[:n], u, n), compose(derivative(g), u, n)


def digamma(u: Series, n: int) -> Pair:
    """ψ(u) = Γ′(u)/Γ(u)."""
    f, factorial = functions(u[0]), _factorials(n + 1)
    return _from_outer(lambda j: f.polygamma(j, u[0]) / factorial[j], u, n)


def gammaln(u: Series, n: int) -> Pair:
    """log|Γ(u)|."""
    slope, _ = digamma(u, n)
    return chain(functions(u[0]).gammaln(u[0]), slope, u, n), slope


def gamma(u: Series, n: int) -> Pair:
    """Γ(u): c′ = c ψ(u) u′."""
    psi, _ = digamma(u, n)
    c, du = [functions(u[0]).gamma(u[0])], derivative(u)
    slope = [c[0] * psi[0]]
    for k in range(1, n if du else 1):
        c.append(over(term(du, slope, k - 1), k))
        slope.append(term(c, psi, k))
    return c, slope


def besselj(order: Any, u: Series, n: int) -> Pair:
    """J_ν(u), from J_ν^(j) = 2^(−j) Σ (−1)^i C(j, i) J_{ν−j+2i} (DLMF 10.6.7)."""
    f, factorial = functions(u[0]), _factorials(n + 1)
    row: dict[int, Any] = {}

    def outer(j: int) -> Any:
        total, weight = 0, 1
        for i in range(j + 1):
            shift = 2 * i - j
            if shift not in row:
                row[shift] = f.besselj(order + shift, u[0])
            total = total + weight * row[shift]
            weight = -weight * (j - i) // (i + 1)
        return total / (factorial[j] * 2**j)

    return _from_outer(outer, u, n)


def _factorials(n: int) -> list[int]:
    out = [1]
    for k in range(1, n + 1):
        out.append(out[-1] * k)
    return out


def _one(u: Series) -> Any:
    """1 as a number of u's kind."""
    return u[0] * 0 + 1 if hasattr(u[0], "free_symbols") or hasattr(u[0], "_mpf_") else 1.0


def _half(u: Series) -> Any:
    return _one(u) / 2
