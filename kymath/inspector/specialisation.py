"""Do heads specialise? Stand-ins for Theorem 5.8 and Eq. 56–58, beside those at initialisation and of random curves.

The theorem is about the mutual information of the outputs of heads, which needs data; here are parameters alone. It
says that H heads see "H different perspectives". Choose a head at random and a lag by its weights: their mutual
information I(head; lag) = H(mean weights) − mean H(weights), in bits, says how much a lag tells of the head that chose
it; 2^I counts perspectives, from 1 (all heads alike) to H (no lag shared). Eq. 56–58 give heads a short, a middle and a
long range: here the shortest, the median and the longest of the mean lags of the heads of a layer. Eq. 59, heads for
themes, is about contents and has no number here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..bias.swiglu import Curve
from ..errors import KYError
from .curve import ConnectionCurve
from .drift import curves_of
from .similarity import similarity

COMPARED = ("distance", "perspectives", "shortest", "middle", "longest")
_DRAWS = 30  # layers of random heads that a mean is taken over


def specialisation(
    curves: Sequence[ConnectionCurve],
    rng: np.random.Generator,
    initial: Any = None,
    *,
    draws: int = _DRAWS,
) -> list[dict[str, Any]]:
    """A row for each layer, layout and axis: how far its heads are apart, and whether chance would do as well.

    ``distance``: mean Jensen–Shannon distance of its pairs of heads; ``perspectives``: 2^I of the module's text;
    ``shortest``, ``middle``, ``longest``: of the mean lags of its heads, in tokens; the middle is the median. With
    ``initial_`` before their names the same of the layer at initialisation: of ``initial`` where it is given (a report,
    curves, or what :func:`~kymath.inspector.inspect_connections` takes, read with its usual window), else, for
    connection nets, the mean over ``draws`` layers of fresh nets of the same size; NaN for other layouts. With
    ``random_``: the mean over layers of white curves as large (of the same rms about the mean, head by head).
    ``initial_spread``, ``random_spread``: the standard deviation of the distance over those draws; NaN where nothing
    was drawn. ``heads`` counts those compared: a head that is broken, now or in ``initial``, is left out of both.

    A trained layer whose distance lies well above ``initial_distance``, by several spreads, has specialised; one below
    ``random_distance`` has done so less than shapes drawn at random. A layer of one head has no distance: NaN. Theorem
    5.8 itself speaks of the outputs of heads, and needs data; this is a stand-in from parameters alone.

    Raises ``KYError`` for ``initial`` without the layer's heads or with other windows, and for fewer draws than two.
    Source: Condor, Theorem 5.8, Eq. 56–58.

    >>> lags = np.arange(8.0)
    >>> heads = [ConnectionCurve(0, h, "ALiBi", lags, -m * lags) for h, m in enumerate((2.0, 0.02))]
    >>> row = specialisation(heads, np.random.default_rng(0))[0]
    >>> {name: round(row[name], 2) for name in ("distance", "perspectives", "shortest", "longest")}
    {'distance': 0.74, 'perspectives': 1.46, 'shortest': 0.16, 'longest': 3.4}
    """
    if draws < 2:
        raise KYError(f"draws = {draws}: a mean and its spread take two draws at least.")
    known = None if initial is None else _layers(curves_of(initial, "specialisation")[0])
    fresh: dict[Any, dict[str, float]] = {}  # layers of one build have one distribution
    rows = []
    for place, heads in _layers(curves).items():
        if known is not None:
            heads, before = _partners(heads, known.get(place, []), f"layer {place[0]} ({place[1]})")
            start = numbers(before) | {"spread": float("nan")}
        else:
            heads = [head for head in heads if not head.broken]
            build = tuple(_build(head) for head in heads)
            if build not in fresh:
                fresh[build] = _mean([initial_curves(heads, rng) for _ in range(draws)])
            start = fresh[build]
        row = {"layer": place[0], "layout": place[1], "axis": place[2], "heads": len(heads)} | numbers(heads)
        row |= {f"initial_{name}": value for name, value in start.items()}
        white = [random_curves(heads, rng) for _ in range(draws)]
        rows.append(row | {f"random_{name}": value for name, value in _mean(white).items()})
    return rows


def _partners(
    heads: Sequence[ConnectionCurve], initial: Sequence[ConnectionCurve], where: str
) -> tuple[list[ConnectionCurve], list[ConnectionCurve]]:
    """The heads of a layer and their initial ones, both in the order of heads, without those broken in either."""
    heads, initial = (sorted(some, key=lambda head: head.head) for some in (heads, initial))
    if len(heads) != len(initial):
        raise KYError(
            f"the initial curves hold {len(initial)} heads of {where}, and the trained ones {len(heads)}: give the "
            "checkpoint of the same model before training."
        )
    for one, two in zip(heads, initial, strict=True):
        if one.head != two.head:
            raise KYError(
                f"the initial curves of {where} have a head {two.head} where the trained ones have {one.head}: give "
                "the checkpoint of the same model before training."
            )
        if not np.array_equal(one.lags, two.lags):
            raise KYError(
                f"head {one.head} of {where} has {one.lags.size} lags from {one.lags[0]:g} to {one.lags[-1]:g}, and "
                f"initially {two.lags.size} from {two.lags[0]:g} to {two.lags[-1]:g}: read both with one window=…."
            )
    whole = [(one, two) for one, two in zip(heads, initial, strict=True) if not (one.broken or two.broken)]
    return [one for one, _ in whole], [two for _, two in whole]


def numbers(heads: Sequence[ConnectionCurve]) -> dict[str, float]:
    """``distance``, ``perspectives`` and the three mean lags of the heads of one layer, NaN where there are none.

    Perspectives need heads of one window; broken curves are left out.
    """
    heads = [head for head in heads if not head.broken]
    out = dict.fromkeys(COMPARED, float("nan"))
    if not heads:
        return out
    means = [float(head.weights @ head.lags) for head in heads]
    out |= {"shortest": min(means), "middle": float(np.median(means)), "longest": max(means)}
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
    """The mean of each number over draws of a layer, and ``spread``, the standard deviation of its distance."""
    found = [numbers(heads) for heads in layers]
    means = {name: float(np.mean([one[name] for one in found])) for name in COMPARED}
    return means | {"spread": float(np.std([one["distance"] for one in found], ddof=1))}


def _layers(curves: Sequence[ConnectionCurve]) -> dict[tuple[Any, str, str], list[ConnectionCurve]]:
    out: dict[tuple[Any, str, str], list[ConnectionCurve]] = {}
    for curve in curves:
        out.setdefault((curve.layer, curve.layout, curve.axis), []).append(curve)
    return out


def _bits(p: np.ndarray) -> float:
    from scipy.special import entr

    return float(np.sum(entr(p)) / np.log(2))
