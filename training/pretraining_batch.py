"""What one pretraining step reads: packed rows of tokens, some of them masked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bangfu.labels.user_error import UserError
from bangfu.training.masking import corrupt, mask_words, random_spans
from bangfu.training.text_source import IGNORE
from bangfu.training.token_store import Piece


@dataclass(frozen=True)
class SpecialIds:
    """Ids of the special tokens, and the range [first, end) of ids that a random token is drawn from."""

    cls: int
    sep: int
    mask: int
    first: int
    end: int


@dataclass(frozen=True)
class Batch:
    """Rows of tokens, all arrays [rows, tokens] and with [CLS] and [SEP] around each row."""

    ids: npt.NDArray[np.int64]
    inputs: npt.NDArray[np.int64]
    masked: npt.NDArray[np.bool_]
    tags: npt.NDArray[np.int64]
    names: npt.NDArray[np.int64]

    def rows(self, index: slice) -> Batch:
        """Some of the rows."""
        return Batch(self.ids[index], self.inputs[index], self.masked[index], self.tags[index], self.names[index])


def draw(
    pieces: Sequence[Piece],
    weights: Sequence[float],
    size: tuple[int, int],
    masked_share: float,
    specials: SpecialIds,
    random: np.random.Generator,
) -> Batch:
    """A batch of ``size`` (rows, tokens with [CLS] and [SEP]), drawn from anywhere in the text, with replacement.

    A piece is drawn as often as its tokens times its source's weight; pieces shorter than a row are left out.
    """
    rows, length = size
    body = length - 2
    chances = np.array(
        [len(piece.ids) * weights[piece.source] if len(piece.ids) > body else 0.0 for piece in pieces],
        dtype=np.float64,
    )
    if not chances.sum():
        raise UserError(f"the text is shorter than a row of {body} tokens; give more text or smaller lengths")
    chosen = random.choice(len(pieces), size=rows, p=chances / chances.sum())
    begins = [int(random.integers(0, len(pieces[piece].ids) - body + 1)) for piece in chosen]

    def gather(column: str, kind: Any) -> Any:
        parts = [
            getattr(pieces[piece], column)[begin : begin + body] for piece, begin in zip(chosen, begins, strict=True)
        ]
        return np.stack(parts).astype(kind)

    ids = gather("ids", np.int64)
    starts = gather("starts", bool)
    unknown = np.array([not pieces[piece].has_words for piece in chosen])
    starts[unknown] = random_spans(starts[unknown], random)
    masked = mask_words(starts, masked_share, random)
    inputs = corrupt(ids, masked, specials.mask, (specials.first, specials.end), random)

    def frame(values: npt.NDArray[Any], first: int, last: int) -> npt.NDArray[Any]:
        return np.pad(values, ((0, 0), (1, 1)), constant_values=((0, 0), (first, last)))

    return Batch(
        frame(ids, specials.cls, specials.sep),
        frame(inputs, specials.cls, specials.sep),
        frame(masked, 0, 0),
        frame(gather("tags", np.int64), IGNORE, IGNORE),
        frame(gather("names", np.int64), IGNORE, IGNORE),
    )
