"""Checkpoints as they lie on a disk: shards, types, sizes, and everything that can be wrong with a file."""

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest

pytest.importorskip("safetensors", reason="files of tensors need safetensors")

from kymath import KYError
from kymath.inspector.checkpoint import open_checkpoint
from kymath.inspector.layouts import UnknownLayout, find

KEY = "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
TABLE = np.arange(64.0).reshape(32, 2)
KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1"}


def packed(tensors, metadata=None, kind="F32"):
    """The bytes of a safetensors file with these tensors, written by hand."""
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, value in tensors.items():
        raw = value if isinstance(value, bytes) else np.asarray(value).astype(KINDS[kind]).tobytes()
        shape = [len(raw)] if isinstance(value, bytes) else list(np.shape(value))
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    return framed(header, data)


def framed(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def put(folder, name="model.safetensors", content=None):
    path = folder / name
    path.write_bytes(packed({KEY: TABLE}) if content is None else content)
    return path


def curves(source, window=8):
    return find(open_checkpoint(source), window)


# -- what can be read --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_types_of_numbers(kind, tmp_path):
    found = curves(put(tmp_path, content=packed({"other": np.ones(3), KEY: TABLE}, kind=kind)))
    assert [c.bias.tolist() for c in found] == [TABLE[:8, 0].tolist(), TABLE[:8, 1].tolist()]


def test_bfloat16_is_the_upper_half_of_a_float(tmp_path):
    values = TABLE / 8 - 3
    half = (values.astype("<f4").view("<u4") >> 16).astype("<u2")
    header = {KEY: {"dtype": "BF16", "shape": [32, 2], "data_offsets": [0, 128]}}
    assert curves(put(tmp_path, content=framed(header, half.tobytes())))[1].bias.tolist() == values[:8, 1].tolist()


@pytest.mark.parametrize("kind", ["F8_E4M3", "F8_E5M2", "BOOL"])
def test_other_types_are_refused_by_name(kind, tmp_path):
    header = {KEY: {"dtype": kind, "shape": [32, 2], "data_offsets": [0, 64]}}
    with pytest.raises(KYError, match=f"relative_attention_bias.weight is stored as {kind}"):
        curves(put(tmp_path, content=framed(header, bytes(64))))


def test_folders_models_and_prefixes(tmp_path):
    put(tmp_path, content=packed({f"_orig_mod.{KEY}": TABLE}))
    (tmp_path / "config.json").write_text('{"num_heads": 2}')
    checkpoint = open_checkpoint(tmp_path)
    assert checkpoint.shapes == {KEY: (32, 2)}
    assert checkpoint.config == {"num_heads": 2}
    assert len(curves(str(tmp_path))) == 2
    assert open_checkpoint({f"module._orig_mod.a.{KEY}": TABLE, 5: TABLE, "words": "no"}).shapes == {
        f"a.{KEY}": (32, 2)
    }
    assert open_checkpoint({"submodule.x": TABLE}).shapes == {"submodule.x": (32, 2)}


def test_the_state_of_a_training_names_the_model(tmp_path):
    state = packed({"model.layers.0.attention.connection.slopes": np.ones(2)}, {"format": "kymath.training"})
    with pytest.raises(KYError, match=r"state of a training.*give checkpoint\.safetensors"):
        open_checkpoint(put(tmp_path, "training.safetensors", state))
    put(tmp_path, "checkpoint.safetensors")
    assert len(curves(tmp_path)) == 2


def test_the_same_tensor_twice(tmp_path):
    twice = {KEY: TABLE, f"_orig_mod.{KEY}": TABLE}
    for source in (twice, put(tmp_path, content=packed(twice))):
        with pytest.raises(KYError, match="are the same tensor"):
            open_checkpoint(source)


def shards(folder, mapping=None, **files):
    for name, tensors in files.items():
        put(folder, f"{name}.safetensors", packed(tensors))
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": mapping}))
    return path


def test_shards(tmp_path):
    other = KEY.replace("decoder", "encoder")
    path = shards(
        tmp_path,
        {f"module.{KEY}": "a.safetensors", other: "b.safetensors"},
        a={f"module.{KEY}": TABLE},
        b={other: TABLE},
    )
    for source in (path, tmp_path):
        assert [(c.layout[:10], c.head) for c in curves(source)] == [
            ("T5 decoder", 0), ("T5 decoder", 1), ("T5 encoder", 0), ("T5 encoder", 1)
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("mapping", "match"),
    [
        ({KEY: "lost.safetensors"}, "lost.safetensors is not there"),
        ({KEY: "../a.safetensors"}, "outside its folder"),
        ({KEY: "/etc/passwd"}, "outside its folder"),
        ({KEY: ".."}, "not there"),
        ({KEY: ""}, "not there"),
        ({KEY: "a\0.safetensors"}, "outside its folder"),
        ({"another": "a.safetensors"}, "another is not in a.safetensors"),
        ({KEY: 5}, "no weight_map"),
        ([KEY], "no weight_map"),
        (None, "no weight_map"),
        ({KEY: "model.safetensors.index.json"}, "not a safetensors file"),
    ],
)
def test_indexes_that_are_wrong(mapping, match, tmp_path):
    with pytest.raises(KYError, match=match):
        open_checkpoint(shards(tmp_path, mapping, a={KEY: TABLE}))


@pytest.mark.parametrize("text", [b"", b"[]", b"[" * 100_000, b"\xff\xfe", b'{"weight_map": ', b"9" * 10_000])
def test_indexes_that_are_no_json(text, tmp_path):
    path = tmp_path / "model.safetensors.index.json"
    path.write_bytes(text)
    with pytest.raises(KYError, match="no index of shards"):
        open_checkpoint(path)


# -- what cannot -------------------------------------------------------------------------------------------------------


class Harmful:
    def __reduce__(self):
        return (os.mkdir, (f"{os.environ['HARMED']}/harmed",))


def zipped():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(Harmful()))
    return out.getvalue()


