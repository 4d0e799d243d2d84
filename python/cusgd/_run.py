"""Makes long calls of the library in such a way that Ctrl-C interrupts them.

A worker thread makes a call for the main thread, which waits, so that Python can run signal handlers immediately. If a handler
raises an exception (KeyboardInterrupt for Ctrl-C, or that of a timeout), the library is asked to stop, and the exception is
raised again after the call has ended. Other threads run no signal handlers, and call the library directly.
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

# The library calls this function frequently to find out whether to stop. A Python function would have to wait for the GIL each
# time, so atoi of the C library is used. Its argument is the string "0", or "1" if the call should stop.
_asked = C.cast(C.CDLL(None).atoi, _capi.cusgd_interrupt)


# The longest wait in seconds. A wait without a limit would continue, and Python would not run its handler, if another thread
# receives the signal, or if a library such as polars has installed a handler with SA_RESTART before that of Python.
LONGEST_WAIT = 0.1


class _Task:
    """A call and its result or exception."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self.context = contextvars.copy_context()
        self.begun = self.ended = False
        # Released at the end. An Event could stay locked if a signal handler raises an exception in one of its methods.
        self.lock = threading.Lock()
        self.lock.acquire()
        self.result: Any = None
        self.error: BaseException | None = None
        self.raised: BaseException | None = None  # raised by a signal handler during the call

    def run(self) -> None:
        """Make the call, unless it has been made. A task may be put into the queue twice."""
        if self.begun:
            return
        self.begun = True
        try:
            self.result = self.context.run(self.function)
        except BaseException as error:  # raised again in the thread of the caller
            self.error = error
        finally:
            self.ended = True
            self.lock.release()


class _Worker:
    """A thread that runs tasks one after another."""

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
        except BaseException as error:  # raised by a signal handler between two steps of the loop in _wait
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
            del raised, task  # otherwise the traceback would refer to the exception, a cycle that keeps all objects of the call

    def _wait(self, task: _Task) -> None:
        """Put a task into the queue, and wait until it has ended.

        Signal handlers may raise exceptions anywhere, so every step is inside the try block. The task is then put into the queue
        again, because it is not known whether it has been before.
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
    """Tell whether the call in the worker thread should stop because a signal handler has raised an exception."""
    return _worker is not None and _worker.stop.value == b"1"


def run(function: Callable[[], T], *, is_short: bool = False) -> T:
    """Call a function and return its result. Exceptions of signal handlers, such as Ctrl-C, interrupt its calls of the library.

    Parameters
    ----------
    function : callable
        The function, which is called without arguments in the calling thread or in the worker thread.
    is_short : bool
        Whether the call takes a few milliseconds at most. It is then made in the calling thread, and handlers run after it.
    """
    global _worker
    if is_short or threading.current_thread() is not threading.main_thread():
        return function()
    if _worker is None or _worker.process != os.getpid():  # after a fork, the process has no worker thread
        _worker = _Worker()
    return _worker.run(function)
