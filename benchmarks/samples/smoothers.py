"""The peers for a slope. Each yields one estimate per setting; all series of a case are columns of y (n, seeds)."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import legendre
from scipy import fft
from scipy.interpolate import make_lsq_spline, make_smoothing_spline

DEGREES = (2, 4, 6, 8)
GRID = 1.3  # from one width to the next
LONGEST = 20_000
FINEST = 2000  # no window is narrower than this part of a long series


def halves(n, ratio=GRID):
    """Half-windows in samples, from the narrowest to a third of the series."""
    low = max(2.0, n / FINEST)
    count = int(np.log(n / 3 / low) / np.log(ratio)) + 1
    return np.unique(np.round(low * ratio ** np.arange(count)).astype(int))


def savgol(y, step, degree, half, order=1):
    """scipy.signal.savgol_filter(…, deriv=order, mode="interp") of the columns of y, by FFT.

    In Legendre's polynomials, which stay sound in wide windows, where the powers in scipy's lose their digits.
    """
    n, width = len(y), 2 * half + 1
    u = np.arange(-half, half + 1) / half
    basis = legendre.legvander(u, degree)
    q, r = np.linalg.qr(basis)
    derived = legendre.legder(np.eye(degree + 1), order, axis=1)  # of each polynomial, in polynomials
    kernel = np.zeros(fft.next_fast_len(n, real=True))
    kernel[np.arange(-half, half + 1)] = q @ np.linalg.solve(r.T, legendre.legval(0.0, derived.T))
    spectrum = fft.rfft(y, len(kernel), axis=0) * np.conj(fft.rfft(kernel))[:, None]
    d = fft.irfft(spectrum, len(kernel), axis=0)[:n]
    side = basis[:, : derived.shape[1]] @ derived.T  # the derivatives all over the window at either end
    d[:half] = side[:half] @ np.linalg.solve(r, q.T @ y[:width])
    d[-half:] = side[-half:] @ np.linalg.solve(r, q.T @ y[-width:])
    return d / (half * step) ** order


def savitzky_golay(t, y):
    """Every degree and window. At uneven times: of the series interpolated to even ones, and back."""
    grid = np.linspace(t[0], t[-1], len(t))
    even = bool(np.abs(grid - t).max() < 1e-9)
    if not even:
        y = np.stack([np.interp(grid, t, column) for column in y.T], axis=1)
    for degree in DEGREES:
        for half in halves(len(t)):
            if 2 * half >= degree + 1 and 2 * half + 1 <= len(t):
                d = savgol(y, grid[1], degree, half)
                yield d if even else np.stack([np.interp(t, grid, column) for column in d.T], axis=1)


def spectral(t, y):
    """i k times the Fourier coefficients up to a limit, of the series itself or of what a polynomial leaves of it.

    What is left is taken as it is (good where it is periodic) or with its mirror image (good where it is not).
    """
    if np.ptp(np.diff(t)) > 1e-9:
        return
    n, span = len(t), t[-1] - t[0]
    u = np.linspace(-1, 1, n)
    for degree in (0, 1, 3):
        trend = legendre.legfit(u, y, degree)
        rest = y - legendre.legval(u, trend).T
        slope = legendre.legval(u, legendre.legder(trend)).T * 2 / span if degree else 0.0
        for mirrored in (False, True):
            # a period is n − 1 steps: the last sample repeats the first
            long = np.concatenate([rest, rest[-2:0:-1]]) if mirrored else rest[:-1]
            spectrum = fft.rfft(long, axis=0)
            k = np.arange(len(spectrum))
            factor = 2j * np.pi / (span * (2 if mirrored else 1))
            top = min(len(k) - 1, 400)
            for limit in np.unique(np.round(np.geomspace(1, top, 22)).astype(int)):
                for power in (np.inf, 4):
                    if np.isinf(power):
                        kept = (k <= limit).astype(float)
                    else:
                        kept = 1 / (1 + (k / (limit + 0.5)) ** (2 * power))
                    d = fft.irfft(spectrum * (factor * k * kept)[:, None], len(long), axis=0)
                    d = d[:n] if mirrored else np.concatenate([d, d[:1]])
                    yield d + slope


def smoothing_spline(t, y):
    """scipy's make_smoothing_spline, up to some ten thousand samples (it takes a second for each λ beyond)."""
    n = len(t)
    if n > LONGEST:
        return
    x = (t - t[0]) / (t[-1] - t[0]) * (n - 1)
    if np.diff(x).min() < 1e-3:  # its equations are singular where times nearly coincide
        keep = np.concatenate([[True], np.diff(x) >= 1e-3])
    else:
        keep = slice(None)
    for width in np.geomspace(max(1.0, n / 3000), n / 4, 14):  # λ in units of the step
        spline = make_smoothing_spline(x[keep], y[keep], lam=width**4)
        yield spline.derivative()(x) * (n - 1) / (t[-1] - t[0])


def regression_spline(t, y):
    """scipy's make_lsq_spline on evenly spaced knots: cubic and quintic."""
    for degree in (3, 5):
        for count in np.unique(np.round(np.geomspace(2, min(len(t) // 4, 250), 18)).astype(int)):
            knots = np.linspace(t[0], t[-1], count)
            knots = np.concatenate([[t[0]] * degree, knots, [t[-1]] * degree])
            try:
                yield make_lsq_spline(t, y, knots, k=degree).derivative()(t)
            except (ValueError, np.linalg.LinAlgError):  # a knot span without samples
                continue


def gradient(t, y):
    yield np.gradient(y, t, axis=0)


PEERS = {
    "Savitzky–Golay": savitzky_golay,
    "spectral": spectral,
    "smoothing spline": smoothing_spline,
    "regression spline": regression_spline,
    "numpy.gradient": gradient,
}
