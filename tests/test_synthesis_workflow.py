"""The workflow of seven stages, and the attention graph of what runs."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest

import kymath as ky
from kymath.errors import EmptyData, KYError
from kymath.synthesis.workflow import STAGES, Workflow

torch = pytest.importorskip("torch", reason="attention nodes need torch")
nx = pytest.importorskip("networkx", reason="graphs need networkx")

from kymath.synthesis import (  # noqa: E402
    AttentionGraph,
    AttentionNode,
    AttentionNodeController,
    SynthesisNet,
)
from kymath.synthesis.controller import Feedback  # noqa: E402


def controller(nodes=3, alpha=1.0):
    generator = torch.Generator().manual_seed(1)
    made = [AttentionNode(4, 5, activation="tanh", generator=generator) for _ in range(nodes)]
    return AttentionNodeController(made, alpha)


@pytest.fixture
def x():
    return 3 * np.random.default_rng(0).normal(size=(20, 4))


# -- the pipeline ------------------------------------------------------------------------------------------------------


def test_the_output_is_that_of_the_controller(x):
    flow = Workflow(controller())
    found = flow.run(x)
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, controller().execute_cycle(x.astype(np.float32)).detach().numpy(), rtol=1e-6)
    assert list(flow.timings) == list(STAGES)
    assert all(seconds >= 0 for seconds in flow.timings.values())


def test_the_loop_is_real(x):
    flow, still = Workflow(controller()), Workflow(controller(), control=lambda feedback: None)
    changed, same = flow.run(x, cycles=5), still.run(x, cycles=5)
    settings = [setting for _, setting in flow.history]
    assert len(set(settings)) == 5
    assert flow.controller.temperature == settings[-1] != 1.0
    assert [len(feedback) for feedback, _ in flow.history] == [1, 2, 3, 4, 5]
    assert [feedback[-1].temperature for feedback, _ in flow.history] == [1.0, *settings[:-1]]
    assert [len(feedback) for feedback, _ in still.history] == [1, 2, 3, 4, 5]
    assert not np.allclose(changed, same)
    np.testing.assert_allclose(same, Workflow(controller()).run(x))


def test_the_control_reads_what_the_feedback_stage_gives(x):
    none, forged = Workflow(controller(), feedback=lambda decision: []), Workflow(controller())
    none.run(x)
    assert none.controller.temperature == 1.0
    forged = forged.replace("feedback", lambda decision: [Feedback(evenness=0.0, magnitude=1.0, temperature=1.0)])
    forged.run(x)
    assert forged.controller.temperature == pytest.approx(np.exp(0.7))
    with pytest.raises(KYError, match="entries of Feedback"):
        Workflow(controller(), feedback=lambda decision: ["rubbish"]).run(x)


def test_stages_may_be_functions_of_numpy(x):
    chosen = Workflow(controller()).replace("reasoning", lambda fused: np.argmax(fused.numpy(), -1)).run(x)
    assert chosen.shape == (len(x),)


def test_each_stage_can_be_replaced(x):
    seen = []

    def noting(name):
        def stage(value):
            seen.append(name)
            return value

        return stage

    flow = Workflow(controller())
    for name in STAGES:
        flow = flow.replace(name, noting(name))
    assert flow.run(x, cycles=2) is x
    assert seen == [*STAGES[:2], *STAGES[2:6], *STAGES[2:6], STAGES[6]]


def test_replacing_makes_a_new_one(x):
    flow = Workflow(controller())
    other = flow.replace("reasoning", lambda fused: fused.argmax(-1))
    assert flow.run(x).shape == (20, 3)
    assert other.run(x).shape == (20,)
    with pytest.raises(ky.NotApplicable, match=r"'reason' is no stage.*ingestion, preprocessing, synthesis, reasoning"):
        flow.replace("reason", len)
    with pytest.raises(TypeError):
        flow.stages["reasoning"] = len
    with pytest.raises(ky.NotApplicable, match="output must be a function"):
        flow.replace("output", 3)


def test_progress_and_timing(x):
    said = []
    flow = Workflow(controller(), reasoning=lambda fused: time.sleep(0.01) or fused)
    flow.run(x, cycles=2, watch=lambda *words: said.append(words))
    names = [*STAGES[:6], *STAGES[2:6], "output", "done"]
    assert said == [(k, 11, name) for k, name in enumerate(names)]
    assert 0.02 <= flow.timings["reasoning"] < 0.2  # of both cycles
    flow.run(x)
    assert flow.timings["reasoning"] < 0.02  # of this run alone
    assert len(flow.history) == 1


def test_sources(x, tmp_path):
    np.save(tmp_path / "x.npy", x)
    flow = Workflow(controller())
    wanted = flow.run(x)
    for source in (tmp_path / "x.npy", str(tmp_path / "x.npy"), x.tolist(), iter(x), torch.tensor(x)):
        np.testing.assert_allclose(Workflow(controller()).run(source), wanted, rtol=1e-5)
    assert Workflow(controller()).run(x[0]).shape == (3,)
    assert Workflow(controller()).run(x.reshape(20, 2, 2)).shape == (20, 3)
    np.save(tmp_path / "pickle.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(KYError, match=r"the stage ingestion \(read\) failed: ValueError: .*allow_pickle"):
        flow.run(tmp_path / "pickle.npy")


def test_failures_name_their_stage(x):
    def broken(fused):
        raise ZeroDivisionError("by nothing")

    flow = Workflow(controller(), reasoning=broken)
    with pytest.raises(
        KYError, match=r"the stage reasoning \(broken\) failed: ZeroDivisionError: by nothing"
    ) as caught:
        flow.run(x)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert list(flow.timings) == list(STAGES[:4])
    with pytest.raises(EmptyData, match=r"the stage preprocessing \(prepare\) failed: the data has the shape"):
        flow.run(np.zeros((0, 4)))
    with pytest.raises(ky.errors.ShapeMismatch, match=r"the stage synthesis .* the node takes \(batch, 4\)"):
        flow.run(np.zeros((2, 3)))
    with pytest.raises(ky.errors.NotADistribution, match=r"the stage preprocessing .* not finite"):
        flow.run([[1.0, 2.0, 3.0, float("nan")]])

    def stopped(fused):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        flow.replace("reasoning", stopped).run(x)


@pytest.mark.parametrize("cycles", [0, -1, 1.0, True])
def test_cycles(x, cycles):
    with pytest.raises(ky.NotApplicable, match="cycles must be a whole number from 1"):
        Workflow(controller()).run(x, cycles=cycles)


def test_what_the_controller_must_have():
    class Cycle:
        def execute_cycle(self, x):
            return x

    with pytest.raises(ky.NotApplicable, match="stage synthesis needs a controller with execute_cycle; no controller"):
        Workflow()
    with pytest.raises(ky.NotApplicable, match="stage feedback needs a controller with feedback; a Cycle without"):
        Workflow(Cycle())
    flow = Workflow(Cycle(), feedback=np.sum, control=lambda level: level)
    assert flow.run([[1.0, 2.0]]).tolist() == [[1.0, 2.0]]
    assert flow.history == [(3.0, 3.0)]
    assert "synthesis: Cycle.execute_cycle → reasoning: unchanged → feedback: sum → control: a function" in repr(flow)


# -- the graph ---------------------------------------------------------------------------------------------------------


def weights(graph, kind):
    return {(a, b): edge["weight"] for a, b, edge in graph.edges(data=True) if edge["kind"] == kind}


def test_layers():
    graph = AttentionGraph([2, "mid", ["a", "b"]])
    assert list(graph.graph) == ["1.1", "1.2", "mid", "a", "b"]
    assert list(nx.get_node_attributes(graph.graph, "layer").values()) == [0, 0, 1, 2, 2]
    assert set(graph.graph.edges) == {("1.1", "mid"), ("1.2", "mid"), ("mid", "a"), ("mid", "b")}
    assert graph.titles == ("layer 1", "layer 2", "layer 3")
    assert nx.is_directed_acyclic_graph(AttentionGraph([3, 4, 5]).graph)
    assert AttentionGraph([3, 4, 5]).graph.number_of_edges() == 32


def test_layers_that_cannot_be():
    for empty in ([], [2, 0], [2, []]):
        with pytest.raises(EmptyData, match="at least one"):
            AttentionGraph(empty)
    with pytest.raises(ky.NotApplicable, match="'a' stands twice"):
        AttentionGraph([["a", "b"], "a"])
    for wrong in (1.5, True, [1, 2], None):
        with pytest.raises(ky.NotApplicable, match="a layer is a number of nodes"):
            AttentionGraph([wrong])
    with pytest.raises(ky.NotApplicable, match="Linear was given"):
        AttentionGraph.of(torch.nn.Linear(1, 1))


def test_of_a_controller(x):
    alpha = torch.rand(3, 3, generator=torch.Generator().manual_seed(0))
    made = controller(3, alpha)
    graph = AttentionGraph.of(made).graph
    assert [len(layer) for layer in nx.topological_generations(graph)] == [1, 3, 3, 1, 1]
    found = weights(graph, "alpha")
    assert len(found) == 9
    assert found["node 1", "cross 3"] == pytest.approx(float(alpha[0, 2]))  # α_13 weighs Z_1 in the third column of C
    assert all("weight" not in edge for *_, edge in graph.edges(data=True) if edge["kind"] == "beta")
    beta = weights(AttentionGraph.of(made, x).graph, "beta")
    Z = made.propagate(torch.tensor(x, dtype=torch.float32))
    wanted = made.fusion_weights(made.synthesise(Z)).mean(0)
    np.testing.assert_allclose(list(beta.values()), wanted.detach().numpy(), rtol=1e-6)
    assert not made.feedback  # looking on leaves no trace
    assert set(weights(AttentionGraph.of(controller(2, 0.25)).graph, "alpha").values()) == {0.25}
    each = AttentionGraph.of(controller(2, torch.rand(2, 2, 5))).graph
    assert len(weights(each, "alpha")) == 4


def test_of_a_net_as_it_is_now():
    generator = torch.Generator().manual_seed(0)
    net = SynthesisNet(4, 3, nodes=2, width=5, generator=generator)
    assert set(weights(AttentionGraph.of(net).graph, "beta").values()) == {0.5}
    with torch.no_grad():
        net.fusion.scores.copy_(torch.tensor([0.0, float(np.log(3))]))
        net.alpha_scores[1, 0] = 9.0
    graph = AttentionGraph.of(net).graph
    assert weights(graph, "beta") == pytest.approx({("cross 1", "fusion"): 0.25, ("cross 2", "fusion"): 0.75})
    assert weights(graph, "alpha")["node 1", "cross 2"] == pytest.approx(0.99988, abs=1e-5)  # α_21
    assert list(graph)[0::7] == ["input", "output"]
    plain = AttentionGraph.of(SynthesisNet(4, 3, nodes=2, synthesis=False, encoder=torch.nn.Linear(4, 4)))
    assert plain.titles == ("input", "encoder", "nodes", "fusion", "head", "classes")
    assert weights(plain.graph, "beta") == {("node 1", "fusion"): 0.5, ("node 2", "fusion"): 0.5}
    assert not weights(plain.graph, "alpha")


def test_of_a_workflow(x):
    flow = Workflow(controller(), reasoning=np.asarray)
    graph = AttentionGraph.of(flow).graph
    assert tuple(graph) == STAGES
    assert all(graph.has_edge(a, b) for a, b in pairwise(STAGES))
    assert [(a, b) for a, b, kind in graph.edges(data="kind") if kind == "feedback"] == [("control", "synthesis")]
    assert graph.has_edge("reasoning", "output")
    assert nx.find_cycle(graph)
    assert graph.nodes["reasoning"]["function"] == "asarray"
    assert graph.nodes["synthesis"]["seconds"] is None
    flow = flow.replace("reasoning", lambda fused: fused)
    flow.run(x)
    assert AttentionGraph.of(flow).graph.nodes["synthesis"]["seconds"] == flow.timings["synthesis"]
