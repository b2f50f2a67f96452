"""The extractor: text → windows → tags → spans → entities."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, overload

import numpy as np
import numpy.typing as npt

from bangfu.inference.backend import Backend, Device, Precision
from bangfu.inference.calibration import Calibration
from bangfu.inference.cleaning import Cleaned, clean
from bangfu.inference.decoding import certainty, decode
from bangfu.inference.entity import Entity
from bangfu.inference.model_folder import SHIPPED, TOKENIZER, ModelFolder, ModelSettings
from bangfu.inference.selection import select
from bangfu.inference.tokens import Encoder, Tokens
from bangfu.inference.windows import Window, stitch, windows
from bangfu.labels.schema import TAGS
from bangfu.labels.user_error import UserError

# Tokens of a batch, and characters that are held to sort windows by length.
BATCH_TOKENS = 4096
LOOK_AHEAD = 1 << 15


class Extractor:
    """Finds entities in text.

    ``extractor(text)`` gives a list of entities in order, ``extractor(texts)`` one such list a text, in
    the order of the texts. Offsets are code points of the text as it was given.
    """

    def __init__(
        self,
        backend: Backend,
        encoder: Encoder,
        settings: ModelSettings,
        batch_tokens: int = BATCH_TOKENS,
        cleaning: Callable[[str], Cleaned] = clean,
        min_score: float | None = None,
    ) -> None:
        if batch_tokens < 1:
            raise UserError(f"batch_tokens {batch_tokens} must be at least 1")
        self.min_score = None if min_score is None else _checked(min_score)
        self.backend, self.encoder, self.settings, self.batch_tokens = backend, encoder, settings, batch_tokens
        # another one than the model was trained with is only good for measuring what the cleaning is worth
        self.cleaning = cleaning

    @classmethod
    def load(
        cls,
        path: Path | str | None = None,
        *,
        device: Device = "auto",
        backend: Literal["onnx", "torch"] = "onnx",
        precision: Precision = "auto",
        threads: int = 0,
        batch_tokens: int = BATCH_TOKENS,
        min_score: float | None = None,
    ) -> Extractor:
        """Load a model folder, or the shipped model when ``path`` is not given.

        ``precision`` is int8 on a CPU where the model has it, and fp32 elsewhere, when not given; ``threads``
        is how many one batch may use, all cores when 0 (both of the onnx backend). A batch holds at most
        ``batch_tokens`` tokens, padding included, or one window. Entities of a score below ``min_score``,
        or what the model recommends, are left out, but for names that have it elsewhere in the same text.

        Raises ModelFolderError for a folder that is incomplete, broken or of another version, DeviceError
        for a device that is not there, ImportError (with the command that helps) for a missing extra.
        """
        if backend not in ("onnx", "torch"):
            raise UserError(f"unknown backend {backend!r}; use 'onnx' or 'torch'")
        if device not in ("cpu", "cuda", "auto"):
            raise UserError(f"unknown device {device!r}; use 'cpu', 'cuda' or 'auto'")
        if precision not in ("int8", "fp32", "auto"):
            raise UserError(f"unknown precision {precision!r}; use 'int8', 'fp32' or 'auto'")
        if backend == "torch" and precision == "int8":
            raise UserError("int8 is of the onnx backend; use backend='onnx' or precision='fp32'")
        folder = ModelFolder.load(SHIPPED if path is None else path)
        encoder = Encoder.from_file(folder.file(TOKENIZER))
        running: Backend
        if backend == "onnx":
            from bangfu.inference.onnx_backend import OnnxBackend

            running = OnnxBackend(folder, device, precision, threads)
        else:
            from bangfu.inference.torch_backend import TorchBackend

            running = TorchBackend.load(folder, device)
        return cls(running, encoder, folder.settings, batch_tokens, min_score=min_score)

    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, texts: str, *, min_score: float | None = None
    ) -> list[Entity]: ...
    @overload
    def __call__(self, texts: Sequence[str], *, min_score: float | None = None) -> list[list[Entity]]: ...
    def __call__(
        self, texts: str | Sequence[str], *, min_score: float | None = None
    ) -> list[Entity] | list[list[Entity]]:
        """Extract from one text or a list of texts; TypeError for anything else.

        ``min_score`` overrules that of the extractor.
        """
        if isinstance(texts, str):
            return next(self.stream([texts], min_score=min_score))
        return list(self.stream(texts, min_score=min_score))

    def stream(
        self, texts: Iterable[str], look_ahead: int = LOOK_AHEAD, *, min_score: float | None = None
    ) -> Iterator[list[Entity]]:
        """Extract from any number of texts, in order, holding ``look_ahead`` characters at a time, or one text."""
        least = self._least(min_score)
        for some in _held(texts, look_ahead):
            for entities, _ in self._read(some):
                yield select(entities, least)

    def _least(self, min_score: float | None = None) -> float:
        """The least score asked for, now or when the extractor was made, else that of the model."""
        if min_score is not None:
            return _checked(min_score)
        return self.settings.min_score if self.min_score is None else self.min_score

    def with_certainty(
        self, texts: Iterable[str], look_ahead: int = LOOK_AHEAD
    ) -> Iterator[tuple[list[Entity], float]]:
        """As :meth:`stream`, and of each text how sure the model is of it as a whole, 0 to 1.

        That is the mean probability of the tags of all tokens, so it counts places where an entity may have
        been missed. On the corpus it tells apart texts with many errors a character better than the scores of
        the entities do, their mean or their least.
        """
        for some in _held(texts, look_ahead):
            for entities, scores in self._read(some):
                yield select(entities, self._least()), certainty(scores)

    def _read(self, raws: Sequence[str]) -> list[tuple[list[Entity], npt.NDArray[np.float32]]]:
        """Of each text the entities and the tag logits [tokens, tags]."""
        for number, raw in enumerate(raws):
            if not isinstance(raw, str):
                raise TypeError(f"text {number} is {type(raw).__name__}, not str; pass a string or a list of strings")
        cleaned = [self.cleaning(raw) for raw in raws]
        tokens = self.encoder.encode([clear.text for clear in cleaned])
        return [
            (_entities(raw, clear, one, scores, self.settings.calibration), scores)
            for raw, clear, one, scores in zip(raws, cleaned, tokens, self.scores(tokens), strict=True)
        ]

    def scores(self, sequences: Sequence[Tokens]) -> list[npt.NDArray[np.float32]]:
        """Tag logits [tokens, tags] of each sequence, whatever its length; batches are sorted by length."""
        jobs = [
            (number, window)
            for number, tokens in enumerate(sequences)
            for window in windows(
                len(tokens), self.settings.window, self.settings.stride, self.encoder.sentence_ends(tokens)
            )
        ]
        jobs.sort(key=lambda job: len(job[1]))
        parts: list[list[tuple[Window, npt.NDArray[np.float32]]]] = [[] for _ in sequences]
        for batch in self._batches(jobs):
            width = max(len(window) for _, window in batch) + 2
            ids = np.full((len(batch), width), self.encoder.pad_id, dtype=np.int64)
            mask = np.zeros_like(ids)
            for row, (number, window) in enumerate(batch):
                ids[row, 0] = self.encoder.cls_id
                ids[row, 1 : len(window) + 1] = sequences[number].ids[window.start : window.stop]
                ids[row, len(window) + 1] = self.encoder.sep_id
                mask[row, : len(window) + 2] = 1
            scores = self.backend.scores(ids, mask)
            for row, (number, window) in enumerate(batch):
                parts[number].append((window, scores[row, 1 : len(window) + 1]))
        return [stitch(found, len(tokens), len(TAGS)) for found, tokens in zip(parts, sequences, strict=True)]

    def _batches(self, jobs: Sequence[tuple[int, Window]]) -> Iterator[list[tuple[int, Window]]]:
        """Cut windows of rising length into batches of at most ``batch_tokens`` tokens, padding included."""
        batch: list[tuple[int, Window]] = []
        for job in jobs:
            if batch and (len(batch) + 1) * (len(job[1]) + 2) > self.batch_tokens:
                yield batch
                batch = []
            batch.append(job)
        if batch:
            yield batch


def _held(texts: Iterable[str], characters: int) -> Iterator[list[str]]:
    """Texts in their order, so many at a time that they have this number of characters."""
    some: list[str] = []
    held = 0
    for text in texts:
        some.append(text)
        held += len(text) + 1 if isinstance(text, str) else 1  # what is no text is refused when it is read
        if held >= characters:
            yield some
            some, held = [], 0
    if some:
        yield some


def _checked(min_score: float) -> float:
    if not 0 <= min_score <= 1:
        raise UserError(f"min_score {min_score} must lie between 0 and 1")
    return min_score


def _entities(
    raw: str, clear: Cleaned, tokens: Tokens, scores: npt.NDArray[np.float32], calibration: Calibration | None
) -> list[Entity]:
    entities = []
    for span in decode(scores):
        start, end = clear.raw_range(int(tokens.starts[span.start]), int(tokens.ends[span.stop - 1]))
        # a calibration is fitted on plain confidences, of which most differ behind the fourth digit only
        score = round(calibration(span.confidence), 4) if calibration else span.confidence
        entities.append(Entity(start, end, span.label, raw[start:end], score))
    return entities
