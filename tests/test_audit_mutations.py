"""Mutations of what a claim checks flip its verdict, and changes that are not enough do not."""

from __future__ import annotations

import math
import re

import mpmath
import numpy as np
import pytest
import sympy as sp
from verdicts import TEXT, VERDICTS

import kymath as ky
from kymath import audit
from kymath.audit import attention_cost, chain_rule, osculation, predictions, selection, synthesis_code
from kymath.audit.measure import H, X
from kymath.audit.window import softmax

PARABOLA, EXPONENTIAL = ky.Polynomial(2), ky.Exponential()


def scaled(function, factor=1.01):
    """The same formula, one per cent off in its last number."""

    def other(*args, **options):
        out = function(*args, **options)
        return (*out[:-1], out[-1] * factor) if isinstance(out, tuple) else out * factor

    return other


def osculating(values, n, h):
    return osculation.through_nodes(values, 2, h)


def widened(k):
    return {"R_P": (chain_rule.LITERAL["R_P"][0], lambda f, g, u0: (0.0, f[1] * g[1] * k, f[2]))}


def second_letter(f):
    """A chain operator whose first answer, W², has the wrong sign of one term."""

    def other(f_, g_):
        square, theta = f(f_, g_)
        return -square, theta

    return other


class Lazy(ky.SmallestRate):
    """A rule that forgets C1."""

    def solve(self, family, f0, f1, h):
        a, b, c = super().solve(family, f0, f1, h)
        return a, b, c + 0.1


LAZY = ((EXPONENTIAL, Lazy(bound=2)),)

