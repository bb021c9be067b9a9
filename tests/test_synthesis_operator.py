"""kymath.synthesis: the operator, α and the likelihood, against plain loops; what is refused, and by which error."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kymath.errors import EmptyData, NotADistribution, NotApplicable, ShapeMismatch
from kymath.synthesis import cross_synthesis, semantic_alpha, weighted_log_likelihood
from kymath.synthesis.arrays import arrays, split
from kymath.synthesis.operator import entrywise

REDUCTIONS = ("sum", "none", "normalise")


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="tensors need torch")


@pytest.fixture(params=["numpy", "torch"])
def array(request):
    """Makes an array of doubles of one library."""
    if request.param == "numpy":
        return np.asarray
    torch = pytest.importorskip("torch", reason="tensors need torch")
    return lambda values: torch.tensor(np.asarray(values))


def matrices(*shape, count=3, seed=0):
    return np.random.default_rng(seed).uniform(0.01, 1, size=(count, *shape))


def by_loops(first, second, alpha, reduce):
    """The three readings of one pair of matrices, entry by entry."""
    x, y = first.shape
    alpha = np.broadcast_to(alpha, (x, y))
    product = [[alpha[i, k] * first[i, k] * second[i, k] for k in range(y)] for i in range(x)]
    if reduce == "sum":
        return sum(sum(row) for row in product)
    return np.array([[p / sum(row) if reduce == "normalise" else p for p in row] for row in product])


# -- the operator --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize("alpha", [1.0, 0.3, "matrix"])
def test_the_readings_against_loops(array, reduce, alpha):
    first, second, weight = matrices(3, 4)
    weight = weight if alpha == "matrix" else alpha
    found = cross_synthesis(array(first), array(second), array(weight) if alpha == "matrix" else weight, reduce=reduce)
    assert isinstance(found, type(array([1.0]))) or reduce == "sum"
    np.testing.assert_allclose(np.asarray(found), by_loops(first, second, weight, reduce), rtol=1e-14)


@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize("batched", [True, False])
def test_batches_are_matrix_by_matrix(array, reduce, batched):
    first, second, weight = matrices(2, 5, 3, 4)
    weight = weight if batched else weight[0, 0]
    found = np.asarray(cross_synthesis(array(first), array(second), array(weight), reduce=reduce))
    assert found.shape == {"sum": (2, 5)}.get(reduce, (2, 5, 3, 4))
    for at in np.ndindex(2, 5):
        one = by_loops(first[at], second[at], weight[at] if batched else weight, reduce)
        np.testing.assert_allclose(found[at], one, rtol=1e-14)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 1))
def test_bilinear_symmetric_and_bounded(seed, share):
    a, b, c, alpha = np.random.default_rng(seed).uniform(size=(4, 3, 2))
    mixed = share * a + (1 - share) * c
    for reduce in ("sum", "none"):
        two = share * cross_synthesis(a, b, alpha, reduce=reduce)
        two = two + (1 - share) * cross_synthesis(c, b, alpha, reduce=reduce)
        np.testing.assert_allclose(cross_synthesis(mixed, b, alpha, reduce=reduce), two, rtol=1e-14)
        turned = cross_synthesis(b, a, alpha, reduce=reduce)
        np.testing.assert_allclose(cross_synthesis(a, b, alpha, reduce=reduce), turned, rtol=1e-15)
    assert 0 <= cross_synthesis(a, b, alpha) <= alpha.sum()


LEAST = 5e-324
ENTRY = st.one_of(
    st.sampled_from([0.0, 1.0, LEAST, 1e-310, 1e-200, 1e-160, 1e-30]),
    st.floats(0, 1),
    st.floats(-1000, 0).map(math.exp),
)
ROW = st.tuples(*[st.lists(ENTRY, min_size=3, max_size=3)] * 3)


@settings(max_examples=300, deadline=None)
@given(ROW)
def test_rows_do_not_underflow(row):
    exact = [mpmath.mpf(a) * b * c for a, b, c in zip(*row, strict=True)]
    alpha, first, second = (np.array([values]) for values in row)
    if not sum(exact):
        with pytest.raises(NotADistribution, match="no weight at all"):
            cross_synthesis(first, second, alpha, reduce="normalise")
        return
    found = cross_synthesis(first, second, alpha, reduce="normalise")[0]
    np.testing.assert_allclose(found, [float(e / sum(exact)) for e in exact], rtol=1e-14, atol=1e-300)


def test_experts_that_agree_on_little(array):
    """The one entry that both give weight is far below what its square can be held in."""
    first, second = array([[1.0, 0.0, 1e-200]]), array([[0.0, 1.0, 1e-200]])
    found = cross_synthesis(first, second, 1.0, reduce="normalise")
    np.testing.assert_array_equal(np.asarray(found), [[0, 0, 1]])
    small = cross_synthesis(first * 1e-100, second * 1e-100, 1e-300, reduce="normalise")
    np.testing.assert_array_equal(np.asarray(small), [[0, 0, 1]])


def test_single_precision_does_not_underflow_either(torch):
    found = cross_synthesis(
        torch.tensor([[1.0, 0.0, 1e-30]]), torch.tensor([[0.0, 1.0, 1e-40]]), 1e-30, reduce="normalise"
    )
    assert found.dtype == torch.float32
    assert found.tolist() == [[0, 0, 1]]


@pytest.mark.parametrize("value", [0.0, LEAST, 1e-310, 1e-200, 0.3, 0.5, 1.0])
def test_split(array, value):
    mantissa, exponent = split(array([value]))
    assert float(mantissa[0]) * 2.0 ** float(exponent[0]) == value
    assert float(exponent[0]) == round(float(exponent[0]))
    assert value < 1e-300 or 0.5 <= float(mantissa[0]) < 1


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_gradients(torch, reduce):
    given = [torch.tensor(m, requires_grad=True) for m in matrices(2, 3)]
    assert torch.autograd.gradcheck(lambda *m: cross_synthesis(*m, reduce=reduce), given)
    one = [given[0], given[1], torch.tensor(0.4, dtype=torch.float64, requires_grad=True)]
    assert torch.autograd.gradcheck(lambda *m: cross_synthesis(*m, reduce=reduce), one)


def test_gradients_of_tiny_entries_and_of_zeros(torch):
    """Relative derivatives are those of ordinary entries; a zero has the derivative of the formula, not none."""
    first = torch.tensor([[1e-200, 3e-200]], dtype=torch.float64, requires_grad=True)
    second = torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    cross_synthesis(first, second, 1.0, reduce="normalise")[0, 0].backward()
    np.testing.assert_allclose(first.grad[0] * 1e-200, [3 / 16, -1 / 16], rtol=1e-12)
    first = torch.tensor([[0.0, 0.25]], dtype=torch.float64, requires_grad=True)
    cross_synthesis(first, torch.full((1, 2), 1e-200, dtype=torch.float64), 1.0, reduce="normalise")[0, 0].backward()
    np.testing.assert_allclose(first.grad, [[4.0, 0.0]], rtol=1e-12)


def test_entrywise_takes_any_numbers(array):
    first, second = array([[2.0, -3.0]]), array([[0.5, 4.0]])
    np.testing.assert_array_equal(np.asarray(entrywise(first, second)), [[1, -12]])
    np.testing.assert_array_equal(np.asarray(entrywise(first, second, 0.5)), [[0.5, -6]])


ONES = np.ones((2, 2))
BAD = [
    ({"Wk": np.ones((2, 3))}, ShapeMismatch, r"\(2, 2\) and \(2, 3\)"),
    ({"Wj": np.ones(2), "Wk": np.ones(2)}, ShapeMismatch, "matrices of equal shape"),
    ({"alpha": np.ones(2)}, ShapeMismatch, "alpha must be one number"),
    ({"alpha": np.ones((3, 2, 2))}, ShapeMismatch, "alpha must be one number"),
    ({"Wj": [[1.0, 2.0], [3.0]]}, ShapeMismatch, "one shape"),
    ({"Wj": [["a", "b"], ["c", "d"]]}, ShapeMismatch, "Wj must be an array of real numbers"),
    ({"Wj": ONES * 1j}, ShapeMismatch, "complex"),
    ({"Wj": -ONES}, NotADistribution, r"Wj must have all its entries in \[0, 1\]; -1"),
    ({"Wk": 1.5 * ONES}, NotADistribution, "1.5 is one of them"),
    ({"alpha": 1.01}, NotADistribution, "alpha must"),
    ({"Wk": ONES * math.nan}, NotADistribution, "Wk has entries that are not finite"),
    ({"Wj": np.ones((0, 2)), "Wk": np.ones((0, 2))}, EmptyData, "holds nothing"),
    ({"Wj": np.ones((3, 2, 0)), "Wk": np.ones((3, 2, 0))}, EmptyData, "holds nothing"),
    ({"reduce": "mean"}, NotApplicable, '"sum", "none" and "normalise"'),
    ({"Wj": [[0.0, 0.0], [1.0, 1.0]], "reduce": "normalise"}, NotADistribution, "no weight at all"),
    ({"alpha": 0.0, "reduce": "normalise"}, NotADistribution, "no weight at all"),
]


@pytest.mark.parametrize(("change", "error", "says"), BAD)
def test_what_the_operator_refuses(change, error, says):
    options = {"Wj": ONES, "Wk": ONES, "alpha": 1.0, **change}
    with pytest.raises(error, match=says):
        cross_synthesis(options.pop("Wj"), options.pop("Wk"), options.pop("alpha"), **options)


@pytest.mark.parametrize(("change", "error", "says"), [one for one in BAD if isinstance(one[0].get("Wj"), np.ndarray)])
def test_tensors_are_refused_alike(torch, change, error, says):
    tensor = torch.tensor(change["Wj"])
    with pytest.raises(error, match=says):
        cross_synthesis(tensor, change.get("Wk", ONES), 1.0)


# -- arrays --------------------------------------------------------------------------------------------------------


def test_lists_and_numbers_follow_the_arrays(torch):
    for together, kind in (
        ((np.ones(2, np.float32), 0.3, [0.3, 0.7], np.array([1, 2])), np.float32),
        (([0.3], 1), np.float64),
        ((np.ones(2, np.float32), np.ones(2)), np.float64),
        ((torch.ones(2), 0.3, [0.3, 0.7], torch.tensor(1)), torch.float32),
        ((torch.ones(2, dtype=torch.float64), 0.3, [0.3, 0.7]), torch.float64),
        ((torch.ones(2), np.ones(2)), torch.float64),
        ((torch.ones(2), torch.tensor(1.0, dtype=torch.float64)), torch.float32),
    ):
        made = arrays(*(("it", one) for one in together))
        assert {one.dtype for one in made} == {kind if isinstance(kind, torch.dtype) else np.dtype(kind)}
        assert len({type(one) for one in made}) == 1
    double = arrays(("Z", torch.ones(2, dtype=torch.float64)), ("alpha", 0.3))[1]
    assert float(double) == 0.3  # not the 0.3 of single precision


def test_an_array_that_cannot_be_written_is_read(torch):
    fixed = np.broadcast_to(0.5, (2, 2))
    assert float(cross_synthesis(torch.ones(2, 2), fixed, 1.0)) == 2.0


# -- α by distance -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tau", [0.1, 1.0, 30.0])
def test_alpha_is_a_softmax_over_all_pairs(array, tau):
    d = np.random.default_rng(1).uniform(0, 3, size=(2, 3, 4))
    found = np.asarray(semantic_alpha(array(d), tau))
    for k in range(2):
        weights = [math.exp(-d[k, i, j] / tau) for i in range(3) for j in range(4)]
        np.testing.assert_allclose(found[k].ravel(), np.array(weights) / sum(weights), rtol=1e-13)


@pytest.mark.parametrize("tau", [5e-324, 1e-310, 1e-12])
@pytest.mark.parametrize("far", [1e-3, 1.0, 1e300])
def test_a_tiny_tau_takes_the_nearest(array, tau, far):
    found = np.asarray(semantic_alpha(array([[7.0, 7.0 + far], [7.0 + 2 * far, 7.0]]), tau))
    np.testing.assert_array_equal(found, [[0.5, 0], [0, 0.5]])


@pytest.mark.parametrize("tau", [1e12, 1e308])
def test_a_huge_tau_makes_all_pairs_equal(array, tau):
    np.testing.assert_allclose(np.asarray(semantic_alpha(array([[0.0, 1.0, 2.0]]), tau)), [[1 / 3] * 3], rtol=1e-11)


def test_a_tau_below_single_precision(torch):
    d = np.array([[0.0, 1.0]], np.float32)
    assert semantic_alpha(d, 1e-60).tolist() == semantic_alpha(torch.tensor(d), 1e-60).tolist() == [[1, 0]]


def test_alpha_has_derivatives(torch):
    d = torch.tensor(matrices(2, 3, count=1)[0], requires_grad=True)
    tau = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda d: semantic_alpha(d, 0.5), d)
    assert torch.autograd.gradcheck(lambda d: semantic_alpha(d, tau), d)
    assert bool(torch.isfinite(torch.autograd.grad(semantic_alpha(d, 1e-320)[0, 0], d)[0]).all())


@pytest.mark.parametrize(
    ("distances", "tau", "error", "says"),
    [
        ([1.0, 2.0], 1.0, ShapeMismatch, "matrix"),
        ([[-1.0]], 1.0, NotADistribution, "at least 0; -1"),
        ([[1.0]], 0.0, NotADistribution, "tau must be above 0"),
        ([[1.0]], -2.0, NotADistribution, "tau must be above 0"),
        ([[1.0]], math.inf, NotADistribution, "finite"),
        ([[1.0]], math.nan, NotADistribution, "tau must be above 0"),
        ([[math.inf]], 1.0, NotADistribution, "not finite"),
        (np.ones((2, 0)), 1.0, EmptyData, "holds nothing"),
    ],
)
def test_what_alpha_refuses(distances, tau, error, says):
    with pytest.raises(error, match=says):
        semantic_alpha(distances, tau)


# -- the likelihood ------------------------------------------------------------------------------------------------


def test_the_likelihood_against_loops(array):
    rng = np.random.default_rng(2)
    logs, scores = -rng.exponential(size=(4, 6)), rng.normal(size=(4, 6)) * 3
    found = np.asarray(weighted_log_likelihood(array(logs), array(scores)))
    for one, row, weight in zip(found, logs, scores, strict=True):
        total = sum(math.exp(s) for s in weight)
        assert one == pytest.approx(sum(math.exp(s) / total * v for s, v in zip(weight, row, strict=True)), rel=1e-13)


def test_the_likelihood_of_large_scores(array):
    assert float(weighted_log_likelihood(array([-1.0, -9.0]), array([1e5, -1e5]))) == -1
    assert float(weighted_log_likelihood(array([-1.0, -3.0]), array([1e308, 1e308]))) == -2


def test_the_likelihood_is_a_loss(torch):
    logs = torch.tensor([-1.0, -2.0, -0.5], dtype=torch.float64, requires_grad=True)
    scores = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(weighted_log_likelihood, (logs, scores))
    with pytest.raises(ShapeMismatch, match=r"\(3,\) and \(2,\)"):
        weighted_log_likelihood(logs, scores[:2])


def test_fitted_weights_go_to_the_likeliest_point():
    """Why the scores are not to be fitted with θ: the gradient always raises the score of the likeliest point."""
    logs, scores = np.array([-0.1, -2.0]), np.zeros(2)
    for _ in range(3):
        before = weighted_log_likelihood(logs, scores)
        scores = scores + np.array([5.0, -5.0])
        assert weighted_log_likelihood(logs, scores) > before
    assert weighted_log_likelihood(logs, scores) == pytest.approx(-0.1, abs=1e-9)


@pytest.mark.parametrize(
    ("logs", "scores", "error"),
    [
        (1.0, 1.0, ShapeMismatch),
        ([[-1.0]], [1.0], ShapeMismatch),
        ([], [], EmptyData),
        ([-math.inf], [0.0], NotADistribution),
    ],
)
def test_what_the_likelihood_refuses(logs, scores, error):
    with pytest.raises(error):
        weighted_log_likelihood(logs, scores)
