r"""Labelled documents as CoNLL: one character and its tag a line, a blank line between documents.

``# id = NAME`` before a document names it. Characters that would break a line are written ``\n``, ``\r``
and ``\t``. Links have no place in this form and are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from bangfu.labels.atomic_file import replaced
from bangfu.labels.defect import Defect
from bangfu.labels.document import Document, Span
from bangfu.labels.jsonl import OURS, Mapped
from bangfu.labels.tags import Scheme, TagError, guess_scheme, spans_to_tags, tags_to_spans
from bangfu.labels.user_error import UserError

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_CHARACTERS = {written: char for char, written in _ESCAPES.items()}
_ID = "# id = "


def scan(path: Path, scheme: Scheme | None = None, mapping: Mapped = OURS) -> Iterator[Document | Defect]:
    """Yield each document of a file, or its defects in its place.

    ``scheme`` is guessed from the tags when not given; ``mapping`` is that of :func:`jsonl.scan`. Raises
    OSError when the file cannot be opened.
    """
    file = str(path)
    try:
        # only a line feed ends a line: U+2028 and the like are characters of the text
        lines = path.read_bytes().decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        yield Defect(file, 1, None, f"not UTF-8 (byte {error.start})", "save the file as UTF-8")
        return
    if scheme is None:
        scheme = guess_scheme(_fields(line.removesuffix("\r"))[2] for line in lines if not line.startswith(_ID))
    name, count = None, 0
    block: list[tuple[int, str, str]] = []  # line number, character, tag
    broken = False
    seen: dict[str, int] = {}
    for number, raw in enumerate([*lines, ""], 1):
        line = raw.removesuffix("\r")
        if line.startswith(_ID) or not line:
            # a document ends; one that has a name and nothing else is an empty text
            if block or broken or name is not None:
                count += 1
                name = name if name is not None else f"{path.stem}-{count}"
                if name in seen:
                    what = f"the id stands in line {seen[name]} too"
                    yield Defect(file, number, name, what, "give every document an id of its own")
                elif not broken:
                    yield from _document(file, name, block, scheme, mapping)
                seen.setdefault(name, block[0][0] if block else number)
            name, block, broken = line[len(_ID) :] if line else None, [], False
            continue
        char, space, tag = _fields(line)
        char = _CHARACTERS.get(char, char)
        if not space or len(char) != 1:
            yield Defect(file, number, name, f"{line[:30]!r} is not a character and a tag", "write 字 B-ORG")
            broken = True
        else:
            block.append((number, char, tag))


def _fields(line: str) -> tuple[str, str, str]:
    tab = line.rpartition("\t")
    return tab if tab[1] else line.rpartition(" ")


def _document(
    file: str, name: str, block: list[tuple[int, str, str]], scheme: Scheme, mapping: Mapped
) -> Iterator[Document | Defect]:
    tags = []
    unknown = False
    for number, _, tag in block:
        letter, dash, label = tag.partition("-")
        if dash and label not in mapping:
            yield Defect(file, number, name, f"unknown label {label!r}", f"use one of {', '.join(mapping)}")
            unknown = True
        ours = mapping.get(label) if dash else ""
        tags.append("O" if dash and ours is None else f"{letter}-{ours}" if dash else tag)
    if unknown:
        return
    try:
        spans: list[Span] = tags_to_spans(tags, scheme)
    except TagError as error:
        at = block[min(error.index, len(block) - 1)][0]
        yield Defect(file, at, name, error.what, error.mend)
        return
    yield Document(name, "".join(char for _, char, _ in block), tuple(spans))


def write(documents: Iterable[Document], path: Path, scheme: Scheme = "BIO") -> None:
    """Write documents, atomically; links are left out.

    Raises UserError for an id with a line feed and for a lone surrogate, which this form cannot hold.
    """
    with replaced(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as out:
        for document in documents:
            if "\n" in document.id or any("\ud800" <= char <= "\udfff" for char in document.id + document.text):
                what = "a line feed in the id or a lone surrogate"
                raise UserError(f"document {document.id!r}: {what}; write JSON lines instead")
            out.write(f"{_ID}{document.id}\n")
            for char, tag in zip(document.text, spans_to_tags(len(document.text), document.spans, scheme), strict=True):
                out.write(f"{_ESCAPES.get(char, char)}\t{tag}\n")
            out.write("\n")
