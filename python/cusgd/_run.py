"""Runs long calls of the library so that Ctrl-C ends them.

A call in the main thread is handed to a worker thread, and the main thread waits: it then receives Ctrl-C at once, asks the
library to stop and raises KeyboardInterrupt when the call has ended. A call in another thread, which never receives Ctrl-C, runs
as it is.
"""

from __future__ import annotations

import ctypes as C
import os
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from . import _capi
from ._library import lib

T = TypeVar("T")

# The library asks this function again and again whether to stop. It must not be a Python function, which would wait for the GIL
# each time. atoi of the C library reads a number from text: the text is "0", or "1" when the call is to stop.
_asked = C.cast(C.CDLL(None).atoi, _capi.cusgd_interrupt)


# In seconds. A wait without a limit is begun again, and Python's handler not run, where a library (polars does) has put a handler
# with SA_RESTART in front of Python's.
LONGEST_WAIT = 0.1


class _Task:
    """A call, and what became of it."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self.done = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.function()
        except BaseException as error:  # raised again in the thread that called
            self.error = error
        finally:
            self.done.set()


class _Worker:
    """A thread that runs one task after another."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.stop = C.create_string_buffer(b"0")
        self.tasks: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="cusgd", daemon=True).start()

    def _serve(self) -> None:
        lib.cusgd_set_interrupt(_asked, C.cast(self.stop, C.c_void_p))
        while True:
            self.tasks.get().run()

    def run(self, function: Callable[[], T]) -> T:
        task = _Task(function)
        self.stop.value = b"0"
        self.tasks.put(task)
        interrupt = None
        while not task.done.is_set():
            try:
                task.done.wait(LONGEST_WAIT)
            except KeyboardInterrupt as error:
                self.stop.value = b"1"
                interrupt = error
        self.stop.value = b"0"
        if interrupt is not None:
            raise interrupt
        if task.error is not None:
            raise task.error
        return task.result  # type: ignore[no-any-return]


_worker: _Worker | None = None


def run(function: Callable[[], T]) -> T:
    """Return the function's result; Ctrl-C ends calls of the library in it.

    Parameters
    ----------
    function : callable
        Called without arguments, in the calling thread or in the worker thread.
    """
    global _worker
    if threading.current_thread() is not threading.main_thread():
        return function()
    if _worker is None or _worker.process != os.getpid():  # a fork has no threads but the one that forked
        _worker = _Worker()
    return _worker.run(function)
