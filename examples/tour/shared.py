"""A value on two paths: its gradient is the sum over both.

y = (x1 + w)(x2 + w), so dy/dw = (x2 + w) + (x1 + w).
"""

import dualgraph as torch


def expression(x1, x2, w):
    """Return (x1 + w)(x2 + w)."""
    return (x1 + w) * (x2 + w)


def main():
    """Print y, the gradient, and the two parts that it is the sum of."""
    x1, x2 = torch.tensor(2.0), torch.tensor(3.0)
    w = torch.tensor(1.0, requires_grad=True)
    a, b = x1 + w, x2 + w
    y = a * b
    print(y)
    print(y.grad_fn)
    print([function for function, _ in y.grad_fn.next_functions])
    y.backward()
    print(w.grad, "=", b.item(), "+", a.item())


if __name__ == "__main__":
    main()
