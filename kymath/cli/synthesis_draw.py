"""``kymath synthesis draw``: the second paper's charts, drawn from a small controller that has just run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from . import drawing
from . import options as given
from .output import console

EXAMPLES = """\
kymath synthesis draw --out workflow.png
kymath synthesis draw --out engine.svg --what network
kymath synthesis draw --out graph.pdf --what graph --seed 7
"""
_KINDS = ("workflow", "network", "graph")
_NODES, _INPUTS, _WIDTH, _POINTS, _CYCLES = 4, 6, 8, 256, 12


def draw(
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="The picture: a .png, .pdf or .svg file.")],
    what: Annotated[
        str,
        typer.Option(
            "--what",
            metavar="WORD",
            help="workflow (the stages of section 6.2), network (the engine of 4.2) or graph (the nodes of 4.1).",
        ),
    ] = "workflow",
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the weights and the made-up input.")] = 0,
) -> int:
    """A picture of the workflow, its engine or its attention graph, as a small one has just run."""
    given.one_of(what, _KINDS, "--what")
    if not 0 <= seed < 2**63:
        raise given.Misuse(f"--seed must be from 0 to 2^63 - 1; {seed} was given.")
    file = drawing.check_file(out, "--out")
    with given.needed():
        paint = _painter(what, seed)
    drawing.draw(file, paint, "--out")
    console().print(f"Drawn: {out} ({_NODES} nodes, {_POINTS} made-up points, {_CYCLES} cycles, seed {seed})")
    return 0


def _painter(what: str, seed: int) -> Callable[[Any], Any]:
    """What draws on given axes, after a run."""
    from kymath.synthesis import AttentionGraph
    from kymath.synthesis.draw import engine_chart

    for _ in range(2):  # the first times would be those of torch's start
        flow, x = _running(seed)
        flow.run(x, cycles=_CYCLES)
    if what == "graph":
        return AttentionGraph.of(flow.controller, x).draw
    return flow.draw if what == "workflow" else lambda axes: engine_chart(flow, axes)


def _running(seed: int) -> tuple[Any, Any]:
    """A workflow on a few nodes, and points for it."""
    from kymath.synthesis import AttentionNode, AttentionNodeController, Workflow  # says what to install

    import torch  # isort: skip

    generator = torch.Generator().manual_seed(seed)
    nodes = [AttentionNode(_INPUTS, _WIDTH, activation="tanh", generator=generator) for _ in range(_NODES)]
    alpha = torch.rand(_NODES, _NODES, generator=generator)
    x = 3 * torch.randn(_POINTS, _INPUTS, generator=generator)
    return Workflow(AttentionNodeController(nodes, (alpha + alpha.T) / 2)), x
