"""The multi-layer attention graph: drawn up from layers, or read off a running object."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import EmptyData, NotApplicable
from .arrays import as_numpy
from .workflow import PASSED, STAGES, Workflow, label, prepare


class AttentionGraph:
    """A directed graph G = (V, E) of attention nodes in layers, V = ∪_l N_l.

    ``AttentionGraph(layers)`` has an edge from every node of a layer to every node of the next. A layer is a number of
    nodes, named "layer.place", the name of one node, or the names of several.

    ``AttentionGraph.of(running)`` is what runs: of a :class:`SynthesisNet` or :class:`AttentionNodeController` input →
    nodes → cross-synthesis → fusion → output, of a :class:`Workflow` its seven stages and the edge back.

    ``graph`` is the ``networkx.DiGraph``. Its nodes have ``layer`` (from 0) and ``label``, those of a workflow
    ``function`` and ``seconds`` (None before it ran); its edges ``kind`` ("data", "alpha", "beta", "order", "feedback")
    and, where it is known, ``weight``, the present α or β. ``titles`` names the layers; ``draw(ax)`` draws them.

    Raises ``EmptyData`` for no layers or a layer without nodes, ``NotApplicable`` for names that are not unique and for
    objects of other kinds, ``ImportError`` without networkx.

    Source: cross-synthesis paper, section 4.1.

    >>> AttentionGraph([2, 3, "out"]).graph
    <networkx.classes.digraph.DiGraph object at 0x...>
    >>> sorted(AttentionGraph([2, "out"]).graph.edges)
    [('1.1', 'out'), ('1.2', 'out')]
    """

    def __init__(self, layers: Sequence[int | str | Sequence[str]]) -> None:
        named = [_names(k, layer) for k, layer in enumerate(layers, 1)]
        self.graph: Any = _networkx().DiGraph()
        self.titles: tuple[str, ...] = tuple(f"layer {k}" for k in range(1, len(named) + 1))
        if not named or not all(named):
            raise EmptyData("a graph has at least one layer, and each layer at least one node.")
        for k, layer in enumerate(named):
            for name in layer:
                if name in self.graph:
                    raise NotApplicable(f"the name {name!r} stands twice: each node has a name of its own.")
                self._add(name, k)
        for givers, takers in pairwise(named):
            self._join(givers, takers)

    @classmethod
    def of(cls, running: Any, x: Any = None) -> AttentionGraph:
        """The graph of an object as it is now.

        ``x``: points (m,) or (batch, m) for a controller, whose β depend on them: their mean; without x they are left
        out.
        """
        if isinstance(running, Workflow):
            return cls._of_workflow(running)
        if sys.modules.get("torch") is not None:
            from .controller import AttentionNodeController
            from .net import SynthesisNet

            if isinstance(running, SynthesisNet):
                return cls._of_net(running)
            if isinstance(running, AttentionNodeController):
                return cls._of_controller(running, x)
        raise NotApplicable(
            "a graph is drawn of a SynthesisNet, an AttentionNodeController or a Workflow; "
            f"{type(running).__name__} was given."
        )

    def draw(self, ax: Any = None) -> Any:
        """The layers from left to right; the wider an edge, the larger its weight. Returns the Axes, shows nothing."""
        from .draw import layered

        return layered(self, ax)

    # -- what runs ---------------------------------------------------------------------------------------------------

    @classmethod
    def _of_workflow(cls, workflow: Workflow) -> AttentionGraph:
        made = cls(STAGES)
        made.titles = STAGES
        for k, name in enumerate(STAGES):
            made.graph.nodes[name].update(
                label=str(k + 1), function=label(workflow.stages[name]), seconds=workflow.timings.get(name)
            )
        for edge, passed in zip(pairwise(STAGES), PASSED, strict=True):
            made.graph.edges[edge].update(kind="data" if passed else "order", label=passed)
        made.graph.add_edge("reasoning", "output", kind="data", label="decision")
        made.graph.add_edge("control", "synthesis", kind="feedback", label="next cycle")
        return made

    @classmethod
    def _of_net(cls, net: Any) -> AttentionGraph:
        n = len(net.nodes)
        encoded = type(net.encoder).__name__ != "Identity"
        alpha = None if net.alpha is None else as_numpy(net.alpha)
        nodes, cross = _places("node", n), _places("cross", n)
        made = cls([
            "input", *(["encoder"] if encoded else []), nodes, *([] if alpha is None else [cross]), "fusion", "head",
            "output",
        ])  # fmt: skip
        made.titles = (
            "input", *(["encoder"] if encoded else []), "nodes", *([] if alpha is None else ["cross-synthesis"]),
            "fusion", "head", "classes",
        )  # fmt: skip
        beta = as_numpy(net.fusion.scores.softmax(0))
        made._weigh(nodes, cross if alpha is not None else None, alpha, beta)
        made._call(input="$x$", encoder="$h$", fusion="$z$", head="$U$", output="$y$")
        made._number(nodes, "Z")
        made._number(cross if alpha is not None else (), r"Z^\prime")
        return made

    @classmethod
    def _of_controller(cls, controller: Any, x: Any) -> AttentionGraph:
        n = len(controller.nodes)
        alpha = as_numpy(controller.alpha)
        alpha = np.broadcast_to(alpha.mean(-1) if alpha.ndim == 3 else alpha, (n, n))
        nodes, cross = _places("node", n), _places("cross", n)
        made = cls(["input", nodes, cross, "fusion", "output"])
        made.titles = ("input", "nodes", "cross-synthesis", "fusion", "output")
        # node i weighs on column j of C by α_ij; Σ_j β_j C_·j adds up the columns
        made._weigh(nodes, cross, alpha.T, None if x is None else _mean_beta(controller, x))
        made._call(input="$x$", fusion=r"$\Sigma$", output=r"$C\beta$")
        made._number(nodes, "Z")
        made._number(cross, "C")
        return made

    # -- nodes and edges -----------------------------------------------------------------------------------------------

    def _add(self, name: str, layer: int) -> None:
        self.graph.add_node(name, layer=layer, label=name)

    def _join(self, givers: Iterable[str], takers: Sequence[str]) -> None:
        self.graph.add_edges_from(((a, b) for a in givers for b in takers), kind="data")

    def _weigh(self, nodes: Sequence[str], cross: Sequence[str] | None, alpha: Any, beta: Any) -> None:
        """α_ji on the edge from node i to crossing j, and β_j on that from j to the fusion."""
        for j, b in enumerate(nodes if cross is None else cross):
            if cross is not None:
                for i, a in enumerate(nodes):
                    self.graph.edges[a, b].update(kind="alpha", weight=float(alpha[j, i]))
            self.graph.edges[b, "fusion"].update(kind="beta")
            if beta is not None:
                self.graph.edges[b, "fusion"].update(weight=float(beta[j]))

    def _call(self, **labels: str) -> None:
        for name, text in labels.items():
            if name in self.graph:
                self.graph.nodes[name]["label"] = text

    def _number(self, names: Sequence[str], letter: str) -> None:
        for k, name in enumerate(names, 1):
            self.graph.nodes[name]["label"] = f"${letter}_{{{k}}}$"


def _names(k: int, layer: Any) -> list[str]:
    if isinstance(layer, str):
        return [layer]
    if isinstance(layer, int) and not isinstance(layer, bool):
        return [f"{k}.{i}" for i in range(1, layer + 1)]
    if isinstance(layer, Iterable):
        names = list(layer)
        if all(isinstance(name, str) for name in names):
            return names
    raise NotApplicable(f"a layer is a number of nodes, a name or a list of names; {layer!r} was given.")


def _places(word: str, count: int) -> list[str]:
    return [f"{word} {k}" for k in range(1, count + 1)]


def _mean_beta(controller: Any, x: Any) -> Any:
    """The mean fusion weights of the points, without a word to the feedback."""
    import torch

    points = torch.as_tensor(prepare(controller, x))
    with torch.no_grad():
        Z = controller.propagate(points if points.ndim == 2 else points[None])
        return as_numpy(controller.fusion_weights(controller.synthesise(Z)).mean(0))


def _networkx() -> Any:
    try:
        import networkx
    except ImportError as missing:
        raise ImportError("AttentionGraph needs networkx. Install it with: pip install 'kymath[torch]'") from missing
    return networkx
