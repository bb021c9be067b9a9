"""An orthonormal basis of what some functions span on samples."""

from __future__ import annotations

import numpy as np

_SHORT = 512


def orthonormal(functions: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span the functions (the first of which is the constant), in their order.

    Long ones through their Gram matrix, which is a matrix product: at once where they are nearly orthogonal, else
    twice (Fukaya et al. 2014), and directions that hold less than 1e-5 of the largest are left out. Where they are
    short, the QR decomposition costs no more than that.
    """
    count = functions.shape[0]
    if count < 8 * functions.shape[1]:
        return np.linalg.qr(functions)[0]
    rows = from_gram(functions.T @ functions)
    if rows is not None:
        return (rows @ functions.T).T
    if count < _SHORT:
        return np.linalg.qr(functions)[0]
    q = functions[:, 1:]
    for least in (1e-10, 0.0):
        q = q - q.mean(axis=0)
        values, vectors = np.linalg.eigh(q.T @ q)
        strong = values > least * values[-1]
        q = q @ (vectors[:, strong] / np.sqrt(values[strong]))
    q = np.concatenate([np.full((count, 1), count**-0.5), q], axis=1)
    return q @ np.linalg.qr(q.T @ functions)[0]


def from_gram(gram: np.ndarray) -> np.ndarray | None:
    """The rows that make functions of this Gram matrix orthonormal; None where they are not nearly orthogonal."""
    size = np.sqrt(np.diag(gram))
    gram = gram / (size[:, None] * size)
    if np.linalg.eigvalsh(gram)[0] > 1e-3:
        return np.linalg.inv(np.linalg.cholesky(gram) * size[:, None])
    return None
