"""Pieces of a batch: rows that a CPU runs together, small enough for its caches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from bangfu.inference.backend import Scores
from bangfu.labels.schema import TAGS

Rows = npt.NDArray[np.intp]
Batch = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def pieces(
    ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64], tokens: int, multiple: int = 1
) -> Iterator[tuple[Rows, Batch]]:
    """Ids and mask of rows of one length, and which they are: at most ``tokens`` tokens or one row together.

    Rows are padded with 0 to a ``multiple`` of tokens, so how long a row becomes depends on no other. The longest are
    first, so that no thread has much left to do when the others have ended.
    """
    lengths = -(-mask.sum(axis=1) // multiple) * multiple
    order = np.argsort(-lengths, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1):
        length = int(lengths[rows[0]]) if len(rows) else 0
        if length:
            most = max(1, tokens // length)
            for some in (rows[first : first + most] for first in range(0, len(rows), most)):
                yield some, (_cut(ids[some], length), _cut(mask[some], length))


def _cut(values: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
    beyond = length - values.shape[1]
    return np.pad(values, ((0, 0), (0, beyond))) if beyond > 0 else values[:, :length]


def joined(mask: npt.NDArray[np.int64], parts: Sequence[tuple[Rows, Scores]]) -> Scores:
    """The scores of pieces as those of the batch, [batch, tokens, tags]; 0 at padding."""
    result = np.zeros((*mask.shape, len(TAGS)), dtype=np.float32)
    for rows, scores in parts:
        length = min(scores.shape[1], mask.shape[1])
        result[rows, :length] = np.where(mask[rows, :length, None] > 0, scores[:, :length], 0)
    return result
