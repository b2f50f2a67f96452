"""Contenders of the benchmark of speed, each in processes of its own."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from bangfu.labels.user_error import UserError
from bangfu.training.worker import Worker, one_line

_FOLDER = Path(__file__).parent / "contenders"
_SERVER = _FOLDER / "serve.py"
# what libraries for arithmetic and the tokenizers take their number of threads from
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


class ContenderError(UserError):
    """A contender that cannot be used: says which, under which Python, and why."""


def _as_it_is(text: str) -> list[str]:
    return [text]


@dataclass(frozen=True)
class ContenderChoice:
    """What is to be timed: an adapter's name, its settings, and the interpreter that has the tool.

    ``cut`` makes the texts of an article that the tool is given; that is not timed. Where one that is not
    ``required`` is not to be had, the others go on without it.
    """

    key: str
    adapter: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    python: str = sys.executable
    cut: Callable[[str], list[str]] = _as_it_is
    required: bool = False


@dataclass(frozen=True)
class Timed:
    """One run: seconds of wall and CPU time, characters, and what the adapter gave."""

    wall: float
    cpu: float
    characters: int
    result: Any


class Contender:
    """A process of a contender; a context manager. ContenderError when it is not to be had.

    ``start_up`` is the time from the start of the process to the answer to ``first``, in seconds; ``peak`` the
    most memory that it has held, in bytes.
    """

    def __init__(self, choice: ContenderChoice, threads: int, first: str) -> None:
        self.choice = choice
        environment = {**os.environ, **dict.fromkeys(_THREADS, str(threads)), "HF_HUB_OFFLINE": "1"}
        command = [
            choice.python,
            str(_SERVER),
            str(_FOLDER / f"{choice.adapter}.py"),
            json.dumps(dict(choice.settings)),
        ]
        texts = choice.cut(first)
        began = time.perf_counter()
        self._worker = Worker(choice.key, command, ContenderError, environment)
        hello = self._worker.hello
        if "missing" in hello:
            self.close()
            raise ContenderError(
                f"{choice.key}: {one_line(hello['missing'])} under {choice.python}; "
                "install it there, or choose by --contender and --peer NAME=PYTHON"
            )
        self.peak = 0
        self._ask(texts)
        self.start_up = time.perf_counter() - began
        self.name: str = hello["name"]
        self.versions: dict[str, str] = hello["versions"]
        self.files = [Path(file) for file in hello["files"]]

    def __enter__(self) -> Contender:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._worker.close()

    def __call__(self, articles: Sequence[str]) -> Timed:
        """Read the articles; ContenderError when the tool breaks down."""
        return self._ask([text for article in articles for text in self.choice.cut(article)])

    def _ask(self, texts: list[str]) -> Timed:
        answer = self._worker.ask({"texts": texts})
        self.peak = answer["peak"]
        return Timed(answer["wall"], answer["cpu"], answer["characters"], answer["result"])

    def model_size(self) -> int | None:
        """Bytes of the files that hold model and dictionaries; None where the adapter names none."""
        return sum(map(_size, self.files)) if self.files else None

    def packages_size(self) -> int:
        """Bytes of the packages that have been imported."""
        return int(self._worker.ask({})["packages"])


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc"))
