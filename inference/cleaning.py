"""Cleaning of raw text, with an exact map back to it.

Training and inference read text through :func:`clean`, so that a model meets at inference what it was
trained on. Entities are found in the clean text and answered in positions of the raw text.
"""

from __future__ import annotations

import io
import re
import unicodedata
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bangfu.inference import characters, lines, readings, shifted_bytes

# Saved with every model; a model that was trained under another version of the cleaning is refused.
CLEANING_VERSION = 5

# Web pages often set Chinese with ASCII punctuation. Beside a Chinese character it is Chinese punctuation: 'A县,B县'
# becomes 'A县，B县', while '1,200' and 'Inc.(US)' stay as they are.
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff，。、；：？！（）《》“”‘’【】]")
_ASCII_PUNCTUATION = re.compile("[,;:?!()]+")
_CHINESE_PUNCTUATION = str.maketrans(",;:?!()", "，；：？！（）")
# What a step may change, beside traditional characters and odd ones; every combining character is odd, and so is (.
_CHANGED = characters.any_of([*map(chr, characters.TABLE), *"\n\r,;:?!)（"])
_WIDE = "\u3000"
# Text that looks garbled is cleaned again until nothing changes; so often is enough for any.
_PASSES = 8


@dataclass(frozen=True)
class Cleaned:
    """Clean text and where each of its characters comes from.

    ``starts`` and ``ends`` have one entry a clean character (int32, code points): character ``i`` of
    ``text`` is what the cleaning made of ``raw[starts[i]:ends[i]]``. Both rise strictly; what lies between
    two characters was dropped.
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

    def keep(self, text: str, kept: npt.ArrayLike) -> Cleaned:
        """After a step that made ``text`` of this one's characters ``kept``, in order, and dropped the others."""
        index = np.asarray(kept, dtype=np.int64)
        return Cleaned(text, self.starts[index], self.ends[index])

    def replace(self, text: str) -> Cleaned:
        """After a step that put a character in the place of each."""
        if len(text) != len(self.text):
            raise ValueError(f"{len(text)} characters cannot stand for {len(self.text)}")
        return Cleaned(text, self.starts, self.ends)


def clean(raw: str) -> Cleaned:
    """Undo what the way to us did to a text, and keep the way back.

    Full-width letters, digits and % become half-width, odd spaces a space and odd line ends a line feed, but an
    ideographic space stays, for it parts what stands beside it;
    zero-width and control characters are dropped; letters and their accents are composed (NFC); GBK bytes
    that were read one late are put right where it is clear what they were, with U+FFFD for a character that
    is not; traditional characters become simplified ones; readings in brackets behind a character, as bad
    conversions leave them (县(xiàn)), are dropped; ASCII punctuation beside Chinese becomes Chinese;
    line breaks inside a sentence are dropped, or a space between Latin letters.
    """
    places = np.arange(len(raw) + 1, dtype=np.int32)
    cleaned = Cleaned(raw, places[:-1], places[1:])
    if not (_CHANGED.search(raw) or shifted_bytes.odd().search(raw) or characters.traditional().search(raw)):
        return cleaned  # as names and most short lines are
    for _ in range(_PASSES):
        before = cleaned.text
        for step in (_characters, _composed, _in_step, _simplified, _without_readings, _punctuation, _joined):
            cleaned = step(cleaned)
        # beside what was repaired and simplified more may be told from rubbish
        if cleaned.text == before or not shifted_bytes.suspicious(cleaned.text):
            break
    return _with_wide_spaces(cleaned, raw)


def untouched(raw: str) -> Cleaned:
    """Text as it is, for measuring what the cleaning is worth; only lone surrogates, which no tokenizer takes, go."""
    places = np.arange(len(raw) + 1, dtype=np.int32)
    return Cleaned(raw.encode("utf-8", "replace").decode("utf-8"), places[:-1], places[1:])


def _characters(before: Cleaned) -> Cleaned:
    text = characters.translated(before.text)
    if len(text) == len(before.text):
        return before.replace(text)
    places = (place for place, char in enumerate(before.text) if not characters.dropped(char))
    return before.keep(text, np.fromiter(places, dtype=np.int32, count=len(text)))


