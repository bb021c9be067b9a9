"""ky.compare: it names the family that f belongs to, says undecided where it cannot, and never raises for a family."""

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

from kymath import (
    Adaptive,
    BadFunction,
    Certified,
    Contour,
    Exponential,
    Family,
    Harmonic,
    KYTransform,
    Linear,
    NotApplicable,
    Polynomial,
    Status,
    Trigonometric,
    plot,
    transform,
)
from kymath.cli import main
from kymath.compare import DEFAULT, FACTOR, compare
from kymath.function import Function

x = sp.Symbol("x")
R = sp.Rational
RNG = 20250801


def rationals(rng, count, low=-3, high=3):
    """Random fractions, none of them 0."""
    return [R(int(n), 7) for n in rng.choice([k for k in range(7 * low, 7 * high + 1) if k], count)]


MEMBERS = {  # family -> a member of it that is no member of a smaller one
    Linear(): lambda a, b, c, d, s: a * s + b,
    Polynomial(2): lambda a, b, c, d, s: a * s**2 + b * s + c,
    Polynomial(3): lambda a, b, c, d, s: a * s**3 + b * s**2 + c * s + d,
    Exponential(): lambda a, b, c, d, s: a * sp.exp(b * s) + c,
    Trigonometric(): lambda a, b, c, d, s: a * sp.cos(s) + b * sp.sin(s) + c,
    Harmonic(offset=False): lambda a, b, c, d, s: a * sp.cos((1 + abs(b)) * s + c),
    Harmonic(): lambda a, b, c, d, s: a * sp.cos((1 + abs(b)) * s + c) + d,
}


@pytest.mark.parametrize("family", MEMBERS, ids=repr)
@pytest.mark.parametrize("seed", range(2))
def test_members_are_recognised_exactly(family, seed):
    rng = np.random.default_rng([RNG, seed])
    *numbers, x0 = rationals(rng, 5)
    found = compare(MEMBERS[family](*numbers, x), x0)
    assert found.best is not None, found
    assert found.best.family == family
    assert (found.best.defect, found.best.error, found.best.contact) == (0.0, 0.0, 6)
    assert found.best is found[0]
    assert "exactly" in found.best.reason
    assert found.best.result.exact
    wanted = transform(MEMBERS[family](*numbers, x), x0, family).theta
    assert [float(c) for c in found.best.result.theta] == pytest.approx([float(c) for c in wanted])


@pytest.mark.parametrize("family", MEMBERS, ids=repr)
@pytest.mark.parametrize("seed", range(12))
def test_members_are_recognised_in_numbers(family, seed):
    rng = np.random.default_rng([RNG, seed])
    numbers = rng.uniform(0.3, 3, 4) * rng.choice([-1, 1], 4) * 10.0 ** rng.integers(-3, 4, 4) ** np.array([1, 0, 1, 1])
    numbers[2:] *= abs(numbers[0]) / np.max(np.abs(numbers[2:])) if family == Exponential() else 1
    f = sp.lambdify(x, MEMBERS[family](*numbers, x), "numpy")
    x0 = float(rng.uniform(-2, 2))
    found = compare(f, x0)
    assert found.best is not None, found
    assert found.best.family == family
    assert found.best.defect <= found.best.error <= 1e-6
    assert found.best.contact == 6


@pytest.mark.parametrize("family", [Exponential(), Trigonometric(), Harmonic(offset=False), Harmonic()], ids=repr)
@pytest.mark.parametrize("seed", range(4))
def test_real_values_alone_never_give_a_wrong_family(family, seed):
    rng = np.random.default_rng([RNG, seed])
    numbers = rng.uniform(0.5, 2, 4) * rng.choice([-1, 1], 4)
    g = sp.lambdify(x, MEMBERS[family](*numbers, x), "math")
    found = compare(lambda t: g(float(t)), float(rng.uniform(-1, 1)))
    assert found.rows[0].result.method == "adaptive"
    assert found.best is None or found.best.family == family


def test_a_float_point_of_an_expression():
    found = compare(2 * sp.exp(x) + 1, 0.3)
    assert found.best.family == Exponential()
    assert 0 <= found.best.defect <= found.best.error < 1e-12


# -- the order of the rows -------------------------------------------------------------------------------------------


def test_rows_best_first_and_the_defect_as_defined():
    found = compare(x**3, 1)
    assert [row.family for row in found[:5]] == [
        Polynomial(3), Polynomial(2), Trigonometric(), Exponential(), Linear(),
    ]  # fmt: skip
    assert {row.family for row in found} == set(DEFAULT)
    # c = 3, 3, 1: the length is where L³ is a tenth of 3 L + 3 L²
    length = (0.3 + math.sqrt(0.09 + 4 * 0.3)) / 2
    assert found.length == pytest.approx(length)
    size = 3 * length + 3 * length**2 + length**3
    by = {row.family: row for row in found}
    assert by[Polynomial(2)].defect == pytest.approx(length**3 / size)
    assert by[Linear()].defect == pytest.approx((3 * length**2 + length**3) / size)
    gaps = [6 - 12, -24, -48, -96]  # f‴ … of x³ less those of 3/2 exp(2 s) − 1/2
    wanted = sum(abs(g) * length**k / math.factorial(k) for k, g in enumerate(gaps, 3)) / size
    assert by[Exponential()].defect == pytest.approx(wanted)
    assert [by[f].contact for f in (Linear(), Polynomial(2), Exponential())] == [1, 2, 2]
    assert found.best.result.theta == (1, 3, 3, 1)


