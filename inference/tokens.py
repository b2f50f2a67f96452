"""Tokens: the pieces of a clean text that an encoder reads, each with its place in the text."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer


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


class _Symbols(dict[int, str]):
    """A translation table: symbols that a vocabulary lacks become a space, all else stays.

    BERT splits at punctuation and not at symbols, so '｜86吨' would have one unknown token for '｜86'.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self._tokenizer = tokenizer

    def __missing__(self, code: int) -> str:
        char = chr(code)
        # Sm, Sc, Sk, So; No and Nl are ² ① Ⅳ and the like
        symbol = unicodedata.category(char) in ("Sm", "Sc", "Sk", "So", "No", "Nl")
        self[code] = " " if symbol and self._tokenizer.token_to_id(char) is None else char
        return self[code]


class Encoder:
    """Turns clean text into tokens by a ``tokenizer.json``; nothing is ever truncated or padded."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        # A tokenizer saved from a training run may carry truncation, which would lose text silently.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        # '[SEP]' written in an article is text like any other
        tokenizer.encode_special_tokens = True
        self._tokenizer, self._symbols = tokenizer, _Symbols(tokenizer)
        self.cls_id, self.sep_id, self.pad_id = (self._special(name) for name in ("[CLS]", "[SEP]", "[PAD]"))

    @classmethod
    def from_file(cls, path: Path) -> Encoder:
        """Read a ``tokenizer.json``; ValueError when it is not one."""
        try:
            return cls(Tokenizer.from_file(str(path)))
        except ValueError:
            raise
        except Exception as error:  # the tokenizers library raises bare Exception
            raise ValueError(f"{path}: not a tokenizer file ({error})") from error

    @property
    def size(self) -> int:
        """The number of tokens in the vocabulary."""
        return int(self._tokenizer.get_vocab_size())

    @property
    def fingerprint(self) -> str:
        """A hash of all that decides how text becomes tokens."""
        return hashlib.sha256(self._tokenizer.to_str().encode("utf-8")).hexdigest()

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

    def _special(self, name: str) -> int:
        number = self._tokenizer.token_to_id(name)
        if number is None:
            raise ValueError(f"the tokenizer has no {name}: use an encoder of the BERT family")
        return int(number)

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """Encode clean texts, in order; white space and symbols that the vocabulary lacks have no tokens."""
        encodings = self._tokenizer.encode_batch(
            [text.translate(self._symbols) for text in texts], add_special_tokens=False
        )
        result = []
        for encoding in encodings:
            offsets = np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2)
            result.append(Tokens(np.array(encoding.ids, dtype=np.int64), offsets[:, 0], offsets[:, 1]))
        return result