def _composed(before: Cleaned) -> Cleaned:
    """A character and the combining ones behind it become one where there is one (NFC); else they stay."""
    if unicodedata.is_normalized("NFC", before.text):
        return before
    # lists of a long text's characters and places would take 200 bytes a character
    text, firsts, lasts = io.StringIO(newline=""), array("i"), array("i")
    for match in _CLUSTER.finditer(before.text):
        composed = unicodedata.normalize("NFC", match.group())
        if len(composed) == 1:
            text.write(composed)
            firsts.append(match.start())
            lasts.append(match.end() - 1)
        else:
            text.write(match.group())
            firsts.extend(range(*match.span()))
            lasts.extend(range(*match.span()))
    return Cleaned(text.getvalue(), before.starts[np.asarray(firsts)], before.ends[np.asarray(lasts)])


def _marks() -> str:
    return "".join(chr(code) for code in range(0x300, 0x3100) if unicodedata.combining(chr(code)))


_CLUSTER = re.compile(f"[^{re.escape(_marks())}]?[{re.escape(_marks())}]+|[\\s\\S]")


def _in_step(before: Cleaned) -> Cleaned:
    """Repair bytes that were read one late; the traditional characters and readings around them bear witness."""
    text: list[str] = []
    starts: list[npt.NDArray[np.int32]] = []
    ends: list[npt.NDArray[np.int32]] = []
    done = 0
    for repair in shifted_bytes.repairs(before.text):
        first, last = np.array(repair.ranges).T
        text += before.text[done : repair.start], repair.text
        starts += before.starts[done : repair.start], before.starts[first]
        ends += before.ends[done : repair.start], before.ends[last - 1]
        done = repair.end
    if not done:
        return before
    return Cleaned(
        "".join([*text, before.text[done:]]),
        np.concatenate([*starts, before.starts[done:]]),
        np.concatenate([*ends, before.ends[done:]]),
    )


def _simplified(before: Cleaned) -> Cleaned:
    return before.replace(characters.in_simplified(before.text))


# One syllable in brackets behind a character, perhaps with a space in them; the brackets are not yet made Chinese ones.
_READING = re.compile("[(（] ?([a-zü\u00e0-\u01dcńňǹḿ]{1,6}) ?[)）]")


def _without_readings(before: Cleaned) -> Cleaned:
    text = before.text
    found: list[tuple[int, int, str]] = []
    reader = 0  # where the character stands whose readings are looked at: 发(fā)(fā) has two of them
    for match in _READING.finditer(text):
        if not found or found[-1][1] < match.start():
            reader = match.start() - 1
        if reader >= 0 and readings.is_reading(text[reader], match.group(1)):
            found.append((*match.span(), ""))
    return _replaced(before, found)


def _replaced(before: Cleaned, found: Sequence[tuple[int, int, str]]) -> Cleaned:
    """With ranges [start, end), in order and apart, dropped, or with a character in the place of the one there."""
    if not found:
        return before
    text: list[str] = []
    kept = np.ones(len(before.text), dtype=bool)
    done = 0
    for start, end, char in found:
        text += before.text[done:start], char
        kept[start:end] = bool(char)
        done = end
    return Cleaned("".join([*text, before.text[done:]]), before.starts[kept], before.ends[kept])


def _punctuation(before: Cleaned) -> Cleaned:
    """Make runs of ASCII punctuation beside Chinese Chinese, one character for one."""
    text = before.text

    def change(match: re.Match[str]) -> str:
        beside = text[max(0, match.start() - 1) : match.start()] + text[match.end() : match.end() + 1]
        return match.group().translate(_CHINESE_PUNCTUATION) if _HAN.search(beside) else match.group()

    return before.replace(_ASCII_PUNCTUATION.sub(change, text))


def _with_wide_spaces(before: Cleaned, raw: str) -> Cleaned:
    """Ideographic spaces again as they were; until here they are spaces like others.

    A space that no white space stood for comes of garbled bytes, which have no other than the ideographic one.
    """
    points = characters.codes(before.text)
    spaces = np.flatnonzero(points == ord(" "))
    sources = map(raw.__getitem__, before.starts[spaces].tolist())
    wide = spaces[[source == _WIDE or not source.isspace() for source in sources]]
    if not len(wide):
        return before
    points = points.copy()
    points[wide] = ord(_WIDE)
    return before.replace(points.tobytes().decode("utf-32-le"))


def _joined(before: Cleaned) -> Cleaned:
    """Lines joined where a break stands inside a sentence; joining may show that a further one does."""
    while places := lines.inner_breaks(before.text):
        text = before.text
        found = []
        for place in places:
            latin = text[place - 1].isascii() and text[place - 1].isalnum() and text[place + 1].isascii()
            found.append((place, place + 1, " " if latin else ""))
        before = _replaced(before, found)
    return before
