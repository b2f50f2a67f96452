"""Content of files that may be other than what was looked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bangfu.labels.user_error import UserError


@contextmanager
def told(file: Path, mend: str) -> Iterator[None]:
    """Whatever a file of another content leads to in the block is the user's to mend: a UserError of one line."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UserError(f"{file}: not what was looked for ({type(error).__name__}: {error}); {mend}") from error
