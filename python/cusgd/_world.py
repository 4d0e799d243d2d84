"""Training with several processes."""

from __future__ import annotations

import ctypes as C
import weakref
from typing import Any

from ._errors import UsageError, check
from ._library import lib
from ._run import run


def _close(handle: C.c_void_p, trainers: weakref.WeakSet[Any]) -> None:
    for trainer in list(trainers):
        trainer._free()
    lib.cusgd_world_close(handle, 0)


class World:
    """The processes (*ranks*) that train together and communicate by MPI.

    All ranks must make the same calls with the same data and options, in the same order. These calls are `cusgd.fit` or `Trainer`
    with ``world``, and the methods of that trainer. Each rank holds a part of the rows. The model is the same on all ranks, and
    does not depend on their number.

    Parameters
    ----------
    comm : str or mpi4py.MPI.Comm, optional
        A communicator, which is duplicated, or the name of an MPI, which then connects all processes that the launcher has
        started: ``"mpi"`` for the MPI of the launcher, ``"openmpi"`` or ``"mpich"``.
    timeout : float, optional
        The time in seconds that another rank may take to answer, above 0.

    Raises
    ------
    DeviceError
        The module of cuSGD for this MPI is not installed, or MPI has failed.
    UsageError
        The argument is not a communicator, or MPI was initialized without support for threads.

    Examples
    --------
    >>> import numpy as np
    >>> import cusgd
    >>> X = np.random.default_rng(0).normal(size=(500, 3))
    >>> with cusgd.World() as world:  # doctest: +SKIP
    ...     model = cusgd.fit(X, X @ [1.0, 2.0, 3.0], world=world)
    ...     if world.rank == 0:
    ...         model.save("model.safetensors")
    """

    def __init__(self, comm: Any = "mpi", *, timeout: float = 60.0) -> None:
        self._handle = C.c_void_p()
        self._trainers: weakref.WeakSet[Any] = weakref.WeakSet()
        if isinstance(comm, str):
            name = comm.encode()
            run(lambda: check(lib.cusgd_world_open(name, timeout, C.byref(self._handle))))
        else:
            address = _address_of(comm)
            run(lambda: check(lib.cusgd_world_mpi(address, timeout, C.byref(self._handle))))
        self._end = weakref.finalize(self, _close, self._handle, self._trainers)

    @property
    def rank(self) -> int:
        """The rank of this process, from 0."""
        return int(lib.cusgd_world_rank(self._open()))

    @property
    def size(self) -> int:
        """The number of ranks."""
        return int(lib.cusgd_world_ranks(self._open()))

    def _open(self) -> C.c_void_p:
        if not self._end.alive:
            raise UsageError("the world has been closed")
        return self._handle

    def close(self) -> None:
        """Free the world and its trainers. If the world has initialized MPI, finalize MPI.

        Each rank must call this method or end.
        """
        self._end()

    def __enter__(self) -> World:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _address_of(comm: Any) -> int:
    try:
        from mpi4py import MPI

        if isinstance(comm, MPI.Comm):
            return int(MPI._addressof(comm))
    except ImportError:
        pass
    raise UsageError(f"a world is made of a communicator of mpi4py, or of 'mpi', 'openmpi' or 'mpich', and not of {comm!r:.60}")
