"""Extraction from a stream of articles, in order, and what it came to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from bangfu.inference.article import Article
from bangfu.inference.entity import Entity
from bangfu.inference.extractor import Extractor
from bangfu.labels.schema import LABEL_NAMES

# articles held at a time, by number and by characters
_LOOK_AHEAD = 64
_CHARACTERS = 1 << 18


def extracted(extractor: Extractor, articles: Iterable[Article]) -> Iterator[tuple[Article, list[Entity]]]:
    """Each article with its entities, in order; a look-ahead of articles is held, few where they are long."""
    held: list[Article] = []
    characters = 0
    for article in articles:
        held.append(article)
        characters += len(article.text)
        if len(held) >= _LOOK_AHEAD or characters >= _CHARACTERS:
            yield from zip(held, extractor([article.text for article in held]), strict=True)
            held, characters = [], 0
    yield from zip(held, extractor([article.text for article in held]), strict=True)


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
