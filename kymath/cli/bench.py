"""``kymath nn bench``: what the attention costs beside its rivals, the face of :func:`kymath.nn.bench.measure`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from . import options as given
from .output import console, table, write_json
from .spelling import set_by

if TYPE_CHECKING:
    from kymath.nn.bench import Measured

EXAMPLES = """\
kymath nn bench
kymath nn bench --lengths 1024,4096 --window 128 --threads 1
kymath nn bench --device cuda --dtype bfloat16 --lengths 1024,8192,32768 --json
"""
_DTYPES = ("float32", "bfloat16", "float16", "float64")
_BACKENDS = ("auto", "reference", "blocked", "flex", "triton")
_LONGEST = 1 << 20
_LEAST, _FEWEST = 256, 3  # below this length, and with fewer of them, fixed costs hide what grows
UNITS = {
    "times.length": "tokens", "times.forward": "s", "times.both": "s", "times.forward_ratio": "time by that of sdpa",
    "times.both_ratio": "time by that of sdpa", "exponents": "p in time ~ length^p", "memory.length": "tokens",
    "memory.bytes_per_token": "bytes",
}  # fmt: skip


def bench(
    lengths: Annotated[
        str, typer.Option("--lengths", metavar="NUMBERS", help="Tokens in a sequence, with commas between.")
    ] = "256,1024,4096",
    window: Annotated[int, typer.Option("--window", metavar="W", help="Tokens a query sees, its own included.")] = 15,
    width: Annotated[int, typer.Option("--width", metavar="N", help="Of the model, d.")] = 512,
    heads: Annotated[int, typer.Option("--heads", metavar="N", help="They share the width evenly.")] = 16,
    batch: Annotated[int, typer.Option("--batch", metavar="N", help="Sequences at a time.")] = 1,
    backend: Annotated[
        str, typer.Option("--backend", metavar="WORD", help="Of KY-attention: auto, reference, blocked, flex, triton.")
    ] = "auto",
    dtype: Annotated[
        str, typer.Option("--dtype", metavar="WORD", help="float32, bfloat16, float16, float64.")
    ] = "float32",
    device: Annotated[str, typer.Option("--device", metavar="WORD", help="cpu, cuda, cuda:1, mps, xpu.")] = "cpu",
    threads: Annotated[
        int | None, typer.Option("--threads", metavar="N", help="Of the processor (default: PyTorch's).")
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", help="Spent repeating at each length, at least.")
    ] = 5.0,
    json: given.Json = False,
) -> int:
    """Time and memory of KY-attention beside causal SDPA, the paper's form, and local-attention where installed."""
    given.one_of(backend, _BACKENDS, "--backend")
    given.one_of(dtype, _DTYPES, "--dtype")
    asked = _lengths(lengths)
    if not 0 <= seconds <= 3600:
        raise given.Misuse(f"--seconds must be from 0 to 3600; {seconds:g} was given.")
    with given.needed():
        from kymath.nn import bench as measuring
    try:
        setting = measuring.Setting(width, heads, window, batch, dtype, device, backend, threads)
        with _progress() as watch:
            found = measuring.measure(setting, asked, seconds=seconds, watch=watch)
    except (ValueError, NotImplementedError) as error:
        raise given.Misuse(set_by(str(error))) from error
    except (MemoryError, RuntimeError) as error:
        if "memory" not in str(error) and not isinstance(error, MemoryError):
            raise
        raise given.Misuse(
            f"--lengths {max(asked)} at this width and batch do not fit in memory; ask for less."
        ) from error
    if json:
        write_json({**found.record(), "backend": _backend(found), "units": UNITS})
    else:
        _show(found)
    return 0


