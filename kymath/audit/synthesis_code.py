"""The cross-synthesis paper, sections 6 to 10: its pseudocode, examples, costs and numbers."""

from __future__ import annotations

import ast
import builtins
import math
import symtable
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..synthesis.arrays import softmax
from ..synthesis.cost import memory, products
from ..synthesis.cross import cross_matrix, fuse
from ..synthesis.likelihood import weighted_log_likelihood
from ..synthesis.manager import AdaptiveDataManager
from ..synthesis.operator import cross_synthesis, entrywise, semantic_alpha
from .claim import Fact, corrected, decidable, meaning, printed, within
from .claim import conditional as under
from .synthesis_claims import Array, _fits, claim

# -- pseudocode --------------------------------------------------------------------------------------------------------


@claim(
    "CS-S6.1",
    "Section 6.1",
    "The controller's fusion computes Σ_j β_j Z_cross^(i,j) of section 3.2.3.",
    "C @ β does; the printed sum weights the columns and adds the rows.",
)
def controller(code: Callable[[Array, Array], Array] = lambda c, beta: np.sum(beta * c, axis=0)) -> Iterator[Fact]:
    z, beta = 2**0.25 * np.array([[1.0, 0.0], [2.0, 1.0]]), np.array([0.25, 0.75])  # ⁴√2 against the 1/√d of 3.2.2
    c = cross_matrix(z)
    definition = np.array([sum(beta[j] * c[i, j] for j in range(2)) for i in range(2)])
    found = code(c, beta)
    yield printed(
        np.allclose(found, definition), f"C = [[1, 2], [2, 5]], β = (.25, .75): code {found}, definition {definition}."
    )
    made = fuse(c, beta)
    yield corrected(np.allclose(made, definition), f"C @ β = {made}.")


@claim(
    "CS-S7.1",
    "Section 7.1",
    "The attention-weighted likelihood is Σ softmax(α)_i log P(d_i | θ).",
    "The same; the weights must not be fitted with θ, or all weight goes to the best point.",
)
def likelihood(normalise: Callable[[Array], Array] = softmax) -> Iterator[Fact]:
    p, alpha = np.linspace(0.001, 0.999, 999), np.array([0.0, math.log(3)])
    logs = np.log(np.stack([1 - p, p], axis=-1))
    as_printed = logs @ normalise(alpha)
    best = float(p[np.argmax(as_printed)])
    yield printed(
        abs(best - 0.75) < 1e-3,
        f"Data 0 and 1, α = (0, log 3): the likelihood is greatest at p = {best:.3f}; 3/4 is the weight of 1.",
    )
    off = float(np.max(np.abs(weighted_log_likelihood(logs, np.tile(alpha, (len(p), 1))) - as_printed)))
    yield printed(off < 1e-12, f"As a loss it is the printed sum {within(off)}.")
    joint = [float(weighted_log_likelihood(np.log([0.1, 0.9]), [0.0, a])) for a in (0.0, 5.0, 50.0)]
    yield corrected(joint == sorted(joint), f"At p = 0.9 it grows with α: {', '.join(f'{v:.3f}' for v in joint)}.")


MANAGER = """
def manage(self, data):
    weights = self.weights(data)
    sample = self.sample(data, weights)
    if self.quality(sample) < threshold:
        self.refine(data, weights)
    return sample
"""


MENDED = MANAGER.replace("data):", "data, threshold):", 1).replace("self.refine", "sample = self.refine")


def _undefined(source: str) -> list[str]:
    """The names that the functions of a source read and neither it nor Python defines."""
    module = symtable.symtable(source, "manager", "exec")
    known = {s.get_name() for s in module.get_symbols() if s.is_assigned() or s.is_imported()} | set(dir(builtins))
    inner, unknown = list(module.get_children()), []
    while inner:
        table = inner.pop(0)
        inner += table.get_children()
        unknown += [s.get_name() for s in table.get_symbols() if s.is_global() and s.get_name() not in known]
    return sorted(set(unknown))


