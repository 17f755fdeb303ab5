"""One neuron: which function each result remembers for the way back."""

import dualgraph as torch


def neuron(x, w, b):
    """Return sigmoid(w . x + b)."""
    return torch.sigmoid(torch.dot(w, x) + b)


def main():
    """Print the tensors, the functions behind them, and the gradients."""
    x = torch.tensor([1.0, -2.0, 0.5])
    w = torch.tensor([0.25, 0.5, -1.0], requires_grad=True)
    b = torch.tensor(0.75, requires_grad=True)
    total = torch.dot(w, x) + b
    out = torch.sigmoid(total)
    print(w)
    print(total)
    print(total.grad_fn)
    print(out)
    print(out.grad_fn)
    print(x.requires_grad, w.requires_grad, out.requires_grad, w.grad_fn)
    out.backward()
    print(w.grad, b.grad)


if __name__ == "__main__":
    main()
