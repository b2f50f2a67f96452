"""Other tools behind one call: text in, spans of our labels out."""

from __future__ import annotations

import sys
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from bangfu.labels.document import Span
from bangfu.labels.schema import LABEL_NAMES
from bangfu.labels.user_error import UserError
from bangfu.training.quantities import quantities
from bangfu.training.worker import Worker, one_line

_FOLDER = Path(__file__).parent / "peers"
_SERVER = _FOLDER / "serve.py"
PEERS = tuple(sorted(file.stem for file in _FOLDER.glob("*.py") if file.stem not in ("__init__", "serve")))


class PeerError(UserError):
    """A tool that cannot be used: says which, under which Python, and why."""


@dataclass(frozen=True)
class PeerChoice:
    """Which tool, and the interpreter that has it."""

    name: str
    python: str = sys.executable

    @classmethod
    def parse(cls, text: str) -> PeerChoice:
        """From NAME or NAME=PYTHON; PeerError for a tool that has no adapter."""
        name, equals, python = text.partition("=")
        if name not in PEERS or (equals and not python):
            raise PeerError(f"--peer {text}: give NAME or NAME=PYTHON; known are {', '.join(PEERS)}")
        return cls(name, python or sys.executable)

    @property
    def adapter(self) -> Path:
        """The file that knows how to call the tool."""
        return _FOLDER / f"{self.name}.py"

    def missing(self, why: str) -> PeerError:
        """The error that says that the tool is not to be had."""
        return PeerError(
            f"{self.name}: {one_line(why)} under {self.python}; "
            f"install it there, or give --peer {self.name}=PYTHON of where it is"
        )

    def broken(self, why: str) -> PeerError:
        """The error that says that the tool is there, but not its weights or something else that it needs."""
        return PeerError(
            f"{self.name}: cannot be loaded under {self.python} ({one_line(why)}); "
            "put its weights where it looks for them, or give it a network to fetch them"
        )


class Peer:
    """A tool that runs in a process of its own; a context manager. PeerError when it is not to be had."""

    def __init__(self, choice: PeerChoice) -> None:
        self.choice = choice
        command = [choice.python, str(_SERVER), str(choice.adapter)]
        self._worker = Worker(choice.name, command, PeerError)
        hello = self._worker.hello
        if "missing" in hello:
            self.close()
            raise choice.missing(hello["missing"])
        if "broken" in hello:
            self.close()
            raise choice.broken(hello["broken"])
        self.name = f"{hello['name']} {hello['version']}".strip()
        self._tags: dict[str, str] = hello["labels"]
        self._numbers = set(hello["numbers"])
        self._known: dict[str, list[Span]] = {}  # variants of the benchmark ask for the same texts
        known = {*self._tags.values(), *(["AMOUNT"] if self._numbers else [])}
        self.labels = tuple(label for label in LABEL_NAMES if label in known)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._worker.close()

    def __call__(self, text: str) -> list[Span]:
        """The spans of a text, in order and without overlaps; PeerError when the tool breaks down."""
        if text not in self._known:
            self._known[text] = self.spans(text, self._ask(text))
        return self._known[text]

    def _ask(self, text: str) -> list[tuple[int, int, str]]:
        # no tool takes a lone surrogate
        safe = text.encode("utf-8", "replace").decode("utf-8")
        return [(start, end, tag) for start, end, tag in self._worker.ask({"text": safe})["marks"]]

    def spans(self, text: str, marks: Sequence[tuple[int, int, str]]) -> list[Span]:
        """Our spans of a tool's marks; amounts are read from its number words, and what overlaps comes later."""
        found = [Span(start, end, self._tags[tag]) for start, end, tag in marks if tag in self._tags and start < end]
        words = sorted((start, end) for start, end, tag in marks if tag in self._numbers)
        chosen: list[Span] = []
        for span in [*(Span(start, end, "AMOUNT") for start, end in quantities(text, words)), *found]:
            # chosen ones are in order and apart, so only those beside it can overlap
            at = bisect(chosen, span)
            if not any(span.overlaps(other) for other in chosen[max(0, at - 1) : at + 1]):
                chosen.insert(at, span)
        return chosen
