"""How far an estimate is from the truth, inside and at the edges, and what of several cases together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

SPECTRAL = "spectral"
EDGE = 0.05  # of the series, at either end
INSIDE, EDGES = "inside", "edges"
PARTS = (INSIDE, EDGES)


def part(t, which):
    """Where t lies inside, or in the first or last twentieth."""
    away = np.minimum(t - t[0], t[-1] - t) / (t[-1] - t[0])
    return away >= EDGE if which == INSIDE else away < EDGE


def rms(values):
    """Root mean square; infinite where something has no value."""
    values = np.asarray(values)
    return float(np.sqrt(np.mean(values**2))) if values.size and np.isfinite(values).all() else np.inf


def pooled(values):
    """One relative rms from those of several seeds."""
    return float(np.sqrt(np.mean(np.square(values))))


@dataclass
class Peer:
    """The relative rms of a peer: tuned for the inside, tuned for the edges, and there when tuned for the inside."""

    inside: float = np.inf
    edges: float = np.inf
    along: float = np.inf

    def offer(self, inside, edges):
        """One setting more; the best is kept."""
        if inside < self.inside:
            self.inside, self.along = inside, edges
        self.edges = min(self.edges, edges)


@dataclass
class Row:
    """One signal at one n and one noise: ours, the peers, and how honest ours is."""

    question: str
    shape: str
    n: int
    noise: object
    periodic: bool
    inside: float
    edges: float
    cover: dict  # part -> share of the points whose interval holds the truth
    far: float  # share of the answers more than five standard errors off
    answered: float  # share of the points with an answer
    noticed: float  # share of the seeds where correlated noise is said to be there
    seconds: float
    peers: dict = field(default_factory=dict)

    def best(self, which=INSIDE):
        """(name, relative rms) of the best peer."""
        name = min(self.peers, key=lambda p: getattr(self.peers[p], which))
        return name, getattr(self.peers[name], which)

    def ratio(self, which=INSIDE):
        """Ours over the best peer's."""
        return getattr(self, which) / self.best(which)[1]

    def along(self):
        """At the edges, over the peer that is best inside with the setting that is best there.

        Without the spectral peer: it supposes how the signal goes on beyond the ends.
        """
        names = [name for name in self.peers if name != SPECTRAL]
        return self.edges / self.peers[min(names, key=lambda name: self.peers[name].inside)].along

    def excess(self, allowed, spectral):
        """The ratio inside over what is allowed: ``spectral`` against a spectral peer on a periodic signal."""
        return max(
            self.inside / peer.inside / (spectral if self.periodic and name == SPECTRAL else allowed)
            for name, peer in self.peers.items()
        )

    def __str__(self):
        return f"{self.shape}, n = {self.n}, {self.noise}"

    def told(self):
        """One line for the terminal."""
        return (
            f"{self.question:9s} {self!s:50s} ratio inside {self.ratio():6.2f} edges {self.along():6.2f} "
            f"({self.ratio(EDGES):6.2f}) {self.best()[0]:26s} covers {self.cover[INSIDE]:.2f} {self.cover[EDGES]:.2f} "
            f"far {self.far:.4f} answered {self.answered:.2f} {self.seconds:5.2f} s"
        )


def geometric(values):
    """The geometric mean of those that are known."""
    values = np.array([v for v in values if np.isfinite(v)])
    return float(np.exp(np.mean(np.log(values)))) if len(values) else np.nan


def largest(rows, key):
    """From the largest down; rows without a value (no answer there) are left out."""
    return sorted((row for row in rows if np.isfinite(key(row))), key=key, reverse=True)


def honesty(t, found, error, truth):
    """Shares: intervals that cover in each part, answers more than 5 standard errors off, points with an answer."""
    away = np.abs(found - truth) / error
    known = np.isfinite(away)
    cover = {}
    for which in PARTS:
        here = known & part(t, which)
        cover[which] = float(np.mean(away[here] < 1.96)) if here.any() else np.nan
    return cover, float(np.mean(away[known] > 5)) if known.any() else 0.0, float(known.mean())
