"""Two scalars and the derivatives of one expression of them.

z = x y + y**2 at x = 2, y = 3: dz/dx = y = 3 and dz/dy = x + 2 y = 8.
"""

import dualgraph as torch


def expression(x, y):
    """Return x y + y**2."""
    return x * y + y**2


def main():
    """Print z and both derivatives."""
    x = torch.tensor(2.0, requires_grad=True)
    y = torch.tensor(3.0, requires_grad=True)
    z = expression(x, y)
    z.backward()
    print("z", z)
    print("dz/dx", x.grad)
    print("dz/dy", y.grad)


if __name__ == "__main__":
    main()
