"""Labelled files of any form: read whole, or checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bangfu.labels import conll, jsonl
from bangfu.labels.defect import Defect, sound
from bangfu.labels.document import Document
from bangfu.labels.user_error import UserError

_CONLL = (".conll", ".bio", ".bioes", ".bmes", ".tsv")


def scan(path: Path, mapping: jsonl.Mapped = jsonl.OURS) -> Iterator[Document | Defect]:
    """Yield the documents and the defects of a file in the order of its lines.

    The form goes by the name: .jsonl and .jsonl.gz are JSON lines; .conll, .bio, .bioes, .bmes and .tsv
    are CoNLL. Whatever keeps the file from being read is a defect too.
    """
    suffixes = path.suffixes[-2:]
    try:
        if path.suffix == ".jsonl" or suffixes == [".jsonl", ".gz"]:
            yield from jsonl.scan(path, mapping)
        elif path.suffix in _CONLL:
            yield from conll.scan(path, None, mapping)
        else:
            known = ", ".join((".jsonl", ".jsonl.gz", *_CONLL))
            yield Defect(str(path), 0, None, f"unknown kind of file {path.suffix!r}", f"name it {known}")
    except OSError as error:
        yield Defect(str(path), 0, None, f"cannot be read ({error.strerror or error})", "give the path of a file")


def read(path: Path | str, mapping: jsonl.Mapped = jsonl.OURS, only: Sequence[str] | None = None) -> list[Document]:
    """All documents of a file, or those whose ids are among ``only``.

    Raises LabelledDataError with every defect when there is one, UserError for an id that the file does not have.
    """
    documents = sound(scan(Path(path), mapping))
    if not only:
        return documents
    unknown = set(only) - {document.id for document in documents}
    if unknown:
        raise UserError(f"{path}: no document {sorted(unknown)[0]!r}; leave --documents out for all")
    return [document for document in documents if document.id in only]
