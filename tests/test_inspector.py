"""What the inspector says about weights, along a run and in its report, against plain loops, SciPy and mpmath."""

from __future__ import annotations

import csv
import itertools
import json
import math
import os

import numpy as np
import pytest
from curves import curve, net
from scipy.optimize import curve_fit
from scipy.spatial.distance import jensenshannon

from kymath import KYError
from kymath.inspector import ConnectionReport, UnknownLayout, inspect_connections, trajectories
from kymath.inspector.drift import drift
from kymath.inspector.readings import COLUMNS, readings, table

BUCKETS = "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"


# -- weights -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [4, 5, 15, 128, 300])
@pytest.mark.parametrize("rate", [0.003, 0.02, 0.1, 0.25, 0.7, 2.0])
@pytest.mark.parametrize("floor", [0.0, 0.3])
def test_planted_decays_come_back(window, rate, floor):
    weights = np.exp(-rate * np.arange(window))
    row = readings(curve(np.log(weights / weights.sum() + floor / window)))
    assert row["decay_rate"] == pytest.approx(rate, rel=0.01)
    assert row["half_life"] == pytest.approx(math.log(2) / rate, rel=0.01)


def test_decay_is_scipys_fit_of_the_weights():
    lags, rng = np.arange(40.0), np.random.default_rng(3)
    for _ in range(5):
        one = curve(np.log(np.exp(-0.2 * lags) + 0.1 + 0.02 * rng.random(40)))
        theirs = curve_fit(lambda x, a, r, c: a * np.exp(-r * x) + c, lags, one.weights, [0.1, 0.2, 0.01])[0]
        assert readings(one)["decay_rate"] == pytest.approx(theirs[1], rel=1e-6)


def test_no_decay_is_said_to_be_none():
    lags, rng = np.arange(64.0), np.random.default_rng(4)
    for bias in (
        0 * lags,  # flat
        0.1 * lags,  # growing
        np.log(200 - lags),  # a line of weights
        np.log(100 - 0.02 * lags**2),  # falling faster and faster
        -((lags - 20) ** 2) / 50,
        np.cos(lags),
        np.where(lags == 0, 50.0, 0.0),  # all on one slot: no rate can be told
    ):
        row = readings(curve(bias))
        assert math.isnan(row["decay_rate"])
        assert math.isnan(row["half_life"])
    rows = table([curve(rng.normal(size=64)) for _ in range(200)])
    assert np.mean([math.isnan(row["decay_rate"]) for row in rows]) > 0.99


@pytest.mark.parametrize("window", [15, 31, 128])
@pytest.mark.parametrize("periods", [1.0, 1.3, 2.0, 3.7, 6.0])
def test_planted_frequencies_come_back(window, periods):
    lags, rng = np.arange(float(window)), np.random.default_rng(5)
    for phase, noise in ((0.0, 0.0), (1.0, 0.005), (2.5, 0.0), (4.0, 0.005)):
        bias = 2 * np.cos(2 * np.pi * periods * lags / window + phase) + noise * rng.normal(size=window)
        row = readings(curve(bias + 5))
        assert row["frequency"] == pytest.approx(periods / window, rel=0.01)
        assert row["period"] == pytest.approx(window / periods, rel=0.01)


def test_fall_is_the_share_that_the_weights_lose():
    lags = np.arange(15.0)
    nearly = np.log(1 + 0.01 * np.exp(-lags))  # a fast decay of next to nothing
    slow = curve(-0.02 * lags)
    rows = table([curve(nearly), slow, curve(np.zeros(15)), curve(np.where(lags > 3, -np.inf, -lags)), curve([1.0])])
    assert [row["fall"] for row in rows] == pytest.approx(
        [1 - math.exp(nearly[-1] - nearly[0]), 1 - math.exp(-0.28), 0, 1 - math.exp(-3), 0]
    )
    assert rows[0]["half_life"] < 1 < 30 < rows[1]["half_life"]  # the fall tells which of both matters
    assert rows[0]["fall"] < 0.01 < 0.2 < rows[1]["fall"]


def test_no_wave_is_said_to_be_none():
    lags = np.arange(64.0)
    for bias in (0 * lags, -lags / 4, np.exp(-lags / 9), -np.log1p(lags), -((lags - 30) ** 2), np.cos(2 * lags / 64)):
        assert math.isnan(readings(curve(bias))["frequency"])