def _refines(source: str, name: str = "refine") -> bool:
    """Whether something returned can depend on a call of the refinement: on its value, or on what it changes in place.

    The statements are read in order. What is assigned from the call, or from something that depends on it, depends on
    it; so do the call's arguments from then on.
    """
    touched: set[str] = set()
    found = False

    def depends(node: ast.AST) -> bool:
        return any(
            (isinstance(n, ast.Call) and name in ast.unparse(n.func)) or (isinstance(n, ast.Name) and n.id in touched)
            for n in ast.walk(node)
        )

    def read(statements: list[ast.stmt]) -> None:
        nonlocal found
        for one in statements:
            if isinstance(one, ast.Return):
                found = found or (one.value is not None and depends(one.value))
            elif isinstance(one, ast.Assign | ast.AnnAssign | ast.AugAssign) and one.value is not None:
                targets = one.targets if isinstance(one, ast.Assign) else [one.target]
                names = {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
                touched.update(names if depends(one.value) else ())
            elif isinstance(one, ast.Expr) and isinstance(one.value, ast.Call) and depends(one.value):
                touched.update(a.id for a in one.value.args if isinstance(a, ast.Name))
            for part in ("body", "handlers", "cases", "orelse", "finalbody"):
                read(getattr(one, part, []))

    read(ast.parse(source).body)
    return found


class Norms:
    """A controller that gives each point as it is, so that its weight is its norm."""

    def execute_cycle(self, x: Array) -> Array:
        return x


@claim(
    "CS-S7.2",
    "Section 7.2",
    "The data manager refines the data where their quality is low.",
    "Give it the threshold, and use what the refinement returns; as printed the name is undefined and the result is "
    "dropped.",
)
def data_manager(
    source: str = MANAGER, mended: str = MENDED, manager: Callable[..., Any] = AdaptiveDataManager, seed: int = 68
) -> Iterator[Fact]:
    unknown, used = _undefined(source), _refines(source)
    yield printed(
        not unknown, f"{len(unknown)} of its names are defined nowhere{': ' * bool(unknown)}{', '.join(unknown)}."
    )
    yield printed(used, f"What it returns {'depends' if used else 'does not depend'} on the refinement.")
    unknown, used = _undefined(mended), _refines(mended)
    yield corrected(
        not unknown and used,
        f"With the threshold as an argument and sample = self.refine(…), {len(unknown)} names are undefined, and what "
        f"it returns {'depends' if used else 'does not depend'} on the refinement.",
    )
    points = np.geomspace(1, 1e4, 50)[:, None]
    low, high = (manager(Norms(), sample_size=10, threshold=t, rng=seed) for t in (1e-9, 0.8))
    first, last = low.manage_dataset(points), high.manage_dataset(points)
    yield corrected(
        not low.refinements and high.refinements and high.quality >= 0.8 > low.quality and (first != last).any(),
        f"AdaptiveDataManager on 50 points: quality {low.quality:.2f}; with the threshold 0.8, "
        f"{len(high.refinements)} refinements give another sample, of quality {high.quality:.2f}.",
    )


# -- examples and costs ------------------------------------------------------------------------------------------------


@claim(
    "CS-S8.1",
    "Section 8.1",
    "A layer's weights are W_base ⊗_α W_attention.",
    "With the entrywise product α ∘ W_base ∘ W_attention; the operator of section 2.2 gives a number.",
)
def layer(combine: Callable[[Array, Array, Array], Any] = cross_synthesis) -> Iterator[Fact]:
    base, attention, alpha, z, b = np.ones((3, 2)), np.ones((3, 2)), np.ones((3, 2)), np.ones(2), np.ones(3)
    made = np.asarray(combine(base, attention, alpha))
    right = made.ndim == 2 and _fits(lambda: made @ z + b)
    yield meaning(
        right, f"From 2 to 3 numbers: the weights made have the shape {made.shape}, and Z keeps its 2 components."
    )
    yield printed(right, f"W Z + b needs the shape {base.shape}.")
    made = entrywise(base, attention, alpha) @ z + b
    yield corrected(made.shape == b.shape, f"Entrywise, W Z + b has {made.size} components.")


@claim(
    "CS-S8.2",
    "Section 8.2",
    "With α = softmax(−d/τ) the cross-synthesis of two domains' attentions is an attention mechanism.",
    "α is normalised. A_cross is a number in [0, 1], for domains of equal shape.",
)
def two_domains(combine: Callable[[Array, Array, Array], Any] = cross_synthesis, seed: int = 66) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    alpha = semantic_alpha(rng.uniform(size=(3, 4)), tau=1.0)
    made = np.asarray(combine(rng.uniform(size=(3, 4)), rng.uniform(size=(3, 4)), alpha))
    yield meaning(made.ndim > 0, f"A_cross has the shape {made.shape}: {made if made.ndim == 0 else made.sum():.3f}.")
    yield printed(made.ndim > 0, f"An attention mechanism gives {alpha.size} weights here.")
    yield corrected(abs(alpha.sum() - 1) < 1e-12, f"Σα = {alpha.sum():.6f}.")


def cost(n: int, m: int, p: int) -> int:
    """Products of the forward pass, the cross matrix and the fusion: the sizes of the arrays that are multiplied."""
    weights, activation, cross = np.empty((p, m)), np.empty(p), np.empty((n, n))
    return n * weights.size + n * n * activation.size + cross.size


@claim(
    "CS-S9.1",
    "Section 9.1",
    "The total cost is O(n² m + n²).",
    "Θ(n m p + n² p + n²): the forward pass and p belong in it.",
)
def total_cost(claimed: Callable[[int, int, int], int] = lambda n, m, p: n * n * m + n * n) -> Iterator[Fact]:
    counted, bound = cost(2, 1, 10**6), claimed(2, 1, 10**6)
    yield printed(
        counted <= 10 * bound, f"n = 2, m = 1, p = 10⁶: {counted} products are counted, and the bound is {bound}."
    )
    sizes = [(2, 3, 5), (10, 7, 1), (4, 50, 20)]
    exact = all(cost(*size) == products(*size).total for size in sizes)
    yield corrected(exact, f"n m p + n² p + n² is {'' if exact else 'not '}the count for (n, m, p) = {sizes}.")


@claim(
    "CS-S9.2",
    "Section 9.2",
    "The memory is O(n m p + n² m).",
    "An upper bound for m ≥ 1: the cross matrix is n² numbers, so n m p + n² (with elementwise α n² p more).",
)
def total_memory(claimed: Callable[[int, int, int], int] = lambda n, m, p: n * m * p + n * n * m) -> Iterator[Fact]:
    cases = [(n, m, p) for n in (1, 10, 1000) for m in (1, 10, 1000) for p in (1, 10)]
    tight = [claimed(*c) / memory(*c) for c in cases]
    yield printed(
        min(tight) >= 1 and max(tight) < 2, f"It exceeds what is stored by a factor of up to {max(tight):.0f}."
    )
    yield under(min(tight) >= 1, f"It is never less ({min(tight):g} times at least), in {len(cases)} cases with m ≥ 1.")


@claim(
    "CS-S10.1",
    "Section 10.1",
    "MNIST 98.2, CIFAR-10 89.7, IMDB 94.3 percent, at 0.04 to 0.12 seconds.",
    "To be measured anew: no code, architecture, spread or hardware is given.",
    text=True,
)
def benchmarks() -> Iterator[Fact]:
    yield decidable(
        False, "3 accuracies, F1 scores and latencies are printed, and 0 of code, architecture, spread and hardware."
    )


@claim(
    "CS-S10.2",
    "Section 10.2",
    "lim ‖W(t) − W*‖ ≤ ε is linear convergence.",
    "Linear convergence is ‖e(t+1)‖ ≤ ρ‖e(t)‖ with ρ < 1.",
)
def linear_convergence(errors: Any = None) -> Iterator[Fact]:
    errors = errors or {"constant 0.1": lambda t: 0.1, "1/t": lambda t: 1.0 / t}
    for name, error in errors.items():
        ratio = float(error(100_001) / error(100_000))
        yield printed(
            ratio < 0.999, f"Error {name}: its limit is at most 0.1, and the ratio of successive errors is {ratio:.6f}."
        )
    ratio = 0.5**11 / 0.5**10
    yield corrected(ratio < 1, f"Error 2^−t: the ratio is {ratio:g}.")
