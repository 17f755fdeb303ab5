"""Logistic regression on the UCI digits with a loader, saved halfway and resumed to the same bits.

Run: ``python examples/digits_logistic.py`` (``--eager`` for the other frontend: the same bits).
"""

import io
import sys

import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.datasets import digits_split
from dualgraph.utils.data import DataLoader, TensorDataset

EPOCHS = 8


class Run:
    """A model, its optimizer and its data, that can be saved between two epochs."""

    def __init__(self, eager):
        dg.manual_seed(0)
        images, labels, self.test_images, self.test_labels = digits_split()
        self.order = dg.Generator().manual_seed(1)
        self.loader = DataLoader(
            TensorDataset(images, labels),
            batch_size=32,
            shuffle=True,
            drop_last=True,
            num_workers=2,
            generator=self.order,
        )
        self.model = nn.Linear(64, 10)
        self.optimizer = optim.SGD(self.model.parameters(), lr=0.2, momentum=0.9)
        self.step = self._step if eager else dg.compile(self._step)

    def _step(self, x, y):
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss

    def train(self, epochs):
        """Train, and return the last loss."""
        loss = None
        for _ in range(epochs):
            for x, y in self.loader:
                loss = self.step(x, y)
        return loss.item()

    def save(self, file):
        """Write everything that the next epoch depends on."""
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        dg.save({**state, "order": self.order.get_state()}, file)

    def load(self, file):
        """Continue from what `save` wrote."""
        state = dg.load(file)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.order.set_state(state["order"])

    def accuracy(self):
        """Return the part of the test images that are classified right."""
        with dg.no_grad():
            right = dg.argmax(self.model(self.test_images), 1) == self.test_labels
        return right.float().mean().item()


def main(eager=False):
    """Train in one go and in two halves; return (loss, loss of the halves, test accuracy)."""
    whole, first, second = Run(eager), Run(eager), Run(eager)
    loss = whole.train(EPOCHS)
    first.train(EPOCHS // 2)
    file = io.BytesIO()
    first.save(file)
    second.load(io.BytesIO(file.getvalue()))
    return loss, second.train(EPOCHS - EPOCHS // 2), whole.accuracy()


if __name__ == "__main__":
    loss, resumed, accuracy = main("--eager" in sys.argv)
    print(f"loss {loss!r}, resumed halfway {resumed!r}, test accuracy {accuracy:.1%}")
