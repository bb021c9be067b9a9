"""The adaptive data manager: attention to weights, sampling, quality, refinement; with and without torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import kymath as ky
from kymath.synthesis import AdaptiveDataManager
from kymath.synthesis.manager import effective_share


class Itself:
    """Fuses nothing; keeps the shapes that it was asked for."""

    def __init__(self):
        self.shapes = []

    def execute_cycle(self, x):
        self.shapes.append(np.shape(x))
        return x


def manager(controller=None, *, sample_size=3, threshold=0.5, rng=0):
    return AdaptiveDataManager(controller or Itself(), sample_size=sample_size, threshold=threshold, rng=rng)


def test_weights_are_the_norms():
    made = manager(threshold=1e-9)
    made.manage_dataset(np.array([[3.0, 4.0], [0.0, 0.0], [6.0, 8.0], [5.0, 0.0]]))
    np.testing.assert_allclose(made.weights, [0.25, 0, 0.5, 0.25])
    assert np.array_equal(made.attention, made.weights)
    assert made.refinements == ()


def test_without_any_attention_all_weigh_the_same():
    made = manager(threshold=1.0)
    made.manage_dataset(np.zeros((5, 2)))
    assert (made.weights == 0.2).all()
    assert (made.quality, made.refinements) == (1.0, ())


def test_points_are_drawn_as_they_weigh():
    data, rng = np.array([1.0, 2.0, 7.0]), np.random.default_rng(5)
    made = manager(sample_size=1, rng=rng)
    drawn = [made.manage_dataset(data)[0] for _ in range(2000)]
    share = [drawn.count(value) / 2000 for value in data]
    np.testing.assert_allclose(share, [0.1, 0.2, 0.7], atol=0.04)  # four standard deviations


def test_none_is_drawn_twice_and_those_without_weight_come_last():
    data = np.array([[0.0], [0.0], [4.0], [0.0], [1.0]])
    for seed in range(20):
        made = manager(rng=seed, threshold=1e-9)
        sample = made.manage_dataset(data)
        assert len(set(made.indices.tolist())) == 3
        assert set(made.indices[:2].tolist()) == {2, 4}
        assert np.array_equal(sample, data[made.indices])
        assert made.quality == pytest.approx(25 / (3 * 17))


def test_quality_is_the_effective_share_of_the_sample():
    assert effective_share(np.array([1.0, 0.0, 0.0, 0.0])) == 0.25
    assert effective_share(np.full(7, 0.1)) == 1.0
    assert effective_share(np.array([1.0, 3.0])) == pytest.approx(16 / 20)
    made = manager(rng=3)
    made.manage_dataset(np.arange(1.0, 30.0))
    assert made.quality == effective_share(made.weights[made.indices]) >= 0.5


@pytest.mark.parametrize("threshold", [0.3, 0.9, 0.999, 1.0])
def test_refinement_ends_is_used_and_is_kept(threshold):
    data = np.concatenate([np.zeros(50), [1.0, 100.0, 1e6]])
    made = manager(sample_size=20, threshold=threshold)
    made.manage_dataset(data)
    assert made.quality >= threshold
    steps = made.refinements
    assert steps
    assert all(step.quality < threshold for step in steps[:-1])
    assert steps[-1].quality == made.quality
    assert np.array_equal(steps[-1].weights, made.weights)
    previous = made.attention
    for step in steps:
        np.testing.assert_allclose(step.weights, (previous + 1 / len(data)) / 2, atol=1e-15)
        assert step.weights.sum() == pytest.approx(1)
        previous = step.weights
    with pytest.raises(AttributeError):
        steps[0].quality = 2.0


def test_a_good_sample_forgets_earlier_refinements():
    made = manager(threshold=0.99)
    made.manage_dataset(np.array([1.0, 2.0, 30.0, 4.0]))
    assert made.refinements
    made.manage_dataset(np.ones(4))
    assert made.refinements == ()


def test_the_seed_decides():
    data = np.random.default_rng(0).normal(size=(100, 3))
    one, same, other = (manager(rng=seed).manage_dataset(data) for seed in (7, 7, 8))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert np.array_equal(one, manager(rng=np.random.default_rng(7)).manage_dataset(data))


def test_arrays_go_in_chunks():
    controller = Itself()
    manager(controller).manage_dataset(np.ones((9000, 2, 3), np.float32))
    assert controller.shapes == [(4096, 2, 3), (4096, 2, 3), (808, 2, 3)]
    controller = Itself()
    manager(controller).manage_dataset(np.ones(5))
    assert controller.shapes == [(5, 1)]


def test_lists_give_lists():
    controller = Itself()
    data = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]
    sample = manager(controller).manage_dataset(data)
    assert isinstance(sample, list)
    assert all(point in data for point in sample)
    assert controller.shapes == [(4, 2)]
    controller = Itself()
    data = [np.ones(2), np.ones(5), np.ones(3)]
    sample = manager(controller).manage_dataset(data)
    assert controller.shapes == [(2,), (5,), (3,)]
    assert sorted(map(len, sample)) == [2, 3, 5]


def test_texts_go_one_by_one():
    class Length:
        def execute_cycle(self, text):
            return [len(text)]

    made = manager(Length(), sample_size=2, threshold=1e-9)
    assert set(made.manage_dataset(["", "ab", "a" * 6])) == {"ab", "aaaaaa"}
    np.testing.assert_allclose(made.weights, [0, 0.25, 0.75])


def test_large_outputs_do_not_overflow():
    made = manager(threshold=1e-9)
    made.manage_dataset(np.array([1e307, 1e307, 1.7e308, 1e307]))
    assert made.weights[2] == pytest.approx(0.85)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_size": 0}, "whole number from 1; 0 was"),
        ({"sample_size": 2.0}, "whole number from 1"),
        ({"sample_size": True}, "whole number from 1"),
        ({"threshold": 0.0}, r"threshold must lie in \(0, 1\]"),
        ({"threshold": 1.01}, "threshold must lie"),
        ({"threshold": float("nan")}, "threshold must lie"),
        ({"rng": None}, "Generator or a seed"),
        ({"rng": -1}, "Generator or a seed"),
        ({"controller": len}, "must have execute_cycle"),
    ],
)
def test_what_cannot_be_asked_for(options, message):
    with pytest.raises(ky.NotApplicable, match=message):
        AdaptiveDataManager(**{"controller": Itself(), "sample_size": 1, "threshold": 0.5, "rng": 0, **options})


def test_what_cannot_be_managed():
    from kymath.errors import EmptyData, NotADistribution, ShapeMismatch

    class Gives:
        def __init__(self, value):
            self.value = value

        def execute_cycle(self, x):
            return self.value

    made = manager()
    for empty in ([], np.zeros((0, 3)), np.zeros((3, 0))):
        with pytest.raises(EmptyData, match="holds no points"):
            made.manage_dataset(empty)
    with pytest.raises(ky.NotApplicable, match="sample_size = 3 is more than the 2 points"):
        made.manage_dataset(np.ones(2))
    with pytest.raises(ShapeMismatch, match="float is none of them"):
        made.manage_dataset(1.0)
    with pytest.raises(NotADistribution, match="for point 2 is not finite"):
        made.manage_dataset(np.array([1.0, 2.0, np.nan, 3.0]))
    with pytest.raises(NotADistribution, match="for point 1 is not finite"):
        made.manage_dataset(np.array([1.0, np.inf, 3.0]))
    with pytest.raises(ShapeMismatch, match="one row of real numbers for each of 4"):
        manager(Gives(np.ones(3))).manage_dataset(np.ones(4))
    with pytest.raises(ShapeMismatch, match="one row of real numbers"):
        manager(Gives(["a"] * 4)).manage_dataset(np.ones(4))
    assert len(made.weights) == 0  # nothing is left of what failed


def test_tensors():
    torch = pytest.importorskip("torch", reason="tensors need torch")
    from kymath.synthesis import AttentionNode, AttentionNodeController

    generator = torch.Generator().manual_seed(0)
    controller = AttentionNodeController([AttentionNode(4, 3, generator=generator) for _ in range(3)], 1.0)
    data = torch.randn(50, 4, generator=generator)
    made = manager(controller, sample_size=10, threshold=0.8)
    sample = made.manage_dataset(data)
    assert torch.equal(sample, data[made.indices])
    norms = controller.execute_cycle(data).norm(dim=1)
    np.testing.assert_allclose(made.attention, (norms / norms.sum()).detach().numpy(), rtol=1e-5)
    as_list = manager(controller, sample_size=10, threshold=0.8).manage_dataset(list(data))
    assert torch.equal(torch.stack(as_list), sample)

    class Half:
        def execute_cycle(self, x):
            assert not torch.is_grad_enabled()
            return x.bfloat16()

    manager(Half()).manage_dataset(data.requires_grad_())


def test_it_does_not_load_torch():
    code = (
        "import sys, numpy as np; from kymath.synthesis import AdaptiveDataManager as M\n"
        "class C: execute_cycle = staticmethod(lambda x: x)\n"
        "M(C, sample_size=2, threshold=.5, rng=0).manage_dataset(np.ones((3, 2))); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
