"""What arrives: dates and pandas, families by their words, and a sentence for everything that cannot be used."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import sympy as sp

import kymath as ky
from kymath import BadSamples, NotApplicable, Status
from kymath.cli import main

xr = pytest.importorskip("xarray")
da = pytest.importorskip("dask.array")
pd = pytest.importorskip("pandas")

N = 600
T = np.linspace(0, 6, N)
RNG = np.random.default_rng(4)
Y = np.stack([np.sin(3 * T), 2 * np.exp(-T / 2) + 1], axis=1) + 0.01 * RNG.standard_normal((N, 2))


@pytest.fixture
def table():
    return xr.DataArray(Y, dims=("time", "sensor"), coords={"time": T})


# -- times and pandas --------------------------------------------------------------------------------------------------

DAYS = np.datetime64("2020-03-01") + np.arange(90)
GROWTH = 20 * np.exp(0.1 * np.arange(90))


def standard(days):
    return [datetime.combine(day, datetime.min.time()) for day in days.astype(object)]


@pytest.mark.parametrize(
    "t",
    [DAYS, DAYS.astype("datetime64[ns]"), DAYS - DAYS[0], DAYS.astype(object).tolist(), standard(DAYS), pd.Index(DAYS),
     pd.DatetimeIndex(DAYS, tz="Asia/Tokyo"), list(pd.DatetimeIndex(DAYS)), pd.PeriodIndex(DAYS, freq="D"),
     pd.Series(DAYS), [day.replace(tzinfo=UTC) for day in standard(DAYS)]],
)  # fmt: skip
def test_times_of_every_kind_count_in_days(t):
    r = ky.samples(t, GROWTH, ky.Exponential(), bandwidth=timedelta(days=10))
    np.testing.assert_allclose(r.B, 0.1, rtol=1e-6)
    np.testing.assert_allclose(r.t, np.arange(90))
    assert r.message.startswith("Time counts in days")
    assert (np.diff(r.times) == np.timedelta64(1, "D")).all()


def test_points_among_times():
    for at in (["2020-03-11", "2020-04-01"], DAYS[[10, 31]], pd.DatetimeIndex(DAYS[[10, 31]])):
        r = ky.samples(DAYS, GROWTH, ky.Exponential(), bandwidth=10, at=at)
        np.testing.assert_array_equal(r.t, [10, 31])
        np.testing.assert_array_equal(r.times, DAYS[[10, 31]])
    for at, match in (([3.0], "give times"), (["soon"], "2020-12-31"), (DAYS - DAYS[0], "same kind")):
        with pytest.raises(BadSamples, match=match):
            ky.samples(DAYS, GROWTH, ky.Exponential(), at=at)
    with pytest.raises(BadSamples, match="mixed"):
        ky.samples([*DAYS.astype(object)[:5], "soon"], np.arange(6.0), ky.Linear())
    lazy = ky.samples(DAYS, da.from_array(GROWTH, chunks=30), ky.Exponential(), bandwidth=10)
    np.testing.assert_array_equal(lazy.compute().times, DAYS)


@pytest.mark.parametrize("index", [np.arange(90), np.arange(90) / 2.0, DAYS])
def test_a_pandas_series_goes_along_its_index(index):
    s = pd.Series(GROWTH, index=pd.Index(index, name="when"))
    unit = 1 if index is DAYS else index[1]
    for r in (
        ky.samples(s, ky.Exponential(), bandwidth=10 * unit),
        ky.samples(s, family="exponential", bandwidth=10 * unit),
        ky.samples(None, s, ky.Exponential(), bandwidth=10 * unit),
        ky.samples(s.index, s, ky.Exponential(), bandwidth=10 * unit),
        ky.samples("when", s, ky.Exponential(), bandwidth=10 * unit),
        ky.samples("when", s.to_frame("y").reset_index(), ky.Exponential(), bandwidth=10 * unit),
    ):
        np.testing.assert_allclose(r.B * unit, 0.1, rtol=1e-6)


def test_a_pandas_table_is_channels():
    frame = pd.DataFrame({"a": GROWTH, "b": np.arange(90)}, index=DAYS)
    frame = frame.astype({"b": "Int64"})
    frame.loc[DAYS[20], "b"] = pd.NA
    r = ky.samples(frame, ky.Linear(), bandwidth=5)
    assert r.a.shape == (90, 2)
    np.testing.assert_allclose(r.a[:, 1], 1)
    with pytest.raises(BadSamples, match=r"'note' of y holds no numbers.*drop"):
        ky.samples(frame.assign(note="calm"), ky.Linear())
    with pytest.raises(BadSamples, match="no column 'when'; its columns are 'a', 'b'"):
        ky.samples("when", frame, ky.Linear())
    with pytest.raises(BadSamples, match="levels"):
        ky.samples(frame.set_index("a", append=True), ky.Linear())


def test_a_family_by_its_word(table):
    for word, family in ky.families.FAMILIES.items():
        assert ky.samples(T, Y[:, 0], word, bandwidth=1, at=[3.0]).family == family()
    assert ky.samples("time", table, "linear", bandwidth=0.5).attrs["family"] == "Linear()"
    for asked in (T, table.time):
        with pytest.raises(NotApplicable, match=r"forget \(\)\? Give Exponential"):
            ky.samples(asked, Y[:, 0], ky.Exponential)
        with pytest.raises(NotApplicable, match=r"one of 'linear', 'polynomial'.*'cubic' was given"):
            ky.samples(asked, Y[:, 0], "cubic")


def test_a_bandwidth_must_be_positive():
    for bandwidth in (-1, 0):
        for y in (Y, da.from_array(Y, chunks=(100, 2))):
            with pytest.raises(BadSamples, match="must be positive"):
                ky.samples(T, y, ky.Linear(), bandwidth=bandwidth)


# -- what cannot be used --------------------------------------------------------------------------------------------

TEN = np.arange(10.0)


@pytest.mark.parametrize(
    ("t", "y", "options", "match"),
    [
        (TEN[::-1], TEN, {}, r"not increasing.*argsort"),
        ([0, 1, 1, 2], [1, 2, 3, 4], {}, r"t\[1\] and t\[2\] are both 1"),
        ([0, 1, np.nan, 2], [1, 2, 3, 4], {}, r"t\[2\] is nan"),
        (TEN, TEN[:9], {}, "t has 10 points and y has 9"),
        (TEN, np.ones((3, 10)), {}, "transpose"),
        (TEN, np.ones((10, 2, 2)), {}, "shape"),
        (TEN, np.ones((10, 0)), {}, "no channel"),
        (np.ones((2, 2)), TEN, {}, "one row of numbers"),
        ([0, 1], [1, 2], {}, "2 points are too few: this family needs at least 3"),
        (TEN, np.full(10, np.nan), {}, "only 0 of 10 values"),
        (TEN, np.where(TEN == 4, np.inf, TEN), {}, r"y\[4\] is infinite"),
        (TEN, np.where(TEN == 4, -np.inf, TEN)[:, None], {}, r"y\[4, 0\] is infinite"),
        (TEN, TEN * 1j, {}, "complex"),
        (TEN, ["a"] * 10, {}, "not numbers"),
        (TEN, [object()] * 10, {}, "not numbers"),
        (TEN, TEN, {"bandwidth": 0.5}, "below the spacing"),
        (TEN, TEN, {"bandwidth": np.nan}, "finite"),
        (TEN, TEN, {"bandwidth": -1}, "below the spacing"),
        (TEN, TEN, {"bandwidth": "wide"}, "auto"),
        (TEN, TEN, {"bandwidth": [1, 2]}, "shape"),
        (TEN, TEN, {"side": "up"}, "side must be"),
        (TEN, TEN, {"at": ["a"]}, "not numbers"),
    ],
)
def test_bad_input(t, y, options, match):
    with pytest.raises(BadSamples, match=match):
        ky.samples(t, y, ky.Polynomial(2), **options)


def test_no_family():
    with pytest.raises(ky.NotApplicable, match="family"):
        ky.samples(TEN, TEN, "cubic")
    with pytest.raises(ky.NotApplicable, match="symbols"):
        ky.samples(TEN, TEN, ky.Trigonometric(1, omega=sp.Symbol("w", positive=True)))


def test_what_is_accepted():
    masked = np.ma.masked_array(TEN**2, mask=TEN == 5)
    r = ky.samples(range(10), masked, ky.Polynomial(2))
    assert r.success.all()
    assert ky.samples(TEN, (TEN > 4), ky.Linear()).success.all()
    assert ky.samples([0, 1, 2, 3], [1, 2, 5, 10], ky.Polynomial(2), at=1.0).a1 == pytest.approx(2)
    few = ky.samples([0, 1, 2], [1, 2, 5], ky.Polynomial(2), at=1.0)  # nothing is left to tell the noise by
    assert not few.success
    assert "too few samples" in few.message
    before = TEN.copy()
    ky.samples(TEN, TEN, ky.Linear())
    assert TEN.flags.writeable
    assert (before == TEN).all()


# -- what would be taken for something else --------------------------------------------------------------------------


@pytest.fixture
def quiet():
    """A warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def masked(values):
    return np.ma.masked_array(values, mask=TEN == 5)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("t", "y", "options", "match"),
    [
        (TEN[:3], [[1, 2], [3], [4]], {}, "y is no array of numbers; are its rows of one length"),
        ([[1, 2], [3]], [1, 2], {}, "t is no array of numbers"),
        (range(3), [10**400] * 3, {}, "y holds an integer that is too large"),
        (TEN, masked(np.array(["a"] * 10)), {}, "not numbers"),
        (TEN, masked(TEN * 1j), {}, "y is complex"),
        (TEN, np.array([np.complex64(1j)] * 10, dtype=object), {}, "y is complex"),
        (TEN, masked(TEN.astype("datetime64[s]")), {}, "y holds times"),
        (TEN, np.array([np.timedelta64(1, "s")] * 10, dtype=object), {}, "not numbers"),
        (["a"] * 10, da.from_array(TEN, chunks=5), {}, "t holds <U1 and not numbers"),
        (da.from_array(TEN, chunks=5), TEN[:7], {}, "one point for each row"),
        (TEN, TEN, {"side": np.array(["both", "left"])}, "side must be"),
        (TEN, TEN, {"side": ["both"]}, "side must be"),
        (TEN, TEN, {"robust": np.array([True, False])}, "robust must be True or False"),
        (TEN, TEN, {"robust": "no"}, "robust must be True or False; 'no'"),
        (TEN, TEN, {"bandwidth": True}, "bandwidth must be"),
        (TEN, da.from_array(TEN, chunks=5), {"bandwidth": np.array(True)}, "bandwidth must be"),
        (
            2**53 + np.arange(10),
            TEN,
            {},
            r"t\[0\] and t\[1\] are 9007199254740992 and 9007199254740993, equal as 64-bit",
        ),
        (2**53 + np.arange(10), da.from_array(TEN, chunks=5), {"bandwidth": 3}, "equal as 64-bit floats"),
        ([-1.7e308, 0, 1.7e308], TEN[:3], {}, "further than 64-bit floats hold"),
        (DAYS[:0], TEN[:0], {}, "no points"),
    ],
)
def test_nothing_is_guessed(t, y, options, match):
    with pytest.raises(BadSamples, match=match):
        ky.samples(t, y, ky.Linear(), **options)


