"""Optimizer trajectories: 24 steps of least squares, contiguous minibatches in order, no intercept."""
import mpmath as mp
import numpy as np
import scipy.linalg
import torch
from mpmath import mpf

from .numbers import exact, exact_array, exact_sqrt, rounded

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

N, D, B, EPOCHS = 64, 5, 8, 3
M = N // B  # batches an epoch
random = np.random.RandomState(20240)
# rounded to 6 decimals so that the file can be read by eye; the values are exact doubles all the same
X = np.round(random.randn(N, D) * np.array([1, .7, 1.3, .9, 1.1]), 6)
Y = np.round(X @ np.array([1.5, -2.0, 0.5, 3.0, -0.75]) + 0.3 * random.randn(N), 6)
THETA0 = np.array([0.5, -0.25, 1.0, 0.125, -1.5])
X_EXACT, Y_EXACT = exact_array(X), exact_array(Y)


def gradient(theta, batch):
    """(2/B) X_b^T (X_b theta - y_b)"""
    rows = slice(batch * B, (batch + 1) * B)
    return 2 * (X_EXACT[rows].T @ (X_EXACT[rows] @ theta - Y_EXACT[rows])) / B


def mean_squared_error(theta):
    residual = X @ np.asarray(theta, dtype=float) - Y
    return float(residual @ residual / N)


