"""What an interrupted run goes on from: weights, optimiser, random state and place, in one safetensors file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import KYError
from ..files import write_whole
from ..nn import Condor, CondorConfig, save_condor
from ..nn.files import read_tensors
from .settings import Settings

STATE, MODEL = "training.safetensors", "checkpoint.safetensors"
FORMAT = "kymath.training"
MODEL_PART, OPTIMISER_PART, RANDOM_PART = "model.", "optimiser.", "random."


@dataclass
class Progress:
    """How far a run is. The schedule and the order of the data are functions of ``step``."""

    step: int = 0
    tokens: int = 0  # targets trained on
    seconds: float = 0.0  # of everything, over all sittings
    training_seconds: float = 0.0  # of the training steps alone
    peak_memory_mb: float = 0.0
    scaler: dict[str, Any] | None = None  # of the gradients in fp16


@dataclass(frozen=True)
class Saved:
    """A state file as read."""

    settings: Settings
    digest: str
    progress: Progress
    groups: list[dict[str, Any]]  # the optimiser's, by the names of their weights
    tensors: dict[str, Tensor]

    def part(self, name: str) -> dict[str, Tensor]:
        return {key.removeprefix(name): value for key, value in self.tensors.items() if key.startswith(name)}


def read(folder: Path) -> Saved:
    """The state in a folder. Raises ``KYError`` where there is none, or none that can be used."""
    path = folder / STATE
    if not path.exists():
        raise KYError(f"{folder} holds no {STATE}, so there is nothing to resume: start the run without --resume.")
    tensors, metadata = read_tensors(path)
    try:
        if metadata["format"] != FORMAT:
            raise ValueError(f"its format is {metadata['format']!r}.")
        head = json.loads(metadata["run"])
        progress = Progress(**head["progress"])
        return Saved(Settings.from_dict(head["settings"]), str(head["digest"]), progress, list(head["groups"]), tensors)
    except (KeyError, TypeError, ValueError) as error:
        raise KYError(f"{path} is no state of a run of this version of kymath: {error}") from error


def write(
    folder: Path, settings: Settings, digest: str, progress: Progress,
    model: nn.Module, optimiser: torch.optim.Optimizer, *, writes: bool,
) -> dict[str, Tensor]:  # fmt: skip
    """Write the state, and return the weights. Every process takes part; one ``writes``, and has all weights.

    The state is one file, so it is of one step whenever the writing ends.
    """
    from safetensors.torch import save
    from torch.distributed.checkpoint.state_dict import get_state_dict

    both: Any = get_state_dict(model, optimiser, options=_options())
    weights, moments = both
    if not writes:
        return {}
    tensors: dict[str, Tensor] = {MODEL_PART + name: value for name, value in weights.items()}
    for name, kept in moments["state"].items():
        tensors |= {f"{OPTIMISER_PART}{name}.{entry}": value for entry, value in kept.items()}
    tensors[RANDOM_PART + "cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors[RANDOM_PART + "cuda"] = torch.cuda.get_rng_state()
    head = {
        "settings": settings.as_dict(),
        "digest": digest,
        "progress": dataclasses.asdict(progress),
        "groups": moments["param_groups"],
    }
    metadata = {"format": FORMAT, "version": "1", "run": json.dumps(head, allow_nan=False)}
    write_whole(folder / STATE, save({name: value.contiguous() for name, value in tensors.items()}, metadata))
    return weights


def write_model(folder: Path, config: CondorConfig, weights: dict[str, Tensor]) -> None:
    """Write the model alone, for :func:`kymath.nn.load_condor`."""
    with torch.device("meta"):
        whole = Condor(config)
    whole.load_state_dict(weights, assign=True)
    save_condor(whole, folder / MODEL)


def restore(saved: Saved, config: CondorConfig, model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Put a state into the model and the optimiser, sharded or not. Raises ``KYError`` where it is not theirs."""
    from torch.distributed.checkpoint.state_dict import set_state_dict

    weights: dict[str, Any] = saved.part(MODEL_PART)
    moments: dict[str, Any] = {"state": {}, "param_groups": saved.groups}
    for key, value in saved.part(OPTIMISER_PART).items():
        name, _, entry = key.rpartition(".")
        moments["state"].setdefault(name, {})[entry] = value
    with torch.device("meta"):
        whole = Condor(config)
    _same_shapes(weights, whole.state_dict())
    for entry in ("exp_avg", "exp_avg_sq"):
        one = {name: kept[entry] for name, kept in moments["state"].items() if entry in kept}
        _same_shapes(one, dict(whole.named_parameters()))
    set_state_dict(model, optimiser, model_state_dict=weights, optim_state_dict=moments, options=_options())
    random = saved.part(RANDOM_PART)
    torch.set_rng_state(random["cpu"])
    if "cuda" in random and torch.cuda.is_available():
        torch.cuda.set_rng_state(random["cuda"])


def _same_shapes(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """torch keeps what the model has where a name is missing; here that is an error."""
    for name in sorted(found.keys() | expected.keys()):
        shapes = [tuple(part[name].shape) if name in part else None for part in (found, expected)]
        if shapes[0] != shapes[1]:
            raise KYError(f"{name} has the shape {shapes[0]}, and the model's is {shapes[1]}.")


def _options() -> Any:
    """Everything under plain names, whole, on the CPU of the first process."""
    from torch.distributed.checkpoint.state_dict import StateDictOptions

    return StateDictOptions(full_state_dict=True, cpu_offload=True)