@pytest.mark.parametrize("index", [TEN, DAYS[:10], None])
def test_labelled_arrays_are_no_exception(index):
    y = xr.DataArray(TEN, dims="x", coords={} if index is None else {"x": index})
    with pytest.raises(BadSamples, match="points"):
        ky.samples(y[:0], ky.Linear())
    with pytest.raises(BadSamples, match="at holds <U5"):
        ky.samples(y, ky.Linear(), at="hello")


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("family", ["linear", "exponential", "harmonic", ky.Family("A*exp(-s/tau)", "A tau")])
@pytest.mark.parametrize("bandwidth", ["auto", 1.0])
def test_no_points(family, bandwidth):
    for y in (Y[:, 0], Y, da.from_array(Y, chunks=(300, 2))):
        for at in ([], np.empty((0, 3))):
            r = ky.samples(T, y, family, bandwidth=bandwidth, at=at)
            r = r.compute() if hasattr(r, "compute") else r
            assert all(v.shape == (*np.shape(at), *y.shape[1:]) for v in (*r.theta, *r.error, r.status, r.bandwidth))


@pytest.mark.usefixtures("quiet")
def test_as_large_as_doubles_can_be():
    huge = np.where(TEN % 2, 1.7e308, -1.7e308)
    for bandwidth in (4, "auto"):
        for family in ("linear", "exponential"):
            r = ky.samples(TEN, huge, family, bandwidth=bandwidth)
            assert all(np.isfinite(v[r.success]).all() for v in (*r.theta, *r.error))


