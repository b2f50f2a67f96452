"""Passages: a text cut at its sentences into pieces that fit an encoder, for tools that cut off what is too long."""

from __future__ import annotations

import re
from itertools import pairwise

from tokenizers import Tokenizer

_SENTENCE_END = re.compile(r"[。！？；!?;\n][”’」』）》】]*\s*")


def passages(text: str, tokenizer: Tokenizer, size: int) -> list[str]:
    """The text in pieces of at most ``size`` tokens, special ones not counted; joined they are the text again.

    Each is as long as whole sentences can be; a sentence that is longer is cut between two words.
    """
    if size < 1:
        raise ValueError(f"size {size} must be at least 1")
    encoding = tokenizer.encode(text, add_special_tokens=False)
    offsets, words = encoding.offsets, encoding.word_ids
    ends = {match.end() for match in _SENTENCE_END.finditer(text)}
    cuts = [0]
    first = 0  # token with which the passage begins
    while len(offsets) - first > size:
        # in front of which token the next passage may begin, the last first; half a word may have more tokens
        places = [place for place in range(first + size, first, -1) if words[place] != words[place - 1]]
        sentences = (place for place in places if _ends(ends, offsets[place - 1][1], offsets[place][0]))
        first = next(sentences, places[0] if places else first + size)
        cuts.append(offsets[first][0])
    cuts.append(len(text))
    return [text[start:end] for start, end in pairwise(cuts) if start < end]


def _ends(ends: set[int], low: int, high: int) -> bool:
    return any(place in ends for place in range(low, high + 1))
