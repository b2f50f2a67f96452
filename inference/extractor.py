"""The extractor: text → windows → tags → spans → entities."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, overload

import numpy as np

from bangfu.inference.answers import answers
from bangfu.inference.backend import (
    BACKENDS,
    DEVICES,
    PRECISIONS,
    Backend,
    BackendName,
    Device,
    Precision,
    Scores,
    Submit,
    submit_of,
)
from bangfu.inference.cleaning import Cleaned, clean
from bangfu.inference.decoding import certainty
from bangfu.inference.encoder import Encoder
from bangfu.inference.entity import Entity
from bangfu.inference.input_error import reason
from bangfu.inference.model_folder import SHIPPED, TOKENIZER, ModelFolder, ModelFolderError, ModelSettings
from bangfu.inference.preparation import Held, Prepared, Texts, prepare, prepared
from bangfu.inference.tokens import Tokens
from bangfu.inference.windows import Window, fill
from bangfu.labels.schema import TAGS
from bangfu.labels.user_error import UserError

if TYPE_CHECKING:
    from bangfu.inference.onnx_backend import OnnxBackend
    from bangfu.inference.openvino_backend import OpenVinoBackend
    from bangfu.inference.torch_backend import TorchBackend
    from bangfu.inference.workers import Workers

# Tokens of a batch: a GPU has room for more, and needs more to be busy. Characters of so many batches are held to sort
# windows by length, and of each text at least so many are counted: an answer does not wait for thousands of short ones.
BATCH_TOKENS = 4096
CUDA_BATCH_TOKENS = 65_536
LOOK_AHEAD = 8
_LEAST_CHARACTERS = 128

Job = tuple[int, Window]  # the number of a sequence, and a window of it


def _never() -> bool:
    return False


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
        workers: Workers | None = None,
    ) -> None:
        if batch_tokens < 1:
            raise UserError(f"batch_tokens {batch_tokens} must be at least 1")
        self.min_score = None if min_score is None else checked_score(min_score)
        self.backend, self.encoder, self.settings, self.batch_tokens = backend, encoder, settings, batch_tokens
        # another one than the model was trained with is only good for measuring what the cleaning is worth
        self.cleaning = cleaning
        self.workers = workers

    @classmethod
    def load(
        cls,
        path: Path | str | None = None,
        *,
        device: Device = "auto",
        backend: BackendName = "onnx",
        precision: Precision = "auto",
        threads: int = 0,
        batch_tokens: int | None = None,
        min_score: float | None = None,
        workers: int | None = 0,
    ) -> Extractor:
        """Load a model folder, or the shipped model when ``path`` is not given.

        ``precision`` is, when not given, of the onnx backend int8 on a CPU where the model has it and fp32
        elsewhere, of the openvino backend int8 where the model has it and else bf16, of the torch backend fp32 on a
        CPU and fp16 on a GPU; ``threads`` is how many a CPU may use, all cores when 0 (not of the torch backend).
        A batch holds at most ``batch_tokens`` tokens, padding included, or one window; 4,096 on a CPU and 65,536 on
        a GPU when not given. Entities of a score below
        ``min_score``, or what the model recommends, are left out, but for names that have it elsewhere in the
        same text. ``workers`` processes clean, tokenise and decode for :meth:`stream`; None is so many as a GPU
        needs, and none on a CPU (see :class:`Workers` for what a script must heed).

        Raises ModelFolderError for a folder that is incomplete, broken or of another version, DeviceError
        for a device that is not there, ImportError (with the command that helps) for a missing extra.
        """
        if backend not in BACKENDS:
            raise UserError(f"unknown backend {backend!r}; use one of {', '.join(BACKENDS)}")
        if device not in DEVICES:
            raise UserError(f"unknown device {device!r}; use one of {', '.join(DEVICES)}")
        if precision not in PRECISIONS:
            raise UserError(f"unknown precision {precision!r}; use one of {', '.join(PRECISIONS)}")
        if threads < 0:
            raise UserError(f"threads {threads} must be at least 0, which is all cores")
        if workers is not None and workers < 0:
            raise UserError(f"workers {workers} must be at least 0")
        folder = ModelFolder.load(SHIPPED if path is None else path)
        try:
            encoder = Encoder.from_file(folder.file(TOKENIZER))
        except ModelFolderError:
            raise
        except ValueError as error:
            file = folder.path / TOKENIZER
            raise ModelFolderError(f"{file}: broken ({reason(error)}); copy the whole folder anew") from error
        running: OnnxBackend | OpenVinoBackend | TorchBackend
        if backend == "onnx":
            from bangfu.inference.onnx_backend import OnnxBackend

            running = OnnxBackend(folder, device, precision, threads)
        elif backend == "openvino":
            from bangfu.inference.openvino_backend import OpenVinoBackend

            running = OpenVinoBackend(folder, device, precision, threads)
        else:
            if precision == "int8":  # before the import of torch, which may not be there
                raise UserError("int8 is of the onnx and openvino backends; use backend='onnx' or another precision")
            from bangfu.inference.torch_backend import TorchBackend

            running = TorchBackend.load(folder, device, precision)
        if batch_tokens is None:
            batch_tokens = CUDA_BATCH_TOKENS if running.device == "cuda" else BATCH_TOKENS
        pool = None
        if workers or (workers is None and running.device == "cuda"):
            from bangfu.inference.workers import Workers, usual_workers

            workers = usual_workers() if workers is None else workers
            pool = Workers(folder, workers) if workers else None
        return cls(running, encoder, folder.settings, batch_tokens, min_score=min_score, workers=pool)

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
        self,
        texts: Iterable[str],
        look_ahead: int | None = None,
        *,
        min_score: float | None = None,
        waits: Callable[[], bool] | None = None,
    ) -> Iterator[list[Entity]]:
        """Extract from any number of texts, in order, holding ``look_ahead`` characters at a time, or one text.

        ``look_ahead`` is eight batches when not given; a short text counts as 128 characters. On a GPU, with
        workers and with several threads, more of ``texts`` is read before an answer is given. Where ``waits`` says
        that the next text is still to come, what has been read is answered first. TypeError for a single text.
        """
        least = self._least(min_score)
        waits = waits or _never
        groups = _held(texts, self._look_ahead(look_ahead), waits)
        # workers know no other cleaning
        if self.workers is not None and self.cleaning is clean:
            yield from self.workers.answers(self._scored(self.workers.prepare(groups, waits), waits), least, waits)
            return
        for group, scores in self._scored(map(self._prepare, groups), waits):
            yield from answers(group.held, scores, self.settings.calibration, least)

    def _least(self, min_score: float | None = None) -> float:
        """The least score asked for, now or when the extractor was made, else that of the model."""
        if min_score is not None:
            return checked_score(min_score)
        return self.settings.min_score if self.min_score is None else self.min_score

    def with_certainty(
        self, texts: Iterable[str], look_ahead: int | None = None
    ) -> Iterator[tuple[list[Entity], float]]:
        """As :meth:`stream`, and of each text how sure the model is of it as a whole, 0 to 1.

        That is the mean probability of the tags of all tokens, so it counts places where an entity may have
        been missed. On the corpus it tells apart texts with many errors a character better than the scores of
        the entities do, their mean or their least.
        """
        groups = _held(texts, self._look_ahead(look_ahead))
        for group, scores in self._scored(map(self._prepare, groups)):
            found = answers(group.held, scores, self.settings.calibration, self._least())
            yield from zip(found, map(certainty, scores), strict=True)

    def _look_ahead(self, given: int | None) -> int:
        return LOOK_AHEAD * max(BATCH_TOKENS, self.batch_tokens) if given is None else given

    def _prepare(self, raws: Sequence[str]) -> Prepared[Texts]:
        return prepare(raws, self.encoder, self.settings, self.cleaning)

    def scores(self, sequences: Sequence[Tokens]) -> list[Scores]:
        """Tag logits [tokens, tags] of each sequence, whatever its length; batches are sorted by length."""
        ((_, scores),) = self._scored([prepared(sequences, self.encoder, self.settings, None)])
        return scores

    def _scored(
        self, groups: Iterable[Prepared[Held]], waits: Callable[[], bool] = _never
    ) -> Iterator[tuple[Prepared[Held], list[Scores]]]:
        """Each group with the scores of its sequences; batches are sorted by length within a group.

        A backend with ``submit`` is given a batch before the scores of the last one are waited for.
        """
        submit = submit_of(self.backend)
        running: deque[_Batch[Held]] = deque()
        for group in groups:
            jobs = [(number, window) for number, cut in enumerate(group.windows) for window in cut]
            jobs.sort(key=lambda job: len(job[1]))
            # filled window by window: a slice of a batch's scores would hold the whole batch
            filled: list[Scores] = [np.zeros((len(ids), len(TAGS)), dtype=np.float32) for ids in group.ids]
            batches = list(self._batches(jobs)) or [[]]
            for batch in batches:
                result = self._begun(group, batch, submit)
                running.append(_Batch(group, filled, batch, result, batch is batches[-1]))
                while len(running) > (0 if submit is None else 1):
                    yield from running.popleft().ended()
            while running and waits():
                yield from running.popleft().ended()
        while running:
            yield from running.popleft().ended()

    def _begun(self, group: Prepared[Held], batch: Sequence[Job], submit: Submit | None) -> Callable[[], Scores]:
        if not batch:  # a group of empty texts
            return lambda: np.zeros((0, 0, len(TAGS)), dtype=np.float32)
        width = max(len(window) for _, window in batch) + 2
        ids = np.full((len(batch), width), self.encoder.pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, (number, window) in enumerate(batch):
            ids[row, 0] = self.encoder.cls_id
            ids[row, 1 : len(window) + 1] = group.ids[number][window.start : window.stop]
            ids[row, len(window) + 1] = self.encoder.sep_id
            mask[row, : len(window) + 2] = 1
        if submit is not None:
            return submit(ids, mask)
        scores = self.backend.scores(ids, mask)
        return lambda: scores

    def _batches(self, jobs: Sequence[Job]) -> Iterator[list[Job]]:
        """Cut windows of rising length into batches of at most ``batch_tokens`` tokens, padding included."""
        batch: list[Job] = []
        for job in jobs:
            if batch and (len(batch) + 1) * (len(job[1]) + 2) > self.batch_tokens:
                yield batch
                batch = []
            batch.append(job)
        if batch:
            yield batch


@dataclass(frozen=True)
class _Batch(Generic[Held]):
    # a batch under way: ``filled`` takes its scores, and ``last`` says that the group has no other behind it
    group: Prepared[Held]
    filled: list[Scores]
    jobs: list[Job]
    result: Callable[[], Scores]
    last: bool

    def ended(self) -> Iterator[tuple[Prepared[Held], list[Scores]]]:
        scores = self.result()
        for row, (number, window) in enumerate(self.jobs):
            fill(self.filled[number], window, scores[row, 1 : len(window) + 1])
        if self.last:
            yield self.group, self.filled


def _held(texts: Iterable[str], characters: int, waits: Callable[[], bool] = _never) -> Iterator[list[str]]:
    """Texts in their order, so many at a time that they have this number of characters, or as many as are there."""
    if isinstance(texts, str):
        raise TypeError("one string stands where many texts are expected; pass a list of strings")
    some: list[str] = []
    held = 0
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"text {number} is {type(text).__name__}, not str; pass a string or a list of strings")
        some.append(text)
        held += max(len(text), _LEAST_CHARACTERS)
        if held >= characters or waits():
            yield some
            some, held = [], 0
    if some:
        yield some


def checked_score(min_score: float) -> float:
    """A least score as it is; UserError where it is no probability."""
    if not 0 <= min_score <= 1:
        raise UserError(f"min_score {min_score} must lie between 0 and 1")
    return min_score
