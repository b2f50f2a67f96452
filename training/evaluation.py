"""Evaluation: strict span precision, recall and F1, and errors by kind."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bangfu.inference.entity import Entity
from bangfu.inference.extractor import Extractor
from bangfu.inference.selection import reach, select
from bangfu.labels.document import Document, Span
from bangfu.labels.schema import LABEL_NAMES

ErrorKind = Literal["boundary", "type", "boundary_and_type", "missed", "spurious"]
# Frozen: reports, files and readers of them rely on these names.
ERROR_KINDS: tuple[ErrorKind, ...] = ("boundary", "type", "boundary_and_type", "missed", "spurious")
MICRO = "micro"
NONE = "none"  # in a confusion, the other side of what is missed or spurious


@dataclass(frozen=True)
class Error:
    """One disagreement: ``gold`` is absent for spurious spans, ``found`` for missed ones."""

    kind: ErrorKind
    gold: Span | None
    found: Span | None


@dataclass(frozen=True)
class Score:
    """Counts of one label (or of all, ``micro``) and what follows from them; 0 where nothing was there."""

    correct: int
    gold: int
    found: int

    @property
    def precision(self) -> float:
        return self.correct / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.correct / (self.gold + self.found) if self.gold + self.found else 0.0

    def __add__(self, other: Score) -> Score:
        return Score(self.correct + other.correct, self.gold + other.gold, self.found + other.found)


@dataclass(frozen=True)
class Comparison:
    """A document, the spans that were found in it, and how the two sets of spans differ.

    ``certain`` has the score of each found span, or is empty where they have none.
    """

    document: Document
    found: tuple[Span, ...]
    errors: tuple[Error, ...]
    certain: tuple[float, ...] = ()

    def scores(self) -> dict[str, Score]:
        """Score by label and micro: a span is correct when start, end and label are those of a gold span."""
        gold, found = set(self.document.spans), set(self.found)
        scores = {}
        for label in LABEL_NAMES:
            ours = {span for span in gold if span.label == label}
            theirs = {span for span in found if span.label == label}
            scores[label] = Score(len(ours & theirs), len(ours), len(theirs))
        scores[MICRO] = sum(scores.values(), Score(0, 0, 0))
        return scores


def compare(document: Document, found: Iterable[Span]) -> Comparison:
    """Tell the errors of ``found`` by kind.

    Spans that are equal are correct. The rest are paired, each at most once, and in this order: same
    place and another label (type); same label and overlapping places (boundary), the largest overlap
    first; another label and overlapping places (boundary and type). What is left of the gold spans is
    missed, what is left of the found ones spurious.
    """
    spans = tuple(sorted(found))
    there, marked = set(spans), set(document.spans)
    gold_left = [span for span in document.spans if span not in there]
    found_left = [span for span in spans if span not in marked]
    errors: list[Error] = []
    pairs = []
    # spans of a document do not overlap, so those that share a character with another stand side by side
    placed = sorted(gold_left)
    starts, ends = [span.start for span in placed], [span.end for span in placed]
    for other in found_left:
        for gold in placed[bisect_right(ends, other.start) : bisect_left(starts, other.end)]:
            shared = min(gold.end, other.end) - max(gold.start, other.start)
            same_place = (gold.start, gold.end) == (other.start, other.end)
            kind: ErrorKind = "type" if same_place else "boundary" if gold.label == other.label else "boundary_and_type"
            pairs.append((("type", "boundary", "boundary_and_type").index(kind), -shared, gold, other, kind))
    taken: set[tuple[str, Span]] = set()
    for _, _, gold, other, kind in sorted(pairs, key=lambda pair: pair[:4]):
        if ("gold", gold) not in taken and ("found", other) not in taken:
            taken |= {("gold", gold), ("found", other)}
            errors.append(Error(kind, gold, other))
    errors += [Error("missed", gold, None) for gold in gold_left if ("gold", gold) not in taken]
    errors += [Error("spurious", None, other) for other in found_left if ("found", other) not in taken]
    errors.sort(key=lambda error: (error.gold or error.found or Span(0, 1, LABEL_NAMES[0])).start)
    return Comparison(document, spans, tuple(errors))


def total(comparisons: Sequence[Comparison]) -> dict[str, Score]:
    """Score by label and micro over all documents together."""
    sums = dict.fromkeys((*LABEL_NAMES, MICRO), Score(0, 0, 0))
    for comparison in comparisons:
        for label, score in comparison.scores().items():
            sums[label] += score
    return sums


def error_counts(comparisons: Sequence[Comparison]) -> dict[str, dict[str, int]]:
    """How many errors of each kind, by the label of the gold span (of the found one where spurious)."""
    counts = Counter(
        (error.kind, (error.gold or error.found).label)  # type: ignore[union-attr]
        for comparison in comparisons
        for error in comparison.errors
    )
    return {kind: {label: counts[kind, label] for label in LABEL_NAMES} for kind in ERROR_KINDS}


def confusion(comparisons: Sequence[Comparison]) -> dict[str, dict[str, int]]:
    """How many spans of each gold label were found under each label, as :func:`compare` pairs them.

    The diagonal holds exact spans and errors of the boundary alone; ``none`` is the row of spurious spans
    and the column of missed ones.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for comparison in comparisons:
        gold = set(comparison.document.spans)
        counts.update((span.label, span.label) for span in comparison.found if span in gold)
        counts.update(
            (error.gold.label if error.gold else NONE, error.found.label if error.found else NONE)
            for error in comparison.errors
        )
    names = (*LABEL_NAMES, NONE)
    return {row: {column: counts[row, column] for column in names} for row in names}


