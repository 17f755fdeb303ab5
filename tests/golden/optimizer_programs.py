"""Every optimizer over 50 steps with its options away from their defaults, and every schedule."""

from collections.abc import Iterable
from typing import Any

import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.optim import lr_scheduler as schedules
from tests.golden.inputs import leaf, real
from tests.golden.program import Mode, Program, Results
from tests.golden.training import STEPS

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {"lr": 0.1}),
    "SGD(momentum)": ("SGD", {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}),
    "SGD(dampening)": ("SGD", {"lr": 0.05, "momentum": 0.8, "dampening": 0.3}),
    "SGD(nesterov)": ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "Adam": ("Adam", {"lr": 0.02}),
    "Adam(decay)": ("Adam", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1}),
    "Adam(decoupled)": (
        "Adam",
        {"lr": 0.02, "weight_decay": 0.2, "decoupled_weight_decay": True, "amsgrad": True},
    ),
    "AdamW": ("AdamW", {"lr": 0.02, "weight_decay": 0.3, "amsgrad": True}),
    "NAdam": ("NAdam", {"lr": 0.02, "weight_decay": 0.1}),
    "NAdam(decoupled)": ("NAdam", {"weight_decay": 0.2, "decoupled_weight_decay": True}),
    "RAdam": ("RAdam", {"lr": 0.02, "weight_decay": 0.1, "eps": 1e-4}),
    "Adamax": ("Adamax", {"lr": 0.02, "betas": (0.8, 0.9), "weight_decay": 0.1}),
    "Adadelta": ("Adadelta", {"lr": 0.7, "rho": 0.8, "eps": 1e-4, "weight_decay": 0.1}),
    "Adagrad": ("Adagrad", {"lr": 0.1, "lr_decay": 0.05, "initial_accumulator_value": 0.1}),
    "RMSprop": ("RMSprop", {"lr": 0.02, "eps": 1e-4, "weight_decay": 0.1}),
    "RMSprop(centered)": ("RMSprop", {"alpha": 0.8, "momentum": 0.7, "centered": True}),
    "Rprop": ("Rprop", {"lr": 0.02, "etas": (0.4, 1.3), "step_sizes": (1e-4, 0.05)}),
    "ASGD": ("ASGD", {"lr": 0.05, "lambd": 0.1, "alpha": 0.5, "t0": 4.0, "weight_decay": 0.1}),
    "maximize": ("AdamW", {"lr": 0.001, "maximize": True}),
}


def parameters(dtype: str) -> list[Any]:
    """A matrix, a vector and a number."""
    return [leaf(shape, 80 + i, -0.5, 0.5, dtype) for i, shape in enumerate(((5, 3), (3,), ()))]


def loss_of(parameters: list[Any], x: Any) -> Any:
    """A loss that is not quadratic."""
    w, b, s = parameters
    return ((dg.tanh(x @ w) + b) * (1 + s)).square().mean() + (w**4).sum() * 0.1


def batches(dtype: str) -> list[Any]:
    """As many inputs as there are steps, some of them the same."""
    return [real((6, 5), 90 + i % 7, -1, 1, dtype) for i in range(STEPS)]


def state_of(optimizer: Any) -> Any:
    """Everything that an optimizer keeps, in the order of its keys."""
    held = optimizer.state_dict()["state"]
    return {str(i): {k: held[i][k] for k in sorted(held[i])} for i in sorted(held)}


def optimized(labels: Iterable[str], dtype: str) -> Program:
    """Return the program in which each of the optimizers trains a model of its own."""

    def program(mode: Mode) -> Results:
        found = {}
        for label in labels:
            name, options = OPTIMIZERS[label]
            made = parameters(dtype)
            optimizer = getattr(optim, name)(made, **options)

            def step(x: Any, made=made, optimizer=optimizer) -> Any:
                optimizer.zero_grad()
                loss = loss_of(made, x)
                loss.backward()
                optimizer.step()
                return loss

            step = mode.wrap(step)
            losses = [step(x) for x in batches(dtype)]
            grads = [p.grad for p in made]
            found[label] = [losses, made, grads, state_of(optimizer)]
        return found

    return program