@pytest.mark.parametrize(("stretch", "height", "lift"), [(100, 1, 0), (R(1, 9), 7, 3), (1, R(1, 1000), -50)])
def test_units_play_no_part(stretch, height, lift):
    f = sp.exp(-x) / (1 + x)
    families = [Linear(), Polynomial(2), Polynomial(3), Exponential()]
    plain = compare(f, R(1, 2), families)
    other = compare(height * f.subs(x, x / stretch) + lift, stretch * R(1, 2), families)
    assert [row.family for row in other] == [row.family for row in plain]
    assert [row.defect for row in other] == pytest.approx([row.defect for row in plain])
    assert other.length == pytest.approx(stretch * plain.length)


def test_among_equals_the_fewest_parameters_then_the_first():
    found = compare(2 * x + 1, 0)
    assert [row.family for row in found[:3]] == [Linear(), Polynomial(2), Polynomial(3)]
    assert found.best.family == Linear()
    assert "fewest parameters" in found.verdict
    assert "the same curve as Linear(), with more" in found[1].reason
    both = [Trigonometric(), Harmonic(offset=False)]
    assert compare(sp.cos(x), 1, both).best.family == both[0]
    assert compare(sp.cos(x), 1, both[::-1]).best.family == both[1]
    assert compare(sp.exp(-(x**2)), 0, [Polynomial(3), Polynomial(2)]).best.family == Polynomial(2)  # not f, but equal


def test_accidents_of_one_order_are_seen_through():
    found = compare(sp.sin(x), 0, [Linear(), Polynomial(2)])  # f″ = 0, and f is no line
    assert found[0].contact == 2
    assert found[0].defect > 0.1
    found = compare(x**9 + sp.exp(x), 0)  # beyond the orders looked at
    assert found.best.contact == found.order == 6


def test_constants_and_lone_powers():
    assert compare(sp.Integer(7), 0).best.family == Linear()
    assert compare(lambda t: 7.0, 1.5).best.family == Linear()
    assert compare(lambda t: 0.0, 0.0).best.family == Linear()
    found = compare(x**4, 0)
    assert found.best is None
    assert "no family follows f" in found.verdict
    assert found.length == 1


def test_choices_are_borne_out_by_the_values_of_f():
    """Where a family is named, its curve is the nearest to f within the length, or one as near."""
    rng = np.random.default_rng(RNG)
    functions = [
        np.tanh,
        lambda t: np.exp(-t) * np.sin(3 * t),
        lambda t: np.log(3 + t),
        lambda t: t * np.exp(-t),
        lambda t: np.exp(np.sin(t)),
        lambda t: np.exp(-t) + np.exp(-3 * t),
        lambda t: np.exp(-t * t),
    ]
    decided = 0
    for f in functions:
        for x0 in rng.uniform(-1.5, 1.5, 6):
            found = compare(f, float(x0))
            if found.best is None:
                continue
            decided += 1
            t = x0 + np.linspace(-found.length, found.length, 101)
            errors = {row.family: np.max(np.abs(row.result(t) - f(t))) for row in found if row.success}
            assert errors[found.best.family] <= 1.5 * min(errors.values()), (x0, found)
    assert decided >= 5


# -- undecided, and failures -----------------------------------------------------------------------------------------


def test_alike_is_undecided():
    found = compare(x**x, 1)
    assert found.best is None
    assert found.verdict.startswith("undecided: Exponential() (0.056) and Polynomial(3) (0.091)")
    assert found[1].defect < FACTOR * found[0].defect
    assert found[0].success


@pytest.mark.parametrize("level", [1e-12, 1e-9, 1e-6, 1e-3])
@pytest.mark.parametrize("seed", range(2))
def test_noise_makes_it_undecided_not_wrong(level, seed):
    rng = np.random.default_rng([RNG, seed])
    x0 = float(rng.uniform(-1, 1))
    for g, family in (
        (lambda t: math.exp(0.8 * t) + 0.3, Exponential()),
        (lambda t: math.cos(2 * t + 0.3) + 0.2, Harmonic()),
        (lambda t: t * t - t, Polynomial(2)),
    ):
        found = compare(lambda t, g=g: g(t) + level * rng.standard_normal(), x0)
        assert found.best is None or found.best.family == family
        assert found.best is not None or found.verdict.startswith("undecided: ")
        for row in found:
            if row.family == family and row.success and not math.isnan(row.defect):
                assert row.defect <= row.error