@pytest.mark.usefixtures("quiet")
def test_times_with_zones_and_far_away():
    for at in ("2020-03-02T09:00+09:00", "2020-03-02T00:00Z", pd.Timestamp("2020-03-02T09:00", tz="Asia/Tokyo")):
        r = ky.samples(DAYS, GROWTH, ky.Linear(), at=[at])
        assert (r.t[0], r.times[0]) == (1, DAYS[1])
    far = np.datetime64("3000-01-01") + np.arange(90)
    r = ky.samples(far, GROWTH, ky.Linear(), at=["3000-01-03", "9999-01-01"])
    np.testing.assert_array_equal(r.t[:1], [2])
    assert r.success.tolist() == [True, False]
    assert "from 3000-01-01" in r.message
    years = np.arange("1900", "2000", dtype="datetime64[Y]")
    assert ky.samples(years, np.arange(100.0), ky.Linear(), bandwidth=9999).a[50] == pytest.approx(1 / 365.25, rel=1e-3)
    gap = np.ma.masked_array(DAYS, mask=np.arange(90) == 5)
    with pytest.raises(BadSamples, match=r"t\[5\] is nan"):
        ky.samples(gap, GROWTH, ky.Linear())


# -- what is said -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("formula", ["A + B", "A + B + C*s"])
@pytest.mark.parametrize("bandwidth", ["auto", 1.0])
def test_parameters_that_cannot_be_told_apart(formula, bandwidth):
    family = ky.Family(formula, " ".join(c for c in formula if c in "ABC"))
    r = ky.samples(T, Y, family, bandwidth=bandwidth)
    assert (r.status == Status.NOT_UNIQUE).all()
    assert np.isnan(r.A).all()
    assert "do equally well" in r.message
    with pytest.raises(ky.NotUnique, match="equally well"):
        r.raise_for_status()
    lazy = ky.samples(T, da.from_array(Y, chunks=(200, 2)), family, bandwidth=bandwidth)
    assert (lazy.status.compute() == Status.NOT_UNIQUE).all()


