"""Alignment: labelled documents as windows of tokens, each token with the tags it may have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from bangfu.inference.cleaning import clean
from bangfu.inference.encoder import Encoder
from bangfu.inference.windows import windows
from bangfu.labels.document import Document
from bangfu.labels.schema import LABEL_NAMES, TAG_IDS, TAGS

Cause = Literal["cleaned away", "no tokens", "boundary inside a token"]
CAUSES: tuple[Cause, ...] = ("cleaned away", "no tokens", "boundary inside a token")

# A token that may have any tag teaches nothing.
ANY_TAG = (1 << len(TAGS)) - 1


def tag_set(tags: Iterable[str]) -> int:
    """A set of tags as the bits of a whole number, bit ``TAG_IDS[tag]`` for each."""
    return sum(1 << TAG_IDS[tag] for tag in set(tags))


def unmarked_tags(annotates: Iterable[str]) -> int:
    """The tags that an unmarked token may have where only the labels ``annotates`` are marked."""
    others = [name for name in LABEL_NAMES if name not in set(annotates)]
    return tag_set(["O", *(f"{prefix}-{name}" for name in others for prefix in "BI")])


@dataclass(frozen=True)
class Example:
    """A window: token ids with [CLS] and [SEP] around, and a set of possible tags (bits) for each.

    [CLS] and [SEP] may have any tag.
    """

    ids: npt.NDArray[np.int64]
    tags: npt.NDArray[np.int64]


@dataclass
class Report:
    """What alignment kept and what it dropped, by cause; a few dropped spans as (document, text, cause)."""

    documents: int = 0
    spans: int = 0
    windows: int = 0
    dropped: Counter[Cause] = field(default_factory=Counter)
    samples: list[tuple[str, str, Cause]] = field(default_factory=list)

    def __str__(self) -> str:
        lost = ", ".join(f"{self.dropped[cause]} {cause}" for cause in CAUSES if self.dropped[cause])
        some = "; ".join(f"{name}: {text!r} ({cause})" for name, text, cause in self.samples)
        return (
            f"{self.documents} documents, {self.windows} windows, {self.spans} spans, "
            f"{self.dropped.total()} dropped" + (f" ({lost}), such as {some}" if lost else "")
        )


def align(
    documents: Sequence[Document],
    encoder: Encoder,
    window: int,
    stride: int,
    annotates: Iterable[str] = LABEL_NAMES,
) -> tuple[list[Example], Report]:
    """Turn documents into windows by the same cleaning, tokens and windows as inference.

    The tokens of a span that cannot be told by tokens may have any tag, so that it teaches neither its
    label nor O.
    """
    report = Report(documents=len(documents))
    examples: list[Example] = []
    unmarked = unmarked_tags(annotates)
    cleaned = [clean(document.text) for document in documents]
    encoded = encoder.encode([clear.text for clear in cleaned])
    for document, clear, tokens in zip(documents, cleaned, encoded, strict=True):
        tags = np.full(len(tokens), unmarked, dtype=np.int64)
        for span in document.spans:
            report.spans += 1
            start, end = clear.clean_range(span.start, span.end)
            first = int(np.searchsorted(tokens.ends, start, side="right"))
            last = int(np.searchsorted(tokens.starts, end, side="left"))
            cause: Cause | None = None
            if start >= end:
                cause = "cleaned away"
            elif first >= last:
                cause = "no tokens"
            elif tokens.starts[first] < start or tokens.ends[last - 1] > end:
                cause = "boundary inside a token"
            if cause:
                tags[first:last] = ANY_TAG
                report.dropped[cause] += 1
                if len(report.samples) < 3:
                    report.samples.append((document.id, document.span_text(span), cause))
            else:
                tags[first] = tag_set([f"B-{span.label}"])
                tags[first + 1 : last] = tag_set([f"I-{span.label}"])
        for part in windows(len(tokens), window, stride, encoder.sentence_ends(tokens)):
            report.windows += 1
            examples.append(
                Example(
                    np.concatenate([[encoder.cls_id], tokens.ids[part.start : part.stop], [encoder.sep_id]]),
                    np.concatenate([[ANY_TAG], tags[part.start : part.stop], [ANY_TAG]]),
                )
            )
    return examples, report
