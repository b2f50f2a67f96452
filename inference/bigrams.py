"""How likely Chinese text is, by counts of pairs of characters. Counted by ``training/bigrams.py``."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bangfu.inference import characters

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.intp]

# Characters outside the vocabulary are counted by kind; a kind's number is its place here. How many characters
# share a kind says what one of them costs.
KINDS = (
    (re.compile("[0-9]"), 10),
    (re.compile("[A-Za-zÀ-ÖØ-öø-ʯ]"), 40),
    (re.compile("\\s"), 2),
    (re.compile("[\u3041-\u30ff]"), 80),
    (re.compile("[\u0370-\u04ff]"), 80),
    (re.compile("[\u3400-\u4dbf\u4e00-\u9fff]"), 8000),
    (re.compile(""), 800),
)
_HAN = 5
# Natural logarithms are kept as whole numbers of these steps, so that they fit into a byte.
CHARACTER_STEP, PAIR_STEP = 1 / 16, 1 / 4
_STEP = 1 / 8


@cache
def _alike() -> dict[int, str]:
    marks = {ord(narrow): wide for narrow, wide in zip(",;:?!()", "，；：？！（）", strict=True)}
    return characters.simplified() | marks


def normalised(text: str) -> str:
    """Text as it is counted: width, spaces, line ends and punctuation made one, NFC, simplified characters."""
    return unicodedata.normalize("NFC", text.translate(characters.TABLE)).translate(_alike())


def kind(char: str) -> int:
    """The number of the kind of a character."""
    if "\u4e00" <= char <= "\u9fff":  # most of them
        return _HAN
    return next(number for number, (pattern, _) in enumerate(KINDS) if pattern.match(char))


class Bigrams:
    """A model of pairs of characters: each costs what it is less likely than certain, in nats.

    Arrays of the characters' numbers broadcast.
    """

    def __init__(self, chars: str, singles: Floats, keys: npt.NDArray[np.int64], pairs: Floats) -> None:
        self._numbers = {char: number for number, char in enumerate(chars, len(KINDS))}
        size = len(singles)
        first, second = np.divmod(keys, size)
        # what the pairs that were kept leave to the others, so that the whole is a distribution
        spent = np.bincount(first, np.exp(-pairs), size)
        taken = np.bincount(first, np.exp(-singles[second]), size)
        others = -np.log(np.clip(1 - spent, 1e-3, 1) / np.clip(1 - taken, 1e-3, 1))
        # a byte each is 16 MB, made and looked up in no time
        self._costs = np.add.outer(_steps(others), _steps(singles))
        self._costs[first, second] = _steps(pairs)
        self._inside = np.zeros(size, dtype=np.float32)
        self._inside[: len(KINDS)] = np.log([count for _, count in KINDS])

    @classmethod
    @cache
    def shipped(cls) -> Bigrams:
        """The model that comes with the package, read once."""
        return cls.read(Path(__file__).with_name("bigrams.npz"))

    @classmethod
    def read(cls, path: Path) -> Bigrams:
        """Read what ``training/bigrams.py`` wrote; OSError or ValueError where it cannot be read."""
        with np.load(path) as file:
            chars = file["chars"].tobytes().decode("utf-8")
            gaps = sum(file["gaps"][place].astype(np.int64) << 8 * place for place in range(3))
            singles = file["singles"].astype(np.float32) * CHARACTER_STEP
            return cls(chars, singles, np.cumsum(gaps), file["pairs"].astype(np.float32) * PAIR_STEP)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self._inside)

    def numbers(self, text: str) -> Numbers:
        """The numbers of the characters of a text (half-width, NFC), or those of their kinds."""
        known = self._numbers
        chars = text.translate(_alike())
        return np.array([known[char] if char in known else kind(char) for char in chars], dtype=np.intp)

    def cost(self, first: Numbers, second: Numbers) -> Floats:
        """What the second characters cost behind the first ones."""
        return np.asarray(self._costs[first, second] * np.float32(_STEP) + self._inside[second], dtype=np.float32)


def _steps(costs: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    return np.clip(np.round(costs / _STEP), 0, 120).astype(np.uint8)
