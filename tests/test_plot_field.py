"""The picture of a field: what it draws, what it leaves out, and what it says."""

from __future__ import annotations

import numpy as np
import pytest

import kymath as ky
from kymath import NotApplicable

xr = pytest.importorskip("xarray")
da = pytest.importorskip("dask.array")

N = 600
T = np.linspace(0, 6, N)
RNG = np.random.default_rng(4)
Y = np.stack([np.sin(3 * T), 2 * np.exp(-T / 2) + 1], axis=1) + 0.01 * RNG.standard_normal((N, 2))


@pytest.fixture
def table():
    return xr.DataArray(Y, dims=("time", "sensor"), coords={"time": T, "sensor": ["left", "right"]}, name="signal")


@pytest.fixture
def plt(monkeypatch):
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("plt.show() was called"))
    yield plt
    plt.close("all")


def test_field(plt):
    y = Y[:, 1].copy()
    y[300:400] = np.nan
    r = ky.samples(T, y, ky.Exponential(), bandwidth=0.3)
    assert not r.success.all()
    top = ky.plot.field(r)
    panels = top.figure.axes
    assert panels[0] is top
    assert [p.get_ylabel() for p in panels] == ["data, fit", "$A$", "$B$", "$C$"]
    np.testing.assert_array_equal(top.get_lines()[0].get_ydata(), y)
    np.testing.assert_allclose(top.get_lines()[1].get_ydata(), r.A + r.C)
    np.testing.assert_array_equal(panels[2].get_lines()[0].get_ydata(), r.B)
    assert len(panels[2].patches) > 0  # the grey of the gaps
    top.figure.canvas.draw()


def test_field_on_axes_that_are_given(plt):
    r = ky.samples(T, Y, ky.Linear(), bandwidth=0.3)
    figure, (left, right) = plt.subplots(1, 2)
    assert ky.plot.field(r, ax=left) is left
    assert ky.plot.field(r, "a", ax=right, data=(T, Y)) is right
    assert len(figure.axes) == 4
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["channel 0", "channel 1"]
    loose = plt.figure().add_axes((0.1, 0.1, 0.8, 0.8))
    assert ky.plot.field(r, ["a", "b"], ax=loose) is loose
    assert len(loose.figure.axes) == 3
    figure.canvas.draw()


def test_field_of_other_results(plt, table):
    ds = ky.samples("time", table, ky.Polynomial(2), bandwidth=0.5)
    top = ky.plot.field(ds, data=table)
    assert [p.get_ylabel() for p in top.figure.axes] == ["data", "$a_{2}$", "$a_{1}$", "$a_{0}$"]
    assert len(ky.plot.field(ds, "a1").figure.axes) == 1
    lazy = ky.samples(T, da.from_array(Y[:, 0], chunks=100), ky.Linear(), bandwidth=0.5)
    assert ky.plot.field(lazy).get_ylabel() == "$b$"
    single = ky.samples(T, Y[:, 0], ky.Linear(), bandwidth=0.5, at=[3.0, 1.0])
    ky.plot.field(single).figure.canvas.draw()
    none = ky.samples(T, Y[:, 0], ky.Linear(), bandwidth=0.5, at=[30.0, 31.0])
    ky.plot.field(none).figure.canvas.draw()


def test_field_says_what_it_cannot_draw(plt, table):
    r = ky.samples(T, Y, ky.Linear(), bandwidth=0.3)
    with pytest.raises(NotApplicable, match="no parameter 'B'; the parameters are a, b"):
        ky.plot.field(r, "B")
    with pytest.raises(NotApplicable, match="field draws what"):
        ky.plot.field(T)
    with pytest.raises(NotApplicable, match="_error"):
        ky.plot.field(table.to_dataset())
    with pytest.raises(NotApplicable, match="at most"):
        ky.plot.field(ky.samples(T, np.tile(Y, 4), ky.Linear(), bandwidth=0.3))
    with pytest.raises(NotApplicable, match="pair"):
        ky.plot.field(r, data=3)


def words(top):
    """The key above the picture."""
    from matplotlib.legend import Legend

    keys = [child for child in top.get_children() if isinstance(child, Legend) and child is not top.get_legend()]
    (key,) = keys
    return [text.get_text() for text in key.get_texts()]


def test_the_key_says_what_is_what(plt, table):
    r = ky.samples(T, Y[:, 1], ky.Polynomial(1), bandwidth=0.3)
    assert words(ky.plot.field(r)) == ["data", "fit, parameter", "95 %"]
    y = np.where((T > 2) & (T < 4), np.nan, Y[:, 1])
    assert words(ky.plot.field(ky.samples(T, y, ky.Polynomial(1), bandwidth=0.3))) == [
        "data", "fit, parameter", "95 %", "no answer"
    ]  # fmt: skip
    assert words(ky.plot.field(ky.samples("time", table, ky.Linear(), bandwidth=0.3))) == ["parameter", "95 %"]


