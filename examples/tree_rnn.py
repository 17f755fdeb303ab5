"""A recursive network that evaluates logical expressions, each of which is a tree of its own.

Run: ``python examples/tree_rnn.py`` (``--eager`` for the other frontend: the same bits), and
``python examples/tree_rnn.py --costs`` to measure what each way costs.

The walk over a tree is Python. Eagerly it simply runs. Compiled it runs while tracing: the shape of
the tree is an argument, and each new shape makes a new trace. That pays when few shapes come often.
When most are new, run eagerly, or go by levels: nodes of equal height, from all trees of a batch,
are computed together, and rooms for nodes that are not there make all batches alike: one trace.

The model: R. Socher et al., Parsing Natural Scenes and Natural Language with Recursive Neural
Networks, 2011. The levels: M. Looks et al., Deep Learning with Dynamic Computation Graphs, 2017.
"""

import random
import sys
import time
import warnings
from itertools import accumulate
from statistics import mean, median

import dualgraph as dg
import dualgraph.nn.functional as F
from dualgraph import nn, optim

OPERATORS = {
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "xor": lambda a, b: a != b,
}
SYMBOLS = [False, True, *OPERATORS]
BATCH = 32


def make_tree(leaves, rng):
    """Return True, False, or (operator, left tree, right tree)."""
    if leaves == 1:
        return rng.choice((False, True))
    left = rng.randint(1, leaves - 1)
    return rng.choice(list(OPERATORS)), make_tree(left, rng), make_tree(leaves - left, rng)


def evaluate(tree):
    """Return what the network is to learn."""
    if isinstance(tree, bool):
        return tree
    operator, left, right = tree
    return OPERATORS[operator](evaluate(left), evaluate(right))


def encode(tree):
    """Return the shape, () or (left, right), and the symbols' numbers, each node before its parts.

    >>> encode(("or", True, ("and", True, False)))
    (((), ((), ())), [3, 1, 2, 1, 0])
    """
    if isinstance(tree, bool):
        return (), [SYMBOLS.index(tree)]
    (left, some), (right, others) = encode(tree[1]), encode(tree[2])
    return (left, right), [SYMBOLS.index(tree[0]), *some, *others]


class TreeRNN(nn.Module):
    """Logits of False and True for a tree, from a vector for each of its nodes."""

    def __init__(self, width):
        super().__init__()
        self.symbol = nn.Embedding(len(SYMBOLS), width)
        self.left = nn.Linear(width, width)
        self.right = nn.Linear(width, width, bias=False)
        self.head = nn.Linear(width, 2)

    def node(self, symbol, left, right):
        return dg.tanh(symbol + self.left(left) + self.right(right))

    def forward(self, shape, symbols):
        """Walk over one tree."""
        vectors = iter(self.symbol(symbols).split(1))

        def walk(shape):
            symbol = next(vectors)
            if not shape:
                return dg.tanh(symbol)
            left, right = shape
            return self.node(symbol, walk(left), walk(right))

        return self.head(walk(shape))

    def forward_levels(self, symbols, children, roots):
        """Compute all nodes of equal height together; for arguments see `levels`."""
        vectors = dg.tanh(self.symbol(symbols[0]))
        for symbol, pair in zip(symbols[1:], children, strict=True):
            left, right = vectors[pair[:, 0]], vectors[pair[:, 1]]
            vectors = dg.cat((vectors, self.node(self.symbol(symbol), left, right)))
        return self.head(vectors[roots])


