"""Readings of Chinese characters, to know a reading in brackets from any other word."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

_TONE_MARKS = {0x300, 0x301, 0x304, 0x30C}


@cache
def _table() -> dict[str, str]:
    lines = Path(__file__).with_name("readings.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ") for line in lines if not line.startswith("#"))


@cache
def _toneless() -> dict[str, str]:
    table: dict[str, str] = {}
    for syllable, chars in _table().items():
        plain = _plain(syllable)
        table[plain] = table.get(plain, "") + chars
    return table


def _plain(syllable: str) -> str:
    parts = unicodedata.normalize("NFD", syllable)
    return unicodedata.normalize("NFC", "".join(char for char in parts if ord(char) not in _TONE_MARKS))


def is_reading(char: str, syllable: str) -> bool:
    """Whether a simplified character may be read as a syllable.

    Tones change in running speech (一, 不, and light syllables such as 们 'men'), so it is enough that one of
    its readings has the same letters.
    """
    return char in _table().get(syllable, "") or char in _toneless().get(_plain(syllable), "")
