"""The training of synthesis networks: its files, its scores by hand, the same again by seed, what stops it, the CLI."""

import gzip
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="kymath.synthesis needs torch")
safetensors = pytest.importorskip("safetensors.torch", reason="networks are saved by safetensors")

from small_models import one_thread  # noqa: E402, F401

from kymath import KYError, NotApplicable  # noqa: E402
from kymath.synthesis import scores  # noqa: E402
from kymath.synthesis.classifier import load_classifier  # noqa: E402
from kymath.synthesis.data import Part, load  # noqa: E402
from kymath.synthesis.encoders import ImageEncoder  # noqa: E402
from kymath.synthesis.fitting import Fitting  # noqa: E402
from kymath.synthesis.inputs import Images, Texts, examples  # noqa: E402
from kymath.synthesis.net import PlainNet, SynthesisNet  # noqa: E402
from kymath.synthesis.recipe import RECIPES, size  # noqa: E402
from kymath.synthesis.terms import Terms, words_of  # noqa: E402
from kymath.synthesis.training import Stopped, train  # noqa: E402
from kymath.training import Watch  # noqa: E402

DATA = os.environ.get("KYMATH_DATA")
SMALL = {"epochs": 2, "batch": 16, "nodes": 2, "width": 4}
pytestmark = pytest.mark.filterwarnings("ignore:.*is little to learn from")  # so small are these runs
FIGURES = {"accuracy", "f1", "latency_ms", "parameters", "seconds", "seed"}


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture
def images(tmp_path):
    """Bright left or right halves, in MNIST's four files."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "halves"
    folder.mkdir()
    for part, count in (("train", 96), ("t10k", 40)):
        labels = rng.integers(0, 2, count)
        pixels = rng.integers(0, 60, (count, 8, 8))
        pixels[labels == 0, :, :4] += 150
        pixels[labels == 1, :, 4:] += 150
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pixels)))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))
    return folder


@pytest.fixture
def texts(tmp_path):
    """Opinions of one word among others."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "opinions"
    folder.mkdir()
    for part, count in (("train", 96), ("test", 40)):
        lines = []
        for label in rng.integers(0, 2, count).tolist():
            words = [*rng.choice(["the", "film", "was", "long"], 6), ("dull", "fine")[label]]
            lines.append(json.dumps({"text": " ".join(rng.permutation(words)), "label": label}))
        (folder / f"{part}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def without_times(record):
    return {
        key: without_times(value) if isinstance(value, dict) else value
        for key, value in record.items()
        if key not in ("seconds", "latency_ms")
    }


def test_a_run_learns_and_leaves_its_files(images, tmp_path):
    record = train(str(images), tmp_path / "out", beside=("baseline", "fusion"), **(SMALL | {"epochs": 8}))
    assert record["accuracy"] > 0.9
    assert set(record) >= FIGURES
    for name in ("baseline", "fusion"):
        assert set(record[name]) == FIGURES
    assert json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8")) == record
    lines = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    assert sum("loss" in line for line in lines) == 3 * 8 * 6
    assert [line["accuracy"] for line in lines if "accuracy" in line and line["network"] == "synthesis"][-1] == record[
        "accuracy"
    ]
    saved = safetensors.load_file(tmp_path / "out" / "synthesis.safetensors")
    assert sum(tensor.numel() for tensor in saved.values()) == record["parameters"]


def test_texts_are_learned_too(texts):
    assert train(str(texts), beside=(), **(SMALL | {"epochs": 40}))["accuracy"] > 0.9


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_the_same_seed_gives_the_same_run(images, share):
    first, second, other = (without_times(train(str(images), seed=seed, share=share, **SMALL)) for seed in (1, 1, 2))
    assert first == second
    assert first != other


def test_torchs_random_state_is_left_alone(images):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train(str(images), beside=(), **SMALL)
    assert torch.equal(before, torch.get_rng_state())


def test_the_data_manager_chooses_a_share(images):
    steps = []

    class Counting(Watch):
        def step(self, record, total):
            steps.append(total)

    train(str(images), share=0.5, beside=(), watch=Counting(), **SMALL)
    assert steps[0] == len(steps) == 2 * 3  # 48 of 96 examples, 16 in a step, 2 epochs


def test_a_folder_with_a_run_is_not_written_over(images, tmp_path):
    train(str(images), tmp_path, beside=(), **SMALL)
    before = (tmp_path / "summary.json").read_bytes()
    with pytest.raises(KYError, match=r"holds summary\.json, metrics\.jsonl, synthesis\.safetensors already"):
        train(str(images), tmp_path, beside=(), **SMALL)
    assert (tmp_path / "summary.json").read_bytes() == before


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"share": 0.0}, "share must be above 0"),
        ({"share": 1.5}, "at most 1"),
        ({"beside": ("svm",)}, "baseline, fusion are known"),
        ({"device": "tpu"}, "is not here"),
        ({"seed": -1}, "seed must be"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"nodes": 0}, "nodes must be at least 1"),
        ({"lr": -1.0}, "lr must be above 0"),
    ],
)
def test_options_that_cannot_be(images, wrong, said):
    with pytest.raises(NotApplicable, match=said):
        train(str(images), **wrong)


