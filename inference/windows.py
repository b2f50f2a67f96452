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
    """Cover ``length`` tokens by as few windows of at most ``size`` as can be, of about one length.

    ``ends`` are the positions behind a sentence's last token, rising. A window ends at the one that makes those
    to come most alike, and the next begins there: what is computed twice costs time and finds no more. Where a
    sentence is too long for that, windows overlap by ``size - stride``, and the cut is the middle of the overlap;
    without any ends each begins ``stride`` after the last, and the last one is moved back so that it is full.
    Every token is kept from one window.
    """
    if not 0 < stride <= size:
        raise ValueError(f"stride {stride} must lie between 1 and the window size {size}")
    if length <= size:
        return [Window(0, length, 0, length)] if length else []
    stops = np.asarray(ends, dtype=np.int64)
    places: list[tuple[int, int]] = []
    start = 0
    while length - start > size:
        stop = _stop(stops, start, length, size)
        places.append((start, stop or start + size))
        start = stop or min(start + stride, length - size)
    places.append((start, length))
    cuts = [0, *((stop + after) // 2 for (_, stop), (after, _) in pairwise(places)), length]
    return [Window(*place, low, high) for place, low, high in zip(places, cuts[:-1], cuts[1:], strict=True)]


def _stop(stops: npt.NDArray[np.int64], start: int, length: int, size: int) -> int | None:
    # the sentence end for a window from start on, if there is one in its second half
    count = -(-(length - start) // size)
    # an earlier end would take one window more
    fewest = _between(stops, length - (count - 1) * size, start + size)
    if len(fewest):
        return int(fewest[np.abs(fewest - start - (length - start) / count).argmin()])
    some = _between(stops, start + size // 2 + 1, start + size)
    return int(some[-1]) if len(some) else None


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
