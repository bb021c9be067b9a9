"""Taylor on what users write, and on random code."""

import mpmath as mp
import numpy as np
import pytest
import scipy.special as sc
from hypothesis import given, settings
from hypothesis import strategies as st
from jets import jet, truth

from kymath.errors import Status

# -- what users write --------------------------------------------------------------------------------------------------


def _loop(t):
    total = 0
    for k in range(1, 6):
        total += t**k / k
    return total


def _closure(c):
    def inner(t):
        return c * t

    def outer(t):
        return np.sin(inner(t)) + inner(t) ** 2

    return outer


WRITTEN = {
    "loop": (_loop, lambda t: sum(t**k / k for k in range(1, 6))),
    "closure": (_closure(1.5), lambda t: mp.sin(1.5 * t) + (1.5 * t) ** 2),
    "where": (lambda t: np.where(t > 0.2, np.exp(t), -t), mp.exp),
    "clip": (lambda t: np.clip(np.sin(t), -0.9, 0.9), mp.sin),
    "method clip": (lambda t: t.clip(0, 1) ** 2 if hasattr(t, "clip") else min(max(t, 0), 1) ** 2, lambda t: t**2),
    "asarray": (lambda t: np.asarray(t) ** 2 * np.exp(-np.asarray(t)), lambda t: t**2 * mp.exp(-t)),
    "polyval": (lambda t: np.polyval([2, 0, -1, 3], t), lambda t: 2 * t**3 - t + 3),
    "poly1d": (np.poly1d([2, 0, -1, 3]), lambda t: 2 * t**3 - t + 3),
    "Chebyshev": (np.polynomial.Chebyshev([1, 2, 3], domain=[0, 2]),
                  lambda t: 1 + 2 * (t - 1) + 3 * (2 * (t - 1) ** 2 - 1)),
    "horner": (lambda t: np.polynomial.polynomial.polyval(t, [1, 2, 3]), lambda t: 1 + 2 * t + 3 * t**2),
    "sum of array": (lambda t: np.sum(np.arange(1.0, 4) * np.sin(np.arange(1, 4) * t)),
                     lambda t: sum(k * mp.sin(k * t) for k in (1, 2, 3))),
    "dot": (lambda t: np.dot([1.0, 2.0], np.cos(np.array([1.0, 3.0]) * t)), lambda t: mp.cos(t) + 2 * mp.cos(3 * t)),
    "matmul": (lambda t: np.array([1.0, 2.0]) @ np.exp(np.array([1.0, -1.0]) * t),
               lambda t: mp.exp(t) + 2 * mp.exp(-t)),
    "array of jets": (lambda t: np.array([t, t**2, 1.0]).sum(), lambda t: t + t**2 + 1),
    "branch": (lambda t: t**2 if t > 0.1 else -t, lambda t: t**2),
    "maximum": (lambda t: np.maximum(t, 0.1) ** 3, lambda t: t**3),
    "minimum": (lambda t: np.minimum(t, 9) * t, lambda t: t**2),
    "abs": (lambda t: np.abs(t - 3) * abs(t), lambda t: (3 - t) * t),
    "sign": (lambda t: np.sign(t) * t**2, lambda t: t**2),
    "piecewise": (lambda t: np.piecewise(t, [t < 0.1, t >= 0.1], [lambda u: -u, lambda u: u**2]), lambda t: t**2),
    "select": (lambda t: np.select([t < 0.1, t < 0.2], [t, 2 * t], np.sin(t)), mp.sin),
    "floor": (lambda t: t - np.floor(t), lambda t: t),
    "mod": (lambda t: np.mod(t, 0.5) ** 2, lambda t: t**2),
    "float32 constant": (lambda t: np.float32(0.5) * t**2, lambda t: t**2 / 2),
    "sinc": (np.sinc, mp.sincpi if hasattr(mp, "sincpi") else lambda t: mp.sin(mp.pi * t) / (mp.pi * t)),
    "zeros_like": (lambda t: np.zeros_like(t) + t**2, lambda t: t**2),
    "in place": (lambda t: _in_place(t), lambda t: (t + 1) * 2),
    "logistic": (lambda t: 1.0 / (1.0 + np.exp(-t)), lambda t: 1 / (1 + mp.exp(-t))),
    "newton": (lambda t: _newton(t), mp.sqrt),
    "vander": (lambda t: np.sum([c * t**k for k, c in enumerate([1, 2, 3])]), lambda t: 1 + 2 * t + 3 * t**2),
}  # fmt: skip


