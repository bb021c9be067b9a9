"""Pictures of results: each function takes ``ax=`` and returns the Axes, and none of them shows anything."""

from __future__ import annotations

from .compare import compare
from .connection import connection
from .convergence import convergence
from .field import field

__all__ = ["compare", "connection", "convergence", "field"]
