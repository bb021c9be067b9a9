"""The seven stages of the workflow as one pipeline whose stages can be replaced."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from functools import partial
from itertools import count
from types import MappingProxyType
from typing import Any

import numpy as np

from ..errors import KYError, NotApplicable, ShapeMismatch
from .arrays import arrays, as_numpy, check_filled

STAGES = ("ingestion", "preprocessing", "synthesis", "reasoning", "feedback", "control", "output")
LOOP = STAGES[2:6]  # what a cycle repeats
PASSED = ("data", "x", "fused", "decision", "feedback", "")  #: from each stage to the next
Stage = Callable[[Any], Any]
Watch = Callable[[int, int, str], None]


class Workflow:
    """Ingestion → preprocessing → synthesis → reasoning → feedback → control → output.

    Each stage is a function of one value.

    ============= ========= ============= ==============================================================
    stage         takes     gives         as it is without a function of your own
    ============= ========= ============= ==============================================================
    ingestion     source    data          arrays and tensors as they are, a ``.npy`` file read, else a list
    preprocessing data      x             finite numbers (batch, m), of the controller's precision
    synthesis     x         fused         ``controller.execute_cycle``
    reasoning     fused     decision      unchanged: the nodes have their reasoning kernels
    feedback      decision  feedback      what is in ``controller.feedback``
    control       feedback  setting       ``controller.adapt(feedback)``, which moves the temperature
    output        decision  output        NumPy
    ============= ========= ============= ==============================================================

    ``run(source, cycles=1)`` goes through the stages, without gradients, and returns the output; ``cycles`` repeats
    synthesis to control, so that what control has set acts on the next synthesis. ``watch(done, total, stage)`` is
    called before each stage and, with "done", at the end. The last run leaves ``timings`` (stage → seconds, summed over
    the cycles) and ``history`` (one pair (feedback, setting) a cycle).

    ``replace("reasoning", f)`` is a new workflow with f in this place; ``draw(ax)`` is its picture. ``controller`` may
    be None where synthesis, feedback and control are all given.

    Raises ``NotApplicable`` for a stage that is not among the seven, a controller that lacks what a stage of its own
    needs, cycles below 1; a stage that raises is told by its name, as the same kind of ``KYError`` where it is one and
    as ``KYError`` otherwise, with the first error as its cause.

    Source: cross-synthesis paper, section 6.2, which names the stages. What passes between them is this project's
    reading: the printed chart hands the output what control gives, here it is the decision.

    >>> double = Workflow(synthesis=lambda x: 2 * x, feedback=np.mean, control=lambda level: level > 1)
    >>> double.run([[1.0, 2.0]], cycles=2)
    array([[2., 4.]])
    >>> double.replace("output", lambda decision: decision.sum()).run([[1.0, 2.0]])
    np.float64(6.0)
    >>> double.history[-1]
    (np.float64(3.0), np.True_)
    """

    def __init__(
        self,
        controller: Any = None,
        *,
        ingestion: Stage | None = None,
        preprocessing: Stage | None = None,
        synthesis: Stage | None = None,
        reasoning: Stage | None = None,
        feedback: Stage | None = None,
        control: Stage | None = None,
        output: Stage | None = None,
    ) -> None:
        given = (ingestion, preprocessing, synthesis, reasoning, feedback, control, output)
        self.controller = controller
        self.stages: Mapping[str, Stage] = MappingProxyType({
            name: _own(name, controller) if stage is None else _callable(name, stage)
            for name, stage in zip(STAGES, given, strict=True)
        })  # fmt: skip
        self.timings: dict[str, float] = {}
        self.history: list[tuple[Any, Any]] = []

    def replace(self, name: str, stage: Stage) -> Workflow:
        """A new workflow with another function for one stage; both have the same controller."""
        if name not in STAGES:
            raise NotApplicable(f"{name!r} is no stage of a workflow; the seven are {', '.join(STAGES)}.")
        return Workflow(self.controller, **{**self.stages, name: stage})

    def run(self, source: Any, *, cycles: int = 1, watch: Watch | None = None) -> Any:
        """From the source to the output; see the class."""
        if isinstance(cycles, bool) or not isinstance(cycles, int) or cycles < 1:
            raise NotApplicable(f"cycles must be a whole number from 1; {cycles!r} was given.")
        self.timings, self.history = {}, []
        total = len(STAGES) + (cycles - 1) * len(LOOP)
        step = partial(self._step, count(), total, watch)
        torch = sys.modules.get("torch")
        with nullcontext() if torch is None else torch.no_grad():  # so that stages may be functions of NumPy
            x = step("preprocessing", step("ingestion", source))
            for _ in range(cycles):
                decision = step("reasoning", step("synthesis", x))
                feedback = step("feedback", decision)
                self.history.append((feedback, step("control", feedback)))
            output = step("output", decision)
        if watch is not None:
            watch(total, total, "done")
        return output

    def _step(self, done: Iterator[int], total: int, watch: Watch | None, name: str, value: Any) -> Any:
        if watch is not None:
            watch(next(done), total, name)
        begin = time.perf_counter()
        try:
            return self.stages[name](value)
        except Exception as error:
            raise _named(name, self.stages[name], error) from error
        finally:
            self.timings[name] = self.timings.get(name, 0.0) + time.perf_counter() - begin

    def draw(self, ax: Any = None) -> Any:
        """The flow chart of section 6.2, with what stands in each stage and how long it took; returns the Axes."""
        from .draw import workflow_chart

        return workflow_chart(self, ax)

    def __repr__(self) -> str:
        return f"<Workflow {' → '.join(f'{name}: {label(stage)}' for name, stage in self.stages.items())}>"


def label(function: Any) -> str:
    """The name of what stands in a stage.

    >>> label(np.mean), label(partial(np.sum, axis=0)), label(lambda x: x)
    ('mean', 'sum', 'a function')
    """
    if isinstance(function, partial):
        return label(function.func)
    owner = getattr(function, "__self__", None)
    name = getattr(function, "__name__", None) or type(function).__name__
    if name == "<lambda>":
        return "a function"
    bound = owner is not None and type(owner).__module__ != "builtins"  # a module owns its built-in functions
    return f"{type(owner).__name__}.{name}" if bound else name


# -- the stages as they are without a function of one's own ------------------------------------------------------------


def read(source: Any) -> Any:
    """Arrays and tensors as they are, the array in a ``.npy`` file (no pickles), anything else as a list."""
    if isinstance(source, str | os.PathLike):
        if not os.path.isfile(source):
            raise NotApplicable(f"{os.fspath(source)!r} is no file: give the path of a .npy file, or an array.")
        return np.load(source, allow_pickle=False)
    return source if hasattr(source, "shape") else list(source)


def prepare(controller: Any, data: Any) -> Any:
    """One row of finite numbers for each point, in the precision and on the device of the controller's weights."""
    (x,) = arrays(("the data", data))
    check_filled("the data", x)
    if not x.ndim:
        raise ShapeMismatch("the data must be one point (m,) or points (batch, …); a number was given.")
    x = x.reshape(x.shape[0], -1) if x.ndim > 2 else x
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(controller, torch.nn.Module):
        return x
    weight = next(controller.parameters(), None)
    return x if weight is None else torch.as_tensor(x, dtype=weight.dtype, device=weight.device)


