"""Writing models: what could not be loaded is refused, compiled and tied models, links, folders of runs."""

import os

import pytest

torch = pytest.importorskip("torch", reason="kymath.nn needs torch")
pytest.importorskip("safetensors.torch", reason="model files need safetensors")
nn = pytest.importorskip("kymath.nn")

from kymath import KYError  # noqa: E402
from kymath.nn import Condor, CondorConfig, condor_from_author, load_condor, save_condor  # noqa: E402

TINY = CondorConfig(vocab_size=30, d_model=12, num_layers=2, num_heads=2, window=4, ffn_hidden=10, hidden=6)


def tiny():
    return Condor(TINY, generator=torch.Generator().manual_seed(0))


def refused(model, words, path):
    with pytest.raises(KYError, match=words):
        save_condor(model, path)
    assert os.listdir(path.parent) == []


def test_what_could_not_be_loaded_is_not_written(tmp_path):
    path = tmp_path / "model"
    refused(torch.nn.Linear(2, 2), "model is of the type Linear", path)
    refused(None, "model is None", path)
    half, other, short = tiny(), tiny(), tiny()
    half.layers[1].half()
    refused(half, "of different types: torch.float16, torch.float32", path)
    other.layers[0].attention.connection = nn.ALiBi(2)
    refused(other, "missing layers.0.attention.connection.down.*unexpected layers.0.attention.connection.slopes", path)
    short.layers = short.layers[:1]
    refused(short, "missing layers.1", path)
    refused(Condor(TINY).to("meta"), "is on the device meta", path)
    for bad in ("a\0b", None, b"bytes"):
        for call in (lambda bad: save_condor(tiny(), bad), load_condor, condor_from_author):
            with pytest.raises(KYError, match="path"):
                call(bad)


def test_compiled_and_tied_models_are_written_plain(tmp_path):
    model = tiny()
    model.token_embedding.weight = model.lm_head.weight
    model.layers[1] = torch.compile(model.layers[1], backend="aot_eager")
    save_condor(torch.compile(model, backend="aot_eager"), tmp_path / "model")
    again = load_condor(tmp_path / "model")
    assert torch.equal(again.token_embedding.weight, model.lm_head.weight)
    assert again.token_embedding.weight is not again.lm_head.weight
    assert not [name for name in again.state_dict() if "_orig_mod" in name]


def test_a_link_keeps_pointing_and_permissions_stay(tmp_path):
    (tmp_path / "real").mkdir()
    place, link = tmp_path / "real" / "model", tmp_path / "link"
    link.symlink_to(place)
    save_condor(tiny(), link)
    place.chmod(0o640)
    save_condor(tiny(), link)
    assert link.is_symlink()
    assert place.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path / "real") == ["model"]
    assert load_condor(link).config == TINY


def test_a_folder_of_a_run(tmp_path):
    with pytest.raises(KYError, match=r"is a folder without a checkpoint.safetensors"):
        load_condor(tmp_path)
    save_condor(tiny(), tmp_path / "checkpoint.safetensors")
    assert load_condor(tmp_path).config == TINY
    with pytest.raises(KYError, match="is a folder: give a safetensors file"):
        condor_from_author(tmp_path)
