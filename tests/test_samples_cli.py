"""``kymath samples``: files in, files out, and a sentence for every file that cannot be used."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from printed import strict

import kymath as ky
from kymath.cli import main

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

T = np.linspace(0, 10, 120)
NOISE = np.random.default_rng(0).standard_normal((2, 120))
VALUE = 2 * np.exp(-T / 3) + 1 + 0.01 * NOISE[0]
OTHER = np.cos(3 * T) + 0.02 * NOISE[1]


@pytest.fixture
def cli(capsys, tmp_path, monkeypatch):
    """cli("a.csv", …) -> (status, stdout, stderr), in a folder with files."""
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"time": T, "value": VALUE, "other": OTHER})
    frame.loc[40:44, "value"] = np.nan
    frame.to_csv("a.csv", index=False)
    frame.to_parquet("a.parquet")

    def run(*words):
        status = main(["samples", *words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert "\x1b[" not in out + err
        return status, out, err

    return run


def gappy():
    y = VALUE.copy()
    y[40:45] = np.nan
    return y


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["a.csv", "a.parquet"])
@pytest.mark.parametrize("out", ["p.csv", "p.parquet"])
def test_the_file_holds_what_the_function_gives(cli, source, out):
    status, shown, err = cli(
        source, "--t", "time", "--y", "value", "--family", "exponential", "--bandwidth", "2", "--out", out
    )
    assert (status, err) == (0, "")
    assert "Written: p." in shown
    got = pd.read_csv(out) if out.endswith("csv") else pd.read_parquet(out)
    r = ky.samples(T, gappy(), ky.Exponential(), bandwidth=2)
    assert list(got) == ["t", "A", "B", "C", "A_error", "B_error", "C_error", "status", "bandwidth", "noise"]
    np.testing.assert_allclose(got.bandwidth, r.bandwidth)
    np.testing.assert_allclose(got.noise, float(r.noise), rtol=1e-9)
    np.testing.assert_allclose(got.t, T)
    np.testing.assert_allclose(got.B, r.B, rtol=1e-9)
    np.testing.assert_allclose(got.B_error, r.errors["B"], rtol=1e-9)
    assert list(got.status) == [s.name.lower() for s in r.status]


def test_defaults_are_the_first_column_and_all_others(cli):
    status, out, _ = cli("a.csv", "--degree", "1", "--bandwidth", "1", "--out", "q.csv")
    assert status == 0
    assert "other" in out
    head = pd.read_csv("q.csv")
    assert list(head)[:6] == ["t", "value_a1", "value_a0", "value_a1_error", "value_a0_error", "value_status"]
    assert "other_a1" in head


def test_options_reach_the_fit(cli):
    words = ("--y", "value", "--formula", "p*s + q", "--parameters", "p q", "--side", "right", "--robust")
    status, out, err = cli("a.csv", *words, "--bandwidth", "2", "--json")
    assert (status, err) == (0, "")
    got = strict(out)
    r = ky.samples(T, gappy(), ky.Family("p*s + q", "p q"), bandwidth=2, side="right", robust=True)
    np.testing.assert_allclose(np.array(got["table"]["p"], dtype=float), r.p, rtol=1e-9)
    assert got["side"] == "right"


def test_json(cli):
    status, out, err = cli("a.csv", "--y", "value", "--bandwidth", "1", "--json", "--out", "p.csv")
    assert (status, err) == (0, "")
    got = strict(out)
    assert set(got) == {"file", "time", "t_unit", "family", "side", "points", "success", "message", "columns", "out",
                        "plot", "table"}  # fmt: skip
    assert (got["success"], got["points"], got["table"], got["out"]) == (True, 120, None, "p.csv")
    (column,) = got["columns"]
    assert column["y"] == "value"
    assert sum(column["status"].values()) == 120
    assert set(column["median"]) == {"a2", "a1", "a0"}
    status, out, _ = cli("a.csv", "--y", "value", "--bandwidth", "0.6", "--family", "exponential", "--json")
    assert status == 0
    table = strict(out)["table"]
    assert list(table) == ["t", "A", "B", "C", "A_error", "B_error", "C_error", "status", "bandwidth", "noise"]
    assert None in table["B"]  # no answer, and no NaN


def test_pictures(cli):
    assert cli("a.csv", "--y", "value", "--bandwidth", "1", "--plot", "one.png")[0] == 0
    assert cli("a.csv", "--bandwidth", "1", "--plot", "two.svg")[0] == 0
    assert os.path.getsize("one.png") > 10_000
    with open("two.svg", encoding="utf-8") as file:
        assert "<svg" in file.read()


def test_dates_count_in_days(cli):
    days = pd.date_range("2020-01-01", periods=120)
    frame = pd.DataFrame({"day": days, "y": 3.0 * np.arange(120) + 1})
    frame.to_csv("d.csv", index=False)
    frame.to_parquet("d.parquet")
    for name in ("d.csv", "d.parquet"):
        status, out, err = cli(name, "--degree", "1", "--bandwidth", "5", "--out", "o.csv", "--plot", "o.pdf")
        assert (status, err) == (0, "")
        assert "2020-01-01 … 2020-04-29; t in days" in out
        got = pd.read_csv("o.csv")
        np.testing.assert_allclose(got.a1, 3)
        assert got.t[1].startswith("2020-01-02")


def test_other_separators_and_a_byte_order_mark(cli):
    for text in (
        "t;y\n0;1\n1;3\n2;5\n",
        "t\ty\n0\t1\n1\t3\n2\t5\n",
        "\ufefft,y\r\n0,1\r\n1,3\r\n2,5\r\n",
        't, "y"\n0, 1\n1,3\n2,5\n',
    ):
        with open("s.csv", "w", encoding="utf-8", newline="") as file:
            file.write(text)
        status, _, err = cli("s.csv", "--degree", "1", "--time", "t", "--y", "y", "--out", "o.csv")
        assert (status, err) == (0, "")
        np.testing.assert_allclose(pd.read_csv("o.csv").a1, 2)


def test_other_points(cli):
    assert (
        cli("a.csv", "--y", "value", "--degree", "1", "--bandwidth", "1", "--at", "2,7.5,99", "--out", "o.csv")[0] == 0
    )
    got = pd.read_csv("o.csv")
    assert got.t.tolist() == [2, 7.5, 99]
    r = ky.samples(T, gappy(), ky.Polynomial(1), bandwidth=1, at=[2, 7.5, 99])
    np.testing.assert_allclose(got.a1, r.a1, rtol=1e-9)
    assert got.status.tolist() == ["converged", "converged", "not_finite"]
    days = pd.date_range("2020-01-01", periods=60)
    pd.DataFrame({"day": days, "y": 3.0 * np.arange(60) + 1}).to_csv("d.csv", index=False)
    words = ("--degree", "1", "--bandwidth", "5", "--out", "o.csv", "--plot", "o.png")
    assert cli("d.csv", *words, "--at", "2020-01-05,2020-02-01T12:00")[0] == 0
    got = pd.read_csv("o.csv")
    np.testing.assert_allclose(got.a0, [13, 3 * 31.5 + 1])
    assert got.t.tolist() == ["2020-01-05", "2020-02-01T12:00"]
    for text in ("soon", "3", ""):
        status, _, err = cli("d.csv", "--at", text)
        assert (status, "--at takes dates" in err) == (2, True), err
    assert cli("a.csv", "--at", "soon")[0] == 2


def test_text_columns_are_left_out(cli):
    frame = pd.DataFrame({"t": T, "note": ["calm"] * 120, "y": VALUE, "late": T > 5})
    frame.to_csv("n.csv", index=False)
    frame.to_parquet("n.parquet")
    for name in ("n.csv", "n.parquet"):
        status, out, err = cli(name, "--degree", "1", "--bandwidth", "1")
        assert (status, err) == (0, "")
        assert "The columns 'note', 'late' hold no numbers." in " ".join(out.split())
        status, out, _ = cli(name, "--degree", "1", "--bandwidth", "1", "--json")
        assert strict(out)["message"] == "The columns 'note', 'late' hold no numbers."
        assert cli(name, "--y", "note")[0] == 2


def test_an_index_is_the_time(cli):
    frame = pd.DataFrame({"y": 3.0 * np.arange(60) + 1}, index=pd.date_range("2020-01-01", periods=60, name="day"))
    for name in ("day", None):
        frame.rename_axis(name).to_parquet("i.parquet")
        status, out, err = cli("i.parquet", "--degree", "1", "--bandwidth", "5", "--out", "o.csv")
        assert (status, err) == (0, "")
        np.testing.assert_allclose(pd.read_csv("o.csv").a1, 3)
    assert "along index" in out
    status, out, _ = cli("i.parquet", "--degree", "1", "--bandwidth", "5", "--json")
    assert strict(out)["table"]["t"][:2] == ["2020-01-01", "2020-01-02"]
    assert cli("i.parquet", "--time", "y")[0] == 2  # dates are no data


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("t;y\n0;1,5\n1;2,5\n2;3,5\n", "decimal comma"),
        ("t;y\n0,5;1\n1,5;2\n2,5;3\n", "decimal comma"),
        ("t,y\n31/12/2020,1\n01/01/2021,2\n02/01/2021,3\n", "2020-12-31"),
        ("t,y\n31.12.2020,1\n01.01.2021,2\n02.01.2021,3\n", "2020-12-31"),
    ],
)
def test_hints(cli, content, match):
    with open("h.csv", "w", encoding="utf-8") as file:
        file.write(content)
    status, _, err = cli("h.csv")
    assert status == 2
    assert "is not a number" in err
    assert match in err


# -- files that cannot be used -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "status", "match"),
    [
        (None, 2, "No such file or directory"),
        ("", 2, "the file is empty"),
        ("\n\n", 2, "blank"),
        ("t,y\n", 1, "no rows"),
        ("0,1\n1,2\n2,3\n", 2, "has no header: its first line is '0,1'"),
        ("t,y\n0,1\n1,2\n\n2,oops\n3,1\n", 2, "line 5, column 'y': 'oops' is not a number"),
        ("t,y\n0,1\n1,__import__('os')\n2,1\n", 2, "is not a number"),
        ("t,y\n0,1\n1,1_000\n2,1\n", 2, "line 3, column 'y'"),
        ("t,y\n0,1\nx,2\n2,1\n", 2, "line 3, column 't': 'x'"),
        ("t,y\nx,1\ny,2\nz,1\n", 2, "line 2, column 't': 'x'"),
        ("t,y\n0,1\n,2\n2,1\n", 1, "line 3, column 't': every row needs its t"),
        ("t,y\n0,1\n1,inf\n2,1\n", 1, "line 3, column 'y' is infinite"),
        ("t,y\n0,1\n1,2,3\n2,1\n", 2, "line 3, saw 3"),
        ("t,y\n0,1,2\n1,2,3\n2,1,4\n", 2, "rows do not fit the header"),
        ("t,y,y\n0,1,1\n", 2, "two columns are named 'y'"),
        ("t\n0\n1\n", 2, "second one"),
        (bytes(range(256)), 2, "not text"),
        (b"t,y\n0,\xff\n1,2\n", 2, "not text"),
        (b"PAR1 and nothing else", 2, "cannot be read as a Parquet file"),
        ("t,y\n0,1\n2,2\n1,3\n3,4\n", 1, "Sort the rows"),
        ("t,y\n0,1\n1,2\n1,3\n3,4\n", 1, "are both 1"),
        ("t,y\n0,1\n1,2\n", 1, "too few"),
        ("t,y\n0,\n1,\n2,\n3,\n", 1, "not NaN"),
    ],
)
def test_bad_files(cli, content, status, match):
    if content is not None:
        with open("bad.csv", "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
    for more in ((), ("--json",)):
        got, out, err = cli("bad.csv", "--out", "o.csv", *more)
        assert got == status, err
        assert match in err
        assert err.startswith("kymath: ")
        assert err.count("bad.csv") == 1
        if status == 1 and more:
            assert strict(out)["success"] is False
    assert not os.path.exists("o.csv")


def test_no_point_has_an_answer(cli):
    pd.DataFrame({"t": T, "y": 1 + 0.01 * NOISE[0]}).to_csv("flat.csv", index=False)
    status, out, err = cli("flat.csv", "--family", "exponential", "--bandwidth", "2", "--out", "o.csv", "--json")
    assert status == 1
    assert "no point has an answer" in err
    assert "flat within the noise" in err
    assert strict(out)["success"] is False
    assert not os.path.exists("o.csv")


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("--y", "nope"), "no column 'nope'; its columns are 'time', 'value', 'other'"),
        (("--time", "nope"), "no column 'nope'"),
        (("--y", "time"), "is t; --y needs another"),
        (("--bandwidth", "wide"), "--bandwidth takes auto"),
        (("--bandwidth", "-1"), "positive"),
        (("--bandwidth", "nan"), "positive and finite"),
        (("--family", "cubic"), "--family takes one of"),
        (("--family", "harmonic", "--degree", "2"), "the family here is harmonic"),
        (("--formula", "exp(s", "--parameters", "A"), "--formula"),
        (("--formula", "__import__('os')", "--parameters", "A"), "--formula"),
        (("--side", "up"), "--side takes one of"),
        (("--out", "o.txt"), "--out takes a file"),
        (("--out", "nowhere/o.csv"), "does not exist"),
        (("--plot", "o.txt"), "--plot takes a file"),
    ],
)
def test_bad_usage(cli, words, match):
    status, out, err = cli("a.csv", *words)
    assert (status, out) == (2, "")
    assert match in err


def test_text_in_a_parquet_file(cli):
    pd.DataFrame({"t": [0.0, 1, 2], "y": ["a", "b", "c"]}).to_parquet("x.parquet")
    status, _, err = cli("x.parquet")
    assert status == 2
    assert "holds" in err
    assert "not numbers" in err
    assert cli(".")[0] == 2


def test_a_file_that_was_there_stays_where_nothing_came(cli):
    with open("o.csv", "w") as file:
        file.write("before")
    assert cli("a.csv", "--bandwidth", "0.001", "--out", "o.csv")[0] == 1
    with open("o.csv") as file:
        assert file.read() == "before"
    assert cli("a.csv", "--bandwidth", "1", "--out", "o.csv")[0] == 0
    assert sorted(os.listdir()) == ["a.csv", "a.parquet", "o.csv"]


LINE = ("--degree", "1", "--bandwidth", "1")


def test_the_file_that_is_read_is_not_written_over(cli):
    before = open("a.csv", "rb").read()  # noqa: SIM115
    os.symlink("a.csv", "link.csv")
    os.symlink("a.csv", "link.png")
    os.link("a.csv", "hard.csv")
    for source, *words in (
        ("a.csv", "--out", "a.csv"), ("a.csv", "--out", "./a.csv"), ("a.csv", "--out", "link.csv"),
        ("link.csv", "--out", "a.csv"), ("a.csv", "--out", "hard.csv"), ("a.csv", "--plot", "link.png"),
    ):  # fmt: skip
        status, out, err = cli(source, *LINE, *words)
        assert (status, out) == (2, "")
        assert f"{words[0]} {words[1]}: this is the file that is read" in err
        assert open("a.csv", "rb").read() == before  # noqa: SIM115
    assert cli("a.csv", *LINE, "--out", "b.csv")[0] == 0


def test_a_first_column_without_a_name(cli):
    frame = pd.DataFrame({"t": 2 * T, "y": 3 * T + 1})
    frame.to_csv("i.csv")
    frame[["y"]].to_csv("one.csv")
    frame.set_index(pd.date_range("2020-01-01", periods=120)).to_csv("d.csv")
    frame[["y", "t"]].set_index(T / 2).to_csv("n.csv")
    for name, words, along, said in (
        ("i.csv", (), "along t (", "The first column has no name and is left out."),
        ("i.csv", ("--y", "y"), "along t (", "is left out."),
        ("i.csv", ("--y", "t"), "along index (", "it is t, called index here."),
        ("i.csv", ("--time", "index", "--y", "y"), "along index (", "it is t"),
        ("one.csv", (), "along index (120 points, 0 … 119)", "it is t"),
        ("d.csv", (), "2020-01-01 … 2020-04-29; t in days", "it is t"),
        ("n.csv", (), "along index (120 points, 0.0 … 5.0)", "it is t"),
    ):
        status, out, err = cli(name, "--degree", "1", "--bandwidth", "9", *words)
        assert (status, err) == (0, "")
        assert along in out
        assert said in out
    with open("comma.csv", "w", encoding="utf-8") as file:
        file.write("t,y,\n" + "".join(f"{k},{k}.5,\n" for k in range(30)))
    status, out, err = cli("comma.csv", *LINE[:2])
    assert (status, err) == (0, "")
    assert "The column 'column 3' holds no numbers." in out


def test_short_rows_are_counted(cli):
    with open("s.csv", "w", encoding="utf-8") as file:
        file.write("t,y,z\n" + "".join(f"{k},{k}\n" if k in (5, 9) else f"{k},{k},{k}\n" for k in range(30)))
    said = "2 rows are shorter than the header: the cells that lack are gaps."
    status, out, err = cli("s.csv", *LINE[:2], "--bandwidth", "5")
    assert (status, err, said in out) == (0, "", True)
    assert strict(cli("s.csv", *LINE[:2], "--bandwidth", "5", "--json")[1])["message"] == said


def test_dates_beyond_the_nanoseconds(cli):
    import datetime

    import pyarrow as pa
    import pyarrow.parquet as pq

    days = [datetime.datetime(3000, 1, 1) + datetime.timedelta(days=k) for k in range(60)]
    pq.write_table(pa.table({"t": pa.array(days, pa.timestamp("us")), "y": 3.0 * np.arange(60)}), "far.parquet")
    words = ("--degree", "1", "--bandwidth", "5", "--out", "o.csv", "--plot", "o.png")
    status, out, err = cli("far.parquet", *words)
    assert (status, err) == (0, "")
    assert "3000-01-01 … 3000-03-01; t in days" in out
    np.testing.assert_allclose(pd.read_csv("o.csv").a1, 3)
    assert cli("far.parquet", *words, "--at", "3000-01-05T12:00")[0] == 0
    np.testing.assert_allclose(pd.read_csv("o.csv").a0, 13.5)


def test_without_the_extra(tmp_path):
    (tmp_path / "a.csv").write_text("t,y\n0,1\n1,2\n2,3\n")
    code = "import sys; sys.modules['pandas'] = None\nfrom kymath.cli import main; sys.exit(main(['samples', 'a.csv']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'kymath[data]'" in done.stderr


def test_a_bar_on_a_terminal_only(cli, monkeypatch):
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    assert main(["samples", "a.csv", "--bandwidth", "1"]) == 0
    assert "\x1b[" in screen.getvalue()
