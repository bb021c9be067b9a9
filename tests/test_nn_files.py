"""Models in files: the round trip, atomic writing, hostile and damaged files, the author's checkpoints."""

import json
import os
import pickle
import struct

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="kymath.nn needs torch")
safetensors = pytest.importorskip("safetensors.torch", reason="model files need safetensors")
nn = pytest.importorskip("kymath.nn")

from kymath import KYError  # noqa: E402
from kymath.nn import Condor, CondorConfig, condor_from_author, files, load_condor, save_condor  # noqa: E402

TINY = CondorConfig(vocab_size=30, d_model=12, num_layers=2, num_heads=2, window=4, ffn_hidden=10, hidden=6)
WORDS = ("ky", "standard", "local", "alibi", "t5", "kerple", "fire")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def tiny(config=TINY):
    return Condor(config, generator=seeded())


def tokens(*shape):
    return torch.randint(0, 30, shape, generator=seeded(1))


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.safetensors"
    save_condor(tiny(), path)
    return path


@pytest.mark.parametrize("attention", WORDS)
def test_the_round_trip(attention, tmp_path):
    model = tiny(CondorConfig(**{**TINY.as_dict(), "attention": attention}))
    path = tmp_path / "model.safetensors"
    save_condor(model, str(path))
    again = load_condor(path)
    assert again.config == model.config
    assert torch.equal(again(tokens(2, 20)), model(tokens(2, 20)))
    assert [p.requires_grad for p in again.parameters()] == [True] * len(list(model.parameters()))
    again(tokens(1, 9)).sum().backward()
    assert os.listdir(tmp_path) == ["model.safetensors"]


def test_half_precision_keeps_its_type(tmp_path):
    model = tiny().bfloat16()
    save_condor(model, tmp_path / "half")
    again = load_condor(tmp_path / "half")
    assert again.lm_head.weight.dtype == torch.bfloat16
    assert torch.equal(again(tokens(1, 5)), model(tokens(1, 5)))


