"""What the pictures of :mod:`.pictures` show. Each function draws on a figure and returns the caption.

Their arguments are those of the claim's check, by name: what the check examines is what is drawn, and no number
is typed in that could be computed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..convergence import convergence
from ..plot import style
from .attention_algebra import WIDTH
from .information import share_found
from .measure import H, U
from .osculation import through_nodes
from .rates import SMOOTH
from .window import weights

BLUE, RED, GREEN = (style.SERIES[k][0] for k in (0, 1, 2))
INK, QUIET, SHADE, PAPER = style.INK, style.QUIET, style.SHADE, "#ffffff"


def _axis_lines(ax: Axes) -> None:
    ax.axhline(0, color=QUIET, linewidth=0.6, zorder=0)
    ax.axvline(0, color=QUIET, linewidth=0.6, zorder=0)


def _open_dot(ax: Axes, x: float, y: float, colour: str) -> None:
    """A limit that is not reached."""
    ax.plot([x], [y], "o", color=colour, markerfacecolor=PAPER, markersize=5.5, markeredgewidth=1.3, zorder=5)


def _beside(
    ax: Axes, text: str, at: tuple[float, float], offset: tuple[float, float], colour: str, **more: Any
) -> None:
    ax.annotate(text, at, xytext=offset, textcoords="offset points", color=colour, fontsize=11, **more)


# -- what two values can tell ------------------------------------------------------------------------------------------


def order_barrier(figure: Figure, selections: Mapping[str, Any], count: int) -> str:
    """The square of all (p, q), and the part of it where a rule finds q."""
    h, eps = 0.2, 0.1
    p, q = np.meshgrid(np.linspace(0, 1, 161), np.linspace(-1, 1, 241))

    def third(h: float, d: Any, p: Any, q: Any) -> Any:  # f(x0 + 2h)/h = 2p + 4qh
        return ((2 * p + 4 * q * h) / 2 - d) / h

    rules = {f"$a_2 = {_rule(name)}$" if _rule(name) else name: rule for name, rule in selections.items()}
    rules["with $f(x_0+2h)$ too"] = third
    rows = math.ceil(len(rules) / 3)
    panels = list(figure.subplots(rows, min(len(rules), 3), sharex=True, sharey=True, squeeze=False).flat)
    largest = 0.0
    for ax, (name, rule) in zip(panels, rules.items(), strict=False):
        miss = np.abs(rule(h, p + q * h, p, q) - q) - eps
        ax.contourf(
            p, q, np.broadcast_to(miss, p.shape), levels=[-math.inf, 0], colors=[BLUE if rule is not third else GREEN]
        )
        share = share_found(rule, h, eps, count)
        largest = largest if rule is third else max(largest, share)
        ax.set_title(f"{name}: {100 * share:.1f} %")
        ax.set(xlim=(0, 1), ylim=(-1, 1), xticks=(0, 1), yticks=(-1, 0, 1))
        ax.spines[["top", "right"]].set_visible(True)
        if ax.get_subplotspec().is_last_row():
            ax.set_xlabel("$p$")
        if ax.get_subplotspec().is_first_col():
            ax.set_ylabel(r"$q = f\,$″/2")
    for ax in panels[len(rules) :]:
        ax.remove()
    return (
        f"The square of all f = ps + qs², and in colour those whose q a rule finds within ε = {eps:g} at h = {h:g} "
        f"(d: the secant slope): from two values of f at most {100 * largest:.1f} percent, where the bound is "
        f"{100 * eps * (1 + 2 * h):.1f}, from a third value all."
    )


def _rule(name: str) -> str:
    """A rule's name in TeX where it is a formula."""
    if " " in name and "/" not in name:
        return ""
    return name.replace("−", "-").replace("²", "^2").replace("sin", r"\sin ")


def aliases(figure: Figure, period: Callable[[float], float]) -> str:
    """Two cosines with the same values at the nodes."""
    h, omega, phi = 1.0, 0.9, 0.6
    other = omega + period(h)
    s, nodes = np.linspace(-3.2, 3.2, 801), np.arange(-3, 4) * h
    ax = figure.subplots()
    ax.axhline(0, color=QUIET, linewidth=0.6, zorder=0)
    ax.plot(s, np.cos(other * s + phi), color=RED, linewidth=1, label=rf"$\cos({other:.3f}\,s+{phi:g})$")
    ax.plot(s, np.cos(omega * s + phi), color=BLUE, linewidth=1.8, label=rf"$\cos({omega:g}\,s+{phi:g})$")
    ax.plot(nodes, np.cos(omega * nodes + phi), "o", color=INK, markersize=5, zorder=4, label="the values read")
    ax.set(
        xlabel="$s$", xticks=nodes, xticklabels=[_step(k) for k in range(-3, 4)], ylim=(-1.1, 1.1), yticks=(-1, 0, 1)
    )
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    apart = float(np.max(np.abs(np.cos(other * nodes + phi) - np.cos(omega * nodes + phi))))
    return (
        f"The two cosines differ by {apart:.0e} at most at the seven nodes and by up to "
        f"{np.max(np.abs(np.cos(other * s + phi) - np.cos(omega * s + phi))):.1f} between them."
    )


