"""Data sets for the cross-synthesis: each layout, where it may lie, and what is said of damaged or hostile files."""

import gzip
import json
import os
import struct
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="kymath.synthesis.data needs torch")

from kymath import KYError, NotApplicable  # noqa: E402
from kymath.errors import EmptyData, ShapeMismatch  # noqa: E402
from kymath.synthesis.data import Part, Task, load, reviews  # noqa: E402
from kymath.synthesis.data import idx as idx_files  # noqa: E402
from kymath.training.reading import Unreadable  # noqa: E402

DATA = os.environ.get("KYMATH_DATA")
RNG = np.random.default_rng(8)
PICTURES = RNG.integers(0, 256, (6, 28, 28), dtype=np.uint8)
COLOURED = RNG.integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)


def idx(array):
    """An array of bytes as an IDX file."""
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder, ending="", labels=(0, 1, 2, 0, 1, 2), test_labels=(2, 1)):
    folder.mkdir(parents=True, exist_ok=True)
    pack = gzip.compress if ending else bytes
    for part, values in (("train", labels), ("t10k", test_labels)):
        values = np.array(values, dtype=np.uint8)
        (folder / f"{part}-images-idx3-ubyte{ending}").write_bytes(pack(idx(PICTURES[: len(values)])))
        (folder / f"{part}-labels-idx1-ubyte{ending}").write_bytes(pack(idx(values)))
    return folder


def write_lines(folder, train, test=({"text": "c", "label": 1},), ending=""):
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("train", train), ("test", test)):
        lines = "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows).encode()
        (folder / f"{name}.jsonl{ending}").write_bytes(gzip.compress(lines) if ending else lines)
    return folder


TWO = ({"text": "a", "label": 0}, {"text": "b", "label": 1})


def test_parts_and_what_is_taken_from_them():
    images = Part(torch.arange(4, dtype=torch.uint8).reshape(4, 1, 1, 1), torch.tensor([3, 2, 1, 0]))
    taken = images.take(torch.tensor([2, 2, 0]))
    assert len(images) == 4
    assert len(taken) == 3
    assert taken.inputs.shape == (3, 1, 1, 1)
    assert taken.inputs.flatten().tolist() == [2, 2, 0]
    assert taken.labels.tolist() == [1, 1, 3]
    assert Part(["a", "b"], torch.tensor([0, 1])).take(torch.tensor([1])).inputs == ["b"]
    assert len(images.take(torch.tensor([], dtype=torch.int64))) == 0
    with pytest.raises(ShapeMismatch, match=r"2 examples and labels of the shape \(3,\)"):
        Part(["a", "b"], torch.tensor([0, 1, 1]))
    with pytest.raises(ShapeMismatch, match=r"\(N, C, H, W\); \(2, 3\) was given"):
        Part(torch.zeros(2, 3), torch.tensor([0, 1]))
    for wrong in (torch.tensor([True, False]), torch.tensor([0.0]), torch.tensor([[0]])):
        with pytest.raises(ShapeMismatch, match="whole numbers"):
            images.take(wrong)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("below", [".", "mnist", "MNIST/raw", "mnist/MNIST/raw"])
def test_mnist_where_it_may_lie(tmp_path, below, ending):
    write_idx(tmp_path / below, ending)
    task = load("mnist", tmp_path)
    assert isinstance(task, Task)
    assert (task.name, task.kind, task.classes) == ("mnist", "images", tuple("0123456789"))
    assert task.train.inputs.shape == (6, 1, 28, 28)
    assert task.train.inputs.dtype == torch.uint8
    assert task.train.labels.dtype == torch.int64
    assert (task.train.inputs[:, 0].numpy() == PICTURES).all()
    assert task.train.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert task.test.labels.tolist() == [2, 1]


def test_a_folder_of_ones_own(tmp_path):
    letters = write_idx(tmp_path / "letters", labels=(1, 26, 5, 1, 26, 5), test_labels=(26, 1))
    task = load(str(letters), None)
    assert (task.kind, task.classes) == ("images", ("1", "5", "26"))
    assert task.train.labels.tolist() == [0, 2, 1, 0, 2, 1]
    assert task.test.labels.tolist() == [2, 0]
    texts = write_lines(tmp_path / "texts", [{"text": "x", "label": -1}, {"text": "y", "label": 1}])
    task = load(str(texts), tmp_path / "is not looked into")
    assert (task.kind, task.classes, task.train.labels.tolist()) == ("texts", ("-1", "1"), [0, 1])
    write_idx(texts / "MNIST/raw")
    with pytest.raises(Unreadable, match=r"four IDX files and train\.jsonl and test\.jsonl: give the folder that has"):
        load(str(texts), None)
    with pytest.raises(Unreadable, match="holds no data that is known; one of these"):
        load(str(tmp_path), None)
    for name in ("nothing", str(letters / "train-images-idx3-ubyte"), "a\0b", ""):
        with pytest.raises(KYError, match=r"no folder, and no data set of that name|holds"):
            load(str(tmp_path / name), None)


