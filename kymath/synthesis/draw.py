"""Pictures of what runs: the flow charts of sections 4.2 and 6.2, and the attention graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..plot import style
from .arrays import as_numpy
from .workflow import LOOP, PASSED, STAGES, Workflow, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .graph import AttentionGraph

#: the paper's words for the stages
TITLES = dict(zip(STAGES, (
    "Data ingestion", "Preprocessing", "Attention synthesis engine", "Reasoning kernel", "Feedback loop",
    "Adaptive control", "Output generation",
), strict=True))  # fmt: skip
_WIDE, _HIGH = 7.0, 4.5  # inches of a chart, and the units that its places are given in
_NAME, _FACT, _SMALL = 9.0, 8.0, 7.5  # points
_LOOP = "#e3edf5"
_MOST = 12  # nodes of a layer that have their labels
_NUMBERED = 6  # nodes whose α are written out


# -- section 6.2 -------------------------------------------------------------------------------------------------------


def workflow_chart(workflow: Workflow, ax: Axes | None = None) -> Axes:
    """The seven stages from top to bottom, the function in each and, where it ran, its milliseconds.

    Shaded: what a cycle repeats. ``ax``: the axes to draw on, best 7 by 4.5 inches (None: a new figure). Returns the
    Axes, shows nothing. Source: cross-synthesis paper, section 6.2.

    >>> import matplotlib; matplotlib.use("Agg")
    >>> flow = Workflow(synthesis=abs, feedback=abs, control=abs)
    >>> [text.get_text() for text in flow.draw().texts][:2]
    ['Data ingestion', 'read']
    """
    ran = bool(workflow.timings)
    wide = _WIDE if ran else 5.3
    ax = _canvas(ax, wide)
    left, right, high, step = 0.62, 2.72, 0.38, 0.61
    middle = {name: 3.98 - step * k for k, name in enumerate(STAGES)}
    centre, slowest = (left + right) / 2, max(workflow.timings.values(), default=0.0)
    for name, y in middle.items():
        _box(ax, (left, y - high / 2, right - left, high), _LOOP if name in LOOP else "white")
        ax.text(centre, y, TITLES[name], fontsize=_NAME, color=style.INK, ha="center", va="center", zorder=4)
        ax.text(
            3.28, y, _broken(label(workflow.stages[name])), fontsize=_SMALL, family="monospace", color=style.INK,
            va="center", linespacing=1.1, parse_math=False,
        )  # fmt: skip
        if name in workflow.timings:
            seconds = workflow.timings[name]
            bar = 1.15 * seconds / slowest if slowest else 0.0
            ax.barh(y, bar, left=5.3, height=0.2, color=style.SERIES[0][0], zorder=3)
            ax.text(5.3 + bar + 0.07, y, _milliseconds(seconds), fontsize=_FACT, color=style.INK, va="center")
    for k, passed in enumerate(PASSED):
        top, below = middle[STAGES[k]] - high / 2, middle[STAGES[k + 1]] + high / 2
        _arrow(ax, [(centre, top), (centre, below)])
        ax.text(
            centre + 0.09, (top + below) / 2 + 0.01, passed, fontsize=_SMALL, style="italic", color="#555555",
            va="center",
        )  # fmt: skip
    _arrow(ax, [(left, middle["control"]), (0.3, middle["control"]), (0.3, middle["synthesis"]),
                (left, middle["synthesis"])])  # fmt: skip
    _arrow(ax, [(right, middle["reasoning"]), (3.02, middle["reasoning"]), (3.02, middle["output"]),
                (right, middle["output"])])  # fmt: skip
    cycles = len(workflow.history)
    again = f"next cycle, {cycles} in all" if cycles > 1 else "next cycle"
    beside = ((0.18, ("synthesis", "control"), again), (3.13, ("feedback", "control"), "decision"))
    for x, between, text in beside:
        ax.text(
            x, sum(middle[name] for name in between) / 2, text, fontsize=_SMALL, style="italic", color="#555555",
            rotation=90, ha="center", va="center",
        )  # fmt: skip
    heads = [(centre, "stage", "center"), (3.28, "function", "left"), *([(5.3, "time (ms)", "left")] if ran else [])]
    for x, text, side in heads:
        ax.text(x, 4.36, text, fontsize=_FACT, fontweight="bold", color=style.INK, ha=side, va="center")
    return ax


# -- section 4.2 -------------------------------------------------------------------------------------------------------


def engine_chart(workflow: Workflow, ax: Axes | None = None) -> Axes:
    """Input, synthesis engine, output, and below the engine its reasoning kernel and feedback loop.

    Beside them α, where the workflow has a controller, and how even the fusion weights were in the cycles of the last
    run. ``ax``: the axes to draw on, best 7 by 4.5 inches (None: a new figure). Returns the Axes, shows nothing.

    The paper draws the arrow to the output from the engine; here it comes from the reasoning kernel, as what it decides
    is what is put out. Source: cross-synthesis paper, section 4.2.

    >>> import matplotlib; matplotlib.use("Agg")
    >>> ax = engine_chart(Workflow(synthesis=abs, feedback=abs, control=abs))
    >>> ax.texts[0].get_text()
    'Input layer'
    """
    ax = _canvas(ax, _WIDE)
    names = {name: label(stage) for name, stage in workflow.stages.items()}
    controller = workflow.controller
    nodes = getattr(controller, "nodes", ())
    engine = [names["synthesis"]]
    if len(nodes) and workflow.stages["synthesis"] == controller.execute_cycle:
        engine = [f"{len(nodes)} nodes", r"$Z_i \,\rightarrow\, C_{ij} \,\rightarrow\, \sum_j \beta_j C_{ij}$"]
    cycles = len(workflow.history)
    loop = [names["feedback"], names["control"]]
    if cycles and isinstance(workflow.history[-1][1], float):
        setting = workflow.history[-1][1]
        word = "temperature" if setting == getattr(controller, "temperature", None) else "setting"
        loop = [f"{cycles} cycle{'s' if cycles > 1 else ''}", f"{word} {setting:.3g}"]
    boxes = {
        "Input layer": ((0.08, 3.25, 1.65, 1.0), [names["ingestion"], names["preprocessing"]]),
        "Attention synthesis engine": ((2.35, 3.15, 2.3, 1.1), engine),
        "Output layer": ((5.27, 3.25, 1.65, 1.0), [names["output"]]),
        "Reasoning kernel": ((2.35, 1.8, 2.3, 0.8), [names["reasoning"]]),
        "Feedback loop": ((2.35, 0.3, 2.3, 0.95), loop),
    }
    for title, (place, facts) in boxes.items():
        _box(ax, place, "white" if "layer" in title else _LOOP)
        x, y = place[0] + place[2] / 2, place[1] + place[3] / 2
        above = 0.11 * len(facts)
        ax.text(x, y + above, title, fontsize=_NAME, fontweight="bold", color=style.INK, ha="center", va="center")
        for k, fact in enumerate(facts):
            own = fact in names.values()
            ax.text(
                x, y + above - 0.24 * (k + 1), _broken(fact) if own else fact, fontsize=_FACT, color=style.INK,
                ha="center", va="center", family="monospace" if own else None, parse_math=not own,
            )  # fmt: skip
    _arrow(ax, [(1.73, 3.75), (2.35, 3.75)])
    _arrow(ax, [(3.5, 3.15), (3.5, 2.6)])
    _arrow(ax, [(3.5, 1.8), (3.5, 1.25)])
    _arrow(ax, [(4.65, 2.2), (6.1, 2.2), (6.1, 3.25)])
    _arrow(ax, [(2.35, 0.78), (2.1, 0.78), (2.1, 3.4), (2.35, 3.4)])
    words = ((2.0, 3.86, "x"), (3.59, 2.88, "fused"), (3.59, 1.53, "decision"), (5.1, 2.32, "decision"))
    for x, y, text in words:
        ax.text(x, y, text, fontsize=_SMALL, style="italic", color="#555555", va="center")
    ax.text(1.99, 2.1, "next cycle", fontsize=_SMALL, style="italic", color="#555555", rotation=90, ha="center",
            va="center")  # fmt: skip
    alpha = getattr(controller, "alpha", None)
    if alpha is not None and len(engine) > 1:
        _alpha_panel(ax, as_numpy(alpha), len(nodes))
    evenness = [_evenness(feedback) for feedback, _ in workflow.history]
    if len(evenness) > 1 and None not in evenness:
        _evenness_panel(ax, evenness)
    return ax


def _alpha_panel(ax: Axes, alpha: Any, n: int) -> None:
    import numpy as np

    shown = np.broadcast_to(alpha.mean(-1) if alpha.ndim == 3 else alpha, (n, n))
    panel = _inset(ax, (0.28, 0.4, 1.45, 1.45))
    panel.imshow(shown, cmap="Blues", vmin=0, vmax=1.7, aspect="auto")  # black is legible on all of it
    between = "between nodes" if n <= _NUMBERED else f"from {shown.min():.2g} to {shown.max():.2g}"
    panel.set_title(rf"$\alpha_{{ij}}$ {between}", fontsize=_FACT, color=style.INK)
    panel.tick_params(labelsize=_SMALL, length=0)
    if n <= _MOST:
        panel.set_xticks(range(n), [str(k + 1) for k in range(n)])
        panel.set_yticks(range(n), [str(k + 1) for k in range(n)])
    if n <= _NUMBERED:
        for (i, j), value in np.ndenumerate(shown):
            panel.text(j, i, f"{value:.2f}", fontsize=_SMALL, ha="center", va="center", color=style.INK)


def _evenness_panel(ax: Axes, evenness: list[Any]) -> None:
    from matplotlib.ticker import MaxNLocator

    colour, marker = style.SERIES[0]
    panel = _inset(ax, (5.27, 0.45, 1.65, 1.2))
    panel.plot(range(1, len(evenness) + 1), evenness, marker=marker, markersize=3.5, linewidth=1.2, color=colour)
    panel.set_title(r"evenness of $\beta$", fontsize=_FACT, color=style.INK)
    panel.set_xlabel("cycle", fontsize=_FACT, labelpad=1)
    panel.set_ylim(0, 1.05)
    panel.tick_params(labelsize=_SMALL)
    panel.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
    style.plain(panel)


def _evenness(feedback: Any) -> float | None:
    """Of the cycle, the newest entry, None where it is of another kind."""
    if not isinstance(feedback, list) or not feedback or not all(hasattr(entry, "evenness") for entry in feedback):
        return None
    return float(feedback[-1].evenness)


# -- section 4.1 -------------------------------------------------------------------------------------------------------

_LOOKS = {"alpha": style.SERIES[0][0], "beta": style.LIMIT, "feedback": style.LIMIT}  # the other kinds are in ink


def layered(graph: AttentionGraph, ax: Axes | None = None) -> Axes:
    """The layers of an attention graph from left to right, each edge as wide as its weight.

    ``ax``: the axes to draw on (None: a new figure). Returns the Axes, shows nothing. Source: cross-synthesis paper,
    section 4.1.

    >>> import matplotlib; matplotlib.use("Agg")
    >>> from kymath.synthesis import AttentionGraph
    >>> [text.get_text() for text in AttentionGraph([2, "out"]).draw().texts][-2:]
    ['layer 1', 'layer 2']
    """
    import networkx as nx

    G = graph.graph
    layers: dict[int, list[str]] = {}
    for name, layer in G.nodes(data="layer"):
        layers.setdefault(layer, []).append(name)
    most = max(map(len, layers.values()))
    ax = style.axes(ax, (_WIDE, _HIGH if most > 1 else 2.0))
    place = {name: (x, -y) for name, (x, y) in nx.multipartite_layout(G, subset_key=layers).items()}
    size = 600 if most <= 6 else 230 if most <= _MOST else 40
    thin = min(1.0, 5 / most)  # of many edges each is thinner
    groups: dict[tuple[str, bool], list[tuple[str, str, float]]] = {}
    for a, b, edge in G.edges(data=True):
        skips = G.nodes[b]["layer"] - G.nodes[a]["layer"] != 1
        groups.setdefault((edge["kind"], skips), []).append((a, b, thin * _width(edge.get("weight"))))
    for (kind, skips), edges in groups.items():
        nx.draw_networkx_edges(
            G, place, ax=ax, edgelist=[(a, b) for a, b, _ in edges], node_size=size, arrowstyle="-|>",
            arrowsize=10 if most <= 6 else 5 if most <= _MOST else 1, width=[width for _, _, width in edges],
            edge_color=_LOOKS.get(kind, style.INK), alpha=0.85 if most <= _MOST else 0.4,
            style="--" if kind == "feedback" else "-", connectionstyle=f"arc3,rad={-0.4 if skips else 0}",
        )  # fmt: skip
    nx.draw_networkx_nodes(G, place, ax=ax, node_size=size, node_color="white", edgecolors=style.INK, linewidths=1.0)
    if most <= _MOST:
        font = _NAME if most <= 6 else 6.5
        labels = {name: text.replace("$", r"\$") if text == name else text for name, text in G.nodes(data="label")}
        nx.draw_networkx_labels(G, place, labels, ax=ax, font_size=font, font_color=style.INK)
    for names, title in zip(layers.values(), graph.titles, strict=True):
        ax.annotate(
            title, (place[names[0]][0], 0.97), xycoords=("data", "axes fraction"), ha="center", va="bottom",
            fontsize=_NAME, color=style.INK, annotation_clip=False,
        )  # fmt: skip
    for kind in ("alpha", "beta"):  # at the uppermost edge of each
        a, b = next(((a, b) for a, b, edge in G.edges(data="kind") if edge == kind), ("", ""))
        if a:
            middle = ((place[a][0] + place[b][0]) / 2, (place[a][1] + place[b][1]) / 2)
            ax.annotate(
                rf"$\{kind}$", middle, xytext=(4, 5), textcoords="offset points", fontsize=11, color=_LOOKS[kind]
            )
    ax.margins(0.08, 0.12 if most > 1 else 0.9)
    ax.set_axis_off()
    _key(ax, [(edge["kind"], edge["weight"]) for _, _, edge in G.edges(data=True) if "weight" in edge], thin)
    return ax


def _width(weight: float | None) -> float:
    return 0.9 if weight is None else 0.3 + 3.2 * min(max(weight, 0.0), 1.0)


def _key(ax: Axes, weights: list[tuple[str, float]], thin: float) -> None:
    """The least and the largest weight of each kind, below the picture."""
    from matplotlib.lines import Line2D

    lines = []
    for kind in ("alpha", "beta"):
        found = [weight for other, weight in weights if other == kind]
        for weight in sorted({min(found), max(found)}) if found else ():
            word = rf"$\{kind}$ = {weight:.2g}"
            lines.append(Line2D([], [], color=_LOOKS[kind], linewidth=thin * _width(weight), label=word))
    if lines:
        ax.legend(
            handles=lines, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=len(lines), fontsize=_FACT,
            frameon=False, handlelength=2.6,
        )  # fmt: skip


# -- boxes and arrows --------------------------------------------------------------------------------------------------


def _canvas(ax: Axes | None, wide: float) -> Axes:
    """Axes without spines, measured in the inches of their best size."""
    ax = style.axes(ax, (wide, _HIGH))
    ax.set_xlim(0, wide)
    ax.set_ylim(0, _HIGH)
    ax.set_axis_off()
    return ax


def _inset(ax: Axes, place: tuple[float, float, float, float]) -> Axes:
    panel: Axes = ax.inset_axes(place, transform=ax.transData)
    return panel


def _box(ax: Axes, place: tuple[float, float, float, float], fill: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y, wide, high = place
    ax.add_patch(FancyBboxPatch(
        (x, y), wide, high, boxstyle="round,pad=0,rounding_size=0.06", facecolor=fill, edgecolor=style.INK,
        linewidth=1.0, zorder=3,
    ))  # fmt: skip


def _arrow(ax: Axes, points: list[tuple[float, float]]) -> None:
    """A line along the points with its head at the last."""
    x, y = zip(*points[:-1], strict=True)
    ax.plot(x, y, color=style.INK, linewidth=1.0, solid_joinstyle="round", zorder=2)
    arrow = {"arrowstyle": "-|>", "color": style.INK, "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", points[-1], xytext=points[-2], arrowprops=arrow, zorder=2)


def _milliseconds(seconds: float) -> str:
    """Three figures, no power of ten.

    >>> _milliseconds(2.0731), _milliseconds(0.0000123)
    ('2073', '0.0123')
    """
    return f"{1e3 * seconds:.0f}" if seconds >= 0.1 else f"{1e3 * seconds:#.3g}"


def _broken(name: str, longest: int = 26) -> str:
    """A function's name, broken at its dot where it is long, and shortened where that is not enough."""
    owner, dot, rest = name.rpartition(".")
    lines = [owner, dot + rest] if dot and len(name) > longest else [name]
    return "\n".join(line if len(line) <= longest else line[: longest - 1] + "…" for line in lines)
