"""Ordinary training programs, written for PyTorch: only the package that they use is an argument.

A program takes a `Workplace` and returns a step (forward, backward, update) and the batches that it
is called with; what a step returns are losses. Weights and data come from NumPy, so that every
framework starts from the same numbers.
"""

import copy
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

Step = Callable[..., Any]
Program = Callable[["Workplace"], "tuple[Step, Iterable[tuple[Any, ...]]]"]


@dataclass
class Workplace:
    """A framework, a dtype, and how a step is run."""

    api: Any
    dtype: str
    compile: Callable[[Step], Step] = lambda step: step

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(7)
        self.float = getattr(self.api, self.dtype)

    def data(self, *shape: int) -> Any:
        """Return normal random numbers as a tensor."""
        return self.api.tensor(self.rng.standard_normal(shape), dtype=self.float)

    def classes(self, count: int, *shape: int) -> Any:
        """Return random classes as a tensor."""
        return self.api.tensor(self.rng.integers(0, count, shape))

    def model(self, module: Any) -> Any:
        """Return a module with weights of its own in this dtype."""
        module = module.to(self.float)
        with self.api.no_grad():
            for p in module.parameters():
                drawn = self.rng.standard_normal(tuple(p.shape)) * 0.3
                p.copy_(self.api.tensor(drawn, dtype=self.float))
        return module


def gan(place: Workplace) -> tuple[Step, Iterable[tuple[Any, ...]]]:
    """Two networks, two optimizers, one of them sees detached samples."""
    torch, nn = place.api, place.api.nn
    generator = place.model(
        nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
    )
    critic = place.model(nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1)))
    opt_g = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.5, 0.999))
    criterion = nn.BCEWithLogitsLoss()

    @place.compile
    def step(real: Any, noise: Any) -> Any:
        ones = torch.ones(real.size(0), 1, dtype=real.dtype)
        fake = generator(noise)
        opt_d.zero_grad()
        loss_d = criterion(critic(real), ones) + criterion(
            critic(fake.detach()), torch.zeros_like(ones)
        )
        loss_d.backward()
        opt_d.step()
        opt_g.zero_grad()
        loss_g = criterion(critic(fake), ones)
        loss_g.backward()
        opt_g.step()
        return loss_d, loss_g

    return step, [(place.data(8, 2) * 0.5 + 1, place.data(8, 4)) for _ in range(6)]