def _step(k: int) -> str:
    return "$0$" if k == 0 else f"${'' if k == 1 else '-' if k == -1 else k}h$"


# -- R_E ---------------------------------------------------------------------------------------------------------------


def rate_jump(figure: Figure, formula: Callable[..., Any], m: float) -> str:
    """A(h), B(h) and their product for exp at 0, and the two limit curves."""

    def theta(h: float) -> list[float]:
        with mpmath.workdps(30):
            return [float(c) for c in formula(mpmath.mpf(1), mpmath.expm1(mpmath.mpf(h)), mpmath.mpf(h), m)]

    left, right = figure.subplots(1, 2)
    _axis_lines(left)
    ends = {side: theta(side * 1e-12) for side in (-1, 1)}
    for side in (-1, 1):
        steps = side * np.geomspace(1e-6, 1, 120)
        found = np.array([theta(float(h)) for h in steps])
        for values, end, colour, name in (
            (found[:, 0], ends[side][0], BLUE, "$A(h)$"),
            (found[:, 1], ends[side][1], RED, "$B(h)$"),
            (found[:, 0] * found[:, 1], ends[side][0] * ends[side][1], GREEN, r"$A(h)\,B(h)$"),
        ):
            left.plot(steps, values, color=colour, linewidth=1.7)
            _open_dot(left, 0, end, colour)
            if side > 0:
                _beside(
                    left, name, (0.3, values[np.searchsorted(steps, 0.3)]), (0, -14 if colour == BLUE else 6), colour
                )
    left.margins(y=0.08)
    left.set(xlabel="$h$", xlim=(-1, 1), xticks=(-1, -0.5, 0, 0.5, 1), title=rf"$R_E$ on $\exp$ at $0$, $M = {m:g}$")
    s = np.linspace(-2, 2, 201)
    right.plot(s, np.exp(s), color=INK, linewidth=1.2, label=r"$f = \exp$")
    for side, colour, dash, name in (
        (1, BLUE, (0, (5, 2)), "from the right"),
        (-1, RED, (0, (2, 1.5)), "from the left"),
    ):
        a, b, c = ends[side]
        right.plot(s, a * np.exp(b * s) + c, color=colour, linestyle=dash, linewidth=1.6, label=f"limit curve {name}")
    right.plot([0], [1], "o", color=INK, markersize=4.5, zorder=5)
    right.set(xlabel="$s$", ylim=(-2.3, 6), title="the curves that they give")
    right.legend(loc="upper left")
    jumps = [abs(a - b) for a, b in zip(ends[1], ends[-1], strict=True)]
    return (
        f"A(h) jumps by {jumps[0]:g} and B(h) by {jumps[1]:g} where h changes its sign; only their product passes "
        "through, and the two limit curves share no more than f and f′ at 0."
    )


# -- parabolas ---------------------------------------------------------------------------------------------------------


