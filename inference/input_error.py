"""The error of input that cannot be read."""

from __future__ import annotations

from bangfu.labels.user_error import UserError


class InputError(UserError):
    """Input that cannot be read; the message is one line: what, where, how to mend it."""


def reason(error: BaseException) -> str:
    """What an error of the system or of a parser says, on one line of at most 200 characters."""
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(said.split())[:200]
