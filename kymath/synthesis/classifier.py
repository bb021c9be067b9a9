"""A trained network with all that it takes to use it: how inputs are read, and the names of the classes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import EmptyData, KYError, NotApplicable, ShapeMismatch
from .inputs import Images, Texts
from .recipe import NETWORKS, Recipe, network
from .terms import Terms

FORMAT = "kymath.synthesis 1"
_AT_ONCE = 500


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network of ``kymath synthesis train``, to be asked.

    ``classifier(inputs)`` gives the probabilities (N, classes) of images or texts, ``predict(inputs)`` the names of the
    likeliest classes. Images are bytes (N, C, H, W), (C, H, W), and without C where it is 1; texts are strings.

    Raises ``ShapeMismatch`` for images of another size, ``NotApplicable`` for inputs of another kind, ``EmptyData``.
    """

    name: str  #: synthesis, fusion or baseline
    network: nn.Module
    recipe: Recipe
    inputs: Images | Texts
    classes: tuple[str, ...]

    def __call__(self, inputs: Any) -> Tensor:
        stored: Any
        if isinstance(self.inputs, Texts):
            stored = self.inputs.stored(self._texts(inputs))
        else:
            stored = self.inputs.stored(self._images(inputs))
        count = len(stored[1]) - 1 if isinstance(stored, tuple) else len(stored)
        self.network.eval()
        with torch.no_grad():
            return torch.cat([
                torch.softmax(self.network(self.inputs.batch(stored, rows)), -1)
                for rows in torch.arange(count).split(_AT_ONCE)
            ])  # fmt: skip

    def predict(self, inputs: Any) -> list[str]:
        """The name of the likeliest class of each input."""
        return [self.classes[place] for place in self(inputs).argmax(-1).tolist()]

    def _texts(self, inputs: Any) -> Sequence[str]:
        texts = [inputs] if isinstance(inputs, str) else list(inputs)
        if not all(isinstance(text, str) for text in texts):
            raise NotApplicable("this network reads texts: give a string or a list of strings.")
        if not texts:
            raise EmptyData("there is no text to be read: give at least one.")
        return texts

    def _images(self, inputs: Any) -> Tensor:
        assert isinstance(self.inputs, Images)
        shape = self.inputs.shape
        try:
            images = torch.as_tensor(inputs)
        except (TypeError, ValueError, RuntimeError):
            raise NotApplicable(f"this network reads images {shape}: give an array of bytes.") from None
        if shape[0] == 1 and images.ndim >= 2 and tuple(images.shape[-3:]) != shape:
            images = images.unsqueeze(-3)
        images = images[None] if images.ndim == 3 else images
        if images.ndim != 4 or tuple(images.shape[1:]) != shape:
            raise ShapeMismatch(f"the images must have the shape (N, {', '.join(map(str, shape))}); "
                                f"{tuple(torch.as_tensor(inputs).shape)} was given.")  # fmt: skip
        if images.dtype != torch.uint8:
            raise NotApplicable(f"the images must be bytes from 0 to 255 (uint8); {images.dtype} was given.")
        if not len(images):
            raise EmptyData("there is no image to be read: give at least one.")
        return images


def packed(classifier: Classifier) -> bytes:
    """The classifier as a safetensors file."""
    from safetensors.torch import save

    inputs = classifier.inputs
    read: dict[str, Any] = (
        {"words": inputs.terms.words, "pairs": inputs.terms.pairs}
        if isinstance(inputs, Texts)
        else {"shape": inputs.shape, "mean": inputs.mean.flatten().tolist(), "scale": inputs.scale.flatten().tolist()}
    )
    about = {
        "network": classifier.name,
        "recipe": asdict(classifier.recipe),
        "classes": classifier.classes,
        "inputs": read,
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in classifier.network.state_dict().items()}
    return save(tensors, {"format": FORMAT, "about": json.dumps(about)})


def load_classifier(path: str | Path) -> Classifier:
    """The classifier in a file of ``kymath synthesis train``, or the synthesis in a run's folder.

    Nothing in the file is run, and nothing larger than the file is made. Raises ``KYError`` for a file that is none or
    is damaged, ``OSError`` where it cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    file = Path(path)
    file = file / "synthesis.safetensors" if file.is_dir() else file
    data = file.read_bytes()
    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        metadata = header.get("__metadata__", {})
        if metadata.get("format") != FORMAT:
            raise KYError(f"{file} is no network of kymath synthesis train: its format is {metadata.get('format')!r}.")
        return _unpacked(json.loads(metadata["about"]), tensors)
    except KYError:
        raise
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RuntimeError, RecursionError) as error:
        why = " ".join(str(error).split())[:200]
        raise KYError(f"{file} is damaged, or no network of kymath synthesis train: {why}.") from error


def _unpacked(about: dict[str, Any], tensors: dict[str, Tensor]) -> Classifier:
    name, read = about["network"], about["inputs"]
    recipe = Recipe(**about["recipe"]).but(**about["recipe"])  # which checks
    classes = tuple(map(str, about["classes"]))
    if name not in NETWORKS or recipe.nodes > len(tensors):
        raise ValueError(f"network = {name!r}, nodes = {recipe.nodes}")
    inputs: Images | Texts
    if "words" in read:
        inputs = Texts(Terms([str(word) for word in read["words"]], int(read["pairs"])))
    else:
        channels, height, breadth = map(int, read["shape"])
        inputs = Images((channels, height, breadth), read["mean"], read["scale"])
    with torch.device("meta"):  # sizes are compared before anything is made
        made = network(name, recipe, inputs, len(classes))
    wanted = {key: (tuple(tensor.shape), tensor.dtype) for key, tensor in made.state_dict().items()}
    found = {key: (tuple(tensor.shape), tensor.dtype) for key, tensor in tensors.items()}
    if wanted != found:
        odd = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
        raise ValueError(f"{odd[0]} is {found.get(odd[0])} and should be {wanted.get(odd[0])}")
    made.load_state_dict(tensors, assign=True)
    return Classifier(name, made.eval(), recipe, inputs, classes)
