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
    budget = max(1, round(share * length))
    starts = word_starts.copy()
    starts[:, 0] = True
    # position inside the word: every fourth token begins a new piece
    places = np.arange(length)
    begins = (places - np.maximum.accumulate(np.where(starts, places, 0), axis=1)) % 4 == 0
    sizes = np.diff(np.append(np.flatnonzero(begins), rows * length))
    counts = begins.sum(axis=1)
    firsts = np.cumsum(counts) - counts
    # only this is done row by row: a GPU would wait for the rest
    order = np.concatenate(
        [first + random.permutation(count) for first, count in zip(firsts.tolist(), counts.tolist(), strict=True)]
    )
    taken = np.cumsum(sizes[order])
    before = taken[firsts] - sizes[order[firsts]]  # by the rows above
    fits = taken - np.repeat(before, counts) <= budget
    fits[firsts] = True
    chosen = np.zeros(len(order), dtype=bool)
    chosen[order[fits]] = True
    return np.repeat(chosen, sizes).reshape(rows, length)


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