def _in_place(t):
    y = t + 1
    y *= 2
    return y


def _newton(t):
    y = 1.0
    for _ in range(8):
        y = 0.5 * (y + t / y)
    return y


@pytest.mark.parametrize("name", WRITTEN)
def test_what_users_write(name):
    f, g = WRITTEN[name]
    found = jet(f, 0.3, 6)
    assert found.status[()] is Status.CONVERGED
    for k, exact in enumerate(truth(g, 0.3, 6)):
        miss = float(abs(mp.mpf(float(found.jet.values[k])) - exact))
        assert miss <= float(found.jet.errors[k]) + 1e-300, (k, found.jet.values[k], exact)


@pytest.mark.parametrize("name", ["where", "clip", "polyval", "Chebyshev", "maximum", "abs", "floor", "mod", "branch",
                                  "sinc", "newton", "piecewise", "array of jets"])  # fmt: skip
def test_what_users_write_on_arrays(name):
    f, g = WRITTEN[name]
    x = np.array([0.3, 0.31, 0.42])
    found = jet(f, x, 3)
    assert (found.status == Status.CONVERGED).all()
    for j, x0 in enumerate(x):
        for k, exact in enumerate(truth(g, x0, 3)):
            assert abs(found.jet.values[k][j] - float(exact)) <= found.jet.errors[k][j] + 1e-15 * abs(float(exact))


def test_axes_behind_the_points():
    k = np.arange(1.0, 4)
    f = lambda t: np.sum(np.sin(t[..., None] * k) / k, axis=-1)
    found = jet(f, np.array([0.3, 0.7]), 1)
    assert np.allclose(found.jet.values[1], np.cos(np.outer([0.3, 0.7], k)).sum(axis=1), rtol=1e-15)


# -- random code -------------------------------------------------------------------------------------------------------

UNARY = [
    (np.sin, mp.sin), (np.cos, mp.cos), (lambda u: np.exp(-u * u), lambda u: mp.exp(-u * u)), (np.tanh, mp.tanh),
    (np.arctan, mp.atan), (lambda u: np.log(2 + u * u), lambda u: mp.log(2 + u * u)),
    (lambda u: np.sqrt(1 + u**2), lambda u: mp.sqrt(1 + u**2)), (lambda u: u**3, lambda u: u**3),
    (np.arcsinh, mp.asinh), (sc.erf, mp.erf), (sc.expit, lambda u: 1 / (1 + mp.exp(-u))),
    (lambda u: 1 / (2 + u * u), lambda u: 1 / (2 + u * u)),
]  # fmt: skip
TREES = st.recursive(
    st.one_of(st.just(("x",)), st.floats(-3, 3).map(lambda c: ("c", round(c, 3)))),
    lambda inner: st.one_of(
        st.tuples(st.just("f"), st.integers(0, len(UNARY) - 1), inner),
        st.tuples(st.sampled_from("+-*"), inner, inner),
    ),
    max_leaves=6,
)


def _evaluate(tree, x, kind):
    head = tree[0]
    if head == "x":
        return x
    if head == "c":
        return tree[1] + 0 * x if kind == 0 else mp.mpf(tree[1])
    if head == "f":
        return UNARY[tree[1]][kind](_evaluate(tree[2], x, kind))
    a, b = (_evaluate(t, x, kind) for t in tree[1:])
    return a + b if head == "+" else a - b if head == "-" else a * b


@settings(max_examples=120, deadline=None, derandomize=True)
@given(TREES, st.floats(-2, 2).map(lambda v: round(v, 4)))
def test_random_expressions_are_covered(tree, x0):
    f = lambda t: _evaluate(tree, t, 0) + 0 * t
    found = jet(f, x0, 5)
    assert found.status[()] is Status.CONVERGED
    for k, exact in enumerate(truth(lambda t: _evaluate(tree, t, 1) + 0 * t, x0, 5)):
        with mp.workdps(60):
            miss = float(abs(mp.mpf(float(found.jet.values[k])) - exact))
        assert miss <= 1.5 * float(found.jet.errors[k]) + 1e-40 + 1e-40 * abs(float(exact)), (
            k,
            found.jet.values[k],
            exact,
        )