def test_what_is_looked_at():
    """Against plain loops."""
    rng = np.random.default_rng(6)
    bias = rng.normal(size=15)
    total = sum(math.exp(b) for b in bias)
    weights = [math.exp(b) / total for b in bias]
    row = readings(curve(bias))
    assert row["mean_lag"] == pytest.approx(sum(w * x for x, w in enumerate(weights)))
    assert row["entropy"] == pytest.approx(-sum(w * math.log(w) for w in weights))
    assert row["effective_window"] == pytest.approx(math.exp(row["entropy"]))
    assert readings(curve(np.zeros(20)))["effective_window"] == pytest.approx(20)


# -- along a run -------------------------------------------------------------------------------------------------------


def test_drift_from_the_initial_curves():
    rng = np.random.default_rng(13)
    first = [curve(rng.normal(size=8), head=h) for h in range(3)]
    moved = [curve(one.bias * 2 + 5, head=one.head) for one in first[::-1]]
    rows = drift([*moved, curve(np.zeros(8), head=9)], first)
    for row, new in zip(rows, moved, strict=False):
        old = first[row["head"]]
        assert row["moved"] == pytest.approx(jensenshannon(old.weights, new.weights, 2))
        assert row["moved_nats"] == pytest.approx(np.sqrt(np.mean((new.centred - old.centred) ** 2)))
    assert math.isnan(rows[3]["moved"])
    assert math.isnan(rows[3]["moved_nats"])
    with pytest.raises(KYError, match="no head is in all checkpoints"):
        drift(moved, [curve(np.zeros(8), layer=7)])
    assert drift([], first) == []


def test_trajectories_of_a_run():
    lags = np.arange(10.0)
    reports = [
        ConnectionReport([curve(-m * k * lags, head=h) for h, m in enumerate((0.2, 0.0))], f"step {k}")
        for k in range(4)
    ]
    way = trajectories(reports)
    assert way.labels == ["step 0", "step 1", "step 2", "step 3"]
    assert way.keys == [(0, 0, "", "by hand"), (0, 1, "", "by hand")]
    assert way.reading("slope") == pytest.approx(np.array([[0, -0.2, -0.4, -0.6], [0, 0, 0, 0]]), abs=1e-9)
    assert way.reading("kind").tolist()[0] == ["flat", "linear", "linear", "linear"]
    weights = [report.curves[0].weights for report in reports]
    assert way.from_first[0] == pytest.approx([jensenshannon(weights[0], w, 2) for w in weights], abs=1e-7)
    steps = [jensenshannon(a, b, 2) for a, b in itertools.pairwise(weights)]
    assert way.steps[0] == pytest.approx([0, *steps], abs=1e-7)
    assert way.length == pytest.approx([sum(steps), 0], abs=1e-6)
    assert repr(way) == "2 heads along 4 checkpoints (step 0 … step 3)"
    assert trajectories([r.curves for r in reports], labels=[0, 10, 20, 30]).labels == ["0", "10", "20", "30"]
    with pytest.raises(KYError, match="no reading 'speed'"):
        way.reading("speed")
    with pytest.raises(KYError, match="no reports"):
        trajectories([])
    with pytest.raises(KYError, match="2 labels were given for 4"):
        trajectories(reports, [1, 2])
    with pytest.raises(KYError, match="no head is in all"):
        trajectories([reports[0], [curve(lags, layer=5)]])


def test_a_run_is_given_by_its_files_too(tmp_path):
    save = pytest.importorskip("safetensors.numpy").save_file
    runs = [{BUCKETS: np.stack([-m * np.arange(32.0), np.zeros(32)], axis=1)} for m in (0.0, 0.5)]
    for k, tensors in enumerate(runs):
        save(tensors, tmp_path / f"{k}.safetensors")
    files = [tmp_path / f"{k}.safetensors" for k in range(2)]
    first, last = reports = [inspect_connections(file) for file in files]
    for given in (files, [str(file) for file in files], runs):
        assert trajectories(given).from_first == pytest.approx(trajectories(reports).from_first)
        assert last.drift(given[0]) == last.drift(first)
        rows = [last.specialisation(np.random.default_rng(0), one)[0]["initial_distance"] for one in (given[0], first)]
        assert rows[0] == rows[1]
    assert trajectories(files).labels == [first.source, last.source]
    for strange in (3, [1, 2], None):
        with pytest.raises(KYError, match="has no curves; give a report"):
            last.drift(strange)
    with pytest.raises(KYError, match="has no curves; give a report"):
        last.specialisation(np.random.default_rng(0), 3)
    for strange in (files[0], str(files[0]), first, 3):
        with pytest.raises(KYError, match="trajectories: give a list"):
            trajectories(strange)
    with pytest.raises(KYError, match="trajectories: int has no curves"):
        trajectories([1, 2])
    with pytest.raises(OSError):
        trajectories([tmp_path / "none.safetensors"])


