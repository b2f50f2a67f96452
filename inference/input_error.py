"""The error of input that cannot be read."""

from __future__ import annotations

from typing import Any

from bangfu.labels.user_error import UserError, one_line


class InputError(UserError):
    """Input that cannot be read; the message is one line: what, where, how to mend it.

    ``file`` and ``row`` say where, as far as they are known; ``reason`` is the message without them.
    """

    def __init__(self, reason: str, file: str | None = None, row: int | None = None) -> None:
        self.reason, self.file, self.row = reason, file, row
        where = "" if file is None else f"{file}: " if row is None else f"{file}:{row}: "
        super().__init__(one_line(where + reason))

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str | None, int | None]]:
        return type(self), (self.reason, self.file, self.row)

    def to_json(self) -> dict[str, Any]:
        """Where and why, as a JSON object."""
        value = {"file": self.file, "row": self.row, "reason": self.reason}
        return {key: part for key, part in value.items() if part is not None}


def reason(error: BaseException) -> str:
    """What an error of the system or of a parser says, on one line of at most 200 characters."""
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(said.split())[:200]
