"""The jet of any callable: from three intervals where f is smooth, from geometric steps where it is not."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from ..errors import Status
from ..evidence import Evidence, Jet, statuses
from ..function import Function
from .chebyshev import AROUND, Smooth, smooth_jet
from .local import LocalJet, Steps, local_jet
from .many import MANY, MOST, NODES, many_jets
from .noise import is_noise
from .samples import SideJet
from .taylor_pass import FACTORIALS
from .verdict import differing

BLOCK = 1024  # points at a time
FITTED = "Chebyshev fits on three intervals; no kink at x0"
_SIZES = np.array(FACTORIALS)[:, None]
OTHER_RATIO = 0.57  # of the steps for a second look: no wave is in step with it and with 1/2
COARSE = 1e-3  # of a derivative: an error above it, where f is not smooth, is no error to rely on
NEARBY = np.array([[-1365.0], [3001.0]])  # units of rounding of x0: where f can only lie on its tangent
SIDES = {"both": (0, 2), "left": (0, 1), "right": (1, 2)}  # of those two points
NEAR = 20.0  # errors within which two views of a noisy f may lie apart


def black_box(function: Function, x0: np.ndarray, order: int, side: str, steps: Steps, own_steps: bool) -> Evidence:
    """The jets of f at the points x0: derivatives 0 … order, on the side asked for, and for one point on each side.

    Three intervals of Chebyshev nodes tell all derivatives of a smooth f, and whether it is smooth; at very many points
    one set of nodes does for most. Where f is not smooth, or noisier than rounding, where one side alone was asked for,
    or steps of one's own, the paper's geometric steps tell.
    """
    x, before = x0.reshape(-1), function.nfev
    if side != "both" or own_steps:
        found = local_jet(function, x, order, side, steps, 0.1)
        _near_look(function, x, found, np.arange(x.size))
    elif x.size >= MANY and order <= MOST:
        return _many(function, x0, order, steps)
    else:
        smooth = _smooth(function, x, order)
        if x0.ndim == 0 and smooth.ok and smooth.calm and smooth.enough and smooth.p < 0:
            return _plain(smooth, function.nfev - before)
        found = _both_ways(function, x, order, steps, smooth)
    found.count[:1] += function.nfev - before - int(found.count.sum())  # the calls that found out how f is called
    main = _evidence(found.sides[side], found, x0.shape)
    if side != "both" or x0.ndim:
        return main
    both, *apart = found.sides.values()
    left, right = (main if one.value is both.value else _evidence(one, found, ()) for one in apart)
    return Evidence(main.jet, status=main.status, message=main.message, nfev=main.nfev, left=left, right=right)


def steps_for(function: Function, x: np.ndarray, order: int, steps: Steps) -> SideJet:
    """What is known of f at the points x (P,) on both sides, with the step and the noise."""
    found = _both_ways(function, x, order, steps, _smooth(function, x, order)).both
    assert found is not None
    return found


def _evidence(one: SideJet, found: LocalJet, shape: tuple[int, ...]) -> Evidence:
    left, right = (None if one is None else one.direction.reshape(shape) for one in (found.left, found.right))
    values, errors = (tuple(rows.reshape(len(rows), *shape)) for rows in (one.value, one.error))
    why = one.why[0] if one.why.size == 1 else ""
    jet = Jet(values, errors, left, right)
    return Evidence(jet, status=one.status.reshape(shape), message=why, nfev=found.count.reshape(shape))


def _many(function: Function, x0: np.ndarray, order: int, steps: Steps) -> Evidence:
    """One set of nodes for all points, and every care for those at which it does not do."""
    x, before = x0.reshape(-1), function.nfev
    found = many_jets(function, x, order)
    size = np.array(FACTORIALS[: order + 1])[:, None]
    value, error = found.value * size, found.error * size
    right, status = np.sign(value[1]), statuses(x.shape)
    left, count = -right, np.full(x.size, NODES)
    rest = ~found.ok
    if rest.any():
        more = _both_ways(function, x[rest], order, steps, _smooth(function, x[rest], order))
        assert more.both is not None
        assert more.left is not None
        value[:, rest], error[:, rest] = more.both.value, more.both.error
        status[rest], left[rest], right[rest] = more.both.status, more.left.direction, more.both.direction
        count[rest] += more.count
    count[0] += function.nfev - before - int(count.sum())
    rows = [row.reshape(x0.shape) for row in (*value, *error, left, right)]
    jet = Jet(tuple(rows[: order + 1]), tuple(rows[order + 1 : -2]), rows[-2], rows[-1])
    how = "eleven nodes in common, on a radius of its own for each point"
    return Evidence(jet, status=status.reshape(x0.shape), message=how, nfev=count.reshape(x0.shape))


def _smooth(function: Function, x: np.ndarray, order: int) -> Smooth:
    if x.size == 1:  # a number: arithmetic costs next to nothing
        return smooth_jet(function, x[0], order)
    return _joined([smooth_jet(function, x[i : i + BLOCK], order) for i in range(0, max(len(x), 1), BLOCK)])


def _plain(smooth: Smooth, nfev: int) -> Evidence:
    """The intervals' word where they leave nothing to ask, at one point."""
    size = _SIZES[: len(smooth.value), 0]
    jet = Jet(tuple(smooth.value * size), tuple(smooth.error * size), smooth.left, smooth.right)
    one = Evidence(jet, status=statuses(()), message=FITTED, nfev=np.asarray(nfev))
    return Evidence(jet, status=one.status, message=FITTED, nfev=one.nfev, left=one, right=one)


