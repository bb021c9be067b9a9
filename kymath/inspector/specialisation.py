"""Do heads specialise? Numbers for Theorem 5.8 and Eq. 56–59, beside those at initialisation and of random curves.

The theorem says that H heads see "H different perspectives". Choose a head at random and a lag by its weights: their
mutual information I(head; lag) = H(mean weights) − mean H(weights), in bits, says how much a lag tells of the head that
chose it; 2^I counts perspectives, from 1 (all heads alike) to H (no lag shared). Eq. 56–59 give heads a short, a middle
and a long range: here the mean lags of the heads of a layer, from the shortest to the longest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..bias.swiglu import Curve
from ..errors import KYError
from .curve import ConnectionCurve
from .similarity import similarity

COMPARED = ("distance", "perspectives", "shortest", "longest")
_DRAWS = 10  # layers of random heads that a mean is taken over


def specialisation(
    curves: Sequence[ConnectionCurve],
    rng: np.random.Generator,
    initial: Sequence[ConnectionCurve] | None = None,
    *,
    draws: int = _DRAWS,
) -> list[dict[str, Any]]:
    """A row for each layer, layout and axis: how far its heads are apart, and whether chance would do as well.

    ``distance``: mean Jensen–Shannon distance of its pairs of heads; ``perspectives``: 2^I of the module's text;
    ``shortest``, ``longest``: the mean lags of its heads, in tokens. With ``initial_`` before their names the same of
    the layer at initialisation: of the curves ``initial``, where they are given, else, for connection nets, the mean
    over ``draws`` layers of fresh nets of the same size; NaN for other layouts. With ``random_``: the mean over layers
    of white curves as large (of the same rms about the mean, head by head).

    A trained layer whose distance lies well above ``initial_distance`` has specialised; one below ``random_distance``
    has done so less than shapes drawn at random. A layer of one head has no distance: NaN. Raises ``KYError`` for
    ``initial`` without the layer's heads. Source: Condor, Theorem 5.8, Eq. 56–59.

    >>> lags = np.arange(8.0)
    >>> heads = [ConnectionCurve(0, h, "ALiBi", lags, -m * lags) for h, m in enumerate((2.0, 0.02))]
    >>> row = specialisation(heads, np.random.default_rng(0))[0]
    >>> {name: round(row[name], 2) for name in ("distance", "perspectives", "shortest", "longest")}
    {'distance': 0.74, 'perspectives': 1.46, 'shortest': 0.16, 'longest': 3.4}
    """
    known = {} if initial is None else _layers(initial)
    fresh: dict[Any, dict[str, float]] = {}  # layers of one build have one distribution
    rows = []
    for place, heads in _layers(curves).items():
        if initial is not None and len(known.get(place, ())) != len(heads):
            raise KYError(
                f"the initial curves hold {len(known.get(place, ()))} heads of layer {place[0]} ({place[1]}), and the "
                f"trained ones {len(heads)}: give the checkpoint of the same model before training."
            )
        row = {"layer": place[0], "layout": place[1], "axis": place[2], "heads": len(heads)} | numbers(heads)
        if initial is not None:
            start = numbers(known[place])
        else:
            build = tuple(_build(head) for head in heads)
            if build not in fresh:
                fresh[build] = _mean([initial_curves(heads, rng) for _ in range(draws)])
            start = fresh[build]
        row |= {f"initial_{name}": value for name, value in start.items()}
        white = [random_curves(heads, rng) for _ in range(draws)]
        rows.append(row | {f"random_{name}": value for name, value in _mean(white).items()})
    return rows


def numbers(heads: Sequence[ConnectionCurve]) -> dict[str, float]:
    """``distance``, ``perspectives``, ``shortest`` and ``longest`` of the heads of one layer, NaN where there are none.

    Perspectives need heads of one window; broken curves are left out.
    """
    heads = [head for head in heads if not head.broken]
    out = dict.fromkeys(COMPARED, float("nan"))
    if not heads:
        return out
    means = [float(head.weights @ head.lags) for head in heads]
    out |= {"shortest": min(means), "longest": max(means)}
    if len(heads) > 1:
        pairs = similarity(heads)[np.triu_indices(len(heads), 1)]
        out["distance"] = float(np.mean(pairs))
    if all(np.array_equal(head.lags, heads[0].lags) for head in heads):
        weights = np.stack([head.weights for head in heads])
        information = _bits(weights.mean(axis=0)) - float(np.mean([_bits(one) for one in weights]))
        out["perspectives"] = float(2.0 ** max(information, 0.0))
    return out


def initial_curves(heads: Sequence[ConnectionCurve], rng: np.random.Generator) -> list[ConnectionCurve]:
    """As many heads of fresh connection nets, of the same window and hidden units; none for curves that are no nets.

    Drawn as torch draws linear layers of 1 → hidden → 1: gate, up and its shift uniform on [−1, 1], down on
    [−1/√hidden, 1/√hidden]; without shifts where the nets have none (the author's code).
    """
    out = []
    for head in heads:
        net = head.function
        if not isinstance(net, Curve):
            return []
        hidden = net.up.size
        gate, up, shift = rng.uniform(-1, 1, (3, hidden))
        down = rng.uniform(-1, 1, hidden) / np.sqrt(hidden)
        fresh = Curve.of(gate, up, down, shift if np.any(net.shift) else None)
        bias = np.asarray(fresh(head.positions), dtype=float)
        out.append(ConnectionCurve(head.layer, head.head, head.layout, head.lags, bias, fresh))
    return out


def random_curves(heads: Sequence[ConnectionCurve], rng: np.random.Generator) -> list[ConnectionCurve]:
    """White normal biases of the windows of these heads, each with its head's rms about the mean."""
    out = []
    for head in heads:
        seen = head.visible
        noise = np.where(seen, rng.normal(size=head.lags.size), -np.inf)
        if seen.any() and not head.broken:
            centred = noise[seen] - noise[seen].mean()
            own = np.sqrt(np.mean(centred**2))
            with np.errstate(over="ignore"):
                rms = np.sqrt(np.mean(np.minimum(np.abs(head.centred[seen]), 1e150) ** 2))
            noise[seen] = centred * (rms / own if own > 0 else 0.0)
        out.append(ConnectionCurve(head.layer, head.head, head.layout, head.lags, noise))
    return out


def _build(head: ConnectionCurve) -> tuple[Any, ...]:
    """What :func:`initial_curves` takes from a head."""
    net = head.function
    return (head.lags.tobytes(), net.up.size, bool(np.any(net.shift))) if isinstance(net, Curve) else ()


def _mean(layers: Sequence[Sequence[ConnectionCurve]]) -> dict[str, float]:
    found = [numbers(heads) for heads in layers]
    return {name: float(np.mean([one[name] for one in found])) if found else float("nan") for name in COMPARED}


def _layers(curves: Sequence[ConnectionCurve]) -> dict[tuple[Any, str, str], list[ConnectionCurve]]:
    out: dict[tuple[Any, str, str], list[ConnectionCurve]] = {}
    for curve in curves:
        out.setdefault((curve.layer, curve.layout, curve.axis), []).append(curve)
    return out


def _bits(p: np.ndarray) -> float:
    from scipy.special import entr

    return float(np.sum(entr(p)) / np.log(2))
