"""The folder of a run that is written in parts and goes on where it stopped."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bangfu.inference.extraction import Summary
from bangfu.inference.input_error import InputError, reason
from bangfu.inference.writer import FORMATS
from bangfu.labels.atomic_file import write_json
from bangfu.labels.user_error import UserError

RUN, ERRORS = "run.json", "errors.jsonl"
DONE = ".done"  # a folder in which an engine notes what of a run is done, until all is
_LOCK = ".lock"
_ANEW = "--overwrite starts anew, or name another folder"
_PART = rf"part-\d{{5,}}(-\d{{5,}})?\.({'|'.join(FORMATS)})"  # with the second number by Ray
_OURS = re.compile(rf"{_PART}|{re.escape(ERRORS)}")
_PARTIAL = re.compile(rf"\.({_PART}|{re.escape(RUN)})\.\d+\.partial")


@dataclass(frozen=True)
class Mark:
    """A place in the input, behind an article: the file, how many articles of it were read, and what was skipped.

    ``errors`` is the size in bytes that errors.jsonl had then.
    """

    file: str | None = None
    articles: int = 0
    skipped: int = 0
    errors: int = 0


@dataclass(frozen=True)
class Progress:
    """How far a run has come: whole parts, the place of the input behind them, and what they hold."""

    parts: int = 0
    mark: Mark = field(default_factory=Mark)
    summary: Summary = field(default_factory=Summary)
    finished: bool = False


class RunFolder:
    """Where a run puts ``part-00000`` and so on, ``errors.jsonl`` and ``run.json``.

    ``run.json`` changes last, when a part is whole, and as one piece: whatever else is there when a run is
    killed belongs to a part that will be written again.
    """

    def __init__(self, path: Path, settings: dict[str, Any], progress: Progress) -> None:
        self.path, self.settings, self.progress = path, settings, progress
        self._skipped, self._errors = progress.mark.skipped, progress.mark.errors

    @classmethod
    @contextmanager
    def open(cls, path: Path, settings: dict[str, Any], overwrite: bool = False) -> Iterator[RunFolder]:
        """Make a folder, or go on in one; no other run may write to it meanwhile.

        ``settings`` is what the results depend on, as a JSON object. Raises UserError when the folder holds
        a run that has begun with other settings (the message names the first that differs), holds anything else
        than a run, or cannot be written to. ``overwrite`` removes the run that is there, and no other files.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            _check(path)  # before a lock is left in what is not ours
            lock = (path / _LOCK).open("a")
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({reason(error)}); name another folder") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise UserError(f"{path}: another run is writing there; wait for it to end") from error
            _check(path)
            if overwrite:
                _clear(path)
            folder = cls(path, settings, _progress(path, settings))
            if folder.progress == Progress():
                folder._save(folder.progress)
            yield folder

    def part(self, form: str) -> Path:
        """The path of the part that is written next."""
        return self.path / f"part-{self.progress.parts:05}.{form}"

    def error(self, error: InputError) -> None:
        """Put an error down; it counts when a part that ends behind it is whole."""
        line = json.dumps(error.to_json(), ensure_ascii=False) + "\n"
        with self._writing(), (self.path / ERRORS).open("ab") as file:
            file.write(line.encode("utf-8", "backslashreplace"))
            self._errors = file.tell()
        self._skipped += 1

    def mark(self, file: str | None, articles: int) -> Mark:
        """The place behind an article, when nothing behind it has been read yet."""
        return Mark(file, articles, self._skipped, self._errors)

    def commit(self, part: Path, mark: Mark, summary: Summary) -> None:
        """Make a part count that is whole and holds the articles up to ``mark``."""
        with self._writing(), part.open("rb") as file:
            os.fsync(file.fileno())
        summary.skipped = mark.skipped
        self._save(Progress(self.progress.parts + 1, mark, summary))

    def finish(self, summary: Summary) -> None:
        """Say that all parts are there, and all errors."""
        with self._writing():
            _remove(self.path, _PARTIAL)  # of a worker that was killed while others went on
        mark, summary.skipped = self.progress.mark, self._skipped
        self._save(Progress(self.progress.parts, self.mark(mark.file, mark.articles), summary, finished=True))

    def _save(self, progress: Progress) -> None:
        with self._writing():
            write_json(self.path / RUN, {"settings": self.settings, "progress": asdict(progress)})
        self.progress = progress

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(f"{self.path}: cannot be written ({reason(error)}); make room and run again") from error


def _check(path: Path) -> None:
    # UserError when the folder is neither that of a run nor empty, but for what a run leaves that is killed at once
    run = path / RUN
    if not run.exists():
        if any(file.name not in (RUN, _LOCK) and not _PARTIAL.fullmatch(file.name) for file in path.iterdir()):
            raise UserError(f"{path}: holds other files and no run; name an empty or a new folder")
        return
    try:
        value = json.loads(run.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # it may have been ours, and that it is broken is said where it is needed
    # other programs, and models that were trained, have a file of this name
    if not isinstance(value, dict) or not {"settings", "progress"} <= value.keys():
        raise UserError(f"{run}: not of a run of extract; name an empty or a new folder")


def _clear(path: Path) -> None:
    # run.json last: as long as it is there, the folder is that of a run
    _remove(path, _OURS)
    _remove(path, _PARTIAL)
    shutil.rmtree(path / DONE, ignore_errors=True)
    (path / RUN).unlink(missing_ok=True)


def _remove(path: Path, names: re.Pattern[str]) -> None:
    for file in list(path.iterdir()):
        if names.fullmatch(file.name) and (file.is_symlink() or file.is_file()):
            file.unlink(missing_ok=True)


def _progress(path: Path, settings: dict[str, Any]) -> Progress:
    # what the folder holds of a run with these settings, cleared of what a kill left behind
    run, errors = path / RUN, path / ERRORS
    progress = Progress()
    if run.exists():
        try:
            before, progress = _read(json.loads(run.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{run}: broken ({reason(error)}); {_ANEW}") from error
        # a run that was stopped before its first part, by a wrong option say, holds nobody to its settings
        begun = progress != Progress() or (path / DONE).exists()
        for key in [*settings, *before] if begun else ():
            if before.get(key) != settings.get(key):
                then, now = (json.dumps(given.get(key), ensure_ascii=False) for given in (before, settings))
                raise UserError(f"{path}: holds a run with other settings, {key} {then}, not {now}; {_ANEW}")
    for number in range(progress.parts):
        if not any(path.glob(f"part-{number:05}.*")):
            raise UserError(f"{path}: part {number} is gone; {_ANEW}")
    _remove(path, _PARTIAL)
    if errors.exists() and errors.stat().st_size > progress.mark.errors:
        os.truncate(errors, progress.mark.errors)
    return progress


def _read(value: dict[str, Any]) -> tuple[dict[str, Any], Progress]:
    # the settings and the progress of run.json; an error of one of several kinds when it is not as it was written
    settings, done = value["settings"], value["progress"]
    progress = Progress(**done | {"mark": Mark(**done["mark"]), "summary": Summary(**done["summary"])})
    mark, summary = progress.mark, progress.summary
    numbers = (progress.parts, mark.articles, mark.skipped, mark.errors, summary.articles, summary.characters)
    for number in (*numbers, summary.skipped, *summary.entities.values()):
        if type(number) is not int or number < 0:
            raise ValueError(f"{number!r} is no count")
    if not isinstance(settings, dict) or not isinstance(mark.file, str | None) or type(progress.finished) is not bool:
        raise TypeError("settings, file or finished is of another type")
    return settings, progress
