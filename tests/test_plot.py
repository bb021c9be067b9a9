"""The pictures: Axes come back with what they should hold, nothing is shown, and nothing warns."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
import sympy as sp
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kymath import (
    Exponential,
    Harmonic,
    Linear,
    MinimumNorm,
    NotApplicable,
    Polynomial,
    SmallestRate,
    Trigonometric,
    plot,
    transform,
)
from kymath.convergence import convergence

x = sp.Symbol("x")
R = sp.Rational
RESULTS = {
    "P": lambda: transform(x**3, 1),
    "E": lambda: transform(1 / (1 + x**2), 1, Exponential()),
    "H": lambda: transform(sp.exp(-x) * sp.sin(3 * x), R(1, 2), Harmonic()),
    "T": lambda: transform(sp.tanh(x), 0.5, Trigonometric()),
    "corner": lambda: transform(sp.Abs(x), 0, side="right"),
    "R_P": lambda: transform(x**3, 1, rule=MinimumNorm()),
    "R_E": lambda: transform(sp.exp(-x), R(1, 3), Exponential(), SmallestRate(2), side="left"),
    "pole": lambda: transform(1 / x, R(1, 2), Polynomial(3)),
    "constant": lambda: transform(sp.Integer(2) + 0 * x, 0, Linear()),
    "numbers": lambda: transform(lambda t: np.sin(3 * t) / (1 + t * t), 0.4, Polynomial(3)),
    "piecewise": lambda: transform(sp.Piecewise((x**2, x > -5), (0, True)), 1, Polynomial(2)),
}


pytestmark = pytest.mark.usefixtures("nothing_shown")


@pytest.mark.parametrize("name", RESULTS)
def test_connection(name):
    result = RESULTS[name]()
    ax = plot.connection(result)
    assert isinstance(ax, Axes)
    ax.figure.canvas.draw()
    low, high = ax.get_xlim()
    assert low < float(result.x0) < high
    bottom, top = ax.get_ylim()
    assert bottom < float(result(float(result.x0))) < top
    assert ax.get_xlabel() == "$t$"
    assert r"\nabla_" in ax.get_title()


def test_connection_holds_the_curves_of_the_definition():
    ax = plot.connection(transform(x**3, 1), steps=4)
    *pairs, own, limit, point = ax.get_lines()
    assert len(pairs) == 8
    t = own.get_xdata()
    assert own.get_ydata() == pytest.approx(t**3)
    assert limit.get_ydata() == pytest.approx(3 * (t - 1) ** 2 + 3 * (t - 1) + 1)
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (1, 1)
    distances = []
    for curve, second in zip(pairs[::2], pairs[1::2], strict=True):
        at = second.get_xdata()[0]
        h = at - 1
        assert second.get_ydata()[0] == pytest.approx(at**3)
        assert curve.get_ydata() == pytest.approx(3 * (t - 1) ** 2 + (3 + h * h) * (t - 1) + 1)  # Eq. 28
        distances.append(h)
    assert distances == sorted(distances, reverse=True)
    assert max(distances) < ax.get_xlim()[1] - 1
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[0] == "$f(x) = x^{3}$"
    assert "3 s^{2} + 3 s + 1" in labels[3]


def test_connection_from_the_left_goes_left():
    ax = plot.connection(RESULTS["R_E"]())
    seconds = [line.get_xdata()[0] for line in ax.get_lines() if len(line.get_xdata()) == 1][:-1]
    assert seconds
    assert all(t < 1 / 3 for t in seconds)
    assert "from the left" in ax.get_title()
    assert "SmallestRate" in ax.get_title()


def test_wild_curves_leave_the_axes_alone():
    ax = plot.connection(transform(1 / x, R(1, 2), Polynomial(3)), span=3)
    bottom, top = ax.get_ylim()
    assert top - bottom < 1e4


def test_given_axes_and_no_pyplot_state():
    figure = Figure()
    ax = figure.add_subplot()
    assert plot.connection(RESULTS["P"](), ax=ax) is ax
    assert plot.convergence(x**3, 1, ax=ax.figure.add_subplot()) is figure.axes[1]
    assert plt.get_fignums() == []


def test_connection_refuses():
    with pytest.raises(NotApplicable, match="one point"):
        plot.connection(transform(x**3, np.array([1.0, 2.0])))
    with pytest.raises(NotApplicable, match="symbols"):
        plot.connection(transform(x**3, sp.Symbol("a")))
    with pytest.raises(NotApplicable, match="result of a transform"):
        plot.connection(x**3)
    with pytest.raises(NotApplicable, match="steps"):
        plot.connection(RESULTS["P"](), steps=-1)
    with pytest.raises(NotApplicable, match="span"):
        plot.connection(RESULTS["P"](), span=0)


def test_convergence_of_what_was_measured():
    found = convergence(1 / (1 + x**2), 1, Exponential())
    ax = plot.convergence(found)
    ax.figure.canvas.draw()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[:3] == [f"${name}$: order 2.00 (predicted 2)" for name in "ABC"]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    first = ax.get_lines()[0]
    assert first.get_ydata() == pytest.approx(found.error[0])
    assert plot.convergence(found, ax=ax) is ax


def test_convergence_shows_rounding_of_black_boxes():
    ax = plot.convergence(lambda t: np.exp(t), 0.3, Polynomial(3))
    ax.figure.canvas.draw()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "rounding shows" in labels
    assert "$a_{0}$: no error" in labels


def test_convergence_without_errors_and_without_a_point():
    ax = plot.convergence(sp.exp(x), 0, Exponential())
    ax.figure.canvas.draw()
    assert "no error" in ax.get_legend().get_texts()[0].get_text()
    with pytest.raises(NotApplicable, match="point"):
        plot.convergence(x**3)
