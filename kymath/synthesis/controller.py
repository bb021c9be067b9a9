"""The controller's cycle: propagate, cross-synthesise, fuse, feed back; and the control that reads the feedback."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import EmptyData, NotADistribution, NotApplicable, ShapeMismatch
from .arrays import arrays, check_filled, check_share
from .cross import crossed, fused_by

_TEMPERATURES = (1e-2, 1e2)  # that the control may choose


@dataclass(frozen=True)
class Feedback:
    """What one cycle tells of itself."""

    evenness: float  #: the entropy of the fusion weights over its largest value, mean of the batch: 1 if all are 1/n
    magnitude: float  #: root mean square of the fused output
    temperature: float  #: of the softmax that gave the fusion weights


class AttentionNodeController(nn.Module):
    """n nodes on one input: activations, cross matrix, fused output, feedback.

    ============ =============================================== ====================
    step         formula                                         shape
    ============ =============================================== ====================
    propagate    Z_i = node_i(x)                                 (batch, n, p)
    synthesise   C_ij = Σ_k α_ijk Z_ik Z_jk / √p                 (batch, n, n)
    weigh        β = softmax_j(mean_i C_ij / temperature)        (batch, n)
    fuse         Σ_j β_j C_ij                                    (batch, n)
    ============ =============================================== ====================

    ``nodes`` are functions (batch, m) → (batch, p) with one p, such as :class:`AttentionNode`; ``synthesis_params`` is
    α in [0, 1], a number, (n, n) or (n, n, p). ``execute_cycle(x)`` takes (m,) or (batch, m) and returns (n,) or
    (batch, n); the last ``feedback_size`` cycles leave a :class:`Feedback` in ``feedback``, the newest last, which
    :meth:`adapt` reads.

    Mended from the printed code: α has one meaning of its axes, 1/√p of section 3.2.2 is there, the fusion is C β (the
    printed sum adds over the wrong axis), the buffer is bounded and read.

    Raises ``ShapeMismatch`` for nodes or α whose shapes do not go together, ``NotADistribution`` for α outside [0, 1],
    ``EmptyData`` for no nodes or no input.

    Source: cross-synthesis paper, sections 3.2 and 6.1.

    >>> node = lambda x: x[:, :4]
    >>> controller = AttentionNodeController([node, node], synthesis_params=1.0)
    >>> controller.execute_cycle([1.0, 1.0, 1.0, 1.0]).tolist()
    [2.0, 2.0]
    >>> controller.feedback[-1].evenness
    1.0
    """

    alpha: Tensor
    _temperature: Tensor

    def __init__(
        self, nodes: Sequence[Callable[[Tensor], Tensor]], synthesis_params: Any, *, feedback_size: int = 100
    ) -> None:
        super().__init__()
        if isinstance(nodes, int) or not hasattr(nodes, "__len__"):
            raise ShapeMismatch(
                f"nodes must be a list of nodes, such as [AttentionNode(m, p) for _ in range(4)]; {nodes!r} was given."
            )
        if not len(nodes):
            raise EmptyData("nodes is empty: give at least one node.")
        if feedback_size < 1:
            raise NotApplicable(f"feedback_size must be at least 1; {feedback_size} was given.")
        (alpha,) = arrays(("synthesis_params", synthesis_params), lib=torch)
        n = len(nodes)
        if alpha.ndim and (alpha.ndim > 3 or tuple(alpha.shape[:2]) != (n, n)):
            raise ShapeMismatch(
                f"synthesis_params must be a number or have the shape {(n, n)} or {(n, n, 'p')} for {n} nodes; "
                f"{tuple(alpha.shape)} was given."
            )
        check_filled("synthesis_params", alpha)
        check_share("synthesis_params", alpha)
        self.nodes = list(nodes)
        self.trained = nn.ModuleList(node for node in nodes if isinstance(node, nn.Module))  # so that they are saved
        self.register_buffer("alpha", alpha.detach().clone())
        self.register_buffer("_temperature", torch.tensor(1.0, dtype=torch.float64))  # so that it is saved
        self.feedback: deque[Feedback] = deque(maxlen=feedback_size)

    @property
    def temperature(self) -> float:
        """Of the softmax that gives the fusion weights; :meth:`adapt` sets it."""
        return float(self._temperature)

    @temperature.setter
    def temperature(self, value: float) -> None:
        if not 0 < value < math.inf:
            raise NotApplicable(f"temperature must be above 0 and finite; {value} was given.")
        self._temperature.fill_(value)

    def execute_cycle(self, x: Any) -> Tensor:
        """One cycle; see the class."""
        (x,) = arrays(("x", x), lib=torch)
        if x.ndim not in (1, 2):
            raise ShapeMismatch(f"x must have the shape (m,) or (batch, m); {tuple(x.shape)} was given.")
        if not x.numel():
            raise EmptyData(f"x has the shape {tuple(x.shape)} and holds nothing: give at least one data point.")
        like = next(self.trained.parameters(), None)  # data come in doubles on the CPU, whatever the nodes learn in
        x = x if like is None else x.to(like.device, like.dtype)
        C = self.synthesise(self.propagate(x if x.ndim == 2 else x[None]))
        if not bool(torch.isfinite(C).all()):
            raise NotADistribution("the products of the nodes' activations are not finite: scale x or the nodes down.")
        beta = self.fusion_weights(C)
        fused = fused_by(C, beta)
        self._feed_back(beta.detach(), fused.detach())
        return fused if x.ndim == 2 else fused[0]

    forward = execute_cycle

    def propagate(self, x: Tensor) -> Tensor:
        """Step 1: the nodes' activations (batch, n, p)."""
        made = [node(x) for node in self.nodes]
        for z in made:
            if not isinstance(z, Tensor) or not z.is_floating_point():
                kind = z.dtype if isinstance(z, Tensor) else type(z).__name__
                raise ShapeMismatch(f"the nodes must give tensors (batch, p) of real numbers; one gave {kind}.")
        shapes = {tuple(z.shape) for z in made}
        if len(shapes) > 1 or made[0].ndim != 2 or len(made[0]) != len(x):
            raise ShapeMismatch(
                f"the nodes must give activations ({len(x)}, p) of one shape to be crossed; they gave "
                f"{', '.join(map(str, sorted(shapes)))}."
            )
        return torch.stack(made, 1)

    def synthesise(self, Z: Tensor) -> Tensor:
        """Step 2: the cross matrices (batch, n, n)."""
        if self.alpha.ndim == 3 and self.alpha.shape[2] != Z.shape[-1]:
            raise ShapeMismatch(
                f"synthesis_params has the shape {tuple(self.alpha.shape)}, and the nodes give {Z.shape[-1]} "
                "components."
            )
        return crossed(Z, self.alpha.to(Z))

    def fusion_weights(self, C: Tensor) -> Tensor:
        """Step 3's β (batch, n): how much the nodes attend to each, on the simplex."""
        return torch.softmax(C.mean(-2) / self.temperature, -1)

    def adapt(self, feedback: Iterable[Feedback] | None = None, *, evenness: float = 0.7, gain: float = 1.0) -> float:
        """Adaptive control: move the temperature so that the fusion weights become as even as asked; returns it.

        Above the wanted evenness, the mean over the ``feedback`` of the present temperature (None: what the buffer
        holds), a lower temperature lets the nodes that are attended to weigh more; below it a higher one keeps a single
        node from taking all. Without feedback of the present temperature nothing changes. It stays in [0.01, 100].

        Raises ``NotApplicable`` for an evenness outside (0, 1), a gain that is not above 0, and entries that are no
        :class:`Feedback`.
        """
        if not 0 < evenness < 1:
            raise NotApplicable(f"evenness must be between 0 and 1; {evenness} was given.")
        if not 0 < gain < math.inf:
            raise NotApplicable(f"gain must be above 0 and finite; {gain} was given.")
        entries = list(self.feedback if feedback is None else feedback)
        if strange := [entry for entry in entries if not isinstance(entry, Feedback)]:
            raise NotApplicable(f"feedback must be entries of Feedback; {type(strange[0]).__name__} was given.")
        found = [entry.evenness for entry in entries if entry.temperature == self.temperature]
        if found:
            low, high = map(math.log, _TEMPERATURES)
            step = gain * (evenness - sum(found) / len(found))
            self._temperature.fill_(math.exp(min(high, max(low, math.log(self.temperature) + step))))
        return self.temperature

    def _feed_back(self, beta: Tensor, fused: Tensor) -> None:
        """Step 4."""
        entropy = torch.special.entr(beta).sum(-1).mean()
        most = math.log(beta.shape[-1]) or 1.0
        even = 1.0 if beta.shape[-1] == 1 else min(1.0, float(entropy) / most)
        self.feedback.append(Feedback(even, float(fused.square().mean().sqrt()), self.temperature))