def test_a_loss_that_is_no_number_ends_the_run():
    pixels, labels = torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.tensor([0, 1, 0, 1])
    read = examples(Images.of(pixels), Part(pixels, labels))
    network = SynthesisNet(64, 2, nodes=1, width=2, encoder=torch.nn.Flatten())
    torch.nn.init.constant_(network.head.weight, float("nan"))
    with pytest.raises(KYError, match="the loss is nan at step 1: a smaller --lr"):
        Fitting(network, read, RECIPES["images"], seed=0).run(lambda record, total: None)


def test_a_signal_ends_the_run_with_what_is_finished(images, tmp_path):
    class Impatient(Watch):
        def step(self, record, total):
            if record["network"] == "baseline":
                os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped, match="interrupted in baseline, at step 1"):
        train(str(images), tmp_path / "out", watch=Impatient(), **SMALL)
    assert (tmp_path / "out" / "synthesis.safetensors").exists()
    assert not (tmp_path / "out" / "summary.json").exists()


def test_what_cannot_be_takes_no_folder(images, tmp_path):
    for wrong in ({"epochs": 0}, {"data": str(tmp_path)}):
        with pytest.raises(KYError):
            train(**({"data": str(images), "out": tmp_path / "out", "beside": ()} | SMALL | wrong))
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "synthesis.safetensors").write_text("precious")
    with pytest.raises(KYError, match=r"holds synthesis\.safetensors already"):
        train(str(images), tmp_path / "out", beside=(), **SMALL)
    assert (tmp_path / "out" / "synthesis.safetensors").read_text() == "precious"


def test_few_steps_are_told(images):
    with pytest.warns(UserWarning, match="12 steps in all is little"):
        train(str(images), beside=(), **SMALL)


def test_the_managers_work_is_recorded(images, tmp_path):
    record = train(str(images), tmp_path / "out", share=0.25, beside=(), **SMALL)
    assert 0.5 <= record["quality"] <= 1
    assert sum(record["chosen"]) == 24
    lines = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    assert [sum(line["chosen"]) for line in lines if "chosen" in line] == [24, 24]


@pytest.mark.parametrize("kind", ["images", "texts"])
def test_a_saved_network_answers_as_it_was_tried(kind, request, tmp_path):
    folder = request.getfixturevalue(kind)
    record = train(str(folder), tmp_path / "out", beside=("baseline", "fusion"), **(SMALL | {"epochs": 4}))
    test = load(str(folder), None).test
    for name in ("synthesis", "baseline", "fusion"):
        classifier = load_classifier(tmp_path / "out" / f"{name}.safetensors")
        answers = classifier.predict(test.inputs)
        right = [int(a) == b for a, b in zip(answers, test.labels.tolist(), strict=True)]
        assert np.mean(right) == pytest.approx((record if name == "synthesis" else record[name])["accuracy"])
    assert torch.allclose(classifier(test.inputs).sum(-1), torch.ones(len(test)))
    one = load_classifier(tmp_path / "out").predict(test.inputs[0])
    assert len(one) == 1
    with pytest.raises(KYError):
        classifier([3.5] if kind == "texts" else np.zeros((5, 5), np.uint8))


def test_damaged_networks_are_refused(images, tmp_path):
    train(str(images), tmp_path / "out", beside=(), **SMALL)
    good = (tmp_path / "out" / "synthesis.safetensors").read_bytes()
    size_of_header = int.from_bytes(good[:8], "little")
    header = json.loads(good[8 : 8 + size_of_header])
    about = json.loads(header["__metadata__"]["about"])
    path = tmp_path / "bad.safetensors"

    def written(**changes):
        changed = {**header, "__metadata__": {**header["__metadata__"], "about": json.dumps(about | changes)}}
        text = json.dumps(changed).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + good[8 + size_of_header :])
        return path

    assert load_classifier(written()).classes == ("0", "1")
    recipe = about["recipe"]
    for changes in (
        {"recipe": recipe | {"nodes": 10**12}},
        {"recipe": recipe | {"width": 10**12}},
        {"recipe": recipe | {"width": 5}},
        {"recipe": {}},
        {"classes": ["a"]},
        {"classes": ["a"] * 10**6},
        {"inputs": {"words": ["a"], "pairs": 10**15}},
        {"inputs": {"shape": [1, 10**9, 10**9], "mean": [0], "scale": [1]}},
        {"inputs": 3},
        {"network": "other"},
    ):
        with pytest.raises(KYError):
            load_classifier(written(**changes))
    for data in (b"", good[:100], good[:-10], b"x" * 1000):
        path.write_bytes(data)
        with pytest.raises(KYError, match="damaged"):
            load_classifier(path)


