"""A project that uses kymath, checked by its type checker and never run: what each part of the interface gives."""

from typing import Any, Literal, assert_type

import numpy as np

import kymath as ky
from kymath import audit, inspector, nabla
from kymath.comparison import Comparison, Row
from kymath.convergence import Convergence


def wave(t: float) -> float:
    return float(np.sin(t))


result = ky.transform(wave, 0.3, ky.Polynomial(2), ky.Osculating(), ky.Adaptive(), side="both")
assert_type(result, ky.KYTransform)
assert_type(result.family, ky.ConnectionFunction)
assert_type(result.method, str)
assert_type(result.message, str)
assert_type(result.exact, bool)
assert_type(result.bound, bool)
assert_type(result.status, ky.Status | Any)
assert_type(result.side, Literal["both", "right", "left"])
assert_type(result.left, ky.KYTransform | None)
assert_type(nabla.P(2)[wave](0.3), ky.KYTransform)
assert_type(nabla.P(2)[wave](0.3, side="left"), ky.KYTransform)
assert_type(ky.transform(wave, 0.0, side=result.side), ky.KYTransform)
assert_type(nabla.KY("A*exp(-s)", "A")[wave](0.3), ky.KYTransform)
assert_type(result @ result, ky.KYTransform)
assert_type(result + result, ky.KYTransform)
assert_type(ky.compose(result, result), ky.KYTransform)
assert_type(ky.inverse(result), ky.KYTransform)

assert_type(ky.curvature(wave, 0.3), float)
assert_type(ky.slope(wave, 0.3, side="right"), float)
assert_type(ky.value(wave, 1), float)

compared = ky.compare(wave, 0.3)
assert_type(compared, Comparison)
assert_type(compared.best, Row | None)
if compared.best is not None:
    assert_type(compared.best.family, ky.ConnectionFunction)

shown = ky.convergence(wave, 0.3, ky.Linear())
assert_type(shown, Convergence)
assert_type(shown.order, float)

t = np.linspace(0, 1, 20)
assert_type(result(t), np.ndarray)

y = 3 * np.exp(-t / 2) + 1
measured = ky.samples(t, y, ky.Exponential(), bandwidth=2, at=[0.2, 0.4])
assert_type(measured, ky.SampledTransform)
assert_type(measured.status, np.ndarray)
assert_type(measured.interval("B"), tuple[Any, Any])
assert_type(ky.samples(t, y, "linear", bandwidth=np.full(20, 0.3), side="left"), ky.SampledTransform)
assert_type(ky.samples([0.0, 1.0, 2.0], [0.0, 1.0, 4.0], "linear"), ky.SampledTransform)

reports = audit.verify(claim="Eq13")
assert_type(reports, list[audit.Report])
assert_type(reports[0].verdict, str | None)

heads = inspector.inspect_connections("model.safetensors", window=16)
assert_type(heads, inspector.ConnectionReport)
assert_type(heads.curves[0], inspector.ConnectionCurve)

try:
    ky.transform(abs, 0, raises=True)
except ky.NoLimit as error:
    assert_type(error.left, ky.KYTransform | None)
except ky.NotReached as error:
    assert_type(error.best, ky.KYTransform | None)
except ky.KYError as error:
    assert_type(error.status, ky.Status | None)
    assert_type(error.message, str)

ky.plot.connection(result).set_title("the parabola that the curves tend to")
ky.plot.field(measured)

# What is wrong must be seen: mypy complains where one of these is not an error.
ky.transform(wave, 0.3, "linear")  # type: ignore[arg-type]
ky.transform(wave, 0.3, sides="both")  # type: ignore[call-arg]
ky.transform(wave, 0.3, side="up")  # type: ignore[arg-type]
ky.slope(wave, 0.3, side="up")  # type: ignore[call-overload]
ky.slope(wave, 0.3, sides="left")  # type: ignore[call-overload]
nabla.E[wave](0.3, side="up")  # type: ignore[arg-type]
ky.compare(wave, 0.3, side="up")  # type: ignore[arg-type]
ky.convergence(wave, 0.3, side="both")  # type: ignore[arg-type]
ky.samples(t, y, "linear", bandwidth="wide")  # type: ignore[arg-type]
ky.samples(t, y, "linear", side="up")  # type: ignore[call-overload]
print(result.status.reached)  # type: ignore[union-attr]
ky.Polynomial("2")  # type: ignore[arg-type]
ky.plot.nothing(result)  # type: ignore[attr-defined]
