"""A variational autoencoder of the UCI digits, and digits that it makes up, as text.

Run: ``python examples/digits_vae.py`` (``--eager`` for the other frontend: the same bits).
The method: D. Kingma and M. Welling, Auto-Encoding Variational Bayes, 2014.
"""

import sys

import dualgraph as dg
from dualgraph import nn, optim
from dualgraph.datasets import digits_split
from dualgraph.nn import functional as F
from dualgraph.utils.data import DataLoader, TensorDataset

EPOCHS, BATCH, LATENT = 40, 64, 8
INK = " .:-=+*#%@"


class VAE(nn.Module):
    """An encoder to mean and log variance of a latent code, and a decoder back to pixels."""

    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 2 * LATENT))
        self.decode = nn.Sequential(nn.Linear(LATENT, 128), nn.ReLU(), nn.Linear(128, 64))

    def forward(self, x):
        """Return logits of the pixels, (N, 64), and mean and log variance of the code, (N, 8)."""
        mu, logvar = self.encode(x).chunk(2, dim=1)
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar

    def reparameterize(self, mu, logvar):
        """Return a draw from N(mu, exp(logvar)) that is differentiable in both."""
        std = dg.exp(0.5 * logvar)
        return mu + std * dg.randn_like(std)


def binarized_digits():
    """Return training and test images of black (1) and white (0) pixels."""
    images, _, test_images, _ = digits_split()
    return (images > 0.5).float(), (test_images > 0.5).float()


def negative_elbo(model, x):
    """Return the two parts, in nats per image: reconstruction error, divergence from N(0, 1)."""
    logits, mu, logvar = model(x)
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kld = -0.5 * dg.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce / len(x), kld / len(x)


def main(eager=False):
    """Train; return ((negative ELBO of the test images, divergence therein), model)."""
    dg.manual_seed(0)
    images, test_images = binarized_digits()
    loader = DataLoader(TensorDataset(images), batch_size=BATCH, shuffle=True, drop_last=True)
    model = VAE()
    optimizer = optim.Adam(model.parameters(), lr=3e-3)

    def step(x):
        optimizer.zero_grad()
        bce, kld = negative_elbo(model, x)
        (bce + kld).backward()
        optimizer.step()

    step = dg.compile(step, disable=eager)
    for _ in range(EPOCHS):
        for (x,) in loader:
            step(x)

    with dg.no_grad():
        bce, kld = negative_elbo(model, test_images)
    return ((bce + kld).item(), kld.item()), model


def show(images):
    """Print 8x8 images side by side."""
    for row in images.view(-1, 8, 8).clamp(0, 0.99).permute(1, 0, 2).tolist():
        print("  ".join("".join(INK[int(p * len(INK))] for p in image) for image in row))


if __name__ == "__main__":
    (loss, kld), model = main("--eager" in sys.argv)
    print(f"-ELBO {loss!r} nats per test image, of which {kld:.2f} are the divergence")
    with dg.no_grad():
        seen = binarized_digits()[1][:8]
        print("eight test images, and what is left of them after the code:")
        show(seen)
        show(dg.sigmoid(model(seen)[0]))
        print("eight digits that nobody wrote:")
        show(dg.sigmoid(model.decode(dg.randn(8, LATENT))))
