"""A network of any depth: layers in a list that the module knows of."""

from itertools import pairwise

import dualgraph as torch
from dualgraph import nn


class Deep(nn.Module):
    """As many layers as the list of widths asks for."""

    def __init__(self, widths):
        super().__init__()
        pairs = list(pairwise(widths))
        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in pairs])
        self.layers.append(nn.Linear(widths[-1], 2))
        self.layers.extend([nn.ReLU(), nn.Linear(2, 1)])

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


def main():
    """Print the list, its length, the names of the parameters, and a result."""
    model = Deep([3, 3, 3])
    for parameter in model.parameters():
        nn.init.constant_(parameter, 0.5)
    print(model)
    print(len(model.layers), model.layers[-1])
    print([name for name, _ in model.named_parameters()])
    out = model(torch.tensor([[1.0, 2.0, -1.0]]))
    print(out.detach())
    out.sum().backward()
    print(model.layers[0].weight.grad)


if __name__ == "__main__":
    main()
