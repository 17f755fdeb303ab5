"""Fit logistic regression to the UCI digits until its gradient vanishes, with L-BFGS.

Run: ``python examples/digits_lbfgs.py`` (``--eager`` for the other frontend: the same bits).
The line search asks for as many evaluations as the numbers need, so the optimizer itself always
runs eagerly; loss and gradients, where the time goes, are one native call when compiled.
"""

import sys

import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.datasets import digits_split
from dualgraph.nn import functional as F

PENALTY = 1e-4


def main(eager=False):
    """Fit; return ((loss, norm of the gradient, test accuracy, evaluations), model)."""
    images, labels, test_images, test_labels = digits_split()
    mean = images.double().mean(0)
    images, test_images = images.double() - mean, test_images.double() - mean
    model = nn.Linear(64, 10, dtype=dg.float64)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    optimizer = optim.LBFGS(
        model.parameters(),
        max_iter=200,
        tolerance_grad=1e-8,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels) + PENALTY * model.weight.square().sum()
        loss.backward()
        return loss

    closure = dg.compile(closure, disable=eager)
    optimizer.step(closure)
    loss = closure()

    norm = nn.utils.parameters_to_vector([p.grad for p in model.parameters()]).norm()
    with dg.no_grad():
        right = model(test_images).argmax(1) == test_labels
    evaluations = optimizer.state_dict()["state"][0]["func_evals"]
    return (loss.item(), norm.item(), right.double().mean().item(), evaluations), model


if __name__ == "__main__":
    (loss, norm, accuracy, evaluations), _ = main("--eager" in sys.argv)
    print(f"loss {loss!r}, norm of the gradient {norm:.1e} after {evaluations} evaluations")
    print(f"test accuracy {accuracy:.1%}")
