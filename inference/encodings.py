"""Encodings of Chinese text: which one bytes are in, told by whether and how well they decode.

Measured on cuts of 20 and of 300 characters, charset-normalizer took 1 in 10 and 1 in 50 of them for Korean or
Japanese; this took none. It knows no other languages and needs none.
"""

from __future__ import annotations

import codecs
import re
from functools import cache
from itertools import islice
from pathlib import Path

from bangfu.inference.characters import simplified
from bangfu.inference.input_error import InputError

# a mark, the encoding that drops it, the one that takes it for text; UTF-32 before UTF-16, whose mark it begins with
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32", "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16-be"),
)
# Big5 as it was laid down, as Windows writes it, and with the characters of Hong Kong; the first of equals is taken
LEGACY = ("gb18030", "big5", "cp950", "big5hkscs")
_JUDGED = 20_000  # characters
_LEAST = 0.1  # Chinese cuts of 8 characters lie above 0.15, other languages read as Chinese mostly at 0
# Of a text that breaks off within its third character; of text in the old encodings it is far less.
_MOST = 2 / 3
_BEYOND = re.compile(rb"[\x80-\xff]+")

# what surrogateescape makes of a byte that is not in the encoding
NOT_DECODED = re.compile("[\udc80-\udcff]")

MEND = "name its encoding with --encoding, or convert it (-c leaves out what is broken): iconv -c -f ENCODING -t UTF-8"


def detect(raw: bytes) -> str | None:
    """The encoding that all of ``raw`` is in, as Python names it; None when it is none of those known."""
    name = marked(raw)
    if name is not None:
        return name if _decoded(raw, name) is not None else None
    if _decoded(raw, "utf-8") is not None:
        return "utf-8"
    texts = ((name, _decoded(raw, name)) for name in LEGACY)
    likelihoods = {name: likelihood(text) for name, text in texts if text is not None}
    best = max(likelihoods, key=likelihoods.__getitem__, default=None)
    if best is None or likelihoods[best] < _LEAST:
        return None
    # a text of few characters that breaks off within one reads as rubbish in the old encodings
    return None if broken_utf8(raw) and likelihood(raw.decode("utf-8", "ignore")) > likelihoods[best] else best


def meant(raw: bytes) -> str | None:
    """The encoding that ``raw`` is in, or was before bytes of it were lost."""
    return detect(raw) or ("utf-8" if broken_utf8(raw) else None)


def broken_utf8(raw: bytes) -> bool:
    """Whether most bytes beyond ASCII are whole Chinese characters in UTF-8, but not all."""
    beyond = sum(map(len, _BEYOND.findall(raw)))
    whole = sum(len(char.encode()) for char in raw.decode("utf-8", "ignore") if char >= "\u0800")
    return _MOST * beyond <= whole < beyond


def utf8_amid(line: bytes, encoding: str) -> str | None:
    """The text of a line that is rather UTF-8 than ``encoding``, an old one that the lines around it are in, or None.

    Of 128,234 clauses of our corpus none was taken for UTF-8 that was written in GB18030 or Big5, in traditional
    characters either, though 22 of these, such as 類別, are UTF-8 by chance; of 51,388 in UTF-8 that are GB18030 by
    chance 28 were missed, such as 枸杞.
    """
    text = None if line.isascii() else _decoded(line, "utf-8")
    other = None if text is None else _decoded(line, encoding)
    if text is None or other is None:
        return text
    # characters of two bytes may well be GB18030, such as 省 and 摘要
    return text if max(text) >= "\u0800" and likelihood(text) >= likelihood(other) else None


def marked(raw: bytes) -> str | None:
    """The encoding that a byte order mark at the beginning tells, or None."""
    return next((name for mark, name, _ in _MARKS if raw.startswith(mark)), None)


def unmarked(encoding: str, raw: bytes) -> str:
    """``encoding``, or its kin that drops the byte order mark of ``raw``, where it would take that for text.

    UTF-16 and UTF-32 are little-endian where there is no mark.
    """
    if encoding in ("utf-16", "utf-32") and ordered(encoding, raw) == encoding:
        return f"{encoding}-le"
    return next((name for mark, name, keeps in _MARKS if keeps == encoding and raw.startswith(mark)), encoding)


def ordered(encoding: str, raw: bytes) -> str:
    """``encoding``, or its kin of the order of bytes that the byte order mark of ``raw`` tells."""
    return next((keeps for mark, name, keeps in _MARKS if name == encoding and raw.startswith(mark)), encoding)


def decode(raw: bytes, where: str, encoding: str | None = None) -> tuple[str, str]:
    """The text of ``raw`` and its encoding, which is detected when not given; InputError when there is none."""
    name = unmarked(encoding, raw) if encoding else meant(raw)
    if name is None:
        raise undecodable(where)
    try:
        return raw.decode(name), name
    except UnicodeError as error:
        raise InputError(misfit(error, name), where) from error


def misfit(error: UnicodeError, name: str) -> str:
    """What to say of bytes that are not in the encoding that all should be in."""
    # some codecs, such as idna, do not say which byte
    return (
        f"byte {error.start} is not {name}; {MEND}" if isinstance(error, UnicodeDecodeError) else f"not {name}; {MEND}"
    )


def undecodable(where: str) -> InputError:
    """The error of bytes whose encoding cannot be told."""
    return InputError(f"neither UTF-8, UTF-16 with a mark, GB18030 nor Big5; {MEND}", where)


def named(encoding: str) -> str:
    """The name that Python has for an encoding, of which there are several spellings; InputError when it has none."""
    try:
        b"a".decode(encoding)
    except UnicodeDecodeError:
        pass  # an encoding of two bytes a character
    except (LookupError, ValueError) as error:  # ValueError: a NUL in it, or 'undefined'
        raise InputError(f"unknown encoding {encoding!r}; give utf-8, gb18030, big5, utf-16 or another") from error
    return codecs.lookup(encoding).name


def likelihood(text: str) -> float:
    """How much the characters beyond ASCII are those of Chinese text, 0 to 1; 0 when there are none."""
    beyond = list(islice((char for char in text if char > "\x7f"), _JUDGED))
    weights = _weights()
    return sum(weights.get(char, 0) for char in "".join(beyond).translate(simplified())) / max(1, 2 * len(beyond))


def _decoded(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


@cache
def _weights() -> dict[str, int]:
    # the first level of GB2312: 3,755 common characters in 40 rows, of which the last is short by five
    pairs = [bytes((lead, trail)) for lead in range(0xB0, 0xD8) for trail in range(0xA1, 0xFF)][:-5]
    lines = Path(__file__).with_name("frequent.txt").read_text(encoding="utf-8").splitlines()
    frequent = "".join(line for line in lines if not line.startswith("#")) + "，。、：；？！“”（）《》「」"
    return dict.fromkeys(b"".join(pairs).decode("gb2312"), 1) | dict.fromkeys(frequent, 2)
