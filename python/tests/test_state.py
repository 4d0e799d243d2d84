"""Saved states of trainers."""

import os
import signal
import threading
import time

import cusgd
import numpy as np
import pytest


def make(rate=0.01, epochs=6, rows=500, **options):
    X = np.random.default_rng(0).normal(size=(rows, 4))
    return cusgd.Trainer(X, X @ np.arange(4.0), optimizer="adam", rate=rate, batch=16, epochs=epochs, evaluate_every=1, **options)


def assert_same(one, other):
    for got, expected in zip(one.coefficients(), other.coefficients(), strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("to_file", [True, False])
def test_a_loaded_state_goes_on_with_the_same_bits(tmp_path, to_file):
    one, other = make(), make()
    one.step(37)
    one.save_state(tmp_path / "state")
    other.load_state(tmp_path / "state" if to_file else one.state())
    one.step(50)
    other.step(50)
    assert_same(one, other)


def test_a_fit_that_was_ended_goes_on_with_the_same_bits(tmp_path):
    whole, first, rest = make(), make(), make()
    whole.fit()
    first.fit(lambda now: now.epoch == 3, checkpoint=tmp_path / "state", every="1000epochs")
    rest.load_state(tmp_path / "state")
    rest.fit()
    assert_same(rest, whole)
    assert [epoch.loss for epoch in first.history.epochs + rest.history.epochs] == [epoch.loss for epoch in whole.history.epochs]


def test_every_interval_writes_checkpoints(tmp_path):
    make().fit(checkpoint=tmp_path / "state", every="2epochs")
    assert sorted(os.listdir(tmp_path)) == ["state", "state.previous"]
    again = make()
    again.load_state(tmp_path / "state.previous")
    again.fit()
    whole = make()
    whole.fit()
    assert_same(again, whole)


def test_ctrl_c_writes_a_checkpoint(tmp_path):
    trainer = make(epochs=10**6)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background processes begin with it ignored
    threading.Thread(target=lambda: (time.sleep(0.3), os.kill(os.getpid(), signal.SIGINT))).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            trainer.fit(checkpoint=tmp_path / "state", every="60minutes")
    finally:
        signal.signal(signal.SIGINT, before)
    make(epochs=10**6).load_state(tmp_path / "state")


def test_a_checkpoint_that_cannot_be_written_is_a_warning(tmp_path):
    with pytest.warns(RuntimeWarning, match="checkpoint is not written"):
        make().fit(checkpoint=tmp_path / "missing" / "state", every="3epochs")


def test_other_options_are_refused(tmp_path):
    make().save_state(tmp_path / "state")
    with pytest.raises(cusgd.UsageError, match="rate"):
        make(rate=0.5).load_state(tmp_path / "state")
    with pytest.raises(cusgd.DataError, match="training rows"):
        make(rows=400).load_state(tmp_path / "state")
    with pytest.raises(cusgd.DataError):
        make().load_state(b"nothing")
    with pytest.raises(ValueError, match="5minutes"):
        make().fit(checkpoint=tmp_path / "state", every="5days")
