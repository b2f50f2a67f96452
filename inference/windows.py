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
    """Cover ``length`` tokens by windows of at most ``size``.

    ``ends`` are the positions behind a sentence's last token, rising. Where it takes no window more than an
    overlap would, a window ends at one of them and the next begins there, for what is computed twice costs time
    and finds no more; of several it is the one that makes the windows to come most alike. Elsewhere the next
    window begins ``stride`` after the last, or earlier where that lets it be the last one and full, and the cut
    is the middle of the overlap. Every token is kept from one window.
    """
    if not 0 < stride <= size:
        raise ValueError(f"stride {stride} must lie between 1 and the window size {size}")
    if length <= size:
        return [Window(0, length, 0, length)] if length else []
    stops = np.asarray(ends, dtype=np.int64)
    places: list[tuple[int, int]] = []
    start = 0
    while length - start > size:
        after = min(start + stride, length - size)
        stop = _stop(stops, start, length, size, after)
        places.append((start, stop or start + size))
        start = stop or after
    places.append((start, length))
    cuts = [0, *((stop + after) // 2 for (_, stop), (after, _) in pairwise(places)), length]
    return [Window(*place, low, high) for place, low, high in zip(places, cuts[:-1], cuts[1:], strict=True)]


def _stop(stops: npt.NDArray[np.int64], start: int, length: int, size: int, after: int) -> int | None:
    # the sentence end for a window from start on, not in its first quarter; None where it is better to go on at after
    count, least = -(-(length - start) // size), start + size // 4 + 1
    # an earlier end would take one window more
    fewest = _between(stops, max(least, length - (count - 1) * size), start + size)
    if len(fewest):
        return int(fewest[np.abs(fewest - start - (length - start) / count).argmin()])
    some = _between(stops, max(least, length + (after - length) // size * size), start + size)
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
