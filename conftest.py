"""Doctests of what needs torch are collected only where torch is."""

from __future__ import annotations

import importlib.util

NEED_TORCH = ["kymath/nn/*", "kymath/training/*", "kymath/synthesis/*"]
collect_ignore_glob = [] if importlib.util.find_spec("torch") else NEED_TORCH
