"""Our extractor, taken apart: the time of each part of its work, and the arithmetic of its model."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bangfu.inference import Article, Extractor, Source, read, writer
from bangfu.inference.backend import Backend
from bangfu.inference.cleaning import Cleaned
from bangfu.inference.model_folder import CONFIG
from bangfu.inference.preparation import Prepared, Texts
from bangfu.inference.windows import Window
from bangfu.training.flops import BertSizes, Work


class _Clock:
    """Seconds spent in functions, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        self.seconds[name] = 0.0

        def run(*given: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*given)
            finally:
                self.seconds[name] += time.perf_counter() - began

        return run


class _Counted:
    """A backend whose calls are timed and whose arithmetic is counted; batches come one by one."""

    def __init__(self, backend: Backend, sizes: BertSizes, clock: _Clock) -> None:
        self._scores, self._sizes = clock.timed("model", backend.scores), sizes
        self.run = Work()

    def scores(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        result: npt.NDArray[np.float32] = self._scores(ids, mask)
        for length in mask.sum(axis=1).tolist():  # padding is not run
            self.run += self._sizes.work(length, length)
        return result


def load(
    model: str,
    precision: Literal["int8", "fp32"],
    threads: int,
    files: Sequence[str],
    backend: Literal["onnx", "openvino"] = "onnx",
) -> tuple[dict[str, Any], Callable[[list[str]], dict[str, Any]]]:
    """The extractor; it gives seconds a character by part, and FLOPs of these texts.

    Reading is timed on ``files``, of which it reads about as many characters as it is given texts of.
    """
    extractor = Extractor.load(model, device="cpu", backend=backend, precision=precision, threads=threads)
    sizes = BertSizes.load(Path(model) / CONFIG)
    running, cleaning, encode = extractor.backend, extractor.cleaning, extractor.encoder.encode
    prepare = extractor._prepare

    def work(texts: list[str]) -> dict[str, Any]:
        clock, cut = _Clock(), list[Window]()
        counted = _Counted(running, sizes, clock)

        def noted(raws: Sequence[str]) -> Prepared[Texts]:
            group = prepare(raws)
            cut.extend(window for some in group.windows for window in some)
            return group

        cleaned: Callable[[str], Cleaned] = clock.timed("cleaning", cleaning)
        extractor.cleaning, extractor.backend = cleaned, counted
        extractor.encoder.encode = clock.timed("tokenising", encode)  # type: ignore[method-assign]
        extractor._prepare = clock.timed("windows", noted)  # type: ignore[method-assign]
        began = time.perf_counter()
        found = list(extractor.stream(texts))
        whole = time.perf_counter() - began
        seconds = clock.seconds
        seconds["windows"] -= seconds["cleaning"] + seconds["tokenising"]
        # what is left of the whole is batches, and the way from scores to entities
        seconds["decoding"] = (
            whole - seconds["cleaning"] - seconds["tokenising"] - seconds["windows"] - seconds["model"]
        )
        characters = sum(map(len, texts))
        seconds["writing"] = _writing(texts, found)
        a_character = {name: value / characters for name, value in seconds.items()}
        return {
            "entities": sum(map(len, found)),
            "seconds_a_character": {"reading": _reading(files, characters), **a_character},
            "characters": characters,
            "model_seconds": seconds["model"],
            "flops": {
                "run": counted.run.to_json(),
                "useful": _useful(cut, sizes).to_json(),
            },
        }

    return {"name": f"parts of {backend} {precision}", "versions": {}, "files": []}, work


def _useful(cut: Sequence[Window], sizes: BertSizes) -> Work:
    """What each token takes in the one window that answers it, without special tokens and overlap."""
    total = Work()
    for window in cut:
        total += sizes.work(window.keep_stop - window.keep_start, len(window) + 2)
    return total


def _reading(files: Sequence[str], characters: int) -> float:
    began, read_characters = time.perf_counter(), 0
    for article in read(*files, skipped=lambda error: None):
        read_characters += len(article.text)
        if read_characters >= characters:
            break
    return (time.perf_counter() - began) / max(1, read_characters)


def _writing(texts: Sequence[str], found: Sequence[Any]) -> float:
    articles = [Article(str(number), text, Source("-", "", len(text))) for number, text in enumerate(texts)]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with writer.writer(Path(folder) / "entities.jsonl") as write:
            for article, entities in zip(articles, found, strict=True):
                write(article, entities)
        return time.perf_counter() - began