def test_pickles_are_never_opened(tmp_path, monkeypatch):
    monkeypatch.setenv("HARMED", str(tmp_path))
    for protocol in (2, 3, 4, 5):
        with pytest.raises(KYError, match="pickle"):
            open_checkpoint(put(tmp_path, "model.pt", pickle.dumps(Harmful(), protocol)))
    with pytest.raises(KYError, match="pickle"):
        open_checkpoint(put(tmp_path, "pytorch_model.bin", zipped()))
    with pytest.raises(KYError, match=r"holds no \.safetensors file.*is a pickle by its name"):
        open_checkpoint(tmp_path)
    assert not (tmp_path / "harmed").exists()


HOSTILE = {
    "empty": b"",
    "one byte": b"\x80",
    "a few": b"abc",
    "text": b"once upon a time, there was a model",
    "zeros": bytes(64),
    "a header of all memory": (2**63).to_bytes(8, "little") + b"{}",
    "a header longer than the file": (100).to_bytes(8, "little") + b"{}",
    "no object": framed(b"[]"),
    "a torn object": framed(b'{"a": {'),
    "bad text": framed(b'{"\xff": 1}'),
    "deep": framed(b'{"a":' * 20_000 + b"1" + b"}" * 20_000),
    "no offsets": framed({KEY: {"dtype": "F32", "shape": [32, 2]}}),
    "offsets beyond": framed({KEY: {"dtype": "F32", "shape": [32, 2], "data_offsets": [0, 256]}}, bytes(8)),
    "offsets backwards": framed({KEY: {"dtype": "F32", "shape": [32, 2], "data_offsets": [256, 0]}}, bytes(256)),
    "minus": framed({KEY: {"dtype": "F32", "shape": [-32, -2], "data_offsets": [0, 256]}}, bytes(256)),
    "a shape that overflows": framed(
        {KEY: {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 8]}}, bytes(8)
    ),
    "another shape": framed({KEY: {"dtype": "F32", "shape": [33, 2], "data_offsets": [0, 256]}}, bytes(256)),
    "no such type": framed({KEY: {"dtype": "F33", "shape": [32, 2], "data_offsets": [0, 256]}}, bytes(256)),
    "a hole": framed({KEY: {"dtype": "F32", "shape": [32, 2], "data_offsets": [8, 264]}}, bytes(264)),
    "metadata that is no text": framed({"__metadata__": {"config": 5}}),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name, tmp_path):
    path = put(tmp_path, content=HOSTILE[name])
    with pytest.raises(KYError) as caught:
        open_checkpoint(path)
    assert str(path) in str(caught.value)
    assert "safetensors" in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 400


