"""kymath.synthesis: cross matrices, nodes, fusion, the controller and the network, against plain loops."""

import itertools
import math

import numpy as np
import pytest

from kymath.errors import EmptyData, KYError, NotADistribution, NotApplicable, ShapeMismatch
from kymath.synthesis.cross import cross_matrix, fuse

# -- the cross matrix and its fusion, with NumPy alone --------------------------------------------------------------


def crossed_by_loops(Z, alpha):
    n, p = Z.shape
    alpha = np.asarray(alpha)
    a = np.broadcast_to(alpha if alpha.ndim == 3 else alpha[..., None], (n, n, p))
    return np.array(
        [[sum(a[i, j, k] * Z[i, k] * Z[j, k] for k in range(p)) / math.sqrt(p) for j in range(n)] for i in range(n)]
    )


ALPHAS = {"number": (), "pairs": (3, 3), "components": (3, 3, 5)}


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("kind", ALPHAS)
def test_the_cross_matrix_against_loops(library, kind):
    rng = np.random.default_rng(0)
    Z, alpha = rng.normal(size=(2, 4, 3, 5)), rng.uniform(size=ALPHAS[kind])
    given = Z, alpha
    if library == "torch":
        torch = pytest.importorskip("torch", reason="tensors need torch")
        given = torch.tensor(Z), torch.tensor(alpha)
    found = np.asarray(cross_matrix(*given))
    assert found.shape == (2, 4, 3, 3)
    for at in np.ndindex(2, 4):
        np.testing.assert_allclose(found[at], crossed_by_loops(Z[at], alpha), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("batch", [(), (4,)])
def test_the_fusion_against_loops(batch):
    rng = np.random.default_rng(1)
    C, beta = rng.normal(size=(*batch, 3, 3)), rng.dirichlet(np.ones(3), batch or None)
    found = fuse(C, beta)
    for at in np.ndindex(*batch):
        one = [sum(beta[at][j] * C[at][i, j] for j in range(3)) for i in range(3)]
        np.testing.assert_allclose(found[at], one, rtol=1e-13)
    np.testing.assert_allclose(fuse(C, np.full(3, 1 / 3)), C.mean(-1), rtol=1e-13)


def test_the_fusion_of_the_pseudocode_is_another():
    C, beta = np.array([[1.0, 2.0], [2.0, 5.0]]), np.array([0.25, 0.75])
    assert fuse(C, beta).tolist() == [1.75, 4.25]
    assert np.sum(beta * C, axis=0).tolist() == [0.75, 5.25]


def test_a_convex_fusion_stays_below_the_largest():
    rng = np.random.default_rng(2)
    C, beta = rng.normal(size=(200, 3, 3)), rng.dirichlet(np.ones(3), 200)
    assert (abs(fuse(C, beta)) <= abs(C).max(-1) * (1 + 1e-15)).all()


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: cross_matrix([1.0, 2.0]), ShapeMismatch, "nodes, components"),
        (lambda: cross_matrix(np.ones((3, 2)), np.ones((2, 2))), ShapeMismatch, r"\(3, 3\) or \(3, 3, 2\)"),
        (lambda: cross_matrix(np.ones((3, 2)), np.ones((3, 3, 4))), ShapeMismatch, "alpha"),
        (lambda: cross_matrix(np.ones((3, 2)), 1.5), NotADistribution, "alpha"),
        (lambda: cross_matrix(np.full((3, 2), np.inf)), NotADistribution, "not finite"),
        (lambda: cross_matrix(np.ones((3, 0))), EmptyData, "holds nothing"),
        (lambda: cross_matrix(np.ones((0, 3, 2))), EmptyData, "holds nothing"),
        (lambda: fuse(np.ones((2, 2)), [0.2, 0.3, 0.5]), ShapeMismatch, "agree in j"),
        (lambda: fuse(np.ones(2), [0.5, 0.5]), ShapeMismatch, "agree in j"),
        (lambda: fuse(np.ones((3, 2, 2)), np.full((4, 2), 0.5)), ShapeMismatch, "batches"),
        (lambda: fuse(np.ones((2, 2)), [2.0, -1.0]), NotADistribution, r"\[0, 1\]; -1"),
        (lambda: fuse(np.ones((2, 2)), [0.5, 0.4]), NotADistribution, "its sum is 0.9"),
        (lambda: fuse(np.ones((2, 2)), np.ones((0, 2))), EmptyData, "beta"),
        (lambda: fuse(np.ones((0, 2, 2)), [0.5, 0.5]), EmptyData, "C has"),
    ],
)
def test_what_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()


