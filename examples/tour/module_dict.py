"""Parts by name: the call chooses the activation."""

import dualgraph as torch
from dualgraph import nn


class Chooser(nn.Module):
    """A linear map and one of several activations."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.activations = nn.ModuleDict({"relu": nn.ReLU(), "tanh": nn.Tanh()})
        self.activations["sigmoid"] = nn.Sigmoid()

    def forward(self, x, kind):
        return self.activations[kind](self.linear(x))


def main():
    """Print the dict and a result for each name."""
    model = Chooser()
    nn.init.constant_(model.linear.weight, 0.5)
    nn.init.constant_(model.linear.bias, -1.0)
    print(model)
    print(list(model.activations.keys()), "relu" in model.activations, "gelu" in model.activations)
    x = torch.tensor([[1.0, 2.0], [0.0, 0.5]])
    for name, module in model.activations.items():
        print(name, module, model(x, name))


if __name__ == "__main__":
    main()
