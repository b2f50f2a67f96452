"""Extraction on many machines, by Ray Data, of the extra ``ray``.

A task reads a file, or many small ones, and gives chunks of articles; an actor that holds an Extractor extracts a
chunk and writes it as one part. The same chunk has the same number and the same articles whoever reads it, and its
part appears whole under a name made of that number: what Ray does twice after a loss is written twice to one place.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bangfu.inference.article import Article
from bangfu.inference.backend import DeviceError
from bangfu.inference.cores import cores
from bangfu.inference.extraction import Summary, extracted
from bangfu.inference.extractor import Extractor
from bangfu.inference.input_error import InputError
from bangfu.inference.listing import File
from bangfu.inference.reading import ROWS, Reading
from bangfu.inference.run_folder import DONE, RunFolder
from bangfu.inference.writer import Format, writer
from bangfu.labels.atomic_file import write_json
from bangfu.labels.user_error import UserError

try:
    import ray
    import ray.data
except ImportError as error:
    raise ImportError("many machines need Ray: pip install 'bangfu[ray]'") from error

_PATIENCE = 10  # seconds
_BLOCK = 1 << 10  # bytes; Ray hands chunks on one by one only where a block is smaller than a chunk


@dataclass(frozen=True)
class Work:
    """What every machine must know. The folder and all files must lie at the same paths on each of them."""

    folder: Path
    form: Format
    size: int  # articles a part at most
    column: str | None
    encoding: str | None
    extractor: dict[str, Any]  # the arguments of Extractor.load
    where: str  # the folder that relative paths begin at

    @property
    def on_gpu(self) -> bool:
        """Whether each actor takes a GPU of its own."""
        return self.extractor.get("device") == "cuda"


def run(
    work: Work,
    folder: RunFolder,
    files: Sequence[File],
    address: str | None,
    workers: int | None,
    skipped: Callable[[InputError], None],
    each: Callable[[int], None],
) -> None:
    """Extract from ``files`` into ``folder`` on ``workers`` actors, and finish it.

    ``address`` is that of a running cluster; without one a Ray of this machine is started, and stopped
    again. ``workers`` are, when not given, as many as there are cores but one, of actors on GPUs no more than GPUs.
    ``skipped`` takes what could not be read, in order, at the end; ``each`` takes the characters of an article that is
    done. What a stopped run has done is kept.
    Raises UserError when the cluster is not there or a chunk fails, DeviceError where GPUs are asked for and this
    machine has none.
    """
    check(file.path for file in files)
    with connected(address, workers), _told():
        if work.on_gpu:
            check_gpu(address)
        (folder.path / DONE).mkdir(exist_ok=True)
        _extract(work, files, workers, each)
    folder.finish(_collect(folder, skipped))
    shutil.rmtree(folder.path / DONE)


def check(paths: Iterable[str]) -> None:
    """UserError for what only this machine can read."""
    if "-" in paths:
        raise UserError("standard input cannot be read on other machines; give files, or --engine local")


@contextmanager
def connected(address: str | None, workers: int | None) -> Iterator[None]:
    """A cluster for as long as the block runs, as in :func:`run`; one that is there already stays.

    Raises UserError when the cluster is not there.
    """
    if ray.is_initialized():
        yield
        return
    here: dict[str, Any] = {} if address else {"num_cpus": 1 + (workers or cores()), "include_dashboard": False}
    _reach(address)
    try:
        with _told():
            ray.init(address=address, log_to_driver=False, configure_logging=False, **here)
        yield
    finally:
        ray.shutdown()


def _reach(address: str | None) -> None:
    # Ray itself tries for minutes where nobody answers
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
        except (OSError, OverflowError) as error:
            raise UserError(
                f"Ray: nobody answers at {address} ({error}); look at the cluster and the address"
            ) from error


@contextmanager
def _told() -> Iterator[None]:
    """What Ray raises is the user's to mend."""
    try:
        yield
    except (ConnectionError, ray.exceptions.RayError) as error:
        said = " ".join(str(getattr(error, "cause", None) or error).split())
        raise UserError(f"Ray: {said[-300:]}; look at the cluster and run again: what is done is kept") from error


