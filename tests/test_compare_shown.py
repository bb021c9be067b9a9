"""``ky.compare`` as it shows itself: tables, pictures, the command."""

from __future__ import annotations

import math
from itertools import pairwise

import matplotlib as mpl
from printed import strict

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
import sympy as sp
from matplotlib.figure import Figure

from kymath import Linear, NotApplicable, plot
from kymath.cli import main
from kymath.compare import DEFAULT, compare

x = sp.Symbol("x")
R = sp.Rational


# -- how it shows itself -----------------------------------------------------------------------------------------------


def test_tables():
    found = compare(sp.exp(x), 0)
    lines = repr(found).splitlines()
    assert lines[0].startswith("exp(x) at 0: Exponential() suits f")
    assert lines[1].split() == ["family", "contact", "defect", "reason"]
    assert lines[2].startswith("* Exponential()")
    assert len(lines) == 2 + len(found)
    assert max(map(len, lines[1:])) < 150
    html = found._repr_html_()
    assert html.count("<tr>") == 1 + len(found)
    assert "<th>Exponential()</th>" in html
    assert "<" not in compare(sp.exp(x), 0)[0].reason
    assert repr(found[0]).startswith("Exponential(): contact 6, defect 0: ")
    assert repr(found[-1]).startswith("Harmonic(): NO_CONTACT: ")


# -- pictures ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_shown")
@pytest.mark.parametrize(
    ("f", "x0", "side"),
    [
        (3 * sp.exp(-x / 2) + 1, 0, "both"),
        (sp.exp(-x) * sp.sin(3 * x), 0.5, "both"),
        (math.sin, 0.4, "both"),
        (sp.Integer(7), 2, "both"),
        (x ** R(3, 2) + x**4, R(1, 1000), "both"),
        (sp.Abs(x) * sp.exp(x), 0, "right"),
    ],
)
def test_pictures(f, x0, side):
    found = compare(f, x0, side=side)
    ax = plot.compare(found)
    ax.figure.canvas.draw()
    low, high = ax.get_xlim()
    assert low < float(x0) < high
    labels = " ".join(text.get_text() for text in ax.texts)
    for row in found:
        assert (repr(row.family).removesuffix("()") in labels) == row.success
    bold = [text.get_text() for text in ax.texts if text.get_fontweight() == "bold"]
    assert len(bold) == (found.best is not None)
    if bold:
        assert bold[0].startswith(repr(found.best.family).removesuffix("()"))
    heights = sorted(text.get_position()[1] for text in ax.texts[1:])
    assert all(b - a > 0.05 for a, b in pairwise(heights))


@pytest.mark.usefixtures("nothing_shown")
def test_pictures_of_rows_on_given_axes():
    ax = Figure().add_subplot()
    found = compare(sp.exp(x), 0)
    assert plot.compare(found.rows[:3], ax=ax, span=2) is ax
    assert ax.get_xlim() == (-2, 2)
    assert "undecided" not in ax.get_title()
    t = ax.get_lines()[0].get_xdata()
    assert ax.get_lines()[0].get_ydata() == pytest.approx(np.exp(t))
    assert plt.get_fignums() == []
    assert plot.compare(sp.exp(x), 0, [Linear()]).get_title()


def test_pictures_refused():
    with pytest.raises(NotApplicable, match="no family has a curve"):
        plot.compare(sp.Abs(x), 0)
    with pytest.raises(NotApplicable, match="span"):
        plot.compare(sp.exp(x), 0, span=-1)
    with pytest.raises(NotApplicable, match="point"):
        plot.compare(sp.exp(x))
    with pytest.raises(NotApplicable, match="rows"):
        plot.compare([1, 2])


# -- the command line --------------------------------------------------------------------------------------------------

KEYS = {"x0", "side", "best", "message", "length", "order", "nfev", "rows", "success"}


@pytest.fixture
def cli(capsys):
    def run(*argv):
        status = main(["compare", *argv])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return run


def test_command(cli, tmp_path):
    status, out, err = cli("3*exp(-x/2) + 1", "--at", "0", "--plot", str(tmp_path / "a.png"))
    assert (status, err) == (0, "")
    assert "Exponential suits f" in out
    assert (tmp_path / "a.png").stat().st_size > 5000
    status, out, err = cli("sin(2*x)", "--at", "1/3", "--json")
    got = strict(out)
    assert (status, err) == (0, "")
    assert set(got) == KEYS
    assert got["best"] == "Harmonic(offset=False)"
    assert got["x0"] == pytest.approx(1 / 3)
    assert len(got["rows"]) == len(DEFAULT)
    assert got["rows"][0]["defect"] == 0
    assert got["rows"][0]["result"]["parameters"]["omega"] == 2
    assert [row["defect"] for row in got["rows"] if not row["result"]["success"]] == [None] * sum(
        not row["result"]["success"] for row in got["rows"]
    )


def test_command_chooses_families(cli):
    words = "exp(x) --at 0 --family linear --family polynomial --degree 4 --formula A*exp(s/T) --parameters A,T --json"
    got = strict(cli(*words.split(), "--side", "right")[1])
    assert {row["family"] for row in got["rows"]} == {"Linear()", "Polynomial(4)", "Family('A*exp(s/T)', 'A T')"}
    assert got["best"] == "Family('A*exp(s/T)', 'A T')"
    assert got["side"] == "right"


def test_command_failures(cli):
    status, out, err = cli("sqrt(x)", "--at", "0", "--json")
    got = strict(out)
    assert (status, set(got), got["success"], got["best"]) == (1, KEYS, False, None)
    assert err.startswith("kymath: sqrt(x) at 0: no family has a curve there")
    status, out, err = cli("x**x", "--at", "1")
    assert (status, err) == (0, "")
    assert "Undecided" in out
    for words, says in {
        "x --at a": "one point",
        "x --at 1 --degree 3": "ask for that family",
        "x --at 1 --family linear --degree 3": "ask for that family",
        "x --at 1 --family cubic": "--family takes one of",
        "x --at 1 --parameters A": "--formula",
        "x --at 1 --formula A*s": "--parameters",
        "x --at 1 --side up": "--side",
        "2x --at 1": "operator is missing",
    }.items():
        status, out, err = cli(*words.split())
        assert (status, out) == (2, "")
        assert says in err


@pytest.mark.parametrize(
    ("f", "x0"),
    [
        (sp.exp(1000 * x), 1),
        (lambda t: 1e200 * np.exp(1e3 * t), 0.0),
        (lambda t: 1e-200 * np.exp(t), 0.5),
        (sp.exp(-1000 * x), 1),
    ],
)
def test_beyond_the_doubles_is_undecided(f, x0):
    found = compare(f, x0)
    assert found.best is None
    assert "doubles" in found.verdict
