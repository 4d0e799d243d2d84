"""Which arrays a trainer keeps alive: those that the library points to, whatever became of the call that gave it them."""

import contextlib
import gc
import os
import signal
import threading
import time
import weakref

import cusgd
import numpy as np
import pytest
from cusgd import _run, _trainer

pytestmark = pytest.mark.filterwarnings("ignore::cusgd.ConvergenceWarning")  # what is learned does not matter here


class Late(Exception):
    """What is raised in a call, or by a signal's handler."""


class Rows:
    """Rows, and whether they are alive after they were given away."""

    def __init__(self, rng, count, scale=1.0):
        self.X, self.y = rng.normal(size=(count, 5)) * scale, (rng.random(count) < 0.5) * 1.0
        self.of = weakref.ref(self.X), weakref.ref(self.y)

    def give(self):
        X, y = self.X, self.y
        del self.X, self.y
        return X, y

    def alive(self):
        gc.collect()
        found = {reference() is not None for reference in self.of}
        assert len(found) == 1
        return found.pop()


def make_trainer(rng, **options):
    first = Rows(rng, 1000)
    options = {"loss": "logistic", "batch": 1, "optimizer": "sgd", "rate": 0.01, "epochs": 1, "standardize": False, **options}
    return first, cusgd.Trainer(*first.give(), **options)


def goes_on(trainer):
    """Train on the rows that the trainer has."""
    assert np.isfinite(trainer.fit().loss)
    trainer.step(10)


def after(trainer, name, then, monkeypatch):
    """Let something happen at the end of the library's function of this name, in the thread that called it."""

    class Library:
        def __getattr__(self, asked):
            function = getattr(_run.lib, asked)
            if asked != name:
                return function

            def call(*arguments):
                status = function(*arguments)
                then()
                return status

            return call

    monkeypatch.setattr(_trainer, "lib", Library())


def test_rows_whose_steps_diverge_are_kept(rng):
    first, trainer = make_trainer(rng, precision="float")
    new = Rows(rng, 500, scale=1e30)
    with pytest.raises(cusgd.DivergedError):
        trainer.partial_fit(*new.give())
    assert new.alive() and not first.alive()
    trainer.partial_fit(*Rows(rng, 100).give())
    assert not new.alive()
    goes_on(trainer)


def test_rows_whose_steps_are_cancelled_are_kept(rng):
    first, trainer = make_trainer(rng)
    new = Rows(rng, 100000)
    ended = threading.Event()

    def cancel():
        while not ended.wait(0.001):
            trainer.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    try:
        with pytest.raises(cusgd.InterruptedCall):
            trainer.partial_fit(*new.give())
    finally:
        ended.set()
        thread.join()
    assert new.alive() and not first.alive()
    trainer.step(1)  # forgets that it was cancelled
    goes_on(trainer)


@pytest.mark.parametrize("call", ["rebind", "partial_fit"])
def test_rows_that_are_refused_are_not_kept(call, rng):
    first, trainer = make_trainer(rng)
    for scale in (np.nan, np.inf):
        new = Rows(rng, 100, scale=scale)
        with pytest.raises(cusgd.DataError):
            getattr(trainer, call)(*new.give())
        assert first.alive() and not new.alive()
    goes_on(trainer)


@pytest.mark.parametrize("call", ["rebind", "partial_fit"])
@pytest.mark.parametrize("in_main_thread", [True, False])
def test_an_exception_right_behind_the_call(call, in_main_thread, rng, monkeypatch):
    """As one that another thread sets (PyThreadState_SetAsyncExc): it is raised when the library's call has returned."""
    first, trainer = make_trainer(rng)
    new, newer = Rows(rng, 100), Rows(rng, 100)

    def fail():
        raise Late

    def run():
        with contextlib.suppress(Late):
            getattr(trainer, call)(*new.give())
            pytest.fail("nothing was raised")

    with monkeypatch.context() as patch:
        after(trainer, f"cusgd_trainer_{call}", fail, patch)
        if in_main_thread:
            run()
        else:
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
    assert new.alive()
    goes_on(trainer)
    with pytest.raises(ValueError, match="columns"):  # another failure, of a call that takes nothing
        trainer.rebind(np.ones((3, 2)), [0.0, 1.0, 1.0])
    assert new.alive() and not first.alive()
    trainer.rebind(*newer.give())
    assert newer.alive() and not new.alive()
    goes_on(trainer)


@pytest.mark.parametrize("call", ["rebind", "partial_fit"])
def test_a_signal_at_the_end_of_the_call(call, rng, monkeypatch):
    """The call succeeds, and all the same an exception is raised: that of the signal's handler."""
    monkeypatch.setattr(_trainer, "SHORT", 0)  # in the worker thread
    first, trainer = make_trainer(rng)
    new = Rows(rng, 100)

    def handler(number, frame):
        raise Late

    def interrupt():
        os.kill(os.getpid(), signal.SIGALRM)
        while _run._worker.stop.value == b"0":
            time.sleep(0.001)

    before = signal.signal(signal.SIGALRM, handler)
    try:
        with monkeypatch.context() as patch:
            after(trainer, f"cusgd_trainer_{call}", interrupt, patch)
            with contextlib.suppress(Late):
                getattr(trainer, call)(*new.give())
                pytest.fail("nothing was raised")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert new.alive() and not first.alive()
    goes_on(trainer)


@pytest.mark.parametrize("call", ["rebind", "partial_fit"])
def test_a_signal_at_the_end_of_a_short_call(call, rng, monkeypatch):
    """A handler is run between the call and the next line: all rows stay until it is known which ones the library has."""
    first, trainer = make_trainer(rng)
    new = Rows(rng, 100)

    def handler(number, frame):
        raise Late

    before = signal.signal(signal.SIGALRM, handler)
    try:
        with monkeypatch.context() as patch:
            after(trainer, f"cusgd_trainer_{call}", lambda: os.kill(os.getpid(), signal.SIGALRM), patch)
            with pytest.raises(Late):
                getattr(trainer, call)(*new.give())
    finally:
        signal.signal(signal.SIGALRM, before)
    assert new.alive()
    goes_on(trainer)
    trainer.rebind(*Rows(rng, 100).give())
    assert not first.alive() and not new.alive()
    goes_on(trainer)


def test_an_estimator_goes_on_after_a_part_that_diverges(rng):
    linear_model = pytest.importorskip("cusgd.linear_model")
    model = linear_model.SGDRegressor(eta0=0.01, batch_size=1, standardize=False)
    model.partial_fit(*Rows(rng, 100).give())
    before = model.coef_.copy()
    new = Rows(rng, 100, scale=1e160)
    with pytest.raises(cusgd.DivergedError):
        model.partial_fit(*new.give())
    assert new.alive()
    np.testing.assert_array_equal(model.coef_, before)
    model.partial_fit(*Rows(rng, 100).give())
    assert np.isfinite(model.coef_).all() and not np.array_equal(model.coef_, before)
    assert not new.alive()
