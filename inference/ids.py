"""Which ids are taken, of any number of articles."""

from __future__ import annotations

import hashlib
import sqlite3

from bangfu.labels.user_error import UserError


class Ids:
    """A set of ids that only grows; it lies on disk, in a file that has no name and ends with the process.

    Of each id it knows 64 bits. That two of a thousand million share them has a chance of 1 in 40, and the
    second would only be named by its place. UserError when the disk is full.
    """

    def __init__(self) -> None:
        # "" is SQLite's for a file of its own beside the temporary ones, held in memory as far as the cache goes
        self._table = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for setting in ("cache_size = -4096", "journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
            self._table.execute(f"PRAGMA {setting}")
        self._table.execute("CREATE TABLE ids (hash INTEGER PRIMARY KEY)")
        self._table.execute("BEGIN")

    def add(self, name: str) -> bool:
        """Take an id; False when it was taken before."""
        # Python's own hash is another in each process
        digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        try:
            done = self._table.execute(
                "INSERT OR IGNORE INTO ids VALUES (?)", (int.from_bytes(digest, "big", signed=True),)
            )
        except sqlite3.OperationalError as error:
            raise UserError(
                f"no room for the ids of the articles ({error}); name another folder in SQLITE_TMPDIR"
            ) from error
        return done.rowcount > 0

    def close(self) -> None:
        """Let go of the file."""
        self._table.close()