def levels(trees, leaves):
    """Return the symbols and the rows of both children for every height, and the rows of the roots.

    A node of height h has at least h + 1 leaves below it, so that each tree has room for
    leaves // (h + 1) of them; rooms that stay empty hold a node that nobody reads.
    """
    rooms = [len(trees) * (leaves // (height + 1)) for height in range(leaves)]
    starts = [0, *accumulate(rooms)]
    symbols, children = [[] for _ in rooms], [[] for _ in rooms]

    def place(tree):
        """Return the height and the row of a tree."""
        if isinstance(tree, bool):
            height, pair, symbol = 0, (0, 0), tree
        else:
            symbol, *parts = tree
            heights, pair = zip(*map(place, parts), strict=True)
            height = max(heights) + 1
        symbols[height].append(SYMBOLS.index(symbol))
        children[height].append(pair)
        return height, starts[height] + len(symbols[height]) - 1

    roots = [place(tree)[1] for tree in trees]
    for room, numbers, pairs in zip(rooms, symbols, children, strict=True):
        numbers += [0] * (room - len(numbers))
        pairs += [(0, 0)] * (room - len(pairs))
    return [dg.tensor(s) for s in symbols], [dg.tensor(c) for c in children[1:]], dg.tensor(roots)


def by_tree(trees, leaves):
    """Yield the arguments of a step for each tree."""
    for tree in trees:
        shape, symbols = encode(tree)
        yield (shape, dg.tensor(symbols)), dg.tensor([int(evaluate(tree))])


def by_level(trees, leaves):
    """Yield the arguments of a step for each full batch of trees."""
    for start in range(0, len(trees) - BATCH + 1, BATCH):
        batch = trees[start : start + BATCH]
        yield levels(batch, leaves), dg.tensor([int(evaluate(tree)) for tree in batch])


def trees_of(count, leaves, seed):
    """Return random trees with 2 to ``leaves`` leaves."""
    rng = random.Random(seed)
    return [make_tree(rng.randint(2, leaves), rng) for _ in range(count)]


def train(step, samples):
    """Return the loss and the seconds of every step."""
    losses, seconds = [], []
    for arguments, target in samples:
        start = time.perf_counter()
        losses.append(step(arguments, target).item())
        seconds.append(time.perf_counter() - start)
    return losses, seconds


def prepare(eager, batched, width=32):
    """Return a model and its training step."""
    dg.manual_seed(0)
    model = TreeRNN(width)
    optimizer = optim.Adam(model.parameters(), lr=1e-2 if batched else 3e-3)
    forward = model.forward_levels if batched else model

    def step(arguments, target):
        optimizer.zero_grad()
        loss = F.cross_entropy(forward(*arguments), target)
        loss.backward()
        optimizer.step()
        return loss

    return model, step if eager else dg.compile(step)


def main(eager=False, batched=False, count=2000, leaves=5, epochs=1):
    """Train tree by tree, or by levels; return (losses, part of new trees that is right, model)."""
    trees, new_trees = trees_of(count, leaves, seed=0), trees_of(200, leaves, seed=1)
    model, step = prepare(eager, batched)
    losses = []
    for _ in range(epochs):
        losses += train(step, (by_level if batched else by_tree)(trees, leaves))[0]
    with dg.no_grad():
        right = [
            model(*arguments).argmax(1) == target
            for arguments, target in by_tree(new_trees, leaves)
        ]
    return losses, dg.cat(right).float().mean().item(), model


def costs(count, leaves):
    """Train on the same trees in every way, and print what it took."""
    trees = trees_of(count, leaves, seed=0)
    shapes = len({encode(tree)[0] for tree in trees})
    print(f"{count} trees of 2 to {leaves} leaves, {shapes} shapes")
    for batched, samples in ((False, by_tree), (True, by_level)):
        for eager in (True, False):
            _, step = prepare(eager, batched)
            _, seconds = train(step, samples(trees, leaves))
            way = f"{'levels' if batched else 'tree by tree'}, {'eager' if eager else 'compiled'}"
            print(f"  {way:22} {sum(seconds):6.2f} s, a step {median(seconds) * 1e3:6.3f} ms")
            if not eager:
                each = [1e3 * sum(trace.timings.values()) for trace in step.traces]
                print(f"    traces: {step.made} of {mean(each):.0f} ms, {len(each)} kept")
                print(f"    the last one: {step.traces[-1].reason}")


if __name__ == "__main__":
    # A shape that is new is no accident here.
    warnings.simplefilter("ignore", dg.errors.RetraceWarning)
    if "--costs" in sys.argv:
        for most in (4, 8):
            costs(500, most)
    else:
        losses, accuracy, _ = main("--eager" in sys.argv)
        print(f"loss {losses[-1]!r}, {accuracy:.1%} of new trees right")
        losses, accuracy, _ = main("--eager" in sys.argv, batched=True, epochs=10)
        print(f"by levels: loss {losses[-1]!r}, {accuracy:.1%} of new trees right")
