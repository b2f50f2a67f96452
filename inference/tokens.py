"""Tokens: the pieces of a clean text that an encoder reads, each with its place in the text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Tokens:
    """The tokens of one text, without special tokens; all three arrays have one entry a token.

    ``starts`` and ``ends`` are code points of the text that was encoded, ``ends`` exclusive.
    """

    ids: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ids)