# -- with torch -----------------------------------------------------------------------------------------------------


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="nodes need torch")


@pytest.fixture
def synthesis(torch):
    from kymath import synthesis

    return synthesis


def seeded(torch, seed=0):
    return torch.Generator().manual_seed(seed)


def test_batches_that_do_not_go_together_are_told_for_tensors_too(torch):
    with pytest.raises(ShapeMismatch, match="batches"):
        fuse(torch.ones(3, 2, 2), torch.full((4, 2), 0.5))
    fused = fuse(torch.eye(2), np.array([0.25, 0.75]))  # of another precision
    assert fused.tolist() == [0.25, 0.75]


def test_cross_and_fusion_have_derivatives(torch):
    Z = torch.randn(2, 3, 4, generator=seeded(torch), dtype=torch.float64, requires_grad=True)
    alpha = torch.rand(3, 3, 4, generator=seeded(torch), dtype=torch.float64).mul(0.8).add(0.1).requires_grad_()
    scores = torch.randn(3, generator=seeded(torch), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *a: fuse(cross_matrix(*a[:2]), a[2].softmax(0)), (Z, alpha, scores))


@pytest.mark.parametrize("shape", [(), (5,), (2, 5)])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "gelu", "identity"])
def test_a_node_against_loops(torch, synthesis, shape, activation):
    node = synthesis.AttentionNode(3, 2, activation=activation, generator=seeded(torch)).double()
    x = torch.randn(*shape, 3, generator=seeded(torch, 1), dtype=torch.float64)
    found = node(x).detach()
    assert found.shape == (*shape, 2)
    sigma = {
        "relu": lambda t: max(t, 0.0),
        "tanh": math.tanh,
        "sigmoid": lambda t: 1 / (1 + math.exp(-t)),
        "gelu": lambda t: t * (1 + math.erf(t / math.sqrt(2))) / 2,
        "identity": lambda t: t,
    }[activation]
    keys, queries = (getattr(node.mechanism, name).detach().numpy() for name in ("keys", "queries"))
    base, bias, level = node.base.detach().numpy(), node.bias.detach().numpy(), float(node.mechanism.level.detach())
    for at in np.ndindex(*shape):
        for out in range(2):
            total = bias[out]
            for i in range(3):
                score = sum(queries[out, r] * keys[i, r] for r in range(keys.shape[1])) + level
                total += base[out, i] / (1 + math.exp(-score)) * float(x[at][i])
            assert float(found[at][out]) == pytest.approx(sigma(total), rel=1e-12, abs=1e-14)


def test_the_mechanism_of_a_node(torch, synthesis):
    node = synthesis.AttentionNode(3, 2, generator=seeded(torch))
    A = node.mechanism()
    assert A.shape == node.weights().shape == (2, 3)
    assert 0 < float(A.detach().min()) <= float(A.detach().max()) < 1
    node(torch.ones(4, 3)).sum().backward()
    assert all(p.grad is not None for p in node.parameters())
    again = synthesis.AttentionNode(3, 2, generator=seeded(torch))
    assert all(torch.equal(a, b) for a, b in zip(node.parameters(), again.parameters(), strict=True))


def test_a_node_reasons(torch, synthesis):
    plain, doubled = (
        synthesis.AttentionNode(3, 2, reasoning=kernel, generator=seeded(torch)) for kernel in (None, lambda z: 2 * z)
    )
    x = torch.randn(4, 3, generator=seeded(torch))
    assert torch.equal(doubled(x), 2 * plain(x))
    kernel = torch.nn.Linear(2, 2)
    assert len(list(synthesis.AttentionNode(3, 2, reasoning=kernel).parameters())) == len(list(plain.parameters())) + 2


