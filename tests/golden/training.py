"""Training as the golden programs do it: a whole step is one function, and everything is kept."""

from collections.abc import Callable, Mapping
from typing import Any

import dualgraph as dg
from dualgraph import nn, optim
from tests.golden.inputs import floats
from tests.golden.program import Mode, Program, Results, outputs_of

STEPS = 50


def filled(module: nn.Module, seed: int) -> nn.Module:
    """Give every parameter values of our own, so that no initialisation is pinned by accident."""
    with dg.no_grad():
        for i, p in enumerate(module.parameters()):
            drawn = floats(tuple(p.shape), seed * 1000 + i, -0.5, 0.5)
            p.copy_(dg.tensor(drawn.astype(p.detach().numpy().dtype)))
    return module


class Bench(nn.Module):
    """A layer and what goes in: floating inputs are parameters and so are trained with it."""

    def __init__(self, layer: nn.Module, inputs: tuple[Any, ...], given: Mapping[str, Any]) -> None:
        super().__init__()
        self.layer = layer
        self.moving = nn.ParameterList([x for x in inputs if x.is_floating_point()])
        self.fixed = [None if x.is_floating_point() else x for x in inputs]
        self.given = dict(given)

    def forward(self) -> list[Any]:
        """Return the outputs of the layer."""
        moving = iter(self.moving)
        inputs = [next(moving) if x is None else x for x in self.fixed]
        return outputs_of(self.layer(*inputs, **self.given))


def loss_of(outputs: list[Any]) -> Any:
    """Return a loss that pulls every output to a small number of its own."""
    total = None
    for y in outputs:
        if y.requires_grad:
            part = (y.float() - 0.1).square().mean()
            total = part if total is None else total + part
    return total


def trained(benches: Mapping[str, Callable[[], Bench]], lr: float = 0.05) -> Program:
    """Return the program that trains layers side by side: one step for all, a result for each."""

    def program(mode: Mode) -> Results:
        dg.manual_seed(5)
        made = {name: make() for name, make in benches.items()}
        parameters = [p for bench in made.values() for p in bench.parameters()]
        optimizer = optim.SGD(parameters, lr=lr, momentum=0.5)

        def step() -> list[Any]:
            optimizer.zero_grad()
            losses = [loss_of(bench()) for bench in made.values()]
            sum(losses[1:], losses[0]).backward()
            optimizer.step()
            return losses

        step = mode.wrap(step)
        history = [step() for _ in range(STEPS)]
        losses = zip(*history, strict=True)
        return {
            name: [list(loss), dict(bench.state_dict()), [p.grad for p in bench.parameters()]]
            for (name, bench), loss in zip(made.items(), losses, strict=True)
        } | {"generator": dg.get_rng_state()}

    return program
