"""CIFAR-10 for the cross-synthesis: its two layouts, and pickles that are damaged, hostile or of another form."""

import os
import pickle
import struct
import tracemalloc

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="kymath.synthesis.data needs torch")

from kymath.synthesis.data import load  # noqa: E402
from kymath.synthesis.data.cifar import pickled  # noqa: E402
from kymath.training.reading import Unreadable  # noqa: E402

PIXELS = 3 * 32 * 32
COLOURED = np.random.default_rng(8).integers(0, 256, (6, 3, 32, 32), dtype=np.uint8)


def python2(labels, pixels, column_by_column=False):
    """A batch as Python 2 pickled it: strings of bytes, a list appended to in pieces, an array by its constructor."""

    def short(text):
        return b"U" + bytes((len(text),)) + text

    def numbers(values):
        return b"(" + b"".join(b"K" + bytes((value,)) for value in values) + b"e"

    return b"".join(
        (
            b"\x80\x02}q\x01(",
            short(b"batch_label") + b"q\x02" + short(b"training batch 1 of 5") + b"q\x03",
            short(b"labels") + b"q\x04]q\x05" + numbers(labels[:4]) + numbers(labels[4:]),
            short(b"data") + b"q\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08",
            b"K\x00\x85" + short(b"b") + b"\x87Rq\t(K\x01M" + struct.pack("<H", len(labels)) + b"M\x00\x0c\x86",
            b"cnumpy\ndtype\nq\n" + short(b"u1") + b"K\x00K\x01\x87Rq\x0b(K\x03" + short(b"|"),
            b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb" + (b"\x88" if column_by_column else b"\x89"),
            b"T" + struct.pack("<I", len(pixels)) + pixels + b"tb",
            short(b"filenames") + b"q\x0c]q\r(" + short(b"labels_s_000001.png") + b"q\x0e" + short(b"b.png") + b"e",
            b"u.",
        )
    )


def write_cifar(folder, batch, ending=""):
    """Five batches of one image and a test batch of two."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    for number, name in enumerate(names):
        which = [number] if number < 5 else [0, 5]
        labels = [number * 2 % 10] if number < 5 else [0, 8]
        (folder / f"{name}{ending}").write_bytes(batch(labels, COLOURED[which].tobytes()))
    return folder


def records(labels, pixels):
    return b"".join(bytes((label,)) + pixels[i * PIXELS : (i + 1) * PIXELS] for i, label in enumerate(labels))


@pytest.mark.parametrize(
    ("batch", "ending", "below"),
    [
        (records, ".bin", "cifar10/cifar-10-batches-bin"),
        (records, ".bin", "."),
        (python2, "", "cifar-10-batches-py"),
        (python2, "", "cifar10"),
    ],
)
def test_cifar(tmp_path, batch, ending, below):
    write_cifar(tmp_path / below, batch, ending)
    for task in (load("cifar10", tmp_path), load(str(tmp_path / below), None)):
        assert task.kind == "images"
        assert task.classes[::3] == ("airplane", "cat", "frog", "truck")
        assert (task.train.inputs.numpy() == COLOURED[:5]).all()
        assert task.train.labels.tolist() == [0, 2, 4, 6, 8]
        assert (task.test.inputs.numpy() == COLOURED[[0, 5]]).all()
        assert task.test.labels.tolist() == [0, 8]


def test_the_batches_made_by_hand_are_pickles():
    made = pickle.loads(python2([3, 1, 4, 1, 5], COLOURED[:5].tobytes()), encoding="bytes")  # our own bytes
    assert made[b"labels"] == [3, 1, 4, 1, 5]
    assert (made[b"data"] == COLOURED[:5].reshape(5, -1)).all()


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_batches_pickled_again_by_python_3(tmp_path, protocol):
    def again(labels, pixels):
        array = np.frombuffer(pixels, dtype=np.uint8).reshape(len(labels), PIXELS)
        return pickle.dumps({b"filenames": [b"a.png"], b"data": array.copy(), b"labels": labels}, protocol)

    write_cifar(tmp_path, again)
    if protocol in (3, 4):
        assert (load("cifar10", tmp_path).train.inputs.numpy() == COLOURED[:5]).all()
        return
    with pytest.raises(Unreadable, match=r"was not found in it|row by row"):  # other forms; never a wrong picture
        load("cifar10", tmp_path)


OTHERWISE = "was not found in it|as one NumPy array of the type u1 and the shape|more than one dictionary"
FOUR = np.concatenate([COLOURED, COLOURED])[:4].reshape(4, PIXELS)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "data",
    [
        FOUR.reshape(4, 3, 32, 32),
        FOUR.reshape(4, 3, 32, 32).transpose(0, 2, 3, 1).copy(),  # (N, 32, 32, 3)
        FOUR.T.copy(),  # (3072, N)
        FOUR.T,
        np.asfortranarray(FOUR),
        FOUR.reshape(1, 4, PIXELS),
        FOUR.reshape(-1),
        FOUR.reshape(2, 2 * PIXELS),
        FOUR.astype(np.int8),
        FOUR > 127,
        FOUR[:1].astype(np.float32),  # as many bytes as four images
        FOUR.reshape(2, PIXELS, 2).copy().view(np.uint16)[..., 0],
        FOUR.tobytes(),
        FOUR.tobytes().decode("latin-1"),
        [FOUR.tobytes()],
        {"data": FOUR.astype(np.int8)},
    ],
    ids=lambda data: f"{data.dtype}{data.shape}" if isinstance(data, np.ndarray) else type(data).__name__,
)
def test_images_kept_in_another_way_are_not_scrambled(tmp_path, data, protocol):
    path = tmp_path / "data_batch_1"
    for content in ({"labels": [0, 1, 2, 3], "data": data}, {b"data": data, b"labels": [0, 1, 2, 3]}):
        path.write_bytes(pickle.dumps(content, protocol))
        with pytest.raises(Unreadable, match=OTHERWISE):
            pickled(path)


@pytest.mark.parametrize("protocol", [3, 4])
def test_images_kept_as_they_should_be(tmp_path, protocol):
    path = tmp_path / "data_batch_1"
    for data in (FOUR, np.repeat(FOUR, 2, axis=0)[::2], FOUR[:1], np.asfortranarray(FOUR[:1])):
        labels = list(range(len(data)))
        path.write_bytes(pickle.dumps({"labels": labels, "data": data, "filenames": ["a"]}, protocol))
        images, found = pickled(path)
        assert (images.numpy().reshape(-1, PIXELS) == data).all()
        assert found.tolist() == labels
    for old in ({"data": FOUR[::-1]}, {"labels": [3, 2, 1, 0]}):
        path.write_bytes(pickle.dumps({"old": old, "labels": [0, 1, 2, 3], "data": FOUR}, protocol))
        with pytest.raises(Unreadable, match="more than one dictionary"):
            pickled(path)


def test_many_labels_and_many_words_take_no_memory(tmp_path):
    path = tmp_path / "data_batch_1"
    for content, message in (
        (b"\x80\x02}U\x06labels](" + b"K\x01" * 30_000, "more than 21,845 labels"),
        (b"\x80\x02}(U\x04data(" + b"M\x00\x10" * 100_000 + b"tu.", "not a batch of CIFAR-10"),
    ):
        path.write_bytes(content)
        tracemalloc.start()
        with pytest.raises(Unreadable, match=message):
            pickled(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 3 << 20


class Trap:
    """Loading its pickle would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch '{self.path}'",)


