"""A network as a class: two linear maps with a rectifier between them."""

import dualgraph as torch
from dualgraph import nn


class MLP(nn.Module):
    """Three numbers in, four hidden, two out."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(3, 4)
        self.output = nn.Linear(4, 2)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.output(self.relu(self.hidden(x)))


def filled(model):
    """Give every parameter values that do not depend on the random generator."""
    with torch.no_grad():
        for parameter in model.parameters():
            count = parameter.numel()
            values = (torch.arange(count).float() - count // 2) * 0.125
            parameter.copy_(values.reshape(parameter.shape))
    return model


def main():
    """Print the model, what it gives, and its gradients."""
    model = filled(MLP())
    print(model)
    x = torch.tensor([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.25]])
    out = model(x)
    print(out.detach())
    out.sum().backward()
    for name, parameter in model.named_parameters():
        print(name, parameter.grad)


if __name__ == "__main__":
    main()
