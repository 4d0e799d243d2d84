"""Rates step by step: by torch.optim.lr_scheduler where it has the schedule, else by the formula that its peer documents."""
import math

import torch

BATCHES, EPOCHS, RATE = 8, 12, 0.3
STEPS = BATCHES * EPOCHS


def by_torch(make, every=1):
    """The rate of each step, `make` giving a scheduler that moves every so many steps"""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)
    scheduler, rates = make(optimizer), []
    for step in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if (step + 1) % every == 0:
            scheduler.step()
    return rates


def optimal(l2, derivative):
    """scikit-learn's SGDClassifier: 1 / (alpha (t0 + t)), t from 0"""
    typical = math.sqrt(1 / math.sqrt(l2))
    t0 = 1 / (typical / max(1, derivative) * l2)
    return dict(t0=1 / l2, t1=t0, rates=[1 / (l2 * (t0 + t)) for t in range(STEPS)])


def schedules():
    s = torch.optim.lr_scheduler
    runs = {
        "exponential": dict(decay=0.9, rates=by_torch(lambda o: s.ExponentialLR(o, 0.9 ** (1 / BATCHES)))),
        "step": dict(decay=0.5, every=3, rates=by_torch(lambda o: s.StepLR(o, 3, 0.5), BATCHES)),
        "cosine": dict(final=0.01, warm_up=0, rates=by_torch(lambda o: s.CosineAnnealingLR(o, STEPS, 0.01))),
        "one-cycle": dict(warm_up=0.25 * STEPS,
                          rates=by_torch(lambda o: s.OneCycleLR(o, RATE, total_steps=STEPS, pct_start=0.25))),
        "polynomial": dict(final=0.02, power=2,
                           rates=by_torch(lambda o: s.LambdaLR(o, lambda t: (0.02 + (RATE - 0.02) * (1 - t / STEPS) ** 2) / RATE))),
        "inverse-scaling": dict(power=0.25, rates=by_torch(lambda o: s.LambdaLR(o, lambda t: 1 / (t + 1) ** 0.25))),
        "optimal": optimal(1e-4, 1.0),
    }
    return {name: dict(batches=BATCHES, steps=STEPS, rate=RATE, **run) for name, run in runs.items()}
