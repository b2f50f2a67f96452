"""Augmentation: a fresh variant of each document each epoch, its spans and links carried exactly."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import get_args

import numpy as np

from bangfu.labels.document import Document
from bangfu.training import amounts, names, noise
from bangfu.training.augmentation_config import AugmentationConfig, TransformName
from bangfu.training.rewriting import replace_spans

Transform = Callable[[Document, np.random.Generator], Document]


def other_names(document: Document, random: np.random.Generator) -> Document:
    """Half of the places and bodies get another name of their kind, the same string the same one throughout.

    Places that touch stay as they are: of other names they might read as one chain, which is one span.
    """
    places = sorted(span for span in document.spans if span.label == "LOC")
    touching = [pair for pair in pairwise(places) if pair[0].end == pair[1].start]
    chosen: dict[tuple[str, str], str | None] = {
        (document.span_text(span), span.label): None for pair in touching for span in pair
    }
    texts: dict[int, str] = {}
    for number, span in enumerate(document.spans):
        text = document.span_text(span)
        if span.label in ("LOC", "ORG") and (text, span.label) not in chosen:
            draw = names.place if span.label == "LOC" else names.body
            chosen[text, span.label] = draw(text, random) if random.random() < 0.5 else None
        if new := chosen.get((text, span.label)):
            texts[number] = new
    return replace_spans(document, texts)


def other_amounts(document: Document, random: np.random.Generator) -> Document:
    """Two thirds of the amounts are drawn anew, at times in another form."""
    texts: dict[int, str] = {}
    for number, span in enumerate(document.spans):
        if span.label == "AMOUNT" and random.random() < 2 / 3:
            new = amounts.reroll(document.span_text(span), random)
            if new:
                texts[number] = new
    return replace_spans(document, texts)


# In the order in which they are applied: first what is said, then how it is written, then what the way to us did.
TRANSFORMS: dict[TransformName, Transform] = {
    "names": other_names,
    "amounts": other_amounts,
    "furniture": noise.furniture,
    "lost_stops": noise.lost_stops,
    "line_breaks": noise.line_breaks,
    "full_width": noise.full_width,
    "garbled": noise.garbled,
    "pinyin": noise.pinyin_brackets,
    "traditional": noise.traditional,
}
assert set(TRANSFORMS) == set(get_args(TransformName))


def noisy(documents: Sequence[Document], names: Sequence[TransformName]) -> list[Document]:
    """The documents with each of the transforms applied, always the same way."""
    return Augmenter(AugmentationConfig(**dict.fromkeys(names, 1.0)), seed=17)(documents, epoch=0)


class Augmenter:
    """Draws variants; a variant is a function of the seed, the epoch and the place of the document."""

    def __init__(self, config: AugmentationConfig, seed: int) -> None:
        self.rates = dataclasses.asdict(config)
        self.seed = seed

    def __call__(self, documents: Sequence[Document], epoch: int) -> list[Document]:
        """A variant of each document, in order."""
        return [self.variant(document, epoch, number) for number, document in enumerate(documents)]

    def variant(self, document: Document, epoch: int, number: int) -> Document:
        """One document with each transform applied as often as its rate says."""
        random = np.random.default_rng([self.seed, epoch, number])
        for name, transform in TRANSFORMS.items():
            if random.random() < self.rates[name]:
                document = transform(document, random)
        return document
