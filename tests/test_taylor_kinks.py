"""Taylor at kinks, jumps and edges, and which way f leaves x0."""

import math

import numpy as np
import pytest
from jets import EIGHT, jet, values

import kymath as ky
from kymath.errors import Status
from kymath.function import Function
from kymath.methods.taylor import Taylor

RULE = ky.Osculating()


# -- kinks -------------------------------------------------------------------------------------------------------------


def _sides(f, x0, order):
    found = jet(f, x0, order)
    one = lambda e: [float(v) for v in e.jet.values]
    return found.status[()], one(found.left), one(found.right), found.message


KINKS = {
    "abs": (np.abs, 0.0, 1, [0, -1], [0, 1]),
    "x|x|": (lambda t: t * np.abs(t), 0.0, 2, [0, 0, -2], [0, 0, 2]),
    "relu": (lambda t: np.maximum(t, 0), 0.0, 2, [0, 0, 0], [0, 1, 0]),
    "relu cubed": (lambda t: np.maximum(t, 0) ** 3, 0.0, 3, [0, 0, 0, 0], [0, 0, 0, 6]),
    "where": (lambda t: np.where(t < 1, t, 2 * t - 1), 1.0, 1, [1, 1], [1, 2]),
    "if": (lambda t: t if t < 1 else 2 * t - 1, 1.0, 1, [1, 1], [1, 2]),
    "clip": (lambda t: np.clip(t, -1, 1), 1.0, 1, [1, 1], [1, 0]),
    "root of square": (lambda t: np.sqrt(t**2), 0.0, 1, [0, -1], [0, 1]),
    "sign": (lambda t: np.sign(t) * np.sin(t), 0.0, 1, [0, -1], [0, 1]),
    "small kink": (lambda t: np.exp(t) + 1e-9 * np.abs(t - 0.3), 0.3, 1,
                   [math.exp(0.3), math.exp(0.3) - 1e-9], [math.exp(0.3), math.exp(0.3) + 1e-9]),
    "kink by rounding": (lambda t: np.abs(t * t - 0.1 * 0.1), 0.1, 1, [0, -0.2], [0, 0.2]),
    "kink nearer than rounding": (lambda t: np.abs(np.sin(t)), math.pi, 1, [0, -1], [0, 1]),
    "minimum of two": (lambda t: np.minimum(np.sin(t), np.tan(t)), 0.0, 3, [0, 1, 0, 2], [0, 1, 0, -1]),
}  # fmt: skip


@pytest.mark.parametrize("name", KINKS)
def test_kinks_have_two_sides(name):
    f, x0, order, left, right = KINKS[name]
    status, from_left, from_right, message = _sides(f, x0, order)
    assert status is Status.NO_LIMIT
    assert "differ" in message
    assert np.allclose(from_left, left, rtol=1e-14, atol=1e-15)
    assert np.allclose(from_right, right, rtol=1e-14, atol=1e-15)
    for side, exact in (("left", left), ("right", right)):
        assert np.allclose(values(f, x0, order, side), exact, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("p", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-6, 1e-9])
def test_kink_of_any_order_on_a_smooth_function(p, size):
    f = lambda t: np.sin(t) + size * np.abs(t - 0.7) * (t - 0.7) ** (p - 1)
    assert values(f, 0.7, p - 1 if p > 1 else 0)[0] == pytest.approx(math.sin(0.7), rel=1e-15) if p > 1 else True
    assert jet(f, 0.7, p).status[()] is Status.NO_LIMIT


def test_harmless_kinks_converge():
    assert values(lambda t: t * np.abs(t), 0.0, 1) == [0, 0]
    assert values(lambda t: np.where(t > 0, t**3, -(t**3)), 0.0, 2) == [0, 0, 0]
    assert values(lambda t: np.abs(t) ** 2, 0.0, 4) == [0, 0, 2, 0, 0]