def test_a_write_that_fails_leaves_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()

    def full_disk(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_condor(tiny(), saved)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


def test_the_file_may_be_replaced_while_its_model_lives(saved):
    model = load_condor(saved)
    before = model(tokens(1, 5))
    save_condor(Condor(TINY, generator=seeded(7)), saved)
    assert torch.equal(model(tokens(1, 5)), before)


class Trap:
    """A pickle that would leave a trace if it were read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("load", [load_condor, condor_from_author])
@pytest.mark.parametrize("protocol", [2, 4, 5, "torch"])
def test_pickles_are_refused_unopened(load, protocol, tmp_path):
    path, trace = tmp_path / "model.pt", tmp_path / "trace"
    if protocol == "torch":
        torch.save({"x": Trap(str(trace))}, path)
    else:
        path.write_bytes(pickle.dumps(Trap(str(trace)), protocol))
    with pytest.raises(KYError, match=r"model.pt is a pickle .*reading one can run any code"):
        load(path)
    assert not trace.exists()


def header(entries, data=b""):
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + data


HOSTILE = {
    "empty": b"",
    "short": b"\x05\x00",
    "text": b"hello, this is no model at all",
    "long header": struct.pack("<Q", 1 << 62) + b"{}",
    "no json": struct.pack("<Q", 4) + b"{{{{",
    "overlap": header({n: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} for n in "ab"}, b"\0" * 8),
    "beyond the end": header({"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}, b"\0" * 8),
    "huge": header({"a": {"dtype": "F32", "shape": [1 << 62], "data_offsets": [0, 1 << 63]}}),
    "negative": header({"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, -8]}}),
    "unknown type": header({"a": {"dtype": "X99", "shape": [1], "data_offsets": [0, 4]}}, b"\0" * 4),
}


@pytest.mark.parametrize("load", [load_condor, condor_from_author])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_a_clear_error(load, name, tmp_path):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(KYError, match=r"bad.safetensors is not a safetensors file, or is damaged"):
        load(path)


def test_truncated_anywhere(saved):
    whole = saved.read_bytes()
    for length in (7, 8, 100, 1000, len(whole) // 2, len(whole) - 1):
        saved.write_bytes(whole[:length])
        with pytest.raises(KYError, match="not a safetensors file, or is damaged"):
            load_condor(saved)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_condor(tmp_path / "absent")


def stored(path, change_config=None, change=None, metadata=None):
    """The tiny model's file with something else in it."""
    model = tiny()
    tensors = {k: v.clone() for k, v in model.state_dict().items()}
    config = TINY.as_dict()
    for name, value in (change_config or {}).items():
        config[name] = value
    if change:
        change(tensors)
    safetensors.save_file(tensors, path, metadata or {"format": files.FORMAT, "config": json.dumps(config)})
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_layers": 10**9}, "1000000000 layers are configured"),
        ({"num_layers": 3}, "missing layers.2"),
        ({"num_layers": 1}, "unexpected layers.1"),
        ({"vocab_size": 10**12}, "vocab_size = 1000000000000 is configured"),
        ({"vocab_size": 31}, r"has the shape \(30, 12\), and the configuration needs"),
        ({"d_model": 2**40}, "d_model = 1099511627776 is configured"),
        ({"d_model": 24}, "has the shape"),
        ({"num_heads": 2**40, "d_model": 2**41}, "is configured"),
        ({"hidden": 10**15}, "hidden = 1000000000000000 is configured"),
        ({"hidden": 7}, "connection.* has the shape"),
        ({"ffn_hidden": 10**9}, "ffn_width = 1000000000 is configured"),
        ({"num_heads": 3}, "make d_model / num_heads even|has the shape"),
        ({"attention": "alibi"}, "missing layers.0.attention.connection.slopes"),
        ({"window": -3}, "window = -3"),
        ({"window": "15"}, "window = '15'"),
        ({"window": 1e300}, "window"),
        ({"extra": 1}, "unknown 'extra'"),
        ({"attention": ["ky"]}, "attention = "),
        ({"d_model": None}, "d_model = None"),
    ],
)
def test_configurations_that_do_not_fit(change, words, tmp_path):
    with pytest.raises(KYError, match=words):
        load_condor(stored(tmp_path / "model", change))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("lm_head.weight"), "missing lm_head.weight"),
        (lambda t: t.update(more=torch.zeros(1)), "unexpected more"),
        (lambda t: t.update({"lm_head.weight": torch.zeros(30, 13)}), r"lm_head.weight has the shape \(30, 13\)"),
        (
            lambda t: t.update({"lm_head.weight": torch.zeros(30, 12, dtype=torch.int64)}),
            "lm_head.weight is torch.int64",
        ),
        (lambda t: t.update({"lm_head.weight": torch.zeros(30, 12).half()}), "of different types"),
    ],
)
def test_weights_that_do_not_fit(change, words, tmp_path):
    with pytest.raises(KYError, match=words):
        load_condor(stored(tmp_path / "model", change=change))


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"format": "pt"}, "no Condor model"),
        ({"format": files.FORMAT}, "the configuration in its metadata cannot be used"),
        ({"format": files.FORMAT, "config": "[" * 100_000}, "cannot be used"),
        ({"format": files.FORMAT, "config": "[1]"}, "not a Condor configuration"),
        ({"format": files.FORMAT, "config": "{}"}, "not a Condor configuration"),
        ({"format": files.FORMAT, "version": "99"}, "is of version 99, and this kymath reads version 1"),
        ({"format": files.FORMAT, "version": "\x1b[2J"}, r"is of version \\x1b\[2J"),
        ({"format": files.FORMAT, "config": '{"vocab_size": ' + "1" * 5000 + "}"}, "cannot be used: Exceeds the limit"),
        ({"format": files.FORMAT, "config": '{"vocab_size": "' + "x" * 5000 + '"}'}, "vocab_size = 'x{100,200}…$"),
    ],
)
def test_metadata_that_is_none(metadata, words, tmp_path):
    with pytest.raises(KYError, match=words):
        load_condor(stored(tmp_path / "model", metadata=metadata))