def test_what_a_node_refuses(torch, synthesis):
    with pytest.raises(ShapeMismatch, match=r"\(batch, 3\); \(5, 4\)"):
        synthesis.AttentionNode(3, 2)(torch.ones(5, 4))
    with pytest.raises(ShapeMismatch, match=r"\(batch, 3\)"):
        synthesis.AttentionNode(3, 2)(torch.tensor(1.0))
    with pytest.raises(ShapeMismatch, match="at least 1"):
        synthesis.AttentionNode(0, 2)
    with pytest.raises(NotApplicable, match="relu, tanh"):
        synthesis.AttentionNode(3, 2, activation="step")


# -- hierarchical fusion --------------------------------------------------------------------------------------------


def test_fusion_weights_stay_on_the_simplex(torch, synthesis):
    fusion = synthesis.HierarchicalFusion(3)
    Z = torch.randn(5, 3, 4, generator=seeded(torch))
    fused, beta = fusion(Z)
    assert beta.detach().numpy() == pytest.approx([1 / 3] * 3)
    torch.testing.assert_close(fused, Z.mean(1))
    optimiser = torch.optim.SGD(fusion.parameters(), lr=30.0)
    for _ in range(50):
        optimiser.zero_grad()
        (fusion(Z)[0] - Z[:, 1]).square().mean().backward()  # the second node is the right one
        optimiser.step()
        beta = fusion(Z)[1].detach()
        assert (beta >= 0).all()
        assert float(beta.sum()) == pytest.approx(1, abs=1e-6)
    assert int(beta.argmax()) == 1
    assert float(beta[1]) > 0.9
    norms = fusion(Z)[0].detach().norm(dim=-1)
    assert (norms <= Z.norm(dim=-1).max(1).values * (1 + 1e-6)).all()


def test_fusion_against_loops(torch, synthesis):
    fusion = synthesis.HierarchicalFusion(3).double()
    with torch.no_grad():
        fusion.scores.copy_(torch.tensor([0.3, -2.0, 1.0]))
    Z = torch.randn(2, 3, 4, generator=seeded(torch), dtype=torch.float64)
    scores = fusion.scores.tolist()
    weights = [math.exp(s) / sum(map(math.exp, scores)) for s in scores]
    fused, beta = (t.detach().numpy() for t in fusion(Z))
    np.testing.assert_allclose(beta, weights, rtol=1e-14)
    for b, k in np.ndindex(2, 4):
        assert fused[b, k] == pytest.approx(sum(weights[j] * float(Z[b, j, k]) for j in range(3)), rel=1e-12)


@pytest.mark.parametrize("shape", [(4, 2), (3,), (5, 2, 4)])
def test_fusion_refuses_other_numbers_of_nodes(torch, synthesis, shape):
    with pytest.raises(ShapeMismatch, match="one row a node"):
        synthesis.HierarchicalFusion(3)(torch.ones(shape))
    with pytest.raises(ShapeMismatch, match="at least 1"):
        synthesis.HierarchicalFusion(0)


# -- the controller -------------------------------------------------------------------------------------------------


def made(torch, synthesis, alpha=1.0, count=3, **options):
    nodes = [synthesis.AttentionNode(4, 5, activation="tanh", generator=seeded(torch, i)) for i in range(count)]
    return synthesis.AttentionNodeController(nodes, alpha, **options)


