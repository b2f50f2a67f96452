"""Rates in settings."""

from __future__ import annotations

import math


def check(settings: object, *names: str) -> None:
    """ValueError for one of these settings that is not above 0, or is without end."""
    for name in names:
        if not 0 < getattr(settings, name) < math.inf:
            raise ValueError(f"{name} {getattr(settings, name)} must be above 0 and finite")
