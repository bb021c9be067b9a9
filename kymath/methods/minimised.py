"""The paper's scheme with SciPy at each step: θ(h_k) found by minimisation or root finding, and extrapolated itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import Status
from ..evidence import Evidence, statuses
from ..families import ConnectionFunction
from ..function import Function
from ..rules import Osculating, Rule
from ..rules.minimise import minimum
from .geometric import coefficient, pick
from .local import Steps, local_jet

if TYPE_CHECKING:
    from .adaptive import Adaptive

LEVELS = 10
SIGNS = {"both": (1, -1), "right": (1,), "left": (-1,)}


def minimised(
    method: Adaptive, function: Function, x0: np.ndarray, family: ConnectionFunction, rule: Rule, side: str
) -> Evidence:
    """θ at each x0, one after another."""
    before = function.nfev
    shape = x0.shape
    theta, error = np.full((family.size, x0.size), np.nan), np.full((family.size, x0.size), np.inf)
    status, messages = statuses((x0.size,)), [""] * x0.size
    samples, sides = None, {}
    for p, point in enumerate(x0.reshape(-1)):
        found = {sign: _one_side(method, function, float(point), family, rule, sign) for sign in SIGNS[side]}
        one = next(iter(found.values())) if len(found) == 1 else _together(family, found[-1], found[1])
        theta[:, p], error[:, p] = one.theta, one.error
        status[p], messages[p] = one.status, one.message
        samples = one.samples
        sides = {"right": found.get(1), "left": found.get(-1)}
    scalar = x0.size == 1
    return Evidence(
        None, tuple(row.reshape(shape) for row in theta), tuple(row.reshape(shape) for row in error),
        status.reshape(shape), messages[0] if scalar else "", _shared(function.nfev - before, shape),
        _shaped(sides.get("left"), shape) if scalar else None, _shaped(sides.get("right"), shape) if scalar else None,
        (), samples if scalar else None,
    )  # fmt: skip


def _shared(total: int, shape: tuple[int, ...]) -> np.ndarray:
    size = int(np.prod(shape, dtype=int))
    out = np.full(max(size, 1), total // max(size, 1))
    out[0] += total - int(out.sum())
    return out[:size].reshape(shape) if size else np.zeros(shape, dtype=int)


def _shaped(one: Evidence | None, shape: tuple[int, ...]) -> Evidence | None:
    if one is None or one.theta is None or one.error is None:
        return None
    theta, error = (tuple(np.full(shape, c) for c in row) for row in (one.theta, one.error))
    return Evidence(None, theta, error, statuses(shape, one.status), one.message, samples=one.samples)


def _one_side(
    method: Adaptive, function: Function, x0: float, family: ConnectionFunction, rule: Rule, sign: int
) -> Evidence:
    word = "right" if sign > 0 else "left"
    order = max(rule.entries(family) - 1, 3)
    jet = local_jet(function, np.array([x0]), order, word, Steps(method.h0, method.rho, method.max_steps), 0.1)
    side = jet.right if sign > 0 else jet.left
    assert side is not None
    nothing = tuple(np.nan for _ in family.names)
    if side.status[0] in (Status.NOT_FINITE, Status.DIVERGES):
        return Evidence(None, nothing, nothing, side.status[0], side.why[0])
    h0 = method.h0 or min(float(np.max(side.h[1:, 0])), 1.0) / 4  # near where the highest derivative shows best
    h = h0 * method.rho ** np.arange(min(LEVELS + 12, method.max_steps))
    rows, noise, unique = _steps(function, x0, family, rule, sign * h, word)
    h = h[: rows.shape[1]]
    good = np.all(np.isfinite(rows), axis=0)
    if good.sum() < 4:
        text = f"SciPy found no member of {family!r} that meets C1, C2 and the rule near x0 on the {word}."
        return Evidence(None, nothing, nothing, Status.NO_CONTACT, text)
    if not all(unique[-3:]):
        text = f"at small h on the {word} several θ do equally well under {rule!r}."
        return Evidence(None, nothing, nothing, Status.NOT_UNIQUE, text)
    theta, error = _extrapolated(family, rows, noise, h, method.rho)
    status, text = Status.CONVERGED, ""
    with np.errstate(invalid="ignore"):
        lost = ~(error <= 0.1 * np.maximum(np.abs(theta), 1e-2 * np.max(np.abs(theta))))
    if lost.any():
        worst = int(np.argmax(lost))
        growing = np.all(np.diff(np.abs(rows[worst][good])) > 0) and abs(rows[worst][good][-1]) > 4 * abs(
            rows[worst][good][0]
        )
        status = Status.DIVERGES if growing else Status.NOT_REACHED
        verb = "grows without bound" if growing else "does not settle"
        last = f"it is {rows[worst][good][-1]:.4g} at h = {h[good][-1]:.1e}"
        text = f"{family.names[worst]}(h) {verb} as h → 0 on the {word}: {last}."
    return Evidence(None, tuple(theta), tuple(error), status, text, samples=(sign * h, tuple(rows)))


def _steps(
    function: Function, x0: float, family: ConnectionFunction, rule: Rule, h: np.ndarray, side: str
) -> tuple[np.ndarray, np.ndarray, list[bool]]:
    """θ(h_k) and its rounding, (N, K) each; every step starts from the one before, until enough are found."""
    rows, noise = np.full((2, family.size, len(h)), np.nan)
    unique: list[bool] = []
    start: np.ndarray | None = None
    osculating = isinstance(rule, Osculating)
    nodes = rule.nodes(family, side)
    values = [function(x0 + float(c) * h) for c in nodes]
    for k, step in enumerate(h):
        if osculating:
            theta, noise[:, k] = _root(family, nodes, step, [float(v[k]) for v in values], start) or (None, np.nan)
            unique.append(True)
        else:
            f0, f1 = float(values[0][k]), float(values[1][k])
            found = minimum(rule, family, f0, (f1 - f0) / step, step, start)
            theta = None if found is None else found.theta
            noise[:, k] = np.nan if theta is None else 1e-12 * (np.abs(theta) + np.max(np.abs(theta)))
            unique.append(found is None or found.unique)
        if theta is not None:
            rows[:, k] = start = theta
        if np.isfinite(rows[0]).sum() == LEVELS:
            rows, noise = rows[:, : k + 1], noise[:, : k + 1]
            break
    for j, name in enumerate(family.names):
        if name in family.angles:
            known = np.isfinite(rows[j])
            rows[j, known] = np.unwrap(rows[j, known])
    return rows, noise, unique


def _root(
    family: ConnectionFunction, nodes: tuple[Any, ...], h: float, values: list[float], start: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """The member through the nodes, by SciPy's hybrid Powell method on the divided differences, and its rounding."""
    from scipy.optimize import root

    from ..families.newton import NodeSystem

    system = NodeSystem(family, nodes, np.array([h]), [np.array([v]) for v in values])

    def residual(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value, jacobian = system.residual(theta[:, None])
        return np.nan_to_num(value[:, 0], nan=1e10), np.nan_to_num(jacobian[:, :, 0])

    rng = np.random.default_rng(20250801)
    starts = [] if start is None else [start]
    with np.errstate(all="ignore"):
        guess = system.start()[:, 0]
    starts += [guess] if np.all(np.isfinite(guess)) else []
    starts += [rng.standard_normal(family.size) * 2.0 ** rng.integers(-2, 3) for _ in range(12)]
    for first in starts:
        with np.errstate(all="ignore"):
            answer = root(residual, first, jac=True, method="hybr", options={"xtol": 1e-14})
        if np.all(np.isfinite(answer.x)) and system.solved(answer.x[:, None])[0]:
            return np.array(family.canonical(answer.x), dtype=float), _carried(
                family, answer.x, system.doubt(answer.x[:, None])[:, 0]
            )
    return None


def _carried(family: ConnectionFunction, theta: np.ndarray, doubt: np.ndarray) -> np.ndarray:
    """The rounding of the divided differences, carried to θ through DJ⁻¹."""
    factorials = np.cumprod([1.0, *range(1, family.size)])
    slopes = family.jacobian(tuple(theta))
    try:
        return np.abs(np.linalg.inv(slopes)) @ (doubt * factorials)
    except np.linalg.LinAlgError:
        return np.full(family.size, np.inf)


def _extrapolated(
    family: ConnectionFunction, rows: np.ndarray, noise: np.ndarray, h: np.ndarray, rho: float
) -> tuple[np.ndarray, np.ndarray]:
    """The constant terms of θ(h) = θ* + c1 h + c2 h² + …, with errors."""
    theta, error = np.full(family.size, np.nan), np.full(family.size, np.inf)
    with np.errstate(all="ignore"):
        for j, row in enumerate(rows):
            fit = coefficient(row[:, None], noise[j][:, None], h[:, None], rho, range(len(h)), 0)
            value, size, _, _ = pick(fit)
            theta[j], error[j] = value[0], size[0]
            if family.names[j] in family.angles:
                theta[j] = np.mod(theta[j], 2 * np.pi)
    return theta, error


def _together(family: ConnectionFunction, left: Evidence, right: Evidence) -> Evidence:
    for one in (right, left):
        if one.status is Status.NOT_FINITE:
            return one
    bad = [one for one in (left, right) if one.status is not Status.CONVERGED]
    if bad:
        kinds = {one.status for one in bad}
        alike = len(bad) == 2 and len(kinds) == 1
        status = bad[0].status if alike or Status.NOT_REACHED in kinds else Status.NO_LIMIT
        return Evidence(None, right.theta, right.error, status, " ".join(dict.fromkeys(one.message for one in bad)))
    assert left.theta is not None
    assert right.theta is not None
    gap = np.abs(np.array(family.difference(left.theta, right.theta)))
    both = np.asarray(left.error) + np.asarray(right.error)
    if np.any(gap > 1.5 * both + 1e-12):
        return Evidence(None, right.theta, right.error, Status.NO_LIMIT, family.differing(left.theta, right.theta))
    error = tuple(np.maximum(np.asarray(left.error), np.asarray(right.error)))
    return Evidence(None, right.theta, error, Status.CONVERGED, "", samples=right.samples)
