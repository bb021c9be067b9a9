"""Lemma 1 both ways: an update under which hierarchical fusion converges, and a bounded one under which it does not.

Bounded weights say nothing of an iteration: what is bounded may alternate for ever. A contraction of a ball into itself
has one fixed point and reaches it at a geometric rate (Banach).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import Diverges, NotApplicable, ShapeMismatch
from .arrays import Array, arrays, check_filled, check_simplex, library, number
from .cross import cross_matrix, fuse

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {  # each 1-Lipschitz with σ(0) = 0, as the theorem asks
    "tanh": lambda z: library(z).tanh(z),
    "relu": lambda z: (z + abs(z)) / 2,
    "identity": lambda z: z,
}


class FusionMap:
    """T(Z)_i = σ(Σ_j β_j Z_i Z_jᵀ U / √d + B_i): cross-attention and fusion of n nodes, fed back to themselves.

    A node holds r rows of d numbers: ``Z`` (…, n, r, d), ``U`` (r, d), ``B`` (n, r, d), ``beta`` (n,) on the simplex.
    ``activation`` σ is "tanh", "relu" or "identity". Norms are ‖U‖ = the largest singular value and
    ‖B‖ = max_i ‖B_i‖, ‖Z‖ = max_i ‖Z_i‖ with the Frobenius norm of a node.

    If for some R > 0

        q = 2R‖U‖/√d < 1    and    R²‖U‖/√d + ‖B‖ ≤ R,

    T maps the ball ‖Z‖ ≤ R into itself and brings any two of its points closer by q at least: it has one fixed point
    there, and ‖T^t(Z) − Z*‖ ≤ q^t ‖Z − Z*‖. Arrays may be tensors.

    Raises ``ShapeMismatch``, ``NotADistribution`` for β that is not on the simplex, ``EmptyData``, ``NotApplicable``
    for an activation that is not known.

    Source: cross-synthesis paper, Lemma 1, which names no update; S. Banach, Fund. Math. 3 (1922) 133.

    >>> T = FusionMap([[0.4]], [[[0.5]]], [1.0], activation="identity")  # z ← 0.4 z² + 0.5
    >>> T.rate(1.0), T.condition(1.0)
    (0.8, True)
    >>> T.iterate([[[0.0]]], 50)[-1].round(6)
    array([[[0.690983]]])
    >>> FusionMap([[-2.0]], [[[1.0]]], [1.0]).iterate([[[0.0]]], 101)[-4:].round(3).ravel()  # no R will do: a cycle
    array([-0.121,  0.749, -0.121,  0.749])
    """

    def __init__(self, U: Any, B: Any, beta: Any, *, activation: str = "tanh") -> None:
        self.U, self.B, self.beta = (one + 0.0 for one in arrays(("U", U), ("B", B), ("beta", beta)))  # own copies
        if self.U.ndim != 2 or tuple(self.B.shape) != (*self.beta.shape, *self.U.shape) or self.beta.ndim != 1:
            raise ShapeMismatch(
                f"U (r, d), B (n, r, d) and beta (n,) must go together; {tuple(self.U.shape)}, {tuple(self.B.shape)} "
                f"and {tuple(self.beta.shape)} were given."
            )
        check_filled("B", self.B)
        check_simplex("beta", self.beta)
        if activation not in ACTIVATIONS:
            raise NotApplicable(
                f"activation = {activation!r}: {', '.join(ACTIVATIONS)} are known, which have slopes of at most 1 and "
                "σ(0) = 0."
            )
        self.activation = activation

    @classmethod
    def drawn(
        cls,
        nodes: int,
        d: int,
        q: float,
        *,
        rng: np.random.Generator,
        rows: int | None = None,
        radius: float = 1.0,
        activation: str = "tanh",
    ) -> FusionMap:
        """A random map with :meth:`rate` q that takes the ball of this radius into itself.

        A contraction for 0 < q < 1; from 1 to 2 only the ball is kept, and the condition does not hold. Nodes hold
        ``rows`` rows, d if None.

        >>> FusionMap.drawn(3, 4, 0.8, rng=np.random.default_rng(0)).condition(1.0)
        True
        """
        if min(nodes, d, d if rows is None else rows) < 1:
            raise ShapeMismatch(f"nodes, d and rows must be at least 1; {nodes}, {d} and {rows} were given.")
        if not (0 < q <= 2 and 0 < radius < math.inf):
            raise NotApplicable(f"q must lie in (0, 2] and radius above 0; {q} and {radius} were given.")
        shape = (d if rows is None else rows, d)
        U = rng.normal(size=shape)
        U *= q * math.sqrt(d) / (2 * radius * np.linalg.norm(U, 2))
        B = rng.normal(size=(nodes, *shape))
        B *= (radius * (1 - q / 2) * rng.uniform(0.5, 0.999, size=nodes) / norms(B))[:, None, None]
        return cls(U, B, rng.dirichlet(np.ones(nodes)), activation=activation)

    def __call__(self, Z: Any) -> Array:
        """T(Z), of Z's shape."""
        return self._step(self._fitting(Z))

    def rate(self, radius: float) -> float:
        """q = 2R‖U‖/√d: no two points of the ball come closer by less."""
        if not 0 < radius < math.inf:
            raise NotApplicable(f"radius must be above 0 and finite; {radius} was given.")
        return 2 * radius * self._stretch()

    def condition(self, radius: float) -> bool:
        """Whether q < 1 and R²‖U‖/√d + ‖B‖ ≤ R: enough for a fixed point, not necessary."""
        return self.rate(radius) < 1 and radius**2 * self._stretch() + number(norms(self.B).max()) <= radius

    def iterate(self, Z: Any, steps: int) -> Array:
        """Z, T(Z), …, T^steps(Z): (steps + 1, …, n, r, d). See :func:`changes` for how fast it settles.

        Raises ``Diverges`` where the numbers become too large for their type.
        """
        Z = self._fitting(Z)
        lib, seen = library(Z), [Z]
        for step in range(1, steps + 1):
            with np.errstate(over="ignore", invalid="ignore"):
                Z = self._step(Z)
            if not bool(lib.isfinite(Z).all()):
                raise Diverges(f"the iteration is beyond the range of {Z.dtype} after {step} steps: it is unbounded.")
            seen.append(Z)
        return lib.stack(seen)

    def _fitting(self, Z: Any) -> Array:
        Z, _ = arrays(("Z", Z), ("U", self.U))
        if tuple(Z.shape[-3:]) != tuple(self.B.shape):
            raise ShapeMismatch(
                f"Z must have the shape (…, n, r, d) = (…, {', '.join(map(str, self.B.shape))}); "
                f"{tuple(Z.shape)} was given."
            )
        return Z

    def _step(self, Z: Array) -> Array:
        mean = (self.beta[:, None, None] * Z).sum(-3)  # Σ_j β_j Z_i Z_jᵀ = Z_i (Σ_j β_j Z_j)ᵀ
        passed = mean.swapaxes(-2, -1) @ self.U / math.sqrt(self.U.shape[1])
        return ACTIVATIONS[self.activation](Z @ passed[..., None, :, :] + self.B)

    def _stretch(self) -> float:
        """‖U‖/√d."""
        return number(library(self.U).linalg.norm(self.U, ord=2)) / math.sqrt(self.U.shape[1])


