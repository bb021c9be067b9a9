"""The folder of a run: what may lie in it when a run begins, and one run at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import KYError
from . import journal, summary
from .settings import Settings
from .state import MODEL, STATE

TOKENIZER, SETTINGS = "tokenizer.json", "settings.json"
FILES = (STATE, MODEL, journal.NAME, summary.NAME, SETTINGS, TOKENIZER)
_EARLY = {SETTINGS, TOKENIZER, journal.NAME}  # what a run has before its first checkpoint


def check_free(folder: Path, settings: Settings) -> None:
    """Refuse a folder where a new run would overwrite files that are not its own, with a ``KYError``.

    Its own are those of a run with the same settings that stopped before its first checkpoint.
    """
    found = [name for name in FILES if os.path.lexists(folder / name)]
    if STATE in found:
        raise KYError(f"{folder} holds a run already: go on with it by --resume, or give another folder with --out.")
    if found and not (set(found) <= _EARLY and _settings_in(folder) == settings):
        raise KYError(
            f"{folder} holds {', '.join(found)}, which this run would overwrite: give another folder with --out, or "
            "move them away."
        )


def _settings_in(folder: Path) -> Settings | None:
    try:
        return Settings.from_dict(json.loads((folder / SETTINGS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """The folder for one run alone; ``KYError`` while another has it. What a killed one left unfinished is removed.

    The lock is on the folder itself, so no file is left over, and it ends with the process however that ends. Where
    the system has no such locks nothing is held.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # not there: whoever reads or writes in it says so
        yield
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise KYError(
                f"{folder}: another run is writing here; wait until it ends, or give another folder with --out."
            ) from None
        except OSError:  # a file system without locks
            pass
        else:
            for name in FILES:
                for draft in folder.glob(f".{name}.*part"):
                    draft.unlink(missing_ok=True)
        yield
    finally:
        os.close(handle)
