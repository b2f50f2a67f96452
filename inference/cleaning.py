"""Cleaning of raw text, with an exact map back to it.

Training and inference read text through :func:`clean`, so that a model meets at inference what it was
trained on. Entities are found in the clean text and answered in positions of the raw text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Saved with every model; a model that was trained under another version of the cleaning is refused.
CLEANING_VERSION = 1

_DROP = ""


def _table() -> dict[int, str]:
    table: dict[int, str] = {}
    for first, last in (("0", "9"), ("A", "Z"), ("a", "z")):
        for code in range(ord(first), ord(last) + 1):
            table[code + 0xFEE0] = chr(code)
    table[ord("％")] = "%"
    # the dots that stand for the middle dot of names and titles
    for char in "•‧・･∙⋅":
        table[ord(char)] = "·"
    # spaces that look like a space: no-break, en/em/thin …, narrow no-break, mathematical, ideographic
    for code in (0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000):
        table[code] = " "
    # C0 and C1 controls but tab, line feed and carriage return; NEL and the separators end a line
    for code in (*range(0x00, 0x09), 0x0B, *range(0x0E, 0x20), *range(0x7F, 0xA0)):
        table[code] = _DROP
    for code in (0x0C, 0x85, 0x2028, 0x2029):
        table[code] = "\n"
    # soft hyphen, zero-width and direction marks, word joiner, byte order mark, variation selectors
    for code in (0xAD, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF):
        table[code] = _DROP
    for code in range(0xFE00, 0xFE10):
        table[code] = _DROP
    # lone surrogates cannot be encoded as UTF-8, which the tokenizer needs
    for code in range(0xD800, 0xE000):
        table[code] = "�"
    return table


_TABLE = _table()

# Web pages often set Chinese with ASCII punctuation. Beside a Chinese character it is Chinese punctuation: 'A县,B县'
# becomes 'A县，B县', while '1,200' and 'Inc.(US)' stay as they are.
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff，。、；：？！（）《》“”‘’【】]")
_ASCII_PUNCTUATION = re.compile("[,;:?!()]+")
_CHINESE_PUNCTUATION = str.maketrans(",;:?!()", "，；：？！（）")


def _punctuation(text: str) -> str:
    """Make runs of ASCII punctuation beside Chinese Chinese, one character for one."""

    def change(match: re.Match[str]) -> str:
        beside = text[max(0, match.start() - 1) : match.start()] + text[match.end() : match.end() + 1]
        return match.group().translate(_CHINESE_PUNCTUATION) if _HAN.search(beside) else match.group()

    return _ASCII_PUNCTUATION.sub(change, text)


@dataclass(frozen=True)
class Cleaned:
    """Clean text and where each of its characters comes from.

    ``starts`` and ``ends`` have one entry a clean character (int32, code points): character ``i`` of
    ``text`` is what the cleaning made of ``raw[starts[i]:ends[i]]``. Both rise strictly.
    """

    text: str
    starts: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]

    def raw_range(self, start: int, end: int) -> tuple[int, int]:
        """Map the clean range [start, end), which must not be empty, to the raw one."""
        if not 0 <= start < end <= len(self.text):
            raise ValueError(f"range [{start}, {end}) is not inside the clean text of {len(self.text)} characters")
        return int(self.starts[start]), int(self.ends[end - 1])

    def clean_range(self, start: int, end: int) -> tuple[int, int]:
        """Map the raw range [start, end) to the clean characters that come from inside it.

        The answer is empty (both ends equal) where the cleaning dropped the whole range.
        """
        first = int(np.searchsorted(self.starts, start, side="left"))
        last = int(np.searchsorted(self.ends, end, side="right"))
        return first, max(first, last)


def clean(raw: str) -> Cleaned:
    """Undo what the way to us did to a text, and keep the way back.

    Full-width letters, digits and % become half-width, odd spaces a space and odd line ends a line
    feed; zero-width and control characters are dropped; ASCII punctuation beside Chinese becomes
    Chinese. No step joins characters, so a clean character comes from exactly one raw one.
    """
    text = _punctuation(raw.translate(_TABLE))
    if len(text) == len(raw):
        starts = np.arange(len(raw), dtype=np.int32)
    else:
        starts = np.array([i for i, char in enumerate(raw) if _TABLE.get(ord(char), char) != _DROP], dtype=np.int32)
    return Cleaned(text, starts, starts + 1)
