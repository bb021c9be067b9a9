"""The targets that the project set itself, and by how much each is met or missed."""

from __future__ import annotations

from typing import NamedTuple

from smooth import ORDERS

ACCURACY = {  # digits at n = 1, 2, 4, 8; evaluations at n = 8
    "kymath Adaptive": ((14.8, 13.5, 11.3, 7.5), 60),
    "kymath Contour": ((15.9, 15.7, 15.4, 15.0), 90),
    "kymath default": ((15.9, 15.7, 15.4, 15.0), 90),
    "kymath default, values only": ((15.9, 15.7, 15.4, 15.0), 90),
    "kymath Taylor": ((15.5, 15.5, 15.5, 15.5), None),
}
COVER = {"": 0.99, "kymath Certified": 1.0}  # the share of errors that cover
RATIOS = {"kymath Taylor": (1.5, 15.0), "kymath Adaptive": (6.0, 12.0)}  # at most × a central difference, digits
MICROSECONDS = {"kymath Adaptive": 500.0, "kymath Contour": 300.0, "kymath Taylor": 150.0}


class Target(NamedTuple):
    method: str
    what: str
    wanted: str
    measured: str
    met: bool
    verdict: str


def at_least(method, what, wanted, measured, show="{:.1f}", unit="", gap=""):
    """Judged at the precision shown."""
    met = float(show.format(measured)) >= wanted
    verdict = "met" if met else f"missed by {show.format(wanted - measured)}{gap}"
    return Target(method, what, f"≥ {show.format(wanted)}{unit}", f"{show.format(measured)}{unit}", met, verdict)


def at_most(method, what, wanted, measured, show="{:.0f}"):
    met = float(show.format(measured)) <= wanted
    factor = measured / wanted
    verdict = "met" if met else f"missed by a factor of {factor:.{0 if factor >= 100 else 1}f}"
    return Target(method, what, f"≤ {show.format(wanted)}", show.format(measured), met, verdict)


def covering(method, what, wanted, share):
    return at_least(method, what, 100 * wanted, 100 * share, "{:.2f}", " %", " percentage points")


def accuracy(rows):
    out = []
    for row in rows:
        name = row.method.plain
        if name not in ACCURACY:
            continue
        digits, evaluations = ACCURACY[name]
        found = [row.digit(n) or 0.0 for n in ORDERS]
        short = [round(want, 1) - round(have, 1) for want, have in zip(digits, found, strict=True)]
        missed = [f"{gap:.1f} at n = {n}" for n, gap in zip(ORDERS, short, strict=True) if gap > 0.049]
        joined = (" / ".join(f"{d:.1f}" for d in some) for some in (digits, found))
        verdict = f"missed by {', '.join(missed)}" if missed else "met"
        out.append(Target(row.method.name, "digits at n = 1 / 2 / 4 / 8", *joined, not missed, verdict))
        if evaluations is not None and row.evaluations(8) is not None:
            out.append(at_most(row.method.name, "evaluations, n = 8", evaluations, row.evaluations(8)))
    return out


def honesty(rows, hard, kinks):
    """Over the methods of kymath: cover on smooth functions and on kinks, silent errors anywhere."""
    out = []
    answers = {row.method.plain: row for row in hard}
    for row in rows:
        name = row.method.plain
        if not row.method.ours:
            continue
        if row.cover is not None:
            out.append(covering(row.method.name, "errors that cover", COVER.get(name, COVER[""]), row.cover))
        bad = row.wrong + answers[name].bad
        verdict = f"missed by {bad}" if bad else "met"
        out.append(
            Target(row.method.name, "silently wrong, or a number without a limit", "0", str(bad), not bad, verdict)
        )
    for row in kinks:
        answered = row.total("covers") + row.total("misses")
        if row.method.ours and answered:
            share = row.total("covers") / answered
            out.append(covering(row.method.name, "errors that cover, beside a kink", COVER[""], share))
    return out


def speed(through, overhead):
    out = []
    for row in through:
        name = row.name.replace("`", "")
        if name in RATIOS and row.ratio is not None:
            ratio, digits = RATIOS[name]
            out.append(at_most(row.name, "time at many points, × a central difference", ratio, row.ratio, "{:.1f}"))
            least = min(row.quantile(n, 0.5) for n in (1, 2))
            out.append(at_least(row.name, "digits there, the lower of n = 1, 2", digits, least))
    for row in overhead:
        name = row.name.replace("`", "")
        if name in MICROSECONDS and row.microseconds is not None:
            out.append(at_most(row.name, "µs a scalar call, beyond f", MICROSECONDS[name], row.microseconds))
    return out


def everything(rows, hard, kinks, through, overhead):
    """By method, in the order of the smooth functions' table."""
    goals = accuracy(rows) + honesty(rows, hard, kinks) + speed(through, overhead)
    place = {row.method.name: k for k, row in enumerate(rows)}
    return sorted(goals, key=lambda goal: place[goal.method])
