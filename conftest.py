"""Doctests of what needs torch are collected only where torch is."""

from __future__ import annotations

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["kymath/nn/*", "kymath/training/*"]
