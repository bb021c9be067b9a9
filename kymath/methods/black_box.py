"""The jet of any callable: from three intervals where f is smooth, from geometric steps where it is not."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from ..errors import Status
from ..evidence import statuses
from ..function import Function
from .chebyshev import Smooth, smooth_jet
from .local import LocalJet, Steps, local_jet
from .samples import SideJet
from .taylor_pass import FACTORIALS
from .verdict import differing

BLOCK = 2048  # points at a time


def black_box(function: Function, x0: np.ndarray, order: int, side: str, steps: Steps, own_steps: bool) -> LocalJet:
    """The jets of f at the points x0 (P,): derivatives 0 … order, on both sides together and on each.

    Three intervals of Chebyshev nodes tell all derivatives of a smooth f, and whether it is smooth. Where it is not, or
    noisier than rounding, where one side alone was asked for, or steps of one's own, the paper's geometric steps tell.
    """
    if side != "both" or own_steps:
        return local_jet(function, x0, order, side, steps, 0.1)
    before = function.nfev
    smooth = _joined([smooth_jet(function, x0[i : i + BLOCK], order) for i in range(0, max(len(x0), 1), BLOCK)])
    answer = _as_local(smooth, order)
    seen = (smooth.p > 0) & (smooth.p <= order)  # a kink: no more is asked for
    rest = ~(smooth.ok & smooth.calm & (smooth.enough | seen))
    if rest.any():
        _settle_rest(answer, smooth, rest, local_jet(function, x0[rest], order, side, steps, 0.1))
    answer.count[:1] += function.nfev - before - int(answer.count.sum())
    return answer


def _joined(parts: list[Smooth]) -> Smooth:
    if len(parts) == 1:
        return parts[0]
    return Smooth(*(np.concatenate([getattr(p, field.name) for p in parts], axis=-1) for field in fields(Smooth)))


def _as_local(smooth: Smooth, order: int) -> LocalJet:
    size = np.array(FACTORIALS[: order + 1])[:, None]
    points = smooth.ok.size
    h, noisy = np.broadcast_to(smooth.radius, smooth.value.shape), np.ones(smooth.value.shape, dtype=bool)

    def side(sign: int, direction: np.ndarray) -> SideJet:
        jump = np.where(np.arange(order + 1)[:, None] == smooth.p, sign * smooth.jump, 0.0)
        return SideJet(
            (smooth.value + jump) * size, smooth.error * size, h.copy(), noisy.copy(), statuses((points,)),
            np.full(points, "", dtype=object), direction, np.zeros(points),
        )  # fmt: skip

    both, left, right = side(0, smooth.right), side(-1, smooth.left), side(1, smooth.right)
    for i in np.flatnonzero(smooth.ok & (smooth.p > 0) & (smooth.p <= order)):
        k = smooth.p[i]
        if smooth.lost[i]:
            both.status[i] = left.status[i] = right.status[i] = Status.NOT_REACHED
            both.why[i] = "f has a kink at x0, too small to tell which derivative jumps there."
        else:
            both.status[i] = Status.NO_LIMIT
            both.why[i] = differing(int(k), left.value[k, i], right.value[k, i])
            if not smooth.enough[i]:
                left.status[i] = right.status[i] = Status.NOT_REACHED
    return LocalJet(both, left, right, smooth.nfev.copy())


def _settle_rest(answer: LocalJet, smooth: Smooth, rest: np.ndarray, stepped: LocalJet) -> None:
    """The steps' word where the intervals gave none; of a noisy f whichever knows more, if they agree."""
    index = np.flatnonzero(rest)
    assert stepped.both is not None
    assert answer.both is not None
    own, mine = stepped.both, answer.both
    reached = np.array([s is Status.CONVERGED for s in own.status], dtype=bool)
    lost = np.array([s is Status.NOT_REACHED for s in own.status], dtype=bool)
    with np.errstate(invalid="ignore"):
        apart = np.abs(own.value - mine.value[:, index]) > 2 * (own.error + mine.error[:, index])
    noise = own.floor > smooth.noise[index] / 30  # the smallest steps see it too
    keep = smooth.ok[index] & smooth.enough[index] & ((reached & ~apart.any(axis=0)) | (lost & noise))
    better = keep & (lost | (mine.error[1:, index] < own.error[1:]).any(axis=0))
    for name, one in stepped.sides.items():
        target = answer.sides[name]
        for field in fields(SideJet):
            old, new = getattr(target, field.name), getattr(one, field.name)
            if field.name in ("value", "error"):
                finer = better & (lost | (target.error[:, index] < one.error))
                new = np.where(finer, old[..., index], new)
            elif old.ndim == 1:
                new = np.where(better & lost, old[index], new)
            old[..., index] = new
    answer.count[index] += stepped.count
