"""Labelled documents as a data set of the settings wants them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from bangfu.labels import labelled_file
from bangfu.labels.document import Document, Span
from bangfu.training.config import DatasetConfig


def load(config: DatasetConfig) -> list[Document]:
    """Read a data set: its labels made ours, neighbours joined, short texts packed."""
    documents: Iterable[Document] = labelled_file.read(Path(config.path), config.labels)
    if config.joined:
        documents = [join_neighbours(document, config.joined) for document in documents]
    return list(pack(documents, config.packed) if config.packed else documents)


def join_neighbours(document: Document, labels: Iterable[str]) -> Document:
    """Make one span of spans of one of ``labels`` that touch; links are left out, for spans move."""
    joined: list[Span] = []
    for span in sorted(document.spans):
        if joined and span.label in labels and joined[-1].label == span.label and joined[-1].end == span.start:
            joined[-1] = Span(joined[-1].start, span.end, span.label)
        else:
            joined.append(span)
    return Document(document.id, document.text, tuple(joined))


def pack(documents: Iterable[Document], size: int) -> Iterator[Document]:
    """Set consecutive documents side by side, a line feed between, until ``size`` characters are reached."""
    text, spans, name = "", list[Span](), ""
    for document in documents:
        text, name = (text + "\n", name) if text else ("", document.id)
        spans += [Span(span.start + len(text), span.end + len(text), span.label) for span in document.spans]
        text += document.text
        if len(text) >= size:
            yield Document(name, text, tuple(spans))
            text, spans = "", []
    if text:
        yield Document(name, text, tuple(spans))
