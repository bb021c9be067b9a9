"""``kymath train``: a Condor language model from text, the face of :func:`kymath.training.train`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kymath.errors import NotApplicable

from . import options as given
from .output import complain, console, table, write_json
from .spelling import SIZES, set_by
from .watching import watching

if TYPE_CHECKING:
    from kymath.training import Settings

EXAMPLES = """\
kymath train --data notes.txt
kymath train --preset tiny --attention standard --data-dir data --out standard
kymath train --preset table1 --attention ky --device cuda --out table1
kymath train --resume --out table1
accelerate launch --num_processes 4 -m kymath train --preset table1 --out table1
"""
ATTENTION = ("ky", "standard", "local", "alibi", "t5", "kerple", "fire")
_PRESETS, _TOKENIZERS, _EDGES = ("tiny", "table1"), ("gpt2", "bpe", "byte"), ("mask", "reference")
_NAMED = {"causal": "--symmetric", **SIZES}  # the options that are called otherwise than their fields
_MEASURES = {"peak_memory_mb": "peak memory, MiB", "seconds": "time, seconds"}
_SHOWN = {
    "loss": ".4f", "loss_per_token": ".4f", "perplexity": ".2f", "unigram_perplexity": ".2f",
    "tokens_per_second": ",.0f", "peak_memory_mb": ",.0f", "parameters": ",", "seconds": ",.0f", "steps": ",",
}  # fmt: skip

_RUN, _MODEL = "The run", "The model"


def train(
    preset: Annotated[
        str | None,
        typer.Option("--preset", metavar="WORD", help="tiny (minutes) or table1, the paper's (default: tiny)."),
    ] = None,
    attention: Annotated[
        str | None,
        typer.Option(
            "--attention",
            metavar="WORD",
            help="ky, standard (the whole past), local (no bias), alibi, t5, kerple, fire (default: ky).",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option("--window", metavar="W", help="Tokens a query sees (default: 15).", rich_help_panel=_MODEL),
    ] = None,
    edge: Annotated[
        str | None,
        typer.Option(
            "--edge",
            metavar="WORD",
            help="Before the first token: mask, nothing, or reference, the zeros of the paper's code (default: mask).",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    symmetric: Annotated[
        bool,
        typer.Option(
            "--symmetric",
            help="Eq. 40's padding: the window is centred, and the model reads its own targets.",
            rich_help_panel=_MODEL,
        ),
    ] = False,
    width: Annotated[
        int | None,
        typer.Option("--width", metavar="N", help="Of the model, d (default: the preset's).", rich_help_panel=_MODEL),
    ] = None,
    layers: Annotated[
        int | None,
        typer.Option("--layers", metavar="N", help="Of the model (default: the preset's).", rich_help_panel=_MODEL),
    ] = None,
    heads: Annotated[
        int | None,
        typer.Option(
            "--heads", metavar="N", help="They share the width evenly (default: the preset's).", rich_help_panel=_MODEL
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="WORD|FILE",
            help="wikitext-2, or a text file whose last tenth is for validation (default: wikitext-2).",
        ),
    ] = None,
    data_dir: Annotated[
        str | None, given.data_dir("A folder with wikitext-2/ and gpt2-bpe/ (default: both are fetched).")
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            "--tokenizer", metavar="WORD", help="gpt2, bpe (learned from the data), byte (default: the preset's)."
        ),
    ] = None,
    vocab_size: Annotated[
        int | None, typer.Option("--vocab-size", metavar="N", help="Tokens that bpe learns (default: 2048).")
    ] = None,
    max_len: Annotated[
        int | None,
        typer.Option(
            "--max-len", metavar="N", help="Tokens of a line; what is beyond is left out (default: the preset's)."
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", metavar="N", help="Passes over the data (default: the preset's).")
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option("--max-steps", metavar="N", help="At most so many steps (default: all of them).")
    ] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", metavar="N", help="Lines in a step (default: the preset's).")
    ] = None,
    lr: Annotated[
        float | None, typer.Option("--lr", metavar="X", help="The learning rate at first (default: the preset's).")
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option("--weight-decay", metavar="X", help="Of AdamW (default: 0.01).")
    ] = None,
    clip: Annotated[
        float | None, typer.Option("--clip", metavar="X", help="The largest norm of the gradient (default: 1).")
    ] = None,
    half: Annotated[
        bool | None, typer.Option("--half/--no-half", help="fp16 autocast where there is CUDA (default: the preset's).")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Of the weights and the order (default: 0).")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            metavar="WORD",
            help="cpu, cuda, cuda:1, mps (default: the best there is).",
            rich_help_panel=_RUN,
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Where everything is written (default: condor-PRESET-ATTENTION-SEED, as condor-tiny-ky-0).",
            rich_help_panel=_RUN,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, as it was begun.", rich_help_panel=_RUN)
    ] = False,
    save_every: Annotated[
        int,
        typer.Option(
            "--save-every",
            metavar="N",
            help="Steps between checkpoints; each epoch ends with one.",
            rich_help_panel=_RUN,
        ),
    ] = 200,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write for TensorBoard too.", rich_help_panel=_RUN)
    ] = False,
    json: given.Json = False,
) -> int:
    """Train a Condor language model: checkpoints, metrics.jsonl and summary.json go to a folder."""
    words = (
        ("--preset", preset, _PRESETS),
        ("--attention", attention, ATTENTION),
        ("--tokenizer", tokenizer, _TOKENIZERS),
        ("--edge", edge, _EDGES),
    )
    for option, word, known in words:
        if word is not None:
            given.one_of(word, known, option)
    if save_every < 1:
        raise given.Misuse(f"--save-every must be at least 1; {save_every} was given.")
    asked = {
        "attention": attention, "window": window, "edge": edge, "causal": False if symmetric else None,
        "data": data if data in (None, "wikitext-2") else str(Path(str(data)).absolute()), "tokenizer": tokenizer,
        "d_model": width, "num_layers": layers, "num_heads": heads, "vocab_size": vocab_size, "max_len": max_len,
        "epochs": epochs, "max_steps": max_steps, "batch": batch, "lr": lr, "weight_decay": weight_decay, "clip": clip,
        "half": half, "seed": seed,
    }  # fmt: skip
    folder = Path(out or f"condor-{preset or 'tiny'}-{attention or 'ky'}-{seed or 0}")
    with given.needed():
        from kymath import training
    settings = _settings(training, folder, resume, preset, asked)
    _check_folder(folder)
    speaks = os.environ.get("RANK", "0") == "0"  # of several processes one
    try:
        with watching(speaks, json) as watch:
            if settings.data == "wikitext-2" and not data_dir:
                watch.note(f"{'' if data else 'no --data: '}fetching WikiText-2, or what was kept of it.")
            summary = training.train(
                settings, folder, data_dir=data_dir or None, device=device, save_every=save_every, resume=resume,
                tensorboard=tensorboard, watch=watch,
            )  # fmt: skip
    except training.Interrupted as stopped:
        again = ["kymath", "train", "--resume", "--out", str(folder), *(["--data-dir", data_dir] if data_dir else [])]
        if speaks:
            complain(f"{stopped} All of it is saved; go on with: {shlex.join(again)}")
        return 130
    except (training.Unreadable, NotApplicable) as error:
        raise given.Misuse(set_by(str(error))) from error
    if speaks:
        _show(summary, folder, json)
    return 0


def _check_folder(folder: Path) -> None:
    """Refused before any work."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # a zero byte is a ValueError
        raise given.Misuse(f"--out {str(folder)[:100]}: {getattr(error, 'strerror', None) or error}.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise given.Misuse(f"--out {folder}: the folder cannot be written to.")


def _settings(training: Any, folder: Path, resume: bool, preset: str | None, asked: dict[str, Any]) -> Settings:
    """What was asked for; with --resume what the run was begun with, and nothing else may be asked for."""
    if not resume:
        try:
            return training.Settings.of(preset or "tiny", **asked)
        except ValueError as error:
            said = str(error).replace(", or pass rope=False", "")  # for which there is no option
            raise given.Misuse(set_by(said)) from error
    saved = training.saved_settings(folder)
    for name, value in {"preset": preset, **asked}.items():
        begun = getattr(saved, name)
        if value is not None and value != begun:
            raise given.Misuse(
                f"{_given(name, value)} was given, and the run in {folder} was begun {_begun(name, begun)}: leave it "
                "out to resume, or start another run."
            )
    return saved


def _given(name: str, value: Any) -> str:
    """An option as it was typed."""
    option = _NAMED.get(name, "--" + name.replace("_", "-"))
    if isinstance(value, bool):
        return option if value or name == "causal" else option.replace("--", "--no-", 1)
    return f"{option} {value}"


def _begun(name: str, value: Any) -> str:
    """What the run was begun with, in the same words."""
    if name == "causal":
        return "without --symmetric" if value else "with --symmetric"
    return f"with {_given(name, value) if isinstance(value, bool) else value}"


def _show(summary: dict[str, Any], folder: Path, json: bool) -> None:
    if json:
        write_json(summary)
        return
    from rich.text import Text

    from kymath.training.place import FILES

    rows = table("measure", "value")
    for name, value in summary.items():
        label = _MEASURES.get(name, name.replace("_", " "))
        rows.add_row(Text(label), Text("–" if value is None else format(value, _SHOWN.get(name, ""))))
    out = console()
    out.print(rows)
    written = [name for name in sorted((*FILES, "tensorboard")) if (folder / name).exists()]
    out.print(Text(f"Written in {folder}: {', '.join(written)}"))