def seq2seq(place: Workplace) -> tuple[Step, Iterable[tuple[Any, ...]]]:
    """A recurrent encoder, a decoder that attends to it word by word, padded targets."""
    torch, nn, F = place.api, place.api.nn, place.api.nn.functional

    class Seq2Seq(nn.Module):
        def __init__(self, words: int = 11, width: int = 8) -> None:
            super().__init__()
            self.embed = nn.Embedding(words, width, padding_idx=0)
            self.encoder = nn.GRU(width, width, batch_first=True, bidirectional=True)
            self.bridge = nn.Linear(2 * width, width)
            self.cell = nn.GRUCell(3 * width, width)
            self.score = nn.Linear(width, 2 * width, bias=False)
            self.out = nn.Linear(3 * width, words)

        def forward(self, source: Any, target: Any) -> Any:
            memory, last = self.encoder(self.embed(source))
            state = torch.tanh(self.bridge(torch.cat([last[0], last[1]], dim=-1)))
            padded = source.eq(0)
            logits = []
            for t in range(target.size(1) - 1):
                scores = torch.bmm(memory, self.score(state).unsqueeze(2)).squeeze(2)
                weights = F.softmax(scores.masked_fill(padded, float("-inf")), dim=1)
                context = torch.bmm(weights.unsqueeze(1), memory).squeeze(1)
                state = self.cell(torch.cat((self.embed(target[:, t]), context), 1), state)
                logits.append(self.out(torch.cat((state, context), dim=1)))
            return torch.stack(logits, dim=1)

    model = place.model(Seq2Seq())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    criterion = nn.NLLLoss(ignore_index=0)

    @place.compile
    def step(source: Any, target: Any) -> Any:
        model.train()
        logits = model(source, target)
        loss = criterion(F.log_softmax(logits, dim=-1).transpose(1, 2), target[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    batches = []
    for _ in range(4):
        source, target = place.classes(10, 3, 5) + 1, place.classes(10, 3, 3) + 1
        source[0, 3:] = 0
        target[1, 2:] = 0
        batches.append((source, target))
    return step, batches


def reinforce(place: Workplace) -> tuple[Step, Iterable[tuple[Any, ...]]]:
    """A policy gradient over episodes, a Categorical written by hand, normalised returns."""
    torch, nn, F = place.api, place.api.nn, place.api.nn.functional

    class Categorical:
        def __init__(self, logits: Any) -> None:
            self.logits = logits - logits.logsumexp(dim=-1, keepdim=True)

        def log_prob(self, value: Any) -> Any:
            return self.logits.gather(-1, value.unsqueeze(-1)).squeeze(-1)

        def entropy(self) -> Any:
            return -(self.logits * self.logits.exp()).sum(-1)

    class Policy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.affine = nn.Linear(4, 16)
            self.action, self.value = nn.Linear(16, 2), nn.Linear(16, 1)

        def forward(self, x: Any) -> Any:
            x = F.relu(self.affine(x))
            return Categorical(self.action(x)), self.value(x).squeeze(-1)

    policy = place.model(Policy())
    optimizer = torch.optim.RMSprop(policy.parameters(), lr=1e-2, alpha=0.9)

    @place.compile
    def step(states: Any, actions: Any, rewards: Any) -> Any:
        returns, total = [], torch.zeros((), dtype=rewards.dtype)
        for t in reversed(range(rewards.shape[0])):
            total = rewards[t] + 0.95 * total
            returns.insert(0, total)
        returns = torch.stack(returns)
        returns = (returns - returns.mean()) / (returns.std() + 1e-6)
        policies, values = policy(states)
        advantage = returns - values.detach()
        loss = -(policies.log_prob(actions) * advantage).mean()
        loss = loss + 0.5 * F.smooth_l1_loss(values, returns) - 0.01 * policies.entropy().mean()
        optimizer.zero_grad()
        loss.backward()
        for p in policy.parameters():
            p.grad.data.clamp_(-1, 1)
        optimizer.step()
        return loss

    return step, [(place.data(7, 4), place.classes(2, 7), place.data(7)) for _ in range(5)]


def penalty(place: Workplace) -> tuple[Step, Iterable[tuple[Any, ...]]]:
    """The gradient penalty of a Wasserstein critic: a gradient of a gradient's norm."""
    torch, nn = place.api, place.api.nn
    critic = place.model(
        nn.Sequential(nn.Linear(3, 8), nn.Softplus(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
    )
    optimizer = torch.optim.Adam(critic.parameters(), lr=5e-3, betas=(0.0, 0.9))

    @place.compile
    def step(real: Any, fake: Any, share: Any) -> Any:
        between = (share * real + (1 - share) * fake).requires_grad_(True)
        scores = critic(between)
        (slope,) = torch.autograd.grad(
            outputs=scores, inputs=between, grad_outputs=torch.ones_like(scores),
            create_graph=True, retain_graph=True, only_inputs=True,
        )  # fmt: skip
        term = ((slope.view(slope.size(0), -1).norm(2, dim=1) - 1) ** 2).mean()
        loss = critic(fake).mean() - critic(real).mean() + 10 * term
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, term

    return step, [
        (place.data(6, 3), place.data(6, 3), place.data(6, 1).sigmoid()) for _ in range(5)
    ]


def averaged(place: Workplace) -> tuple[Step, Iterable[tuple[Any, ...]]]:
    """A language model whose output shares the embedding, and an average of its weights."""
    torch, nn, F = place.api, place.api.nn, place.api.nn.functional

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(9, 6)
            self.rnn = nn.RNN(6, 6, nonlinearity="tanh", batch_first=True)
            self.norm = nn.LayerNorm(6)
            self.out = nn.Linear(6, 9, bias=False)
            self.out.weight = self.embed.weight

        def forward(self, x: Any) -> Any:
            h, _ = self.rnn(self.embed(x))
            return self.out(self.norm(h))

    model = place.model(Model())
    shadow = copy.deepcopy(model)
    for p in shadow.parameters():
        p.requires_grad_(False)
    optimizer = torch.optim.Adamax(model.parameters(), lr=1e-2)

    def loss_of(net: Any, x: Any) -> Any:
        logits = net(x[:, :-1])
        return F.cross_entropy(logits.reshape(-1, 9), x[:, 1:].reshape(-1))

    @place.compile
    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(model, x)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for mean, p in zip(shadow.parameters(), model.parameters(), strict=True):
                mean.mul_(0.9).add_(p, alpha=0.1)
            average = loss_of(shadow, x)
        return loss, average, loss.exp()

    return step, [(place.classes(9, 4, 6),) for _ in range(5)]


def stopping(place: Workplace) -> tuple[Step, Iterable[tuple[Any, ...]]]:
    """A search for the rate, then training with the best checkpoint kept and loaded."""
    torch, nn = place.api, place.api.nn
    model = place.model(nn.Sequential(nn.Linear(4, 8), nn.Mish(), nn.Linear(8, 1)))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    criterion = nn.SmoothL1Loss(beta=0.5)
    x, y = place.data(10, 4), place.data(10, 1)
    start = {k: v.clone() for k, v in model.state_dict().items()}

    @place.compile
    def train(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    @place.compile
    def evaluate(x: Any, y: Any) -> Any:
        with torch.no_grad():
            return criterion(model(x), y)

    found = []
    for exponent in range(4):
        optimizer.param_groups[0]["lr"] = 10.0 ** (exponent - 3)
        found.append(train(x, y).item())
    model.load_state_dict(start)
    best, buffer = float("inf"), io.BytesIO()

    def step(rate: float, xb: Any, yb: Any) -> Any:
        nonlocal best
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = train(xb, yb)
        score = evaluate(x, y)
        if score.item() < best:
            best = score.item()
            buffer.seek(0)
            buffer.truncate()
            held = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "best": best}
            torch.save(held, buffer)
        elif score.item() > best * 1.05:
            buffer.seek(0)
            held = torch.load(buffer)
            model.load_state_dict(held["model"])
            optimizer.load_state_dict(held["optimizer"])
        return loss, score, evaluate(x, y), *found

    rates = (0.1, 0.1, 2.0, 0.1, 3.0, 0.05)
    return step, [(rate, place.data(5, 4), place.data(5, 1)) for rate in rates]


PROGRAMS: dict[str, Program] = {
    f.__name__: f for f in (gan, seq2seq, reinforce, penalty, averaged, stopping)
}


def losses_of(program: Program, place: Workplace) -> np.ndarray:
    """Run a program in its dtype as the default one; return all losses."""
    before = place.api.get_default_dtype()
    place.api.set_default_dtype(place.float)
    try:
        step, batches = program(place)
        found: list[float] = []
        for batch in batches:
            out = step(*batch)
            for loss in out if isinstance(out, tuple) else (out,):
                found.append(float(loss.detach().sum() if hasattr(loss, "detach") else loss))
    finally:
        place.api.set_default_dtype(before)
    return np.array(found)
