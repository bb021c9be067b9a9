"""The methods, kymath's and its peers', each as one object: which library's code it needs, and how it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb, factorial
from typing import Any

import mpmath as mp
import numpy as np
from measure import Opaque
from modules import MPMATH, NUMPY, flint_module, jax_module

import kymath as ky


@dataclass(frozen=True)
class Method:
    """``prepare(f, n)`` gives what is timed: a function of x0 that returns the n-th coefficient and its error."""

    name: str
    prepare: Callable[[Any, int], Callable[[float], tuple[float, float | None]]]
    module: Any = NUMPY
    highest: int = 99
    opaque: bool = False
    ours: bool = False
    gives_error: bool = True

    @property
    def plain(self) -> str:
        """The name without Markdown."""
        return self.name.replace("`", "")

    def code(self, case):
        f = case.form(self.module)
        return Opaque(f) if self.opaque else f

    def prepared(self, f, n):
        return self.prepare(f, n)

    @staticmethod
    def own(failure):
        """Whether the failure is one that kymath names."""
        return isinstance(failure, ky.KYError)


def kymath(method, name=None, **more):
    def prepare(f, n):
        def take(x0):
            result = ky.transform(f, x0, ky.Polynomial(n), method=method)
            return result.theta[0], result.error[0]

        return take

    return Method(name or f"kymath `{type(method).__name__}`", prepare, ours=True, **more)


def central(f, n):
    """(n + 1) equidistant points about x0, a step that balances truncation and rounding for a scale of max(|x0|, 1)."""
    k = np.arange(n + 1)
    weights = np.array([(-1.0) ** (n - j) * comb(n, j) for j in k])

    def take(x0):
        h = max(abs(x0), 1.0) * np.finfo(float).eps ** (1 / (n + 2))
        return float(weights @ f(x0 + (k - n / 2) * h)) / h**n / factorial(n), None

    return take


def numdifftools(f, n):
    import numdifftools as nd

    def take(x0):
        found = nd.Derivative(f, n=n, full_output=True)(x0)
        return float(found.estimate) / factorial(n), float(np.max(found.error_estimate)) / factorial(n)

    return take


def fornberg(f, n):
    from numdifftools.fornberg import derivative

    def take(x0):
        values, info = derivative(f, x0, n=n, full_output=True)
        if info.failed:
            raise ArithmeticError("failed, says info.failed")
        return float(values[n].real) / factorial(n), float(info.error_estimate[n]) / factorial(n)

    return take


def scipy(f, n):
    from scipy.differentiate import derivative

    def take(x0):
        found = derivative(f, x0)
        if not found.success:
            raise ArithmeticError(f"success is False, status {found.status}")
        return float(found.df), float(found.error)

    return take


def mpmath_diff(f, n):
    def take(x0):
        with mp.workdps(15):
            return float(mp.diff(f, mp.mpf(x0), n) / factorial(n)), None

    return take


def flint_series(f, n):
    import flint

    def take(x0):
        flint.ctx.prec, flint.ctx.cap = 53, n + 1
        ball = f(flint.arb_series([flint.arb(x0), 1]))[n]
        return float(ball.mid()), float(ball.rad())

    return take


COMPILED: dict[Any, Any] = {}  # by form: one jet to order 8 serves all orders


def jax_jet(f, n, order=8):
    """Compiled before the clock starts."""
    import jax
    from jax.experimental.jet import jet

    if f.form not in COMPILED:
        COMPILED[f.form] = jax.jit(lambda x: jet(f.f, (x,), ((1.0, *(0.0,) * (order - 1)),))[1])
        COMPILED[f.form](0.6)  # where it is compiled does not matter: the code is the same at every x0
    run = COMPILED[f.form]

    def take(x0):
        f.points += 1
        return float(run(x0)[n - 1]) / factorial(n), None

    return take


def installed(*names):
    from importlib.util import find_spec

    return all(find_spec(name) is not None for name in names)


def methods():
    """The methods that can be asked here, and the names of the peers that are not installed."""
    found, missing = [Method("central difference", central, gives_error=False)], []
    if installed("numdifftools"):
        found += [Method("numdifftools `Derivative`", numdifftools), Method("numdifftools `fornberg`", fornberg)]
    else:
        missing.append("numdifftools")
    found += [
        Method("`scipy.differentiate`", scipy, highest=1),
        Method("`mpmath.diff`", mpmath_diff, MPMATH, gives_error=False),
    ]
    for name, module, word, prepare in (
        ("python-flint", flint_module(), "python-flint `arb_series`", flint_series),
        ("jax", jax_module(), "jax `jet`", jax_jet),
    ):
        if module is None:
            missing.append(name)
        else:
            found.append(Method(word, prepare, module, gives_error=name != "jax"))
    found += [kymath(ky.Adaptive()), kymath(ky.Contour()), kymath(ky.Taylor())]
    if installed("flint"):
        found.append(kymath(ky.Certified()))
    found += [kymath(None, "kymath default"), kymath(None, "kymath default, values only", opaque=True)]
    return found, missing


def named(found, *names):
    """Those of the methods that have these names, in this order."""
    return [m for name in names for m in found if m.plain == name]