MUTATIONS = [
    ("D3.2(2)", {"families": (ky.Family("a + s", "a"),)}, "holds"),
    ("D3.2-ident", {"shift": sp.pi / 2}, "false"),
    ("D3.2-ident", {"determinants": {"exponential": (sp.exp(sp.Symbol("u", real=True) * sp.Symbol("B")),
                                                     (sp.Symbol("B"),), sp.Symbol("B"))}}, "false"),
    ("T3.5", {"families": (PARABOLA,), "rise": 0.5}, "holds"),
    ("D3.3", {"rules": LAZY}, "false"),
    ("D3.6(2)", {"rules": LAZY}, "false"),
    ("D3.7", {"cases": ((sp.exp(X), 0, PARABOLA, ky.Osculating()),)}, "holds"),
    ("D3.8", {"readings": lambda jet: {"one": 3.0, "the other": 3.0}}, "holds"),
    ("Eq13", {"alias": lambda f, x0: (sp.diff(f, X, 2) / (1 + sp.diff(f, X) ** 2) ** 1.5).subs(X, x0)}, "holds"),
    ("D3.4-RP", {"formula": lambda k, n, rise, h: rise * h**k / sum(h ** (2 * j) for j in range(n + 1))}, "false"),
    ("D3.4-RE", {"formula": scaled(selection.smallest_rate)}, "false"),
    ("D3.4-RE", {"formula": lambda f0, d, h, m: (-m * mpmath.sign(d), mpmath.log(abs(1 - abs(d) / m)) / h,
                                                 f0 + m * mpmath.sign(d))}, "false"),
    ("D3.4-RE-limit", {"formula": lambda f0, d, h, m: (m, d / m / h, f0 - m)}, "holds"),
    ("D3.4-RE-f'=0", {"criterion": lambda right, left: len(set(right)) == 1}, "false"),
    ("D3.4-RE-f'=0", {"criterion": lambda right, left: True}, "false"),
    ("D3.4-RH-none", {"bound": 2.0}, "holds"),
    ("D3.4-RH-offset", {"formula": scaled(selection.smallest_frequency)}, "false"),
    ("D3.4-RH-offset", {"formula": lambda f0, d, h, m: (m, abs(d / h) / m, 0.0, f0)}, "false"),
    ("D3.4-RH-nooffset", {"formula": lambda y0, y1, h, m: (y1 - y0) / (m * h)}, "false"),
    ("D3.4-RH-cos", {"formula": lambda d, h, m: 2 / abs(h) * math.asin(abs(d) / (2 * m))}, "false"),
    ("D3.4-RH-cos", {"formula": lambda d, h, m: 3 / abs(h) * math.asin(math.sqrt(abs(d) / (2 * m)))}, "false"),
    ("L-norm-limit", {"limits": {**selection.NORM_LIMITS, "l∞": (0.0, 0.0)}}, "false"),
    ("L-norm-limit", {"norms": {"l2": selection.NORMS["l∞"]}}, "false"),
    ("L-contact", {"expected": lambda jet: (jet[0], 2 * jet[1])}, "false"),
    ("L-order-barrier", {"selections": {"one that peeks": lambda h, d, p, q: q}}, "false"),
    ("L-order-barrier-gen", {"rules": ((PARABOLA, ky.Osculating(), "both"),)}, "false"),
    ("L-aliasing", {"period": lambda h: math.pi / h}, "false"),
    ("L-exactness", {"through": lambda family, nodes, h, y: family.through(nodes, h, [1.01 * y[0], *y[1:]])}, "false"),
    ("P-mnode-minnorm", {"expected": lambda k, m: 1 / math.factorial(k)}, "false"),
    ("D3.9", {"slope": lambda f0, f1, h: (f1 - f0) / (2 * h)}, "false"),
    ("D3.9", {"error": osculation.F[2]}, "false"),
    ("Eq20/Eq30-literal", {"rule": osculating}, "holds"),
    ("Ex3.1/Eq28-29", {"a1": sp.Integer(3), "extra": (sp.Symbol("b1") - 3,)}, "holds"),
    ("P-osc-contact", {"error": lambda n: osculation.F[n + 1]}, "false"),
    ("P-osc-contact", {"limit": lambda n: osculation.F[n]}, "false"),
    ("P-osc-nodes", {"formula": lambda k, n, c: -osculation.node_error(k, n, c)}, "false"),
    ("P-resid-L2", {"a1": osculation.F[1] - osculation.F[3] * H**2 / 6}, "false"),
    ("P-resid-L2", {"a2": osculation.F[2] / 2}, "false"),
    ("D3.11-osc", {"formula": lambda f0, f1, f2: (f1**2 / f2, f2 / f1, f0)}, "false"),
    ("D3.11-osc-finite", {"constants": (1 / 2, 1.0, 0.0)}, "false"),
    ("D3.8-osc-h3", {"formula": scaled(osculation.sine_from_jet)}, "false"),
    ("D3.8-osc-h3", {"allowed": lambda jet: jet[2] / jet[0] > 0}, "false"),
    ("D3.8-osc-h4", {"formula": scaled(osculation.sine_with_offset_from_jet)}, "false"),
    ("T3.12", {"cases": ((sp.sin(X), 0, PARABOLA, ky.Osculating()),)}, "holds"),
    ("T3.13-general", {"weight": sum}, "false"),
    ("T3.13-general", {"weight": max}, "false"),
    ("T3.13-rates", {"table": (("parabola", PARABOLA, ky.Osculating((0, 1, 2)), 2),)}, "false"),
    ("T3.13-holder", {"order": lambda n, gamma: 1.0}, "false"),
    ("T3.13-norate", {"error": lambda h: h ** mpmath.mpf("0.3")}, "holds"),
    ("T3.16/Eq33", {"expected": lambda jet: 2 * jet[1]}, "false"),
    ("T3.16/Eq34-35", {"rule": lambda y, h: (y[0] - 2 * y[1] + y[2]) / (2 * h * h)}, "holds"),
    ("T3.14-osc-poly", {"formula": lambda f, g: (f[0] * g[1] ** 2, f[1] * g[1], f[2])}, "false"),
    ("T3.14-osc-exp", {"formula": lambda f, g: (f[0], g[1] * f[1], f[2])}, "false"),
    ("T3.14-osc-harm", {"plain": scaled(chain_rule.composed_sine, 1), "offset": second_letter(
        chain_rule.composed_sine_with_offset)}, "false"),
    ("T3.14-literal", {"operators": widened(1.01)}, "false"),
    ("T3.14-info", {"carried": lambda n: n - 1}, "false"),
    ("T3.15", {"formula": lambda f, g: (f[0] * g[0], f[1])}, "holds"),
    ("S3.9(2)", {"shift": 0.0}, "false"),
    ("S1-pairwise", {"attend": lambda net, x, c: net.weights(x, c * x.sum())}, "holds"),
    ("S4.1", {"functions": (X**2, X**2)}, "false"),
    ("Eq36-37", {"cancel": lambda c: c / c.sum()}, "false"),
    ("Eq36-37", {"units": 3}, "false"),
    ("Eq40-41", {"padding": lambda w: w}, "false"),
    ("Eq40-leak", {"centre": 14}, "holds"),
    ("Eq40-43-pad", {"edge": "mask"}, "holds"),
    ("Eq43-48", {"mechanism": lambda s, c, eps: softmax(s) * softmax(c)}, "false"),
    ("Eq43-48", {"mechanism": lambda s, c, eps: softmax(s + 1.01 * c)}, "false"),
    ("Eq44", {"formula": lambda j, w: j / w}, "false"),
    ("Eq44", {"formula": lambda j, w: (j - 1) / max(w - 1, 1)}, "holds"),
    ("T5.1", {"width": lambda n: 2 * n - 1, "edge": "mask"}, "holds"),
    ("T5.1-T5.4", {"slots": lambda length, width: length}, "holds"),
    ("T5.2", {"positions": lambda n: np.zeros((n, n)), "window": 13}, "holds"),
    ("T5.3", {"width": 81}, "holds"),
    ("T5.3-step3", {"bound": lambda heads, delta: delta / heads}, "holds"),
    ("T5.4", {"count": lambda length, width, heads, d: dict.fromkeys(
        ("projections", "scores", "values"), length * width * heads)}, "holds"),
    ("T5.6-grad", {"slope": 10.0}, "holds"),
    ("T5.6-sc", {"connection": lambda theta, t: theta[:5], "weight_decay": 20.0}, "holds"),
    ("T5.7-rf", {"radius": 1}, "false"),
    ("T5.7-bound", {"bound": lambda c, s: 1 / 3 + s * s}, "holds"),
    ("T5.8", {"second": lambda c: -5 * c}, "holds"),
    ("Eq56-59", {"heads": ((0.1, 5.0), (0.1, 5.0))}, "false"),
    ("Tab2", {"local": lambda length, width, heads, d: {"all": 10**9 // heads}}, "holds"),
    ("B.2", {"encodings": {"square": lambda q, k, i, j: float(q @ k) + (i - j) ** 2}}, "holds"),
    ("T1-arith", {"table": {**predictions.TABLE1, "loss": (4.6, 4.7)}}, "false"),
    ("T1-mem", {"extra": 100.0}, "false"),
    ("S6-faster", {"curves": [(np.linspace(10, 4.6, 50), np.linspace(10, 4.7, 50))]}, "false"),
    ("S7-32x", {"factor": lambda n: min(10 + n / 1000, 50)}, "holds"),
    ("S7-speed", {"length": 32768}, "holds"),
    ("S7.2", {"lag": 1, "learned_from": 12}, "holds"),
    ("S7.3", {"reaches": (2, 3)}, "holds"),
    ("S7.3", {"reaches": (7, 8)}, "false"),
    ("S7.3", {"width": 21}, "holds"),
    ("S7.5 universal", {"width": 81}, "holds"),
    ("CS-S2.1", {"normalise": lambda w: w / w.sum(axis=1, keepdims=True)}, "holds"),
    ("CS-S2.2", {"formula": lambda a, b, alpha: float((alpha * a * a * b).sum())}, "false"),
    ("CS-L1", {"update": lambda z: math.tanh(-0.5 * z)}, "holds"),
    ("CS-L1-fix", {"q": 1.1}, "false"),
    ("CS-C1", {"entries": lambda n: n}, "holds"),
    ("CS-S6.1", {"code": lambda c, beta: c @ beta}, "holds"),
    ("CS-S7.1", {"normalise": lambda a: a / a.sum()}, "false"),
    ("CS-S7.2", {"source": synthesis_code.MENDED}, "holds"),
    ("CS-S7.2", {"source": synthesis_code.MENDED.replace("threshold:", "len(data) / 2:")}, "holds"),
    ("CS-S8.1", {"combine": lambda a, b, alpha: alpha * a * b}, "holds"),
    ("CS-S8.2", {"combine": lambda a, b, alpha: alpha * a * b}, "holds"),
    ("CS-S9.1", {"claimed": synthesis_code.cost}, "holds"),
    ("CS-S9.2", {"claimed": lambda n, m, p: n * m * p}, "false"),
    ("CS-S9.2", {"claimed": lambda n, m, p: n * m * p + n * n}, "holds"),
    ("R3.1", {"slack": 1e9}, "holds"),
    ("T5.5", {"count": lambda length, width, heads, d: length * width * heads,
              "sizes": {**attention_cost.SIZES, "heads": 32}}, "holds"),
    ("T5.7-OW", {"carried": lambda w: w.max(axis=0)}, "holds"),
    ("CS-S3.2", {"beta": (0.5, 0.5), "rows": (3, 3)}, "holds"),
    ("CS-T1", {"combine": lambda p, q: (p + q) / 2, "made": (0.25,) * 4}, "holds"),
    ("CS-S10.2", {"errors": {"2^-t": lambda t: mpmath.mpf(2) ** -t}}, "holds"),
]  # fmt: skip


@pytest.mark.parametrize(("id", "change", "verdict"), MUTATIONS, ids=[f"{m[0]}-{k}" for k, m in enumerate(MUTATIONS)])
def test_a_mutation_flips_the_verdict(id, change, verdict):
    assert verdict != VERDICTS[id]
    assert audit.find(id).examine(**change).verdict == verdict


def test_all_claims_are_mutated():
    assert {id for id, _, _ in MUTATIONS} == set(VERDICTS) - TEXT


# (id, what is examined, the verdict): changes that must not flip it
NOT_ENOUGH = [
    ("CS-S7.2", {"source": synthesis_code.MANAGER.replace("threshold", "self.threshold")}, "false"),
    ("CS-S7.2", {"source": synthesis_code.MANAGER.replace("data):", "data, threshold):")}, "false"),
    ("CS-S7.2", {"source": synthesis_code.MENDED.replace("data, threshold):", "data):")}, "false"),
    ("CS-S7.2", {"source": synthesis_code.MENDED.replace("return sample", "return weights")}, "false"),
    ("T5.6-sc", {"weight_decay": 1.0}, "false"),
    ("T5.6-sc", {"weight_decay": 50.0}, "false"),
    ("T5.2", {"positions": lambda n: np.zeros((n, n))}, "cond"),
    ("T5.2", {"window": 13}, "cond"),
    ("Eq36-37", {"units": 20}, "cond"),
    *(("S7.2", {"lag": lag, "window": window}, "false") for lag, window in ((1, 1), (2, 1), (7, 3), (3, 7))),
    *(("T5.7-bound", {"sizes": (s,)}, "false") for s in (0.1, 3.0)),
]  # fmt: skip


@pytest.mark.parametrize(("id", "change", "verdict"), NOT_ENOUGH, ids=[f"{m[0]}-{k}" for k, m in enumerate(NOT_ENOUGH)])
def test_a_change_that_is_not_enough(id, change, verdict):
    assert audit.find(id).examine(**change).verdict == verdict == VERDICTS[id]


@pytest.mark.parametrize(
    ("wrapped", "stands"),
    [
        ("import math\n{0}", False),
        ("threshold = 0.5\n{0}", True),
        ("from settings import threshold\n{0}", True),
        ("class Manager:\n    threshold = 0.5\n", False),
    ],
)
def test_where_a_name_may_be_defined(wrapped, stands):
    source = synthesis_code.MENDED.replace("data, threshold):", "data):")
    if "{0}" not in wrapped:  # a class's names are not seen by its methods
        wrapped += "".join(f"    {line}\n" for line in source.strip().splitlines())
    assert (audit.find("CS-S7.2").examine(source=wrapped.format(source)).verdict == "holds") is stands


@pytest.mark.parametrize(
    ("body", "used"),
    [
        ("return self.refine(data)", True),
        ("sample = self.refine(data)\n    return sample", True),
        ("self.refine(data)\n    sample = self.sample(data)\n    return sample", True),
        ("try:\n        x = self.check()\n    except ValueError:\n        x = self.refine(data)\n    return x", True),
        ("sample = self.sample(data)\n    self.refine(data)\n    return sample", False),
        ("other = self.refine(data)\n    return data", False),
        ("self.refine(data)", False),
        ("return data", False),
    ],
)
def test_whether_a_refinement_is_used(body, used):
    finding = audit.find("CS-S7.2").examine(source=f"def manage(self, data):\n    {body}\n")
    assert [fact.holds for fact in finding.facts][:2] == [True, used]


@pytest.mark.parametrize("seed", [*range(6), 106, 108])
def test_a_table_is_reached_whatever_the_units(seed):
    finding = audit.find("Eq36-37").examine(seed=seed)
    assert (finding.verdict, finding.corrected) == ("cond", True)
    assert audit.find("Eq36-37").examine(seed=seed, units=12).verdict == "false"


def test_the_share_of_the_barrier_is_exact():
    from kymath.audit.information import SELECTIONS, share_found

    for h, eps in ((0.1, 0.1), (0.3, 0.02)):
        assert all(share_found(rule, h, eps, 500) <= eps * (1 + 2 * h) + 1e-12 for rule in SELECTIONS.values())
        assert share_found(lambda h, d, p, q: q, h, eps, 500) == pytest.approx(1, abs=1e-5)
        assert share_found(lambda h, d, p, q: 0 * d, h, eps, 4000) == pytest.approx(eps, abs=1e-5)
    said = [
        float(share) for share in re.findall(r"([\d.]+) of the bound", audit.find("L-order-barrier").examine().evidence)
    ]
    assert len(said) == len(SELECTIONS)
    assert 0.99 < max(said) < 1
