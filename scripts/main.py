"""The command ``bangfu``: one subcommand a file."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from bangfu.labels.user_error import UserError, one_line
from bangfu.scripts import (
    benchmark,
    calibrate,
    card,
    corpus,
    cross_check,
    evaluate,
    experiment,
    export,
    extract,
    label_studio,
    learning_curve,
    pretrain,
    probe,
    train,
)

_COMMANDS = (
    extract,
    evaluate,
    benchmark,
    corpus,
    train,
    calibrate,
    export,
    card,
    cross_check,
    experiment,
    learning_curve,
    pretrain,
    probe,
    label_studio,
)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser("bangfu", description="Organisations, places, amounts and kinds of help in Chinese.")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; bad input is one line on standard error and exit status 2.

    SIGTERM becomes SystemExit with status 143, so that what is half written is removed.
    """
    with _ended_in_order():
        return _main(arguments)


def _main(arguments: Sequence[str] | None) -> int:
    for stream in (sys.stdout, sys.stderr):
        # what a terminal or a pipe cannot show, as an id may hold, is no reason to lose what was measured
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    given = parser().parse_args(arguments)
    try:
        status: int = given.run(given)
        if sys.stdout is not None:  # it is None where the shell closed it
            sys.stdout.flush()
        return status
    except BrokenPipeError:
        # the reader of a pipe has gone, as in `bangfu extract … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (UserError, OSError) as error:
        message = str(error)
    except ImportError as error:
        if "pip install" not in str(error) and (error.name or "").partition(".")[0] == "bangfu":
            raise
        message = str(error) if "pip install" in str(error) else f"{error}: pip install 'bangfu[train]'"
    except KeyboardInterrupt:
        message = "stopped"
    except RuntimeError as error:
        if type(error).__name__ != "OutOfMemoryError":  # torch's, which need not be there
            raise
        message = f"{str(error).partition('. ')[0]}; set batch_size lower (gradient_accumulation higher by as much)"
        message += ", of a pretraining micro_batch_tokens; the run goes on from its last checkpoint"
    print(f"bangfu: {one_line(message)}", file=sys.stderr)
    return 2


@contextmanager
def _ended_in_order() -> Iterator[None]:
    # who set or ignores SIGTERM before keeps it so; Python takes handlers in its main thread only
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    raise SystemExit(main())
