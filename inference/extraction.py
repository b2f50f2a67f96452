"""Extraction from a stream of articles, in order, and what it came to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from bangfu.inference.article import Article
from bangfu.inference.entity import Entity
from bangfu.inference.extractor import Extractor
from bangfu.labels.schema import LABEL_NAMES


def extracted(
    extractor: Extractor, articles: Iterable[Article], waits: Callable[[], bool] | None = None
) -> Iterator[tuple[Article, list[Entity]]]:
    """Each article with its entities, in order; what the extractor holds to look ahead is held.

    ``waits`` is as of :meth:`Extractor.stream`.
    """
    held: deque[Article] = deque()

    def texts() -> Iterator[str]:
        for article in articles:
            held.append(article)
            yield article.text

    for entities in extractor.stream(texts(), waits=waits):
        yield held.popleft(), entities


@dataclass
class Summary:
    """What has been extracted: articles, their characters, entities by label, and what was skipped."""

    articles: int = 0
    characters: int = 0
    skipped: int = 0
    entities: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LABEL_NAMES, 0))

    def add(self, article: Article, entities: Sequence[Entity]) -> None:
        """Count an article."""
        self.articles += 1
        self.characters += len(article.text)
        for entity in entities:
            self.entities[entity.label] += 1

    def plus(self, other: Summary) -> None:
        """Count what another has counted."""
        self.articles += other.articles
        self.characters += other.characters
        self.skipped += other.skipped
        for label, count in other.entities.items():
            self.entities[label] += count

    def __str__(self) -> str:
        """One line."""
        labels = ", ".join(f"{label} {count:,}" for label, count in self.entities.items())
        return (
            f"{self.articles:,} articles, {self.characters:,} characters; "
            f"{sum(self.entities.values()):,} entities ({labels}); {self.skipped:,} skipped"
        )
