"""Tokens of Chinese text by a table: nearly every character is a token by itself, and the tokenizer need not be asked.

What a character is, is asked of the tokenizer once. Words of letters and digits are given to it, and remembered.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding, Tokenizer

from bangfu.inference.characters import codes
from bangfu.inference.tokens import Tokens

# What the table says of a code point: not asked yet; no token, parts words; of a word; from _FIRST on, its token.
_UNASKED, _GAP, _WORD, _FIRST = range(4)
# A character is looked at between these, and with a mark behind it that may be dropped or composed with it.
_LETTER, _DIGIT, _MARK = "a", "1", "\u0301"
# What a symbol is read as that the vocabulary lacks, small letter or capital; others become a space.
_READ_AS = {
    char: other
    for other, chars in {
        "$": "¥￥€£￡﹩",
        "|": "｜│┃",
        "m": "㎡㎥㎜㎎",
        "c": "㎝",
        "k": "㎞㎏",
        "2": "²",
        "3": "³",
        "●": "◆◇■□▪▫★☆◎○◉▍▌▎▇▶►▷➤▲△▼▽◈❖✦✧✓✔☑✅♦",
        "③": "④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳❶❷❸❹❺❻❼❽❾❿",
        "—": "→⇒➜",
    }.items()
    for char in chars
}
# Sm, Sc, Sk, So; No and Nl are ² ① Ⅳ and the like.
_SYMBOLS = ("Sm", "Sc", "Sk", "So", "No", "Nl")
# Words that are asked for at a time, as many as are remembered, and the longest of these.
_WORDS, _LONGEST = 1 << 12, 40


class CharacterTokens:
    """Encodes texts as ``tokenizer`` does, one of the BERT family, without special tokens.

    A symbol is a token by itself: BERT splits at punctuation and not at symbols, so '20℃' would be one unknown token.
    What the vocabulary lacks is read as another that is like it (￥ as $, ｜ as |), or as a space.
    Raises ValueError for a tokenizer that does not part words as BERT does, or has tokens of several characters that
    it finds anywhere. Threads may share one.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        parts = type(tokenizer.normalizer).__name__, type(tokenizer.pre_tokenizer).__name__
        added = tokenizer.get_added_tokens_decoder().values()
        if parts != ("BertNormalizer", "BertPreTokenizer") or not all(token.special for token in added):
            raise ValueError("the tokenizer does not part words as BERT does: use an encoder of the BERT family")
        self._tokenizer = tokenizer
        # of zeros: only what is asked for takes memory
        self._table = np.zeros(0x110000, dtype=np.int32)
        self._words: dict[str, _Plain] = {}
        self._letter, self._digit, self._mark = map(_plain, self._encoded([_LETTER, _DIGIT, _MARK]))

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text, in order."""
        text = "".join(texts)
        points = codes(text)
        kinds = self._table[points]
        if not kinds.all():
            self._ask(np.unique(points[kinds == _UNASKED]).tolist())
            kinds = self._table[points]
        places = np.flatnonzero(kinds >= _FIRST)
        # of the type of the places, or each search would convert them
        edges = np.cumsum([0, *map(len, texts)], dtype=np.int32)
        starts = places.astype(np.int32)
        whole = Tokens(kinds[places].astype(np.int64) - _FIRST, starts, starts + 1)
        whole = self._with_words(whole, text, kinds == _WORD, edges)
        cuts = np.searchsorted(whole.starts, edges).tolist()
        return [
            Tokens(whole.ids[first:last], whole.starts[first:last] - edge, whole.ends[first:last] - edge)
            for first, last, edge in zip(cuts, cuts[1:], edges, strict=False)
        ]

    def _with_words(
        self, single: Tokens, text: str, inside: npt.NDArray[np.bool_], edges: npt.NDArray[np.int32]
    ) -> Tokens:
        """With the tokens of words between those of single characters; no word goes over the edge of a text."""
        if not inside.any():
            return single
        goes_on = np.zeros(len(inside) + 1, dtype=bool)
        goes_on[1:-1] = inside[:-1] & inside[1:]
        goes_on[edges] = False
        starts = np.flatnonzero(inside & ~goes_on[:-1])
        ends = np.flatnonzero(inside & ~goes_on[1:]) + 1
        some = range(0, len(starts), _WORDS)
        found = [self._of_words(text, starts[at : at + _WORDS], ends[at : at + _WORDS]) for at in some]
        ids, firsts, lasts = np.concatenate(found, axis=1)
        between = np.searchsorted(single.starts, firsts.astype(np.int32))
        return Tokens(
            np.insert(single.ids, between, ids),
            np.insert(single.starts, between, firsts),
            np.insert(single.ends, between, lasts),
        )

    def _of_words(self, text: str, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """[3, tokens]: ids, starts and ends of the tokens of the words [start, end) of a text."""
        places = starts.tolist()
        words = [text[start:end] for start, end in zip(places, ends.tolist(), strict=True)]
        known = self._words  # another thread may put another in its place, none changes it
        new = [word for word in dict.fromkeys(words) if word not in known]
        asked = dict(zip(new, map(_plain, self._encoded(new)), strict=True))
        rows = [
            (number, place + first, place + last)
            for place, word in zip(places, words, strict=True)
            for number, first, last in (asked[word] if word in asked else known[word])
        ]
        short = {word: tokens for word, tokens in asked.items() if len(word) <= _LONGEST}
        self._words = known | short if len(known) + len(short) <= _WORDS else short
        return np.array(rows, dtype=np.int64).reshape(-1, 3).T

    def _ask(self, points: Sequence[int]) -> None:
        chars = [self._seen(chr(point)) for point in points]
        probes = [
            probe
            for char in chars
            for probe in (char, f"{_LETTER}{char}{_DIGIT}", f"{_DIGIT}{char}{_LETTER}", char + _MARK)
        ]
        answers = list(map(_plain, self._encoded(probes)))
        for number, point in enumerate(points):
            symbol = self._symbol(chr(point))
            if symbol is not None:
                self._table[point] = symbol + _FIRST
                continue
            alone, *others = answers[4 * number : 4 * number + 4]
            by_itself = alone == [] or (len(alone) == 1 and alone[0][1:] == (0, 1))
            expected = [
                [*self._letter, *_moved(alone, 1), *_moved(self._digit, 2)],
                [*self._digit, *_moved(alone, 1), *_moved(self._letter, 2)],
                [*alone, *_moved(self._mark, 1)],
            ]
            if by_itself and others == expected:
                self._table[point] = alone[0][0] + _FIRST if alone else _GAP
            else:
                self._table[point] = _WORD

    def _symbol(self, char: str) -> int | None:
        """The token of a symbol: its own, in small letters where it is written so, or that of what it is read as."""
        if unicodedata.category(char) not in _SYMBOLS:
            return None
        known = map(self._tokenizer.token_to_id, (char, char.lower(), _READ_AS.get(char, "")))
        return next((number for number in known if number is not None), None)

    def _seen(self, char: str) -> str:
        return " " if unicodedata.category(char) in _SYMBOLS and self._symbol(char) is None else char

    def _encoded(self, texts: Sequence[str]) -> list[Encoding]:
        found: list[Encoding] = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return found


_Plain = list[tuple[int, int, int]]


def _plain(encoding: Encoding) -> _Plain:
    return [(number, start, end) for number, (start, end) in zip(encoding.ids, encoding.offsets, strict=True)]


def _moved(tokens: _Plain, by: int) -> _Plain:
    return [(number, start + by, end + by) for number, start, end in tokens]
