"""Linear regression: a hundred epochs of gradient descent towards y = 2 x + 1."""

import dualgraph as torch
from dualgraph import nn, optim


def main():
    """Print every tenth loss, and what was learned."""
    x = torch.tensor([[0.0], [1.0], [2.0], [3.0], [4.0]])
    y = 2 * x + 1
    model = nn.Linear(1, 1)
    nn.init.constant_(model.weight, 0.5)
    nn.init.constant_(model.bias, 0.0)
    criterion = nn.MSELoss()
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    for epoch in range(100):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        if (epoch + 1) % 10 == 0:
            print(f"Epoch {epoch + 1}: loss {loss.item():.4f}")
    print(f"weight {model.weight.item():.3f}, bias {model.bias.item():.3f}")


if __name__ == "__main__":
    main()
