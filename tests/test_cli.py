"""The command line, in this process for the many small cases and as a process for what only a process shows."""

from __future__ import annotations

import math
import re
import time

import pytest
from printed import process

KEYS = {"family", "rule", "method", "side", "x0", "parameters", "theta", "error", "bound", "exact", "success", "status",
        "message", "nfev"}  # fmt: skip
COMMANDS = ("transform", "convergence", "compare")


# -- answers -----------------------------------------------------------------------------------------------------------


def test_json_of_an_exact_answer(record):
    got = record("x**3", "--at", "1")
    assert set(got) == KEYS | {"exact_parameters"}
    assert got["family"] == "Polynomial(2)"
    assert got["rule"] == "Osculating()"
    assert got["method"] == "symbolic"
    assert (got["side"], got["x0"], got["nfev"]) == ("both", 1, 0)
    assert got["parameters"] == {"a2": 3, "a1": 3, "a0": 1}
    assert (got["theta"], got["error"]) == ([3, 3, 1], [0, 0, 0])
    assert got["exact"] is True
    assert got["success"] is True
    assert got["bound"] is False
    assert got["status"] == "converged"
    assert got["exact_parameters"] == {"a2": "3", "a1": "3", "a0": "1"}


def test_json_of_a_numerical_answer(record):
    got = record("exp(x)", "--at", "0", "--method", "adaptive")
    assert set(got) == KEYS
    assert (got["method"], got["exact"]) == ("adaptive", False)
    assert got["nfev"] > 0
    for value, error, wanted in zip(got["theta"], got["error"], (0.5, 1, 1), strict=True):
        assert 0 < error < 1e-8
        assert abs(value - wanted) <= error


@pytest.mark.parametrize(
    ("at", "x0", "exact"),
    [
        ("1", 1, "1"),
        ("-1", -1, "-1"),
        ("-1/2", -0.5, "-1/2"),
        ("0.1", 0.1, "1/10"),
        ("pi/4", math.pi / 4, "pi/4"),
        ("sqrt(2)", math.sqrt(2), "sqrt(2)"),
        ("a", "a", "a"),
        ("1e-3", 0.001, "1/1000"),
    ],
)
def test_points_are_exact_text(record, at, x0, exact):
    for words in (("--at", at), (f"--at={at}",)):
        got = record("x", *words, "--family", "linear")
        assert got["x0"] == pytest.approx(x0)
        assert got["exact_parameters"] == {"a": "1", "b": exact}


def test_symbolic_point(record):
    got = record("x**3", "--at", "a")
    assert got["theta"] == [None, None, None]
    assert got["exact_parameters"] == {"a2": "3*a", "a1": "3*a**2", "a0": "a**3"}
    assert got["error"] == [0, 0, 0]


@pytest.mark.parametrize(
    "words",
    [
        ("-x**2", "--at", "-1"),
        ("--at", "-1", "-x**2"),
        ("--at", "-1", "--", "-x**2"),
        ("--", "-x**2", "--at", "-1"),
        ("--(x**2)*(-1)*(-1)*(-1)", "--at=-1"),
    ],
)
def test_formulas_that_begin_with_a_minus(record, words):
    assert record(*words)["theta"] == [-1, 2, -1]


@pytest.mark.parametrize(
    ("words", "family", "rule"),
    [
        ("exp(x) --family linear", "Linear()", "Osculating()"),
        ("exp(x) --degree 3", "Polynomial(3)", "Osculating()"),
        ("exp(x) --family polynomial --degree 1", "Polynomial(1)", "Osculating()"),
        ("exp(x) --family exponential", "Exponential()", "Osculating()"),
        ("exp(x) --family trigonometric", "Trigonometric(1, omega=1)", "Osculating()"),
        ("exp(x) --family trigonometric --harmonics 2 --omega pi/2", "Trigonometric(2, omega=pi/2)", "Osculating()"),
        ("sin(x) --family harmonic", "Harmonic()", "Osculating()"),
        ("sin(x) --family harmonic --no-offset", "Harmonic(offset=False)", "Osculating()"),
        ("exp(x) --formula A*exp(s/q) --parameters A,q", "Family('A*exp(s/q)', 'A q')", "Osculating()"),
        (
            "exp(x) --formula A*exp(s*q**2) --parameters A,q --positive q --start 1,2",
            "Family('A*exp(q**2*s)', 'A q', positive='q', start=(1.0, 2.0))",
            "Osculating()",
        ),
        ("exp(x) --nodes 0,1,2", "Polynomial(2)", "Osculating(nodes=(0, 1, 2))"),
        ("exp(x) --nodes 0,0,1", "Polynomial(2)", "Osculating(nodes=(0, 0, 1))"),
        ("exp(x) --rule minimum-norm", "Polynomial(2)", "MinimumNorm()"),
        (
            "exp(x) --rule smallest-rate --bound 3/2 --family exponential --side right",
            "Exponential()",
            "SmallestRate(bound=Rational(3, 2))",
        ),
        (
            "exp(x) --rule smallest-frequency --bound 2 --family harmonic --side left",
            "Harmonic()",
            "SmallestFrequency(bound=2)",
        ),
    ],
)
def test_families_and_rules(record, words, family, rule):
    got = record(*words.split(), "--at", "1/2")
    assert (got["family"], got["rule"]) == (family, rule)
    assert all(isinstance(c, float) for c in got["theta"])
    assert list(got["parameters"].values()) == got["theta"]


