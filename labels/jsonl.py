"""Labelled documents as JSON lines: ``{"id", "text", "spans", "links"}``, one document a line, .gz too."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeGuard

from bangfu.labels.atomic_file import replaced
from bangfu.labels.defect import Defect
from bangfu.labels.document import Document, Link, Span, problems
from bangfu.labels.schema import LABEL_NAMES

# How labels of a file become ours; None drops the spans of a label.
Mapped = Mapping[str, str | None]
OURS: Mapped = {name: name for name in LABEL_NAMES}


def scan(path: Path, mapping: Mapped = OURS) -> Iterator[Document | Defect]:
    """Yield each line's document, or its defects in its place; blank lines are passed over.

    ``mapping`` gives our label for each label of the file, None for one that is to be dropped; a label
    that it does not name is a defect. Raises OSError when the file cannot be opened.
    """
    seen: dict[str, int] = {}
    for item in objects(path):
        if isinstance(item, Defect):
            yield item
        else:
            yield from checked(str(path), *item, mapping, seen)


def objects(path: Path) -> Iterator[tuple[int, Any] | Defect]:
    """Yield the number and the value of each line, from 1, or its defect in its place; blank lines are passed over."""
    number = 0
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        try:
            for number, raw in enumerate(lines, 1):
                if raw.strip():
                    yield _value(str(path), number, raw)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            yield Defect(str(path), number + 1, None, f"broken gzip file ({error})", "copy or pack it again")


def _value(file: str, number: int, raw: bytes) -> tuple[int, Any] | Defect:
    try:
        return number, json.loads(raw.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        return Defect(file, number, None, f"not UTF-8 (byte {error.start} of the line)", "save the file as UTF-8")
    except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
        return Defect(file, number, None, f"not valid JSON ({error})", "write one whole JSON object a line")


def checked(
    file: str, number: int, value: object, mapping: Mapped, seen: dict[str, int]
) -> Iterator[Document | Defect]:
    """Yield the document of a line's value, or its defects; ``seen`` are the ids of lines before, which it joins."""

    def defect(what: str, mend: str, name: str | None = None) -> Defect:
        return Defect(file, number, name, what, mend)

    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        yield defect("no string under 'text'", 'write {"id": …, "text": …, "spans": […]}')
        return
    name = value.get("id")
    if not isinstance(name, str | int) or isinstance(name, bool):
        yield defect("no 'id'", "give every document an id of its own")
        return
    name = str(name)
    if name in seen:
        yield defect(f"the id stands in line {seen[name]} too", "give every document an id of its own", name)
        return
    seen[name] = number
    for key in ("spans", "links"):
        # a misspelt key must not pass for a document without entities
        if not isinstance(value.get(key, [] if key == "links" else None), list):
            yield defect(f"no list under {key!r}", "write [] where there are none", name)
            return
    found: list[Defect] = []
    spans = [_span(item, i, mapping) for i, item in enumerate(value["spans"])]
    links = [_link(item, i) for i, item in enumerate(value.get("links", []))]
    for item in (*spans, *links):
        if isinstance(item, tuple):
            found.append(defect(*item, name))
    if found:
        # spans that are well formed may have defects of their own; links wait until all spans are
        good = [span for span in spans if isinstance(span, Span)]
        found += [defect(what, mend, name) for what, mend in problems(value["text"], good, ())]
    else:
        # dropping a span moves the numbers that links refer to
        kept = [i for i, span in enumerate(spans) if span is not None]
        place = {old: new for new, old in enumerate(kept)}
        good = [span for span in spans if isinstance(span, Span)]
        ends = [link for link in links if isinstance(link, Link)]
        dropped = {i for i, span in enumerate(spans) if span is None}
        moved = [
            Link(place.get(link.head, link.head), place.get(link.tail, link.tail), link.role)
            for link in ends
            if link.head not in dropped and link.tail not in dropped
        ]
        found = [defect(what, mend, name) for what, mend in problems(value["text"], good, moved)]
        if not found:
            yield Document(name, value["text"], tuple(good), tuple(moved))
            return
    yield from found


def whole(value: object) -> TypeGuard[int]:
    """Whether a value of JSON is a whole number, which true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def _span(item: object, number: int, mapping: Mapped) -> Span | tuple[str, str] | None:
    if not isinstance(item, dict) or not (whole(item.get("start")) and whole(item.get("end"))):
        return f"span {number} has no whole numbers under 'start' and 'end'", "write {start, end, label} for each span"
    label = item.get("label")
    if not isinstance(label, str) or label not in mapping:
        return f"span {number} has the unknown label {label!r}", f"use one of {', '.join(mapping)}"
    ours = mapping[label]
    try:
        checked = Span(item["start"], item["end"], ours or LABEL_NAMES[0])
    except ValueError as error:
        what, _, mend = str(error).partition("; ")
        return f"span {number}: {what}", mend
    return checked if ours else None


def _link(item: object, number: int) -> Link | tuple[str, str]:
    if not isinstance(item, dict) or not (whole(item.get("head")) and whole(item.get("tail"))):
        return f"link {number} has no whole numbers under 'head' and 'tail'", "write {head, tail, role} for each link"
    try:
        return Link(item["head"], item["tail"], str(item.get("role")))
    except ValueError as error:
        what, _, mend = str(error).partition("; ")
        return f"link {number}: {what}", mend


def to_json(document: Document) -> dict[str, Any]:
    """A document as the JSON object of its line."""
    return {
        "id": document.id,
        "text": document.text,
        "spans": [{"start": span.start, "end": span.end, "label": span.label} for span in document.spans],
        "links": [{"head": link.head, "tail": link.tail, "role": link.role} for link in document.links],
    }


def write(documents: Iterable[Document], path: Path) -> None:
    """Write documents, atomically: the file is whole or as it was before.

    A lone surrogate, which UTF-8 cannot hold, is written as its JSON escape and reads back as itself.
    """
    write_objects(map(to_json, documents), path)


def write_objects(values: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write JSON objects, one a line, as :func:`write` does; readers pass over keys that are not of a document."""
    with replaced(path) as partial, partial.open("wb") as raw, _packed(raw, path) as out:
        for value in values:
            out.write((json.dumps(value, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))


def _packed(raw: BinaryIO, path: Path) -> BinaryIO | gzip.GzipFile:
    # no time stamp in the gzip head, so that equal documents make equal files
    return gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if path.suffix == ".gz" else raw
