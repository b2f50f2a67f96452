"""Tables of characters: what stands for what, one for one, and what is dropped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

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
        table[code] = "\ufffd"
    return table


# For str.translate: width, spaces, line ends, and characters that nobody sees.
TABLE = _table()


def codes(text: str) -> npt.NDArray[np.uint32]:
    """[characters]: the code points of a text, lone surrogates as they are."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def any_of(chars: Iterable[str]) -> re.Pattern[str]:
    """Finds the first of these characters in a text, ten times as fast as str.translate passes over it."""
    return re.compile(f"[{re.escape(''.join(chars))}]")


_TRANSLATED = any_of(map(chr, TABLE))


def translated(text: str) -> str:
    """Text by the table."""
    return text.translate(TABLE) if _TRANSLATED.search(text) else text


def dropped(char: str) -> bool:
    """Whether a character is one that nobody sees."""
    return TABLE.get(ord(char)) == _DROP


@cache
def simplified() -> dict[int, str]:
    """For str.translate: the simplified form of each traditional character."""
    lines = Path(__file__).with_name("simplified.txt").read_text(encoding="utf-8").splitlines()
    traditional, simple = (line for line in lines if not line.startswith("#"))
    return {ord(one): other for one, other in zip(traditional, simple, strict=True)}


# Characters that stay as they are elsewhere (瞭望, 乾隆), and a common slip for 陝, in words of one meaning.
_IN_WORDS = {
    word: word.translate(str.maketrans("瞭乾陜", "了干陕"))
    for word in ["瞭解", "瞭如", "乾旱", "乾净", "乾粮", "饼乾", "陜西", "陜北", "陜南", "陜甘"]
}
_WORDS = re.compile("|".join(_IN_WORDS))


@cache
def traditional() -> re.Pattern[str]:
    """Finds the first character that may be a traditional one in a text."""
    return any_of([*map(chr, simplified()), *"瞭乾陜"])


def in_simplified(text: str) -> str:
    """Text with traditional characters made simplified ones."""
    if not traditional().search(text):
        return text
    return _WORDS.sub(lambda match: _IN_WORDS[match.group()], text.translate(simplified()))
