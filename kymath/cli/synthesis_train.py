"""``kymath synthesis train``: a network of attention nodes and a plain one, the face of the training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kymath.errors import NotApplicable

from . import options as given
from .output import complain, console, table, write_json
from .spelling import set_by
from .watching import watching

EXAMPLES = """\
kymath synthesis train --data mnist --out mnist
kymath synthesis train --data imdb --data-dir data --seed 1 --out imdb
kymath synthesis train --data mnist --share 0.5 --ablation --json
"""
_ROWS = {
    "accuracy": ("accuracy, %", lambda x: f"{100 * x:.2f}"),
    "f1": ("F1, mean of the classes", lambda x: f"{x:.4f}"),
    "latency_ms": ("latency, ms", lambda x: f"{x:.2f}"),
    "parameters": ("parameters", lambda x: f"{x:,}"),
    "seconds": ("training, s", lambda x: f"{x:.0f}" if x >= 10 else f"{x:.2g}"),
}


def train(
    data: Annotated[
        str, typer.Option("--data", metavar="WORD|DIR", help="mnist, imdb, cifar10, or a folder in one of their forms.")
    ] = "mnist",
    data_dir: Annotated[
        str | None, given.data_dir("A folder with mnist/, imdb/ or cifar10/ (default: they are fetched).")
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", metavar="N", help="Passes over the data (default: 6 for images, 3 for texts)."),
    ] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", metavar="N", help="Examples in a step (default: 128 images, 256 texts).")
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(
            "--lr", metavar="X", help="The learning rate at its largest (default: 0.002 for images, 0.005 for texts)."
        ),
    ] = None,
    nodes: Annotated[int | None, typer.Option("--nodes", metavar="N", help="Attention nodes (default: 6).")] = None,
    width: Annotated[
        int | None,
        typer.Option("--width", metavar="N", help="Numbers that a node gives (default: 32 for images, 16 for texts)."),
    ] = None,
    share: Annotated[
        float,
        typer.Option(
            "--share", metavar="X", help="The part of the examples that the data manager chooses for each epoch."
        ),
    ] = 1.0,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Train the same nodes without cross-synthesis too.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the weights and the order.")] = 0,
    device: Annotated[str, typer.Option("--device", metavar="WORD", help="cpu, cuda, cuda:1, mps.")] = "cpu",
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="Where everything is written (default: synthesis-DATA-SEED)."),
    ] = None,
    json: given.Json = False,
) -> int:
    """Train a network of attention nodes, and beside it a plain one of equal size, on images or texts."""
    with given.needed():
        from kymath.synthesis.training import Stopped, train
        from kymath.training import Unreadable
    folder = Path(out or f"synthesis-{Path(data).name or 'data'}-{seed}")
    beside = ("baseline", "fusion") if ablation else ("baseline",)
    try:
        with watching(True, json, _progress, _tried) as watch:
            record = train(
                data, folder, data_dir=data_dir or None, seed=seed, epochs=epochs, batch=batch, lr=lr, nodes=nodes,
                width=width, share=share, beside=beside, device=device, watch=watch,
            )  # fmt: skip
    except Stopped as stopped:
        complain(f"{stopped} What was finished is in {folder}.")
        return 130
    except (Unreadable, NotApplicable) as error:
        raise given.Misuse(set_by(str(error))) from error
    _show(record, folder, json)
    return 0


def _progress(record: dict[str, Any]) -> str:
    return f"{record['network']}, epoch {record['epoch']}: loss {record['loss']:.3f}"


def _tried(record: dict[str, Any]) -> str:
    return (
        f"{record['network']}, epoch {record['epoch']}: {100 * record['accuracy']:.2f} % of the test examples right, "
        f"F1 {record['f1']:.4f}"
    )


def _show(record: dict[str, Any], folder: Path, json: bool) -> None:
    if json:
        write_json(record)
        return
    from rich.text import Text

    columns = {"synthesis": record} | {name: record[name] for name in ("baseline", "fusion") if name in record}
    rows = table("measure", *columns)
    for name, (label, shown) in _ROWS.items():
        rows.add_row(Text(label), *(Text(shown(column[name])) for column in columns.values()))
    out = console()
    out.print(rows)
    files = ("summary.json", "metrics.jsonl", *(f"{name}.safetensors" for name in columns))
    out.print(Text(f"Written in {folder}: {', '.join(files)}"))
