"""Predictions for Label Studio: an extractor's entities as spans, with the version of its model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from bangfu.inference.backend import Device
from bangfu.inference.extractor import Extractor
from bangfu.inference.model_folder import SHIPPED, ModelFolder
from bangfu.labels.document import Span
from bangfu.labels.label_studio_task import Prediction


class Predictor:
    """Gives a prediction for each text, in order; ``model`` is the version that stands in them."""

    def __init__(self, extractor: Extractor, model: str) -> None:
        self.extractor, self.model = extractor, model

    @classmethod
    def load(cls, path: Path | None, device: Device = "auto") -> Predictor:
        """Load a model folder, or the shipped model; raises what :meth:`Extractor.load` does."""
        return cls(Extractor.load(path, device=device), ModelFolder.load(path or SHIPPED).version())

    def __call__(self, texts: Iterable[str]) -> Iterator[Prediction]:
        """One prediction a text; its score is the extractor's certainty of the whole text."""
        for entities, certainty in self.extractor.with_certainty(texts):
            yield Prediction(
                tuple(Span(entity.start, entity.end, entity.label) for entity in entities),
                tuple(entity.score for entity in entities),
                round(certainty, 6),
                self.model,
            )
