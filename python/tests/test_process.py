"""Ctrl-C, threads and forks."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import cusgd
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def interruptible():
    """Let Ctrl-C interrupt the tests, which a shell prevents where it runs them in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def run_python(text, *, timeout=60):
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(text)], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("library", "options"),
    [
        (None, {}),
        (None, {"solver": "gd", "rate": 1e-12, "gradient_tolerance": 1e-300}),
        ("pandas", {}),
        ("sklearn.linear_model", {}),
    ],
    ids=["sgd", "gd", "pandas", "sklearn"],
)
def test_ctrl_c_ends_a_fit(library, options, rng):
    """Also after the import of others; `test_ctrl_c_with_other_libraries` has those whose handlers stay."""
    if library:
        pytest.importorskip(library)
        signal.signal(signal.SIGINT, signal.default_int_handler)
    X = rng.normal(size=(20000, 20))
    y = rng.normal(size=20000)
    trainer = cusgd.Trainer(X, y, epochs=10**9, patience=10**9, **options)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    assert trainer.result.stop == "cancelled"
    assert cusgd.fit(X[:100], y[:100], epochs=1).result.epochs == 1  # the next call is not interrupted


class Late(Exception):
    """What the handler of a timeout raises."""


@pytest.fixture
def late():
    """A signal handler that raises `Late` as long as the list that is given has something in it."""
    armed = [True]

    def handler(number, frame):
        if armed:
            raise Late

    old = signal.signal(signal.SIGALRM, handler)
    yield armed
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, old)


def test_any_exception_of_a_signal_handler_ends_a_fit(late, rng):
    X = rng.normal(size=(20000, 20))
    trainer = cusgd.Trainer(X, X[:, 0].copy(), epochs=10**9, patience=10**9)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    with pytest.raises(Late):
        trainer.fit()
    assert trainer.result.stop == "cancelled"
    assert cusgd.fit(X[:100], X[:100, 0], epochs=1).result.epochs == 1


def test_a_call_has_ended_when_signals_are_raised(late):
    from cusgd import _run

    runs = []

    def call():
        for _ in range(20):
            os.kill(os.getpid(), signal.SIGALRM)
            time.sleep(0.002)
        while _run._worker.stop.value == b"0":
            time.sleep(0.002)
        runs.append(_run._worker.stop.value)
        late.clear()

    with pytest.raises(Late):
        _run.run(call)
    assert runs == [b"1"]  # once, to its end
    assert _run._worker.stop.value == b"0"


def test_ctrl_c_that_another_thread_receives():
    """The main thread, which waits, is not woken then."""
    out = run_python(
        """
        import signal, threading, time
        import numpy as np, cusgd
        X = np.random.default_rng(0).normal(size=(20000, 20))
        trainer = cusgd.Trainer(X, X[:, 0].copy(), epochs=10**9, patience=10**9)
        def interrupt():
            time.sleep(0.5)
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
            time.sleep(60)
        threading.Thread(target=interrupt, daemon=True).start()
        try:
            trainer.fit()
        except KeyboardInterrupt:
            print(trainer.result.stop)
        """
    )
    assert out.strip() == "cancelled"


@pytest.mark.parametrize("fails_in_callback", [False, True])
def test_a_failed_call_keeps_nothing_alive(fails_in_callback, rng):
    X = rng.normal(size=(100, 3))
    y = X[:, 0].copy()
    if not fails_in_callback:
        X[3, 1] = np.nan

    def fail(now):
        raise LookupError

    kept = weakref.ref(X)
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(LookupError, cusgd.DataError):
            cusgd.fit(X, y, callback=fail)
        del X
        assert kept() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_ctrl_c_with_other_libraries(library):
    """Some have a handler of their own for the signal."""
    pytest.importorskip(library)
    run_python(
        f"""
        import os, signal, threading
        import numpy as np, cusgd, {library}
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in the background
        if "{library}" == "polars":
            polars.DataFrame({{"a": [1.0]}}).select("a")
        X = np.random.default_rng(0).normal(size=(20000, 20))
        trainer = cusgd.Trainer(X, X[:, 0] + np.random.default_rng(1).normal(size=20000), epochs=10**9, patience=10**9, threads=1)
        try:
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
            trainer.fit()
            raise SystemExit("not interrupted")
        except KeyboardInterrupt:
            pass
        """
    )


def test_ctrl_c_ends_the_making_of_a_trainer():
    run_python(
        """
        import os, signal, threading
        import numpy as np, cusgd
        signal.signal(signal.SIGINT, signal.default_int_handler)
        X = np.random.default_rng(0).normal(size=(200000, 50))
        y = X[:, 0].copy()
        for delay in (0.001, 0.01, 0.03):
            try:
                threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()  # on a busy machine it fires in here
                cusgd.fit(X, y, epochs=10**6, patience=10**9)
                raise SystemExit("not interrupted")
            except KeyboardInterrupt:
                pass
        """
    )