def test_the_words_are_the_registered_ones(cli):
    from kymath.families import FAMILIES
    from kymath.methods import METHODS
    from kymath.rules import RULES

    for option, known in (("--family", FAMILIES), ("--rule", RULES), ("--method", {"auto": 0, **METHODS})):
        status, out, err = cli("transform", "x", "--at", "1", option, "nonsense")
        assert (status, out) == (2, "")
        assert f"{option} takes one of {', '.join(known)}; 'nonsense' was given." in err
    assert ", ".join(FAMILIES)[:40] in " ".join(cli("transform", "--help")[1].split())
    for method in METHODS:
        assert cli("transform", "x**2", "--at", "1", "--method", method)[0] == 0


@pytest.mark.parametrize(("side", "slope"), [("right", 1), ("left", -1)])
def test_sides(record, side, slope):
    got = record("abs(x)", "--at", "0", "--side", side)
    assert (got["side"], got["parameters"]["a1"]) == (side, slope)


def test_digits(cli, record):
    words = ("exp(x)", "--at", "1", "--family", "linear", "--digits")
    e = "2.718281828459045235360287471352662497757"
    assert e in cli("transform", *words, "40")[1]
    assert record(*words, "40")["decimal_parameters"] == {"a": e, "b": e}
    assert "2.7 " in cli("transform", *words, "2")[1]
    assert len(record(*words, "1000")["decimal_parameters"]["a"]) == 1001
    assert "decimal_parameters" not in record(*words, "9", "--method", "adaptive")
    for bad in ("0", "1001", "-3", "ten"):
        assert cli("transform", *words, bad)[0] == 2


def test_numbers_beyond_the_doubles(cli, record):
    got = record("x**10000", "--at", "10", "--family", "linear")
    assert got["theta"] == [None, None]
    assert got["exact_parameters"]["b"] == "1" + "0" * 10_000
    assert got["success"]
    assert got["message"].endswith("Beyond the doubles, and so null here: a, b; exact_parameters has them.")
    assert "1.00000000000e+10003" in cli("transform", "x**10000", "--at", "10", "--family", "linear")[1]


def test_numbers_beyond_the_doubles_that_are_not_exact(cli, record):
    """JSON has no number for them, so it has no answer; the table has."""
    words = ("exp(x)", "--at", "1000", "--family", "linear", "--method", "precise")
    got = record(*words, status=1)
    assert (got["success"], got["status"], got["theta"], got["error"]) == (False, "not_reached", [None] * 2, [None] * 2)
    assert "Beyond the doubles, and so null here: a, b." in got["message"]
    status, out, _ = cli("transform", *words)
    assert status == 0
    assert "1.97007111401705e+434" in out
    assert "inf" not in out


def test_the_table(cli):
    status, out, err = cli("transform", "x**3", "--at", "1/2")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "∇_P²[x³](1/2)"
    assert lines[1] == "g(t) = 3*s²/2 + 3*s/4 + 1/8   with s = t - 1/2"
    assert lines[3].split() == ["parameter", "exact", "value", "decimal", "error"]
    assert lines[5].split() == ["a2", "3/2", "1.5", "exact"]
    assert lines[-1].startswith("Symbolic: ")
    assert "± " in cli("transform", "x**3", "--at", "1/2", "--method", "adaptive")[1]
    assert "decimal" not in cli("transform", "x**3", "--at", "a")[1]
    assert "g(t) = 3*t" in cli("transform", "3*x", "--at", "0")[1]
    assert "s = t - (2 - sqrt(2))" in cli("transform", "3*x", "--at", "2-sqrt(2)")[1]