def example_residual(figure: Figure, a1: Any, a2: Any) -> str:
    """The printed parabola misses the second point, and many others meet it."""
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    step, f = 1.0, (1 + U) ** 3
    residual = sp.expand(a2 * H**2 + a1 * H + 1 - f.subs(U, H))
    s = np.linspace(-0.15, 1.25, 141)
    left.plot(1 + s, (1 + s) ** 3, color=INK, linewidth=1.3, label="$x^3$")
    for c in (0.0, 2.0, 6.0):  # a2 = c, a1 = 3 + 3h + h² − ch
        left.plot(1 + s, c * s**2 + (3 + 3 * step + step**2 - c * step) * s + 1, color=QUIET, linewidth=0.9,
                  label="other parabolas with C1 and C2" if c == 0 else None)  # fmt: skip
    first, second = (float(sp.sympify(a, strict=True).subs(H, step)) for a in (a1, a2))
    left.plot(1 + s, second * s**2 + first * s + 1, color=RED, linewidth=1.7, label=r"the printed $a_1$, $a_2$")
    left.plot(1 + s, (3 + step) * s**2 + 3 * s + 1, color=BLUE, linewidth=1.7, linestyle=(0, (5, 2)),
              label=r"$a_1 = 3$, $a_2 = 3+h$")  # fmt: skip
    left.plot([1, 1 + step], [1, (1 + step) ** 3], "o", color=INK, markersize=4.5, zorder=5)
    missed = float(residual.subs(H, step))
    top = (1 + step) ** 3
    left.plot([1 + step] * 2, [top, top + missed], color=RED, linewidth=1, linestyle=":")
    _beside(left, f"misses by {missed:g}", (1 + step, top + missed), (-6, 4), RED, ha="right")
    left.set(xlabel="$x$", xlim=(0.85, 2.25), ylim=(-0.3, 12), title=f"$h = {step:g}$")
    left.legend(loc="upper left")
    h = np.linspace(-1, 1, 201)
    right.axhline(0, color=QUIET, linewidth=0.6, zorder=0)
    value = sp.lambdify(H, residual, "numpy")(h) + 0 * h
    right.plot(h, value, color=RED, linewidth=1.7, label=f"the printed ones: ${sp.latex(residual)}$")
    mended = sp.expand((3 + H) * H**2 + 3 * H + 1 - f.subs(U, H))
    right.plot(h, 0 * h + float(mended), color=BLUE, linewidth=1.7, linestyle=(0, (5, 2)),
               label=rf"$a_1 = 3$, $a_2 = 3+h$: ${mended}$")  # fmt: skip
    right.set(xlabel="$h$", title="residual of C2", xlim=(-1, 1), xticks=(-1, 0, 1))
    right.legend(loc="upper left")
    return (
        f"At h = {step:g} the printed parabola misses the second point of x³ by {missed:g}, while each of the "
        f"others passes through both; the residual is {_plain(residual)} at every h."
    )


def _plain(expression: Any) -> str:
    return str(expression).replace("**2", "²").replace("**3", "³").replace("*", "·")


def vanishing_bend(figure: Figure, rule: Callable[..., Sequence[Any]]) -> str:
    """a2(h) of the least-norm parabola and of the one through three points."""
    f = (1 + U) ** 3
    values = [f.subs(U, k * H) for k in range(3)]
    least, through = sp.factor(rule(values, 2, H)[2]), sp.factor(through_nodes(values, 2, H)[2])
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
    h = np.geomspace(1e-3, 1, 100)
    for expression, colour, dash, name in (
        (least, RED, "-", "least norm"), (through, BLUE, (0, (5, 2)), "through three points"),
    ):  # fmt: skip
        left.semilogx(h, sp.lambdify(H, expression, "numpy")(h) + 0 * h, color=colour, linestyle=dash, linewidth=1.7,
                      label=name)  # fmt: skip
    left.axhline(3, color=QUIET, linewidth=0.8, zorder=0)
    _beside(left, r"$f\,$″/2 = 3", (0.0011, 3), (0, -12), QUIET)
    left.set(xlabel="$h$", title="$a_2(h)$ for $x^3$ at $1$", ylim=(-0.3, 6.6))
    left.legend(loc="upper left")
    s = np.linspace(-0.9, 0.9, 121)
    right.plot(1 + s, (1 + s) ** 3, color=INK, linewidth=1.3, label="$x^3$")
    for expression, colour, dash, name in (
        (least, RED, "-", "limit of the least norm"), (through, BLUE, (0, (5, 2)), "limit through three points"),
    ):  # fmt: skip
        right.plot(1 + s, 1 + 3 * s + float(sp.limit(expression, H, 0)) * s**2, color=colour, linestyle=dash,
                   linewidth=1.7, label=name)  # fmt: skip
    right.plot([1], [1], "o", color=INK, markersize=4.5, zorder=5)
    right.set(xlabel="$x$", title="the limit curves at $1$", xlim=(0.1, 1.9), ylim=(-2, 7.2))
    right.legend(loc="upper left")
    return (
        f"For x³ at 1 the bend a2(h) of the least-norm parabola tends to {sp.limit(least, H, 0)}, so that its limit "
        f"is the tangent; through three points it tends to {sp.limit(through, H, 0)} = f″/2."
    )


# -- orders ------------------------------------------------------------------------------------------------------------


