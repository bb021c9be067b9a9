"""Second derivatives of the blocked attention: its gradient, written as that of the reference form."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def gradient_of_gradient(
    form: Callable[..., Tensor], given: Sequence[Tensor], back: Tensor, grads: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """Of ``grads`` · (the gradients of form(*given) by given, where ``back`` is the result's): by back and by given."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        # tensors of their own, since one may have been given twice
        back, *given = (x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in (back, *given))
        first = torch.autograd.grad(form(*given), given, back, create_graph=True)
        return torch.autograd.grad(first, (back, *given), grads, create_graph=again)
