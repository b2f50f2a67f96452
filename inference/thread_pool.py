"""Threads that outlive a fork."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class ThreadPool:
    """As many as ``threads`` calls at a time, in threads that start with what is first submitted.

    A process that was forked off has none of the threads of its parent, and a ThreadPoolExecutor would wait for them
    for ever: it gets new ones.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._threads, self._name = threads, name
        self._anew()

    def submit(self, call: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Begin with a call; the future has its answer or error."""
        if self._process != os.getpid():
            self._anew()
        return self._pool.submit(call, *arguments)

    def _anew(self) -> None:
        self._pool = ThreadPoolExecutor(self._threads, self._name)
        self._process = os.getpid()