# -- failures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("abs(x) --at 0", "no_limit"),
        ("abs(x) --at 0 --method adaptive", "no_limit"),
        ("sqrt(x) --at 0 --side right", "diverges"),
        ("10 --at 1 --family exponential", "not_unique"),
        ("x --at 1 --family exponential", "no_contact"),
        ("1/x --at 0", "not_finite"),
        ("exp(x) --at 1 --family exponential --rule smallest-rate --bound 2", "no_limit"),
    ],
)
def test_no_answer_is_status_1(cli, record, words, status):
    got = record(*words.split(), status=1)
    assert set(got) - {"left", "right"} == KEYS
    assert got["success"] is False
    assert got["exact"] is False
    assert got["status"] == status
    assert set(got["theta"]) == set(got["error"]) == set(got["parameters"].values()) == {None}
    code, out, err = cli("transform", *words.split())
    assert (code, out) == (1, "")
    assert err.startswith("kymath: ∇_")
    assert got["message"] in err


def test_one_sided_results_of_a_failure(cli, record):
    got = record("abs(x)", "--at", "0", status=1)
    for side, slope in (("left", -1), ("right", 1)):
        assert set(got[side]) == KEYS | {"exact_parameters"}
        assert got[side]["theta"] == [0, slope, 0]
        assert got[side]["side"] == side
    assert "--side left or --side right" in cli("transform", "abs(x)", "--at", "0")[2]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("x", "Missing option '--at'"),
        ("--at 1", "Missing argument 'EXPR'"),
        ("x --at", "--at needs a value"),
        ("x --at --json", "--at needs a value"),
        ("x --at 1 --famly linear", "No such option: --famly"),
        ("x --at 1 --family polynomail", "Did you mean polynomial?"),
        ("x --at 1 --family exponential --degree 2", "--degree belongs to --family polynomial"),
        ("x --at 1 --harmonics 2", "--harmonics belongs to --family trigonometric"),
        ("x --at 1 --omega 2", "--omega belongs"),
        ("x --at 1 --family linear --no-offset", "--no-offset belongs to --family harmonic"),
        ("x --at 1 --family trigonometric --omega w", "--omega must be a number"),
        ("x --at 1 --degree 0", "--degree takes a degree from 1 to 40"),
        ("x --at 1 --degree two", "--degree"),
        ("x --at 1 --formula A*s", "--formula needs --parameters"),
        ("x --at 1 --parameters A", "--formula"),
        ("x --at 1 --formula A*s --parameters A --family linear", "leave --family away"),
        ("x --at 1 --formula A*s --parameters A --degree 1", "no meaning with --formula"),
        ("x --at 1 --formula A*q --parameters A", "--formula: unknown name 'q'"),
        ("x --at 1 --formula A*s --parameters A --start 1,2", "start needs 1"),
        ("x --at 1 --rule smallest-rate --family exponential", "needs --bound M"),
        ("x --at 1 --bound 2", "--bound belongs to"),
        ("x --at 1 --rule smallest-rate --family exponential --bound -2", "M > 0"),
        ("x --at 1 --rule smallest-rate --family exponential --bound b", "--bound must be a number"),
        ("x --at 1 --rule smallest-rate --bound 2", "Use --family exponential, or another rule: --rule osculating"),
        ("x --at 1 --rule minimum-norm --nodes 0,1,2", "--nodes belongs to --rule osculating"),
        ("x --at 1 --nodes 0,1", "needs 3 nodes"),
        ("x --at 1 --nodes 0,2,3", "must contain 0 and 1"),
        ("x --at 1 --nodes 0,1,two", "--nodes must be a number"),
        ("x --at 1 --nodes ,", "--nodes: the text is empty"),
        ("x --at 1 --method taylr", "--method takes one of"),
        ("x --at a --method adaptive", "a symbolic point needs a SymPy expression and --method symbolic"),
        ("abs(x) --at 1 --method contour", "Abs is not: use --method symbolic or --method adaptive"),
        ("x --at 1 --side up", "--side takes one of both, left, right"),
        ("x --at nan", "--at must be finite"),
        ("x --at -oo", "--at must be finite"),
        ("x --at 1/0", "--at: division by zero"),
        ("x --at 0,5", "one point only, and a decimal with a point, 0.5; '0,5' was given"),
        ("x+1 y --at 1", "quotes"),
        ("2x --at 1", "for a product write *"),
        ("x*y --at 1", "two variables"),
        ("x --at a --plot a.png", "--plot needs a number"),
    ],
)
def test_bad_usage_is_status_2(cli, words, says):
    status, out, err = cli("transform", *words.split())
    assert (status, out) == (2, "")
    assert err.startswith("kymath: ")
    assert says in " ".join(err.split())


def test_a_question_that_does_not_apply_has_a_record_too(record):
    got = record("x", "--at", "a", "--method", "adaptive", status=2)
    assert set(got) == KEYS
    assert (got["status"], got["x0"], got["success"]) == ("not_applicable", "a", False)


def test_the_caret(cli):
    _, _, err = cli("transform", "1 + 2 $ x", "--at", "1")
    message, text, caret = err.splitlines()
    assert "'$'" in message
    assert text[caret.index("^")] == "$"