def _both_ways(function: Function, x: np.ndarray, order: int, steps: Steps, smooth: Smooth) -> LocalJet:
    """The intervals' word, and the steps' where they leave something to ask."""
    if smooth.ok.ndim == 0:
        smooth = Smooth(*(row[..., None] for row in vars(smooth).values()))
    answer = _as_local(smooth, order)
    seen = (smooth.p > 0) & (smooth.p <= order)  # a kink: no more is asked for
    rest = ~(smooth.ok & smooth.calm & (smooth.enough | seen)) | (smooth.p == 0)
    if rest.any():
        stepped = local_jet(function, x[rest], order, "both", steps, 0.1)
        noisy = np.zeros(x.size, dtype=bool)
        asked = rest & smooth.ok & smooth.enough & ~smooth.calm
        if asked.any():
            noisy[asked] = is_noise(function, x[asked], smooth.radius[asked], smooth.noise[asked])
            answer.count[asked] += 10
        _second_look(function, x, order, np.flatnonzero(rest & ~noisy), stepped, rest)
        _near_look(function, x[rest], stepped, np.flatnonzero(~noisy[rest]))
        _allow_for_kinks(answer, np.flatnonzero(rest & smooth.ok), np.cumsum(rest) - 1, stepped)
        _settle_rest(answer, rest, noisy[rest], stepped)
        for i in np.flatnonzero(rest & smooth.ok & (smooth.p == 0)):
            _overrule(answer, int(i), Status.NO_LIMIT, f"f jumps at x0, by {2 * smooth.jump[i]:.3g}.")
        for i in np.flatnonzero(rest & smooth.stairs & ~noisy):
            _overrule(answer, int(i), Status.NOT_REACHED, "f beside x0 is a staircase: rounded values, perhaps.")
    return answer


def _second_look(
    function: Function, x: np.ndarray, order: int, index: np.ndarray, stepped: LocalJet, rest: np.ndarray
) -> None:
    """Where f is not smooth, other steps must tell the same, each side alone must settle, and closely enough."""
    assert stepped.both is not None
    assert stepped.left is not None
    assert stepped.right is not None
    both, place = stepped.both, np.cumsum(rest) - 1
    index = index[[both.status[k] is Status.CONVERGED for k in place[index]]] if index.size else index
    if not index.size:
        return
    k = place[index]
    again = local_jet(function, x[index], order, "both", Steps(None, OTHER_RATIO, 60), 0.1)
    assert again.both is not None
    stepped.count[k] += again.count
    with np.errstate(invalid="ignore"):
        apart = np.abs(again.both.value - both.value[:, k]) > 2 * (again.both.error + both.error[:, k])
        size = np.abs(both.value[1:, k])
        coarse = np.zeros(len(k), dtype=bool)
        for error, part in (
            (both.error[1:, k], COARSE), (again.both.error[1:], COARSE),
            (stepped.left.error[1:, k], 10 * COARSE), (stepped.right.error[1:, k], 10 * COARSE),
        ):  # fmt: skip
            coarse |= ((size > 3 * error) & (error > part * size)).any(axis=0)
    for i, j in enumerate(k):
        other = again.both.status[i]
        if other is not Status.CONVERGED:
            both.status[j], both.why[j] = other, again.both.why[i]
        elif apart[:, i].any() or coarse[i]:
            both.status[j] = Status.NOT_REACHED
            both.why[j] = "two sequences of steps disagree: f is too rough at x0."
        for one in (stepped.left, stepped.right):
            if both.status[j] is Status.CONVERGED and one.status[j] is not Status.CONVERGED:
                both.status[j], both.why[j] = one.status[j], one.why[j]


def _near_look(function: Function, x: np.ndarray, found: LocalJet, index: np.ndarray) -> None:
    """Where steps settled: f some thousand roundings beside x0 lies on its tangent, or it is a staircase, or noise."""
    for name, one in found.sides.items():
        settled = np.array([one.status[i] is Status.CONVERGED for i in index], dtype=bool)
        k = index[settled & (x[index] != 0)] if index.size else index
        if not k.size:
            continue
        h = np.spacing(np.abs(x[k])) * NEARBY[slice(*SIDES[name])]
        value, slope, error = one.value[0, k], one.value[1, k], one.error[:2, k]
        with np.errstate(all="ignore"):
            missed = np.abs(function(x[k] + h) - value - slope * h)
            rounding = function.eps * (np.abs(value) + np.abs(x[k] * slope))
            off = ~(missed <= 16 * rounding + 4 * (error[0] + error[1] * np.abs(h))).all(axis=0)
        found.count[k] += len(h)
        one.error[0, k] = np.fmax(one.error[0, k], AROUND * missed.max(axis=0))
        for i in k[off]:
            one.status[i], one.why[i] = (
                Status.NOT_REACHED,
                "f beside x0 does not follow its slope: a staircase, or noise.",
            )