def test_coefficients_beyond_the_doubles():
    with pytest.raises(NotApplicable, match="beyond what 64-bit floats hold"):
        ky.samples(T, Y, ky.Trigonometric(3, omega=10**300))


def test_messages_are_sentences():
    walk = np.cumsum(np.random.default_rng(0).standard_normal((90, 2)), axis=0)
    walk[3] = 99
    for r in (
        ky.samples(DAYS, walk, ky.Linear()),
        ky.samples(DAYS, walk, ky.Linear(), robust=True),
        ky.samples(DAYS, GROWTH, ky.Exponential(), at=["2020-03-05", "2021-01-01"]),
        ky.samples(DAYS, da.from_array(walk, chunks=(30, 2)), ky.Linear(), bandwidth=9),
    ):
        assert r.message
        for sentence in r.message.split(". "):
            assert not sentence[0].islower()
    outside = ky.samples(T, Y, ky.Linear(), at=[99.0])
    with pytest.raises(ky.NotFinite, match="no data there"):
        outside.raise_for_status()


def test_a_gap_has_an_answer_where_the_width_reaches_across():
    """With a width given, a window that holds one side of a gap only would extrapolate, with errors of the noise."""
    y = np.where((T > 2) & (T < 3), np.nan, np.sin(T))
    y = np.stack([y, np.sin(T)], axis=1)
    for family in ("linear", ky.Polynomial(2), "exponential"):
        for at in (None, np.linspace(0, 6, 301)):
            r = ky.samples(T, y, family, bandwidth=0.6, at=at)
            inside = (r.t > 2.41) & (r.t < 2.59)
            beyond = ((r.t > 2.01) & (r.t < 2.39)) | ((r.t > 2.61) & (r.t < 2.99))
            assert not r.success[beyond, 0].any()
            assert np.isnan(r.theta[0][beyond, 0]).all()
            if family != "exponential":  # flat about there
                assert (r.status[beyond, 0] == Status.NOT_FINITE).all()
                assert r.success[inside, 0].all()
                assert r.success[:, 1].all()
            assert "gaps that the bandwidth does not reach across" in r.message


