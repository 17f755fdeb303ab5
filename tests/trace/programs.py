"""Functions, models and training steps that the tests of traces share."""

import inspect
from typing import Any

import numpy as np

import dualgraph as dg
from dualgraph import nn, optim


def line_of(function: Any, text: str) -> str:
    """Return ``file:line`` of the first line of a function that holds this text."""
    lines, start = inspect.getsourcelines(function)
    at = next(i for i, line in enumerate(lines) if text in line)
    return f"{inspect.getsourcefile(function)}:{start + at}"


def numbers(*shape: int, seed: int = 0, dtype: str = "float32") -> Any:
    """Return a tensor of normal numbers."""
    return dg.tensor(np.random.default_rng(seed).normal(size=shape).astype(dtype))


def mlp(seed: int = 0) -> nn.Module:
    """Return a small model, always with the same parameters for one seed."""
    dg.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))


def train_step(model: nn.Module, opt: Any) -> Any:
    """Return a whole training step for a model."""

    def step(x: Any, y: Any) -> Any:
        opt.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        opt.step()
        return loss

    return step


def momentum(model: nn.Module) -> optim.SGD:
    return optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def batch(i: int) -> tuple[Any, Any]:
    return numbers(6, 3, seed=i), numbers(6, 2, seed=100 + i)
