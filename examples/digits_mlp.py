"""Train a classifier on the UCI digits, with the whole step as one native call.

Run: ``python examples/digits_mlp.py`` (``--eager`` for the other frontend: the same bits).
"""

import sys

import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.datasets import digits_split

EPOCHS, BATCH = 15, 32


def train(step, images, labels):
    """Run the step over shuffled batches and return the last loss."""
    loss = None
    for epoch in range(EPOCHS):
        order = dg.rand(len(images), generator=dg.Generator().manual_seed(epoch))
        picked = dg.tensor(order.numpy().argsort())
        for start in range(0, len(images) - BATCH + 1, BATCH):
            batch = picked[start : start + BATCH]
            loss = step(images[batch], labels[batch])
    return loss.item()


def main(eager=False):
    """Train and return (last loss, test accuracy)."""
    dg.manual_seed(0)
    images, labels, test_images, test_labels = digits_split()
    model = nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    criterion = nn.CrossEntropyLoss()

    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    loss = train(step if eager else dg.compile(step), images, labels)
    with dg.no_grad():
        right = dg.argmax(model(test_images), 1) == test_labels
    return loss, right.float().mean().item()


if __name__ == "__main__":
    loss, accuracy = main("--eager" in sys.argv)
    print(f"loss {loss!r}, test accuracy {accuracy:.1%}")
