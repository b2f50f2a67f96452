"""Windows: stretches of a long token sequence that fit an encoder, and the way back to one sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Window:
    """Tokens [start, stop) of a sequence; those in [keep_start, keep_stop) are answered from this window."""

    start: int
    stop: int
    keep_start: int
    keep_stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def windows(length: int, size: int, stride: int) -> list[Window]:
    """Cover ``length`` tokens by windows of at most ``size``, each starting ``stride`` after the last.

    Neighbours overlap by ``size - stride`` tokens, and every token is kept from the window in which it
    stands farther from an edge. The last window is moved back so that it is full, too.
    """
    if not 0 < stride <= size:
        raise ValueError(f"stride {stride} must lie between 1 and the window size {size}")
    if length <= size:
        return [Window(0, length, 0, length)] if length else []
    starts = [*range(0, length - size, stride), length - size]
    # the middle of the overlap with the next window
    cuts = [0, *((start + size + after) // 2 for start, after in pairwise(starts)), length]
    return [
        Window(start, start + size, low, high) for start, low, high in zip(starts, cuts[:-1], cuts[1:], strict=True)
    ]


def stitch(parts: Sequence[tuple[Window, npt.NDArray[np.float32]]], length: int, width: int) -> npt.NDArray[np.float32]:
    """Join the windows' scores, each [len(window), width], to one array [length, width]."""
    result = np.zeros((length, width), dtype=np.float32)
    for window, scores in parts:
        low, high = window.keep_start, window.keep_stop
        result[low:high] = scores[low - window.start : high - window.start]
    return result