def orders(figure: Figure, table: Sequence[tuple[str, Any, Any, int]]) -> str:
    """|θ(h) − θ*| against h for the rules of the table."""
    ax = figure.subplots()
    marks = "os^DvPXo*d"
    for k, (name, family, rule, order) in enumerate(table):
        found = convergence(SMOOTH, 0, family, rule)
        noise = np.sqrt(np.sum(np.square(found.noise), axis=0))
        good = np.isfinite(found.norm) & (found.norm > 10 * noise) & (found.norm > 0)
        ax.loglog(found.h[good], found.norm[good], color=BLUE if order == 1 else RED, marker=marks[k % len(marks)],
                  markersize=5, markevery=(k % 3, 3), linewidth=0.9, markeredgecolor=PAPER, markeredgewidth=0.4,
                  label=rf"{_subscripts(name)}: $\alpha = {found.order:.2f}$")  # fmt: skip
    ax.set(xlabel="$h$", ylabel=r"$|\theta(h)-\theta^{\ast}|$")
    ax.grid(True, color=SHADE, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return (
        f"The error of θ(h) for exp(x) + x²/3 + x⁴/24 at 0 under {len(table)} rules: the lines fall with slope 1 "
        "or, where the nodes have mean 0, with slope 2."
    )


def _subscripts(name: str) -> str:
    """R_P in TeX."""
    return re.sub(r"\b([A-Z])_([A-Z])\b", r"$\1_\2$", name)


# -- attention ---------------------------------------------------------------------------------------------------------


def padding_mass(figure: Figure, edge: str) -> str:
    """What the places outside the sequence take from each token."""
    ax = figure.subplots()
    length, shown = 256, 12
    x = np.ones((length, 1))
    tokens = np.arange(1, shown + 1)

    def lost(score: float, edge: str) -> Any:
        return 1 - weights(score * x, x, np.zeros(WIDTH), edge=edge).sum(axis=1)

    low, flat, masked = lost(-5.0, edge), lost(0.0, edge), lost(0.0, "mask")
    for k, (mass, colour, name) in enumerate(
        ((low, RED, "real scores $-5$"), (flat, BLUE, "equal scores"), (masked, GREEN, r"masked with $-\infty$"))
    ):
        ax.bar(tokens + 0.27 * (k - 1), 100 * np.maximum(mass[:shown], 0), 0.25, color=colour, label=name)
    ax.plot(tokens + 0.27, 0 * tokens, "s", color=GREEN, markersize=2.5, clip_on=False)
    for mass, offset, colour in ((low, -0.39, RED), (flat, -0.12, BLUE)):
        _beside(ax, f"{100 * mass[0]:.1f}", (1 + offset, 100 * mass[0]), (1, 3), colour)
    ax.set(xlabel="token $i$", ylabel="percent on the padding", xticks=tokens, xlim=(0.4, shown + 0.6),
           ylim=(0, 112), yticks=range(0, 101, 25), title=rf"$W = {WIDTH}$, $L = {length}$")  # fmt: skip
    ax.legend(loc="upper right")
    return (
        f"With zero keys beyond the edge the first token gives {100 * flat[0]:.1f} percent of its weight to nothing, "
        f"and {100 * low[0]:.1f} where the real scores are −5; after {(WIDTH - 1) // 2} tokens, or with a mask, it "
        "gives none."
    )


# -- cross-synthesis ---------------------------------------------------------------------------------------------------


def fusion_oscillation(figure: Figure, update: Callable[[float], float]) -> str:
    """The fused value step by step, and the map with its path."""
    left, right = figure.subplots(1, 2, width_ratios=(1.6, 1))
    path, calm = [0.4], [0.4]
    for _ in range(300):
        path.append(update(path[-1]))
        calm.append(math.tanh(-0.8 * calm[-1]))
    shown = 30
    fused = [0.5 + z / 2 for z in path]
    left.axhline(0.5, color=QUIET, linewidth=0.6, zorder=0)
    left.plot(range(shown + 1), fused[: shown + 1], "o-", color=RED, markersize=3.5, linewidth=0.9, label="the fusion")
    left.plot(range(shown + 1), [0.5 + z / 2 for z in calm[: shown + 1]], "s-", color=BLUE, markersize=3, linewidth=0.9,
              label=r"a contraction: $z \leftarrow \tanh(-0.8\,z)$")  # fmt: skip
    left.set(xlabel="step", title="fusion $(1+z)/2$", ylim=(-0.05, 1.28), xlim=(-0.5, shown + 0.5), yticks=(0, 0.5, 1))
    left.legend(loc="upper right", ncols=2)
    z = np.linspace(-1.1, 1.1, 201)
    right.plot(z, [update(float(v)) for v in z], color=INK, linewidth=1.3)
    right.plot(z, z, color=QUIET, linewidth=0.8)
    corners = [(path[0], 0.0)]
    for a, b in pairwise(path[:10]):
        corners += [(a, b), (b, b)]
    right.plot(*zip(*corners, strict=True), color=RED, linewidth=1)
    right.plot(*corners[0], "o", color=RED, markersize=4)
    right.set(xlabel="$z$", title="the map and the path of $z$", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal",
              xticks=(-1, 0, 1), yticks=(-1, 0, 1))  # fmt: skip
    return (
        f"The fusion goes back and forth between {fused[-2]:.4f} and {fused[-1]:.4f} and still does so after "
        f"{len(path) - 1} steps, with all weights bounded; a contraction comes to rest."
    )
