"""Masks for masked-language modelling: whole words, or spans where no words are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def mask_words(word_starts: npt.NDArray[np.bool_], share: float, random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Choose whole words until ``share`` of each row is masked.

    ``word_starts`` is [rows, tokens]; so is the answer. Words longer than four tokens are cut into
    words of four, so that a long number does not fill the whole budget. Each row gets at least one.
    """
    rows, length = word_starts.shape
    result = np.zeros_like(word_starts)
    budget = max(1, round(share * length))
    for row in range(rows):
        starts = word_starts[row].copy()
        starts[0] = True
        positions = np.flatnonzero(starts)
        # position inside the word: every fourth token begins a new piece
        inside = np.arange(length) - np.repeat(positions, np.diff(np.append(positions, length)))
        begins = np.flatnonzero(inside % 4 == 0)
        sizes = np.diff(np.append(begins, length))
        order = random.permutation(len(begins))
        taken = np.cumsum(sizes[order])
        chosen = order[: max(1, int(np.searchsorted(taken, budget, side="right")))]
        taken_pieces = np.zeros(len(begins), dtype=bool)
        taken_pieces[chosen] = True
        result[row] = np.repeat(taken_pieces, sizes)
    return result


def random_spans(token_starts: npt.NDArray[np.bool_], random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Word starts for text without words: spans of one to four tokens, equally likely.

    ``token_starts`` is [rows, tokens], false where a token goes on a piece of Latin or digits; so is the answer.
    """
    rows, length = token_starts.shape
    ends = random.integers(1, 5, size=(rows, length)).cumsum(axis=1)
    begins = np.zeros((rows, length + 4 * length), dtype=bool)
    begins[:, 0] = True
    np.put_along_axis(begins, ends, True, axis=1)
    return begins[:, :length] & token_starts


def corrupt(
    ids: npt.NDArray[np.int64],
    masked: npt.NDArray[np.bool_],
    mask_id: int,
    vocabulary: tuple[int, int],
    random: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """BERT's corruption: of the masked tokens 80 % become [MASK], 10 % a random token, 10 % stay.

    ``vocabulary`` is the range of ids a random token is drawn from (specials left out).
    """
    result: npt.NDArray[np.int64] = ids.copy()
    draw = random.random(ids.shape)
    result[masked & (draw < 0.8)] = mask_id
    swap = masked & (draw >= 0.8) & (draw < 0.9)
    result[swap] = random.integers(*vocabulary, size=int(swap.sum()))
    return result
