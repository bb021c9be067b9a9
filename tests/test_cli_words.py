"""One voice at the command line: help pages of one form, and sentences that name what can be typed."""

from __future__ import annotations

import re
import shlex

import numpy as np
import pytest
from printed import strict

from kymath.cli import main
from kymath.cli.output import cut
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
    _, _, err = cli("transform", "x^(3/2)", "--at", "0", "--family", "linear")
    assert err.strip().endswith("(on the left). Ask for one side: --side right.")


def test_a_hyperbolic_curve_is_found_by_the_options_that_are_advised(cli):
    status, _, err = cli("transform", "cosh(x)^2", "--at", "1", "--family", "harmonic")
    assert status == 1
    words = shlex.split(re.search(r"Use (--formula .*) there\.", err)[1])
    status, out, err = cli("transform", "cosh(x)^2", "--at", "1", *words)
    assert (status, err) == (0, "")
    assert "g(t) = sinh(2)*sinh(2*s)/2 + cosh(2)*cosh(2*s)/2 + 1/2" in out


def test_a_field_is_named_by_its_option():
    assert set_by("d_model = 31 is not divisible by num_heads = 2.") == "--width 31 is not divisible by --heads 2."
    assert set_by("top_k = 0 must be a whole number.") == "--top-k 0 must be a whole number."
    assert set_by("share must be above 0; 2 was given.") == "--share must be above 0; 2 was given."


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("transform x --at 1,2", "--at takes one point only"),
        ("transform x --at 0,5", "a decimal with a point, 0.5"),
        ("transform x --at 1,2", "ky.transform(f, np.array([…]))"),
        ("compare x --at [1,2]", "--at takes one point only"),
        ("transform x --at max(1,", "closed"),
        ("compare x --at two", "'two' is a symbol. two is taken as a symbol; the number is 2."),
        ("convergence x --at Pi/2", "Pi is taken as a symbol; the number is pi."),
        ("convergence x --at q", "'q' is a symbol.\n"),
        ("transform x --at infty", "must be finite"),
        ("transform x --at 1 --family exp", "Did you mean exponential?"),
        ("transform x --at 1 --family E", "Did you mean exponential?"),
        ("transform x --at 1 --family parabolas", "Did you mean polynomial?"),
        ("transform x --at 1 --family line", "Did you mean linear?"),
        ("transform x --at 1 --family x", "'x' was given.\n"),
        ("transform x --at 1 --degree two", "--degree takes a whole number; 'two' was given."),
        ("transform x --at 1 --degree 2.5", "--degree takes a whole number; '2.5' was given."),
        ("transform x --at 1 --digits 0", "0"),
        ("train --lr fast", "--lr takes a number; 'fast' was given."),
        ("transform x**3 1", 'did you mean --at 1? One with blanks in it needs quotes: "x**3 1".'),
        ("transform x + 1", "put quotes around"),
        ("transform x 1 --at 2", "put quotes around"),
        ("samples --at 3 12", "--at takes one word: --at 3,12."),
        ("samples none.csv --at 2020-01-01, 2021-01-01", "--at takes one word: --at 2020-01-01,2021-01-01."),
        ("samples --at 3 none.csv", "none.csv"),
        ("transform e^(-x^2/2) --at 1", "kymath: Euler's number is written E; here 'e' and 'x' are two variables"),
    ],
)
def test_a_slip_of_the_fingers_is_answered(cli, words, said):
    status, out, err = cli(*words.split())
    assert (status, out) == (2, "")
    assert said in err
    assert "Input should" not in err


def test_a_name_like_a_number_is_a_symbol_and_said_so(cli):
    status, out, err = cli("transform", "x**3", "--at", "Pi")
    assert (status, err) == (0, "")
    assert out.endswith("\nPi is taken as a symbol; the number is pi.\n")
    message = strict(cli("transform", "x**3", "--at", "one", "--json")[1])["message"]
    assert message.endswith("checked by numbers. one is taken as a symbol; the number is 1.")
    assert "taken" not in cli("transform", "x**3", "--at", "a")[1]


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


def test_a_long_curve_is_told_in_decimals(cli):
    _, out, _ = cli("transform", "gamma(x)", "--at", "2.5", "--family", "exponential")
    assert "g(t) = 0.667418*exp(1.40052*s) + 0.661922   with s = t - 5/2" in out
    _, out, _ = cli("transform", "exp(x)", "--at", "1/2", "--degree", "1")
    assert "g(t) = s*exp(1/2) + exp(1/2)" in out  # short, and exact


def test_what_is_cut_has_all_its_brackets_closed(cli):
    _, out, _ = cli("transform", "exp(sin(log(x^2+1)))", "--at", "a", "--degree", "3")
    assert "…" in out
    assert all(line.count("(") == line.count(")") for line in out.splitlines())
    terms = " + ".join(f"sin({k})*s" for k in range(40))
    assert cut(terms, 60) == "sin(0)*s + sin(1)*s + sin(2)*s + sin(3)*s + sin(4)*s + …"
