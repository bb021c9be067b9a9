"""Where a data set comes from: the user's folder, or the public original."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ...training.reading import HINT, Unreadable
from . import cifar, idx, reviews
from .examples import Part, Task, task
from .public import SOURCES, fetched


@dataclass(frozen=True)
class Layout:
    """Files that go together: how a folder of them is known, and how it is read."""

    title: str
    files: tuple[str, ...]  # one of them is enough to know it by; a missing one is then named
    folders: tuple[str, ...]  # below the folder given, where they may lie
    read: Callable[[Path], tuple[Part, Part]]
    classes: tuple[str, ...] | None = None  # None: those found in the training part

    def found(self, folders: Iterable[Path]) -> Path | None:
        """The first of the folders, or of the sub-folders of each, that has one of the files."""
        for folder in folders:
            for place in (folder, *(folder / below for below in self.folders)):
                if any(os.path.exists(place / file) for file in self.files):
                    return place
        return None


_CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_LAYOUTS = {  # by the name of the data set that has it; torchvision keeps MNIST in MNIST/raw
    "mnist": Layout("four IDX files", idx.FILES, ("MNIST/raw", "raw"), idx.read),
    "imdb": Layout("train.jsonl and test.jsonl", reviews.FILES, (), reviews.read),
    "cifar10": Layout("CIFAR-10's batches", cifar.FILES, (cifar.RECORDS, cifar.PICKLES), cifar.read, _CIFAR),
}
_CLASSES = {"mnist": tuple("0123456789"), "imdb": ("negative", "positive"), "cifar10": _CIFAR}


def load(name: str, data_dir: Path | None = None) -> Task:
    """A data set for classification, whole in memory.

    ``name`` is ``mnist``, ``imdb``, ``cifar10`` or a folder with one of these layouts; the first two may be gzipped:

    =========== ===================================================================================
    images      train-images-idx3-ubyte, train-labels-idx1-ubyte, and the same with t10k for the test
    texts       train.jsonl and test.jsonl, one ``{"text": "…", "label": 0}`` a line
    CIFAR-10    cifar-10-batches-bin, or cifar-10-batches-py (pickles, which are not loaded)
    =========== ===================================================================================

    At most 5,000,000 examples in a part, 1000 classes and 786,432 values in an image (512 × 512 in colour) are read.

    ``data_dir`` is a folder that holds mnist/, imdb/, cifar10/, the files themselves, or torchvision's sub-folders;
    without it the public data set is fetched by ``datasets``.

    Raises ``Unreadable`` for data that is not there or damaged, ``NotApplicable`` where ``datasets`` is not installed,
    ``ShapeMismatch`` where images and labels do not go together, ``EmptyData`` where there is too little.

    >>> load("my data")
    Traceback (most recent call last):
    kymath.training.reading.Unreadable: my data is no folder, and no data set of that name is known: give mnist, imdb,
    cifar10, or the folder of your own data.
    """
    if name in _LAYOUTS:
        train, test = fetched(name) if data_dir is None else _given(name, data_dir)
        return task(name, _CLASSES[name], train, test)
    folder = Path(name)
    if not os.path.isdir(folder):
        raise Unreadable(
            f"{name} is no folder, and no data set of that name is known: give {', '.join(_LAYOUTS)}, or the folder of "
            "your own data."
        )
    layout, place = _recognised(folder)
    return task(name, layout.classes, *layout.read(place))


def _given(name: str, data_dir: Path) -> tuple[Part, Part]:
    layout = _LAYOUTS[name]
    place = layout.found((data_dir / name, data_dir))
    if place is None:
        raise Unreadable(
            f"{SOURCES[name].title} is not in {data_dir}: {layout.title} were looked for there and in "
            f"{', '.join((name, *layout.folders))} below it. {HINT}"
        )
    return layout.read(place)


def _recognised(folder: Path) -> tuple[Layout, Path]:
    """The one layout that the folder has."""
    found = [(layout, place) for layout in _LAYOUTS.values() if (place := layout.found((folder,))) is not None]
    if len(found) == 1:
        return found[0]
    titles = [layout.title for layout, _ in found or [(layout, folder) for layout in _LAYOUTS.values()]]
    if found:
        raise Unreadable(f"{folder} holds {' and '.join(titles)}: give the folder that has only one of them.")
    raise Unreadable(f"{folder} holds no data that is known; one of these was expected: {', or '.join(titles)}.")
