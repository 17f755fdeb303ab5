"""Networks without a class: from a list of layers, and from layers with names."""

from collections import OrderedDict

import dualgraph as torch
from dualgraph import nn


def main():
    """Print both forms, parts of them, and what they give."""
    layers = [nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1)]
    plain = nn.Sequential(*layers)
    named = nn.Sequential(
        OrderedDict([("hidden", nn.Linear(2, 4)), ("relu", nn.ReLU()), ("output", nn.Linear(4, 1))])
    )
    print(plain)
    print(named)
    print(plain[0], named.relu, len(plain))
    print(plain[1:])
    print(list(named.state_dict()))
    for model in (plain, named):
        for parameter in model.parameters():
            nn.init.constant_(parameter, 0.25)
        print(model(torch.tensor([[1.0, 2.0], [-4.0, 1.0]])))


if __name__ == "__main__":
    main()
