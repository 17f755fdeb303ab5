"""Train a small CNN on the UCI digits: batch normalization, dropout, Adam and a one-cycle schedule.

Run: ``python examples/digits_cnn.py`` (``--eager`` for the other frontend: the same bits).
"""

import sys

import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.datasets import digits_split
from dualgraph.nn import functional as F
from dualgraph.utils.data import DataLoader, TensorDataset

EPOCHS, BATCH = 8, 32


class Net(nn.Module):
    """Two blocks of convolution, normalization and pooling, then one linear layer."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(32)
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.25)
        self.classify = nn.Linear(32 * 2 * 2, 10)

    def forward(self, x):
        """Return the scores of the ten classes, (N, 10), of images (N, 64)."""
        x = x.view(-1, 1, 8, 8)
        x = self.pool(F.relu(self.norm1(self.conv1(x))))
        x = self.pool(F.relu(self.norm2(self.conv2(x))))
        return self.classify(self.dropout(x.flatten(1)))


def main(eager=False):
    """Train; return ((last loss, test accuracy, the same in training mode), model, predict)."""
    dg.manual_seed(0)
    images, labels, test_images, test_labels = digits_split()
    loader = DataLoader(
        TensorDataset(images, labels), batch_size=BATCH, shuffle=True, drop_last=True
    )
    model = Net()
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    scheduler = optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1e-2, epochs=EPOCHS, steps_per_epoch=len(loader)
    )

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    train = dg.compile(step, disable=eager)  # the learning rate changes without a new trace
    predict = dg.compile(model, disable=eager)  # traced for eval() and train() each

    for _ in range(EPOCHS):
        for x, y in loader:
            loss = train(x, y)
            scheduler.step()

    def accuracy():
        with dg.no_grad():
            return (predict(test_images).argmax(1) == test_labels).float().mean().item()

    model.eval()
    tested = accuracy()
    model.train()  # another function: dropout is on, the statistics are those of the batch
    return (loss.item(), tested, accuracy()), model, predict


if __name__ == "__main__":
    eager = "--eager" in sys.argv
    (loss, tested, forgetful), _, predict = main(eager)
    print(f"loss {loss!r}, test accuracy {tested:.1%} (in training mode {forgetful:.1%})")
    for trace in [] if eager else predict.traces:
        print(f"predict was traced: {trace.reason}")
