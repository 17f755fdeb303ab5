"""A character-level GPT that learns to write like Jane Austen (the text: data/README.md).

Run: ``python examples/char_gpt.py`` (``--eager`` for the other frontend: the same bits).
The model: A. Radford et al., Language Models are Unsupervised Multitask Learners, 2019.
"""

import math
import sys
from pathlib import Path

import dualgraph as dg
import dualgraph.nn.functional as F
from dualgraph import nn, optim

TEXT = Path(__file__).parent / "data" / "persuasion.txt"
BATCH = 16


class Attention(nn.Module):
    """Every position looks at itself and at those before it."""

    def __init__(self, width, heads, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        batch, time, width = x.shape
        q, k, v = (
            part.view(batch, time, self.heads, width // self.heads).transpose(1, 2)
            for part in self.qkv(x).split(width, dim=2)
        )
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        return self.out(y.transpose(1, 2).contiguous().view(batch, time, width))


class Block(nn.Module):
    """Attention, then a small network for each position, both added to what came in."""

    def __init__(self, width, heads, dropout):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(dropout)
        )

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Logits of the next character, at every position."""

    def __init__(self, characters, context, width, heads, layers, dropout):
        super().__init__()
        self.context = context
        self.token = nn.Embedding(characters, width)
        self.position = nn.Embedding(context, width)
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.ModuleList([Block(width, heads, dropout) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, characters, bias=False)
        self.head.weight = self.token.weight  # one matrix reads and writes characters
        self.apply(self._init_weights)

    def _init_weights(self, module):
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, mean=0.0, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, tokens):
        x = self.token(tokens) + self.position(dg.arange(tokens.shape[1]))
        x = self.drop(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def make_optimizer(model, lr):
    """Return AdamW that decays matrices and leaves biases and norms alone."""
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [
        {"params": matrices, "weight_decay": 0.1},
        {"params": others, "weight_decay": 0.0},
    ]
    return optim.AdamW(groups, lr=lr, betas=(0.9, 0.99))


def warmup_cosine(steps):
    """Return the factor of the learning rate at each step: a ramp, then half a cosine to 0.1."""
    warmup = max(1, steps // 10)

    def factor(step):
        if step < warmup:
            return (step + 1) / warmup
        return 0.55 + 0.45 * math.cos(math.pi * (step - warmup) / (steps - warmup))

    return factor


def batches(data, context, generator):
    """Yield pieces of the text and the same pieces one character later, forever."""
    while True:
        starts = dg.randint(len(data) - context, (BATCH,), generator=generator).tolist()
        x = dg.stack([data[i : i + context] for i in starts])
        y = dg.stack([data[i + 1 : i + 1 + context] for i in starts])
        yield x, y


@dg.no_grad()
def generate(predict, context, tokens, count, temperature=0.8, top_k=10, generator=None):
    """Return the tokens (1, n) with ``count`` more, drawn one at a time.

    The window is padded at its end, where no earlier position looks: with one shape for all
    lengths, a compiled ``predict`` is traced once.
    """
    for _ in range(count):
        window = tokens[:, -context:]
        last = window.shape[1] - 1
        logits = predict(F.pad(window, (0, context - 1 - last)))[:, last] / temperature
        smallest = dg.topk(logits, top_k).values[:, [-1]]
        logits[logits < smallest] = -math.inf
        drawn = dg.multinomial(F.softmax(logits, dim=-1), 1, generator=generator)
        tokens = dg.cat((tokens, drawn), dim=1)
    return tokens


def main(
    eager=False, steps=1000, context=48, width=128, heads=4, layers=3, dropout=0.05, count=300
):
    """Train; return (losses, loss on text not seen, a sample of ``count`` characters, model)."""
    dg.manual_seed(0)
    text = TEXT.read_text()
    characters = sorted(set(text))
    number = {c: i for i, c in enumerate(characters)}
    data = dg.tensor([number[c] for c in text])
    split = len(data) * 9 // 10

    model = GPT(len(characters), context, width, heads, layers, dropout)
    optimizer = make_optimizer(model, lr=3e-3)
    scheduler = optim.lr_scheduler.LambdaLR(optimizer, warmup_cosine(steps))

    def step(x, y):
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    predict = model
    if not eager:
        step, predict = dg.compile(step), dg.compile(model)

    losses = []
    batch = batches(data[:split], context, dg.Generator().manual_seed(1))
    for _ in range(steps):
        losses.append(step(*next(batch)).item())
        scheduler.step()  # a new rate needs no new trace

    model.eval()
    batch = batches(data[split:], context, dg.Generator().manual_seed(2))
    with dg.no_grad():
        pairs = [next(batch) for _ in range(8)]
        unseen = sum(
            F.cross_entropy(predict(x).flatten(0, 1), y.flatten()).item() for x, y in pairs
        )
    prompt = dg.tensor([[number["\n"]]])
    generator = dg.Generator().manual_seed(3)
    written = generate(predict, context, prompt, count, generator=generator)
    return losses, unseen / 8, "".join(characters[i] for i in written[0].tolist()), model


if __name__ == "__main__":
    losses, unseen, sample, _ = main("--eager" in sys.argv)
    print(f"loss {losses[0]:.3f} -> {losses[-1]!r}, on text not seen {unseen!r}")
    print(sample)