def test_the_initial_curves_of_a_run_come_from_its_seed():
    torch = pytest.importorskip("torch")
    from kymath.nn import Condor, CondorConfig

    config = CondorConfig(vocab_size=5, d_model=8, num_layers=1, num_heads=2)
    first, again, other = (Condor(config, generator=torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    report = inspect_connections(first)
    assert [row["moved"] for row in report.drift(again)] == [0, 0]
    assert min(row["moved"] for row in report.drift(other)) > 0


# -- the report --------------------------------------------------------------------------------------------------------


def test_report_of_tensors():
    falls = np.stack([-0.5 * np.arange(32.0), np.zeros(32)], axis=1)
    report = inspect_connections({BUCKETS: falls}, window=12)
    assert [one.lags.size for one in report.curves] == [12, 12]
    assert report.layouts == ["T5 decoder"]
    row = report.table()[0]
    assert (row["kind"], row["layer"], row["head"]) == ("linear", 0, 0)
    assert row["decay_rate"] == pytest.approx(0.5, rel=1e-6)
    assert report.similarity().shape == (2, 2)
    assert report.clusters().tolist() == [0, 1]
    assert report.redundancy().heads == 0
    assert report.curve(0, 1) is report.curve("0", "1") is report.curves[1]
    with pytest.raises(KYError, match="no layer 4, head 0"):
        report.curve(4, 0)
    assert report.specialisation(np.random.default_rng(0))[0]["heads"] == 2
    assert report.drift(report)[0]["moved"] == 0
    row["slope"] = 7.0
    assert report.table()[0]["slope"] != 7.0  # rows are copies


def test_unknown_and_strange_sources(tmp_path):
    with pytest.raises(UnknownLayout, match="Looked for"):
        inspect_connections({"weight": np.zeros((3, 3))})
    with pytest.raises(KYError, match="model_or_path"):
        inspect_connections(3)
    with pytest.raises(OSError):
        inspect_connections(tmp_path / "nothing.safetensors")


def test_json_and_csv(tmp_path):
    one, two = curve([0.0, -1.0, -np.inf, -3.0]), curve([np.nan, 1.0], layout="a, b", head=1)
    report = ConnectionReport([one, two], "by hand")
    report.to_json(tmp_path / "r.json")
    said = json.loads((tmp_path / "r.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert said == report.as_dict()
    assert said["layouts"] == ["by hand", "a, b"]
    first, second = said["curves"]
    assert first["bias"] == [0.0, -1.0, None, -3.0]
    assert first["slope"] == pytest.approx(report.table()[0]["slope"])
    assert second["entropy"] is None
    report.to_csv(tmp_path / "r.csv")
    rows = list(csv.DictReader((tmp_path / "r.csv").open()))
    assert list(rows[0]) == list(COLUMNS)
    assert rows[1]["layout"] == "a, b"
    assert rows[1]["slope"] == ""
    assert float(rows[0]["mean_lag"]) == report.table()[0]["mean_lag"]
    assert sorted(os.listdir(tmp_path)) == ["r.csv", "r.json"]  # nothing is left beside them


def test_files_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    report = ConnectionReport([curve([0.0, 1.0])], "by hand")
    target = tmp_path / "r.json"
    target.write_text("old")

    def full(_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        report.to_json(target)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["r.json"]
    with pytest.raises(OSError):
        report.to_csv(tmp_path / "no" / "where.csv")


@pytest.mark.slow
def test_a_model_of_9216_heads():
    rng = np.random.default_rng(14)
    heads = [net(i, hidden=128, window=128, layer=i // 96, head=i % 96) for i in range(4608)]
    heads += [curve(rng.normal(size=128), layer=i // 96, head=i % 96) for i in range(4608, 9216)]
    report = ConnectionReport(heads)
    assert len(report.table()) == 9216