# -- the author's checkpoints ------------------------------------------------------------------------------------

VOCAB, D, HEADS, LAYERS, FFN, HIDDEN = 20, 8, 2, 2, 12, 128


AT = "layers.%s.attention.connection_nets.0.w1.weight"


def author(prefix="", head="lm_head", seed=3):
    rng = seeded(seed)
    sizes = {"token_embedding.weight": (VOCAB, D), "final_norm.weight": (D,), f"{head}.weight": (VOCAB, D)}
    for i in range(LAYERS):
        at = f"layers.{i}."
        sizes |= {f"{at}attention.{p}_proj.weight": (D, D) for p in ("q", "k", "v", "out")}
        sizes |= {f"{at}norm{n}.weight": (D,) for n in (1, 2)}
        sizes |= {f"{at}ffn.w1.weight": (FFN, D), f"{at}ffn.w2.weight": (D, FFN), f"{at}ffn.w3.weight": (FFN, D)}
        for h in range(HEADS):
            net = f"{at}attention.connection_nets.{h}."
            sizes |= {f"{net}w1.weight": (HIDDEN, 1), f"{net}w2.weight": (1, HIDDEN), f"{net}w3.weight": (HIDDEN, 1)}
    tensors = {prefix + name: torch.randn(size, generator=rng) * 0.6 for name, size in sizes.items()}
    tensors[f"{prefix}freqs_cis"] = torch.polar(torch.ones(512, D // HEADS // 2), torch.zeros(512, D // HEADS // 2))
    return tensors


def silu(x):
    return x / (1 + np.exp(-x))


def plain_model(tensors, ids, window):
    """The author's model in plain loops and doubles: zero padding on the left, unmasked, its softmax twice."""
    w = {name: np.asarray(value.double()) for name, value in tensors.items() if "freqs" not in name}

    def norm(x, weight):
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) * weight

    def turn(x):  # (L, dim): interleaved pairs
        out = x.copy()
        for m, i in np.ndindex(len(x), x.shape[1] // 2):
            z = complex(x[m, 2 * i], x[m, 2 * i + 1]) * np.exp(1j * m * 10000 ** (-2 * i / x.shape[1]))
            out[m, 2 * i], out[m, 2 * i + 1] = z.real, z.imag
        return out

    x = w["token_embedding.weight"][ids]
    dim = D // HEADS
    for n in range(LAYERS):
        at = f"layers.{n}."
        y = norm(x, w[at + "norm1.weight"])
        q, k, v = (y @ w[f"{at}attention.{p}_proj.weight"].T for p in "qkv")
        seen = np.zeros_like(x)
        for h in range(HEADS):
            net = [w[f"{at}attention.connection_nets.{h}.w{p}.weight"] for p in (1, 2, 3)]
            t = np.linspace(0, 1, window)[:, None]
            c = ((silu(t @ net[0].T) * (t @ net[2].T)) @ net[1].T)[:, 0]
            beta = np.exp(c) / np.exp(c).sum()
            part = slice(h * dim, (h + 1) * dim)
            qh, kh, vh = turn(q[:, part]), turn(k[:, part]), v[:, part]
            for i in range(len(x)):
                keys = [kh[j] if j >= 0 else np.zeros(dim) for j in range(i - window + 1, i + 1)]
                values = [vh[j] if j >= 0 else np.zeros(dim) for j in range(i - window + 1, i + 1)]
                s = np.array([qh[i] @ key for key in keys]) / np.sqrt(dim)
                alpha = np.exp(s) / np.exp(s).sum()
                weight = alpha * beta
                seen[i, part] = (weight / (weight.sum() + 1e-9)) @ np.array(values)
        x = x + seen @ w[at + "attention.out_proj.weight"].T
        y = norm(x, w[at + "norm2.weight"])
        x = x + (silu(y @ w[at + "ffn.w1.weight"].T) * (y @ w[at + "ffn.w3.weight"].T)) @ w[at + "ffn.w2.weight"].T
    head = w.get("lm_head.weight", w.get("task_head.weight"))
    return norm(x, w["final_norm.weight"]) @ head.T


@pytest.mark.parametrize(("prefix", "head"), [("", "lm_head"), ("_orig_mod.", "lm_head"), ("", "task_head")])
def test_the_authors_checkpoint_is_the_authors_model(prefix, head, tmp_path):
    tensors = author(prefix, head)
    model = condor_from_author(tensors, window=5)
    assert model.config.edge == "reference"
    assert (model.config.window, model.config.num_heads, model.config.ffn_width) == (5, HEADS, FFN)
    ids = torch.randint(0, VOCAB, (17,), generator=seeded(9))
    truth = plain_model({k.removeprefix(prefix): v for k, v in tensors.items()}, ids.numpy(), 5)
    got = model(ids[None])[0].detach().numpy()
    assert np.abs(got - truth).max() < 1e-4 * np.abs(truth).max()
    stored_tensors = {k: v for k, v in tensors.items() if "freqs" not in k}
    safetensors.save_file(stored_tensors, tmp_path / "author.safetensors")
    again = condor_from_author(tmp_path / "author.safetensors", window=5)
    assert torch.equal(again(ids[None]), model(ids[None]))
    save_condor(model, tmp_path / "ours")
    assert torch.equal(load_condor(tmp_path / "ours")(ids[None]), model(ids[None]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.clear(), "not a checkpoint of the author's code"),
        (lambda t: t.pop("token_embedding.weight"), "missing token_embedding.weight"),
        (lambda t: t.pop("layers.1.attention.k_proj.weight"), r"missing layers.1.attention.k_proj.weight\."),
        (
            lambda t: t.pop("layers.0.attention.connection_nets.1.w2.weight"),
            r"missing layers.0.attention.connection_nets.1.w2.weight\.",
        ),
        (lambda t: t.update({"token_embedding.weight": torch.zeros(4)}), "token_embedding.weight has the shape"),
        (lambda t: t.update({"layers.0.ffn.w2.weight": torch.zeros(3, 4)}), "layers.0.ffn.w2.weight has the shape"),
        (lambda t: t.update({"_orig_mod.final_norm.weight": torch.zeros(D)}), "there twice"),
        (lambda t: t.update({"layers.9.attention.connection_nets.0.w1.weight": torch.zeros(128, 1)}), "have a gap"),
        (lambda t: t.update({"final_norm.weight": [1.0]}), "is not a name with a tensor"),
        (lambda t: t.update(stray=torch.zeros(1)), "unexpected stray"),
        (lambda t: t.update({"\x1b[31m\n" + "x" * 900: torch.zeros(1)}), r"unexpected \\x1b\[31m\\nx{100,200}…; "),
        (lambda t: t.update({AT % ("9" * 5000): torch.zeros(128, 1)}), "unexpected layers.9{100,200}…; "),
        (lambda t: t.update({"layers.0.attention.q_proj.weight": torch.zeros(3, D)}), r"0.attention.q_proj.weight has"),
        (lambda t: t.update({"layers.0.attention.q_proj.weight": torch.zeros(D, D).half()}), "of different types"),
        (
            lambda t: t.update({k: torch.zeros(0, 1) for k in t if "nets" in k}),
            "the tensors: hidden = 0 must be a whole number",
        ),
    ],
)
def test_author_checkpoints_that_do_not_fit(change, words):
    tensors = author()
    change(tensors)
    with pytest.raises(KYError, match=words):
        condor_from_author(tensors)


def test_the_window_is_checked():
    with pytest.raises(ValueError, match="window = 0"):
        condor_from_author(author(), window=0)


def test_the_authors_tensors_stay_their_own():
    tensors = author()
    before = {name: value.clone() for name, value in tensors.items()}
    model = condor_from_author(tensors)
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(7)
    assert all(torch.equal(tensors[name], value) for name, value in before.items())
