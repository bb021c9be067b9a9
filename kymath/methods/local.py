"""The jet of a black box at many points: geometric steps on both sides, moved to where they tell most."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ..errors import Status
from ..function import Function
from .samples import TINY, Samples, SideJet, sample, start_step
from .sides import both_sides, one_side
from .verdict import FIRM

BLOCK = 4096  # points at a time
FIRST_LEVELS = 28
ROUNDS = 14


@dataclass
class LocalJet:
    """What was learned at P points: both sides together, and each alone (None where it was not asked for)."""

    both: SideJet | None
    left: SideJet | None
    right: SideJet | None
    count: np.ndarray  # (P,) points at which f was evaluated

    @property
    def sides(self) -> dict[str, SideJet]:
        """The side's name → what was found, of those asked for."""
        found = {"both": self.both, "left": self.left, "right": self.right}
        return {name: one for name, one in found.items() if one is not None}


@dataclass(frozen=True)
class Steps:
    """Which steps to take: h0 (None: found from the function's scale), the ratio, and how many at most."""

    h0: float | None
    rho: float
    most: int


def local_jet(function: Function, x0: np.ndarray, order: int, side: str, steps: Steps, tolerance: float) -> LocalJet:
    """The jets of f at the points x0 (P,), block by block."""
    before = function.nfev
    parts = [
        _block(function, x0[i : i + BLOCK], order, side, steps, tolerance) for i in range(0, max(len(x0), 1), BLOCK)
    ]
    both, left, right = (_join([getattr(p, name) for p in parts]) for name in ("both", "left", "right"))
    count = np.concatenate([p.count for p in parts])
    count[:1] += function.nfev - before - int(count.sum())  # the calls that found out how f is called
    return LocalJet(both, left, right, count)


def _join(parts: list[SideJet | None]) -> SideJet | None:
    if parts[0] is None:
        return None
    names = [field.name for field in fields(SideJet)]
    return SideJet(*(np.concatenate([getattr(p, n) for p in parts], axis=-1) for n in names))


def _block(function: Function, x0: np.ndarray, order: int, side: str, steps: Steps, tolerance: float) -> LocalJet:
    if steps.h0 is not None:
        return _search(function, x0, np.full(x0.shape, steps.h0), order, side, steps, tolerance)
    answer = _search(function, x0, start_step(x0), order, side, steps, tolerance)
    again = (x0 != 0) & (np.abs(x0) < TINY) & ~_converged(answer)
    if again.any():  # log at 1e-20 lives on the scale of x0 itself
        own = 2.0 ** np.floor(np.log2(np.maximum(np.abs(x0[again]), 1e-290)) - 1)
        fresh = _search(function, x0[again], own, order, side, steps, tolerance)
        _take(answer, fresh, np.flatnonzero(again), _converged(fresh))
        answer.count[again] += fresh.count
    return answer


def _converged(answer: LocalJet) -> np.ndarray:
    main = answer.both or answer.right or answer.left
    assert main is not None
    return np.array([status is Status.CONVERGED for status in main.status], dtype=bool)


def _take(answer: LocalJet, fresh: LocalJet, index: np.ndarray, which: np.ndarray) -> None:
    """Put the fresh answers, where ``which``, in the place of the old ones."""
    for name in ("both", "left", "right"):
        target, source = getattr(answer, name), getattr(fresh, name)
        if target is not None:
            for field in fields(SideJet):
                getattr(target, field.name)[..., index[which]] = getattr(source, field.name)[..., which]


