"""Families as a user makes them."""

from __future__ import annotations

import kymath as ky

DECAY = ky.Family("A*exp(-s/tau) + C", "A tau C", positive="tau")
LOGISTIC = ky.Family("L/(1 + exp(-k*s))", "L k", start=(2, 1))
POWER = ky.Family("p*(1 + s)**q", "p q")
