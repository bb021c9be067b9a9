"""Training's settings, lines, tokens and batches: the protocol's numbers by hand."""

import json
import logging
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="kymath.training needs torch")

from small_runs import one_thread  # noqa: E402, F401

from kymath import NotApplicable  # noqa: E402
from kymath.training import Settings, Unreadable  # noqa: E402
from kymath.training.examples import IGNORED, Examples, rows_of, unigram_perplexity  # noqa: E402
from kymath.training.reading import lines_of  # noqa: E402
from kymath.training.tokens import tokenizer_for  # noqa: E402

DATA = os.environ.get("KYMATH_DATA")


def test_the_presets():
    paper = Settings.of("table1")
    assert (paper.d_model, paper.num_layers, paper.num_heads, paper.window) == (512, 8, 16, 15)
    assert (paper.batch, paper.epochs, paper.lr, paper.weight_decay, paper.clip) == (16, 3, 5e-4, 0.01, 1.0)
    assert (paper.max_len, paper.tokenizer, paper.half, paper.config(50257).ffn_width) == (256, "gpt2", True, 1536)
    tiny = Settings.of("tiny", seed=None, lr=0.1)
    assert (tiny.seed, tiny.lr, tiny.tokenizer, tiny.vocab_size) == (0, 0.1, "bpe", 2048)
    assert Settings.from_dict(json.loads(json.dumps(paper.as_dict()))) == paper


def test_the_learning_rate_is_torchs_cosine():
    settings = Settings.of("table1")
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=settings.lr)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 30)
    for step in range(30):
        assert settings.rate(step, 30) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9, abs=1e-15)
        optimiser.step()
        theirs.step()
    assert settings.rate(30, 30) == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"attention": "linear"}, "attention = 'linear'"),
        ({"tokenizer": "words"}, "tokenizer = 'words'"),
        ({"batch": 0}, "batch = 0"),
        ({"epochs": 1.5}, "epochs = 1.5"),
        ({"max_steps": 0}, "max_steps = 0"),
        ({"max_len": 1}, "max_len = 1"),
        ({"lr": 0.0}, r"lr = 0\.0"),
        ({"lr": 1e300}, r"lr = 1e\+300 must be a number above 0 and at most 1000"),
        ({"lr": 10**400}, "lr = 1000"),
        ({"clip": 0}, "clip = 0 must"),
        ({"weight_decay": 1e9}, "must be a number from 0 to 1000"),
        ({"batch": 1 << 40}, "must be a whole number from 1 to 1048576"),
        ({"d_model": 10**18}, "d_model = 1000000000000000000 must"),
        ({"half": 1}, "half = 1 must be True or False"),
        ({"layers": 1}, "layers is not one of the fields tokenizer, d_model, num_layers,"),
        ({"lr": math.nan}, "lr = nan"),
        ({"weight_decay": -1.0}, r"weight_decay = -1\.0"),
        ({"seed": -1}, "seed = -1"),
        ({"window": 0}, "window = 0"),
        ({"window": 4, "causal": False}, "window = 4"),
        ({"attention": "standard", "causal": False}, 'attention="standard" has none'),
        ({"edge": "zeros"}, "edge = 'zeros'"),
    ],
)
def test_bad_settings_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        Settings.of("tiny", **change)


def test_other_presets_and_other_fields_are_refused():
    with pytest.raises(ValueError, match="preset = 'huge'"):
        Settings.of("huge")
    for fields in ({}, [], {**Settings.of("tiny").as_dict(), "more": 1}):
        with pytest.raises(ValueError, match="not the settings"):
            Settings.from_dict(fields)


def test_lines_of_a_file_and_of_a_folder(tmp_path, text):
    first, last = lines_of(str(text), None)
    assert (len(first), len(last)) == (40, 4)
    assert last[-1] == "four 43 two\n"
    folder = tmp_path / "wikitext-2"
    folder.mkdir()
    (folder / "train.txt").write_text(" a \n \n b \r\n")
    (folder / "valid.txt").write_text(" c \n")
    assert lines_of("wikitext-2", tmp_path) == ([" a \n", " b \n"], [" c \n"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"caf\xe9\nb\n", "not text in UTF-8.*at byte 3"),
        (b"one\n\n \n", "has 1 line with"),
        (b"a\nb\0\n", "not text: byte 3 is zero"),
        (b"a\0b\0", "byte 1 is zero"),
        (b"", "has 0 lines with"),
    ],
)
def test_data_that_cannot_be_read(tmp_path, content, words):
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Unreadable, match=words):
        lines_of(str(path), None)
    with pytest.raises(Unreadable, match=r"train\.txt: No such file"):
        lines_of("wikitext-2", tmp_path)