def run_formula(step):
    """step(theta, epoch, batch, t) with t from 1; the trajectory of theta, exact"""
    theta, trajectory = exact_array(THETA0), []
    for t in range(1, EPOCHS * M + 1):
        theta = step(theta, (t - 1) // M, (t - 1) % M, t)
        trajectory.append(theta)
    return np.array(trajectory)


def torch_run(name, make, hyper, formula, step, extra=None):
    theta = torch.from_numpy(THETA0.copy()).requires_grad_(True)
    optimizer = make([theta])
    x, y, trajectory, extras = torch.from_numpy(X), torch.from_numpy(Y), [], []
    for t in range(EPOCHS * M):
        rows = slice(t % M * B, (t % M + 1) * B)
        optimizer.zero_grad()
        torch.mean((x[rows] @ theta - y[rows]) ** 2).backward()
        optimizer.step()
        trajectory.append(theta.detach().numpy().tolist())
        if extra:
            extras.append(optimizer.state[theta][extra].detach().numpy().tolist())
    difference = float(abs(exact_array(trajectory) - run_formula(step)).max())
    print("%-28s torch against formula %.2e" % (name, difference))
    run = dict(name=name, source="torch", torch_class=type(optimizer).__name__, hyper=hyper, formula=formula,
               max_abs_diff_vs_mpmath=float("%.3g" % difference), final_full_mse=mean_squared_error(trajectory[-1]),
               trajectory=trajectory)
    if extra:
        run["trajectory_" + extra] = extras
    return run


def formula_run(name, hyper, formula, step, note=None):
    trajectory = rounded(run_formula(step))
    run = dict(name=name, source="mpmath", hyper=hyper, formula=formula)
    if note:
        run["note"] = note
    run.update(final_full_mse=mean_squared_error(trajectory[-1]), trajectory=trajectory)
    return run


class State:
    """What a formula keeps between steps: exact vectors, zero at first."""

    def __init__(self, **values):
        self.v = self.s = self.m = self.d = exact_array(np.zeros(D))
        self.__dict__.update(values)


def sgd(lr, weight_decay=0.0, momentum=0.0, nesterov=False):
    lr, weight_decay, momentum, q = exact(lr), exact(weight_decay), exact(momentum), State()

    def step(theta, epoch, batch, t):
        g = gradient(theta, batch) + weight_decay * theta
        if momentum != 0:
            q.v = g if t == 1 else momentum * q.v + g
            g = g + momentum * q.v if nesterov else q.v
        return theta - lr * g
    return step


def adagrad(lr, eps, reset=False):
    lr, eps, q = exact(lr), exact(eps), State()

    def step(theta, epoch, batch, t):
        if reset and batch == 0:
            q.s = 0 * q.s
        g = gradient(theta, batch)
        q.s = q.s + g * g
        return theta - lr * g / (exact_sqrt(q.s) + eps)
    return step


def adadelta(lr, rho, eps):
    lr, rho, eps, q = exact(lr), exact(rho), exact(eps), State()

    def step(theta, epoch, batch, t):
        g = gradient(theta, batch)
        q.s = rho * q.s + (1 - rho) * g * g
        dx = exact_sqrt(q.d + eps) / exact_sqrt(q.s + eps) * g
        q.d = rho * q.d + (1 - rho) * dx * dx
        return theta - lr * dx
    return step


def rmsprop(lr, rho, eps, centered=False, momentum=0.0, inside=False, reset=False):
    lr, rho, eps, momentum, q = exact(lr), exact(rho), exact(eps), exact(momentum), State()

    def step(theta, epoch, batch, t):
        if reset and batch == 0:
            q.s = 0 * q.s
        g = gradient(theta, batch)
        q.s = rho * q.s + (1 - rho) * g * g
        q.m = rho * q.m + (1 - rho) * g
        variance = q.s - q.m * q.m if centered else q.s
        q.v = momentum * q.v + g / (exact_sqrt(variance + eps) if inside else exact_sqrt(variance) + eps)
        return theta - lr * q.v
    return step


def adam(lr, beta1, beta2, eps, weight_decay=0.0, decoupled=False, amsgrad=False, reset=False):
    lr, beta1, beta2, eps, weight_decay = map(exact, (lr, beta1, beta2, eps, weight_decay))
    q = State()

    def step(theta, epoch, batch, t):
        if reset and batch == 0:
            q.m, q.s = 0 * q.m, 0 * q.s
        count = epoch + 1 if reset else t
        g = gradient(theta, batch)
        if decoupled:
            theta = theta * (1 - lr * weight_decay)
        else:
            g = g + weight_decay * theta
        q.m = beta1 * q.m + (1 - beta1) * g
        q.s = beta2 * q.s + (1 - beta2) * g * g
        q.d = np.maximum(q.d, q.s) if amsgrad else q.s
        return theta - lr * (q.m / (1 - beta1 ** count)) / (exact_sqrt(q.d / (1 - beta2 ** count)) + eps)
    return step


def nadam(lr, beta1, beta2, eps, psi, quirk=False):
    lr, beta1, beta2, eps, psi = map(exact, (lr, beta1, beta2, eps, psi))
    q = State(product=mpf(1))

    def step(theta, epoch, batch, t):
        g = gradient(theta, batch)
        mu, mu_next = [beta1 * (1 - exact(0.96) ** (s * psi) / 2) for s in (t, t + 1)]
        q.product *= mu
        q.m = beta1 * q.m + (1 - beta1) * g
        q.s = beta2 * q.s + (1 - beta2) * g * g
        root_s = exact_sqrt(q.s / (1 - beta2 ** t)) + eps
        ahead = 1 - q.product * (mu if quirk else 1) * mu_next
        return theta - lr * (1 - mu) / (1 - q.product) * g / root_s - lr * mu_next / ahead * q.m / root_s
    return step


def radam(lr, beta1, beta2, eps):
    lr, beta1, beta2, eps, q = exact(lr), exact(beta1), exact(beta2), exact(eps), State()

    def step(theta, epoch, batch, t):
        g = gradient(theta, batch)
        q.m = beta1 * q.m + (1 - beta1) * g
        q.s = beta2 * q.s + (1 - beta2) * g * g
        limit = 2 / (1 - beta2) - 1
        rho = limit - 2 * t * beta2 ** t / (1 - beta2 ** t)
        m = q.m / (1 - beta1 ** t)
        if rho <= 5:
            return theta - lr * m
        r = mp.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
        return theta - lr * r * mp.sqrt(1 - beta2 ** t) * m / (exact_sqrt(q.s) + eps)
    return step


def adamax(lr, beta1, beta2, eps):
    lr, beta1, beta2, eps, q = exact(lr), exact(beta1), exact(beta2), exact(eps), State()

    def step(theta, epoch, batch, t):
        g = gradient(theta, batch)
        q.m = beta1 * q.m + (1 - beta1) * g
        q.s = np.maximum(beta2 * q.s, abs(g) + eps)
        return theta - lr / (1 - beta1 ** t) * q.m / q.s
    return step


def asgd(lr, lambd, alpha, t0):
    lr, lambd, alpha = exact(lr), exact(lambd), exact(alpha)
    q = State(eta=lr)

    def step(theta, epoch, batch, t):
        theta = theta * (1 - lambd * q.eta) - q.eta * gradient(theta, batch)
        q.eta = lr / (1 + lambd * lr * t) ** alpha
        return theta
    return step


def ftrl(alpha, beta, l1, l2):
    """Algorithm 1 of McMahan et al. 2013, its penalties growing by lambda1 and lambda2 with each step; centered at the start."""
    alpha, beta, l1, l2, q = exact(alpha), exact(beta), exact(l1), exact(l2), State(z=None)

    def step(theta, epoch, batch, t):
        g = gradient(theta, batch)
        root = exact_sqrt(q.s + g * g)
        sigma = (root - exact_sqrt(q.s) + (beta if t == 1 else 0)) / alpha
        q.z = (0 if t == 1 else q.z) + g - sigma * theta
        q.s = q.s + g * g
        sign = np.array([mp.sign(z) for z in q.z])
        return np.where(abs(q.z) <= t * l1, exact(0), -(q.z - sign * t * l1) / ((beta + root) / alpha + t * l2))
    return step


def velocity(gamma, eta, look=0):
    """v = gamma v + eta g(theta + look gamma v); theta -= v. eta: a number, or a function of the steps done."""
    gamma, q = exact(gamma), State()
    rate = eta if callable(eta) else lambda t: exact(eta)

    def step(theta, epoch, batch, t):
        q.v = gamma * q.v + rate(t - 1) * gradient(theta + look * gamma * q.v, batch)
        return theta - q.v
    return step


def time_decay(t0, t1):
    return lambda t: exact(t0) / (t + exact(t1))


def optimizers():
    o = torch.optim
    runs = [
        torch_run("sgd", lambda p: o.SGD(p, lr=0.05), dict(lr=0.05), "theta -= lr*g", sgd(.05)),
        torch_run("sgd_momentum", lambda p: o.SGD(p, lr=0.02, momentum=.9), dict(lr=.02, momentum=.9, dampening=0.0),
                  "v = g at step 1, else mu*v + g; theta -= lr*v", sgd(.02, momentum=.9)),
        torch_run("sgd_nesterov", lambda p: o.SGD(p, lr=0.02, momentum=.9, nesterov=True), dict(lr=.02, momentum=.9),
                  "v = mu*v + g (v0=0); theta -= lr*(g + mu*v)", sgd(.02, momentum=.9, nesterov=True)),
        torch_run("sgd_weight_decay", lambda p: o.SGD(p, lr=0.05, weight_decay=.1), dict(lr=.05, weight_decay=.1),
                  "g += wd*theta  (penalty (wd/2)||theta||^2); theta -= lr*g", sgd(.05, .1)),
        torch_run("sgd_momentum_weight_decay", lambda p: o.SGD(p, lr=0.02, momentum=.9, weight_decay=.1),
                  dict(lr=.02, momentum=.9, weight_decay=.1), "g += wd*theta; v = mu*v + g; theta -= lr*v", sgd(.02, .1, .9)),
        torch_run("adagrad", lambda p: o.Adagrad(p, lr=0.5, eps=1e-10), dict(lr=.5, eps=1e-10),
                  "G += g^2; theta -= lr*g/(sqrt(G)+eps)", adagrad(.5, 1e-10)),
        torch_run("adadelta", lambda p: o.Adadelta(p, lr=1.0, rho=.9, eps=1e-6), dict(lr=1.0, rho=.9, eps=1e-6),
                  "s = rho*s+(1-rho)*g^2; dx = sqrt(a+eps)/sqrt(s+eps)*g; a = rho*a+(1-rho)*dx^2; theta -= lr*dx",
                  adadelta(1., .9, 1e-6)),
        torch_run("rmsprop", lambda p: o.RMSprop(p, lr=.05, alpha=.9, eps=1e-8), dict(lr=.05, alpha=.9, eps=1e-8),
                  "s = a*s+(1-a)*g^2; theta -= lr*g/(sqrt(s)+eps)", rmsprop(.05, .9, 1e-8)),
        torch_run("rmsprop_centered_momentum",
                  lambda p: o.RMSprop(p, lr=.01, alpha=.9, eps=1e-8, centered=True, momentum=.9),
                  dict(lr=.01, alpha=.9, eps=1e-8, centered=True, momentum=.9),
                  "s = a*s+(1-a)*g^2; m = a*m+(1-a)*g; b = mu*b + g/(sqrt(s-m^2)+eps); theta -= lr*b",
                  rmsprop(.01, .9, 1e-8, True, .9)),
        torch_run("adam", lambda p: o.Adam(p, lr=.1, betas=(.9, .999), eps=1e-8), dict(lr=.1, beta1=.9, beta2=.999, eps=1e-8),
                  "m = b1*m+(1-b1)*g; v = b2*v+(1-b2)*g^2; theta -= lr*(m/(1-b1^t))/(sqrt(v/(1-b2^t))+eps)",
                  adam(.1, .9, .999, 1e-8)),
        torch_run("adam_l2", lambda p: o.Adam(p, lr=.1, weight_decay=.1),
                  dict(lr=.1, beta1=.9, beta2=.999, eps=1e-8, weight_decay=.1), "g += wd*theta, then adam",
                  adam(.1, .9, .999, 1e-8, .1)),
        torch_run("adamw", lambda p: o.AdamW(p, lr=.1, weight_decay=.1),
                  dict(lr=.1, beta1=.9, beta2=.999, eps=1e-8, weight_decay=.1),
                  "theta *= 1-lr*wd, then adam (g at the OLD theta)",
                  adam(.1, .9, .999, 1e-8, .1, True)),
        torch_run("adam_amsgrad", lambda p: o.Adam(p, lr=.1, amsgrad=True),
                  dict(lr=.1, beta1=.9, beta2=.999, eps=1e-8, amsgrad=True),
                  "x = max(x, v) of the UNcorrected v; theta -= lr*(m/(1-b1^t))/(sqrt(x/(1-b2^t))+eps)",
                  adam(.1, .9, .999, 1e-8, amsgrad=True)),
        torch_run("adam_amsgrad_b2_0.9", lambda p: o.Adam(p, lr=.1, betas=(.9, .9), amsgrad=True),
                  dict(lr=.1, beta1=.9, beta2=.9, eps=1e-8, amsgrad=True),
                  "as adam_amsgrad; beta2 small so that max() really bites",
                  adam(.1, .9, .9, 1e-8, amsgrad=True)),
        torch_run("nadam_torch113_quirk", lambda p: o.NAdam(p, lr=.1, momentum_decay=.004),
                  dict(lr=.1, beta1=.9, beta2=.999, eps=1e-8, momentum_decay=.004),
                  "as nadam but with 1-p*mu_t*mu_{t+1} in the second denominator: torch 1.13 multiplies mu_t in twice (a bug "
                  "there, "
                  "single-tensor path); do NOT copy", nadam(.1, .9, .999, 1e-8, .004, True)),
        torch_run("radam", lambda p: o.RAdam(p, lr=.1), dict(lr=.1, beta1=.9, beta2=.999, eps=1e-8),
                  "rho_inf=2/(1-b2)-1; rho_t=rho_inf-2*t*b2^t/(1-b2^t); if rho_t>5: theta -= "
                  "lr*mhat*r_t*sqrt(1-b2^t)/(sqrt(v)+eps) "
                  "[torch 1.13: eps added to UNcorrected sqrt(v)], else theta -= lr*mhat", radam(.1, .9, .999, 1e-8)),
        torch_run("adamax", lambda p: o.Adamax(p, lr=.1), dict(lr=.1, beta1=.9, beta2=.999, eps=1e-8),
                  "u = max(b2*u, |g|+eps); theta -= lr/(1-b1^t)*m/u", adamax(.1, .9, .999, 1e-8)),
        torch_run("asgd", lambda p: o.ASGD(p, lr=.05, lambd=1e-4, alpha=.75, t0=4), dict(lr=.05, lambd=1e-4, alpha=.75, t0=4),
                  "theta *= 1-lambd*eta; theta -= eta*g; ax = theta if mu==1 else ax+(theta-ax)*mu; eta = "
                  "lr/(1+lambd*lr*t)^alpha; "
                  "mu = 1/max(1,t-t0); eta_0=lr, mu_0=1", asgd(.05, 1e-4, .75, 4), extra="ax"),
        formula_run("nadam", dict(lr=.1, beta1=.9, beta2=.999, eps=1e-8, momentum_decay=.004),
                    "mu_t = b1*(1-0.5*0.96^(t*psi)); p *= mu_t (p0=1); m,v EMA; theta -= lr*[(1-mu_t)/(1-p)*g + "
                    "mu_{t+1}/(1-p*mu_{t+1})*m]/(sqrt(v/(1-b2^t))+eps)", nadam(.1, .9, .999, 1e-8, .004),
                    "documented algorithm (torch docs); torch 1.13 itself deviates, see nadam_torch113_quirk"),
        formula_run("ftrl", dict(lr=.5, eps=.1, l1=.3, weight_decay=.1),
                    "n += g^2; sigma = (sqrt(n)-sqrt(n_old))/a, at step 1 with eps/a more; z += g - sigma*theta; theta = 0 if "
                    "|z| <= t*l1, else -(z - sign(z)*t*l1)/((eps+sqrt(n))/a + t*wd)", ftrl(.5, .1, .3, .1),
                    "McMahan et al. 2013, algorithm 1, with the penalties lambda1 = t l1 and lambda2 = t weight_decay"),
    ]
    # the lecture notes' formulas: without an equivalent in torch, or by another convention
    runs += [
        formula_run("notes_momentum", dict(eta=.02, gamma=.9), "v = gamma*v + eta*g(theta); theta -= v", velocity(.9, .02),
                    "equals torch sgd_momentum in exact arithmetic for CONSTANT eta only (not under a schedule)"),
        formula_run("notes_nag_minus", dict(eta=.02, gamma=.9),
                    "v = gamma*v + eta*g(theta - gamma*v); theta -= v  (the correct Nesterov look-ahead)", velocity(.9, .02, -1),
                    "this theta; torch's nesterov iterate is the look-ahead point theta - gamma*v of this sequence"),
        formula_run("notes_nag_plus_as_written", dict(eta=.02, gamma=.9),
                    "v = gamma*v + eta*g(theta + gamma*v); theta -= v  (literal reading: look-BEHIND)", velocity(.9, .02, 1),
                    "literal reading of the notes; on a quadratic this looks backwards, keep for documentation only"),
        formula_run("notes_rmsprop_eps_inside", dict(eta=.05, rho=.9, eps=1e-8),
                    "s = rho*s+(1-rho)*g^2; theta -= eta*g/sqrt(s+eps)", rmsprop(.05, .9, 1e-8, inside=True)),
        formula_run("notes_rmsprop_eps_inside_big", dict(eta=.05, rho=.9, eps=1e-2),
                    "same, eps large so that a wrong eps placement shows", rmsprop(.05, .9, 1e-2, inside=True)),
        formula_run("notes_rmsprop_delta_plus_sqrt", dict(eta=.05, rho=.9, delta=1e-8),
                    "s = rho*s+(1-rho)*g^2; theta -= eta*g/(delta+sqrt(s))", rmsprop(.05, .9, 1e-8), "same as torch rmsprop"),
        formula_run("notes_rmsprop_delta_plus_sqrt_big", dict(eta=.05, rho=.9, delta=1e-2), "same, delta large",
                    rmsprop(.05, .9, 1e-2)),
        formula_run("notes_adagrad", dict(eta=.5, delta=1e-8), "G += g^2; theta -= eta*g/(delta+sqrt(G))", adagrad(.5, 1e-8)),
        formula_run("notes_adam", dict(eta=.1, beta1=.9, beta2=.999, delta=1e-8),
                    "m,v EMA; theta -= eta*(m/(1-b1^t))/(sqrt(v/(1-b2^t))+delta), t counts minibatch steps from 1",
                    adam(.1, .9, .999, 1e-8), "same as torch adam"),
        formula_run("notes_code_adagrad_reset", dict(eta=.5, delta=1e-8), "as notes_adagrad, but G=0 at the start of every epoch",
                    adagrad(.5, 1e-8, reset=True), "reset-per-epoch variant (seen in lecture-note code)"),
        formula_run("notes_code_rmsprop_reset", dict(eta=.05, rho=.9, delta=1e-8),
                    "as delta_plus_sqrt, but s=0 at the start of every epoch", rmsprop(.05, .9, 1e-8, reset=True),
                    "reset-per-epoch variant"),
        formula_run("notes_code_adam_reset", dict(eta=.1, beta1=.9, beta2=.999, delta=1e-8),
                    "as notes_adam, but m=v=0 at every epoch start and the bias-correction exponent is the EPOCH number (1,2,3)",
                    adam(.1, .9, .999, 1e-8, reset=True), "reset-per-epoch variant"),
        formula_run("notes_time_decay", dict(t0=5.0, t1=50.0),
                    "eta_t = t0/(t+t1), t = epoch*m + i from 0 (m=8 batches); theta -= eta_t*g", velocity(0, time_decay(5, 50))),
        formula_run("notes_time_decay_momentum", dict(t0=1.0, t1=50.0, gamma=.9),
                    "v = gamma*v + eta_t*g; theta -= v; eta_t = t0/(t+t1)", velocity(.9, time_decay(1, 50)),
                    "eta_t inside v: differs from torch's lr*v under a schedule"),
    ]
    meta = dict(what="optimizer trajectories, theta after every step, least squares, fixed contiguous minibatches in order, "
                     "no shuffle, "
                     "no intercept",
                loss="L_b(theta) = (1/B) sum (x.theta - y)^2 ; gradient g = (2/B) X_b^T (X_b theta - y_b)", n=N, d=D, batch=B,
                epochs=EPOCHS, batches_per_epoch=M, steps=EPOCHS * M, order="step t=1..24 uses rows [i*B,(i+1)*B), i=(t-1)%8",
                torch=torch.__version__, numbers="%.17g, double")
    solution = scipy.linalg.lstsq(X, Y)[0]
    return dict(meta=meta, X=X, y=Y, theta0=THETA0, theta_ols=solution, mse_ols=mean_squared_error(solution), runs=runs)
