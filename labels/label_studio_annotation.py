"""Annotations of Label Studio: what people marked, checked and made documents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from bangfu.labels import jsonl
from bangfu.labels.document import Document, Link, Span, problems
from bangfu.labels.label_studio_config import LABEL, NOTE, TEXT, shown_role
from bangfu.labels.label_studio_task import DOCUMENT_ID
from bangfu.labels.schema import ROLE_NAMES, ROLES

Reason = Literal["cancelled", "empty", "overlapping", "broken", "replaced", "link dropped"]
_ROLES = {shown: name for name in ROLE_NAMES for shown in (name, shown_role(name))}


@dataclass(frozen=True)
class Skipped:
    """What of a task was not taken over, and why; for a dropped link the rest of the document was."""

    task: int
    document: str
    reason: Reason
    what: str

    def __str__(self) -> str:
        return f"task {self.task} document {self.document!r}: {self.reason}: {self.what}"


@dataclass(frozen=True)
class Annotated:
    """A document as one person marked it.

    ``name`` is the document's id in the project, the same for all who marked it; ``document.id`` is not
    shared. ``finished`` is the time of the last submission, ISO 8601.
    """

    document: Document
    name: str
    task: int
    annotation: int
    annotator: str
    finished: str
    note: str

    def shared(self) -> Document:
        """The document under an id that all who marked the task have in common."""
        return replace(self.document, id=f"{self.name} (task {self.task})")

    def to_json(self) -> dict[str, Any]:
        """The line of a JSONL file: the document, and under ``label_studio`` whose work it is."""
        facts = {
            "document": self.name,
            "task": self.task,
            "annotation": self.annotation,
            "annotator": self.annotator,
            "finished": self.finished,
            "note": self.note,
        }
        return jsonl.to_json(self.document) | {"label_studio": facts}


def collect(tasks: Iterable[Mapping[str, Any]], people: Mapping[int, str]) -> tuple[list[Annotated], list[Skipped]]:
    """The documents of exported tasks, and what was not taken over.

    Of each person the last annotation of a task counts. The first to have marked a task gives the document
    its own id; others' are ``id@person``. ``people`` gives a name for each number of a person.
    """
    done: list[Annotated] = []
    skipped: list[Skipped] = []
    ids: set[str] = set()
    for task in tasks:
        number, data = int(task["id"]), task.get("data") or {}
        name = data.get(DOCUMENT_ID)
        # a task that was imported by other hands has no id of ours
        name = name if isinstance(name, str) and name else f"task-{number}"
        last: dict[str, Mapping[str, Any]] = {}
        for annotation in sorted(task.get("annotations") or [], key=lambda one: int(one["id"])):
            person = _person(annotation.get("completed_by"), people)
            if person in last:
                skipped.append(Skipped(number, name, "replaced", f"by a later annotation of {person}"))
            last[person] = annotation
        first = True
        for person, annotation in last.items():
            text = data.get(TEXT)
            if not isinstance(text, str):
                skipped.append(Skipped(number, name, "broken", f"the task has no {TEXT!r}; import it with one"))
                continue
            given = _read(number, name, text, annotation)
            skipped += (item for item in given if isinstance(item, Skipped))
            for item in given:
                if isinstance(item, tuple):
                    spans, links, note = item
                    own = _free(name if first else f"{name}@{person}", ids)
                    first = False
                    finished = str(annotation.get("updated_at") or annotation.get("created_at") or "")
                    document = Document(own, text, spans, links)
                    done.append(Annotated(document, name, number, int(annotation["id"]), person, finished, note))
    return done, skipped


def _person(value: object, people: Mapping[int, str]) -> str:
    if isinstance(value, Mapping):
        value = value.get("id")
    return people.get(value, f"user-{value}") if isinstance(value, int) else "unknown"


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}#{number}"
    taken.add(free)
    return free


_Read = tuple[tuple[Span, ...], tuple[Link, ...], str]


def _read(task: int, name: str, text: str, annotation: Mapping[str, Any]) -> list[_Read | Skipped]:
    """Spans, links and note of one annotation, and what keeps them from being taken over."""

    def skip(reason: Reason, what: str) -> Skipped:
        return Skipped(task, name, reason, what)

    if annotation.get("was_cancelled"):
        return [skip("cancelled", "the person skipped the task")]
    result = annotation.get("result")
    if not isinstance(result, list) or not all(isinstance(item, Mapping) for item in result):
        return [skip("broken", "the annotation has no list of results")]
    found: dict[Span, int] = {}  # a place that was marked twice alike counts once
    places: dict[str, int] = {}
    for item in result:
        if item.get("from_name") == LABEL and item.get("type") == "labels":
            span = _span(item.get("value"), text)
            if isinstance(span, str):
                return [skip("broken", span)]
            places[str(item.get("id"))] = found.setdefault(span, len(found))
    if not found:
        return [skip("empty", "nothing is marked")]
    spans = tuple(found)
    overlapping = problems(text, spans, ())
    if overlapping:
        return [skip("overlapping", "; ".join(overlapping[0]))]
    links: list[Link] = []
    dropped: list[Skipped] = []
    for item in result:
        if item.get("type") == "relation":
            for link in _links(item, places, spans):
                if isinstance(link, str):
                    dropped.append(skip("link dropped", link))
                elif link not in links:
                    links.append(link)
    return [(spans, tuple(links), "\n".join(_notes(result))), *dropped]


def _span(value: object, text: str) -> Span | str:
    if not isinstance(value, Mapping):
        return "a mark has no value"
    start, end, labels = value.get("start"), value.get("end"), value.get("labels")
    if type(start) is not int or type(end) is not int:
        return f"a mark has no whole numbers as start and end ({start!r}, {end!r})"
    if not isinstance(labels, list) or len(labels) != 1 or not isinstance(labels[0], str):
        return f"the mark [{start}, {end}) has {labels!r} for a label; give it one"
    try:
        span = Span(start, end, labels[0])
    except ValueError as error:
        return str(error)
    found = problems(text, [span], ())
    if found:
        return "; ".join(found[0])
    said = value.get("text")
    # offsets that count other units than code points would move silently
    if isinstance(said, str) and said and _visible(said) != _visible(text[start:end]):
        return f"the mark [{start}, {end}) covers {text[start:end]!r}, but was made on {said!r}; mark it anew"
    return span


def _visible(text: str) -> str:
    """What is left of a text by a browser that gives line breaks as a backslash and n and collapses spaces."""
    text = re.sub(r"\\[nr]", "", text)
    return "".join(mark for mark in text if not mark.isspace() and unicodedata.category(mark)[0] not in "CZ")


def _links(item: Mapping[str, Any], places: Mapping[str, int], spans: tuple[Span, ...]) -> Iterator[Link | str]:
    one, other = (places.get(str(item.get(key))) for key in ("from_id", "to_id"))
    if one is None or other is None:
        yield "an end of it is no mark"
        return
    ends = f"{spans[one].label} [{spans[one].start}, {spans[one].end}) and {spans[other].label} [{spans[other].start}, "
    ends += f"{spans[other].end})"
    labels = item.get("labels")
    if not isinstance(labels, list) or not labels:
        yield f"the link of {ends} has no role; give it one"
        return
    for label in labels:
        role = _ROLES.get(str(label))
        if role is None:
            yield f"the link of {ends} has the unknown role {label!r}; use one of {', '.join(ROLE_NAMES)}"
            continue
        kind = ROLES[ROLE_NAMES.index(role)]
        # the labels at its ends say which way a link leads, however it was drawn
        for head, tail in ((one, other), (other, one)):
            if spans[head].label in kind.heads and spans[tail].label in kind.tails:
                yield Link(head, tail, role)
                break
        else:
            yield f"no {role} joins {ends}; it leads from {' or '.join(kind.heads)} to {' or '.join(kind.tails)}"


def _notes(result: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for item in result:
        value = item.get("value")
        if item.get("from_name") == NOTE and isinstance(value, Mapping):
            said = value.get("text")
            yield from (str(part) for part in (said if isinstance(said, list) else [said]) if part)