@pytest.mark.parametrize("kind", ALPHAS)
def test_a_cycle_against_loops(torch, synthesis, kind):
    alpha = np.random.default_rng(3).uniform(size=ALPHAS[kind])
    controller = made(torch, synthesis, alpha).double()
    x = torch.randn(6, 4, generator=seeded(torch, 9), dtype=torch.float64)
    fused = controller.execute_cycle(x).detach().numpy()
    assert fused.shape == (6, 3)
    evenness = []
    for one, row in zip(x, fused, strict=True):
        C = crossed_by_loops(np.array([node(one).tolist() for node in controller.nodes]), alpha)
        heard = [math.exp(sum(C[i, j] for i in range(3)) / 3) for j in range(3)]
        beta = [h / sum(heard) for h in heard]
        evenness.append(-sum(b * math.log(b) for b in beta) / math.log(3))
        np.testing.assert_allclose(row, [sum(beta[j] * C[i, j] for j in range(3)) for i in range(3)], rtol=1e-12)
    feedback = controller.feedback[-1]
    assert feedback.evenness == pytest.approx(np.mean(evenness), rel=1e-12)
    assert feedback.magnitude == pytest.approx(math.sqrt((fused**2).mean()), rel=1e-12)
    assert feedback.temperature == 1.0
    np.testing.assert_allclose(controller.execute_cycle(x[0]).detach().numpy(), fused[0], rtol=1e-12)


def test_data_come_as_they_are(torch, synthesis):
    """Lists and NumPy's doubles go through nodes that learn in single precision."""
    controller = made(torch, synthesis)
    x = np.ones((2, 4))
    found = controller.execute_cycle(x)
    assert found.dtype == torch.float32
    for other in (x.tolist(), x.astype(int), torch.tensor(x)):
        torch.testing.assert_close(controller.execute_cycle(other), found)
    assert made(torch, synthesis).double().execute_cycle(x.tolist()).dtype == torch.float64


def test_the_feedback_is_bounded_and_the_newest_is_last(torch, synthesis):
    controller = made(torch, synthesis, feedback_size=3)
    sizes = []
    for k in range(5):
        controller.temperature = 1.0 + k
        sizes.append(float(controller.execute_cycle(torch.full((4,), float(k))).detach().square().mean().sqrt()))
        assert len(controller.feedback) == min(k + 1, 3)
    assert [entry.temperature for entry in controller.feedback] == [3.0, 4.0, 5.0]
    assert [entry.magnitude for entry in controller.feedback] == pytest.approx(sizes[-3:])


def test_one_node_is_even(torch, synthesis):
    controller = made(torch, synthesis, count=1)
    assert controller.execute_cycle([1.0, 0.0, 2.0, 0.0]).shape == (1,)
    assert controller.feedback[-1].evenness == 1.0


@pytest.mark.parametrize("wanted", [0.4, 0.7, 0.9])
@pytest.mark.parametrize("begin", [0.05, 1.0, 40.0])
def test_the_control_moves_the_evenness(torch, synthesis, wanted, begin):
    controller = synthesis.AttentionNodeController([lambda x, k=k: (k + 1) * x for k in range(4)], 1.0)
    controller.temperature = begin
    x = torch.rand(16, 4, generator=seeded(torch)) + 0.2
    seen = []
    for _ in range(100):
        controller.execute_cycle(x)
        seen.append(controller.feedback[-1].evenness)
        controller.adapt(evenness=wanted, gain=1.0)
    assert len(controller.feedback) == 100
    assert seen[-1] == pytest.approx(wanted, abs=0.02)
    away = [abs(one - wanted) for one in seen]
    assert all(later <= before + 1e-6 for before, later in itertools.pairwise(away[:10]))


def test_the_control_reads_all_of_the_feedback(torch, synthesis):
    controller = made(torch, synthesis)
    assert controller.adapt() == 1.0  # nothing to read
    for x in ([0.0] * 4, [5.0] * 4):
        controller.execute_cycle(x)
    mean = sum(entry.evenness for entry in controller.feedback) / 2
    assert controller.adapt(evenness=0.5, gain=2.0) == pytest.approx(math.exp(2 * (0.5 - mean)))
    for gain, limit in ((1e9, 100.0), (1e9, 0.01)):
        controller.execute_cycle([0.0] * 4 if limit < 1 else [9.0] * 4)
        entry = controller.feedback[-1]
        found = controller.adapt(evenness=(entry.evenness + (limit > 1)) / 2, gain=gain)
        assert found == pytest.approx(limit) or entry.evenness == 1.0


