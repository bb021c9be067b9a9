"""Who is measured: layers (B, L, d) -> (B, L, d) of one shape, each with one qkv weight, rotary positions, and out."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..attention import BACKENDS
from ..cache import FullCache
from ..checks import check_choice, check_heads, check_window
from ..module import KYAttention
from ..rope import rope_table
from ..standard import StandardAttention

CONTENDERS = ("ky", "sdpa", "reference", "local-attention")
DTYPES = ("float32", "bfloat16", "float16", "float64")
_DEVICES = ("cpu", "cuda", "mps", "xpu")
_MOST = 1 << 27  # numbers in the reference form's windows of keys; of such tensors it holds several


@dataclass(frozen=True)
class Setting:
    """What all layers of one measurement share; ``backend`` is that of "ky", ``threads`` None leaves them as they are.

    Raises ``ValueError`` that names the argument.

    >>> Setting(d_model=32, num_heads=4).window
    15
    """

    d_model: int = 512
    num_heads: int = 16
    window: int = 15
    batch: int = 1
    dtype: str = "float32"
    device: str = "cpu"
    backend: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        check_heads(self.d_model, self.num_heads, rope=True)
        check_window(self.window, causal=True)
        for name, value in (("batch", self.batch), ("threads", self.threads)):
            if value is not None and value < 1:
                raise ValueError(f"{name} = {value} must be at least 1.")
        check_choice("dtype", self.dtype, DTYPES)
        check_choice("backend", self.backend, BACKENDS)
        _check_device(self.device)


def contenders(setting: Setting, length: int) -> tuple[str, ...]:
    """Those that can be measured at a length: local-attention where installed, the reference form while it fits."""
    left_out = set()
    if setting.batch * length * setting.d_model * setting.window > _MOST:
        left_out.add("reference")
    # a window of 1 is none to local-attention
    if setting.window == 1 or importlib.util.find_spec("local_attention") is None:
        left_out.add("local-attention")
    return tuple(name for name in CONTENDERS if name not in left_out)


def layer(name: str, setting: Setting) -> nn.Module:
    """The layer of a contender, with the same random projections whoever it is.

    Raises ``ValueError`` for a name that is none of :data:`CONTENDERS`.
    """
    check_choice("name", name, CONTENDERS)
    draw = torch.Generator().manual_seed(0)
    made: nn.Module
    if name in ("ky", "reference"):
        backend = setting.backend if name == "ky" else "reference"
        made = KYAttention(setting.d_model, setting.num_heads, setting.window, backend=backend, generator=draw)
    elif name == "sdpa":
        made = StandardAttention(setting.d_model, setting.num_heads, generator=draw)
    else:
        made = LocalAttentionLayer(setting.d_model, setting.num_heads, setting.window, generator=draw)
    return made.to(setting.device, getattr(torch, setting.dtype))


def tokens(setting: Setting, length: int) -> tuple[Tensor, Tensor]:
    """An input (B, L, d) that wants a gradient, and the gradient that comes from above."""
    draw = torch.Generator().manual_seed(1)
    shape = (setting.batch, length, setting.d_model)
    x, grad = (torch.randn(shape, generator=draw).to(setting.device, getattr(torch, setting.dtype)) for _ in range(2))
    return x.requires_grad_(), grad


class LocalAttentionLayer(StandardAttention):
    """The core of the package local-attention between the same projections: no bias, and the same W tokens seen."""

    def __init__(self, d_model: int, num_heads: int, window: int, *, generator: torch.Generator | None = None) -> None:
        super().__init__(d_model, num_heads, generator=generator)
        found = importlib.import_module("local_attention")
        # with exact windows it sees window_size tokens and the query's own; without dim it leaves the positions to us
        self.local = found.LocalAttention(window_size=window - 1, causal=True, autopad=True, exact_windowsize=True)

    def forward(self, x: Tensor, cache: FullCache | None = None) -> Tensor:
        q, k, v = self.qkv(x).unflatten(2, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        q, k = self._turn(q, k, rope_table(0, x.shape[1], q.shape[-1], x.device, dtype=q.dtype))
        return self.out(self.local(q, k, v).transpose(1, 2).flatten(2))


def _check_device(name: str) -> None:
    check_choice("device", name.partition(":")[0], _DEVICES)
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # each kind of device fails in its own way
        why = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
        raise ValueError(f'device = {name!r} cannot be used here: {why}. Use "cpu".') from error
