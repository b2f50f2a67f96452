"""Marks without their text: for texts that may be read and measured on, but not handed on.

One JSON object a document: ``{"id", "sha256", "start", "end", "spans", "links"}``. ``sha256`` is that of the line
of the source, in UTF-8 without its line end, in which the document's text is [start, end); spans count from the start
of the document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bangfu.labels import jsonl
from bangfu.labels.defect import Defect, sound
from bangfu.labels.document import Document
from bangfu.labels.user_error import UserError

_ANEW = "write them anew with `bangfu corpus detach`"


def detach(documents: Sequence[Document], lines: Iterable[str]) -> list[dict[str, Any]]:
    """The marks of documents whose texts are parts of lines, in the documents' order.

    Raises UserError for a document whose text stands in no line.
    """
    missing = dict(enumerate(documents))
    found: dict[int, dict[str, Any]] = {}
    for line in lines:
        for number, document in list(missing.items()):
            start = line.find(document.text)
            if start >= 0:
                del missing[number]
                marks = jsonl.to_json(document)
                where = {"sha256": _hash(line), "start": start, "end": start + len(marks.pop("text"))}
                found[number] = {"id": marks.pop("id"), **where, **marks}
        if not missing:
            break
    for document in missing.values():
        raise UserError(f"document {document.id!r}: its text is in no line of the source; give the source it is from")
    return [found[number] for number in sorted(found)]


def attach(path: Path, lines: Iterable[str]) -> list[Document]:
    """The documents of a file of marks, with their texts from the lines of the source, in the file's order.

    Raises LabelledDataError with all marks that cannot be read or do not fit, and lines that the source does not have.
    """
    marks = sound(_marks(path))  # before the source, which may be large, is read
    wanted = {mark["sha256"] for _, mark in marks}
    texts = {key: line for line in lines if (key := _hash(line)) in wanted}
    return sound(_documents(str(path), marks, texts))


def _hash(line: str) -> str:
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).hexdigest()


def _marks(path: Path) -> Iterator[tuple[int, dict[str, Any]] | Defect]:
    """The marks of each line with its number, or what is wrong with them."""
    try:
        for item in jsonl.objects(path):
            if not isinstance(item, Defect) and (what := _problem(item[1])):
                yield Defect(str(path), item[0], None, f"no marks ({what})", _ANEW)
            else:
                yield item
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); give the path of a file") from error


def _documents(
    file: str, marks: Sequence[tuple[int, dict[str, Any]]], texts: Mapping[str, str]
) -> Iterator[Document | Defect]:
    """The documents of marks, by the lines of the source that have their hashes, or why there is none."""
    seen: dict[str, int] = {}
    for number, mark in marks:
        line, end, name = texts.get(mark["sha256"]), mark["end"], repr(mark.get("id"))
        if line is None:
            mend = "give the source it is from, unchanged"
            yield Defect(file, number, None, f"document {name}: its line is not in the source", mend)
        elif end > len(line):
            what = f"document {name} ends at {end}, behind the line of {len(line)} characters"
            yield Defect(file, number, None, what, _ANEW)
        else:
            yield from jsonl.checked(file, number, mark | {"text": line[mark["start"] : end]}, jsonl.OURS, seen)


def _problem(value: object) -> str:
    """What keeps a value from telling where its text is; '' where nothing does."""
    if not isinstance(value, dict) or not isinstance(value.get("sha256"), str):
        return "no string under 'sha256'"
    start, end = value.get("start"), value.get("end")
    if not (jsonl.whole(start) and jsonl.whole(end)):
        return "no whole numbers under 'start' and 'end'"
    return "" if 0 <= start <= end else f"[{start}, {end}) is no part of a line"