def test_fit_fork_fit():
    out = run_python(
        """
        import os
        import numpy as np, cusgd
        X = np.random.default_rng(0).normal(size=(5000, 10))
        y = X.sum(axis=1)
        before = cusgd.fit(X, y, epochs=2).to_bytes()
        child = os.fork()
        if child == 0:
            os._exit(0 if cusgd.fit(X, y, epochs=2).to_bytes() == before else 1)
        print(os.waitpid(child, 0)[1])
        """
    )
    assert out.strip() == "0"


def test_threads_train_side_by_side(regression):
    X, y, _, _ = regression
    expected = cusgd.fit(X, y, epochs=5).to_bytes()
    found = [None] * 4

    def work(i):
        found[i] = cusgd.fit(X, y, epochs=5).to_bytes()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_cancel_from_another_thread(rng):
    X = rng.normal(size=(5000, 10))
    trainer = cusgd.Trainer(X, X[:, 0], epochs=10**9, patience=10**9)
    threading.Timer(0.2, trainer.cancel).start()
    assert trainer.fit().stop == "cancelled"


def test_doctests():
    import doctest

    from cusgd import _results, _tools, _trainer

    for module in (cusgd, _results, _tools, _trainer):
        found = doctest.testmod(module)
        assert found.failed == 0
    assert doctest.testmod(cusgd).attempted > 0


def test_structures_are_those_of_the_compiler(tmp_path):
    """A C program prints the size of every structure and the offset of every member."""
    from pathlib import Path

    from cusgd import _capi

    include = Path(__file__).resolve().parents[2] / "include"
    headers = [f"#include <{header.name}>" for header in sorted(include.glob("cusgd*.h"))]
    lines = [*headers, "#include <stdio.h>", "int main(void) {"]
    for structure in _capi.STRUCTURES:
        name = structure.__name__
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        for member in structure._fields_:
            lines.append(f'printf("{name}.{member[0]} %zu\\n", offsetof({name}, {member[0]}));')
    lines.append("return 0; }")
    (tmp_path / "sizes.c").write_text("\n".join(lines))
    subprocess.run(["cc", f"-I{include}", "-o", tmp_path / "sizes", tmp_path / "sizes.c"], check=True)
    out = subprocess.run([tmp_path / "sizes"], capture_output=True, text=True, check=True).stdout
    compiled = dict(line.split() for line in out.splitlines())
    import ctypes

    for structure in _capi.STRUCTURES:
        name = structure.__name__
        assert int(compiled[name]) == ctypes.sizeof(structure), name
        for member in structure._fields_:
            assert int(compiled[f"{name}.{member[0]}"]) == getattr(structure, member[0]).offset, (name, member[0])
    assert np.size(_capi.STRUCTURES) > 8


# ---- Memory-mapped files that become shorter ----

SHRINKING = """
    import os, sys, tempfile
    import numpy as np, cusgd

    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "x.npy")
    values = np.random.default_rng(1).normal(size=(20000, 8))
    y = values[:, 0] - values[:, 1]

    def mapped():
        np.save(path, values)
        return np.load(path, mmap_mode="r")

    def cut(progress):
        if progress.epoch == 2:
            os.truncate(path, size)

    def expect(call):
        try:
            call()
        except cusgd.DataError as error:
            assert "x.npy" in str(error) and "became shorter" in str(error), error
        else:
            raise AssertionError("a shorter file was accepted")
"""


@pytest.mark.parametrize("part", ["[:]", "[::2]", "[100:, 2:5]"], ids=["whole", "rows", "columns"])
def test_a_mapped_file_that_becomes_shorter_is_an_error(part):
    """The end of a process would be SIGBUS."""
    run_python(
        textwrap.dedent(SHRINKING)
        + textwrap.dedent(f"""
    for size in (0, 4096, 640000):
        x = mapped(){part}
        model = cusgd.fit(x, y[: len(x)], epochs=1)
        options = dict(optimizer="sgd", rate=1e-3, standardize=False, evaluate_every=1, tolerance=0)
        expect(lambda: cusgd.fit(x, y[: len(x)], epochs=10**6, callback=cut, **options))
        x = mapped(){part}
        os.truncate(path, size)
        expect(lambda: model.predict(x))
    """)
    )


def test_mapped_files_are_used_in_place_and_let_go(tmp_path, rng):
    """Nothing stays open, and the numbers are those of the array."""
    path = tmp_path / "x.npy"
    X = rng.normal(size=(500, 3))
    np.save(path, X)
    y = X[:, 0].copy()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        mapped = np.load(path, mmap_mode="r")
        model = cusgd.fit(mapped, y, epochs=2)
        np.testing.assert_array_equal(model.predict(mapped), model.predict(X))
    del mapped
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before
