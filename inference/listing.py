"""Which files are meant: by path, by folder, by glob."""

from __future__ import annotations

import errno
import glob
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bangfu.inference.form import COMPRESSED, FORMS, Form, form_of
from bangfu.inference.input_error import InputError, reason

_KINDS = f"{', '.join(f'.{form}' for form in FORMS)}, {' and '.join(COMPRESSED)} too"
_MISSING = "there is no such file or folder; check the path; to extract from text, pipe it to -"
_SHOWN = 40  # characters of a name that is too long for one


@dataclass(frozen=True, slots=True)
class File:
    """A file to read: where it lies, the name its articles are known by, and its kind."""

    path: str
    name: str
    form: Form


def files(
    sources: Iterable[str],
    form: Form | None,
    skipped: Callable[[InputError], None],
    leave_out: Path | None = None,
) -> list[File]:
    """Every file that paths, folders and globs lead to, once, in order; ``-`` is standard input.

    ``form`` takes the place of what the names say. The name of a file in a folder is its path below the
    folder, or the whole path where that name is taken; of any other file it is the path. A folder that a glob
    finds is read as if it was named, but for the files that the glob finds itself. Links to folders are followed
    when all else below a folder is done, and no folder is gone through twice. Files below a folder or glob that
    are hidden, of no known kind, or ``leave_out`` or in it, are passed over. What leads nowhere, and a folder that
    cannot be listed, goes to ``skipped``.
    """
    found: dict[str, File] = {}
    names: set[str] = set()
    for source in sources:
        try:
            for path, name in _paths(source, form is not None, leave_out, skipped):
                real = os.path.realpath(path) if path != "-" else path
                kind = form or ("txt" if path == "-" else form_of(path))
                if kind is None:
                    raise InputError(f"unknown kind of file; give {_KINDS}, or say which it is with --input", path)
                if real not in found:
                    name = path if name in names else name
                    names.add(name)
                    found[real] = File(path, name, kind)
        except InputError as error:
            skipped(error)
    return list(found.values())


def _paths(
    source: str, any_kind: bool, leave_out: Path | None, skipped: Callable[[InputError], None]
) -> Iterator[tuple[str, str]]:
    # (path, name) of each file that one of the sources means
    if not source:
        raise InputError("an empty name, which would mean all of this folder; give a file, or . for the folder")
    path = Path(source)
    closed: list[OSError] = []
    mode = None if source == "-" else _mode(path)
    if source == "-" or (mode and (stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISCHR(mode))):
        yield source, source
        return
    if mode and stat.S_ISDIR(mode):
        below = list(_below(path, closed, set()))
    elif mode or not glob.has_magic(source):
        raise InputError(_MISSING, source)
    else:
        below = list(_found(source, closed))
    kept = [
        (inner, name)
        for inner, name in below
        if (any_kind or form_of(inner)) and not (leave_out and _within(inner, leave_out))
    ]
    for error in closed:
        skipped(InputError(f"cannot be listed ({reason(error)}); check the folder's permissions", error.filename))
    if not kept and not closed:
        raise InputError(f"nothing to read there; give {_KINDS}, or say which they are with --input", source)
    yield from kept


def within(source: str, other: Path) -> bool:
    """Whether a file, folder, glob or ``-`` is ``other`` or in it; what a folder or glob holds is not looked at."""
    path = Path("/dev/stdin" if source == "-" else source)
    while glob.has_magic(str(path)) and not os.path.lexists(path):
        path = path.parent  # of a glob, the folder that it begins at
    return _within(str(path), other)


def _mode(path: Path) -> int | None:
    # the kind of a file, None when there is none; InputError when that cannot be told
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return None
        if error.errno == errno.ENAMETOOLONG:  # it is rather the text itself
            raise InputError(_MISSING, f"{str(path)[:_SHOWN]}…") from error
        raise InputError(f"cannot be read ({reason(error)}); check the permissions", str(path)) from error


def _found(pattern: str, closed: list[OSError]) -> Iterator[tuple[str, str]]:
    # (path, name) of what a glob finds, and of what lies in the folders that it finds
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    direct = {os.path.realpath(match) for match in matches if Path(match).is_file()}
    through: set[str] = set()
    for match in matches:
        path = Path(match)
        if path.is_dir():
            yield from (pair for pair in _below(path, closed, through) if os.path.realpath(pair[0]) not in direct)
        elif path.is_file() and _is_whole(path.name):
            yield match, match


def _below(folder: Path, closed: list[OSError], through: set[str]) -> Iterator[tuple[str, str]]:
    # (path, name) of all files but hidden ones, folder by folder, what links lead to at the end; of a folder that is
    # closed, the error. ``through`` are the real paths of folders that are done: a link may lead to one that holds it
    waiting = deque([folder])
    while waiting:
        for top, folders, names in os.walk(waiting.popleft(), onerror=closed.append):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            real = os.path.realpath(top)
            if real in through:
                folders.clear()
                continue
            through.add(real)
            waiting += (Path(top, name) for name in folders if Path(top, name).is_symlink())
            for name in sorted(names):
                if _is_whole(name) and not name.startswith("."):
                    path = Path(top, name)
                    yield str(path), path.relative_to(folder).as_posix()


def _is_whole(name: str) -> bool:
    # Word keeps a lock file beside what is open
    return not name.startswith("~$")


def _within(path: str, other: Path) -> bool:
    real, top = os.path.realpath(path), os.path.realpath(other)
    return real == top or real.startswith(top.rstrip(os.sep) + os.sep)