def norms(Z: Array) -> Array:
    """‖Z_i‖ of each node, its Frobenius norm: (…, n, r, d) to (…, n)."""
    return ((Z * Z).sum((-2, -1))) ** 0.5


def changes(trajectory: Array) -> Array:
    """max_i ‖Z_i(t+1) − Z_i(t)‖ along a trajectory (steps + 1, …, n, r, d): (steps, …).

    In the ball of a contraction each is at most q times the one before.

    >>> T = FusionMap([[0.4]], [[[0.5]]], [1.0], activation="identity")
    >>> changes(T.iterate([[[0.0]]], 3)).round(4)
    array([0.5  , 0.1  , 0.044])
    """
    return library(trajectory).amax(norms(trajectory[1:] - trajectory[:-1]), axis=-1)


def fed_back(update: Callable[[float], float], *, start: float = 0.4, steps: int = 300) -> np.ndarray:
    """The fusions of two nodes, one held at 1 and one that follows z ← update(z): (steps + 1,).

    With d = 1 and β = (½, ½) the first node's fusion Σ_j β_j Z_1 Z_jᵀ/√d is ½ + z/2. It is as bounded as the update and
    need not converge: this is what Lemma 1's proof leaves out.

    Source: cross-synthesis paper, Lemma 1 and section 3.2.

    >>> fed_back(lambda z: math.tanh(-3 * z))[-4:].round(4)  # bounded, and alternates
    array([0.0025, 0.9975, 0.0025, 0.9975])
    >>> fed_back(lambda z: 2 * z, steps=100)[-1]  # the weight 2 is bounded, the fusion with the identity is not
    np.float64(2.535301200456459e+29)
    """
    z = [float(start)]
    for _ in range(steps):
        z.append(float(update(z[-1])))
    nodes = np.stack([np.ones(len(z)), z], axis=-1)[..., None]
    return np.asarray(fuse(cross_matrix(nodes), [0.5, 0.5])[:, 0])