def certainty(comparisons: Sequence[Comparison]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The score of every found span, and whether the span is correct."""
    pairs = [
        (certain, span in gold)
        for comparison in comparisons
        for gold in [set(comparison.document.spans)]
        for span, certain in zip(comparison.found, comparison.certain, strict=True)
    ]
    return np.array([score for score, _ in pairs], dtype=np.float64), np.array(
        [right for _, right in pairs], dtype=bool
    )


def intervals(
    comparisons: Sequence[Comparison], rounds: int = 2000, seed: int = 17, level: float = 0.95
) -> dict[str, tuple[float, float]]:
    """Percentile bootstrap interval of each F1: documents are drawn anew, with replacement.

    With few documents it is wide and still too narrow: say how many there were.
    """
    labels = (*LABEL_NAMES, MICRO)
    counts = np.array(
        [
            [(score.correct, score.gold + score.found) for score in (scores[label] for label in labels)]
            for scores in (comparison.scores() for comparison in comparisons)
        ],
        dtype=np.float64,
    ).reshape(len(comparisons), len(labels), 2)
    if not len(counts):
        return dict.fromkeys(labels, (0.0, 0.0))
    random = np.random.default_rng(seed)
    weights = random.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=rounds)
    sums = np.einsum("rd,dlc->rlc", weights, counts)
    ranges = {}
    for i, label in enumerate(labels):
        # rounds without a span of the label say nothing of it
        some = sums[:, i, 1] > 0
        f1 = 2 * sums[some, i, 0] / sums[some, i, 1]
        low, high = np.quantile(f1, [(1 - level) / 2, (1 + level) / 2]) if some.any() else (0.0, 0.0)
        ranges[label] = (float(low), float(high))
    return ranges


def measure(extractor: Extractor, documents: Sequence[Document], min_score: float | None = None) -> list[Comparison]:
    """Extract from the raw text of each document and compare with its spans."""
    found = extractor([document.text for document in documents], min_score=min_score)
    return [_compared(document, entities) for document, entities in zip(documents, found, strict=True)]


def at_least(comparisons: Sequence[Comparison], score: float) -> list[Comparison]:
    """The same documents with what an extractor of this ``min_score`` finds."""
    return [_compared(one.document, select(_entities(one), score)) for one in comparisons]


def of_labels(comparisons: Sequence[Comparison], labels: Collection[str]) -> list[Comparison]:
    """The same documents with what was found of some labels, for documents that mark no others."""
    return [
        _compared(one.document, [found for found in _entities(one) if found.label in labels]) for one in comparisons
    ]


def _compared(document: Document, entities: Iterable[Entity]) -> Comparison:
    scores = {Span(entity.start, entity.end, entity.label): entity.score for entity in entities}
    comparison = compare(document, scores)
    return dataclasses.replace(comparison, certain=tuple(scores[span] for span in comparison.found))


def reaches(comparisons: Sequence[Comparison]) -> npt.NDArray[np.float64]:
    """Up to which ``min_score`` an extractor puts out each found span, in the order of :func:`certainty`."""
    return np.array([highest for one in comparisons for highest in reach(_entities(one))], dtype=np.float64)


def _entities(comparison: Comparison) -> list[Entity]:
    """What was found in a document, with its scores."""
    return [
        Entity(span.start, span.end, span.label, comparison.document.span_text(span), certain)
        for span, certain in zip(comparison.found, comparison.certain, strict=True)
    ]


def figures(comparisons: Sequence[Comparison]) -> dict[str, dict[str, Any]]:
    """Precision, recall, F1 with its interval, and counts, by label and micro; shares are 0 to 1."""
    ranges = intervals(comparisons)
    return {
        label: {
            "precision": score.precision,
            "recall": score.recall,
            "f1": score.f1,
            "f1_interval": list(ranges[label]),
            "correct": score.correct,
            "gold": score.gold,
            "found": score.found,
        }
        for label, score in total(comparisons).items()
    }


def metrics(comparisons: Sequence[Comparison], model: str) -> dict[str, Any]:
    """All figures as plain values: what ``metrics.json`` holds. Shares are 0 to 1."""
    return {
        "model": model,
        "documents": len(comparisons),
        "scores": figures(comparisons),
        "errors": error_counts(comparisons),
    }


def table(values: dict[str, Any]) -> str:
    """The figures of :func:`metrics` as lines to read, in percent."""
    lines = [f"{values['model']}, {values['documents']} documents, strict spans"]
    lines.append(f"{'':8}{'P':>7}{'R':>7}{'F1':>7}  {'95 % interval':14}{'gold':>7}{'found':>7}")
    for label, score in values["scores"].items():
        low, high = score["f1_interval"]
        lines.append(
            f"{label:8}{100 * score['precision']:7.1f}{100 * score['recall']:7.1f}{100 * score['f1']:7.1f}"
            f"  {f'{100 * low:.1f}–{100 * high:.1f}':14}{score['gold']:7}{score['found']:7}"
        )
    kinds = ", ".join(f"{sum(by_label.values())} {kind}" for kind, by_label in values["errors"].items())
    return "\n".join([*lines, f"errors: {kinds}"])
