"""Where Taylor's bound of the rounding grows over the steps of f: the surer answer, or none."""

import numpy as np
import pytest

import kymath as ky
from kymath.errors import NotReached, Status


def root(t):
    """60 steps of Newton for x⁵ + x = t: rounding is corrected at each step, which a running bound does not see."""
    x = t * 0 + 0.5
    for _ in range(60):
        x = x - (x**5 + x - t) / (5 * x**4 + 1)
    return x


def of_the_root(t):
    """f, f′ and f″/2 of the root, from the equation."""
    x = float(root(np.float64(t)))
    slope = 1 / (5 * x**4 + 1)
    return -10 * x**3 * slope**3, slope, x


def test_the_automatic_choice_takes_the_surer_method_and_says_why():
    r = ky.transform(root, 1.0, ky.Polynomial(2))
    assert r.method == "contour"
    assert "Taylor() was left: over the steps of f its bound of the rounding grew to" in r.message
    for value, error, wanted in zip(r.theta, r.error, of_the_root(1.0), strict=True):
        assert error < 1e-11
        assert abs(value - wanted) <= 2 * error


def test_code_for_real_numbers_only_goes_on_to_the_last_method():
    def real(t):
        if np.iscomplexobj(t):
            raise TypeError("real numbers only")
        return root(t)

    r = ky.transform(real, 1.0, ky.Polynomial(2))
    assert r.method == "adaptive"
    assert max(r.error) < 1e-9


def test_of_many_points_each_has_the_surer_answer():
    points = np.array([[0.5, 1.0], [2.0, 5.0]])
    r = ky.transform(root, points, ky.Polynomial(2))
    assert r.success.all()
    assert "4 points by Contour()" in r.message
    for i in np.ndindex(points.shape):
        for row, error, wanted in zip(r.theta, r.error, of_the_root(points[i]), strict=True):
            assert error[i] < 1e-10
            assert abs(row[i] - wanted) <= 2 * error[i] + 1e-15


def test_only_the_points_in_doubt_are_taken_anew():
    def f(t):
        return np.where(t > 1, root(t), np.sin(t))

    r = ky.transform(f, np.array([0.5, 2.0]), ky.Polynomial(1))
    assert r.success.all()
    assert "1 points by" in r.message
    assert r.error[0].max() < 1e-11
    assert r.a1[0] == pytest.approx(np.cos(0.5), abs=1e-15)


def test_taylor_alone_does_not_call_that_an_answer():
    with pytest.raises(NotReached, match=r"rounding over the steps of f may have grown to .* use Contour\(\) or Adapt"):
        ky.transform(root, 1.0, ky.Polynomial(2), method=ky.Taylor())
    r = ky.transform(root, np.array([1.0, 2.0]), ky.Polynomial(2), method=ky.Taylor())
    assert list(r.status) == [Status.NOT_REACHED] * 2


def test_where_no_method_is_surer_there_is_no_answer():
    def chaos(t):
        x = t * 0 + 0.3
        for _ in range(60):
            x = t * x * (1 - x)
        return x

    r = ky.transform(chaos, 3.9, ky.Polynomial(2), raises=False)
    assert r.status is Status.NOT_REACHED
    assert "neither Contour() nor Adaptive() is surer" in r.message


@pytest.mark.parametrize(
    ("f", "x0"),
    [
        (lambda t: np.sin(t) - np.sin(t), 1.0),
        (lambda t: 1e-20 * np.sin(t), 0.0),
        (lambda t: 0 * t, 2.0),
        (np.sin, np.pi),
        (lambda t: (t - 1) ** 3, 1.0),
        (lambda t: np.sin(1e12 * t), 1.1),
    ],
)
@pytest.mark.parametrize("method", [None, ky.Taylor()])
def test_nothing_within_rounding_stays_an_answer(f, x0, method):
    assert ky.transform(f, x0, ky.Polynomial(2), method=method).success
    assert ky.transform(f, np.array([x0, x0]), ky.Polynomial(2), method=method).success.all()
