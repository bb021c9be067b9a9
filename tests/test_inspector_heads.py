"""Between heads: distances, clusters, and Theorem 5.8's perspectives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from curves import curve, net
from scipy.spatial.distance import jensenshannon

from kymath import KYError
from kymath.inspector.similarity import clusters, paired, redundancy, similarity
from kymath.inspector.specialisation import initial_curves, numbers, random_curves, specialisation

# -- between heads -----------------------------------------------------------------------------------------------------


def test_distances_are_scipys():
    rng = np.random.default_rng(9)
    heads = [curve(3 * rng.normal(size=15)) for _ in range(40)] + [curve(np.where(np.arange(15) > 3, -np.inf, 0.0))]
    found = similarity(heads)
    for i, one in enumerate(heads):
        for j, two in enumerate(heads):
            assert found[i, j] == pytest.approx(jensenshannon(one.weights, two.weights, 2), abs=1e-7)
    assert np.array_equal(found, found.T)
    assert similarity(heads[:3], heads[3:]) == pytest.approx(found[:3, 3:], abs=1e-12)
    assert paired(heads[:5], heads[5:10]) == pytest.approx(np.diagonal(found[:5, 5:10]), abs=1e-12)


def test_blocks_join(monkeypatch):
    rng = np.random.default_rng(10)
    heads = [curve(rng.normal(size=9)) for _ in range(30)]
    whole = similarity(heads)
    monkeypatch.setattr("kymath.inspector.similarity._CELLS", 9 * 16)
    assert similarity(heads) == pytest.approx(whole, abs=1e-12)


def test_other_windows_are_compared_over_all_lags():
    one, two = curve(-0.3 * np.arange(15.0)), curve(-0.1 * np.arange(8.0))
    apart, masked = curve(np.zeros(3), [20, 21, 22]), curve([-np.inf, 0.0], [7, 30])
    found = similarity([one, two, apart, masked, curve([np.nan, 1.0])])
    padded = np.append(two.weights, np.zeros(7))
    assert found[0, 1] == found[1, 0] == pytest.approx(jensenshannon(one.weights, padded, 2), abs=1e-7)
    assert found[0, 2:4] == pytest.approx([1, 1])  # no lag in common; one, with no weight on it
    assert np.isnan(found[4]).all()
    assert np.diagonal(found)[:4].tolist() == [0, 0, 0, 0]


def test_partners_are_compared_over_common_lags():
    """The same head read over two windows has not moved."""
    long, short = curve(-0.3 * np.arange(15.0)), curve(-0.3 * np.arange(8.0))
    other, apart, masked = (
        curve(-0.1 * np.arange(8.0)),
        curve(np.zeros(3), [20, 21, 22]),
        curve([-np.inf, 0.0], [7, 30]),
    )
    found = paired([long] * 4, [short, other, apart, masked])
    expected = jensenshannon(long.weights[:8], other.weights, 2)  # which scales to 1
    assert found[:2] == pytest.approx([0, expected], abs=1e-7)
    assert np.isnan(found[2:]).all()  # no lag in common; one, with no weight on it


def test_distances_across_windows_are_a_metric():
    rng = np.random.default_rng(12)
    heads = [curve(np.zeros(4)), curve([0.0] * 4 + [20.0] * 4), curve([0.0] * 4 + [-20.0] * 4)]
    found = similarity(heads)
    assert found[0] == pytest.approx([0, 1, 0], abs=1e-3)  # the second looks beyond the first's window
    assert redundancy(found).heads == 2
    assert clusters(found).tolist() == [0, 1, 0]
    sizes = rng.integers(2, 9, size=20)
    heads += [curve(3 * rng.normal(size=n), np.arange(n) - rng.integers(0, 3)) for n in sizes]
    d = similarity(heads)
    assert (d[:, None] <= d[:, :, None] + d[None] + 1e-7).all()


def test_clusters_and_repeated_heads():
    falls = [curve(-m * np.arange(15.0)) for m in (0.5, 0.51, 0.02, 0.5, 3.0)]
    distances = similarity([*falls, curve([np.nan] * 15)])
    assert clusters(distances).tolist() == [0, 0, 1, 0, 2, -1]
    assert clusters(distances, cut=1.1).tolist() == [0, 0, 0, 0, 0, -1]
    found = redundancy(distances)
    assert found.heads == 3
    assert found.nearest[[0, 3]].tolist() == [3, 0]
    assert found.distance[0] == 0
    assert found.nearest[5] == -1
    assert clusters(np.zeros((1, 1))).tolist() == [0]
    assert redundancy(np.zeros((1, 1))).heads == 0
    assert clusters(np.full((2, 2), np.nan)).tolist() == [-1, -1]
    assert clusters(np.zeros((0, 0))).tolist() == []


# -- Theorem 5.8 -------------------------------------------------------------------------------------------------------


def test_perspectives_are_mutual_information():
    """Against the sum over the joint distribution of head and lag."""
    rng = np.random.default_rng(11)
    heads = [curve(2 * rng.normal(size=7), head=h) for h in range(4)]
    joint = np.stack([one.weights for one in heads]) / 4
    by_lag = joint.sum(axis=0)
    bits = sum(joint[h, x] * math.log2(joint[h, x] / (by_lag[x] / 4)) for h in range(4) for x in range(7))
    found = numbers(heads)
    assert found["perspectives"] == pytest.approx(2**bits)
    pairs = [jensenshannon(heads[i].weights, heads[j].weights, 2) for i in range(4) for j in range(i)]
    assert found["distance"] == pytest.approx(np.mean(pairs))
    means = [sum(w * x for x, w in enumerate(one.weights)) for one in heads]
    assert found["shortest"] == pytest.approx(min(means))
    assert found["longest"] == pytest.approx(max(means))


def test_perspectives_from_one_to_the_number_of_heads():
    alone = [curve(np.where(np.arange(6) == h, 0.0, -np.inf), head=h) for h in range(6)]
    assert numbers(alone)["perspectives"] == pytest.approx(6)
    assert numbers(alone)["distance"] == pytest.approx(1)
    alike = numbers([curve(np.arange(6.0), head=h) for h in range(3)])
    assert (alike["perspectives"], alike["distance"]) == pytest.approx((1, 0), abs=1e-7)
    assert math.isnan(numbers([curve([0.0, 1.0])])["distance"])
    assert math.isnan(numbers([curve([0.0, np.nan])])["longest"])


def test_specialised_heads_stand_out():
    lags = np.arange(15.0)
    f = net().function  # for its size
    heads = [curve(-m * lags, head=h, layer=3, function=f) for h, m in enumerate((2.0, 0.5, 0.1, 0.0))]
    (row,) = specialisation(heads, np.random.default_rng(0))
    assert (row["layer"], row["heads"]) == (3, 4)
    assert row["distance"] > 3 * row["initial_distance"]
    assert row["longest"] - row["shortest"] > 4 > row["initial_longest"] - row["initial_shortest"]
    again = specialisation(heads, np.random.default_rng(0))
    assert again == [row]
    (against,) = specialisation(heads, np.random.default_rng(0), heads)
    assert against["initial_distance"] == row["distance"]
    with pytest.raises(KYError, match="0 heads of layer 3"):
        specialisation(heads, np.random.default_rng(0), [net()])
    tables = [curve(-m * lags, head=h) for h, m in enumerate((1.0, 0.1))]
    assert math.isnan(specialisation(tables, np.random.default_rng(0))[0]["initial_distance"])  # no net to draw


def test_random_layers_have_a_spread():
    heads = [net(h, head=h) for h in range(4)]
    (row,) = specialisation(heads, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    draws = [numbers(random_curves(heads, rng))["distance"] for _ in range(200)]
    assert row["random_spread"] == pytest.approx(np.std(draws), rel=0.5)
    assert row["random_distance"] == pytest.approx(np.mean(draws), abs=4 * np.std(draws) / np.sqrt(30))
    assert row["initial_spread"] > 0
    assert row["shortest"] <= row["middle"] <= row["longest"]
    (against,) = specialisation(heads, np.random.default_rng(0), heads)
    assert math.isnan(against["initial_spread"])
    with pytest.raises(KYError, match="two draws"):
        specialisation(heads, rng, draws=1)


def test_broken_heads_are_left_out_on_both_sides():
    heads = [curve(-m * np.arange(8.0), head=h) for h, m in enumerate((0.1, 0.7, 2.0))]
    broken = curve([np.nan] * 8, head=1)
    (row,) = specialisation(heads, np.random.default_rng(0), [heads[2], broken, heads[0]])
    assert row["heads"] == 2
    assert row["distance"] == row["initial_distance"] == numbers([heads[0], heads[2]])["distance"]
    (row,) = specialisation([heads[0], broken, heads[2]], np.random.default_rng(0), heads)
    assert row["distance"] == row["initial_distance"] == numbers([heads[0], heads[2]])["distance"]
    (row,) = specialisation([heads[0], broken, heads[2]], np.random.default_rng(0))
    assert row["heads"] == 2


def test_initial_curves_of_other_heads_and_windows_are_refused():
    heads, rng = [curve(np.zeros(8), head=h) for h in range(2)], np.random.default_rng(0)
    with pytest.raises(KYError, match="have a head 5 where the trained ones have 1"):
        specialisation(heads, rng, [heads[0], curve(np.zeros(8), head=5)])
    with pytest.raises(KYError, match="8 lags from 0 to 7, and initially 9"):
        specialisation(heads, rng, [heads[0], curve(np.zeros(9), head=1)])


def test_random_curves_are_as_large_as_the_heads():
    heads = [net(12, scale=4), curve(np.where(np.arange(9) > 5, -np.inf, -np.arange(9.0))), curve(np.zeros(4))]
    for head, fresh in zip(heads, random_curves(heads, np.random.default_rng(1)), strict=True):
        seen = head.visible
        assert np.array_equal(fresh.visible, seen)
        assert np.std(fresh.bias[seen]) == pytest.approx(np.std(head.bias[seen]))


def test_fresh_nets_are_drawn_as_torch_draws_them():
    torch = pytest.importorskip("torch")
    from kymath.nn import ConnectionNet

    heads, rng = [net(hidden=32, head=h) for h in range(400)], np.random.default_rng(2)
    ours = np.stack([one.centred for one in initial_curves(heads, rng)])
    theirs = ConnectionNet(400, 32, generator=torch.Generator().manual_seed(0)).table(15).detach().double().numpy()
    theirs = (theirs - theirs.mean(axis=1, keepdims=True))[:, ::-1]
    assert ours.std(axis=0) == pytest.approx(theirs.std(axis=0), rel=0.2)
    plain = initial_curves([net(shift=False)], rng)[0].function
    assert not plain.shift.any()
