"""The encoder: from clean texts to the tokens that a model reads."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from bangfu.inference.character_tokens import CharacterTokens
from bangfu.inference.tokens import Tokens

# A line break, a tab, an ideographic space or two spaces and more, with the white space around them.
_GAP = re.compile(r"\s{2,}|[\n\t\u3000]")

# Counts the changes of what is not in the tokenizer's file: which white space is a token, and which symbols are read as
# others. Models know the rules by CLEANING_VERSION, so a change of these is one of that, too.
_RULES = 3


class Encoder:
    """Turns clean text into tokens by a ``tokenizer.json``; nothing is ever truncated or padded."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        # A tokenizer saved from a training run may carry truncation, which would lose text silently.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        # '[SEP]' written in an article is text like any other
        tokenizer.encode_special_tokens = True
        self._tokenizer, self._characters = tokenizer, CharacterTokens(tokenizer)
        self._stops, self._closing = self._ids("。！？；"), self._ids("”’」』）》】")
        self.cls_id, self.sep_id, self.pad_id = (self._special(name) for name in ("[CLS]", "[SEP]", "[PAD]"))
        self._stops.append(self.sep_id)

    @classmethod
    def from_file(cls, path: Path) -> Encoder:
        """Read a ``tokenizer.json``; ValueError when it is not one."""
        try:
            return cls(Tokenizer.from_file(str(path)))
        except ValueError:
            raise
        except Exception as error:  # the tokenizers library raises bare Exception
            raise ValueError(f"not a tokenizer file: {error}") from error

    @property
    def size(self) -> int:
        """The number of tokens in the vocabulary."""
        return int(self._tokenizer.get_vocab_size())

    @property
    def fingerprint(self) -> str:
        """A hash of all that decides how text becomes tokens."""
        return hashlib.sha256(f"{_RULES}{self._tokenizer.to_str()}".encode()).hexdigest()

    @property
    def unk_id(self) -> int:
        """The id of the unknown token."""
        return self._special("[UNK]")

    @cached_property
    def continues(self) -> npt.NDArray[np.bool_]:
        """[vocabulary]: whether a token goes on a word of Latin letters or digits (a ``##`` piece)."""
        vocabulary = self._tokenizer.get_vocab()
        result = np.zeros(max(vocabulary.values()) + 1, dtype=bool)
        result[[number for token, number in vocabulary.items() if token.startswith("##")]] = True
        return result

    def _ids(self, chars: str) -> list[int]:
        found = (self._tokenizer.token_to_id(char) for char in chars)
        return [number for number in found if number is not None]

    def _special(self, name: str) -> int:
        number = self._tokenizer.token_to_id(name)
        if number is None:
            raise ValueError(f"the tokenizer has no {name}: use an encoder of the BERT family")
        return int(number)

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """Encode clean texts, in order.

        White space and odd symbols that the vocabulary lacks have no tokens, but what parts headings, rows, columns
        and paragraphs is one [SEP], so that they do not run into each other: line breaks, tabs, ideographic
        spaces and several spaces, with the white space around them.
        """
        return [
            self._with_gaps(text, tokens) for text, tokens in zip(texts, self._characters.encode(texts), strict=True)
        ]

    def _with_gaps(self, text: str, tokens: Tokens) -> Tokens:
        breaks = np.array([match.start() for match in _GAP.finditer(text)], dtype=np.int32)
        places = np.searchsorted(tokens.starts, breaks)
        # none in front of the first token and none behind the last
        inside = (places > 0) & (places < len(tokens))
        if not inside.any():
            return tokens
        breaks, places = breaks[inside], places[inside]
        # symbols without a token may stand between two breaks
        places, first = np.unique(places, return_index=True)
        breaks = breaks[first]
        return Tokens(
            np.insert(tokens.ids, places, self.sep_id),
            np.insert(tokens.starts, places, breaks),
            np.insert(tokens.ends, places, breaks + 1),
        )

    def sentence_ends(self, tokens: Tokens) -> npt.NDArray[np.int64]:
        """The positions behind the last token of each sentence, line or column, rising."""
        if not len(tokens):
            return np.zeros(0, dtype=np.int64)
        stops = np.isin(tokens.ids, self._stops)
        closing = np.isin(tokens.ids, self._closing)
        ends = np.flatnonzero(stops) + 1
        # a closing quotation mark or bracket still belongs to its sentence
        ends += np.append(closing, False)[ends]
        return np.unique(ends)
