"""xarray in, Dataset out; dask stays lazy and says what memory says."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import kymath as ky
from kymath import BadSamples, NotApplicable

xr = pytest.importorskip("xarray")
dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
pytest.importorskip("pandas")

N = 600
T = np.linspace(0, 6, N)
DAYS = np.datetime64("2020-03-01") + np.arange(90)
GROWTH = 20 * np.exp(0.1 * np.arange(90))
RNG = np.random.default_rng(4)
Y = np.stack([np.sin(3 * T), 2 * np.exp(-T / 2) + 1], axis=1) + 0.01 * RNG.standard_normal((N, 2))


@pytest.fixture
def table():
    return xr.DataArray(
        Y,
        dims=("time", "sensor"),
        coords={
            "time": ("time", T, {"units": "s"}),
            "sensor": ["left", "right"],
            "late": ("time", T > 3),
            "place": "roof",
        },
        attrs={"units": "V", "title": "two sensors"},
        name="signal",
    )


# -- xarray ----------------------------------------------------------------------------------------------------------


def test_a_dataset_of_what_the_arrays_give(table):
    ds = ky.samples("time", table, ky.Polynomial(2), bandwidth=0.5)
    r = ky.samples(T, Y, ky.Polynomial(2), bandwidth=0.5)
    assert list(ds.data_vars) == ["a2", "a1", "a0", "a2_error", "a1_error", "a0_error", "status", "bandwidth", "noise"]
    for name in r.parameters:
        assert ds[name].dims == ("time", "sensor")
        np.testing.assert_array_equal(ds[name], r.parameters[name])
        np.testing.assert_array_equal(ds[f"{name}_error"], r.errors[name])
    np.testing.assert_array_equal(ds.noise, r.noise)
    assert ds.noise.dims == ("sensor",)
    assert (ds.bandwidth == 0.5).all()
    assert (ds.status == 0).all()
    xr.testing.assert_identical(ds.coords.to_dataset().drop_attrs(deep=False), table.coords.to_dataset())
    assert ds.attrs["title"] == "two sensors"
    assert ds.attrs["family"] == "Polynomial(2)"
    assert ds.attrs["source"] == "signal"
    assert (ds.a2.units, ds.a1.units, ds.a0.units, ds.a1_error.units) == ("V s-2", "V s-1", "V", "V s-1")
    assert (ds.bandwidth.units, ds.noise.units) == ("s", "V")


def test_every_way_to_name_the_coordinate(table):
    one = table.sel(sensor="left")
    expected = ky.samples("time", one, ky.Linear(), bandwidth=0.5)
    for asked in (
        ky.samples(one.time, one, ky.Linear(), bandwidth=0.5),
        ky.samples(None, one, ky.Linear(), bandwidth=0.5),
        ky.samples(one, family=ky.Linear(), bandwidth=0.5),
        ky.samples(one, ky.Linear(), bandwidth=0.5),
    ):
        xr.testing.assert_identical(asked, expected)
    for t in (T, T.tolist()):
        np.testing.assert_array_equal(ky.samples(t, one, ky.Linear(), bandwidth=0.5).a, expected.a)
    np.testing.assert_array_equal(ky.samples(one.time, one.values, ky.Linear(), bandwidth=0.5).a, expected.a)
    minutes = ky.samples(one.time / 60, one, ky.Linear(), bandwidth=0.5 / 60)
    np.testing.assert_allclose(minutes.a, expected.a * 60, rtol=1e-9)
    xr.testing.assert_identical(minutes.time, expected.time)  # the data keep their own coordinate


def test_dimensions_in_any_order_and_number(table):
    straight = ky.samples("time", table, ky.Linear(), bandwidth=0.5)
    turned = ky.samples("time", table.T, ky.Linear(), bandwidth=0.5)
    assert turned.a.dims == ("sensor", "time")
    xr.testing.assert_allclose(turned.transpose("time", "sensor"), straight)
    cube = xr.concat([table, 2 * table], dim="run")
    three = ky.samples("time", cube, ky.Linear(), bandwidth=0.5)
    assert three.a.dims == cube.dims
    np.testing.assert_allclose(three.a.isel(run=1), 2 * straight.a)
    assert three.noise.dims == ("run", "sensor")
    bare = xr.DataArray(T**2, dims="x")
    assert float(ky.samples(bare, family=ky.Polynomial(2), bandwidth=9).a2[5]) == pytest.approx((6 / (N - 1)) ** 2)


@pytest.mark.parametrize("at", [[1.0, 4.5, 99.0], 2.0])
def test_other_points(table, at):
    ds = ky.samples("time", table, ky.Linear(), bandwidth=0.5, at=at)
    r = ky.samples(T, Y, ky.Linear(), bandwidth=0.5, at=at)
    np.testing.assert_array_equal(ds.a, r.a)
    np.testing.assert_array_equal(ds.time, at)
    assert set(ds.coords) == {"time", "sensor", "place"}
    assert ds.time.units == "s"
    if np.ndim(at):
        assert ds.status.isel(time=2).values.tolist() == [6, 6]
        assert ds.status.flag_meanings.split()[6] == "NOT_FINITE"


def test_times_count_in_days():
    hours = np.datetime64("2021-03-01T06:00") + np.arange(240) * np.timedelta64(1, "h")
    y = xr.DataArray(np.exp(0.5 * np.arange(240) / 24), coords={"time": hours})
    ds = ky.samples(y, family=ky.Exponential(), bandwidth=2)
    np.testing.assert_allclose(ds.B, 0.5, rtol=1e-6)
    assert ds.B.units == "day-1"
    assert ds.attrs["t_unit"] == "day"
    np.testing.assert_array_equal(ds.time, hours)
    wide = ky.samples(y, family=ky.Exponential(), bandwidth=np.timedelta64(48, "h"))
    xr.testing.assert_identical(wide, ds)
    some = ky.samples(y, family=ky.Exponential(), bandwidth=2, at=["2021-03-04", "2021-03-05T12"])
    np.testing.assert_allclose(some.A, y.sel(time=some.time), rtol=1e-6)
    since = y.assign_coords(time=hours - hours[0])
    np.testing.assert_allclose(ky.samples(since, family=ky.Exponential(), bandwidth=2).B, ds.B)
    with pytest.raises(BadSamples, match="give times"):
        ky.samples(y, family=ky.Linear(), at=[1.0])


def test_a_dataset_can_be_written_and_read(table, tmp_path):
    ds = ky.samples("time", table, ky.Harmonic(), bandwidth=1.5)
    assert ds.omega.units == "rad s-1"
    assert {v.dtype.kind for v in ds.data_vars.values()} == {"f", "i"}  # nothing that a file cannot hold
    assert all(isinstance(v, (str, float, int, np.ndarray)) for v in ds.attrs.values())


@pytest.mark.parametrize(
    ("t", "change", "match"),
    [
        (None, lambda y: y, "say along which"),
        ("when", lambda y: y, "no coordinate 'when'; its coordinates are 'time'"),
        ("place", lambda y: y, "must have one"),
        ("time", lambda y: y.isel(time=slice(None, None, -1)), "sortby"),
        ("time", lambda y: y.to_dataset(), "one of its variables.*'signal'"),
        (np.arange(5), lambda y: y, "name a coordinate"),
        ("time", lambda y: y.isel(time=0, sensor=0), "single number"),
    ],
)
def test_what_cannot_be_is_said(table, t, change, match):
    with pytest.raises(BadSamples, match=match):
        ky.samples(t, change(table), ky.Linear())


def test_a_name_that_is_taken(table):
    with pytest.raises(NotApplicable, match="rename"):
        ky.samples("a", table.rename(time="a"), ky.Linear())
    with pytest.raises(NotApplicable, match="family"):
        ky.samples("time", table)


def test_intervals_and_tables():
    r = ky.samples(DAYS, GROWTH * (1 + 0.01 * RNG.standard_normal(90)), ky.Exponential(), bandwidth=14)
    low, high = r.interval("B")
    np.testing.assert_allclose(high - low, 2 * 1.959964 * r.errors["B"], rtol=1e-6)
    np.testing.assert_allclose(r.interval("B", level=0.5)[1], r.B + 0.67449 * r.errors["B"], rtol=1e-5)
    frame = r.to_frame()
    assert list(frame) == ["A", "B", "C", "A_error", "B_error", "C_error", "status", "bandwidth", "noise"]
    np.testing.assert_array_equal(frame.index, DAYS)
    np.testing.assert_array_equal(frame.B, r.B)
    assert set(frame.status) <= set(ky.Status.__members__)
    for name, level, match in (("b", 0.95, "no parameter 'b'"), ("B", 95, "between 0 and 1"), ("B", None, "level")):
        with pytest.raises(NotApplicable, match=match):
            r.interval(name, level)
    lazy = ky.samples(T, da.from_array(Y, chunks=(200, 2)), ky.Linear(), bandwidth=0.5)
    assert isinstance(lazy.interval("a")[0], da.Array)
    table, whole = lazy.to_frame(), ky.samples(T, Y, ky.Linear(), bandwidth=0.5).to_frame()
    np.testing.assert_allclose(table["a"][1], whole["a"][1], atol=1e-8)
    assert type(lazy.compute().a) is np.ndarray
    assert lazy.compute().success.all()


def test_a_table_needs_pandas(monkeypatch):
    r = ky.samples(T, Y, ky.Linear(), bandwidth=0.5)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(NotApplicable, match=r"pip install 'kymath\[data\]'"):
        r.to_frame()


# -- dask ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", [ky.Polynomial(2), ky.Exponential(), ky.Harmonic(), ky.Family("p*s + q", "p q")])
@pytest.mark.parametrize("chunks", [(100, 2), ((7, 293, 290, 10), 1)])
def test_chunks_give_what_memory_gives(family, chunks):
    y = Y.copy()
    if isinstance(family, ky.Exponential):  # what a family misses looks like noise, and that is the chunk's
        y[:, 0] = np.exp(T / 3) + 0.01 * np.random.default_rng(5).standard_normal(N)
    y[200:240, 0] = np.nan
    lazy = ky.samples(da.from_array(T, chunks=130), da.from_array(y, chunks=chunks), family, bandwidth=0.6)
    whole = ky.samples(T, y, family, bandwidth=0.6)
    assert isinstance(lazy.theta[0], da.Array)
    assert "not computed yet" in repr(lazy)
    status, parameters = dask.compute(lazy.status, dict(lazy.parameters))
    same = status == whole.status
    assert same.mean() > 0.97  # a status depends on the noise, which is that of the chunk
    for name in family.names:
        got, expected = parameters[name], whole.parameters[name]
        both = np.isfinite(got) & np.isfinite(expected)
        assert both.any()
        np.testing.assert_allclose(got[both], expected[both], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("side", ["left", "right"])
def test_one_sided_chunks(side):
    lazy = ky.samples(T, da.from_array(Y[:, 0], chunks=150), ky.Linear(), bandwidth=0.3, side=side)
    whole = ky.samples(T, Y[:, 0], ky.Linear(), bandwidth=0.3, side=side)
    np.testing.assert_allclose(lazy.a.compute(), whole.a, atol=1e-8)
    assert lazy.a.shape == (N,)
    assert lazy.success.dtype == bool
    assert lazy.noise.shape == (N,)


def test_unequal_steps():
    t = np.sort(np.random.default_rng(0).uniform(0, 1, 5000) ** 3) * 10
    y = np.sin(t)
    lazy = ky.samples(da.from_array(t, chunks=500), da.from_array(y, chunks=700), ky.Linear(), bandwidth=0.2)
    np.testing.assert_allclose(lazy.a.compute(), ky.samples(t, y, ky.Linear(), bandwidth=0.2).a, atol=1e-8)


def test_points_of_a_lazy_series():
    at = np.array([[5.5, 0.1, -1.0], [3.0, np.nan, 2.0]])
    y = da.from_array(Y, chunks=(90, 2))
    lazy = ky.samples(da.from_array(T, chunks=90), y, ky.Polynomial(2), bandwidth=0.6, at=at)
    whole = ky.samples(T, Y, ky.Polynomial(2), bandwidth=0.6, at=at)
    assert lazy.a1.shape == (2, 3, 2)
    one = ky.samples(T, y, ky.Polynomial(2), bandwidth=0.6, at=3.0)
    np.testing.assert_allclose(one.a1.compute(), whole.a1[1, 0], atol=1e-8)
    np.testing.assert_allclose(lazy.a1.compute(), whole.a1, atol=1e-8)
    assert (lazy.status.compute() == whole.status).all()


def test_wide_windows_from_bins_differ_by_less_than_their_errors():
    n = 200_000
    t = np.linspace(0, 20, n)
    y = np.sin(3 * t) + 0.1 * np.random.default_rng(2).standard_normal(n)
    whole = ky.samples(t, y, ky.Polynomial(2), bandwidth=0.3)
    lazy = ky.samples(t, da.from_array(y, chunks=60_000), ky.Polynomial(2), bandwidth=0.3)
    away = np.abs(lazy.a1.compute() - whole.a1) / whole.error[1]
    assert np.median(away) < 0.05
    assert away.max() < 0.5


def test_chunks_that_choose_for_themselves():
    n = 300_000
    t = da.linspace(0, 30, n, chunks=20_000)
    y = da.sin(3 * t) + 0.05 * da.random.default_rng(3).standard_normal(n, chunks=20_000)
    lazy = ky.samples(t, y, ky.Polynomial(2))
    assert lazy.a1.chunks == ((80_000, 80_000, 140_000),)
    assert "chooses its own bandwidth" in lazy.message
    slope, error, truth = (a[::50] for a in dask.compute(lazy.a1, lazy.error[1], 3 * da.cos(3 * t)))
    assert np.sqrt(np.mean((slope - truth) ** 2)) < 0.03
    assert np.mean(np.abs(slope - truth) < 1.96 * error) > 0.85


def test_a_lazy_dataset(table):
    ds = ky.samples("time", table.chunk({"time": 100}), ky.Linear(), bandwidth=0.5)
    assert all(v.chunks for v in ds.data_vars.values())
    expected = ky.samples("time", table, ky.Linear(), bandwidth=0.5)
    np.testing.assert_allclose(ds.a.compute(), expected.a, atol=1e-8)
    assert ds.status.dtype == np.int8
    assert (ds.status.compute() == 0).all()
    assert ds.noise.dims == ("time", "sensor")
    no_coordinate = xr.DataArray(da.from_array(Y[:, 0], chunks=100), dims="x")
    assert ky.samples(no_coordinate, family=ky.Linear(), bandwidth=9).a.chunks
    one = ky.samples("time", table.chunk({"time": 100}), ky.Linear(), bandwidth=0.5, at=3.0).compute()
    np.testing.assert_allclose(one.a, expected.a.interp(time=3.0), atol=1e-3)
    assert one.status.values.tolist() == [0, 0]
    single = ky.samples(no_coordinate, family=ky.Linear(), bandwidth=9, at=3).compute()
    assert int(single.status) == 0


def test_nothing_is_computed_before():
    def refuse(block):
        raise AssertionError("computed")

    y = da.from_array(Y, chunks=(100, 2)).map_blocks(refuse, dtype=float, meta=np.empty((0, 0)))
    r = ky.samples(T, y, ky.Linear(), bandwidth=0.5)
    assert r._repr_html_()
    with pytest.raises(BadSamples, match="not computed yet"):
        r.raise_for_status()
    with pytest.raises(AssertionError, match="computed"):
        r.a.compute()


def test_a_chunk_without_data_is_a_gap():
    y = np.where((T > 2) & (T < 5), np.nan, Y[:, 0])
    r = ky.samples(T, da.from_array(y, chunks=50), ky.Linear(), bandwidth=0.2)
    status = r.status.compute()
    assert (status[(T > 2.3) & (T < 4.7)] == ky.Status.NOT_FINITE).all()
    assert r.success.compute()[T < 2].all()


@pytest.mark.parametrize(
    ("t", "y", "options", "match"),
    [
        (T[::-1], Y, {}, "not increasing"),
        (T[:5], Y, {}, "one point for each row"),
        (np.where(T > 5, np.nan, T), Y, {}, "not finite"),
        (T, Y * 1j, {}, "real numbers"),
        (T, Y, {"bandwidth": 1e-4}, "below the spacing"),
        (T, Y, {"bandwidth": T}, "one number"),
        (T, Y, {"bandwidth": "wide"}, "auto"),
        (T, Y[:, :, None], {}, "shape"),
    ],
)
def test_bad_lazy_input(t, y, options, match):
    with pytest.raises(BadSamples, match=match):
        ky.samples(t, da.from_array(y, chunks=100), ky.Linear(), **options)


def test_what_only_the_samples_show():
    y = Y[:, 0].copy()
    y[333] = np.inf
    r = ky.samples(T, da.from_array(y, chunks=100), ky.Linear(), bandwidth=0.1)
    with pytest.raises(BadSamples, match=r"samples from 2.. on.*infinite"):
        r.a.compute()


def test_kymath_loads_none_of_them():
    code = (
        "import sys, numpy as np, kymath as ky; ky.samples(np.arange(9.), np.arange(9.), ky.Linear());"
        "assert not {'xarray', 'dask', 'pandas', 'pyarrow', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_gap_over_the_edge_of_a_chunk():
    """Each chunk sees one side of the gap: it may not judge by its own range where the series ends."""
    t = np.linspace(0, 30, 3000)
    y = np.exp(t / 10)
    y[1300:1600] = np.nan
    y[:20] = y[-30:] = y[700:720] = np.nan
    at = np.random.default_rng(0).uniform(-1, 31, 2000)
    for family in (ky.Linear(), ky.Polynomial(2), ky.Exponential()):
        for side in ("both", "left", "right"):
            for points in (None, at):
                whole = ky.samples(t, y, family, bandwidth=0.5, side=side, at=points)
                lazy = ky.samples(t, da.from_array(y, chunks=1500), family, bandwidth=0.5, side=side, at=points)
                found, first = dask.compute(lazy.success, lazy.theta[0])
                np.testing.assert_array_equal(found, whole.success)
                deep = (whole.t > t[1299]) & (whole.t < t[1600])
                assert not whole.success[deep].any()
                assert found.mean() > 0.4
                np.testing.assert_allclose(first[found], whole.theta[0][found], rtol=1e-6, atol=1e-6)


def test_a_place_is_that_in_the_whole_series():
    y = Y.copy()
    y[333, 1] = np.inf
    with pytest.raises(BadSamples, match=r"y\[333, 1\] is infinite"):
        ky.samples(T, da.from_array(y, chunks=(100, 2)), ky.Linear(), bandwidth=0.1).compute()
    with pytest.raises(BadSamples, match=r"y\[333\] is infinite"):
        ky.samples(T, da.from_array(y[:, 1], chunks=100), ky.Linear(), bandwidth=0.1).compute()


def test_a_lazy_series_without_data_says_so():
    r = ky.samples(T, da.full(N, np.nan, chunks=100), ky.Linear(), bandwidth=0.5).compute()
    assert not r.success.any()
    assert "No point has an answer" in r.message


@pytest.mark.parametrize("bandwidth", ["auto", 0.3])
def test_what_is_masked_is_a_gap(bandwidth):
    y = np.ma.masked_array(Y[:, 0], mask=T > 3)
    lazy = ky.samples(T, da.from_array(y, chunks=100), ky.Linear(), bandwidth=bandwidth).compute()
    assert lazy.success[T < 2.9].all()
    assert not lazy.success[T > 3].any()
