"""Three KY transforms of real expressions: printed, explained, and drawn into demo/."""

from pathlib import Path

import matplotlib
import sympy as sp

import kymath.plot
from kymath import nabla

matplotlib.use("Agg")  # pictures go to files, so no screen is needed

x = sp.symbols("x")

EXAMPLES = [
    (
        "parabola",
        nabla.P(2),
        x**3,
        1,
        "the parabola that follows x³ most closely at 1: value a0, slope a1, and a2 for the curvature",
    ),
    (
        "exponential",
        nabla.E,
        1 / (1 + x**2),
        1,
        "near 1 the bell 1/(1 + x²) decays like A exp(B s) + C, s = x - 1: the rate is B",
    ),
    (
        "harmonic",
        nabla.H,
        sp.exp(-x) * sp.sin(3 * x),
        sp.Rational(1, 2),
        "near 1/2 the damped wave moves like A cos(omega s + phi), s = x - 1/2: its local frequency is omega",
    ),
]


def main(folder: Path = Path("demo")) -> None:
    """Compute, print and draw every example."""
    folder.mkdir(exist_ok=True)
    for name, transform, f, x0, meaning in EXAMPLES:
        result = transform[f](x0)
        print(f"\n{name}: f(x) = {f} at x0 = {x0}")
        print(f"  {meaning}")
        for parameter, value in result.parameters.items():
            print(f"  {parameter} = {value}  ({float(value):.6g})")
        axes = kymath.plot.connection(result)
        picture = folder / f"{name}.png"
        axes.figure.savefig(picture, dpi=150, bbox_inches="tight")
        print(f"  picture: {picture}")


if __name__ == "__main__":
    main()
