"""Raising: what the lexicon and names that recur have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from bangfu.labels.schema import TAGS

_Name = TypeVar("_Name", str, tuple[int, ...])


def lengths(names: Iterable[_Name]) -> dict[_Name, list[int]]:
    """How long those names are that begin with the same two items, by these two, the longest first."""
    found: dict[_Name, list[int]] = {}
    for name in sorted(names, key=len, reverse=True):
        some = found.setdefault(name[:2], [])
        if len(name) not in some:
            some.append(len(name))
    return found


def raise_span(scores: npt.NDArray[np.float32], start: int, stop: int, label: str, bonus: float) -> None:
    """Add ``bonus`` to the [tokens, tags] scores of the tags that make the tokens [start, stop) one span."""
    begin = TAGS.index(f"B-{label}")
    scores[start, begin] += bonus
    scores[start + 1 : stop, begin + 1] += bonus