def test_data_that_is_not_in_the_folder(tmp_path):
    for name, looked in (("mnist", "mnist, MNIST/raw"), ("imdb", "imdb below"), ("cifar10", "cifar-10-batches-bin")):
        with pytest.raises(Unreadable, match=f"is not in .*{looked}.*--data-dir"):
            load(name, tmp_path)
    (write_idx(tmp_path) / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(Unreadable, match="t10k-labels-idx1-ubyte: No such file"):
        load("mnist", tmp_path)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"", r"begins with nothing, and 00 00 08 03"),
        (b"\x00\x00\x08\x01\x00\x00\x00\x06", r"begins with 00 00 08 01, and 00 00 08 03 \(bytes, 3 dimensions\)"),
        (b"\x00\x00\x0d\x03", "begins with 00 00 0d 03"),
        (b"\x89PNG", "begins with 89 50 4e 47"),
        (b"\x00\x00\x08\x03\x00\x00", "cut off within its first 16 bytes"),
        (b"\x00\x00\x08\x03" + b"\xff" * 12, r"announces 4,294,967,295 × .*; 1,073,741,824 is the most that is read"),
        (b"\x00\x00\x08\x03" + bytes(4) + b"\xff" * 8, "is the most that is read"),
        (
            b"\x00\x00\x08\x03" + struct.pack(">3I", 1 << 24, 1, 1),
            "16,777,216 × 1 × 1 bytes: 5,000,000 examples are the",
        ),
        (
            b"\x00\x00\x08\x03" + struct.pack(">3I", 4, 4096, 4096),
            "4 × 4,096 × 4,096 bytes: 16,777,216 pixels in one image, and 786,432 are the most that is read; make the",
        ),
        (b"\x00\x00\x08\x03" + struct.pack(">3I", 9, 28, 28) + bytes(99), "9 × 28 × 28 bytes and holds only 99: get"),
        (b"\x00\x00\x08\x03" + struct.pack(">3I", 1, 2, 2) + bytes(5), "1 × 2 × 2 bytes and holds more"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_damaged_idx_files(tmp_path, start, message, pack):
    (write_idx(tmp_path) / "train-images-idx3-ubyte").write_bytes(pack(start))
    with pytest.raises(Unreadable, match=message):
        load("mnist", tmp_path)


def test_damaged_gzip(tmp_path):
    path = write_idx(tmp_path, ".gz") / "train-images-idx3-ubyte.gz"
    good = path.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 255
    for bad in (good[:-30], good[:9], bytes(flipped), good[:-8] + bytes(8), good + b"more"):
        path.write_bytes(bad)
        with pytest.raises(Unreadable, match="damaged or cut off gzip file"):
            load("mnist", tmp_path)
    path.write_bytes(gzip.decompress(good))  # its name says gzip, its bytes do not: as some browsers save it
    assert len(load("mnist", tmp_path).train) == 6


def test_memory_is_not_taken_on_a_header_s_word(tmp_path):
    write_idx(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\x00\x00\x08\x03" + struct.pack(">3I", 1 << 20, 32, 32))
    bomb = b"\x00\x00\x08\x01" + struct.pack(">I", 6) + bytes(1 << 26)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(gzip.compress(bomb, 1))
    (tmp_path / "train.jsonl").write_bytes(gzip.compress(b"\n" + bytes(1 << 26), 1))
    del bomb
    tracemalloc.start()
    with pytest.raises(Unreadable, match="1,048,576 × 32 × 32 bytes and holds only 0"):
        load("mnist", tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(PICTURES))
    with pytest.raises(Unreadable, match="announces 6 bytes and holds more"):
        load("mnist", tmp_path)
    with pytest.raises(Unreadable, match=r"line 2: longer than 16,777,216 bytes"):
        load("imdb", tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 26


def test_as_many_examples_as_are_read(tmp_path, monkeypatch):
    many = b"\x00\x00\x08\x01" + struct.pack(">I", 1 << 24) + bytes(1 << 24)
    (write_idx(tmp_path) / "train-labels-idx1-ubyte").write_bytes(gzip.compress(many, 1))
    del many
    tracemalloc.start()
    with pytest.raises(Unreadable, match="announces 16,777,216 bytes: 5,000,000 examples are the most that is read"):
        load("mnist", tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20  # the labels are not even read
    for module in (idx_files, reviews):
        monkeypatch.setattr(module, "EXAMPLES", 6)
    rows = [*TWO, *TWO, "", *TWO]
    assert len(load("mnist", write_idx(tmp_path)).train) == 6
    assert len(load("imdb", write_lines(tmp_path, rows)).train) == 6
    write_lines(tmp_path, [*rows, "", TWO[0]])
    with pytest.raises(Unreadable, match=r"train\.jsonl, line 9: 6 examples are the most that is read; give fewer"):
        load("imdb", tmp_path)


def test_images_as_large_as_are_read(tmp_path):
    write_idx(tmp_path)
    for part, count in (("train", 6), ("t10k", 2)):
        images = np.zeros((count, 768, 1024), dtype=np.uint8)
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
    assert load("mnist", tmp_path).train.inputs.shape == (6, 1, 768, 1024)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(np.zeros((2, 769, 1024), dtype=np.uint8)))
    with pytest.raises(Unreadable, match="787,456 pixels in one image"):
        load("mnist", tmp_path)


def test_as_many_classes_as_are_read(tmp_path):
    own = write_lines(
        tmp_path, [{"text": "x", "label": label} for label in range(-500, 500)], ({"text": "y", "label": 1},)
    )
    task = load(str(own))
    assert (len(task.classes), task.test.labels.tolist()) == (1000, [501])
    write_lines(tmp_path, [{"text": "x", "label": label} for label in range(20_000)])
    with pytest.raises(Unreadable, match="the training part has 20,000 different labels; 1,000 classes are the most"):
        load(str(own))
    with pytest.raises(Unreadable, match="example 3 of the training part has the label 2"):
        load("imdb", own)


def test_pipes_devices_and_folders_in_place_of_files(tmp_path):
    path = write_idx(tmp_path) / "train-images-idx3-ubyte"
    path.unlink()
    path.mkdir()
    with pytest.raises(Unreadable, match="train-images-idx3-ubyte is a folder; a file was expected"):
        load("mnist", tmp_path)
    if hasattr(os, "mkfifo"):
        path.rmdir()
        os.mkfifo(path)
        with pytest.raises(Unreadable, match="is a pipe or a device"):
            load("mnist", tmp_path)
        os.mkfifo(tmp_path / "train.jsonl")
        with pytest.raises(Unreadable, match="is a pipe or a device"):
            load("imdb", tmp_path)


def test_counts_shapes_and_labels_that_do_not_go_together(tmp_path):
    labels = write_idx(tmp_path) / "train-labels-idx1-ubyte"
    labels.write_bytes(idx(np.array([0, 1, 2], dtype=np.uint8)))
    with pytest.raises(ShapeMismatch, match=r"has 6 images and .* 3 labels; as many were expected"):
        load("mnist", tmp_path)
    write_idx(tmp_path, labels=(0, 1, 10))
    with pytest.raises(
        Unreadable, match=r"example 3 of the training part has the label 10; the labels of the data set"
    ):
        load("mnist", tmp_path)
    write_idx(tmp_path, labels=(0, 1), test_labels=(0, 7))
    with pytest.raises(
        Unreadable, match=r"example 2 of the test part .* 7; the labels of the training part are 0, 1\."
    ):
        load("mnist", tmp_path)
    write_idx(tmp_path, labels=(3, 3))
    with pytest.raises(EmptyData, match="every training example has the label 3; a classifier needs two"):
        load("mnist", tmp_path)
    write_idx(tmp_path, test_labels=())
    with pytest.raises(EmptyData, match="the test part has no example; one is least"):
        load("mnist", tmp_path)
    write_idx(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(np.zeros((2, 3, 28), dtype=np.uint8)))
    with pytest.raises(
        ShapeMismatch, match=r"training images have the shape \(1, 28, 28\), the test images \(1, 3, 28\)"
    ):
        load("mnist", tmp_path)
    for part, count in (("train", 6), ("t10k", 2)):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(np.zeros((count, 0, 28), dtype=np.uint8)))
    with pytest.raises(EmptyData, match="have no pixels"):
        load("mnist", tmp_path)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("below", [".", "imdb"])
def test_texts(tmp_path, below, ending):
    rows = ["\ufeff", '  {"label": 1, "text": "Größe\\n🎬", "id": 7}\r', "", *TWO, "   "]
    write_lines(tmp_path / below, rows, ending=ending)
    task = load("imdb", tmp_path)
    assert (task.name, task.kind, task.classes) == ("imdb", "texts", ("negative", "positive"))
    assert task.train.inputs == ["Größe\n🎬", "a", "b"]
    assert task.train.labels.tolist() == [1, 0, 1]
    assert len(task.test) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes at character 2; a line is"),
        ("{'text': 1}", "not JSON: Expecting property name"),
        ("__import__('os').abort()", "not JSON: Expecting value at character 1"),
        ("[1]", "a list was found; a line is"),
        ('{"text": "a"}', '"label" is missing; a line is'),
        ('{"label": 0}', '"text" is missing'),
        ('{"text": null, "label": 0}', '"text" must be a string; null was found'),
        ('{"text": "a", "label": "0"}', '"label" must be a whole number; a string was found'),
        ('{"text": "a", "label": true}', "true was found"),
        ('{"text": "a", "label": 1.0}', "a fraction was found"),
        (f'{{"text": "a", "label": {1 << 63}}}', "does not fit in 64 bits"),
        (f'{{"text": "a", "label": {"9" * 5000}}}', "not JSON that can be read: Exceeds the limit"),
        ("[" * 100_000, "not JSON that can be read: maximum recursion"),
        ('{"text": "a\\ud800", "label": 0}', "not valid Unicode: surrogates not allowed at character 2"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    write_lines(tmp_path, [TWO[0], "", line, TWO[1]])
    with pytest.raises(Unreadable, match=rf"train\.jsonl, line 3: .*{message}"):
        load("imdb", tmp_path)


def test_texts_of_other_bytes_and_sizes(tmp_path, monkeypatch):
    path = write_lines(tmp_path, TWO) / "train.jsonl"
    path.write_bytes(b'{"text": "a", "label": 0}\n{"text": "\xff"}\n')
    with pytest.raises(Unreadable, match="line 2: not text in UTF-8: invalid start byte at byte 10"):
        load("imdb", tmp_path)
    write_lines(tmp_path, [*TWO, {"text": "", "label": 2}])
    with pytest.raises(Unreadable, match="example 3 of the training part has the label 2"):
        load("imdb", tmp_path)
    for part, rows in (("training", {"train": ()}), ("test", {"train": TWO, "test": ("",)})):
        write_lines(tmp_path, **rows)
        with pytest.raises(EmptyData, match=f"the {part} part has no example"):
            load("imdb", tmp_path)
    monkeypatch.setattr(reviews, "MOST", 40)
    write_lines(tmp_path, TWO)
    with pytest.raises(Unreadable, match="holds more than 40 bytes"):
        load("imdb", tmp_path)


class Rows:
    """What is used of a ``datasets.Dataset``: its columns in batches."""

    def __init__(self, **columns):
        self.columns = columns

    def iter(self, batch_size):
        assert batch_size > 1
        yield {name: values[:1] for name, values in self.columns.items()}
        yield {name: values[1:] for name, values in self.columns.items()}


def test_the_public_originals(monkeypatch):
    """The library is not asked for the network here: what is passed to it, and what is made of its answer, is."""
    asked = []

    class Fake:
        @staticmethod
        def load_dataset(name, split):
            asked.append((name, split))
            coloured = list(COLOURED.transpose(0, 2, 3, 1))
            return Rows(image=list(PICTURES[:2]), img=coloured, text=["a", "b"], label=[0, 1])

    monkeypatch.setitem(sys.modules, "datasets", Fake)
    assert (load("mnist").train.inputs[:, 0].numpy() == PICTURES[:2]).all()
    assert (load("cifar10").test.inputs.numpy() == COLOURED).all()
    assert load("imdb", None).train.inputs == ["a", "b"]
    names = ("ylecun/mnist", "uoft-cs/cifar10", "stanfordnlp/imdb")
    assert asked == [(name, split) for name in names for split in ("train", "test")]
    monkeypatch.setattr(Fake, "load_dataset", lambda *name, split: 1 / 0)
    with pytest.raises(Unreadable, match=r"CIFAR-10 could not be fetched: division by zero.*--data-dir"):
        load("cifar10")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(NotApplicable, match=r"IMDB is fetched by datasets: pip install 'kymath\[train\]'.*--data-dir"):
        load("imdb")


@pytest.mark.skipif(not DATA, reason="KYMATH_DATA names no folder with mnist/")
def test_the_real_mnist():
    task = load("mnist", Path(DATA))
    assert task.train.inputs.shape == (60000, 1, 28, 28)
    assert task.test.inputs.shape == (10000, 1, 28, 28)
    assert task.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert task.train.inputs.float().mean().item() == pytest.approx(33.318, abs=1e-3)  # the 0.1307 of 255 in use


@pytest.mark.skipif(not DATA, reason="KYMATH_DATA names no folder with imdb/")
def test_the_real_imdb():
    task = load("imdb", Path(DATA))
    assert task.train.labels.bincount().tolist() == task.test.labels.bincount().tolist() == [12500, 12500]
    assert all(task.train.inputs)