def test_files_cut_off_anywhere(tmp_path):
    whole = packed({KEY: TABLE})
    for length in range(0, len(whole), 7):
        with pytest.raises(KYError):
            open_checkpoint(put(tmp_path, content=whole[:length]))


def test_bytes_turned_at_random_give_curves_or_a_sentence(tmp_path):
    rng, whole = np.random.default_rng(0), packed({KEY: TABLE, "x": np.ones(3)}, {"config": "{}"})
    for _ in range(300):
        torn = bytearray(whole)
        for place in rng.integers(0, len(whole) - 200, rng.integers(1, 4)):
            torn[place] = rng.integers(0, 256)
        try:
            curves(put(tmp_path, content=bytes(torn)))
        except KYError:
            continue


def test_paths_that_lead_nowhere(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_checkpoint(tmp_path / "missing.safetensors")
    with pytest.raises(FileNotFoundError):
        open_checkpoint(tmp_path / "missing.safetensors.index.json")
    with pytest.raises(KYError, match=r"no \.safetensors file"):
        open_checkpoint(tmp_path)
    with pytest.raises(KYError, match="code 0"):
        open_checkpoint("a\0b")
    with pytest.raises(KYError, match="model_or_path is int"):
        open_checkpoint(5)
    with pytest.raises(KYError, match="state_dict"):
        open_checkpoint({"model": {KEY: TABLE}})
    put(tmp_path, "a.safetensors")
    put(tmp_path, "b.safetensors")
    with pytest.raises(KYError, match=r"several .*a\.safetensors, b\.safetensors"):
        open_checkpoint(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(KYError, match="no regular file"):
            open_checkpoint(tmp_path / "pipe")


@pytest.mark.parametrize("name", ["", ".", "..", "\x1b[31mred", "a" * 5000, "ß.µ.∇", "__", "a\nb", "[0]", "layers..x"])
def test_names_that_are_odd(name, tmp_path):
    path = put(tmp_path, content=packed({name: TABLE}))
    with pytest.raises(UnknownLayout) as caught:
        curves(path)
    said = str(caught.value)
    assert said.isprintable()
    assert len(said) < 3000
    assert "1 tensor (" in said


def test_numbers_between_the_dots_may_be_of_any_length():
    found = curves({f"blocks.{'9' * 5000}.٣.rpe.bias_a": np.ones(1)})
    assert isinstance(found[0].layer, int)


# -- config.json -------------------------------------------------------------------------------------------------------

ALIBI = b'{"alibi": true, "num_attention_heads": %s}'


def test_alibi_needs_the_configuration_only(tmp_path):
    (tmp_path / "config.json").write_bytes(ALIBI % b"4")
    assert [c.bias[1] for c in curves(tmp_path)] == [-0.25, -0.0625, -0.015625, -0.00390625]
    put(tmp_path, content=packed({"h.0.weight": TABLE}))
    assert len(curves(tmp_path)) == 4


@pytest.mark.parametrize(
    "heads", [b"NaN", b"Infinity", b"1e9", b"1000000000", b"-1", b"0", b'"8"', b"[8]", b"true", b"2.5"]
)
def test_heads_that_are_absurd(heads, tmp_path):
    put(tmp_path, content=packed({"h.0.weight": TABLE}))
    (tmp_path / "config.json").write_bytes(ALIBI % heads)
    with pytest.raises(KYError, match=r"num_attention_heads = .* a whole number from 1 to"):
        curves(tmp_path)


@pytest.mark.parametrize(
    "text", [b"", b"null", b"[1]", b"{" * 10, b'{"a":' * 100_000, b"\xff", b'{"a": %s}' % (b"9" * 9000)]
)
def test_configurations_that_cannot_be_read_count_for_nothing(text, tmp_path):
    put(tmp_path)
    (tmp_path / "config.json").write_bytes(text)
    assert len(curves(tmp_path)) == 2
    put(tmp_path, content=packed({"x": TABLE}))
    with pytest.raises(UnknownLayout, match="no configuration"):
        curves(tmp_path)


def test_a_configuration_inside_a_file_may_be_hostile(tmp_path):
    key = "layers.0.attention.connection.slopes"
    for inside in ('{"window": 1e400}', '{"window": -5}', '{"window": [' + "[" * 5000, '{"window": null}', "5"):
        path = put(tmp_path, content=packed({key: np.ones(2)}, {"format": "kymath.condor", "config": inside}))
        with pytest.raises(KYError, match="window"):
            curves(path, None)


# -- sizes -------------------------------------------------------------------------------------------------------------

LARGE = """
import re, resource, sys
from pathlib import Path
from kymath.inspector.checkpoint import open_checkpoint
from kymath.inspector.layouts import find
curves = find(open_checkpoint(sys.argv[1]), None)
assert "torch" not in sys.modules
if sys.platform == "linux":  # where ru_maxrss still knows the process that started this one
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 2**10
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
print(len(curves), peak)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="resident memory is measured by POSIX")
def test_two_gigabytes_with_a_small_table(tmp_path):
    size = 2**31
    header = {
        "big": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]},
        KEY: {"dtype": "F32", "shape": [32, 2], "data_offsets": [size, size + 256]},
    }
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.write(framed(header))
        file.seek(size, os.SEEK_CUR)
        file.write(TABLE.astype("<f4").tobytes())
    run = subprocess.run([sys.executable, "-c", LARGE, path], capture_output=True, text=True, check=True)
    count, megabytes = run.stdout.split()
    assert int(count) == 2
    assert float(megabytes) < 500
    with pytest.raises(KYError, match="too large for a table"):
        open_checkpoint(path).read("big")


def test_ten_thousand_other_tensors(tmp_path):
    others = {f"layers.{i}.{j}.weight": np.zeros(2) for i in range(100) for j in range(100)}
    assert len(curves(put(tmp_path, content=packed({**others, KEY: TABLE})))) == 2
    with pytest.raises(UnknownLayout, match="10000 tensors"):
        curves(put(tmp_path, content=packed(others)))


def test_names_made_to_be_slow():
    """Patterns that go back and forth over them would not end in a lifetime."""
    with pytest.raises(UnknownLayout):
        curves(
            {f"{'mlp.' * 2000}{i}": TABLE for i in range(200)} | {f"{'layers.1.' * 1000}{i}": TABLE for i in range(200)}
        )


# -- models and mappings -----------------------------------------------------------------------------------------------


def test_tensors_of_torch():
    torch = pytest.importorskip("torch")
    table = torch.from_numpy(TABLE)
    assert curves({KEY: table.bfloat16().requires_grad_()})[1].bias.tolist() == TABLE[:8, 1].tolist()
    for wrong, match in ((table.to(torch.complex64), "complex"), (table.to("meta"), "meta")):
        with pytest.raises(KYError, match=match):
            curves({KEY: wrong})


def test_without_safetensors_the_message_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match=r"kymath\[inspect\]"):
        open_checkpoint(put(tmp_path))