def _extract(work: Work, files: Sequence[File], workers: int | None, each: Callable[[int], None]) -> None:
    there = ray.cluster_resources()
    spare = max(1, int(there.get("CPU", 2)) - 1)  # reading takes one, and every actor
    workers = workers or (min(spare, max(1, int(there.get("GPU", 1)))) if work.on_gpu else spare)
    units = [{"unit": number, "files": pickle.dumps(unit)} for number, unit in enumerate(_units(files, work.size))]
    if not units:
        return
    context = ray.data.DataContext.get_current()
    context.target_max_block_size, context.enable_progress_bars = _BLOCK, False
    done = (
        ray.data.from_items(units, override_num_blocks=len(units))
        .flat_map(_Chunks(work), num_cpus=1)
        .map_batches(
            _Extracting,
            fn_constructor_args=(work,),
            batch_size=1,
            concurrency=workers,
            num_cpus=1,
            num_gpus=1 if work.on_gpu else 0,
        )
    )
    for row in done.iter_rows():
        for length in pickle.loads(row["lengths"]):
            each(length)


def check_gpu(address: str | None) -> None:
    """DeviceError where a Ray of this machine has no GPU and would wait for one for ever; a cluster may yet get one."""
    if address is None and not ray.cluster_resources().get("GPU"):
        raise DeviceError("Ray finds no GPU here; use --device cpu, or give the --address of a cluster that has some")


def _units(files: Sequence[File], size: int) -> Iterator[list[File]]:
    # a table is read by one task, whole articles by so many as make a part
    unit: list[File] = []
    for file in files:
        if file.form in ROWS or len(unit) == size:
            if unit:
                yield unit
            unit = []
        if file.form in ROWS:
            yield [file]
        else:
            unit.append(file)
    if unit:
        yield unit


class _Chunks:
    # reads a unit: rows {unit, chunk, content}, of which the content is (articles, errors)
    def __init__(self, work: Work) -> None:
        self.work = work

    def __call__(self, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
        os.chdir(self.work.where)
        errors: list[InputError] = []
        reading = Reading(
            files=pickle.loads(row["files"]),
            column=self.work.column,
            encoding=self.work.encoding,
            skipped=errors.append,
        )
        articles: list[Article] = []
        chunk = 0
        for article in reading.articles():
            articles.append(article)
            if len(articles) == self.work.size:
                yield {"unit": row["unit"], "chunk": chunk, "content": pickle.dumps((articles, errors))}
                articles, chunk = [], chunk + 1
                errors.clear()
        if articles or errors:
            yield {"unit": row["unit"], "chunk": chunk, "content": pickle.dumps((articles, errors))}


class _Extracting:
    # an actor: extracts chunks and writes them
    def __init__(self, work: Work) -> None:
        os.chdir(work.where)
        # one that Ray gave no GPU sees all of its machine, and "auto" would put every actor on the first
        self.work = work
        self.extractor = Extractor.load(**work.extractor | {"device": "cuda" if work.on_gpu else "cpu"})

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        rows = zip(batch["unit"], batch["chunk"], batch["content"], strict=True)
        return {"lengths": [pickle.dumps(self._chunk(f"part-{u:05}-{c:05}", content)) for u, c, content in rows]}

    def _chunk(self, name: str, content: bytes) -> list[int]:
        articles, errors = pickle.loads(content)
        done = self.work.folder / DONE / f"{name}.json"
        if not done.exists():
            summary = Summary(skipped=len(errors))
            if articles:
                with writer(self.work.folder / f"{name}.{self.work.form}", self.work.form) as write:
                    for article, entities in extracted(self.extractor, articles):
                        write(article, entities)
                        summary.add(article, entities)
            write_json(done, {"summary": asdict(summary), "errors": [error.to_json() for error in errors]})
        return [len(article.text) for article in articles]


def _collect(folder: RunFolder, skipped: Callable[[InputError], None]) -> Summary:
    # the whole run's summary; its errors go where those of any run go
    total = folder.progress.summary
    for path in sorted((folder.path / DONE).glob("part-*.json")):
        value = json.loads(path.read_text(encoding="utf-8"))
        for error in value["errors"]:
            skipped(InputError(error["reason"], error.get("file"), error.get("row")))
        total.plus(Summary(**value["summary"]))
    return total