@pytest.mark.parametrize("content", ["\ufeffone\ntwo\nthree\n", "one\rtwo\rthree", "one\r\n\r\ntwo\r\nthree\r\n"])
def test_marks_of_order_and_all_line_ends(tmp_path, content):
    path = tmp_path / "text.txt"
    path.write_bytes(content.encode())
    assert lines_of(str(path), None) == (["one\n", "two\n"], ["three\n"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_data_without_an_end_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(Unreadable, match="is a pipe or a device"):
            lines_of(str(path), None)


def test_wikitext_by_the_library(monkeypatch):
    """The library is not asked for the network here: what is passed to it is."""
    asked = []

    class Fake:
        @staticmethod
        def load_dataset(*name, split):
            asked.append((*name, split))
            return {"text": ["", " one \n"]}

    monkeypatch.setitem(sys.modules, "datasets", Fake)
    assert lines_of("wikitext-2", None) == ([" one \n"], [" one \n"])
    assert asked == [("Salesforce/wikitext", "wikitext-2-v1", part) for part in ("train", "validation")]
    monkeypatch.setattr(Fake, "load_dataset", lambda *name, split: 1 / 0)
    with pytest.raises(
        Unreadable, match=r"could not be fetched: division by zero.*--data-dir.*, or your own text: --data"
    ):
        lines_of("wikitext-2", None)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(NotApplicable, match=r"pip install 'kymath\[train\]'"):
        lines_of("wikitext-2", None)


def test_retries_of_the_library_are_not_shown(monkeypatch, caplog):
    names = ("datasets", "huggingface_hub.utils._http")
    bars = []

    class Fake:
        are_progress_bars_disabled = staticmethod(lambda: False)
        disable_progress_bars = staticmethod(lambda: bars.append("off"))
        enable_progress_bars = staticmethod(lambda: bars.append("on"))

        @staticmethod
        def load_dataset(*name, split):
            for one in names:
                logging.getLogger(one).warning("Retrying in 1s [Retry 1/5].")
            raise ConnectionError("no route")

    monkeypatch.setitem(sys.modules, "datasets", Fake)
    before = [logging.getLogger(name).level for name in ("datasets", "huggingface_hub")]
    with pytest.raises(Unreadable, match="no route"):
        lines_of("wikitext-2", None)
    assert caplog.records == []
    assert bars == ["off", "on"]
    assert before[0] == logging.getLogger("datasets").level
    logging.getLogger(names[0]).warning("heard again")
    assert [record.message for record in caplog.records] == ["heard again"]


@pytest.mark.parametrize("word", ["bpe", "byte"])
def test_tokens_give_the_text_back(word):
    lines = ["Ein Maß für α → β\n", "\t  two  blanks\n", "🙂\x00\n"]
    made = tokenizer_for(word, ["the cat and the hat\n"] * 9, 300, None)
    for line in lines:
        assert made.decode(made.encode(line).ids) == line
    assert made.get_vocab_size() == 256 if word == "byte" else made.get_vocab_size() > 256
    again = tokenizer_for(word, ["the cat and the hat\n"] * 9, 300, None)
    assert again.to_str() == made.to_str()
    if word == "byte":
        assert len(made.encode("Maß\n").ids) == 5


@pytest.mark.skipif(not DATA, reason="KYMATH_DATA names no folder with gpt2-bpe/")
def test_gpt2_tokens():
    made = tokenizer_for("gpt2", [], 0, Path(str(DATA)))
    assert made.get_vocab_size() == 50257
    assert made.encode("Hello world, it's 2024.\n").ids == [15496, 995, 11, 340, 338, 48609, 13, 198]
    assert made.decode([15496, 995]) == "Hello world"


def test_gpt2_files_that_are_none(tmp_path):
    with pytest.raises(Unreadable, match=r"encoder\.json: No such file"):
        tokenizer_for("gpt2", [], 0, tmp_path)
    (tmp_path / "gpt2-bpe").mkdir()
    for name in ("encoder.json", "vocab.bpe"):
        (tmp_path / "gpt2-bpe" / name).write_text("[1, 2")
    with pytest.raises(Unreadable, match="not GPT-2's tokens"):
        tokenizer_for("gpt2", [], 0, tmp_path)


def examples(*lines, max_len=5):
    return Examples.of(tokenizer_for("byte", [], 0, None), lines, max_len)


def test_batches_are_shifted_and_padded():
    made = examples("abc", "x", "abcdefgh", "hi")
    assert (len(made), made.cut) == (3, 3)  # "x" has no target, "fgh" is beyond the length
    inputs, targets = made.batch([0, 1, 2])
    assert inputs.shape == targets.shape == (3, 4)
    a, b, c = made.one(0).tolist()
    assert inputs[0].tolist() == [a, b, 0, 0]
    assert targets[0].tolist() == [b, c, IGNORED, IGNORED]
    assert targets[1].ne(IGNORED).all()
    assert made.targets([0, 1, 2]) == int(targets.ne(IGNORED).sum()) == 7
    assert made.wanted().tolist() == targets[targets.ne(IGNORED)].tolist()


def test_processes_share_a_batch():
    made = examples("abc", "abcdefgh", "hi", "there", "you")
    inputs, targets = made.batch([4, 2, 1, 0, 3])
    shares = [made.batch([4, 2, 1, 0, 3], k, 3) for k in range(3)]
    assert {x.shape for x, _ in shares} == {(2, 4)}  # alike in all, as collective work must be
    assert torch.equal(torch.cat([x for x, _ in shares])[:5], inputs)
    assert torch.equal(torch.cat([y for _, y in shares])[:5], targets)
    assert shares[2][1][1].eq(IGNORED).all()


def test_each_epoch_has_each_line_once_in_an_order_of_its_own():
    epochs = [[k for step in range(e * 4, e * 4 + 4) for k in rows_of(step, 14, 4, seed=3)] for e in range(3)]
    assert all(sorted(rows) == list(range(14)) for rows in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert rows_of(0, 14, 4, seed=3) != rows_of(0, 14, 4, seed=4)


def test_unigram_perplexity_by_hand():
    a, b = examples("xab", "xab"), examples("xac")  # targets a b a b; a c
    p = [(2 + 1) / (4 + 256), (0 + 1) / (4 + 256)]
    assert unigram_perplexity(a, b, 256) == pytest.approx(math.exp(-np.log(p).mean()), rel=1e-12)
