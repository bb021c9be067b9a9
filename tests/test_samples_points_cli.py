"""``kymath samples --at``: points one by one, and complaints in the file's own lines."""

from __future__ import annotations

import numpy as np
import pytest

from kymath.cli import main

pytest.importorskip("pandas")


@pytest.fixture
def cli(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    t = np.linspace(0, 10, 120)
    y = 2 * np.exp(-t / 3) + 1 + 0.01 * np.random.default_rng(0).standard_normal(120)
    np.savetxt("a.csv", np.column_stack([t, y, 2 * y]), delimiter=",", header="t,y,z", comments="")

    def run(*words, text=None):
        if text is not None:
            (tmp_path / "b.csv").write_text(text)
        status = main(["samples", *words])
        out, err = capsys.readouterr()
        return status, [line.split() for line in out.splitlines()], out, err

    return run


def test_a_row_for_each_point(cli):
    status, lines, out, _ = cli("a.csv", "--y", "y", "--family", "exponential", "--bandwidth", "2", "--at", "3,5.25,20")
    assert status == 0
    assert ["t", "A", "B", "C", "status"] in lines
    rows = [line for line in lines if line and line[0] in ("3", "5.25", "20")]
    assert [row[-1] for row in rows] == ["converged", "converged", "not_finite"]
    assert rows[0][2] == "±"
    assert rows[2][1:4] == ["–", "–", "–"]
    assert "median" not in out


def test_many_parameters_and_several_columns(cli):
    _, lines, _, _ = cli("a.csv", "--degree", "3", "--at", "3,5")
    assert ["column", "t", "parameter", "value", "status"] in lines
    assert sum(line[:3] == ["y", "3", "a3"] for line in lines) == 1
    assert sum(line[:3] == ["z", "3", "a3"] for line in lines) == 1
    assert sum(line[:2] == ["5", "a3"] for line in lines) == 2


def test_many_points_have_medians(cli):
    _, _, out, _ = cli("a.csv", "--family", "linear", "--at", ",".join(map(str, range(1, 10))) + ",1.5,2.5,3.5,4.5")
    assert "median" in out
    assert "13 of 13" in out


def test_a_jump_is_told_in_the_command_line_s_words(cli):
    t = np.linspace(0, 20, 160)
    y = np.where(t < 12, 1.0, 3.0) + 0.02 * np.random.default_rng(0).standard_normal(160)
    text = "t,y\n" + "".join(f"{a},{b}\n" for a, b in zip(t, y, strict=True))
    _, _, out, _ = cli("b.csv", "--family", "linear", text=text)
    said = " ".join(out.split())
    assert "The data jump near t = 12:" in said
    assert "use --side left before it and --side right behind." in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("t,y\n0,1\n1,2\n\n1,3\n3,4\n", "the t of line 3 and line 5 are both 1: join"),
        ("t,y\n0,1\n2,2\n1,3\n3,4\n", "t is not increasing: 2 in line 3 is followed by 1. Sort the rows"),
        ("t,y\n2020-01-01,1\n2020-01-02,2\n2020-01-02,3\n", "line 3 and line 4 are both 2020-01-02: join"),
        ("t,y\n2020-01-01,1\n2020-01-05,2\n2020-01-02,3\n", "2020-01-05 in line 3 is followed by 2020-01-02. Sort"),
    ],
)
def test_times_that_do_not_increase_are_named_by_their_lines(cli, text, said):
    status, _, _, err = cli("b.csv", "--family", "linear", text=text)
    assert status == 1
    assert said in " ".join(err.split())
