"""Marks without their text: for texts that may be read and measured on, but not handed on.

One JSON object a document: ``{"id", "sha256", "start", "end", "spans", "links"}``. ``sha256`` is that of the line
of the source, in UTF-8 without its line end, in which the document's text is [start, end); spans count from the start
of the document.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bangfu.labels import jsonl, text_lines
from bangfu.labels.document import Document, Link, Span
from bangfu.labels.user_error import UserError


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

    Raises UserError for marks that cannot be read or do not fit, and for a line that the source does not have.
    """
    marks = [_marks(f"{path}:{number}", line) for number, line in enumerate(text_lines.lines(path), 1)]
    wanted = {mark["sha256"] for mark in marks}
    texts = {key: line for line in lines if (key := _hash(line)) in wanted}
    documents = []
    for number, mark in enumerate(marks, 1):
        where = f"{path}:{number}: document {mark['id']!r}"
        if mark["sha256"] not in texts:
            raise UserError(f"{where}: its line is not in the source; give the source it is from, unchanged")
        try:
            spans = tuple(Span(**span) for span in mark["spans"])
            links = tuple(Link(**link) for link in mark["links"])
            text = texts[mark["sha256"]][mark["start"] : mark["end"]]
            documents.append(Document(mark["id"], text, spans, links))
        except (TypeError, ValueError) as error:
            raise UserError(
                f"{where}: marks that do not fit ({error}); write them anew from the labelled file"
            ) from error
    return documents


def _hash(line: str) -> str:
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).hexdigest()


def _marks(where: str, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
        return {name: value[name] for name in ("id", "sha256", "start", "end", "spans", "links")}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{where}: no marks ({error}); write them with `bangfu corpus detach`") from error
