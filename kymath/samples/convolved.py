"""The coefficients of all windows of one length at once, by FFT."""

from __future__ import annotations

import numpy as np

_CELLS = 1_500_000  # samples held at a time


def fast_length(least: int) -> int:
    """The smallest 2^a 3^b 5^c from ``least`` on: its FFT is quick, and scipy.fft need not be loaded for it."""
    best = 1 << (least - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            best = min(best, three << max(0, (-(-least // three) - 1).bit_length()))
            three *= 3
        five *= 5
    return best


def convolved(y: np.ndarray, first: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, level and energy of the windows from the samples ``first`` on, as long as the columns of q."""
    count, begin = q.shape[0], int(first[0])
    piece = y[begin : int(first[-1]) + count]
    level = float(piece.mean())
    piece = piece - level
    length = fast_length(piece.size)
    spectrum, c = np.fft.rfft(piece, length), np.empty((first.size, q.shape[1]))
    together = max(4, _CELLS // length)
    for j in range(0, q.shape[1], together):
        spectra = np.fft.rfft(q[:, j : j + together].T, length, axis=1)
        np.multiply(spectrum, np.conj(spectra, out=spectra), out=spectra)
        c[:, j : j + together] = np.fft.irfft(spectra, length, axis=1)[:, first - begin].T
    sums = np.concatenate([[0.0], np.cumsum(piece * piece)])
    energy = sums[first - begin + count] - sums[first - begin]
    return c, np.full(first.size, level), energy
