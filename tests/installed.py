"""An installed kymath, tried from outside: run as a script where no clone is in sight. `make dist` does."""

from __future__ import annotations

import importlib.resources
import json
import subprocess
import sys
from pathlib import Path


def main(clone: Path) -> None:
    import numpy as np
    import sympy as sp

    import kymath as ky
    from kymath import audit, nabla

    place = Path(ky.__file__).resolve()
    assert clone not in place.parents or "site-packages" in place.parts, f"{place} is the clone's, not an installed one"
    assert importlib.resources.files("kymath").joinpath("py.typed").is_file()

    x = sp.Symbol("x")
    assert nabla.P(2)[x**3](1).theta == (3, 3, 1)
    assert abs(nabla.E[lambda t: 1 / (1 + t * t)](1.0).B + 1) < 1e-9

    t = np.linspace(0, 10, 200)
    found = ky.samples(t, 3 * np.exp(-t / 2) + 1, ky.Exponential(), bandwidth=2, at=[3.0])
    assert abs(found.B[0] + 0.5) < 1e-3

    (report,) = audit.verify(claim="Eq13")
    assert report.verdict == "false"
    ky.plot.connection(nabla.P(2)[x**3](1)).figure.savefig("connection.png")

    command = Path(sys.executable).with_name("kymath")
    words = [str(command), "transform", "x**3", "--at", "1", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["exact_parameters"] == {"a2": "3", "a1": "3", "a0": "1"}, done.stdout
    subprocess.run([str(command), "--help"], capture_output=True, timeout=60, check=True)
    print(f"kymath {ky.__version__} works, installed in {place.parent}")


if __name__ == "__main__":
    main(Path(__file__).resolve().parents[1])