def test_a_controller_is_a_module(torch, synthesis):
    controller = made(torch, synthesis, np.full((3, 3), 0.5))
    assert set(controller.state_dict()) >= {"alpha", "trained.0.base", "trained.2.bias"}
    controller.execute_cycle(torch.ones(4)).sum().backward()
    assert all(p.grad is not None for p in controller.parameters())
    assert torch.equal(controller(torch.ones(4)), controller.execute_cycle(torch.ones(4)))


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"nodes": []}, EmptyData, "at least one node"),
        ({"alpha": np.ones((2, 2))}, ShapeMismatch, r"\(3, 3\)"),
        ({"alpha": np.ones(3)}, ShapeMismatch, r"\(3, 3\)"),
        ({"alpha": np.ones((3, 3, 5, 1))}, ShapeMismatch, r"\(3, 3\)"),
        ({"alpha": np.ones((3, 3, 0))}, EmptyData, "holds nothing"),
        ({"alpha": 2.0}, NotADistribution, r"\[0, 1\]; 2"),
        ({"alpha": "all"}, ShapeMismatch, "real numbers"),
        ({"alpha": np.ones((3, 3, 4)), "x": np.ones(4)}, ShapeMismatch, "5 components"),
        ({"feedback_size": 0}, NotApplicable, "at least 1"),
        ({"x": np.ones((2, 3, 4))}, ShapeMismatch, r"\(m,\) or \(batch, m\)"),
        ({"x": np.ones((0, 4))}, EmptyData, "at least one data point"),
        ({"x": np.ones(7)}, ShapeMismatch, r"\(batch, 4\)"),
        ({"x": [[1.0, 2.0], [3.0]]}, ShapeMismatch, "one shape"),
        ({"x": "four"}, ShapeMismatch, "real numbers"),
        ({"x": [1.0, 2.0, 3.0, math.nan]}, NotADistribution, "not finite"),
        ({"adapt": {"evenness": 1.0}}, NotApplicable, "between 0 and 1"),
        ({"adapt": {"gain": -1.0}}, NotApplicable, "gain"),
        ({"adapt": {"gain": math.nan}}, NotApplicable, "gain"),
    ],
)
def test_what_the_controller_refuses(torch, synthesis, change, error, says):
    nodes = change.get("nodes", [synthesis.AttentionNode(4, 5) for _ in range(3)])

    def cycle():
        controller = synthesis.AttentionNodeController(
            nodes, change.get("alpha", 1.0), feedback_size=change.get("feedback_size", 10)
        )
        controller.execute_cycle(change.get("x", np.ones(4)))
        controller.adapt(**change["adapt"])

    with pytest.raises(error, match=says):
        cycle()


def test_nodes_that_do_not_go_together(torch, synthesis):
    nodes = [synthesis.AttentionNode(4, 5), synthesis.AttentionNode(4, 6)]
    with pytest.raises(ShapeMismatch, match=r"\(1, 5\), \(1, 6\)"):
        synthesis.AttentionNodeController(nodes, 1.0).execute_cycle(np.ones(4))
    with pytest.raises(ShapeMismatch, match="tensors"):
        synthesis.AttentionNodeController([lambda x: 3.0], 1.0).execute_cycle(np.ones(4))
    with pytest.raises(KYError, match="not finite"):
        synthesis.AttentionNodeController([lambda x: x / 0], 1.0).execute_cycle(np.ones(4))


# -- the network ----------------------------------------------------------------------------------------------------


