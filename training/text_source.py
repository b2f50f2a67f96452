"""Text to pretrain on: paragraphs of a source, cleaned as inference cleans, duplicates and boilerplate dropped."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bangfu.inference.cleaning import Cleaned, clean
from bangfu.inference.encodings import NOT_DECODED
from bangfu.labels.text_lines import BROKEN, open_text
from bangfu.labels.user_error import UserError
from bangfu.training.pretraining_config import NAME_LABELS, SourceConfig

Cause = Literal["duplicate", "too short", "little Chinese", "page furniture", "not readable"]
CAUSES: tuple[Cause, ...] = ("duplicate", "too short", "little Chinese", "page furniture", "not readable")

# The target of a character that has none.
IGNORE = 255
# A file without blank lines has no documents to tell apart; so many of its lines pass for one.
LINES_A_DOCUMENT = 100
# A document is held out in parts no longer than this: a fifth of the half per cent of 20 million characters.
PART_CHARACTERS = 20_000

_HAN = re.compile("[\u3400-\u9fff]")
_SENTENCE = re.compile("[^。！？；]+[。！？；]?")
_FURNITURE = re.compile(
    "^((责任编辑|责编|编辑|来源|作者|联系电话|浏览次数|点击数|字号|当前位置)\\s*[:：]|"
    "(分享到?|打印|关闭|返回顶部|网站地图|扫一扫|相关(新闻|链接|阅读))([\\s:：【】|]|$)|上一篇|下一篇|版权所有|Copyright|©|\\S{0,12}ICP备)"
)


@dataclass(frozen=True)
class Paragraph:
    """Clean text, and for each of its characters the number of its word, its word's tag and its name tag.

    ``words`` (int32) is None where nothing is known of words; ``tags`` and ``names`` (uint8) hold
    IGNORE where there is no target. A tag is twice the number of the word's tag, plus one behind the
    word's first character; a name tag is 0 outside names and 1 + 2 · label (+ 1 inside) in them.
    """

    text: str
    words: npt.NDArray[np.int32] | None = None
    tags: npt.NDArray[np.uint8] | None = None
    names: npt.NDArray[np.uint8] | None = None


@dataclass
class SourceReport:
    """What was kept of a source and what was dropped, by cause; ``characters`` are those kept.

    ``held_out`` counts tokens; they stand in ``parts_held_out`` of ``parts``, which are documents, long ones cut, and
    in ``repeats_held_out`` paragraphs of other parts.
    """

    path: str
    documents: int = 0
    paragraphs: int = 0
    characters: int = 0
    tokens: int = 0
    unknown: int = 0
    held_out: int = 0
    parts: int = 0
    parts_held_out: int = 0
    repeats_held_out: int = 0
    dropped: Counter[Cause] = field(default_factory=Counter)
    dropped_characters: int = 0

    def __str__(self) -> str:
        lost = ", ".join(f"{self.dropped[cause]:,} {cause}" for cause in CAUSES if self.dropped[cause]) or "none"
        return (
            f"{self.path}: {self.documents:,} documents, kept {self.paragraphs:,} paragraphs of {self.characters:,} "
            f"characters, {self.tokens:,} tokens ({self.unknown:,} unknown; {self.held_out:,} held out: "
            f"{self.parts_held_out:,} of {self.parts:,} documents, long ones counted as several, and "
            f"{self.repeats_held_out:,} paragraphs that repeat them); "
            f"dropped {lost} ({self.dropped_characters:,} characters)"
        )


class Seen:
    """The sentences that were met before, over all sources."""

    def __init__(self) -> None:
        self._hashes: set[bytes] = set()

    def repeats(self, text: str) -> bool:
        """Whether four fifths of a paragraph stand in sentences met before; its sentences are met from now on.

        Sentences below eight characters recur in honest text and count only as whole paragraphs.
        """
        sentences = [one for one in _SENTENCE.findall(text) if len(one) >= 8] or [text]
        hashes = [_hash(one) for one in sentences]
        known = sum(len(one) for one, key in zip(sentences, hashes, strict=True) if key in self._hashes)
        self._hashes.update(hashes)
        return known >= 0.8 * sum(map(len, sentences))


class HeldOut:
    """The sentences that are held out, over all sources."""

    def __init__(self) -> None:
        self._hashes: set[bytes] = set()

    def add(self, document: list[Paragraph]) -> None:
        """Hold out the sentences of a document."""
        for paragraph in document:
            self._hashes.update(_hashes(paragraph.text))

    def holds(self, paragraph: Paragraph) -> bool:
        """Whether a sentence of a paragraph is held out."""
        return not self._hashes.isdisjoint(_hashes(paragraph.text))


def parts(document: list[Paragraph]) -> Iterator[list[Paragraph]]:
    """The paragraphs of a document in runs of at most PART_CHARACTERS, or of one paragraph."""
    part: list[Paragraph] = []
    size = 0
    for paragraph in document:
        if part and size + len(paragraph.text) > PART_CHARACTERS:
            yield part
            part, size = [], 0
        part.append(paragraph)
        size += len(paragraph.text)
    if part:
        yield part


def _hashes(text: str) -> list[bytes]:
    """Hashes of the sentences of eight characters and more, which do not recur by chance."""
    return [_hash(one) for one in _SENTENCE.findall(text) if len(one) >= 8]


def _hash(sentence: str) -> bytes:
    return hashlib.blake2b(sentence.strip().encode(), digest_size=8).digest()


def boilerplate(text: str) -> Cause | None:
    """Why a clean paragraph is not worth reading, or None."""
    han = len(_HAN.findall(text))
    if len(text) < 60 and _FURNITURE.search(text):
        return "page furniture"
    if han < 5:
        return "too short"
    return "little Chinese" if han < 0.4 * len(text) else None


def documents(
    source: SourceConfig, tag_names: dict[str, int], seen: Seen, report: SourceReport
) -> Iterator[list[Paragraph]]:
    """The documents of a source as lists of paragraphs, counted in ``report``.

    Lines between blank lines are a document; of a file without blank lines (and in front of the first one)
    LINES_A_DOCUMENT lines, and of labelled data each line. ``tag_names`` gains the tags that are met.
    UserError for a file that cannot be read.
    """
    read = {"plain": _plain, "tagged": _tagged, "labelled": _labelled}[source.form]
    document: list[Paragraph] = []
    lines, blanks = 0, False
    try:
        # a byte that is not UTF-8 spoils its line alone
        with open_text(Path(source.path), "surrogateescape") as file:
            for line in file:
                line = line.rstrip("\r\n")
                blank = not line.strip()
                blanks = blanks or blank
                if blank or (lines >= LINES_A_DOCUMENT and not blanks) or source.form == "labelled":
                    if document:
                        report.documents += 1
                        yield document
                    document, lines = [], 0
                if blank:
                    continue
                lines += 1
                paragraph = None if NOT_DECODED.search(line) else read(line, source, tag_names)
                cause = _cause(paragraph, seen)
                if cause == "duplicate" and source.form == "labelled":
                    cause = None  # its text may be known, its marks are not
                if paragraph is None or cause:
                    report.dropped[cause or "not readable"] += 1
                    report.dropped_characters += len(paragraph.text if paragraph else line)
                    continue
                report.paragraphs += 1
                report.characters += len(paragraph.text)
                document.append(paragraph)
    except BROKEN as error:
        raise UserError(f"{source.path}: cannot be read ({error}); give a .txt, .gz or .xz file") from error
    if document:
        report.documents += 1
        yield document


def _cause(paragraph: Paragraph | None, seen: Seen) -> Cause | None:
    if paragraph is None:
        return "not readable"
    return boilerplate(paragraph.text) or ("duplicate" if seen.repeats(paragraph.text) else None)


def _plain(line: str, _: SourceConfig, __: dict[str, int]) -> Paragraph | None:
    return Paragraph(clean(line).text.strip())


def _tagged(line: str, _: SourceConfig, tag_names: dict[str, int]) -> Paragraph | None:
    """``word/tag word/tag …``; pieces without a tag are passed over."""
    pairs = [piece.rpartition("/") for piece in line.split(" ")]
    words = [(word, tag) for word, slash, tag in pairs if slash and word]
    if not words:
        return None
    # A space in front of the words would change nothing for Chinese but cut 'SK集团' elsewhere than running
    # text does, so lines are cleaned whole and the words found again by place.
    clear = clean("".join(word for word, _ in words))
    lengths = [len(word) for word, _ in words]
    numbers = np.array([min(tag_names.setdefault(tag, len(tag_names)), IGNORE // 2 - 1) for _, tag in words])
    word = np.repeat(np.arange(len(words), dtype=np.int32), lengths)[clear.starts]
    inside = np.concatenate([[False], word[1:] == word[:-1]])[: len(word)]
    return Paragraph(clear.text, word, (2 * numbers[word] + inside).astype(np.uint8))


def _labelled(line: str, source: SourceConfig, _: dict[str, int]) -> Paragraph | None:
    try:
        value = json.loads(line)
        clear = clean(value["text"].replace("\n", " "))
        return Paragraph(clear.text, names=_names(clear, value["spans"], source.labels))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _names(clear: Cleaned, spans: list[dict[str, Any]], labels: dict[str, str]) -> npt.NDArray[np.uint8]:
    names = np.zeros(len(clear.text), dtype=np.uint8)
    for span in spans:
        if span["label"] in labels:
            start, end = clear.clean_range(int(span["start"]), int(span["end"]))
            begin = 1 + 2 * NAME_LABELS.index(labels[span["label"]])
            if start < end:
                names[start], names[start + 1 : end] = begin, begin + 1
    return names
