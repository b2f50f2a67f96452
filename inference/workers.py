"""Workers: processes that clean and tokenise texts and decode scores beside the one that runs the model."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from bangfu.inference.answers import answers
from bangfu.inference.cleaning import clean
from bangfu.inference.cores import cores
from bangfu.inference.encoder import Encoder
from bangfu.inference.entity import Entity
from bangfu.inference.model_folder import TOKENIZER, ModelFolder, ModelSettings
from bangfu.inference.preparation import Prepared, Texts, prepare
from bangfu.labels.user_error import UserError

_PIECE = 1 << 14  # characters of one task: tens of milliseconds of work
_Result = TypeVar("_Result")

Packed = list[tuple[int, bytes]]  # pieces of a group of texts: how many, and Texts that only workers unpack


class Workers:
    """``count`` processes for what a model's texts need beside the model. They import neither torch nor onnxruntime.

    They are started when there is work, and end with this process, however it ends. A script that uses them must
    guard its start by ``if __name__ == "__main__"``, as always where Python starts processes.
    """

    def __init__(self, folder: ModelFolder, count: int) -> None:
        self._ahead = 2 * count  # pieces that are asked for before they are needed
        self._pool = ProcessPoolExecutor(
            count,
            # a process that runs threads, and CUDA, cannot be forked safely
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(folder.file(TOKENIZER), folder.settings),
        )

    def prepare(self, groups: Iterable[Sequence[str]], waits: Callable[[], bool]) -> Iterator[Prepared[Packed]]:
        """Prepare each group of texts, in order, some groups ahead unless the next one ``waits``."""
        waiting: deque[list[Future[Prepared[Packed]]]] = deque()
        try:
            for group in groups:
                waiting.append([self._pool.submit(_prepare, piece) for piece in _pieces(group)])
                while waiting and (sum(map(len, waiting)) - len(waiting[0]) >= self._ahead or waits()):
                    yield _joined([_result(one) for one in waiting.popleft()])
            while waiting:
                yield _joined([_result(one) for one in waiting.popleft()])
        except BrokenProcessPool as error:
            raise _gone() from error
        finally:
            _cancel(one for some in waiting for one in some)

    def answers(
        self,
        groups: Iterable[tuple[Prepared[Packed], list[npt.NDArray[np.float32]]]],
        least: float,
        waits: Callable[[], bool],
    ) -> Iterator[list[Entity]]:
        """The entities of each text of each group, in order, from its tag logits [tokens, tags]."""
        waiting: deque[Future[list[list[Entity]]]] = deque()
        try:
            for group, scores in groups:
                first = 0
                for texts, packed in group.held:
                    waiting.append(self._pool.submit(_answers, packed, scores[first : first + texts], least))
                    first += texts
                while waiting and (len(waiting) > self._ahead or waiting[0].done() or waits()):
                    yield from _result(waiting.popleft())
            while waiting:
                yield from _result(waiting.popleft())
        except BrokenProcessPool as error:
            raise _gone() from error
        finally:
            _cancel(waiting)


def usual_workers() -> int:
    """How many workers keep a GPU busy on this machine: its cores but one, at most 8."""
    return min(8, cores() - 1)


def _result(future: Future[_Result]) -> _Result:
    return future.result()


def _gone() -> UserError:
    return UserError("a worker process ended (killed, or out of memory); run again, or with fewer --workers")


def _cancel(futures: Iterable[Future[_Result]]) -> None:
    for future in futures:
        future.cancel()


def _pieces(texts: Sequence[str]) -> Iterator[list[str]]:
    piece: list[str] = []
    size = 0
    for text in texts:
        piece.append(text)
        size += len(text)
        if size >= _PIECE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _joined(pieces: Sequence[Prepared[Packed]]) -> Prepared[Packed]:
    return Prepared(
        [ids for piece in pieces for ids in piece.ids],
        [windows for piece in pieces for windows in piece.windows],
        [packed for piece in pieces for packed in piece.held],
    )


# What follows runs in a worker.

_encoder: Encoder
_settings: ModelSettings


def _begin(tokenizer: Path, settings: ModelSettings) -> None:
    global _encoder, _settings
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the process that started this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # each worker has a core of its own
    _encoder, _settings = Encoder.from_file(tokenizer), settings


def _end_with_parent() -> None:
    # a parent that was killed cannot tell its workers to end
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _prepare(raws: list[str]) -> Prepared[Packed]:
    made = prepare(raws, _encoder, _settings, clean)
    # packed once here and unpacked once in a worker: the process between them only passes bytes on
    return Prepared(made.ids, made.windows, [(len(raws), pickle.dumps(made.held, pickle.HIGHEST_PROTOCOL))])


def _answers(packed: bytes, scores: list[npt.NDArray[np.float32]], least: float) -> list[list[Entity]]:
    texts: Texts = pickle.loads(packed)
    return answers(texts, scores, _settings.calibration, least)
