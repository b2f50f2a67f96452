"""Tasks of Label Studio: articles with what a model found in them, as its import takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bangfu.labels.document import Span, problems
from bangfu.labels.label_studio_config import LABEL, TEXT

DOCUMENT_ID = "document_id"  # the key of a task's data that holds the id of our document


@dataclass(frozen=True)
class Prediction:
    """What a model found in a text: spans, of each a score, and how sure the model is of the whole.

    Scores lie between 0 and 1; Label Studio shows the task of the lowest ``score`` first. ``model`` tells
    the predictions of one model from those of another. Raises ValueError for anything else.
    """

    spans: tuple[Span, ...]
    span_scores: tuple[float, ...]
    score: float
    model: str

    def __post_init__(self) -> None:
        if len(self.spans) != len(self.span_scores):
            raise ValueError(f"{len(self.spans)} spans have {len(self.span_scores)} scores; give one each")
        for score in (self.score, *self.span_scores):
            if not 0 <= score <= 1:  # not a number is refused, too
                raise ValueError(f"score {score} is out of range; it must lie between 0 and 1")
        if not self.model.strip():
            raise ValueError("the prediction names no model; give its version")

    def to_json(self, text: str) -> dict[str, Any]:
        """The prediction for a text as Label Studio stores it; ValueError where a span does not belong to it."""
        found = problems(text, self.spans, ())
        if found:
            raise ValueError("; ".join(found[0]))
        regions = [
            {
                "id": f"{span.label}-{span.start}-{span.end}",
                "from_name": LABEL,
                "to_name": TEXT,
                "type": "labels",
                "score": score,
                "value": {
                    "start": span.start,
                    "end": span.end,
                    "text": text[span.start : span.end],
                    "labels": [span.label],
                },
            }
            for span, score in zip(self.spans, self.span_scores, strict=True)
        ]
        return {"model_version": self.model, "score": self.score, "result": regions}


def task(name: str, text: str, source: str, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """A task: the raw text, the id of our document, the file it was read from, and predictions.

    ValueError for a text that no request can hold (a lone surrogate) and where a prediction does not fit.
    """
    for value in (name, text, source):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"a lone surrogate at {error.start} of {value[:20]!r}; repair the file it was read from"
            ) from error
    return {
        "data": {DOCUMENT_ID: name, TEXT: text, "source": source},
        "predictions": [prediction.to_json(text) for prediction in predictions],
    }
