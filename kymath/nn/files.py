"""Models in files: safetensors with the configuration inside, written whole or not at all, read as data only."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import KYError
from .author import author_config, author_weights
from .condor import Condor
from .config import CondorConfig

FORMAT = "kymath.condor"
Source = str | os.PathLike[str]


def save_condor(model: Condor, path: Source) -> None:
    """Write the model's weights and its configuration to one safetensors file.

    The file appears complete or not at all: it is written beside its place and then moved there. Raises ``OSError``
    where that is not possible (a full disk, no permission).

    >>> import tempfile
    >>> from pathlib import Path
    >>> model = Condor(CondorConfig(vocab_size=10, d_model=8, num_layers=1, num_heads=2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_condor(model, Path(folder) / "model.safetensors")
    ...     load_condor(Path(folder) / "model.safetensors").config == model.config
    True
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    metadata = {"format": FORMAT, "version": "1", "config": json.dumps(model.config.as_dict(), sort_keys=True)}
    data = _safetensors().torch.save(tensors, metadata)
    path = Path(path)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(draft, 0o666 & ~_umask())
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def load_condor(path: Source) -> Condor:
    """The model of a file by :func:`save_condor`, on the CPU, its weights of the type they were saved in.

    Raises ``KYError`` (a ``ValueError``) that says what is wrong with the file: a pickle (never opened, since reading
    one runs its code), damaged, no Condor model, weights that do not fit its configuration; ``OSError`` where there is
    no file.
    """
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT:
        raise KYError(
            f"{path} holds tensors but no Condor model of kymath (its metadata has no format {FORMAT!r}). "
            "condor_from_author reads files with the author's keys."
        )
    try:
        config = CondorConfig.from_dict(json.loads(metadata.get("config", "")))
    except (ValueError, TypeError, RecursionError) as error:
        raise KYError(f"{path}: the configuration in its metadata cannot be used: {error}") from error
    return _built(config, tensors, str(path))


def condor_from_author(tensors: Mapping[str, Tensor] | Source, *, window: int = 15) -> Condor:
    """The model of a checkpoint with the keys of the author's code: a dict of tensors, or a safetensors file.

    Sizes are read from the shapes; the window is not stored, so it is given. Queries, keys and values become one
    weight; the edge is "reference", as that code has it: tokens of padding share the softmax. A prefix ``_orig_mod.``
    is taken off. A ``.pt`` file is a pickle: if you trust it, load it with ``torch.load(…, weights_only=True)``.

    Raises ``KYError`` (a ``ValueError``) for keys that are missing or left over and shapes that do not fit.
    """
    if isinstance(tensors, Mapping):
        where, found = "the tensors", dict(tensors)
    else:
        where, (found, _) = str(tensors), read_tensors(tensors)
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise KYError(f"tensors: {name!r} is not a name with a tensor; give the model's state_dict.")
    try:
        config, found = author_config(found, window)
    except KYError as error:
        raise KYError(f"{where}: {error}") from None
    return _built(config, author_weights(found, config), where)


def read_tensors(path: Source) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and metadata of a safetensors file; ``KYError`` says what is wrong with another."""
    path = Path(path)
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
        raise KYError(f"{path} is not a safetensors file, or is damaged: {error}") from error


def _built(config: CondorConfig, tensors: dict[str, Tensor], where: str) -> Condor:
    """The model with these weights; nothing of the configuration's size is allocated before they are seen to fit."""
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
    model.load_state_dict(tensors, assign=True)
    for value in model.parameters():
        value.requires_grad_(True)
    return model


def _names(kind: str, names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{kind} {', '.join(names[:3])}{more}; " if names else ""


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ImportError as missing:
        raise ImportError("reading and writing models needs safetensors: pip install 'kymath[torch]'") from missing
    return safetensors
