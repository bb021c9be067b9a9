"""Make the pictures of the gallery from the code printed there: ``python docs/pictures.py``."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

import matplotlib as mpl

HERE = Path(__file__).resolve().parent
PAGE, PICTURES = HERE / "gallery.md", HERE / "images" / "gallery"


def main() -> None:
    mpl.use("Agg")
    page = PAGE.read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            exec(compile(code, str(PAGE), "exec"), {"__name__": "__main__"})
        finally:
            os.chdir(here)
        PICTURES.mkdir(parents=True, exist_ok=True)
        for old in PICTURES.glob("*.png"):
            old.unlink()
        for made in sorted(Path(folder).glob("*.png")):
            shutil.copyfile(made, PICTURES / made.name)
            print(f"{made.name}: {made.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
