"""Models in files: safetensors with the configuration inside, written whole or not at all, read as data only."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import KYError
from ..files import write_whole
from .author import PREFIX, author_config, author_weights
from .checks import check_window, kind_of, listed, shown
from .condor import Condor
from .config import CondorConfig

FORMAT, VERSION = "kymath.condor", "1"
IN_A_RUN = "checkpoint.safetensors"  # the model in a folder of kymath.training
Source = str | os.PathLike[str]


def save_condor(model: Condor, path: Source) -> None:
    """Write the model's weights and its configuration to one safetensors file.

    The file appears complete or not at all: it is written beside its place and then moved there; a link keeps pointing
    where it points. A compiled model is saved as the model that it is of, a weight that is used twice once for each.

    Raises ``KYError`` (a ``ValueError``), before anything is written, for what :func:`load_condor` would refuse: no
    Condor, other layers than its configuration's, weights of different types; ``OSError`` where the file cannot be
    written (a full disk, no permission).

    >>> import tempfile
    >>> from pathlib import Path
    >>> model = Condor(CondorConfig(vocab_size=10, d_model=8, num_layers=1, num_heads=2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_condor(model, Path(folder) / "model.safetensors")
    ...     load_condor(Path(folder) / "model.safetensors").config == model.config
    True
    """
    found: Any = getattr(model, PREFIX.rstrip("."), model)
    if not isinstance(found, Condor):
        raise KYError(f"model is {kind_of(model)}, and save_condor saves a Condor.")
    path = _named(path)
    tensors: dict[str, Tensor] = {}
    for name, value in found.state_dict().items():
        if value.is_meta:
            raise KYError(f"model: {name} is on the device meta, so it has no numbers to save.")
        # copies, since safetensors refuses tensors that share memory
        tensors[name.replace(PREFIX, "")] = value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
    _check_fit(found.config, tensors, "model")
    metadata = {"format": FORMAT, "version": VERSION, "config": json.dumps(found.config.as_dict(), sort_keys=True)}
    write_whole(path, _safetensors().torch.save(tensors, metadata))


def load_condor(path: Source) -> Condor:
    """The model of a file by :func:`save_condor`, on the CPU, its weights of the type they were saved in.

    A folder is that of a run of ``kymath train``: its ``checkpoint.safetensors`` is read.

    Raises ``KYError`` (a ``ValueError``) that says what is wrong with the file: a pickle (never opened, since reading
    one runs its code), damaged, no Condor model, weights that do not fit its configuration; ``OSError`` where there is
    no file.
    """
    path = _named(path)
    if path.is_dir():
        if not (path / IN_A_RUN).exists():
            raise KYError(f"{path} is a folder without a {IN_A_RUN}: give the folder of a run, or a file.")
        path = path / IN_A_RUN
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT:
        raise KYError(
            f"{path} holds tensors but no Condor model of kymath (its metadata has no format {FORMAT!r}). "
            "condor_from_author reads files with the author's keys."
        )
    version = metadata.get("version", VERSION)
    if version != VERSION:
        raise KYError(f"{path} is of version {shown(version)}, and this kymath reads version {VERSION}: update kymath.")
    try:
        config = CondorConfig.from_dict(json.loads(metadata.get("config", "")))
    except (ValueError, TypeError, RecursionError) as error:
        raise KYError(f"{path}: the configuration in its metadata cannot be used: {shown(error)}") from error
    return _built(config, tensors, str(path))


def condor_from_author(tensors: Mapping[str, Tensor] | Source, *, window: int = 15) -> Condor:
    """The model of a checkpoint with the keys of the author's code: a dict of tensors, or a safetensors file.

    Sizes are read from the shapes; the window is not stored, so it is given. Queries, keys and values become one
    weight; the edge is "reference", as that code has it: tokens of padding share the softmax. A prefix ``_orig_mod.``
    is taken off. A ``.pt`` file is a pickle: if you trust it, load it with ``torch.load(…, weights_only=True)``.

    Raises ``KYError`` (a ``ValueError``) for keys that are missing or left over and shapes that do not fit.
    """
    check_window(window, causal=True)
    if isinstance(tensors, Mapping):
        where, found = "the tensors", dict(tensors)
    else:
        where, (found, _) = str(tensors), read_tensors(tensors)
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise KYError(f"tensors: {shown(name)} is not a name with a tensor; give the model's state_dict.")
    try:
        config, found = author_config(found, window)
        found = author_weights(found, config)
    except ValueError as error:
        raise KYError(f"{where}: {error}") from None
    # copies: training the model must not change what was given
    return _built(config, {name: value.detach().clone() for name, value in found.items()}, where)


def read_tensors(path: Source) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and metadata of a safetensors file; ``KYError`` says what is wrong with another."""
    path = _named(path)
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise KYError(f"{path} is {'a folder' if path.is_dir() else 'no regular file'}: give a safetensors file.")
    with path.open("rb") as file:
        head = file.read(9)
    size = path.stat().st_size
    starts = len(head) == 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8
    if not starts and (head[:4] == b"PK\x03\x04" or (head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05")):
        raise KYError(
            f"{path} is a pickle (torch.save): reading one can run any code, so kymath does not. "
            "Convert it where you trust it: safetensors.torch.save_file(torch.load(file, weights_only=True), …)."
        )
    library = _safetensors()
    try:
        with library.safe_open(str(path), framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            # copies: the file may be replaced while the model lives, and its bytes are not aligned as torch likes them
            return {name: file.get_tensor(name).clone() for name in file.keys()}, metadata  # noqa: SIM118
    except OSError:
        raise
    except Exception as error:  # the library names its own type, which is no ValueError
        raise KYError(f"{path} is not a safetensors file, or is damaged: {shown(error)}") from error


def _built(config: CondorConfig, tensors: dict[str, Tensor], where: str) -> Condor:
    """The model with these weights."""
    model = _check_fit(config, tensors, where)
    model.load_state_dict(tensors, assign=True)
    for value in model.parameters():
        value.requires_grad_(True)
    return model


def _check_fit(config: CondorConfig, tensors: dict[str, Tensor], where: str) -> Condor:
    """A model without memory; nothing of the configuration's size is allocated before the weights are seen to fit."""
    if config.num_layers > len(tensors):
        raise KYError(f"{where}: {config.num_layers} layers are configured, and there are {len(tensors)} tensors.")
    held = sum(value.numel() for value in tensors.values())
    for name in ("vocab_size", "d_model", "num_heads", "hidden", "ffn_width"):
        size = getattr(config, name)
        if size > held and (name != "hidden" or config.attention == "ky"):
            raise KYError(f"{where}: {name} = {size} is configured, and all weights together are {held} numbers.")
    with torch.device("meta"):
        model = Condor(config)
    expected = model.state_dict()
    missing, extra = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    if missing or extra:
        raise KYError(f"{where}: {_names('missing', missing)}{_names('unexpected', extra)}the weights do not fit.")
    kinds = {value.dtype for value in tensors.values()}
    for name, value in tensors.items():
        if value.shape != expected[name].shape:
            wanted = tuple(expected[name].shape)
            raise KYError(f"{where}: {name} has the shape {tuple(value.shape)}, and the configuration needs {wanted}.")
        if not value.is_floating_point() or value.dtype.itemsize < 2:
            raise KYError(f"{where}: {name} is {value.dtype}; weights are float32, float64, bfloat16 or float16.")
    if len(kinds) > 1:
        raise KYError(f"{where}: its weights are of different types: {', '.join(sorted(map(str, kinds)))}.")
    return model


def _names(kind: str, names: list[str]) -> str:
    return f"{kind} {listed(names)}; " if names else ""


def _named(path: Source) -> Path:
    """A path that the system can be asked about."""
    try:
        named = os.fspath(path)
    except TypeError:
        raise KYError(f"path is {kind_of(path)}: give the name of a file.") from None
    if not isinstance(named, str) or "\0" in named:
        raise KYError(f"path = {shown(named)}: no name of a file has a zero byte, or is of bytes.")
    return Path(named)


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ImportError as missing:
        raise ImportError("reading and writing models needs safetensors: pip install 'kymath[torch]'") from missing
    return safetensors