@pytest.mark.parametrize(
    ("f", "x0", "status"),
    [
        (sp.Abs(x), 0, Status.NO_LIMIT),
        (sp.sqrt(x), 0, Status.NOT_FINITE),
        (sp.log(x), 0, Status.NOT_FINITE),
        (lambda t: 1 / t, 0.0, Status.NOT_FINITE),
        (np.abs, 0.0, Status.NO_LIMIT),
    ],
)
def test_where_nothing_applies(f, x0, status):
    found = compare(f, x0)
    assert found.best is None
    assert len(found) == len(DEFAULT)
    assert "no family applies" in found.verdict
    for row in found:
        assert not row.success
        assert row.result.status is status
        assert row.reason
        assert (row.contact, math.isnan(row.defect)) == (None, True)
    assert repr(found)


def test_families_that_do_not_apply_come_last_with_the_reason():
    found = compare(sp.sin(x), 0)
    failed = [row for row in found if not row.success]
    assert failed == list(found[-len(failed) :])
    assert {row.family for row in failed} == {Exponential(), Harmonic(offset=False)}
    by = {row.family: row for row in failed}
    assert by[Exponential()].result.status is Status.NO_CONTACT
    assert "Use Linear() there" in by[Exponential()].reason
    assert by[Harmonic(offset=False)].result.status is Status.NOT_UNIQUE
    assert all(isinstance(row.result, KYTransform) for row in found)


def test_too_few_derivatives_are_undecided():
    found = compare(sp.Abs(x) ** R(5, 2) + x, 0)
    assert found.best is None
    assert found.order == 2
    by = {row.family: row for row in found}
    assert (by[Linear()].contact, by[Linear()].defect) == (2, 0)
    assert math.isnan(by[Polynomial(2)].defect)
    assert not by[Polynomial(3)].success
    assert "too few" in found.verdict


def test_one_side():
    found = compare(sp.Abs(x) * sp.exp(x), 0, side="left")
    assert found.side == "left"
    assert found.best is None or found.best.result.side == "left"
    assert found[0].success
    assert compare(sp.Piecewise((sp.exp(2 * x), x >= 0), (0, True)), 0, side="right").best.family == Exponential()


# -- what is asked -----------------------------------------------------------------------------------------------------


def test_f_is_read_once_for_all_families():
    calls = []

    def f(t):
        calls.append(np.size(t))
        return np.exp(t) + 1

    found = compare(f, 0.5)
    seen = sum(calls)
    one = Function(lambda t: np.exp(t) + 1)
    transform(one, 0.5, Polynomial(6))
    assert found.nfev == one.nfev
    compare(f, 0.5, [Exponential()])
    assert sum(calls) == 2 * seen


@pytest.mark.parametrize("method", [Adaptive(), Contour(), Certified()], ids=repr)
def test_methods(method):
    if isinstance(method, Certified):
        pytest.importorskip("flint")
    found = compare(lambda t: 3 * np.exp(-2 * t) + 1, 0.2, method=method)
    assert found.best.family == Exponential()
    assert found.best.result.method == method.name
    assert not found.best.result.bound  # the derivatives are bounded; θ was made of them in doubles


def test_own_families():
    decay = Family("A*exp(-s/tau)", "A tau")
    for f, x0 in ((3 * sp.exp(-x / 2), 1), (lambda t: 3 * np.exp(-t / 2), 1.0)):
        found = compare(f, x0, [Exponential(), decay, Linear()])
        assert found.best.family == decay  # one parameter less
        assert "the same curve" in found[1].reason
    assert compare(x**5, 1, [Polynomial(4), Polynomial(5)]).best.family == Polynomial(5)
    assert compare(x**5, 1, [Polynomial(5), Polynomial(7)]).order == 10
    alone = compare(sp.exp(x), 0, Exponential())
    assert len(alone) == 1
    assert alone.best.family == Exponential()
    assert len(compare(x, 0, [Linear(), Linear()])) == 1


def test_refused():
    with pytest.raises(NotApplicable, match="one point"):
        compare(x**2, np.array([1.0, 2.0]))
    with pytest.raises(NotApplicable, match="one point"):
        compare(x**2, sp.Symbol("a"))
    with pytest.raises(NotApplicable, match="empty"):
        compare(x**2, 1, [])
    for families in ("linear", [Linear, Polynomial(2)], [3], 3):
        with pytest.raises(NotApplicable, match="families must be"):
            compare(x**2, 1, families)
    with pytest.raises(NotApplicable, match="side"):
        compare(x**2, 1, side="up")
    with pytest.raises(BadFunction):
        compare(lambda t: None, 1.0)
    with pytest.raises(BadFunction):
        compare("x**2", 1)


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
    assert "Exponential() suits f" in out
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


def test_special_functions():
    assert compare(sp.besselj(0, x), 1).verdict
    assert compare(sp.gamma(x), 2).verdict
