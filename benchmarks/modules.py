"""The libraries in which a function may be written; a form such as ``lambda m: lambda t: m.exp(3 * t)`` takes one.

Every library has the same names. One that lacks a name raises :class:`Lacking`, and the function is then not asked of
the methods that need that library.
"""

from __future__ import annotations

import mpmath as mp
import numpy as np
import scipy.special as sc

ELEMENTARY = ("exp", "log", "sqrt", "sin", "cos", "tan")
HYPERBOLIC = ("sinh", "cosh", "tanh")
PIECES = ("abs", "maximum", "where", "round")
SPECIAL = ("erf", "erfc", "gamma", "gammaln", "digamma")


class Lacking(Exception):
    """The library has no such function."""


class Module:
    """A library's functions by the names that the forms use."""

    def __init__(self, name, **functions):
        self.name = name
        self.__dict__.update(functions)

    def __getattr__(self, name):
        raise Lacking(f"{self.name} has no {name}")


def taken(library, names):
    return {name: getattr(library, name) for name in names}


def only_numpy(code):
    """The form of a function that exists as NumPy code only."""

    def form(m):
        if m is not NUMPY:
            raise Lacking(f"{m.name} has no such function")
        return code

    return form


NUMPY = Module(
    "numpy",
    **taken(np, ELEMENTARY + HYPERBOLIC + PIECES),
    **taken(sc, (*SPECIAL, "jv")),
    atan=np.arctan,
    asin=np.arcsin,
    airy=lambda t: sc.airy(t)[0],
)

MPMATH = Module(
    "mpmath",
    **taken(mp, (*ELEMENTARY, *HYPERBOLIC, "atan", "asin", "erf", "erfc", "gamma")),
    gammaln=mp.loggamma,
    digamma=mp.digamma,
    jv=mp.besselj,
    airy=mp.airyai,
    abs=abs,
    maximum=lambda a, b: a if a > b else b,
    where=lambda test, a, b: a if test else b,
    round=lambda t, digits: mp.nint(t * 10**digits) / 10**digits,
)


def flint_module():
    """python-flint's power series with balls as coefficients, or None where it is not installed."""
    try:
        import flint  # noqa: F401
    except ImportError:
        return None

    def method(name):
        return lambda s: getattr(s, name)()

    def hyperbolic(sign):
        return lambda s: (s.exp() + sign * (-s).exp()) / 2

    return Module(
        "python-flint",
        **{name: method(name) for name in (*ELEMENTARY, "atan", "asin", "erf", "erfc", "gamma")},
        gammaln=method("lgamma"),
        airy=method("airy_ai"),
        sinh=hyperbolic(-1),
        cosh=hyperbolic(1),
        tanh=lambda s: 1 - 2 / ((2 * s).exp() + 1),
    )


def jax_module():
    """jax in double precision, or None where it is not installed."""
    try:
        import jax
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import jax.scipy.special as js

    return Module(
        "jax",
        **taken(jnp, ELEMENTARY + HYPERBOLIC + PIECES),
        **taken(js, SPECIAL),
        atan=jnp.arctan,
        asin=jnp.arcsin,
    )