def lbfgs(mode: Mode) -> Results:
    """The closure is what is compiled; with and without a line search."""
    found = {}
    for search in (None, "strong_wolfe"):
        made = parameters("float64")
        optimizer = optim.LBFGS(made, lr=0.3, max_iter=8, history_size=5, line_search_fn=search)
        x = real((6, 5), 90, -1, 1, "float64")

        def closure(made=made, optimizer=optimizer, x=x) -> Any:
            optimizer.zero_grad()
            loss = loss_of(made, x)
            loss.backward()
            return loss

        closure = mode.wrap(closure)
        losses = [optimizer.step(closure) for _ in range(6)]
        found[f"LBFGS({search})"] = [losses, made, [p.grad for p in made]]
    return found


# --- schedules -----------------------------------------------------------------------------------

SCHEDULES = {
    "StepLR": lambda o: schedules.StepLR(o, 7, 0.5),
    "MultiStepLR": lambda o: schedules.MultiStepLR(o, [5, 20, 21], 0.3),
    "ConstantLR": lambda o: schedules.ConstantLR(o, 0.25, 9),
    "LinearLR": lambda o: schedules.LinearLR(o, 0.2, 0.9, 11),
    "ExponentialLR": lambda o: schedules.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: schedules.PolynomialLR(o, 30, 2.0),
    "LambdaLR": lambda o: schedules.LambdaLR(o, lambda t: 1 / (1 + t)),
    "MultiplicativeLR": lambda o: schedules.MultiplicativeLR(o, lambda t: 0.97),
    "CosineAnnealingLR": lambda o: schedules.CosineAnnealingLR(o, 20, 1e-3),
    "CosineAnnealingWarmRestarts": lambda o: schedules.CosineAnnealingWarmRestarts(o, 6, 2),
    "CyclicLR": lambda o: schedules.CyclicLR(o, 1e-3, 0.1, 5, mode="triangular2"),
    "OneCycleLR": lambda o: schedules.OneCycleLR(o, 0.2, total_steps=STEPS + 1),
    "SequentialLR": lambda o: schedules.SequentialLR(
        o, [schedules.ConstantLR(o, 0.1, 5), schedules.ExponentialLR(o, 0.9)], [10]
    ),
    "ChainedScheduler": lambda o: schedules.ChainedScheduler(
        [schedules.ConstantLR(o, 0.1, 5), schedules.ExponentialLR(o, 0.95)]
    ),
    "ReduceLROnPlateau": lambda o: schedules.ReduceLROnPlateau(o, factor=0.5, patience=2),
}


def scheduled(mode: Mode) -> Results:
    """Rates, losses and parameters under every schedule."""
    found = {}
    for name, make in SCHEDULES.items():
        made = parameters("float32")
        optimizer = optim.SGD(made, lr=0.05, momentum=0.5)
        schedule = make(optimizer)

        def step(x: Any, made=made, optimizer=optimizer) -> Any:
            optimizer.zero_grad()
            loss = loss_of(made, x)
            loss.backward()
            nn.utils.clip_grad_norm_(made, 0.5)
            optimizer.step()
            return loss

        step = mode.wrap(step)
        rates, losses = [], []
        for x in batches("float32"):
            losses.append(step(x))
            schedule.step(*([losses[-1].item()] if name == "ReduceLROnPlateau" else []))
            rates.append(f"{float(optimizer.param_groups[0]['lr']):.9g}")  # cos is the C library's
        found[name] = [rates, losses, made]
    return found


PROGRAMS: dict[str, Program] = {
    "optimizers.float32": optimized(OPTIMIZERS, "float32"),
    "optimizers.float64": optimized(("SGD(momentum)", "Adam", "RMSprop(centered)"), "float64"),
    "optimizers.lbfgs": lbfgs,
    "optimizers.schedules": scheduled,
}
