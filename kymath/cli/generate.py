"""``kymath nn generate``: what a trained model writes, the face of :func:`kymath.training.continuation`."""

from __future__ import annotations

import secrets
import sys
import unicodedata
from typing import Annotated

import typer

from kymath.errors import KYError, NotApplicable

from . import options as given
from .output import write_json
from .spelling import set_by

EXAMPLES = """\
kymath nn generate condor-tiny-ky-0 --prompt "The river"
kymath nn generate notes --prompt "The" --temperature 0.7 --top-p 0.9 --seed 1
echo "The river" | kymath nn generate notes --prompt - --tokens 50 --json
"""
_LONGEST = 1_000_000  # characters of a prompt
_MOST = 10**9


def generate(
    model: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Of a run by kymath train, or a checkpoint with its tokenizer.json.")
    ],
    prompt: Annotated[
        str,
        typer.Option(
            "--prompt",
            metavar="TEXT",
            help="What the model goes on from; - reads it from standard input (default: the beginning of a line).",
        ),
    ] = "",
    tokens: Annotated[int, typer.Option("--tokens", metavar="N", help="At most so many new ones.")] = 200,
    stop_at_line: Annotated[
        bool,
        typer.Option("--stop-at-line/--no-stop-at-line", help="End with the line: models are trained on single lines."),
    ] = True,
    temperature: Annotated[
        float, typer.Option("--temperature", metavar="T", help="Below 1 likelier tokens; 0 the likeliest.")
    ] = 1.0,
    top_k: Annotated[
        int | None, typer.Option("--top-k", metavar="K", help="Only from the K likeliest tokens (default: all).")
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(
            "--top-p", metavar="P", help="Only from the fewest tokens that hold this probability (default: all)."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Equal ones give equal text (default: drawn).")
    ] = None,
    data_dir: Annotated[
        str | None, given.data_dir("Where gpt2-bpe/ is, for a run with GPT-2's tokens whose tokenizer.json is gone.")
    ] = None,
    json: given.Json = False,
) -> int:
    """Write what a trained model goes on with after a prompt, token by token as they are drawn."""
    if not 1 <= tokens <= _MOST:
        raise given.Misuse(f"--tokens must be from 1 to {_MOST}; {tokens} was given.")
    text = _prompt(prompt)
    with given.needed():
        from kymath import training
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    how = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    ids: list[int] = []
    pieces: list[str] = []
    screen = None if json else _Screen()
    try:
        made, tokenizer = training.language_model(model, data_dir=data_dir or None)
        for token, piece in training.continuation(made, tokenizer, text, tokens, one_line=stop_at_line, **how):
            if screen is None:
                ids.append(token)
                pieces.append(piece)
            else:
                screen.show(piece if screen.begun else text + piece)
    except (training.Unreadable, NotApplicable) as error:
        raise given.Misuse(set_by(str(error))) from error
    except KYError:
        raise
    except ValueError as error:
        raise given.Misuse(set_by(str(error))) from error
    finally:
        if screen is not None:
            screen.end()
    if json:
        written = "".join(pieces)
        ended = stop_at_line and written.endswith("\n")
        written = written[:-1] if ended else written
        write_json({"prompt": text, "text": written, "tokens": ids, "stopped": "line" if ended else "tokens", **how})
    return 0


class _Screen:
    """Standard output, piece by piece; on a terminal what would steer it is shown as an escape."""

    def __init__(self) -> None:
        self.escapes, self.begun, self.last = sys.stdout.isatty(), False, "\n"

    def show(self, text: str) -> None:
        self.begun = True
        if text:
            self.last = text[-1]
            try:
                sys.stdout.write("".join(map(_harmless, text)) if self.escapes else text)
                sys.stdout.flush()
            except BrokenPipeError as closed:
                self.last = "\n"
                raise BrokenPipeError from closed  # without its number typer leaves it to main

    def end(self) -> None:
        """What comes next begins a line."""
        if self.last != "\n":
            self.show("\n")


def _harmless(letter: str) -> str:
    """Control characters, and those that turn the direction of writing, as escapes; joiners stay."""
    steers = unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") and letter not in "\n\t\u200c\u200d"
    return letter.encode("unicode_escape").decode() if steers else letter


def _prompt(text: str) -> str:
    """As given, or standard input without its last line break."""
    if text == "-":
        try:
            text = sys.stdin.read(_LONGEST + 1)
        except UnicodeDecodeError as error:
            raise given.Misuse(f"standard input is not text: {error.reason}.") from error
        text = text.removesuffix("\n").removesuffix("\r")
    if len(text) > _LONGEST:
        raise given.Misuse(f"--prompt takes at most {_LONGEST:,} characters.")
    if any("\ud800" <= letter <= "\udfff" for letter in text):  # how Python keeps bytes that are no text
        raise given.Misuse("--prompt is not text in UTF-8.")
    return text