def _lengths(text: str) -> list[int]:
    """Whole numbers with commas or blanks between them."""
    found = []
    for piece in text.replace(",", " ").split():
        if not (piece.isascii() and piece.isdigit() and len(piece) < 9 and 1 <= int(piece) <= _LONGEST):
            raise given.Misuse(f"--lengths takes whole numbers from 1 to {_LONGEST}; {piece[:60]!r} was given.")
        found.append(int(piece))
    if not found:
        raise given.Misuse("--lengths takes whole numbers such as 256,1024; nothing was given.")
    return found


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None] | None]:
    """On a terminal a bar on standard error; in a pipe nothing."""
    if not (sys.stderr is not None and sys.stderr.isatty()):
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(err=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def watch(done: int, total: int, text: str) -> None:
            bar.update(task, description=text, completed=done, total=total)

        yield watch


def _show(found: Measured) -> None:
    from rich.text import Text

    out, s = console(), found.setting
    threads = f", {found.threads} thread{'s' if found.threads > 1 else ''}" if s.device == "cpu" else ""
    headline = (
        f"d = {s.d_model}, {s.num_heads} heads, W = {s.window}, batch {s.batch}, {s.dtype}, {found.device}{threads}"
    )
    out.print(Text(headline, style="bold"))
    rows = table("layer", "L", "forward, ms", "× SDPA", "forward + backward, ms", "× SDPA")
    order = [(length, name) for length in _all_lengths(found) for name in found.names]
    times = {(row.length, row.contender): row for row in found.rows}
    for k, (length, name) in enumerate(order):
        if (length, name) in times:
            row, cells = times[length, name], [name, f"{length}"]
            for what in ("forward", "both"):
                cells += [f"{getattr(row, what) * 1e3:.2f}", f"{found.ratio(name, length, what):.2f}"]
            rows.add_row(*map(Text, cells))
        if order[k + 1 :] and order[k + 1][0] != length:
            rows.add_section()
    out.print(rows)
    rows = table("layer", "exponent in L, forward", "forward + backward", "KB per token", "at L")
    for name in found.names:
        exponents = [_or_dash(_exponent(found, name, what), ".2f") for what in ("forward", "both")]
        at, size = found.memory[name]
        known = size is not None and at >= _LEAST
        rows.add_row(*map(Text, (name, *exponents, _or_dash(size / 1024 if known and size else None, ".1f"), str(at))))
    out.print(rows)
    out.print(Text("The shortest of interleaved repetitions; KB (1024 bytes) that forward and backward take beyond x."))
    if any(len(found.of(name)) < _FEWEST or found.of(name)[0].length < _LEAST for name in found.names):
        out.print(Text(f"–: an exponent needs {_FEWEST} lengths of {_LEAST} tokens or more, KB one of them."))
    out.print(Text(_who(found)))


def _all_lengths(found: Measured) -> list[int]:
    return sorted({row.length for row in found.rows})


def _exponent(found: Measured, name: str, what: str) -> float | None:
    """None where it would say little."""
    rows = found.of(name)
    return found.exponent(name, what) if len(rows) >= _FEWEST and rows[0].length >= _LEAST else None


def _backend(found: Measured) -> str:
    """The one that "ky" was measured with."""
    import torch

    from kymath.nn.attention import chosen

    s = found.setting
    return chosen(s.backend, torch.empty(1, 1, 1, 1, dtype=getattr(torch, s.dtype), device=s.device))


def _who(found: Measured) -> str:
    """Which backend was measured, and who was not."""
    auto = " (auto's choice)" if found.setting.backend == "auto" else ""
    said = [f"ky is the backend {_backend(found)}{auto}"]
    if "local-attention" not in found.names:
        alone = found.setting.window == 1
        why = "has no window of 1" if alone else "is not installed: pip install local-attention"
        said.append(f"local-attention was left out, as it {why}")
    missing = [n for n in _all_lengths(found) if n not in {row.length for row in found.of("reference")}]
    if missing:
        said.append(f"reference was left out at L = {', '.join(map(str, missing))}, as it would take too much memory")
    return "; ".join(said) + "."


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
