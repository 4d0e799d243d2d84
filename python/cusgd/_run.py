"""Runs long calls of the library so that Ctrl-C ends them.

A call in the main thread is handed to a worker thread, and the main thread waits: it then runs signal handlers at once. When one
raises (KeyboardInterrupt by Ctrl-C, or the exception of a timeout's handler), the library is asked to stop, and the exception is
raised again when the call has ended. A call in another thread, which runs no signal handlers, runs as it is.
"""

from __future__ import annotations

import contextvars
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


# In seconds. A wait without a limit goes on, and Python's handler is not run, where another thread receives the signal, or where
# a library (polars does) has put a handler with SA_RESTART in front of Python's.
LONGEST_WAIT = 0.1


class _Task:
    """A call, and what became of it."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self.context = contextvars.copy_context()
        self.begun = self.ended = False
        self.lock = threading.Lock()  # released at the end. An Event may stay locked when a signal handler raises in its methods
        self.lock.acquire()
        self.result: Any = None
        self.error: BaseException | None = None
        self.raised: BaseException | None = None  # by signal handlers meanwhile

    def run(self) -> None:
        """Make the call; a task that is handed over twice is run once."""
        if self.begun:
            return
        self.begun = True
        try:
            self.result = self.context.run(self.function)
        except BaseException as error:  # raised again in the thread that called
            self.error = error
        finally:
            self.ended = True
            self.lock.release()


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
        try:
            self._wait(task)
        except BaseException as error:  # between two steps of the loop in there
            task.raised = error
            self._wait(task)
        self.stop.value = b"0"
        raised = task.raised or task.error
        if raised is None:
            return task.result  # type: ignore[no-any-return]
        task.raised = task.error = None
        try:
            raise raised
        finally:
            del raised, task  # an error whose traceback leads back to itself keeps all that the call used

    def _wait(self, task: _Task) -> None:
        """Hand a task over, and wait until it has ended.

        Signal handlers may raise at any place, so that every step is inside the try. The task is handed over again then, as it is
        not known whether it was before.
        """
        while True:
            try:
                if task.raised is not None:
                    self.stop.value = b"1"
                self.tasks.put(task)
                while not task.ended:
                    task.lock.acquire(timeout=LONGEST_WAIT)
                return
            except BaseException as error:
                task.raised = error


_worker: _Worker | None = None


def is_stopping() -> bool:
    """Tell whether a call in the worker thread is to end, because a signal handler has raised."""
    return _worker is not None and _worker.stop.value == b"1"


def run(function: Callable[[], T], *, is_short: bool = False) -> T:
    """Return the function's result; Ctrl-C, and all else that signal handlers raise, ends calls of the library in it.

    Parameters
    ----------
    function : callable
        Called without arguments, in the calling thread or in the worker thread.
    is_short : bool
        Whether it takes a few milliseconds at most: it is then called in the calling thread, and handlers run when it has ended.
    """
    global _worker
    if is_short or threading.current_thread() is not threading.main_thread():
        return function()
    if _worker is None or _worker.process != os.getpid():  # a fork has no threads but the one that forked
        _worker = _Worker()
    return _worker.run(function)
