"""Defects of labelled data: each is one line that says where, what, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from bangfu.labels.user_error import UserError

T = TypeVar("T")


@dataclass(frozen=True)
class Defect:
    """One thing wrong in a file of labelled data; ``line`` counts from 1, ``document`` may be unknown."""

    file: str
    line: int
    document: str | None
    what: str
    mend: str

    def __str__(self) -> str:
        document = f" document {self.document!r}:" if self.document is not None else ""
        return f"{self.file}:{self.line}:{document} {self.what}; {self.mend}"


class LabelledDataError(UserError):
    """Labelled data that cannot be used; ``defects`` holds all that was found, the message the first."""

    def __init__(self, defects: list[Defect]) -> None:
        self.defects = defects
        more = f" (and {len(defects) - 1} more)" if len(defects) > 1 else ""
        super().__init__(f"{defects[0]}{more}")


def sound(items: Iterable[T | Defect]) -> list[T]:
    """The items, all of which are read first; raises LabelledDataError with every defect that is among them."""
    good: list[T] = []
    defects: list[Defect] = []
    for item in items:
        if isinstance(item, Defect):
            defects.append(item)
        else:
            good.append(item)
    if defects:
        raise LabelledDataError(defects)
    return good