def test_jumps():
    step = lambda t: np.where(t > 0, 1.0, 0.0)
    assert jet(step, 0.0, 1).status[()] is Status.NO_LIMIT
    assert jet(step, 0.0, 1, "right").status[()] is Status.DIVERGES
    assert values(step, 0.0, 1, "left") == [0, 0]
    assert values(step, 0.5, 2) == [1, 0, 0]
    assert jet(np.floor, 2.0, 1).status[()] is Status.NO_LIMIT
    assert values(np.floor, 2.0, 1, "right") == [2, 0]


def test_value_given_at_a_removable_point():
    f = lambda t: np.where(t == 0, 1.0, np.sin(t) / np.where(t == 0, 1.0, t))
    assert np.allclose(values(f, 0.0, 4), [1, 0, -1 / 3, 0, 1 / 5], rtol=1e-15)
    assert jet(lambda t: np.sin(t) / t, 0.0).status[()] is Status.NOT_FINITE
    wrong = lambda t: np.where(t == 0, 2.0, np.sin(t) / np.where(t == 0, 1.0, t))
    assert jet(wrong, 0.0).status[()] in (Status.NO_LIMIT, Status.DIVERGES)
    assert values(np.sinc, 0.0, 1) == [1, 0]


@pytest.mark.parametrize(
    "f",
    [
        lambda t: np.exp(-1 / np.square(t)),
        lambda t: 0.0 if t == 0 else np.exp(-1 / t**2),
        lambda t: np.where(t == 0, 0.0, np.exp(-1 / np.where(t == 0, 1.0, t) ** 2)),
    ],
)
def test_flat_function(f):
    found = Taylor().evidence(Function(f), np.asarray(0.0), EIGHT, RULE, "both")
    assert found.status[()] is Status.CONVERGED
    assert [float(v) for v in found.jet.values] == [0] * 9
    assert (found.jet.left, found.jet.right) == (1, 1)


@pytest.mark.parametrize(
    ("f", "x0", "side", "status"),
    [
        (np.sqrt, 0.0, "right", Status.DIVERGES),
        (np.sqrt, 0.0, "both", Status.NOT_FINITE),
        (lambda t: t**1.5, 0.0, "right", Status.DIVERGES),
        (np.cbrt, 0.0, "both", Status.DIVERGES),
        (np.log, 0.0, "both", Status.NOT_FINITE),
        (np.log, -1.0, "both", Status.NOT_FINITE),
        (lambda t: 1 / t, 0.0, "both", Status.NOT_FINITE),
        (np.arcsin, 1.0, "left", Status.DIVERGES),
        (np.arcsin, 1.0, "right", Status.NOT_FINITE),
        (lambda t: np.cos(np.sqrt(t)), 0.0, "right", Status.NOT_REACHED),
    ],
)
def test_edges_of_the_domain(f, x0, side, status):
    assert jet(f, x0, 2, side).status[()] is status


def test_overflow_is_no_divergence():
    assert jet(np.log, 1e-300).status[()] is Status.NOT_REACHED


def test_domain_error_on_one_side():
    def f(t):
        if t < 0:
            raise ValueError("negative")
        return t**2

    assert jet(f, 0.0).status[()] is Status.NOT_FINITE
    assert values(f, 0.0, 2, "right") == [0, 0, 2]


# -- which way f leaves x0 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x0", "left", "right"),
    [
        (np.exp, 0.0, -1, 1), (lambda t: -t, 2.0, 1, -1), (np.cos, 0.0, -1, -1), (lambda t: t**3, 0.0, -1, 1),
        (lambda t: t**4, 0.0, 1, 1), (lambda t: 3.0 + 0 * t, 1.0, 0, 0), (lambda t: 5.0, 1.0, 0, 0),
        (lambda t: t**10, 0.0, 1, 1), (lambda t: t * np.abs(t), 0.0, -1, 1), (lambda t: -np.abs(t) ** 3, 0.0, -1, -1),
    ],
)  # fmt: skip
def test_directions(f, x0, left, right):
    found = jet(f, x0, 1)
    assert (found.jet.left, found.jet.right) == (left, right)
    many = jet(f, np.array([x0, x0]), 1)
    assert many.jet.left.tolist() == [left] * 2
    assert many.jet.right.tolist() == [right] * 2
