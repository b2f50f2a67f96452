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


def windows(length: int, size: int, stride: int, ends: Sequence[int] | npt.NDArray[np.int64] = ()) -> list[Window]:
    """Cover ``length`` tokens by windows of at most ``size`` that overlap by about ``size - stride``.

    ``ends`` are the positions behind a sentence's last token, rising. Where one is at hand, a window ends
    there and the next begins behind one, so that each reads naturally; without any, each window starts
    ``stride`` after the last, and the last one is moved back so that it is full. Every token is kept from
    one window; the cut is the sentence end next to the middle of an overlap, or the middle.
    """
    if not 0 < stride <= size:
        raise ValueError(f"stride {stride} must lie between 1 and the window size {size}")
    if length <= size:
        return [Window(0, length, 0, length)] if length else []
    stops = np.asarray(ends, dtype=np.int64)
    overlap = size - stride
    places: list[tuple[int, int]] = []
    start = 0
    while start + size < length:
        # a window that ended earlier would not let the next one move on
        some = _between(stops, start + max(stride, overlap) + 1, start + size)
        stop = int(some[-1]) if len(some) else start + size
        places.append((start, stop))
        first = stop - overlap
        if first + size >= length:
            first = max(length - size, start + 1) if not len(stops) else first
        behind = _between(stops, first, stop)
        start = int(behind[0]) if len(behind) else first
    places.append((start, length))
    cuts = [0]
    for (_, stop), (after, _) in pairwise(places):
        middle = (stop + after) // 2
        inside = _between(stops, after, stop)
        cuts.append(int(inside[np.abs(inside - middle).argmin()]) if len(inside) else middle)
    cuts.append(length)
    return [Window(*place, low, high) for place, low, high in zip(places, cuts[:-1], cuts[1:], strict=True)]


def _between(values: npt.NDArray[np.int64], low: int, high: int) -> npt.NDArray[np.int64]:
    """Those of rising values from ``low`` to ``high``, both included."""
    return values[np.searchsorted(values, low) : np.searchsorted(values, high, side="right")]


def stitch(parts: Sequence[tuple[Window, npt.NDArray[np.float32]]], length: int, width: int) -> npt.NDArray[np.float32]:
    """Join the windows' scores, each [len(window), width], to one array [length, width]."""
    result = np.zeros((length, width), dtype=np.float32)
    for window, scores in parts:
        fill(result, window, scores)
    return result


def fill(result: npt.NDArray[np.float32], window: Window, scores: npt.NDArray[np.float32]) -> None:
    """Put those of a window's scores that are kept, [len(window), width], where they belong in those of the whole."""
    low, high = window.keep_start, window.keep_stop
    result[low:high] = scores[low - window.start : high - window.start]
