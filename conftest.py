"""Doctests of what needs torch are collected only where torch is; a project to be type-checked is never run."""

from __future__ import annotations

import importlib.util

NEED_TORCH = ["kymath/nn/*", "kymath/training/*", "kymath/synthesis/*"]
NEVER_RUN = ["tests/typed_project/*"]
collect_ignore_glob = [*NEVER_RUN, *([] if importlib.util.find_spec("torch") else NEED_TORCH)]
