"""Names of real bodies and places that no rule builds, to draw other names from."""

from __future__ import annotations

from functools import cache
from pathlib import Path

BODIES, REGIONS = (Path(__file__).with_name(name) for name in ("bodies.txt", "regions.txt"))
FILES = (BODIES, REGIONS)


@cache
def bodies() -> tuple[str, ...]:
    """Short names of companies, brands, parties, media and the like."""
    return _read(BODIES)


@cache
def regions() -> tuple[str, ...]:
    """Bare names of countries, regions, mountains, rivers, towns, and nicknames of cities."""
    return _read(REGIONS)


def _read(path: Path) -> tuple[str, ...]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(dict.fromkeys(name for line in lines if not line.startswith("#") for name in line.split()))
