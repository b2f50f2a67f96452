"""Line breaks: which of them stand inside a sentence, because a column or a page was too narrow for it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

# A narrower block of lines is a list or a poem, not a wrapped paragraph; columns, a Chinese character takes two.
LEAST_WIDTH = 30
# A wrapped line may end this much earlier, where a word or a punctuation mark would not fit.
RAGGED = 4
# Of the lines of a wrapped block but the last, so many are full.
FULL_SHARE = 0.6

# No line begins with these, and no sentence ends with those.
_NEVER_FIRST = "，。、；：！？）》”’」』】%"
_NEVER_LAST = "，、（《“‘「『【"
_SENTENCE_END = re.compile("[。！？；：…”’）》】.!?;:]$")
_MARKER = re.compile(
    r"^([\-•·●■◆▪*#>]|[（(]?[一二三四五六七八九十\d]{1,3}[）)、.．]|第[一二三四五六七八九十百\d]+[条章节届])"
)
# tried at the beginning of a line only: from each character on, a line of 5 MB would take days
_BLOCK = re.compile(r"^[^\n]+(?:\n[^\n]+)+", re.MULTILINE)


def _width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


def inner_breaks(text: str) -> list[int]:
    """The places of the line feeds of a clean text that stand inside a sentence, rising.

    Certain are those in front of a mark that begins no line and behind one that ends no sentence. Others
    only in a block whose lines are nearly all equally full, as columns make them, and then not in front of
    an indented line or behind the end of a sentence. Blank lines, list markers and tabs always part.
    """
    found: list[int] = []
    for block in _BLOCK.finditer(text):
        found += [block.start() + place for place in _in_block(block.group())]
    return found


def _in_block(block: str) -> Iterator[int]:
    lines = block.split("\n")
    widths = [_width(line.rstrip()) for line in lines]
    widest = max(widths)
    full = [width >= widest - RAGGED for width in widths]
    wrapped = widest >= LEAST_WIDTH and len(lines) > 2 and sum(full[:-1]) >= FULL_SHARE * (len(lines) - 1)
    # a list of long names is as wide and holds no sentence
    wrapped = wrapped and any("，" in line or "。" in line for line in lines)
    place = -1
    for number, (line, after) in enumerate(pairwise(lines)):
        place += len(line) + 1
        line = line.rstrip()
        if not line or not after.strip() or "\t" in line + after or _MARKER.search(after):
            continue
        certain = after[0] in _NEVER_FIRST or line[-1] in _NEVER_LAST
        parted = _SENTENCE_END.search(line) or after[0].isspace()
        if certain or (wrapped and full[number] and not parted):
            yield place
