"""Learn how a damped pendulum moves from noisy measurements, through an unrolled integrator.

Two models of the motion are fitted: a neural network that knows nothing of physics (a neural ODE,
with Adam), and the physical law with unknown constants (with L-BFGS).

Run: ``python examples/pendulum.py`` (``--eager`` for the other frontend: the same bits).
Neural ODEs: R. T. Q. Chen et al., Neural Ordinary Differential Equations, 2018.
"""

import sys

import dualgraph as dg
from dualgraph import nn, optim

STIFFNESS, DAMPING = 4.0, 0.3  # g / length, and friction
STEP, LENGTH, NOISE = 0.1, 12, 0.02
EPOCHS = 150


class Law(nn.Module):
    """angle'' = -stiffness sin(angle) - damping angle', with positive constants to be found."""

    def __init__(self, stiffness=1.0, damping=1.0):
        super().__init__()
        constants = dg.tensor([stiffness, damping], dtype=dg.float64)
        self.logarithms = nn.Parameter(constants.log())

    def forward(self, state):
        stiffness, damping = self.logarithms.exp()
        angle, speed = state.unbind(-1)
        return dg.stack([speed, -stiffness * dg.sin(angle) - damping * speed], -1)


class Network(nn.Module):
    """Any motion at all."""

    def __init__(self, width=16):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 2))
        self.double()

    def forward(self, state):
        return self.layers(state)


def trajectory(field, state, steps):
    """Return the states of shape (steps, ..., 2) that follow one, by Runge and Kutta's method."""
    states = []
    for _ in range(steps):
        k1 = field(state)
        k2 = field(state + STEP / 2 * k1)
        k3 = field(state + STEP / 2 * k2)
        k4 = field(state + STEP * k3)
        state = state + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        states.append(state)
    return dg.stack(states)


def measured(count, seed):
    """Return starts of shape (count, 2) and the noisy motion from there."""
    generator = dg.Generator().manual_seed(seed)
    starts = dg.rand(count, 2, dtype=dg.float64, generator=generator) * 3 - 1.5
    with dg.no_grad():
        exact = trajectory(Law(STIFFNESS, DAMPING), starts, LENGTH)
    noise = dg.randn(exact.shape, dtype=dg.float64, generator=generator)
    return starts, exact + NOISE * noise


def fit_network(starts, motion, eager):
    """Fit a network with Adam, the whole step as one native call."""
    dg.manual_seed(0)
    network = Network()
    optimizer = optim.Adam(network.parameters(), lr=0.06)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)

    def step():
        optimizer.zero_grad()
        loss = (trajectory(network, starts, LENGTH) - motion).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    run = step if eager else dg.compile(step)
    for _ in range(EPOCHS):
        loss = run()
        scheduler.step()
    return network, loss.item()


def fit_law(starts, motion, eager):
    """Fit the two constants with L-BFGS: its loop is Python, what it evaluates is compiled."""
    law = Law()

    def misfit():
        return (trajectory(law, starts, LENGTH) - motion).square().mean()

    evaluate = misfit if eager else dg.compile(misfit)
    optimizer = optim.LBFGS(law.parameters(), max_iter=50, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = evaluate()
        loss.backward()
        return loss

    optimizer.step(closure)
    return law, evaluate().item()


def main(eager=False):
    """Return both models and what was found: losses, constants, the error on unseen starts."""
    starts, motion = measured(32, seed=1)
    network, loss = fit_network(starts, motion, eager)
    law, misfit = fit_law(starts, motion, eager)
    starts, motion = measured(64, seed=2)
    with dg.no_grad():
        unseen = (trajectory(network, starts, LENGTH) - motion).square().mean().item()
    constants = law.logarithms.detach().exp().tolist()
    found = {"loss": loss, "misfit": misfit, "constants": constants, "unseen": unseen}
    return network, law, found


if __name__ == "__main__":
    _, _, found = main("--eager" in sys.argv)
    print(f"network: loss {found['loss']:.3e}, on unseen starts {found['unseen']:.3e}")
    print(f"law: loss {found['misfit']:.3e} (noise {NOISE**2:.3e})")
    print("stiffness {:.4f}, damping {:.4f}".format(*found["constants"]))