def _search(
    function: Function, x0: np.ndarray, h0: np.ndarray, order: int, side: str, steps: Steps, tolerance: float
) -> LocalJet:
    levels = min(FIRST_LEVELS, steps.most)
    answer = _answer(sample(function, x0, h0, levels, side, steps.rho), order, side, steps.rho, tolerance)
    for _ in range(ROUNDS):  # move the window of steps to where the error is least
        if steps.h0 is not None and levels >= steps.most:
            break
        up, down = _moves(answer, x0, h0, levels, steps.rho)
        if steps.h0 is not None:
            up[:] = False
        levels_next = min(levels + 12, steps.most) if down.any() else levels
        if levels_next == levels:
            down[:] = False
        again = up | down
        if not again.any():
            break
        h0 = np.where(up & (h0 < 1e290), h0 * steps.rho**-9, h0)
        levels = levels_next
        fresh = _answer(
            sample(function, x0[again], h0[again], levels, side, steps.rho), order, side, steps.rho, tolerance
        )
        _merge(answer, fresh, again)
        _take(answer, fresh, np.flatnonzero(again), ~up[again])  # the same steps and more: all that was known, and more
        answer.count[again] += fresh.count
    return answer


def _answer(s: Samples, order: int, side: str, rho: float, tolerance: float) -> LocalJet:
    right = left = both = None
    if s.right is not None and s.right_noise is not None:
        right = one_side(s.right, s.right_noise, s, order, 1, rho, tolerance)
    if s.left is not None and s.left_noise is not None:
        left = one_side(s.left, s.left_noise, s, order, -1, rho, tolerance)
    if side == "both":
        assert right is not None
        assert left is not None
        both = both_sides(s, left, right, order, rho, tolerance)
    sides = (s.right is not None) + (s.left is not None)
    return LocalJet(both, left, right, np.full(s.f0.shape, 1 + sides * len(s.h)))


def _moves(answer: LocalJet, x0: np.ndarray, h0: np.ndarray, levels: int, rho: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the best step lies at the upper or at the lower end of those taken."""
    jets = [j for j in (answer.both, answer.left, answer.right) if j is not None]
    main = jets[0]
    top = h0 * rho**1.5
    hardest = main.h[1:]
    with np.errstate(all="ignore"):
        own = np.maximum(np.abs(x0), 1.0)
        orders = np.arange(1, len(main.value))[:, None]
        moves = np.abs(main.value[0]) + own * np.abs(main.value[1])  # by so much f moves on its own scale
        known_well = 1e-12 * np.maximum(np.abs(main.value[1:]), moves / own**orders)
        up = np.any((hardest >= top) & (main.error[1:] > known_well) & main.noisy[1:], axis=0) & (h0 < 1e6 * own)
    rough = np.array([status is not Status.CONVERGED for status in main.status], dtype=bool)  # look closer first
    bottom = np.any((hardest <= h0 * rho ** (levels - 12)) & ~main.noisy[1:], axis=0)
    down = rough | bottom | ((main.floor > 0) & (levels < 64))
    known = np.isfinite(main.value[0])
    return up & known, down & known


def _merge(answer: LocalJet, fresh: LocalJet, where: np.ndarray) -> None:
    """Take what the fresh steps tell better and without contradiction; what was found for certain stays."""
    index = np.flatnonzero(where)
    for name in ("both", "left", "right"):
        target, source = getattr(answer, name), getattr(fresh, name)
        if target is None:
            continue
        with np.errstate(invalid="ignore"):
            gap = np.abs(target.value[:, index] - source.value)
            agree = ~(gap > 4 * (target.error[:, index] + source.error))
            better = (source.error < target.error[:, index]) & agree
        keep = np.array([status in FIRM for status in target.status[index]], dtype=bool)
        reached = np.array([status is Status.CONVERGED for status in target.status[index]])
        now = np.array([status is Status.CONVERGED for status in source.status])
        for field in ("value", "error", "h", "noisy"):
            rows = getattr(target, field)
            rows[:, index] = np.where(better & ~keep, getattr(source, field), rows[:, index])
        take = ~keep & np.all(agree, axis=0) & (now | ~reached)
        for field in ("status", "why", "direction", "floor"):
            getattr(target, field)[index[take]] = getattr(source, field)[take]
