"""The charts of sections 4.1, 4.2 and 6.2, from running objects and from the command line."""

from __future__ import annotations

import os

import numpy as np
import pytest

pytest.importorskip("torch", reason="attention nodes need torch")
pytest.importorskip("networkx", reason="graphs need networkx")

import matplotlib
import matplotlib.pyplot as plt
import torch

from kymath.cli import main
from kymath.synthesis import AttentionGraph, AttentionNode, AttentionNodeController, SynthesisNet, Workflow
from kymath.synthesis.draw import TITLES, engine_chart

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def flow(nodes=3, **stages):
    generator = torch.Generator().manual_seed(0)
    made = [AttentionNode(4, 5, generator=generator) for _ in range(nodes)]
    return Workflow(AttentionNodeController(made, torch.rand(nodes, nodes, generator=generator)), **stages)


def words(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def apart(ax):
    """No two words overlap, and all of them are inside the figure."""
    figure = ax.figure
    figure.canvas.draw()
    key = ax.get_legend()
    shown = [*ax.texts, *([] if key is None else key.get_texts())]
    for panel in ax.child_axes:
        shown += [panel.title, panel.xaxis.label, *panel.texts]
    shown = [text for text in shown if text.get_text().strip()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in shown]
    width, height = figure.canvas.get_width_height()
    for k, (text, box) in enumerate(boxes):
        assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1, text  # noqa: PT018
        for other, second in boxes[:k]:
            assert not box.padded(-1).overlaps(second.padded(-1)), (text, other)
    return True


def test_the_chart_of_a_workflow():
    made = flow(reasoning=np.asarray, control=lambda feedback: 1.0)
    made = made.replace("reasoning", lambda fused: fused)
    ax = made.draw()
    assert words(ax)[:14:2] == list(TITLES.values())
    assert words(ax)[1:14:2] == [
        "read", "prepare", "AttentionNodeController\n.execute_cycle", "a function", "buffered", "a function",
        "as_numpy",
    ]  # fmt: skip
    assert "time (ms)" not in words(ax)
    assert apart(ax)
    made.run(np.ones((5, 4)), cycles=3)
    ax = made.draw()
    assert {f"{1e3 * seconds:#.3g}".rstrip(".") for seconds in made.timings.values()} <= set(words(ax))
    assert "next cycle, 3 in all" in words(ax)
    assert [bar.get_width() for bar in ax.containers[2]] == [pytest.approx(1.15)]  # synthesis took longest
    assert apart(ax)


def test_the_chart_of_the_engine():
    made = flow()
    assert apart(engine_chart(made))
    made.run(np.random.default_rng(0).normal(size=(20, 4)), cycles=4)
    ax = engine_chart(made)
    said = words(ax)
    for title in ("Input layer", "Attention synthesis engine", "Output layer", "Reasoning kernel", "Feedback loop"):
        assert title in said
    assert {"3 nodes", "4 cycles", f"temperature {made.controller.temperature:.3g}"} <= set(said)
    alpha, evenness = ax.child_axes
    assert alpha.get_title() == r"$\alpha_{ij}$ between nodes"
    assert np.array_equal(alpha.images[0].get_array(), made.controller.alpha.numpy())
    wanted = [feedback[-1].evenness for feedback, _ in made.history]
    assert evenness.lines[0].get_ydata().tolist() == wanted
    assert apart(ax)


def test_the_engine_of_other_controllers():
    ax = engine_chart(Workflow(synthesis=abs, feedback=abs, control=abs))
    assert not ax.child_axes
    assert "abs" in words(ax)
    assert apart(ax)
    made = flow(8)
    made.run(np.ones((5, 4)))
    (alpha,) = engine_chart(made).child_axes
    assert "from 0." in alpha.get_title()
    assert not alpha.texts


@pytest.mark.parametrize("count", [2, 7, 13])
def test_graphs(count):
    generator = torch.Generator().manual_seed(0)
    net = SynthesisNet(4, 3, nodes=count, width=5, generator=generator)
    ax = AttentionGraph.of(net).draw()
    assert {"input", "nodes", "cross-synthesis", "fusion", "head", "classes"} <= set(words(ax))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        r"$\alpha$ = 0.5", rf"$\beta$ = {1 / count:.2g}"
    ]  # fmt: skip
    assert (r"$Z_{2}$" in words(ax)) is (count <= 12)
    assert apart(ax)


def test_wider_is_more():
    made = AttentionNodeController([AttentionNode(2, 2) for _ in range(2)], [[0.0, 0.2], [0.5, 1.0]])
    ax = AttentionGraph.of(made).draw()
    widths = [round(patch.get_linewidth(), 3) for patch in ax.patches]
    assert sorted(widths)[-2:] == [1.9, 3.5]
    assert min(widths) == 0.3


def test_the_order_of_a_layer_is_kept():
    ax = AttentionGraph([["d", "b", "a", "c"], "out"]).draw()
    height = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert height["d"] > height["b"] > height["a"] > height["c"]
    assert words(AttentionGraph([["$a$", "b$"], "out"]).draw())[:2] == [r"\$a\$", r"b\$"]


def test_given_axes_are_used():
    figure, ax = plt.subplots()
    for draw in (flow().draw, AttentionGraph.of(flow()).draw, lambda one: engine_chart(flow(), one)):
        assert draw(ax) is ax
    assert figure.axes == [ax]


# -- the command -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["workflow", "network", "graph"])
@pytest.mark.parametrize("kind", ["png", "svg"])
def test_draw(what, kind, tmp_path, capsys):
    file = tmp_path / f"picture.{kind}"
    assert main(["synthesis", "draw", "--out", str(file), "--what", what]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (f"Drawn: {file} (4 nodes, 256 made-up points, 12 cycles, seed 0)\n", "")
    assert file.read_bytes().startswith({"png": b"\x89PNG", "svg": b"<?xml"}[kind])
    assert os.listdir(tmp_path) == [file.name]


def test_the_seed_decides(tmp_path):
    pictures = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        file = tmp_path / f"{name}.png"
        assert main(["synthesis", "draw", "--out", str(file), "--what", "graph", "--seed", str(seed)]) == 0
        pictures.append(file.read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--out", "a.jpeg"], "--out takes a file whose name ends in one of .png, .pdf, .svg; 'a.jpeg'"),
        (["--out", "nowhere/a.png"], "--out nowhere/a.png: the folder nowhere does not exist."),
        (
            ["--out", "a.png", "--what", "netwrk"],
            "--what takes one of workflow, network, graph; 'netwrk' was given. Did",
        ),
        (["--out", "a.png", "--seed", "-1"], "--seed must be from 0 to 2^63 - 1; -1 was given."),
        ([], "--out"),
    ],
)
def test_misuse(argv, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["synthesis", "draw", *argv]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert "Traceback" not in err
    assert not out
    assert not os.listdir(tmp_path)


def test_help(capsys):
    assert main(["synthesis", "draw", "--help"]) == 0
    assert "kymath synthesis draw --out workflow.png" in capsys.readouterr().out
