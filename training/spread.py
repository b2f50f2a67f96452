"""The spread of a few measurements."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most; ValueError of none."""
    return {"median": median(values), "min": min(values), "max": max(values)}