def test_a_pickle_is_never_run(tmp_path):
    sprung = tmp_path / "sprung"
    write_cifar(tmp_path, python2)
    for protocol in range(6):
        (tmp_path / "data_batch_1").write_bytes(pickle.dumps(Trap(sprung), protocol))
        with pytest.raises(Unreadable, match=r'"labels" and "data" was not found in it\. Pickles are looked through'):
            load("cifar10", tmp_path)
    content = {"trap": Trap(sprung), "labels": [0], "data": COLOURED[:1].reshape(1, -1), "another": Trap(sprung)}
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(content, 3))
    assert len(load("cifar10", tmp_path).train) == 5
    assert not sprung.exists()


def test_damaged_batches(tmp_path):
    pixels = COLOURED[:2].tobytes()
    path = write_cifar(tmp_path, python2) / "data_batch_3"
    for bad, message in (
        (b"", "not a pickle that can be read through"),
        (b"\x00\xff", "not a pickle that can be read through"),
        (python2([1, 2], pixels)[:-40], "not a pickle that can be read through"),
        (b"\x80\x02T\xff\xff\xff\x7fab", "not a pickle that can be read through"),
        (b"\x80\x02}.", '"labels" and "data" was not found'),
        (python2([], pixels), '"labels" was not found'),
        (python2([1, 2], pixels[:3000]), '"data" was not found'),
        (python2([1, 2], pixels[:-1]), r"2 labels and 6,143 bytes of images; 3072 for each"),
        (python2([1, 2, 3], pixels), r"3 labels and 6,144 bytes"),
        (python2([1, 12], pixels), "0 to 9 are the labels of CIFAR-10; 12 is in it"),
        (
            python2([1, 2], pixels, column_by_column=True),
            r"as one NumPy array of the type u1 and the shape \(N, 3072\), row by row",
        ),
        (bytes((1 << 26) + 1), "holds more than 67,108,864 bytes"),
    ):
        path.write_bytes(bad)
        with pytest.raises(Unreadable, match=f"data_batch_3.*{message}"):
            load("cifar10", tmp_path)
    path = write_cifar(tmp_path, records, ".bin") / "data_batch_3.bin"
    for bad, message in ((b"", "holds 0 bytes"), (bytes(3074), "holds 3,074 bytes; whole records of 3073")):
        path.write_bytes(bad)
        with pytest.raises(Unreadable, match=message):
            load("cifar10", tmp_path)
    path.unlink()
    with pytest.raises(Unreadable, match=r"data_batch_3\.bin: No such file"):
        load("cifar10", tmp_path)
