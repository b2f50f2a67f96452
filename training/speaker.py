"""Who speaks of several processes of one run."""

from __future__ import annotations

import os
from collections.abc import Callable


def is_first() -> bool:
    """Whether this is the first process under ``accelerate launch``, or the only one."""
    return not int(os.environ.get("RANK", "0"))


def speaker(say: Callable[[str], None]) -> Callable[[str], None]:
    """``say`` in the first process, which speaks for all, and silence in the others."""
    return say if is_first() else _silence


def _silence(_: str) -> None:
    pass
