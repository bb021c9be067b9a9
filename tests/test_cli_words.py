"""One voice at the command line: help pages of one form, and sentences that name what can be typed."""

from __future__ import annotations

import re

import numpy as np
import pytest
from printed import strict

from kymath.cli import main
from kymath.cli.spelling import set_by, spelled

COMMANDS = ("transform", "convergence", "compare", "samples", "verify", "train", "inspect", "nn bench", "nn generate",
            "synthesis train", "synthesis draw")  # fmt: skip


@pytest.fixture
def cli(capsys):
    """cli("transform", "x", "--at", "1") -> (status, stdout, stderr)."""

    def run(*argv):
        status = main(list(argv))
        return status, *capsys.readouterr()

    return run


def test_the_help_pages_are_a_family(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for command in COMMANDS:
        status, out, _ = cli(*command.split(), "--help")
        assert status == 0
        assert [line for line in out.splitlines() if len(line) > 80] == [], command
        assert "[default" not in out, command  # it is told as (default: …)
        assert "if left out" not in out, command
        assert out.index("Usage:") < out.index(" Options ") < out.index(" Examples\n")
        options = re.findall(r"^│ [* ]*(--[a-z-]+)", out, re.MULTILINE)
        own = options[: options.index("--help") + 1]  # and then those of the panels
        last = [word for word in ("--out", "--html", "--csv", "--plot", "--json", "--help") if word in own]
        if command != "synthesis draw":  # whose --out is all that it is about
            assert own[-len(last) :] == last, command


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("Linear() or Polynomial(3)", "--family linear or --family polynomial --degree 3"),
        ("Trigonometric(1, omega=1)", "--family trigonometric"),
        ("Trigonometric(2, omega=pi/2)", "--family trigonometric --harmonics 2 --omega pi/2"),
        ("Harmonic() or Harmonic(offset=False)", "--family harmonic or --family harmonic --no-offset"),
        (
            "Family('A*exp(-s/T)', 'A T', start=(1.0, 2.0))",
            '--formula "A*exp(-s/T)" --parameters "A T" --start 1.0,2.0',
        ),
        ("Family(…, start=…) or Family(…, positive='…')", "--start or --positive"),
        ("Osculating(nodes=(0, 1, 1/2))", "--rule osculating --nodes 0,1,1/2"),
        ("SmallestRate(bound=Rational(1, 3))", "--rule smallest-rate --bound 1/3"),
        ("Adaptive(h0=None, rho=0.5)", "--method adaptive"),
        ("Precise(digits=30) or method=None", "--method precise --digits 30 or --method auto"),
        ('side="left"; robust=True leaves; give window=…', "--side left; --robust leaves; give --window"),
        ("Abs(x) and f(x0) with Trigonometric(oops", "Abs(x) and f(x0) with Trigonometric(oops"),
    ],
)
def test_what_python_writes_is_said_as_it_is_typed(text, typed):
    assert spelled(text) == typed


def test_a_family_that_is_registered_later_is_spelled_too(monkeypatch):
    from kymath import families

    class Pole(families.Linear):
        pass

    monkeypatch.setitem(families.FAMILIES, "pole", Pole)
    assert spelled("Use Pole() there.") == "Use --family pole there."


def test_a_kink_says_how_to_ask_for_a_side(cli):
    _, _, err = cli("transform", "abs(x)", "--at", "0")
    assert err.strip().endswith("Ask for one side: --side left or --side right.")
    _, _, err = cli("transform", "exp(-abs(x))", "--at", "0", "--family", "exponential")
    assert "--side" in err
    assert "side=" not in err


def test_a_field_is_named_by_its_option():
    assert set_by("d_model = 31 is not divisible by num_heads = 2.") == "--width 31 is not divisible by --heads 2."
    assert set_by("top_k = 0 must be a whole number.") == "--top-k 0 must be a whole number."
    assert set_by("share must be above 0; 2 was given.") == "--share must be above 0; 2 was given."


def test_an_angle_has_no_median(cli, tmp_path):
    t = np.linspace(0, 20, 200)
    file = tmp_path / "wave.csv"
    np.savetxt(file, np.column_stack([t, np.sin(3 * t)]), delimiter=",", header="t,y", comments="")
    words = ("samples", str(file), "--family", "harmonic", "--bandwidth", "2")
    status, out, err = cli(*words)
    assert (status, err) == (0, "")
    assert re.search(r"omega +3 ", out)
    assert re.search(r"phi +– +\d", out)
    assert strict(cli(*words, "--json")[1])["columns"][0]["median"]["phi"] is None
