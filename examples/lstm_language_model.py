"""An LSTM that predicts the next character of a novel, trained on one endless piece of text.

Run: ``python examples/lstm_language_model.py`` (``--eager`` for the other frontend: the same bits).
Back-propagation is truncated: the state goes on from piece to piece, its gradient does not.
"""

import math
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import dualgraph as dg
import dualgraph.nn.functional as F
from dualgraph import nn, optim

TEXT = Path(__file__).parent / "data" / "persuasion.txt"
BATCH, TIME = 16, 32


class LanguageModel(nn.Module):
    """Embedding, LSTM, and a linear layer that gives logits of the next character."""

    def __init__(self, characters, width, layers, dropout):
        super().__init__()
        self.embedding = nn.Embedding(characters, width)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(width, width, layers, dropout=dropout if layers > 1 else 0.0)
        self.head = nn.Linear(width, characters)

    def forward(self, tokens, hidden):
        x, hidden = self.lstm(self.dropout(self.embedding(tokens)), hidden)
        return self.head(self.dropout(x)), hidden

    def first_state(self, batch):
        """Return zeros."""
        shape = (self.lstm.num_layers, batch, self.lstm.hidden_size)
        return dg.zeros(shape), dg.zeros(shape)


def columns(data, batch):
    """Return the text as ``batch`` columns, each of which goes on where it stood before."""
    rows = len(data) // batch
    return data[: rows * batch].view(batch, rows).t().contiguous()


def pieces(data):
    """Yield (characters, next characters), (TIME, batch) each, from top to bottom."""
    for start in range(0, len(data) - TIME, TIME):
        yield data[start : start + TIME], data[start + 1 : start + 1 + TIME]


def detach(hidden):
    """Return the state without what it was computed from."""
    return tuple(h.detach() for h in hidden)


def count_perplexities(train, test, characters):
    """Return the perplexity of models that count characters, and pairs of characters."""
    ones, pairs = Counter(train), Counter(pairwise(train))
    total = [0.0, 0.0]
    for a, b in pairwise(test):
        unigram = (ones[b] + 1) / (len(train) + characters)
        total[0] -= math.log(unigram)
        total[1] -= math.log((pairs[a, b] + 10 * unigram) / (ones[a] + 10))
    return [math.exp(t / (len(test) - 1)) for t in total]


def main(eager=False, epochs=4, width=128, layers=2, dropout=0.1, characters_used=None):
    """Train; return (losses, perplexity on text not seen, those of counting, model).

    ``characters_used`` shortens the text.
    """
    dg.manual_seed(0)
    text = TEXT.read_text()[:characters_used]
    number = {c: i for i, c in enumerate(sorted(set(text)))}
    split = len(text) * 9 // 10
    data = dg.tensor([number[c] for c in text])
    train, test = columns(data[:split], BATCH), columns(data[split:], BATCH)

    model = LanguageModel(len(number), width, layers, dropout)
    optimizer = optim.Adam(model.parameters(), lr=4e-3)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.7)

    def loss_of(x, y, hidden):
        logits, hidden = model(x, hidden)
        return F.cross_entropy(logits.flatten(0, 1), y.flatten()), hidden

    def step(x, y, hidden):
        optimizer.zero_grad()
        loss, hidden = loss_of(x, y, hidden)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss, detach(hidden)

    if not eager:
        step, loss_of = dg.compile(step), dg.compile(loss_of)

    losses = []
    for _ in range(epochs):
        model.train()
        hidden = model.first_state(BATCH)
        for x, y in pieces(train):
            loss, hidden = step(x, y, hidden)
            losses.append(loss.item())
        scheduler.step()

    model.eval()
    unseen = []
    with dg.no_grad():
        hidden = model.first_state(BATCH)
        for x, y in pieces(test):
            loss, hidden = loss_of(x, y, hidden)
            unseen.append(loss.item())
    perplexity = math.exp(sum(unseen) / len(unseen))
    counted = count_perplexities(text[:split], text[split:], len(number))
    return losses, perplexity, counted, model


if __name__ == "__main__":
    losses, perplexity, counted, _ = main("--eager" in sys.argv)
    print(f"loss {losses[0]:.3f} -> {losses[-1]!r}")
    print(f"perplexity on text not seen {perplexity!r}")
    print(f"by counting characters {counted[0]:.2f}, pairs {counted[1]:.2f}")