def test_commands_and_versions(cli):
    from kymath import __version__

    assert cli("--version") == (0, f"kymath {__version__}\n", "")
    assert cli("transfrom")[0] == 2
    assert "Did you mean 'transform'" in cli("transfrom")[2]
    assert cli()[0] == 2
    status, out, _ = cli("--help")
    assert status == 0
    listed = re.findall(r"^│ ([a-z]+) ", out, re.MULTILINE)
    assert listed == [*COMMANDS, "samples", "verify", "train", "inspect", "nn", "synthesis"]


# -- hostile text ------------------------------------------------------------------------------------------------------

HOSTILE = {
    "code": "__import__('os').system('touch pwned')",
    "code without quotes": "__import__(os).system(touch)",
    "lambda": "(lambda: x)()",
    "tower": "9**9**9**9",
    "nesting": "(" * 2_000 + "x" + ")" * 2_000,
    "brackets": "(" * 60_000 + "x" + ")" * 60_000,
    "factorials": "gamma(" * 50 + "x" + ")" * 50 + "+gamma(99999999)",
    "unicode": "ｘ＋１",
    "controls": "x\x1b[31m\x07",
    "surrogate": "x+\udcff",
    "markup": "[bold]x[/bold]",
    "empty": "",
    "blank": "  ",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("place", ["EXPR", "--at", "--bound"])
def test_hostile_text_is_refused_at_once(cli, tmp_path, monkeypatch, name, place):
    monkeypatch.chdir(tmp_path)
    text = HOSTILE[name]
    words = {
        "EXPR": ["transform", text, "--at", "1"],
        "--at": ["transform", "x", f"--at={text}"],
        "--bound": ["transform", "x", "--at=1", "--family=exponential", "--rule=smallest-rate", f"--bound={text}"],
    }[place]
    begin = time.monotonic()
    status, out, err = cli(*words)
    assert time.monotonic() - begin < 20  # it must not hang
    assert (status, out) == (2, "")
    assert len(err) < 1000
    assert "\x07" not in err
    assert list(tmp_path.iterdir()) == []


def test_hostile_text_as_a_process(tmp_path):
    done, seconds = process("transform", HOSTILE["code"], "--at", "1", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "^" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert seconds < 5  # it is 1 s
    done, seconds = process("transform", HOSTILE["brackets"], "--at", "1")
    assert done.returncode == 2
    assert "more than 10000 characters" in done.stderr


# -- convergence -------------------------------------------------------------------------------------------------------

CONVERGENCE_KEYS = {"family", "rule", "side", "x0", "nodes", "h", "theta", "error", "limit", "order", "order_spread",
                    "orders", "constant", "predicted_order", "predicted_constant", "success", "status",
                    "message"}  # fmt: skip


def test_convergence_record(record):
    got = record("x**3", "--at", "1", command="convergence")
    assert set(got) == CONVERGENCE_KEYS
    assert got["order"] == pytest.approx(2, abs=1e-6)
    assert got["predicted_order"] == 2
    assert got["constant"] == pytest.approx([0, 1, 0], abs=1e-9)
    assert got["predicted_constant"] == [0, 1, 0]
    assert got["limit"]["theta"] == [3, 3, 1]
    assert len(got["h"]) == len(got["theta"][0]) == len(got["error"][2])
    assert all(step > 0 for step in got["h"])


def test_convergence_options(cli, record):
    got = record("exp(x)", "--at", "0", "--h", "0.1,0.01 ,1/1000", "--side", "left", command="convergence")
    assert got["h"] == [0.1, 0.01, 0.001]
    assert got["side"] == "left"
    got = record("exp(x)", "--at", "0", "--nodes", "0,1,2", command="convergence")
    assert got["predicted_order"] == 1
    status, out, err = cli("convergence", "-x**3", "--at", "-1", "--family", "linear")
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "Convergence of ∇_L[-x³](-1) from the right"
    assert "order 1.0000" in out.lower()
    got = record("x**2", "--at", "1", command="convergence")
    assert got["order"] is None
    assert "no order was measured" in cli("convergence", "x**2", "--at", "1")[1].lower()


def test_convergence_failures(cli, record):
    got = record("sqrt(x)", "--at", "0", command="convergence", status=1)
    assert set(got) == CONVERGENCE_KEYS
    assert (got["success"], got["status"], got["limit"], got["order"]) == (False, "diverges", None, None)
    for words in ("x --at a", "x --at 1 --side both", "x --at 1 --h 0", "x --at 1 --h -1,2", "x --at 1 --method auto"):
        status, out, err = cli("convergence", *words.split())
        assert (status, out) == (2, "")
        assert err.startswith("kymath: ")