def _overrule(answer: LocalJet, i: int, status: Status, why: str) -> None:
    """What only the intervals saw."""
    for one in answer.sides.values():
        if one.status[i] in (Status.CONVERGED, Status.NOT_REACHED):
            one.status[i], one.why[i] = status, why


def _joined(parts: list[Smooth]) -> Smooth:
    if len(parts) == 1:
        return parts[0]
    return Smooth(*(np.concatenate([getattr(p, field.name) for p in parts], axis=-1) for field in fields(Smooth)))


def _as_local(smooth: Smooth, order: int) -> LocalJet:
    """The sides share their rows where there is no kink."""
    size = _SIZES[: order + 1]
    value, error, points = smooth.value * size, smooth.error * size, smooth.ok.size
    h, noisy = smooth.radius + np.zeros(value.shape), np.ones(value.shape, dtype=bool)
    status, why = statuses((points,)), np.full(points, FITTED, dtype=object)

    def side(direction: np.ndarray) -> SideJet:
        return SideJet(value, error, h, noisy, status, why, direction, smooth.noise)

    both, left, right = side(smooth.right), side(smooth.left), side(smooth.right)
    kinked = smooth.ok & (smooth.p > 0) & (smooth.p <= order)
    if kinked.any():
        jump = (np.arange(order + 1)[:, None] == smooth.p) * smooth.jump * size
        for sign, one in ((-1, left), (1, right)):
            one.value, one.status, one.why = value + sign * jump, status.copy(), why.copy()
    else:
        return LocalJet(both, left, right, smooth.nfev)
    for i in np.flatnonzero(kinked):
        k = smooth.p[i]
        if smooth.lost[i]:
            both.status[i] = left.status[i] = right.status[i] = Status.NOT_REACHED
            both.why[i] = "f has a kink at x0, too small to tell which derivative jumps there."
        else:
            both.status[i] = Status.NO_LIMIT
            both.why[i] = differing(int(k), left.value[k, i], right.value[k, i])
            if not smooth.enough[i]:
                left.status[i] = right.status[i] = Status.NOT_REACHED
    return LocalJet(both, left, right, smooth.nfev)


def _allow_for_kinks(answer: LocalJet, index: np.ndarray, place: np.ndarray, stepped: LocalJet) -> None:
    """Both sides together know nothing of a jump that neither side alone, nor the intervals, can see."""
    if not index.size:
        return
    assert stepped.both is not None
    assert stepped.left is not None
    assert stepped.right is not None
    assert answer.both is not None
    k = place[index]
    left, right = stepped.left, stepped.right
    with np.errstate(invalid="ignore"):
        apart = np.abs(left.value[:, k] - right.value[:, k])
    sides = np.fmax(np.fmax(left.error[:, k], right.error[:, k]), apart)
    unseen = np.fmin(answer.both.error[:, index], sides)
    stepped.both.error[:, k] = np.fmax(stepped.both.error[:, k], unseen)
    for one in (stepped.both, left, right):  # steps take f(x0) as it is, and know nothing of the rounding inside f
        one.error[0, k] = np.fmax(one.error[0, k], answer.both.error[0, index])


def _settle_rest(answer: LocalJet, rest: np.ndarray, noisy: np.ndarray, stepped: LocalJet) -> None:
    """The steps' word where the intervals gave none; where f is noisy whichever knows more, if they do not differ."""
    index = np.flatnonzero(rest)
    assert stepped.both is not None
    assert answer.both is not None
    own, mine = stepped.both, answer.both
    reached = np.array([s is Status.CONVERGED for s in own.status], dtype=bool)
    lost = np.array([s is Status.NOT_REACHED for s in own.status], dtype=bool)
    with np.errstate(invalid="ignore"):
        gap, doubt = np.abs(own.value - mine.value[:, index]), own.error + mine.error[:, index]
    near = (gap <= NEAR * doubt).all(axis=0)  # else the steps see what the intervals are too wide for
    trend = noisy & lost  # the steps see nothing but noise
    for i in index[noisy & (lost | reached)]:
        mine.why[i] = f"Chebyshev fit of a noisy f, by about {mine.floor[i]:.1g} in each value"
    finer = trend | (noisy & reached & near & (mine.error[:, index] < own.error))
    error = mine.error.copy()
    error[:, index] += np.where(finer & reached & (gap > 2 * doubt), gap, 0.0)
    mine.error = error
    for name, one in stepped.sides.items():
        target = answer.sides[name]
        for field in fields(SideJet):
            row, new = getattr(target, field.name).copy(), getattr(one, field.name)
            mostly = finer.any(axis=0) if field.name == "why" else trend
            row[..., index] = np.where(finer if row.ndim > 1 else mostly, row[..., index], new)
            setattr(target, field.name, row)
    rough = index[noisy]
    for one in answer.sides.values():
        one.error[0, rough] = np.fmax(one.error[0, rough], AROUND * mine.floor[rough])
    answer.count[index] += stepped.count
