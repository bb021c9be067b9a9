"""A trained model writes."""

import json

import pytest

torch = pytest.importorskip("torch", reason="kymath.training needs torch")

from small_runs import one_thread, small  # noqa: E402, F401

from kymath.training import Unreadable, continuation, language_model, train  # noqa: E402
from kymath.training.tokens import tokenizer_for  # noqa: E402


def test_what_a_model_writes(text, tmp_path):
    train(small(text, lr=0.02), tmp_path)
    model, tokenizer = language_model(tmp_path)
    again, _ = language_model(tmp_path / "checkpoint.safetensors")
    assert model.config == again.config
    wanted = model.generate(torch.tensor([tokenizer.encode("one").ids]), 300, seed=3)[0, 3:].tolist()
    ids, pieces = zip(*continuation(model, tokenizer, "one", 300, one_line=False, seed=3), strict=True)
    assert list(ids) == wanted
    assert "".join(pieces) == tokenizer.decode(wanted)
    line = wanted[: wanted.index(tokenizer.encode("\n").ids[0]) + 1]
    ids, pieces = zip(*continuation(model, tokenizer, "one", 300, seed=3), strict=True)
    assert list(ids) == line
    assert "".join(pieces).count("\n") == 1
    assert list(continuation(model, tokenizer, "", 2, temperature=0.0))  # from the beginning of a line
    with pytest.raises(ValueError, match="top_k = 0"):
        list(continuation(model, tokenizer, "one", 2, top_k=0))


class Says:
    """In place of a model: draws the bytes of a text."""

    def __init__(self, tokens):
        self.tokens = tokens

    def stream(self, ids, count, **how):
        return (torch.tensor([token]) for token in self.tokens[:count])


def test_characters_come_when_they_are_whole():
    made = tokenizer_for("byte", [], 0, None)
    ids = made.encode("a→🙂b").ids
    pieces = [piece for _, piece in continuation(Says(ids), made, "", 99)]
    assert pieces == ["a", "", "", "→", "", "", "", "🙂", "b"]
    broken = [ids[1], ids[0], ids[1], ids[2]]
    assert [piece for _, piece in continuation(Says(broken), made, "", 4)] == ["", "\ufffda", "", "\ufffd"]
    merged = tokenizer_for("bpe", ["so \n\n", "so \n\n"] * 5, 300, None)
    ids = merged.encode("so \n\n").ids
    assert "".join(piece for _, piece in continuation(Says(ids), merged, "", 99)) == "so \n"


def test_models_without_their_text(text, tmp_path, monkeypatch):
    out = tmp_path / "out"
    train(small(text, max_steps=1), out)
    for path in ("nowhere", "nowhere/checkpoint.safetensors"):
        with pytest.raises(Unreadable, match="No such file"):
            language_model(tmp_path / path)
    tokenizer = out / "tokenizer.json"
    good = tokenizer.read_text()
    for bad, words in (
        ("{", "is no tokenizer"),
        ("\0", "is not text"),
        (json.dumps({**json.loads(good), "decoder": None}), "not of byte-level tokens"),
        (tokenizer_for("bpe", ["the cat\n"] * 3, 300, None).to_str(), "256 tokens, and the tokenizer beside it has 2"),
    ):
        tokenizer.write_text(bad)
        with pytest.raises(Unreadable, match=words):
            language_model(out)
    tokenizer.unlink()
    with pytest.raises(Unreadable, match=r"holds no tokenizer\.json"):
        language_model(out)
    (out / "settings.json").write_text('{"tokenizer": "gpt2"}')
    with pytest.raises(Unreadable, match=r"encoder\.json: No such file"):
        language_model(out, data_dir=tmp_path)