def unchanged(fused: Any) -> Any:
    """The fused rows themselves."""
    return fused


def buffered(controller: Any, _decision: Any) -> list[Any]:
    """What the controller's cycles have told of themselves, the newest last; of the decision it takes nothing."""
    return list(controller.feedback)


def adapt(controller: Any, feedback: Any) -> Any:
    """The controller reads the feedback and sets itself."""
    return controller.adapt(feedback)


def _own(name: str, controller: Any) -> Stage:
    """The function of a stage where none is given."""
    needs = {"synthesis": "execute_cycle", "feedback": "feedback", "control": "adapt"}.get(name)
    if needs is not None and not hasattr(controller, needs):
        kind = "no controller" if controller is None else f"a {type(controller).__name__} without {needs}"
        raise NotApplicable(
            f"the stage {name} needs a controller with {needs}; {kind} was given. Give one, such as "
            f"AttentionNodeController, or a function: {name}=…"
        )
    own: dict[str, Stage] = {
        "ingestion": read,
        "preprocessing": partial(prepare, controller),
        "synthesis": getattr(controller, "execute_cycle", unchanged),
        "reasoning": unchanged,
        "feedback": partial(buffered, controller),
        "control": partial(adapt, controller),
        "output": as_numpy,
    }
    return own[name]


def _callable(name: str, stage: Any) -> Stage:
    if not callable(stage):
        raise NotApplicable(f"{name} must be a function of one value; {type(stage).__name__} was given.")
    return stage


def _named(name: str, stage: Stage, error: Exception) -> KYError:
    """The error with the stage's name before it, of the same kind where kymath names it."""
    where = f"the stage {name} ({label(stage)}) failed: "
    if isinstance(error, KYError):
        return type(error)(f"{where}{error}")
    return KYError(f"{where}{type(error).__name__}: {error}")
