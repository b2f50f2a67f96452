"""A process of its own that answers a JSON line with a JSON line."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from bangfu.labels.user_error import UserError


def one_line(text: str) -> str:
    """A message of another program as one line of at most 300 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:299]}…"


class Worker:
    """A program under any Python; a context manager.

    ``name`` is what messages call it, ``refusal`` the error that is raised where the process cannot be
    started or has ended. ``hello`` is the first line that it prints.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        refusal: type[UserError],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.command, self._refusal = name, list(command), refusal
        try:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                errors="replace",  # what is no JSON is told below
                env=environment,
            )
        except OSError as error:
            raise refusal(f"{name}: {command[0]} cannot be started ({error}); give a Python") from error
        try:
            self.hello = self._answer()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin and self._process.stdout
        with suppress(BrokenPipeError):  # what an ended process has not read
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a question, waited for; what was given as ``refusal`` when the process has ended."""
        assert self._process.stdin
        try:
            # escaped, so that any string is a line
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer below says so
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            raise self._refusal(
                f"{self.name}: ended with status {status} under {self.command[0]}; see why with: "
                f"{shlex.join(self.command)}"
            )
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise self._refusal(
                f"{self.name}: {self.command[0]} answers what is no JSON object ({one_line(line)}); give a Python"
            )
        return answer
