"""The command line: one command a file, each a thin face of one public function.

``main`` turns whatever happens into an exit status and a sentence: 0 success, 1 no limit or not reached, 2 bad usage,
unreadable file or unparsable text, 130 interrupted. There is no traceback unless ``KYMATH_DEBUG=1`` asks for one.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from kymath.errors import KYError, NotApplicable, ParseError
from kymath.starting import INTERRUPTED, answered

from .bench import EXAMPLES as BENCH_EXAMPLES
from .bench import bench
from .command import ExampleCommand, FormulaCommand, LongCommand, PointsCommand, misread
from .compare import EXAMPLES as COMPARE_EXAMPLES
from .compare import compare
from .convergence import EXAMPLES as CONVERGENCE_EXAMPLES
from .convergence import convergence
from .generate import EXAMPLES as GENERATE_EXAMPLES
from .generate import generate
from .inspect import EXAMPLES as INSPECT_EXAMPLES
from .inspect import inspect
from .options import Misuse
from .output import complain
from .samples import EXAMPLES as SAMPLES_EXAMPLES
from .samples import samples
from .spelling import spelled
from .synthesis_draw import EXAMPLES as DRAW_EXAMPLES
from .synthesis_draw import draw
from .synthesis_train import EXAMPLES as SYNTHESIS_EXAMPLES
from .synthesis_train import train as synthesis_train
from .train import EXAMPLES as TRAIN_EXAMPLES
from .train import train
from .transform import EXAMPLES as TRANSFORM_EXAMPLES
from .transform import transform
from .verify import EXAMPLES as VERIFY_EXAMPLES
from .verify import verify

__all__ = ["app", "main"]

SUCCESS, FAILURE, USAGE, BROKEN_PIPE = 0, 1, 2, 141

app = typer.Typer(
    name="kymath",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _version(asked: bool) -> None:
    if asked:
        from kymath._version import __version__

        typer.echo(f"kymath {__version__}")
        raise typer.Exit


@app.callback()
def _kymath(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """The KY transform: the parameters of a curve that joins f(x0) and f(x0 + h), in the limit h → 0."""


app.command("transform", cls=FormulaCommand, epilog=TRANSFORM_EXAMPLES)(transform)
app.command("convergence", cls=FormulaCommand, epilog=CONVERGENCE_EXAMPLES)(convergence)
app.command("compare", cls=FormulaCommand, epilog=COMPARE_EXAMPLES)(compare)
app.command("samples", cls=PointsCommand, epilog=SAMPLES_EXAMPLES)(samples)
# an id that stands alone is answered by the command
app.command("verify", cls=ExampleCommand, epilog=VERIFY_EXAMPLES, context_settings={"allow_extra_args": True})(verify)
app.command("train", cls=LongCommand, epilog=TRAIN_EXAMPLES)(train)
app.command("inspect", cls=LongCommand, epilog=INSPECT_EXAMPLES)(inspect)

nn = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
nn.command("bench", cls=LongCommand, epilog=BENCH_EXAMPLES)(bench)
nn.command("generate", cls=LongCommand, epilog=GENERATE_EXAMPLES)(generate)
app.add_typer(nn, name="nn", help="The neural attention: what it costs, and what a trained model writes.")

synthesis = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
synthesis.command("train", cls=LongCommand, epilog=SYNTHESIS_EXAMPLES)(synthesis_train)
synthesis.command("draw", cls=ExampleCommand, epilog=DRAW_EXAMPLES)(draw)
app.add_typer(
    synthesis, name="synthesis", help="The cross-synthesis of attention nodes: trained on images or texts, and drawn."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Args:
        argv: the words after ``kymath``; None takes those of the process.

    >>> main(["transform", "x**3", "--at", "a", "--family", "linear"])  # doctest: +ELLIPSIS
    ∇_L[x³](a)
    ...
    0
    """
    _speak_any_encoding()
    try:
        with answered():
            return _run(list(sys.argv[1:] if argv is None else argv))
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        _let_go_of_stdout()
        return BROKEN_PIPE
    except (Misuse, ParseError) as error:
        complain(str(error))
        return USAGE
    except KYError as error:
        complain(spelled(str(error)))
        return USAGE if isinstance(error, NotApplicable) else FAILURE
    except Exception as error:
        return _unexpected(error)


def _run(words: list[str]) -> int:
    status = typer.main.get_command(app).main(args=words, prog_name="kymath", standalone_mode=False)
    sys.stdout.flush()
    if isinstance(sys.stdout, _Closed) and sys.stdout.getvalue():
        raise OSError(errno.EBADF, "standard output is closed")
    return status if isinstance(status, int) else SUCCESS


class _Closed(io.StringIO):
    """In the place of a standard output that is closed: what is written here is lost, and that is to be said."""


def _unexpected(error: Exception) -> int:
    """Typer's own complaints are bad usage, the system's are told, the rest is ours."""
    wrong = getattr(error, "format_message", None)
    if wrong is not None:
        return _bad_usage(error, misread(error) or wrong())
    if os.environ.get("KYMATH_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    if isinstance(error, OSError):
        _let_go_of_stdout()
        complain(f"{error.filename or 'output'}: {error.strerror or error}")
        return FAILURE
    what = " ".join(str(error).split())[:200]
    complain(
        f"internal error: {type(error).__name__}: {what}; please report it with the command "
        "(KYMATH_DEBUG=1 shows the traceback)"
    )
    return FAILURE


def _bad_usage(error: Any, message: str) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "kymath"
    if type(error).__name__ == "NoArgsIsHelpError":
        if message and message.strip() != "":
            typer.echo(message, err=True)
        return USAGE
    complain(f"{message}\nkymath: try '{path} --help'.")
    return USAGE


def _speak_any_encoding() -> None:
    """Characters that the terminal's encoding lacks become '?', and what is said to a closed stream goes nowhere."""
    if sys.stdout is None or isinstance(sys.stdout, _Closed):
        sys.stdout = _Closed()
    if sys.stderr is None:
        sys.stderr = io.StringIO()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and (stream.encoding or "").lower() not in ("utf-8", "utf8"):
            reconfigure(errors="replace")


def _let_go_of_stdout() -> None:
    """Whatever waits in the buffer goes nowhere, so that the interpreter does not complain when it ends."""
    with contextlib.suppress(Exception):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