def net_by_loops(net, x):
    """Class scores of one input, number by number."""
    Z = [node(x).tolist() for node in net.nodes]
    n, p = len(Z), len(Z[0])
    if net.alpha_scores is not None:
        alpha = [[1 / (1 + math.exp(-s)) for s in row] for row in net.alpha_scores.tolist()]
        mixed = []
        for i in range(n):
            C = [alpha[i][j] * sum(Z[i][k] * Z[j][k] for k in range(p)) / math.sqrt(p) for j in range(n)]
            share = [math.exp(c) / sum(map(math.exp, C)) for c in C]
            mixed.append([Z[i][k] + sum(share[j] * Z[j][k] for j in range(n)) for k in range(p)])
        Z = mixed
    beta = [math.exp(s) / sum(map(math.exp, net.fusion.scores.tolist())) for s in net.fusion.scores.tolist()]
    z = [sum(beta[j] * Z[j][k] for j in range(n)) for k in range(p)]
    return [
        sum(u * v for u, v in zip(row, z, strict=True)) + c
        for row, c in zip(net.head.weight.tolist(), net.head.bias.tolist(), strict=True)
    ]


@pytest.mark.parametrize("crossing", [True, False])
@pytest.mark.parametrize("nodes", [1, 3])
def test_the_network_against_loops(torch, synthesis, crossing, nodes):
    net = synthesis.SynthesisNet(
        4, 3, nodes=nodes, width=5, synthesis=crossing, activation="tanh", generator=seeded(torch)
    ).double()
    with torch.no_grad():
        for parameter in (net.fusion.scores, *([net.alpha_scores] if crossing else [])):
            parameter.copy_(torch.randn(parameter.shape, generator=seeded(torch, 5)))
    x = torch.randn(6, 4, generator=seeded(torch, 2), dtype=torch.float64)
    found = net(x).detach()
    np.testing.assert_allclose(found, [net_by_loops(net, one) for one in x], rtol=1e-12, atol=1e-14)
    net(x).square().sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    assert (net.alpha is None) is not crossing


def test_the_network_learns(torch, synthesis):
    """Three classes that a line does not part."""
    x = torch.rand(200, 2, generator=seeded(torch)) * 2 - 1
    y = (x.norm(dim=1) * 2.2).long().clamp(max=2)
    net = synthesis.SynthesisNet(2, 3, nodes=3, width=16, generator=seeded(torch))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.03)
    for _ in range(120):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        optimiser.step()
    assert float((net(x).argmax(1) == y).float().mean()) > 0.9
    beta = net.fusion(torch.zeros(1, 3, 1))[1].detach()
    assert float(beta.sum()) == pytest.approx(1, abs=1e-6)


def test_seeds_encoders_and_dropout(torch, synthesis):
    a, b, c = (synthesis.SynthesisNet(4, 2, nodes=2, width=3, generator=seeded(torch, s)) for s in (0, 0, 1))
    x = torch.ones(2, 4)
    assert torch.equal(a(x), b(x))
    assert not torch.equal(a(x), c(x))
    coded = synthesis.SynthesisNet(4, 2, nodes=2, width=3, encoder=torch.nn.Flatten(), generator=seeded(torch))
    assert torch.equal(coded(torch.ones(2, 2, 2)), a(x))
    dropping = synthesis.SynthesisNet(4, 2, nodes=2, width=3, dropout=0.9, generator=seeded(torch))
    assert torch.equal(dropping.eval()(x), a(x))
    with pytest.raises(ShapeMismatch, match=r"\(batch, 4\)"):
        a(torch.ones(2, 5))
    for options in ({"classes": 1}, {"classes": 2, "nodes": 0}, {"classes": 2, "width": 0}):
        with pytest.raises(ShapeMismatch, match="at least"):
            synthesis.SynthesisNet(4, **options)


@pytest.mark.parametrize("wanted", [200, 3000, 50_000])
def test_the_baseline_is_of_equal_size(torch, wanted):
    from kymath.synthesis.net import PlainNet

    encoder = torch.nn.Linear(10, 10)
    net = PlainNet(10, 3, parameters=wanted, encoder=encoder, generator=seeded(torch))
    count = sum(p.numel() for p in net.parameters())
    assert abs(count - wanted) <= (10 + 1 + 3) / 2 + 1
    assert net(torch.ones(5, 10)).shape == (5, 3)
