"""cuSGD as one of the peers. A run goes on from where the last one ended, so that making a trainer is not timed with it."""
import time

from peers.library import Trainer


class CuSGD:
    name, text = "cusgd", "cuSGD"
    one_by_one = False

    def __init__(self, problem, device, library):
        self.p, self.device, self.library = problem, device, library
        self.data = library.data(problem.x, problem.y)
        self.kept, self.version = [], library.version

    def make(self, job):
        t = Trainer(self.library, self.data, self.p.d, optimizer="sgd", rate=repr(job.rate), batch=job.batch,
                    sampling=job.sampling, device=self.device, no_standardize=None, no_intercept=None)
        self.kept.append(t)
        steps = -(-self.p.n // job.batch)

        def run(passes, tick=None):
            t.step(passes * steps)
            return t.get()
        return run

    def with_defaults(self, clock):
        """Trains with no option, until the clock stops it. Returns seconds of the preparation."""
        begun = time.perf_counter()
        t = Trainer(self.library, self.data, self.p.d, device=self.device)
        prepared = time.perf_counter() - begun
        try:
            clock.start()
            while True:
                steps = max(1, (clock.next - clock.rows) // t.batch)
                t.step(steps)
                clock.tick(steps * t.batch, t.get)
        finally:
            t.free()
            clock.prepared = prepared

    def left_alone(self):
        """Trains with no option until it stops by itself: seconds in all, and the model."""
        begun = time.perf_counter()
        t = Trainer(self.library, self.data, self.p.d, device=self.device)
        t.fit()
        seconds, model = time.perf_counter() - begun, t.get()
        t.free()
        return seconds, model

    def close(self):
        for t in self.kept:
            t.free()
        self.library.data_free(self.data)
