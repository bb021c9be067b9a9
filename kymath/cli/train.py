"""``kymath train``: a Condor language model from text, the face of :func:`kymath.training.train`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kymath.errors import NotApplicable

from . import options as given
from .output import complain, console, table, write_json

if TYPE_CHECKING:
    from kymath.training import Settings, Watch

EXAMPLES = """\
kymath train --data notes.txt
kymath train --preset tiny --attention standard --data-dir data --out standard
kymath train --preset table1 --attention ky --device cuda --out table1
kymath train --resume --out table1
accelerate launch --num_processes 4 -m kymath train --preset table1 --out table1
"""
ATTENTION = ("ky", "standard", "local", "alibi", "t5", "kerple", "fire")
_PRESETS, _TOKENIZERS, _EDGES = ("tiny", "table1"), ("gpt2", "bpe", "byte"), ("mask", "reference")
_SHOWN = {
    "loss": ".4f", "loss_per_token": ".4f", "perplexity": ".2f", "unigram_perplexity": ".2f",
    "tokens_per_second": ",.0f", "peak_memory_mb": ",.0f", "parameters": ",", "seconds": ",.0f", "steps": ",",
}  # fmt: skip

_RUN, _MODEL = "The run", "The model"


def train(
    preset: Annotated[
        str | None,
        typer.Option("--preset", metavar="WORD", help="tiny (minutes, the default) or table1 (the paper's)."),
    ] = None,
    attention: Annotated[
        str | None,
        typer.Option(
            "--attention",
            metavar="WORD",
            help="ky, standard (the whole past), local (no bias), alibi, t5, kerple, fire; ky if left out.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option("--window", metavar="W", help="Tokens a query sees, 15 if left out.", rich_help_panel=_MODEL),
    ] = None,
    edge: Annotated[
        str | None,
        typer.Option(
            "--edge",
            metavar="WORD",
            help="Before the first token: mask (nothing), reference (zeros, as in the paper's code).",
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
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="WORD", help="wikitext-2, or a text file whose last tenth is for validation."),
    ] = None,
    data_dir: Annotated[
        str | None,
        typer.Option(
            "--data-dir",
            metavar="DIR",
            envvar="KYMATH_DATA",
            help="A folder with wikitext-2/ and gpt2-bpe/; both are fetched if left out.",
        ),
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option("--tokenizer", metavar="WORD", help="gpt2, bpe (learned from the data), byte.")
    ] = None,
    max_len: Annotated[
        int | None, typer.Option("--max-len", metavar="N", help="Tokens of a line; what is beyond is left out.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", metavar="N", help="Passes over the data.")] = None,
    max_steps: Annotated[int | None, typer.Option("--max-steps", metavar="N", help="At most so many steps.")] = None,
    batch: Annotated[int | None, typer.Option("--batch", metavar="N", help="Lines in a step.")] = None,
    lr: Annotated[float | None, typer.Option("--lr", metavar="X", help="The learning rate at first.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Of the weights and the order; 0.")] = None,
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            metavar="WORD",
            help="cpu, cuda, cuda:1, mps; the best there is if left out.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="Where everything is written.", rich_help_panel=_RUN),
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
        "max_len": max_len,
        "epochs": epochs, "max_steps": max_steps, "batch": batch, "lr": lr, "seed": seed,
    }  # fmt: skip
    folder = Path(out or f"condor-{preset or 'tiny'}-{attention or 'ky'}-{seed or 0}")
    try:
        from kymath import training
    except ImportError as missing:
        raise given.Misuse(str(missing)) from missing
    settings = _settings(training, folder, resume, preset, asked)
    _check_folder(folder)
    speaks = os.environ.get("RANK", "0") == "0"  # of several processes one
    try:
        with _watch(speaks, json) as watch:
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
        raise given.Misuse(str(error)) from error
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
            raise given.Misuse(str(error)) from error
    saved = training.saved_settings(folder)
    for name, value in {"preset": preset, **asked}.items():
        begun = getattr(saved, name)
        if value is not None and value != begun:
            option = "--symmetric" if name == "causal" else "--" + name.replace("_", "-")
            raise given.Misuse(
                f"{option} {value} was given, and the run in {folder} was begun with {begun}: leave it away to resume, "
                "or start another run."
            )
    return saved


@contextmanager
def _watch(speaks: bool, json: bool) -> Iterator[Watch]:
    """What is said on the way: lines on standard output (not beside JSON), on a terminal a bar on standard error."""
    from rich.text import Text

    from kymath.training import Watch

    class Lines(Watch):
        def note(self, text: str) -> None:
            if speaks and not json:
                console().print(Text(text))

        def caution(self, text: str) -> None:
            if speaks:
                complain(text)

        def validated(self, record: dict[str, Any]) -> None:
            if speaks and not json:
                console().print(
                    Text(
                        f"epoch {record['epoch']}, step {record['step']}: validation loss "
                        f"{record['validation_loss']:.4f}, perplexity {record['perplexity']:.2f}"
                    )
                )

    if not speaks or not (sys.stderr is not None and sys.stderr.isatty()):
        yield Lines()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(err=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)  # and learning the tokens

        class Bar(Lines):
            def step(self, record: dict[str, Any], total: int) -> None:
                speed = record["tokens"] / max(record["seconds"], 1e-9)
                text = f"epoch {record['epoch']}  loss {record['loss']:.3f}  {speed:,.0f} tokens/s"
                first = bar.tasks[0].total is None  # shown at once: a short run may be over before the next refresh
                bar.update(task, description=text, completed=record["step"], total=total, refresh=first)

            def validating(self, done: int, total: int) -> None:
                bar.update(task, description="validating", completed=done, total=total)

        yield Bar()


def _show(summary: dict[str, Any], folder: Path, json: bool) -> None:
    if json:
        write_json(summary)
        return
    from rich.text import Text

    rows = table("measure", "value")
    for name, value in summary.items():
        rows.add_row(Text(name.replace("_", " ")), Text("–" if value is None else format(value, _SHOWN.get(name, ""))))
    out = console()
    out.print(rows)
    out.print(Text(f"Written: {folder}/checkpoint.safetensors, summary.json, metrics.jsonl"))