def test_the_title_is_the_formula(plt, table):
    family = ky.Family("A*exp(-s/tau)", "A tau")
    title = ky.plot.field(ky.samples(T, Y[:, 1], family, bandwidth=0.5, side="left")).get_title()
    assert r"\tau" in title
    assert title.startswith("$y = A e^")
    assert title.endswith("from the left")
    ds = ky.samples("time", table, ky.Linear(), bandwidth=0.3)
    assert "$y = a s + b$" in ky.plot.field(ds).get_title()
    ds.attrs["formula"] = "__import__('os')"
    assert ky.plot.field(ds).get_title() == "Linear()"
    long = ky.samples(T, Y[:, 0], ky.Polynomial(12), bandwidth=2)
    assert ky.plot.field(long).get_title() == "Polynomial(12)"


def test_an_angle_has_no_strokes_at_its_wraps(plt):
    r = ky.samples(T, np.cos(9 * T), ky.Harmonic(), bandwidth=1)
    assert np.abs(np.diff(r.phi)).max() > 6
    panel = ky.plot.field(r, "phi").figure.axes[1]
    assert np.nanmax(np.abs(np.diff(panel.get_lines()[0].get_ydata()))) < np.pi
    assert [label.get_text() for label in panel.get_yticklabels()] == ["0", r"$\pi$", r"$2\pi$"]


def test_outliers_do_not_set_the_height(plt):
    y = Y[:, 1].copy()
    y[[50, 300, 500]] += [100, -80, 90]
    top = ky.plot.field(ky.samples(T, y, ky.Linear(), bandwidth=0.5, robust=True))
    low, high = top.get_ylim()
    assert 0 < low < 1.2
    assert 2.9 < high < 4
    assert "beyond the panel" in words(top)
    marks = {line.get_marker(): line.get_xdata() for line in top.get_lines()[2:]}
    np.testing.assert_allclose(marks["^"], T[[50, 500]])
    np.testing.assert_allclose(marks["v"], T[[300]])
    steep = ky.plot.field(ky.samples(T, 1000 * np.exp(-8 * T) + Y[:, 0], ky.Linear(), bandwidth=0.5))
    assert steep.get_ylim()[1] > 1000  # a steep start is no outlier


def test_where_nothing_came_the_panel_says_why(plt):
    flat = ky.samples(T, 1 + 0.01 * RNG.standard_normal(N), ky.Exponential(), bandwidth=1)
    assert not flat.success.any()
    panels = ky.plot.field(flat).figure.axes
    assert [p.get_ylabel() for p in panels] == ["data", "$A$", "$B$", "$C$"]
    assert "flat within the noise" in panels[1].texts[0].get_text()
    assert panels[2].texts[0].get_text() == "no answer"


def test_many_turns_are_thin(plt):
    t = np.linspace(0, 300, 6000)
    top = ky.plot.field(ky.samples(t, np.cos(6 * t), ky.Harmonic(), bandwidth=3))
    assert top.get_lines()[1].get_linewidth() < 0.5
    assert ky.plot.field(ky.samples(T, Y, ky.Linear(), bandwidth=0.3)).get_lines()[-1].get_linewidth() == 1.5


def test_a_lazy_result_is_computed_only_where_it_is_drawn(plt, monkeypatch):
    from kymath.samples.lazy import _Work

    n = 20_000
    t = np.linspace(0, 20, n)
    lazy = ky.samples(t, da.from_array(np.sin(t), chunks=5000), ky.Linear(), bandwidth=0.1)
    seen = []
    fit = _Work._fit
    monkeypatch.setattr(
        _Work, "_fit", lambda self, series, points: (seen.append(points.size), fit(self, series, points))[1]
    )
    top = ky.plot.field(lazy)
    assert sum(seen) == 4000
    line = top.figure.axes[-1].get_lines()[0]
    np.testing.assert_allclose(line.get_ydata(), np.cos(line.get_xdata()), atol=0.05)  # ends too


def test_times_stay_times(plt):
    days = np.datetime64("2020-03-01") + np.arange(60)
    y = 2.0 ** np.arange(60)
    r = ky.samples(days, y, "exponential", bandwidth=10)
    top = ky.plot.field(r)
    np.testing.assert_array_equal(top.get_lines()[0].get_xdata(), days)
    np.testing.assert_array_equal(top.get_lines()[1].get_xdata(), days)
    other = ky.plot.field(ky.samples(days, y, "exponential", bandwidth=10, at=["2020-03-20", "2020-04-02"]))
    np.testing.assert_array_equal(other.get_lines()[0].get_xdata(), days)
    other.figure.canvas.draw()