# -- files -----------------------------------------------------------------------------------------------------------


LINE = ("--degree", "1", "--bandwidth", "1")


@pytest.fixture
def cli(capsys, tmp_path, monkeypatch):
    """cli("a.csv", …) -> (status, stdout, stderr), in a folder with the file."""
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"t": T, "y": Y[:, 0]}).to_csv("a.csv", index=False)

    def run(*words):
        status = main(["samples", *words])
        out, err = capsys.readouterr()
        assert "internal error" not in err
        assert "Warning" not in err
        return status, out, err

    return run


@pytest.mark.parametrize(
    ("words", "status", "match"),
    [
        (("",), 2, "give the name of a file"),
        (("x" * 5000,), 2, "File name too long"),
        (("a.csv", "--out", "missing/../x.csv"), 2, "the folder missing/.. does not exist"),
        (("a.csv", "--bandwidth", "1_0"), 2, "--bandwidth takes auto"),
        (("a.csv", "--family", "trigonometric", "--omega", "1e300", "--harmonics", "3"), 2, "beyond what 64-bit"),
        (("a.csv", "--formula", "A + B", "--parameters", "A B"), 1, "do equally well"),
        (("a.csv", *LINE, "--at", "99"), 1, "no point has an answer. There are no data there"),
        (("long.csv",), 2, "the first line, which names the columns, cannot be read"),
        (("cell.csv",), 2, "row 601, column 'y'"),
    ],
)
def test_a_sentence_for_each(cli, words, status, match):
    body = "".join(f"{a},{b}\n" for a, b in zip(T, Y[:, 0], strict=True))
    for name, text in (
        ("long.csv", "t," + "y" * 200_000 + "\n" + body),
        ("cell.csv", f"t,y\n{body}11,{'x' * 200_000}\n"),
    ):
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
    got, out, err = cli(*words)
    assert (got, out) == (status, ""), err
    assert match in err
    assert len(err) < 400


@pytest.mark.parametrize("family", ["linear", "polynomial", "exponential", "harmonic"])
def test_no_warning_is_seen(cli, family, recwarn):
    pd.DataFrame({"t": T, "y": np.where(np.arange(N) % 2, 1e308, -1e308)}).to_csv("big.csv", index=False)
    for words in (("--bandwidth", "0.2"), ()):
        status, _, err = cli("big.csv", "--family", family, *words)
        assert status in (0, 1), err
    assert not recwarn.list


def test_columns_of_one_name_in_a_parquet_file(cli):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table([pa.array(T), pa.array(Y[:, 0]), pa.array(Y[:, 0])], names=["t", "y", "y"]), "twice.parquet"
    )
    status, _, err = cli("twice.parquet")
    assert (status, "two columns are named 'y'" in err) == (2, True)
