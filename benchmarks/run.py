"""Taylor coefficients beside the peers: digits, evaluations, coverage of the error, time. Writes docs/benchmarks.md."""

from __future__ import annotations

import datetime
import platform
import statistics
import time
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import mpmath as mp
import numpy as np
from functions import FUNCTIONS

import kymath as ky

ORDERS = (1, 2, 4, 8)
OUT = Path(__file__).parent.parent / "docs" / "benchmarks.md"


class Counted:
    """f with the number of points at which it was asked."""

    def __init__(self, f):
        self.f, self.points = f, 0

    def __call__(self, t):
        self.points += np.size(t)
        return self.f(t)


def ours(method):
    def take(f, x0, n):
        result = ky.transform(f, x0, ky.Polynomial(n), method=method)
        return float(result.theta[0]), float(result.error[0])

    return take


def central(f, x0, n):
    h = max(abs(x0), 1.0) * np.finfo(float).eps ** (1 / (n + 2))
    k = np.arange(n + 1)
    weights = np.array([(-1.0) ** (n - j) * mp.binomial(n, j) for j in k], dtype=float)
    return float(weights @ f(x0 + (k - n / 2) * h)) / h**n / float(mp.factorial(n)), None


def numdifftools(f, x0, n):
    import numdifftools as nd

    found = nd.Derivative(f, n=n, full_output=True)(x0)
    size = float(mp.factorial(n))
    return float(found.estimate) / size, float(np.max(found.error_estimate)) / size


def scipy_derivative(f, x0, n):
    from scipy.differentiate import derivative

    if n > 1:
        raise NotImplementedError
    found = derivative(f, x0)
    return float(found.df), float(found.error)


METHODS = {
    "plain central difference": central,
    "numdifftools `Derivative`": numdifftools,
    "scipy.differentiate": scipy_derivative,
    "kymath `Adaptive`": ours(ky.Adaptive()),
    "kymath `Contour`": ours(ky.Contour()),
    "kymath `Taylor`": ours(ky.Taylor()),
    "kymath `Certified`": ours(ky.Certified()),
}


def measure(take):
    """For each order: digits (0 where refused), covered, evaluations, seconds."""
    rows = {}
    for n in ORDERS:
        digits, covered, points, seconds = [], [], [], []
        for _, code, precise, x0 in FUNCTIONS:
            with mp.workdps(80):
                truth = float(mp.taylor(precise, mp.mpf(x0), n)[n])
            if truth == 0:  # a polynomial beyond its degree has no digits
                continue
            f = Counted(code)
            begin = time.perf_counter()
            try:
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    value, error = take(f, x0, n)
            except NotImplementedError:
                break
            except Exception:  # a refusal or a failure of a peer counts 0 digits
                digits.append(0.0)
                continue
            seconds.append(time.perf_counter() - begin)
            points.append(f.points)
            off = abs(value - truth)
            digits.append(float(np.clip(-np.log10(max(off / abs(truth), 1e-17)), 0, 16)) if np.isfinite(off) else 0.0)
            if error is not None:
                covered.append(off <= error + 1.2e-16 * abs(truth))
        else:
            rows[n] = digits, covered, points, seconds
    return rows


def table():
    lines = [
        "| method | digits n = 1 / 2 / 4 / 8 | evaluations n = 1 / 2 / 4 / 8 | error covers | ms a call |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, take in METHODS.items():
        rows = measure(take)

        def joined(part, rows=rows):
            return " / ".join(part(rows[n]) if n in rows and rows[n][2] else "–" for n in ORDERS)

        covered = [c for row in rows.values() for c in row[1]]
        seconds = [s for row in rows.values() for s in row[3]]
        share = f"{100 * np.mean(covered):.0f} % of {len(covered)}" if covered else "none given"
        lines.append(
            f"| {name} | {joined(lambda r: f'{statistics.median(r[0]):.1f}')} "
            f"| {joined(lambda r: f'{statistics.median(r[2]):.0f}')} | {share} "
            f"| {1e3 * statistics.median(seconds):.2f} |"
        )
        print(lines[-1], flush=True)
    return lines


def versions():
    names = ("kymath", "numpy", "scipy", "sympy", "mpmath", "numdifftools", "python-flint")
    found = []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    return ", ".join([f"Python {platform.python_version()}", *found])


def main():
    lines = table()
    text = [
        "# Benchmarks",
        "",
        f"The n-th Taylor coefficient of {len(FUNCTIONS)} smooth functions at one point each: the median of the",
        "correct digits (at most 16; a refusal counts 0), of the evaluations of f for that order (kymath takes all",
        "orders up to n at once), and of the time. References are mpmath's at 80 digits. `Certified` runs f on balls,",
        "`Taylor` on power series, so their evaluations are passes and checks.",
        "",
        *lines,
        "",
        f"Measured on {datetime.date.today():%d %B %Y} by `make benchmark`; {versions()}.",
        "",
    ]
    OUT.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