def test_scores_by_hand():
    predicted, labels = torch.tensor([0, 0, 1, 2, 2, 2]), torch.tensor([0, 1, 1, 2, 0, 2])
    assert scores.accuracy(predicted, labels) == pytest.approx(4 / 6)
    by_hand = []
    for c in range(4):  # nobody has the last
        tp = sum(p == c == y for p, y in zip(predicted.tolist(), labels.tolist(), strict=True))
        fp = sum(p == c != y for p, y in zip(predicted.tolist(), labels.tolist(), strict=True))
        fn = sum(y == c != p for p, y in zip(predicted.tolist(), labels.tolist(), strict=True))
        by_hand.append(2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0)
    assert scores.f1(predicted, labels, 4) == pytest.approx(np.mean(by_hand))
    assert scores.latency_ms(lambda example: time.sleep(2e-3), count=5) > 1.9
    with pytest.raises(KYError, match="as many"):
        scores.accuracy(predicted, labels[:2])
    with pytest.raises(KYError, match="no example"):
        scores.f1(predicted[:0], labels[:0], 2)


def test_the_baseline_is_of_equal_size():
    encoder = ImageEncoder((1, 28, 28))
    ours = SynthesisNet(encoder.features, 10, nodes=6, width=32, encoder=encoder)
    plain = PlainNet(encoder.features, 10, parameters=size(ours), encoder=encoder)
    assert abs(size(plain) / size(ours) - 1) < 0.003


def test_terms_of_texts():
    assert words_of("Don't <b>you</b> see_it? 3<4 & 5>2") == ["don't", "you", "see", "it", "?", "3", "4", "5", "2"]
    terms = Terms(["a", "b"], pairs=8)
    assert Terms.of(["b a a c", "a b"], words=2).words == terms.words
    assert terms.number == {"a": 2, "b": 3}
    assert len(terms) == 4 + 8
    found = terms("a b unheard").tolist()
    assert found[:3] == [2, 3, 1]
    assert len(found) == 5
    assert all(4 <= pair < 12 for pair in found[3:])
    assert terms("").tolist() == [0]


def test_batches_of_texts_are_their_terms():
    part = Part(["one two", "", "two two three"], torch.tensor([0, 1, 1]))
    read = examples(Texts(Terms.of(part.inputs)), part)
    terms, starts = read.batch(torch.tensor([2, 1, 0]))
    alone = [read.inputs.terms(part.inputs[k]).tolist() for k in (2, 1, 0)]
    assert terms.tolist() == [number for numbers in alone for number in numbers]
    assert starts.tolist() == [0, len(alone[0]), len(alone[0]) + len(alone[1])]


def test_images_are_scaled_and_moved_whole():
    pixels = torch.randint(0, 256, (200, 1, 9, 7), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    read = examples(Images.of(pixels), Part(pixels, torch.zeros(200, dtype=torch.int64)))
    still = read.batch(torch.arange(200))
    assert abs(float(still.mean())) < 1e-5
    assert float(still.std()) == pytest.approx(1, abs=1e-3)
    moved = read.batch(torch.arange(200), torch.Generator().manual_seed(1))
    assert moved.shape == still.shape
    seen = set()
    for one, other in zip(still, moved, strict=True):
        fits = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-2, 3)
            if torch.equal(other[:, 2:-2, 2:-2], one[:, 2 + down : 7 + down, 2 + right : 5 + right])
        ]
        assert len(fits) == 1
        seen.add(fits[0])
    assert len(seen) == 25


@pytest.mark.skipif(not DATA, reason="KYMATH_DATA names no folder with data sets")
def test_real_digits_are_learned():
    record = train("mnist", data_dir=DATA, epochs=1, beside=())
    assert record["accuracy"] > 0.95


def run(*words, **more):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "kymath", "synthesis", *map(str, words)],
        capture_output=True, text=True, timeout=120, env=environment, **more,
    )  # fmt: skip


def test_the_command_trains_and_tells(images, tmp_path):
    done = run("train", "--data", images, "--epochs", 1, "--nodes", 2, "--width", 4, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "accuracy, %" in done.stdout
    assert "baseline" in done.stdout
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["seed"] == 0
    again = run("train", "--data", images, "--out", tmp_path / "out")
    assert again.returncode == 1
    assert "holds summary.json" in again.stderr
    told = run("train", "--data", images, "--epochs", 1, "--ablation", "--json", "--out", tmp_path / "other")
    assert {"accuracy", "baseline", "fusion"} <= set(json.loads(told.stdout))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--data", "mnist", "--data-dir", "nowhere"], "nowhere"),
        (["--epochs", "0", "--data", "{images}"], "at least 1"),
        (["--share", "2", "--data", "{images}"], "at most 1"),
        (["--device", "tpu", "--data", "{images}"], "not here"),
    ],
)
def test_the_command_says_what_is_wrong(images, tmp_path, words, said):
    done = run("train", *[str(word).format(images=images) for word in words], "--out", tmp_path / "out")
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(Path(tmp_path).glob("out/*.json")) == []


@pytest.mark.parametrize("words", [["train", "--data", "mnist"], ["draw", "--out", "chart.png"]])
def test_without_torch_the_command_names_the_extra(words, tmp_path):
    code = (
        f"import sys; sys.modules['torch'] = None; from kymath.cli import main; sys.exit(main(['synthesis', *{words}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 2
    assert "pip install 'kymath[torch]'" in done.stderr
    assert not list(tmp_path.iterdir())
