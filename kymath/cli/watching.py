"""What ``kymath train`` and ``kymath synthesis train`` say on the way."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from .output import complain, console
from .spelling import spelled

if TYPE_CHECKING:
    from kymath.training import Watch

_PARTS = 10  # lines on the way where there is no bar


def _progress(record: dict[str, Any]) -> str:
    speed = record["tokens"] / max(record["seconds"], 1e-9)
    return f"epoch {record['epoch']}: loss {record['loss']:.3f}, {speed:,.0f} tokens/s"


def _validated(record: dict[str, Any]) -> str:
    return (
        f"epoch {record['epoch']}, step {record['step']}: validation loss {record['validation_loss']:.4f}, "
        f"perplexity {record['perplexity']:.2f}"
    )


Sentence = Callable[[dict[str, Any]], str]


@contextmanager
def watching(
    speaks: bool, json: bool, progress: Sentence = _progress, validated: Sentence = _validated
) -> Iterator[Watch]:
    """Lines on standard output, not beside JSON; the steps as a bar on standard error, or without a terminal as lines.

    ``speaks`` is False in all processes but one. ``progress`` and ``validated`` put the records of a step and of a
    validation into words.
    """
    from rich.text import Text

    from kymath.training import Watch

    class Lines(Watch):
        def note(self, text: str) -> None:
            if speaks and not json:
                with self.apart():
                    console().print(Text(text))

        def caution(self, text: str) -> None:
            if speaks:
                with self.apart():
                    complain(spelled(text))

        def step(self, record: dict[str, Any], total: int) -> None:
            done = record["step"]
            if _PARTS * done // total > _PARTS * (done - 1) // total:
                self.note(f"step {done} of {total}, {progress(record)}")

        def validated(self, record: dict[str, Any]) -> None:
            self.note(validated(record))

        def apart(self) -> AbstractContextManager[None]:
            """While a line is printed nothing else is on its line."""
            return nullcontext()

    if not speaks or not _has_screen():
        yield Lines()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(err=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)  # and learning the tokens

        class Bar(Lines):
            def step(self, record: dict[str, Any], total: int) -> None:
                first = bar.tasks[0].total is None  # shown at once: a short run may be over before the next refresh
                bar.update(
                    task, description=progress(record), completed=record["step"], total=total, refresh=first
                )  # fmt: skip

            def validating(self, done: int, total: int) -> None:
                bar.update(task, description="validating", completed=done, total=total)

            @contextmanager
            def apart(self) -> Iterator[None]:
                bar.stop()  # which clears it
                try:
                    yield
                finally:
                    bar.start()

        yield Bar()


def _has_screen() -> bool:
    """Whether standard error can show a bar."""
    return sys.stderr is not None and sys.stderr.isatty() and not console(err=True).is_dumb_terminal
