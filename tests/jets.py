"""Functions in code for NumPy and for mpmath, their jets by Taylor's method and the true ones."""

import mpmath as mp
import numpy as np
import scipy.special as sc

import kymath as ky
from kymath.errors import Status
from kymath.function import Function
from kymath.methods.taylor import Taylor

ORDERS = 8
EIGHT = ky.Polynomial(ORDERS)
RULE = ky.Osculating()


def jet(f, x0, order=2, side="both"):
    return Taylor().evidence(Function(f), np.asarray(x0, dtype=float), ky.Polynomial(max(order, 1)), RULE, side)


def values(f, x0, order=2, side="both"):
    found = jet(f, x0, order, side)
    assert found.status[()] is Status.CONVERGED, found.message
    return [float(v) for v in found.jet.values]


def truth(f, x0, order=ORDERS, digits=30):
    with mp.workdps(digits):
        return [c * mp.factorial(k) for k, c in enumerate(mp.taylor(f, mp.mpf(x0), order))]


#: name: NumPy code, the same for mpmath, points
FUNCTIONS = {
    "damped": (lambda t: np.exp(-t) * np.sin(3 * t), lambda t: mp.exp(-t) * mp.sin(3 * t), (0.0, 0.7, -2.3)),
    "runge": (lambda t: 1 / (1 + 25 * t**2), lambda t: 1 / (1 + 25 * t**2), (0.0, 0.3, -1.1)),
    "exp sin": (lambda t: np.exp(np.sin(t)), lambda t: mp.exp(mp.sin(t)), (0.2, 3.0, 11.5)),
    "tanh": (np.tanh, mp.tanh, (0.0, 0.5, 4.0)),
    "log1p square": (lambda t: np.log1p(t**2), lambda t: mp.log(1 + t**2), (0.4, 2.0)),
    "sqrt": (lambda t: np.sqrt(1 + t), lambda t: mp.sqrt(1 + t), (0.0, 3.7)),
    "cbrt": (lambda t: np.cbrt(t), lambda t: mp.cbrt(t), (0.8, 27.5)),
    "power": (lambda t: t**2.5, lambda t: t ** mp.mpf(2.5), (0.3, 4.1)),
    "negative power": (lambda t: t**-3, lambda t: t**-3, (0.3, -4.1)),
    "x to x": (lambda t: t**t, lambda t: t**t, (0.3, 2.2)),
    "two to x": (lambda t: 2.0**t, lambda t: mp.mpf(2) ** t, (0.3, -5.0)),
    "tan": (np.tan, mp.tan, (0.3, 1.4)),
    "arcsin": (np.arcsin, mp.asin, (0.1, -0.9)),
    "arccos": (np.arccos, mp.acos, (0.1, 0.8)),
    "arctan": (lambda t: np.arctan(3 * t), lambda t: mp.atan(3 * t), (0.1, 2.0)),
    "arcsinh": (np.arcsinh, mp.asinh, (0.1, 5.0)),
    "arccosh": (np.arccosh, mp.acosh, (1.5, 7.0)),
    "arctanh": (np.arctanh, mp.atanh, (0.1, -0.8)),
    "sinh": (lambda t: np.sinh(2 * t), lambda t: mp.sinh(2 * t), (0.1, 3.0)),
    "sech": (lambda t: 1 / np.cosh(t), mp.sech, (0.0, 2.0)),
    "gauss": (lambda t: np.exp(-(t**2) / 2), lambda t: mp.exp(-(t**2) / 2), (0.0, 1.3, 4.0)),
    "erf": (sc.erf, mp.erf, (0.0, 0.8)),
    "erfc": (sc.erfc, mp.erfc, (0.5, 3.0)),
    "gamma": (sc.gamma, mp.gamma, (0.7, 4.3, -1.4)),
    "gammaln": (sc.gammaln, lambda t: mp.log(mp.gamma(t)), (0.7, 12.3)),
    "j0": (sc.j0, lambda t: mp.besselj(0, t), (0.0, 1.5, 9.0)),
    "j1": (sc.j1, lambda t: mp.besselj(1, t), (0.5, 6.0)),
    "jv": (lambda t: sc.jv(2.5, t), lambda t: mp.besselj(2.5, t), (0.9, 7.0)),
    "expit": (sc.expit, lambda t: 1 / (1 + mp.exp(-t)), (0.0, 3.0, -20.0)),
    "planck": (lambda t: t**3 / np.expm1(t), lambda t: t**3 / mp.expm1(t), (0.5, 4.0)),
    "fast": (lambda t: np.cos(t / 1e-6), lambda t: mp.cos(t / mp.mpf(1e-6)), (0.0, 3e-7)),
    "large x": (np.sin, mp.sin, (1e4,)),
    "narrow": (lambda t: np.exp(-(((t - 1) / 1e-3) ** 2)),
               lambda t: mp.exp(-(((t - 1) / mp.mpf(1e-3)) ** 2)), (1.0, 1.0007)),
    "pole": (lambda t: 1 / t, lambda t: 1 / t, (0.05,)),
    "product": (lambda t: t * np.sin(t) * np.log(t), lambda t: t * mp.sin(t) * mp.log(t), (0.5, 3.0)),
    "rational": (lambda t: (t**3 - 2 * t + 1) / (t**2 + t + 2), lambda t: (t**3 - 2 * t + 1) / (t**2 + t + 2),
                 (0.1, 2.0)),
    "wave packet": (lambda t: np.cos(20 * t) * np.exp(-t * t), lambda t: mp.cos(20 * t) * mp.exp(-t * t), (0.1, 1.0)),
    "nested": (lambda t: np.sqrt(1 + np.sin(t) ** 2), lambda t: mp.sqrt(1 + mp.sin(t) ** 2), (0.3, 2.0)),
    "log log": (lambda t: np.log(np.log(t)), lambda t: mp.log(mp.log(t)), (3.0, 50.0)),
    "chirp": (lambda t: np.sin(t**2), lambda t: mp.sin(t**2), (0.5, 3.0)),
    "softplus": (lambda t: np.log1p(np.exp(t)), lambda t: mp.log1p(mp.exp(t)), (0.0, 2.0)),
    "polynomial": (np.polynomial.Polynomial([1, -2, 0, 3, 1]), lambda t: 1 - 2 * t + 3 * t**3 + t**4, (0.5, -2.0)),
    "hypot": (lambda t: np.hypot(t, 2.0), lambda t: mp.sqrt(t * t + 4), (0.5, -3.0)),
    "arctan2": (lambda t: np.arctan2(t, 1 - t), lambda t: mp.atan2(t, 1 - t), (0.2, 3.0)),
    "logaddexp": (lambda t: np.logaddexp(t, 1.0), lambda t: mp.log(mp.exp(t) + mp.e), (0.2, 3.0)),
    "log2": (lambda t: np.log2(t) + np.log10(t), lambda t: mp.log(t, 2) + mp.log10(t), (0.4, 9.0)),
    "arcosh of cosh": (lambda t: np.exp2(np.tanh(t)), lambda t: mp.mpf(2) ** mp.tanh(t), (0.4, 1.0)),
}  # fmt: skip
